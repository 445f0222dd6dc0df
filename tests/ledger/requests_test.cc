// Requests for more: what may happen to one in each of its states, what an approval grants and who
// may grant it, what ends a request without a decision, and the answer to an episode.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

using State = IncreaseState;

MemberChange RoleOf(const std::string& member_id, MemberRole role) {
  MemberChange change = ChangeOf(member_id);
  change.role = role;
  return change;
}

// "seats" with an owner, an admin and ann, who spent her included 25 and her limit of 10; the
// organization's limit is 100.
class Office : public TestWallet {
 public:
  Office() : TestWallet("seats") {
    Do(UpsertMembersCommand{
        {RoleOf("olga", MemberRole::kPrimaryOwner), RoleOf("adam", MemberRole::kAdmin),
         RoleOf("bill", MemberRole::kBilling), RoleOf("ann", MemberRole::kMember)}});
    ExtraForEveryone().LimitOrganization(Dollars(100)).LimitMember("ann", Dollars(10));
    Record("ann", Dollars(35));
  }
};

CreateIncreaseRequestCommand AskFor(IncreaseKind kind, const std::string& member_id = "ann") {
  CreateIncreaseRequestCommand command;
  command.member_id = member_id;
  command.kind = kind;
  command.surface = "chat";
  command.reason = "the release is tomorrow";
  return command;
}

CreateIncreaseRequestCommand AskForLimit(Nanos amount, const std::string& member_id = "ann") {
  CreateIncreaseRequestCommand command = AskFor(IncreaseKind::kHigherLimit, member_id);
  command.amount = amount;
  return command;
}

ApproveIncreaseRequestCommand Approval(int64_t sequence, const std::string& reviewer_id,
                                       std::optional<Nanos> amount = std::nullopt) {
  ApproveIncreaseRequestCommand command;
  command.sequence = sequence;
  command.reviewer = {reviewer_id};
  command.amount = amount;
  return command;
}

DenyIncreaseRequestCommand DenialOf(int64_t sequence, const std::string& reviewer_id = "adam") {
  return {sequence, {reviewer_id}, "not this month"};
}

// The state of a request now.
State StateOf(const TestWallet& wallet, int64_t sequence) {
  return wallet.wallet().requests.at(sequence).state;
}

int64_t Ask(TestWallet& wallet, const CreateIncreaseRequestCommand& command) {
  const AdministrationOutcome outcome = wallet.Do(command);
  return outcome.request.has_value() ? outcome.request->sequence : 0;
}

// A request of ann's for a limit of 50, in that state.
int64_t BringTo(TestWallet& wallet, State state) {
  const int64_t request = Ask(wallet, AskForLimit(Dollars(50)));
  switch (state) {
    case State::kPending:
      break;
    case State::kEscalated:
      wallet.Do(Approval(request, "adam", Dollars(500)));
      break;
    case State::kApproved:
      wallet.Do(Approval(request, "olga"));
      break;
    case State::kDenied:
      wallet.Do(DenialOf(request));
      break;
    case State::kCancelled:
      wallet.Do(CancelIncreaseRequestCommand{request, "ann"});
      break;
    case State::kSuperseded:
      wallet.LimitMember("ann", Dollars(60));
      break;
  }
  EXPECT_EQ(StateOf(wallet, request), state);
  return request;
}

// What somebody does about a request; the refusal's reason, or "OK".
using Event = std::function<std::string(TestWallet&, int64_t)>;

std::map<std::string, Event> Events() {
  return {
      {"asks again",
       [](TestWallet& wallet, int64_t) {
         return RefusalReason(wallet.Administer(AskForLimit(Dollars(90))));
       }},
      {"an owner approves",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(Approval(request, "olga", Dollars(500))));
       }},
      {"an operator approves",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(Approval(request, "", Dollars(500))));
       }},
      {"an admin approves within the organization's limit",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(Approval(request, "adam", Dollars(100))));
       }},
      {"an admin approves beyond it",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(Approval(request, "adam", Dollars(101))));
       }},
      {"an admin denies",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(DenialOf(request)));
       }},
      {"the member cancels",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(CancelIncreaseRequestCommand{request, "ann"}));
       }},
      {"another member cancels",
       [](TestWallet& wallet, int64_t request) {
         return RefusalReason(wallet.Administer(CancelIncreaseRequestCommand{request, "bill"}));
       }},
      {"somebody raises directly",
       [](TestWallet& wallet, int64_t) {
         return RefusalReason(wallet.Administer(LimitOf(Scope::kMember, "ann", Dollars(70))));
       }},
      {"the member is removed",
       [](TestWallet& wallet, int64_t) {
         wallet.SetStatus("ann", AccountStatus::kRemoved);
         return std::string("OK");
       }},
      {"time passes",
       [](TestWallet& wallet, int64_t) {
         wallet.Advance(absl::Hours(24 * 400)).WriteDues();
         return std::string("OK");
       }},
  };
}

struct Row {
  State state;
  std::string event;
  std::string answer;  // "OK" or the reason of the refusal.
  State after;
};

std::vector<Row> Table() {
  std::vector<Row> rows;
  for (const State open : {State::kPending, State::kEscalated}) {
    rows.push_back({open, "asks again", "OK", open});
    rows.push_back({open, "an owner approves", "OK", State::kApproved});
    rows.push_back({open, "an operator approves", "OK", State::kApproved});
    rows.push_back(
        {open, "an admin approves within the organization's limit", "OK", State::kApproved});
    rows.push_back({open, "an admin approves beyond it", "OK", State::kEscalated});
    rows.push_back({open, "an admin denies", "OK", State::kDenied});
    rows.push_back({open, "the member cancels", "OK", State::kCancelled});
    rows.push_back({open, "another member cancels", "INCREASE_REQUEST_NOT_FOUND", open});
    rows.push_back({open, "somebody raises directly", "OK", State::kSuperseded});
    rows.push_back({open, "the member is removed", "OK", State::kCancelled});
    rows.push_back({open, "time passes", "OK", open});
  }
  for (const State final :
       {State::kApproved, State::kDenied, State::kCancelled, State::kSuperseded}) {
    const bool cools_down = final == State::kDenied;
    rows.push_back({final, "asks again", cools_down ? "REQUEST_COOL_DOWN" : "OK", final});
    for (const char* event :
         {"an owner approves", "an operator approves",
          "an admin approves within the organization's limit", "an admin approves beyond it",
          "an admin denies", "the member cancels"}) {
      rows.push_back({final, event, "INCREASE_REQUEST_DECIDED", final});
    }
    rows.push_back({final, "another member cancels", "INCREASE_REQUEST_NOT_FOUND", final});
    rows.push_back({final, "somebody raises directly", "OK", final});
    rows.push_back({final, "the member is removed", "OK", final});
    rows.push_back({final, "time passes", "OK", final});
  }
  return rows;
}

// Rules: Q1, Q2, Q3
TEST(Requests, MoveFromEveryStateByEveryEventAsTheTableSays) {
  const std::map<std::string, Event> events = Events();
  const std::vector<Row> table = Table();
  ASSERT_EQ(table.size(), 6 * events.size());
  for (const Row& row : table) {
    SCOPED_TRACE(testing::Message()
                 << "state " << static_cast<int>(row.state) << ", " << row.event);
    Office office;
    const int64_t request = BringTo(office, row.state);
    const size_t before = office.entries().size();
    EXPECT_EQ(events.at(row.event)(office, request), row.answer);
    EXPECT_EQ(StateOf(office, request), row.after);
    // A refusal leaves no entry.
    if (row.answer != "OK") {
      EXPECT_EQ(office.entries().size(), before);
    }
  }
}

// Rules: Q1
TEST(Requests, AreOneAtATimeForAMember) {
  Office office;
  const AdministrationOutcome first = office.Do(AskForLimit(Dollars(50)));
  EXPECT_FALSE(first.request_existed);
  EXPECT_EQ(first.request->reason, "the release is tomorrow");
  const AdministrationOutcome second = office.Do(AskFor(IncreaseKind::kHigherSeat));
  EXPECT_TRUE(second.request_existed);
  EXPECT_EQ(second.request, first.request);
  EXPECT_EQ(office.Count<IncreaseRequested>(), 1);
  EXPECT_EQ(office.header().open_request_count, 1);
}

// Rules: Q2, X5, A4
TEST(Requests, ThatAreApprovedActWithTheSameEntries) {
  Office office;
  ASSERT_FALSE(office.Check("ann").admitted);
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  const size_t before = office.entries().size();
  const AdministrationOutcome outcome = office.Do(Approval(request, "adam"));
  EXPECT_EQ(outcome.request->state, State::kApproved);
  EXPECT_EQ(outcome.request->granted_amount, Dollars(50));
  // The limit, the decision, and no digest any more.
  ASSERT_EQ(office.entries().size(), before + 3);
  EXPECT_EQ(office.Bodies<SpendLimitSet>().back().changes[0].before, "10.00");
  EXPECT_TRUE(office.Check("ann").admitted);
  EXPECT_EQ(office.header().open_request_count, 0);
  EXPECT_FALSE(office.member("ann").requests.has_value());
}

// Rules: Q2
TEST(Requests, ThatAreEscalatedKeepWhatTheAdminWouldGrant) {
  Office office;
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  const AdministrationOutcome outcome = office.Do(Approval(request, "adam", Dollars(500)));
  EXPECT_EQ(outcome.request->state, State::kEscalated);
  EXPECT_EQ(office.member("ann").limit->amount, Dollars(10));
  // An owner needs to name no amount then.
  EXPECT_EQ(office.Do(Approval(request, "olga")).request->granted_amount, Dollars(500));
  EXPECT_EQ(office.member("ann").limit->amount, Dollars(500));
}

// Rules: Q2, L4
TEST(Requests, ThatAreEscalatedForATimeAreGrantedForGoodByAnAmount) {
  Office office;
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  ApproveIncreaseRequestCommand proposal = Approval(request, "adam", Dollars(500));
  proposal.expires_at = office.now() + absl::Hours(1);
  EXPECT_EQ(office.Do(proposal).request->granted_until, proposal.expires_at);
  // The admin changes its mind.
  proposal.amount = Dollars(400);
  EXPECT_EQ(office.Do(proposal).request->granted_amount, Dollars(400));
  const size_t entries = office.entries().size();
  office.Do(proposal);
  EXPECT_EQ(office.entries().size(), entries) << "the same again is nothing new";
  office.Advance(absl::Hours(2));
  EXPECT_EQ(RefusedFields(office.Administer(Approval(request, "olga")).status()),
            std::vector<std::string>{"amount"})
      << "the time that was proposed is over";
  const AdministrationOutcome granted = office.Do(Approval(request, "olga", Dollars(90)));
  EXPECT_EQ(granted.request->granted_until, absl::InfiniteFuture());
  EXPECT_EQ(office.member("ann").limit->amount, Dollars(90));
}

// Rules: Q2, L4
TEST(Requests, AreNotGrantedSoThatARaiseEndsEarlier) {
  Office office;
  SetSpendLimitCommand raise = LimitOf(Scope::kMember, "ann", Dollars(50));
  raise.expires_at = office.now() + absl::Hours(1);
  office.Do(raise);
  const int64_t request = Ask(office, AskForLimit(Dollars(60)));
  ApproveIncreaseRequestCommand approval = Approval(request, "olga", Dollars(60));
  approval.expires_at = office.now() + absl::Seconds(3);
  EXPECT_EQ(RefusedFields(office.Administer(approval).status()),
            std::vector<std::string>{"expire_time"});
  approval.expires_at = office.now() + absl::Hours(1);
  EXPECT_EQ(office.Do(approval).request->state, State::kApproved);
}

// Rules: Q2, A3
TEST(Requests, AreDecidedByActiveAdminsAndOwnersOnly) {
  Office office;
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  for (const char* nobody : {"bill", "ann", "stranger"}) {
    EXPECT_EQ(office.Administer(Approval(request, nobody)).status().code(),
              absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(office.Administer(DenialOf(request, nobody)).status().code(),
              absl::StatusCode::kPermissionDenied);
  }
  office.SetStatus("adam", AccountStatus::kSuspended);
  EXPECT_EQ(RefusalReason(office.Administer(Approval(request, "adam"))), "PERMISSION_DENIED");
  EXPECT_EQ(StateOf(office, request), State::kPending);
}

// Rules: Q2, X1
TEST(Requests, ForExtraUsageAreGrantedByOwnersToOneMemberAlone) {
  Office office;
  office.ExtraOff();
  const int64_t request = Ask(office, AskFor(IncreaseKind::kExtraUsage));
  office.Do(Approval(request, "adam"));
  EXPECT_EQ(StateOf(office, request), State::kEscalated);
  EXPECT_FALSE(office.header().extra_enabled);
  office.Do(Approval(request, "olga"));
  EXPECT_TRUE(office.header().extra_enabled);
  EXPECT_EQ(office.header().audience, ExtraUsageAudience::kSelected);
  EXPECT_EQ(office.header().selected_count, 1);
  EXPECT_EQ(office.Check("ann").denial->reason, DenialReason::kMemberLimitReached);
}

// Rules: Q2, X1
TEST(Requests, ForExtraUsageLeaveThoseSelectedWhoAre) {
  Office office;
  office.ExtraFor({"bill"});
  const int64_t request = Ask(office, AskFor(IncreaseKind::kExtraUsage));
  office.Do(Approval(request, "olga"));
  EXPECT_EQ(office.header().selected_count, 2);
  EXPECT_EQ(office.member("bill").selection_generation, office.header().selection_generation);
  EXPECT_EQ(office.member("ann").selection_generation, office.header().selection_generation);
}

// Rules: Q2, O5
TEST(Requests, ForASeatAreGrantedByOwnersAtOnce) {
  Office office;
  const int64_t request = Ask(office, AskFor(IncreaseKind::kHigherSeat));
  EXPECT_EQ(office.wallet().requests.at(request).asked_tier_id, "premium");
  office.Do(Approval(request, "adam"));
  EXPECT_EQ(StateOf(office, request), State::kEscalated);
  EXPECT_EQ(office.member("ann").tier_id, "standard");
  office.Do(Approval(request, "olga"));
  EXPECT_EQ(office.member("ann").tier_id, "premium");
  EXPECT_TRUE(office.Check("ann").admitted);
}

// Rules: Q3
TEST(Requests, ThatAreDeniedCannotBeAskedAgainBeforeTheCoolDownEnds) {
  Office office;
  office.Do(DenialOf(Ask(office, AskForLimit(Dollars(50)))));
  const absl::Time again = office.now() + kShippedRequestCoolDown;
  const auto refused = office.Administer(AskForLimit(Dollars(50)));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Metadata(refused.status()).at(0).second, "2026-12-01T10:00:00Z");
  EXPECT_NE(refused.status().message().find("2026-12-01T10:00:00Z"), std::string::npos);
  office.MoveTo(again - absl::Nanoseconds(1));
  EXPECT_EQ(RefusalReason(office.Administer(AskForLimit(Dollars(50)))), "REQUEST_COOL_DOWN");
  office.MoveTo(again);
  EXPECT_TRUE(office.Administer(AskForLimit(Dollars(50))).ok());
}

// Rules: Q3
TEST(Requests, CoolDownIsWhatTheOrganizationSaysNow) {
  Office office;
  office.Do(DenialOf(Ask(office, AskForLimit(Dollars(50)))));
  UpdateOrganizationCommand update;
  update.request_cool_down = absl::ZeroDuration();
  office.Do(update);
  EXPECT_TRUE(office.Administer(AskForLimit(Dollars(50))).ok());
  for (const absl::Duration out_of_range :
       {-absl::Seconds(1), kMaxRequestCoolDown + absl::Seconds(1)}) {
    update.request_cool_down = out_of_range;
    EXPECT_EQ(RefusedFields(office.Administer(update).status()),
              std::vector<std::string>{"organization.request_cool_down"});
  }
}

// Rules: Q2
TEST(Requests, StayOpenWhereADirectChangeUnblocksNothing) {
  Office office;
  office.Record("ann", Dollars(10));
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  office.LimitMember("ann", Dollars(15));
  EXPECT_EQ(StateOf(office, request), State::kPending);
  office.LimitMember("ann", Dollars(5));
  EXPECT_EQ(StateOf(office, request), State::kPending);
  office.LimitMember("ann", std::nullopt);
  EXPECT_EQ(StateOf(office, request), State::kSuperseded);
}

// Rules: Q2
TEST(Requests, AreSupersededByWhateverUnblocksTheMember) {
  Office office;
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  office.MoveToTier("ann", "premium");
  EXPECT_EQ(StateOf(office, request), State::kSuperseded);
  EXPECT_TRUE(office.Check("ann").admitted);
}

// Rules: Q2
TEST(Requests, AreSupersededByARaiseForEverybody) {
  Office office;
  office.LimitMember("ann", std::nullopt).LimitOrganization(Dollars(10));
  const int64_t limit = Ask(office, AskFor(IncreaseKind::kHigherLimit));
  office.LimitOrganization(Dollars(20));
  EXPECT_EQ(StateOf(office, limit), State::kSuperseded);
  office.ExtraOff();
  const int64_t extra = Ask(office, AskFor(IncreaseKind::kExtraUsage));
  const int64_t others = Ask(office, AskFor(IncreaseKind::kExtraUsage, "bill"));
  office.ExtraFor({"ann"});
  EXPECT_EQ(StateOf(office, extra), State::kSuperseded);
  EXPECT_EQ(StateOf(office, others), State::kPending);
  office.ExtraForEveryone();
  EXPECT_EQ(StateOf(office, others), State::kSuperseded);
}

// Rules: Q1
TEST(Requests, AreRefusedWhereThereIsNothingToAskFor) {
  Office office;
  EXPECT_EQ(RefusalReason(office.Administer(AskFor(IncreaseKind::kExtraUsage))), "NOTHING_TO_ASK");
  office.MoveToTier("ann", "premium");
  EXPECT_EQ(RefusalReason(office.Administer(AskFor(IncreaseKind::kHigherSeat))), "NOTHING_TO_ASK");
  office.LimitMember("ann", std::nullopt).LimitOrganization(std::nullopt);
  EXPECT_EQ(RefusalReason(office.Administer(AskFor(IncreaseKind::kHigherLimit))), "NOTHING_TO_ASK");
  office.SetStatus("ann", AccountStatus::kSuspended);
  EXPECT_EQ(RefusalReason(office.Administer(AskFor(IncreaseKind::kHigherLimit))),
            "MEMBER_NOT_ACTIVE");
  EXPECT_EQ(RefusalReason(office.Administer(AskFor(IncreaseKind::kHigherLimit, "stranger"))),
            "MEMBER_NOT_FOUND");
  TestWallet metered("usage");
  metered.AddMember("ann");
  EXPECT_EQ(RefusalReason(metered.Administer(AskFor(IncreaseKind::kExtraUsage))),
            "EXTRA_USAGE_NOT_APPLICABLE");
}

// Rules: Q1, M2
TEST(Requests, NameTheFieldThatIsNoIncrease) {
  Office office;
  const auto fields = [&](const CreateIncreaseRequestCommand& command) {
    return RefusedFields(office.Administer(command).status());
  };
  EXPECT_EQ(fields(AskForLimit(Dollars(10))), std::vector<std::string>{"amount"});
  EXPECT_EQ(fields(AskForLimit(Nanos())), std::vector<std::string>{"amount"});
  CreateIncreaseRequestCommand command = AskForLimit(Dollars(50));
  command.currency_code = "EUR";
  EXPECT_EQ(fields(command), std::vector<std::string>{"amount.currency_code"});
  command = AskFor(IncreaseKind::kHigherSeat);
  command.tier_id = "standard";
  EXPECT_EQ(fields(command), std::vector<std::string>{"seat_tier"});
  command.kind = IncreaseKind::kHigherLimit;
  EXPECT_EQ(fields(command), std::vector<std::string>{"seat_tier"});
  command = AskFor(IncreaseKind::kHigherSeat);
  command.amount = Dollars(50);
  EXPECT_EQ(fields(command), std::vector<std::string>{"amount"});
  EXPECT_EQ(office.Count<IncreaseRequested>(), 0);
}

// Rules: Q2, L4
TEST(Requests, AreNotApprovedWithFieldsThatMakeNoSense) {
  Office office;
  const int64_t request = Ask(office, AskFor(IncreaseKind::kHigherLimit));
  const auto fields = [&](const ApproveIncreaseRequestCommand& command) {
    return RefusedFields(office.Administer(command).status());
  };
  EXPECT_EQ(fields(Approval(request, "olga")), std::vector<std::string>{"amount"});
  EXPECT_EQ(fields(Approval(request, "olga", Dollars(10))), std::vector<std::string>{"amount"});
  ApproveIncreaseRequestCommand command = Approval(request, "olga", Dollars(50));
  command.currency_code = "EUR";
  EXPECT_EQ(fields(command), std::vector<std::string>{"amount.currency_code"});
  office.LimitMember("ann", Dollars(5)).Do(CancelIncreaseRequestCommand{request, "ann"});
  const int64_t seat = Ask(office, AskFor(IncreaseKind::kHigherSeat));
  command = Approval(seat, "olga", Dollars(50));
  command.expires_at = office.now() + absl::Hours(1);
  EXPECT_EQ(fields(command), (std::vector<std::string>{"amount", "expire_time"}));
}

// Rules: Q1
TEST(Requests, AreBoundedForAnOrganization) {
  Office office;
  Wallet full = office.wallet();
  full.header.open_request_count = kMaxOpenRequests;
  const auto refused = Decide(full, AskForLimit(Dollars(50)), office.context());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused.status()), "TOO_MANY_INCREASE_REQUESTS");
}

// Rules: Q1, O6
TEST(Requests, CreateTheMemberThatIsProvisionedByThem) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  const int64_t request = Ask(wallet, AskFor(IncreaseKind::kExtraUsage, "new"));
  EXPECT_EQ(wallet.wallet().requests.at(request).sequence, request);
  EXPECT_EQ(wallet.member("new").OpenRequest()->sequence, request);
}

// Rules: D2, Q1, Q3
TEST(Requests, ShowTheirStateInTheDenial) {
  Office office;
  const auto ask_remedy = [&] {
    const CheckAdmissionOutcome outcome = office.Check("ann");
    for (const Remedy& remedy : outcome.denial->remedies) {
      if (remedy.kind == RemedyKind::kAskAdmin) return remedy;
    }
    ADD_FAILURE() << "nobody to ask";
    return Remedy();
  };
  EXPECT_EQ(ask_remedy().increase_kind, IncreaseKind::kHigherLimit);
  EXPECT_EQ(ask_remedy().request_sequence, 0);
  office.Advance(absl::Seconds(30));
  const int64_t request = Ask(office, AskForLimit(Dollars(50)));
  EXPECT_EQ(ask_remedy().description,
            "Request sent to admin; you asked on 1 Nov 2026, 10:00 (UTC).");
  EXPECT_EQ(ask_remedy().request_sequence, request);
  office.Do(Approval(request, "adam", Dollars(500)));
  EXPECT_EQ(ask_remedy().request_state, State::kEscalated);
  office.Do(DenialOf(request, "olga"));
  const Remedy denied = ask_remedy();
  EXPECT_EQ(denied.description,
            "Your request was declined; you can ask again from 1 Dec 2026, 10:01 (UTC).");
  EXPECT_EQ(denied.request_state, State::kDenied);
  EXPECT_EQ(denied.admin_note, "not this month");
  EXPECT_EQ(denied.available_at, At("2026-12-01T10:00:30Z"));
}

// Rules: N6
TEST(EpisodeAnswer, IsCarriedByEveryDenialOfTheEpisodeAndEndsWithIt) {
  Office office;
  const AnswerEpisodeCommand working{EpisodeAnswerKind::kWorkingOnIt, "Back by noon."};
  EXPECT_EQ(RefusalReason(office.Administer(working)), "NO_OPEN_EPISODE");
  office.LimitMember("ann", std::nullopt).LimitOrganization(Dollars(10));
  EXPECT_EQ(office.Check("ann").denial->admin_answer, "");
  office.Do(working);
  EXPECT_EQ(office.Check("ann").denial->admin_answer, "We are working on it. Back by noon.");
  // The same again is nothing new; another replaces it.
  const size_t before = office.entries().size();
  office.Do(working);
  EXPECT_EQ(office.entries().size(), before);
  office.Do(AnswerEpisodeCommand{EpisodeAnswerKind::kWaitingForReset, ""});
  EXPECT_EQ(office.Check("ann").denial->admin_answer, "We wait for the reset.");
  EXPECT_EQ(
      RefusedFields(office.Administer(AnswerEpisodeCommand{EpisodeAnswerKind::kNote, ""}).status()),
      std::vector<std::string>{"note"});
  // What is not the pool's fault does not carry it.
  office.LimitMember("ann", Dollars(1));
  EXPECT_EQ(office.Check("ann").denial->admin_answer, "");
  office.LimitMember("ann", std::nullopt).LimitOrganization(Dollars(11)).Record("ann", Dollars(1));
  EXPECT_EQ(office.Check("ann").denial->admin_answer, "");
}

}  // namespace
}  // namespace bursar
