// Denials: every reason is reached, and its banner, end, and remedies are said word for word. The
// test prints them, for people who want to read what a blocked member is told.
#include "server/ledger/denial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

const char* NameOf(RemedyKind kind) {
  static constexpr const char* kNames[] = {
      "?",           "wait",          "ask admin",       "buy credit",
      "raise limit", "enable extra",  "higher seat",     "own plan",
      "own API key", "confirm extra", "lift suspension", "smaller estimate"};
  return kNames[static_cast<int>(kind)];
}

const char* NameOf(RemedyActor actor) {
  static constexpr const char* kNames[] = {"?", "yourself", "an administrator", "time"};
  return kNames[static_cast<int>(actor)];
}

std::string TimeText(absl::Time instant) {
  if (instant == absl::InfiniteFuture()) return "never by time alone";
  return absl::FormatTime("%Y-%m-%d %H:%M:%E*S", instant, absl::UTCTimeZone());
}

void Print(const char* name, const Denial& denial) {
  std::printf("%s (%s, HTTP %d)\n  banner       %s\n  explanation  %s\n  ends         %s%s\n", name,
              bursar::NameOf(denial.reason).c_str(), denial.http_status, denial.message.c_str(),
              denial.explanation.c_str(), TimeText(denial.ends_at).c_str(),
              denial.retry_helps ? " (trying again helps)" : "");
  for (const Remedy& remedy : denial.remedies) {
    const std::string cost = remedy.cost.has_value() ? FormatAmount(*remedy.cost) : "-";
    std::printf("  %-16s  %-16s  %8s  %s\n", NameOf(remedy.kind), NameOf(remedy.actor),
                cost.c_str(), remedy.description.c_str());
  }
  std::printf("\n");
}

// The kinds, best first: "ask admin, enable extra, wait".
std::string RemedyKinds(const Denial& denial) {
  std::string kinds;
  for (const Remedy& remedy : denial.remedies) {
    kinds += std::string(kinds.empty() ? "" : ", ") + NameOf(remedy.kind);
  }
  return kinds;
}

// A denial and how a wallet comes to it.
struct DenialCase {
  const char* name;
  DenialReason reason;
  const char* plan;
  void (*prepare)(TestWallet& wallet);  // Besides adding "ann".
  std::optional<Nanos> estimate;
  const char* surface;

  const char* banner;
  const char* ends_at;  // RFC 3339, or "" for never.
  const char* remedies;
  Scope scope;
  Bucket bucket;
  int http_status;
};

void PrintTo(const DenialCase& denial, std::ostream* out) { *out << denial.name; }

constexpr char kPoolIsOut[] = "Your org is out of extra usage. We let your admin know.";

const DenialCase kDenials[] = {
    {"OrganizationSuspended", DenialReason::kOrganizationSuspended, "seats",
     [](TestWallet& w) {
       UpdateOrganizationCommand command;
       command.status = AccountStatus::kSuspended;
       w.Do(command);
     },
     std::nullopt, "chat", "The wallet of Acme is suspended.", "", "lift suspension",
     Scope::kOrganization, Bucket::kIncluded, 403},
    {"MemberSuspended", DenialReason::kMemberSuspended, "seats",
     [](TestWallet& w) { w.SetStatus("ann", AccountStatus::kSuspended); }, std::nullopt, "chat",
     "Your seat at Acme is not active.", "", "lift suspension", Scope::kMember, Bucket::kIncluded,
     403},
    {"MemberRemoved", DenialReason::kMemberSuspended, "usage",
     [](TestWallet& w) { w.SetStatus("ann", AccountStatus::kRemoved); }, std::nullopt, "chat",
     "You are no longer a member of Acme.", "", "lift suspension", Scope::kMember, Bucket::kMetered,
     403},
    {"ExtraUsageDisabled", DenialReason::kExtraUsageDisabled, "seats",
     [](TestWallet& w) { w.Record("ann", Dollars(25)); }, std::nullopt, "chat",
     "You used up your monthly included usage (25.00 USD) until 1 Dec 2026, 10:00 (UTC), and extra "
     "usage is off.",
     "2026-12-01T10:00:00Z", "ask admin, own API key, enable extra, higher seat, wait",
     Scope::kMember, Bucket::kIncluded, 429},
    {"ExtraUsageDisabledForWhatIsNotIncluded", DenialReason::kExtraUsageDisabled, "team",
     [](TestWallet&) {}, std::nullopt, "batch",
     "This model or surface is not part of your included usage, and extra usage is off.", "",
     "ask admin, own API key, enable extra", Scope::kOrganization, Bucket::kExtra, 429},
    {"MemberNotSelected", DenialReason::kMemberNotSelected, "team",
     [](TestWallet& w) {
       w.AddMember("bob").ExtraFor({"bob"}).Grant(Dollars(10)).Record("ann", Dollars(5));
     },
     std::nullopt, "chat",
     "You used up your included usage of this five-hour session (5.00 USD) until 1 Nov 2026, 15:00 "
     "(UTC), and extra usage is not switched on for you.",
     "2026-11-01T15:00:00Z", "ask admin, own API key, enable extra, wait, higher seat",
     Scope::kMember, Bucket::kIncluded, 429},
    {"MemberLimitReached", DenialReason::kMemberLimitReached, "seats",
     [](TestWallet& w) {
       w.ExtraForEveryone().LimitMember("ann", Dollars(10)).Record("ann", Dollars(35));
     },
     std::nullopt, "chat",
     "Your spend limit of 10.00 USD is reached until 1 Dec 2026, 00:00 (UTC).",
     "2026-12-01T00:00:00Z", "ask admin, own API key, raise limit, higher seat, wait",
     Scope::kMember, Bucket::kExtra, 429},
    {"MemberLimitOfZero", DenialReason::kMemberLimitReached, "usage",
     [](TestWallet& w) { w.LimitMember("ann", Nanos()); }, std::nullopt, "chat",
     "Your spend limit of 0.00 USD is reached.", "", "ask admin, own API key, raise limit",
     Scope::kMember, Bucket::kMetered, 429},
    {"SeatTierLimitReached", DenialReason::kSeatTierLimitReached, "usage",
     [](TestWallet& w) { w.LimitTier("basic", Dollars(3)).Record("ann", Dollars(3)); },
     std::nullopt, "chat",
     "Your seat tier's spend limit of 3.00 USD is reached until 1 Dec 2026, 00:00 (UTC).",
     "2026-12-01T00:00:00Z", "ask admin, own API key, raise limit, wait", Scope::kSeatTier,
     Bucket::kMetered, 429},
    {"OrganizationLimitReached", DenialReason::kOrganizationLimitReached, "seats",
     [](TestWallet& w) {
       w.ExtraForEveryone().LimitOrganization(Dollars(10)).Record("ann", Dollars(35));
     },
     std::nullopt, "chat", kPoolIsOut, "2026-12-01T00:00:00Z",
     "ask admin, own API key, raise limit, higher seat, wait", Scope::kOrganization, Bucket::kExtra,
     429},
    {"BalanceExhausted", DenialReason::kBalanceExhausted, "team",
     [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(1)).Record("ann", Dollars(6)); },
     std::nullopt, "chat", kPoolIsOut, "2026-11-01T15:00:00Z",
     "ask admin, own API key, buy credit, wait, higher seat", Scope::kOrganization, Bucket::kExtra,
     402},
    {"BalanceExhaustedWithoutIncludedUsage", DenialReason::kBalanceExhausted, "api",
     [](TestWallet&) {}, std::nullopt, "chat", kPoolIsOut, "", "ask admin, own API key, buy credit",
     Scope::kOrganization, Bucket::kMetered, 402},
    {"EstimateDoesNotFitTheBalance", DenialReason::kHoldDoesNotFit, "team",
     [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(2)); }, Dollars(8), "chat",
     "This request, estimated at 8.00 USD, is larger than what is left: 7.00 USD.", "",
     "smaller estimate, ask admin, own API key, buy credit, higher seat", Scope::kOrganization,
     Bucket::kExtra, 429},
    {"EstimateDoesNotFitTheLimit", DenialReason::kHoldDoesNotFit, "usage",
     [](TestWallet& w) { w.LimitMember("ann", Dollars(2)); }, Dollars(8), "chat",
     "This request, estimated at 8.00 USD, is larger than what is left: 2.00 USD.", "",
     "smaller estimate, ask admin, own API key, raise limit", Scope::kMember, Bucket::kMetered,
     429},
};

class EveryDenialReason : public testing::TestWithParam<DenialCase> {};

// Rules: D1, D2, D3, D4, H2, O4
TEST_P(EveryDenialReason, SaysWhatHappenedUntilWhenAndWhatToDo) {
  const DenialCase& expected = GetParam();
  TestWallet wallet(expected.plan);
  wallet.AddMember("ann");
  expected.prepare(wallet);
  CheckAdmissionCommand command = CheckOf("ann", expected.surface);
  command.estimate = expected.estimate;
  const CheckAdmissionOutcome outcome = wallet.Check(command);
  ASSERT_FALSE(outcome.admitted);
  const Denial& denial = *outcome.denial;
  Print(expected.name, denial);
  EXPECT_EQ(denial.reason, expected.reason);
  EXPECT_EQ(denial.message, expected.banner);
  EXPECT_EQ(denial.ends_at,
            *expected.ends_at == '\0' ? absl::InfiniteFuture() : At(expected.ends_at));
  EXPECT_EQ(RemedyKinds(denial), expected.remedies);
  EXPECT_EQ(denial.scope, expected.scope);
  EXPECT_EQ(denial.bucket, expected.bucket);
  EXPECT_EQ(denial.http_status, expected.http_status);
  EXPECT_EQ(denial.explanation.rfind("No card was declined and no session is lost. ", 0), 0u);
  EXPECT_NE(denial.explanation.find("Trying again"), std::string::npos);
  EXPECT_FALSE(denial.scope_id.empty());
  for (const Remedy& remedy : denial.remedies) {
    EXPECT_FALSE(remedy.description.empty());
    EXPECT_EQ(remedy.roles.empty(), remedy.actor != RemedyActor::kAdministrator);
  }
  if (outcome.evaluations.front().bound.blocking) {
    EXPECT_EQ(outcome.evaluations.front().scope_id, denial.scope_id);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, EveryDenialReason, testing::ValuesIn(kDenials),
                         [](const auto& info) { return std::string(info.param.name); });

// Rules: D1
TEST(DenialReasons, AreAllProducedByACaseButTheOneOfConfirmation) {
  std::set<DenialReason> reached;
  for (const DenialCase& denial : kDenials) reached.insert(denial.reason);
  for (int number = 1; number <= static_cast<int>(DenialReason::kHoldDoesNotFit); ++number) {
    const auto reason = static_cast<DenialReason>(number);
    EXPECT_NE(NameOf(reason), "unknown");
    EXPECT_EQ(reached.count(reason), reason == DenialReason::kConfirmationRequired ? 0u : 1u)
        << bursar::NameOf(reason);
  }
}

// Rules: D1
TEST(DenialReasons, FollowTheirPrecedence) {
  // Everything is in the way; lifting one thing after another uncovers the next reason.
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(45));
  wallet.LimitMember("ann", Dollars(20))
      .LimitTier("standard", Dollars(20))
      .LimitOrganization(Dollars(20))
      .ExtraFor({})
      .ExtraOff()
      .SetStatus("ann", AccountStatus::kSuspended);
  UpdateOrganizationCommand suspend;
  suspend.status = AccountStatus::kSuspended;
  wallet.Do(suspend);

  std::vector<DenialReason> reasons;
  const auto note = [&] { reasons.push_back(wallet.Check("ann").denial->reason); };
  note();
  UpdateOrganizationCommand resume;
  resume.status = AccountStatus::kActive;
  wallet.Do(resume);
  note();
  wallet.SetStatus("ann", AccountStatus::kActive);
  note();
  wallet.Do(UpdateExtraUsageCommand{true, std::nullopt, std::nullopt});
  note();
  wallet.ExtraForEveryone();
  note();
  wallet.LimitMember("ann", std::nullopt);
  note();
  wallet.LimitTier("standard", std::nullopt);
  note();
  wallet.LimitOrganization(std::nullopt);
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(reasons, (std::vector<DenialReason>{
                         DenialReason::kOrganizationSuspended, DenialReason::kMemberSuspended,
                         DenialReason::kExtraUsageDisabled, DenialReason::kMemberNotSelected,
                         DenialReason::kMemberLimitReached, DenialReason::kSeatTierLimitReached,
                         DenialReason::kOrganizationLimitReached}));
}

// Rules: D1
TEST(DenialReasons, PutALimitBeforeTheBalanceAndBothBeforeAnEstimate) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).LimitOrganization(Dollars(1));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Check("ann", Dollars(5)).denial->reason,
            DenialReason::kOrganizationLimitReached);
  wallet.LimitOrganization(Dollars(2));
  EXPECT_EQ(wallet.Check("ann", Dollars(5)).denial->reason, DenialReason::kBalanceExhausted);
  wallet.Grant(Dollars(2));
  EXPECT_EQ(wallet.Check("ann", Dollars(5)).denial->reason, DenialReason::kHoldDoesNotFit);
  EXPECT_TRUE(wallet.Check("ann", Dollars(1)).admitted);
}

// Rules: D2
TEST(DenialEnd, IsNeverByTheMonthWhileTheBalanceIsEmptyToo) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).LimitMember("ann", Dollars(1));
  wallet.Record("ann", Dollars(1));
  const CheckAdmissionOutcome outcome = wallet.Check("ann");
  EXPECT_EQ(outcome.denial->reason, DenialReason::kMemberLimitReached);
  EXPECT_EQ(outcome.denial->ends_at, absl::InfiniteFuture())
      << "at the month's end there is still no credit";
  wallet.Grant(Dollars(1));
  EXPECT_EQ(wallet.Check("ann").denial->ends_at, At("2026-12-01T00:00:00Z"));
}

// Rules: D2
TEST(DenialEnd, IsTheEarlierOfIncludedUsageAndTheLimit) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().LimitMember("ann", Dollars(1));
  wallet.MoveTo(At("2026-12-15T00:00:00Z")).Record("ann", Dollars(26));
  EXPECT_EQ(wallet.Check("ann").denial->ends_at, At("2027-01-01T00:00:00Z"))
      << "the month ends before the included window, 1 January, 10:00";
}

// Rules: D2, D4
TEST(DenialEnd, WithinAMinuteIsWorthARetry) {
  TestWallet wallet("sessions");
  wallet.AddMember("ann").Record("ann", Dollars(5));
  EXPECT_FALSE(wallet.Check("ann").denial->retry_helps);
  wallet.Advance(absl::Hours(5) - absl::Seconds(60));
  const Denial denial = *wallet.Check("ann").denial;
  EXPECT_TRUE(denial.retry_helps);
  EXPECT_NE(denial.explanation.find("Trying again helps from 1 Nov 2026, 15:00 (UTC)."),
            std::string::npos)
      << denial.explanation;
}

// Rules: D2, O3
TEST(DenialText, ShowsTimesInTheMembersZoneOrTheOrganizations) {
  OrganizationSettings settings;
  settings.time_zone = "Europe/Berlin";
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").Record("ann", Dollars(25));
  EXPECT_NE(wallet.Check("ann").denial->message.find("1 Dec 2026, 11:00 (Europe/Berlin)"),
            std::string::npos);
  MemberChange change = ChangeOf("ann");
  change.time_zone = "Asia/Kolkata";
  wallet.Do(UpsertMembersCommand{{change}});
  EXPECT_NE(wallet.Check("ann").denial->message.find("1 Dec 2026, 15:30 (Asia/Kolkata)"),
            std::string::npos);
}

// Rules: D3
TEST(PoolBanner, HasItsFirstSentenceOnlyWhereNobodyIsTold) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  CheckAdmissionCommand validate = CheckOf("ann");
  validate.validate_only = true;
  CheckAdmissionOutcome outcome = wallet.Check(validate);
  EXPECT_EQ(outcome.denial->message, "Your org is out of extra usage.");
  EXPECT_FALSE(outcome.waits_for_episode);
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 0);

  outcome = wallet.Check("ann");
  EXPECT_EQ(outcome.denial->message, kPoolIsOut);
  EXPECT_TRUE(outcome.waits_for_episode);
  // With the episode open the admin knows, whoever asks.
  outcome = wallet.Check(validate);
  EXPECT_EQ(outcome.denial->message, kPoolIsOut);
  EXPECT_TRUE(outcome.waits_for_episode);
}

// Rules: D2
TEST(Remedies, AreSortedByYourselfThenFreeThenSoonest) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(5));
  const Denial denial = *wallet.Check("ann").denial;
  int previous_actor = 0;
  bool paid = false;
  for (const Remedy& remedy : denial.remedies) {
    const int actor = remedy.actor == RemedyActor::kSelf ? 0 : 1;
    EXPECT_LE(previous_actor, actor);
    EXPECT_FALSE(paid && !remedy.cost.has_value() && actor == previous_actor);
    previous_actor = actor;
    paid = remedy.cost.has_value();
  }
  const auto seat = std::find_if(denial.remedies.begin(), denial.remedies.end(),
                                 [](const auto& r) { return r.kind == RemedyKind::kHigherSeat; });
  ASSERT_NE(seat, denial.remedies.end());
  EXPECT_EQ(seat->cost, Dollars(100)) << "what the larger seat costs more in a month";
}

// Rules: D2, A3
TEST(Remedies, NameTheRolesThatCanHelp) {
  const std::vector<MemberRole> owners = {MemberRole::kPrimaryOwner, MemberRole::kOwner};
  const std::vector<MemberRole> admins = {MemberRole::kPrimaryOwner, MemberRole::kOwner,
                                          MemberRole::kAdmin};
  const std::vector<MemberRole> buyers = {MemberRole::kPrimaryOwner, MemberRole::kOwner,
                                          MemberRole::kBilling};
  const auto roles = [](const Denial& denial, RemedyKind kind) {
    for (const Remedy& remedy : denial.remedies) {
      if (remedy.kind == kind) return remedy.roles;
    }
    return std::vector<MemberRole>();
  };
  TestWallet wallet("api");
  wallet.AddMember("ann");
  EXPECT_EQ(roles(*wallet.Check("ann").denial, RemedyKind::kBuyCredit), buyers);
  wallet.LimitOrganization(Nanos());
  EXPECT_EQ(roles(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit), owners);
  wallet.LimitMember("ann", Nanos());
  EXPECT_EQ(roles(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit), admins);
}

// Rules: D2, A3
TEST(Remedies, DoNotTellWhoCanHelpToAskSomebody) {
  TestWallet wallet("api");
  MemberChange olga;
  olga.member_id = "olga";
  olga.role = MemberRole::kPrimaryOwner;
  wallet.Do(UpsertMembersCommand{{olga}});
  wallet.AddMember("ann");
  const auto asks = [](const Denial& denial) {
    return std::count_if(denial.remedies.begin(), denial.remedies.end(),
                         [](const Remedy& r) { return r.kind == RemedyKind::kAskAdmin; });
  };
  EXPECT_EQ(asks(*wallet.Check("ann").denial), 1);
  EXPECT_EQ(asks(*wallet.Check("olga").denial), 0);
}

// Rules: D2, X6
TEST(Remedies, PromiseAdmissionOnlyWhereNothingElseIsInTheWay) {
  const auto description = [](const Denial& denial, RemedyKind kind) {
    for (const Remedy& remedy : denial.remedies) {
      if (remedy.kind == kind) return remedy.description;
    }
    return std::string();
  };
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(26));
  wallet.LimitMember("ann", Dollars(1)).LimitOrganization(Dollars(1));
  EXPECT_EQ(description(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit),
            "An owner or admin can raise your spend limit above 1.00 USD; the organization's spend "
            "limit is in the way then.");
  wallet.LimitOrganization(Dollars(2));
  EXPECT_EQ(description(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit),
            "An owner or admin can raise your spend limit above 1.00 USD; the next request is "
            "admitted at once.");

  TestWallet prepaid("solo");
  prepaid.AddMember("ann").Record("ann", Dollars(20));
  EXPECT_EQ(description(*prepaid.Check("ann").denial, RemedyKind::kEnableExtra),
            "An owner can switch extra usage on; the empty balance is in the way then.");
}

const Remedy& RemedyOf(const Denial& denial, RemedyKind kind) {
  for (const Remedy& remedy : denial.remedies) {
    if (remedy.kind == kind) return remedy;
  }
  static const Remedy kMissing;
  ADD_FAILURE() << "no such remedy";
  return kMissing;
}

// Rules: D2, X2, X6
TEST(Remedies, OfAnOverdrawnBalanceSayHowMuchCreditIsNeeded) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).Record("ann", Nanos(130'015'000'000));
  const Denial denial = *wallet.Check("ann").denial;
  const Remedy& buy = RemedyOf(denial, RemedyKind::kBuyCredit);
  EXPECT_EQ(buy.description,
            "An owner or the billing contact can buy credit: more than 129.02 USD, because 129.02 "
            "USD is overdrawn; the next request is admitted at once.");
  EXPECT_EQ(buy.cost, Nanos(129'020'000'000)) << "129.015, rounded up";
  EXPECT_NE(denial.explanation.find("The prepaid balance of Acme is overdrawn by 129.02 USD."),
            std::string::npos)
      << denial.explanation;
  const std::vector<Blocker> blockers = OrganizationBlockers(wallet.header(), wallet.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].message,
            "The prepaid balance is overdrawn by 129.02 USD; only more credit than that helps.");
  // The promise is kept, and no sooner.
  wallet.Grant(Dollars(129));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_EQ(RemedyOf(*wallet.Check("ann").denial, RemedyKind::kBuyCredit).cost, Nanos(20'000'000));
  wallet.Grant(Nanos(20'000'001));
  EXPECT_TRUE(wallet.Check("ann").admitted);
}

// Rules: D2
TEST(Remedies, OfABalanceThatIsJustUsedUpNameNoAmount) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).Record("ann", Dollars(1));
  const Remedy buy = RemedyOf(*wallet.Check("ann").denial, RemedyKind::kBuyCredit);
  EXPECT_EQ(buy.description,
            "An owner or the billing contact can buy credit; the next request is admitted at "
            "once.");
  EXPECT_EQ(buy.cost, std::nullopt);
  wallet.Grant(Nanos(1));
  EXPECT_TRUE(wallet.Check("ann").admitted);
}

// Rules: D2, L3, X6
TEST(Remedies, OfALimitSayAboveWhatItMustBeRaised) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record("ann", Nanos(30'000'000'001));
  wallet.LimitMember("ann", Dollars(10));
  EXPECT_EQ(RemedyOf(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit).description,
            "An owner or admin can raise your spend limit above 30.01 USD; the next request is "
            "admitted at once.");
  wallet.LimitMember("ann", Dollars(30));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.LimitMember("ann", Nanos(30'010'000'001));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  wallet.LimitOrganization(Dollars(20));
  const std::vector<Blocker> blockers = OrganizationBlockers(wallet.header(), wallet.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].message,
            "The organization's spend limit of 20.00 USD is reached; above 30.01 USD it is not.");
}

// Rules: D2, D4
TEST(DenialText, NamesEverythingInTheWayWhereItEndsAtDifferentInstants) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).LimitMember("ann", Dollars(1));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Check("ann").denial->explanation,
            "No card was declined and no session is lost. In the way are your spend limit until 1 "
            "Dec 2026, 00:00 (UTC) and the empty balance until credit is bought. Trying again does "
            "not help until somebody lifts it.");
  EXPECT_EQ(RemedyOf(*wallet.Check("ann").denial, RemedyKind::kRaiseLimit).description,
            "An owner or admin can raise your spend limit above 1.00 USD; the empty balance is in "
            "the way then.");
  wallet.Record("ann", Dollars(3));
  wallet.LimitOrganization(Nanos());
  const Denial denial = *wallet.Check("ann").denial;
  EXPECT_NE(denial.explanation.find(
                "In the way are your spend limit until 1 Dec 2026, 00:00 (UTC), the organization's "
                "spend limit of zero until it is raised and the overdrawn balance until more than "
                "what is owed is bought. "),
            std::string::npos)
      << denial.explanation;
  // One thing, or several that end together, need no list.
  wallet.Grant(Dollars(9)).LimitOrganization(Dollars(2));
  EXPECT_EQ(wallet.Check("ann").denial->explanation.find("In the way"), std::string::npos);
}

// Rules: D2, O6
TEST(DenialText, SaysThatThereIsNoSeat) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  settings.max_seats = 1;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann");
  EXPECT_EQ(wallet.Check("late").denial->message,
            "You have no seat with included usage, and extra usage is off.");
}

// Rules: D2, D4
TEST(Denial, CarriesTheSettingsAddress) {
  OrganizationSettings settings;
  settings.settings_url = "https://acme.example/settings/usage";
  TestWallet wallet("api", settings);
  wallet.AddMember("ann");
  EXPECT_EQ(wallet.Check("ann").denial->settings_url, "https://acme.example/settings/usage");
}

// Rules: H2
TEST(Denial, NamesTheCapOfOneHold) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  const AdmissionQuery query{"ann", "chat", "m"};
  const AdmissionState state =
      Evaluate(wallet.header(), &wallet.member("ann"), query, wallet.context());
  EXPECT_TRUE(Judge(state, {Dollars(5), Dollars(5)}).admitted);
  const Verdict verdict = Judge(state, {Dollars(6), Dollars(5)});
  EXPECT_EQ(verdict.reason, DenialReason::kHoldDoesNotFit);
  const Denial denial = BuildDenial(wallet.wallet(), &wallet.member("ann"), query, state,
                                    {Dollars(6), Dollars(5)}, verdict, wallet.context(), false);
  EXPECT_EQ(denial.message,
            "This request, estimated at 6.00 USD, is larger than one hold may be: 5.00 USD.");
  EXPECT_EQ(RemedyKinds(denial), "smaller estimate, own API key, raise limit");
  EXPECT_EQ(denial.remedies.front().amount, Dollars(5));
  EXPECT_EQ(RemedyOf(denial, RemedyKind::kRaiseLimit).description,
            "An owner can raise the largest single hold (max_hold) to 6.00 USD at least.");
  EXPECT_EQ(denial.ends_at, absl::InfiniteFuture());
}

// Rules: B9, D2
TEST(Denial, ForConfirmationSaysHowToConfirm) {
  // No decision asks for confirmation yet; the words are ready.
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(9)).Record("ann", Dollars(5));
  const AdmissionQuery query{"ann", "chat", "m"};
  const AdmissionState state =
      Evaluate(wallet.header(), &wallet.member("ann"), query, wallet.context());
  Verdict verdict;
  verdict.reason = DenialReason::kConfirmationRequired;
  verdict.blocking_bound = 1;
  const Denial denial = BuildDenial(wallet.wallet(), &wallet.member("ann"), query, state, {},
                                    verdict, wallet.context(), false);
  EXPECT_EQ(denial.explanation,
            "No card was declined and no session is lost. Trying again does not help before you "
            "have confirmed.");
  EXPECT_EQ(denial.message,
            "You used up your included usage of this five-hour session (5.00 USD) until 1 Nov "
            "2026, 15:00 (UTC). Confirm to go on at API prices.");
  EXPECT_EQ(denial.remedies.front().kind, RemedyKind::kConfirmExtra);
  EXPECT_EQ(denial.remedies.front().actor, RemedyActor::kSelf);
}

}  // namespace
}  // namespace bursar
