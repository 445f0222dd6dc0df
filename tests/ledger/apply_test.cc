// Folding: an entry that does not fit the wallet is damage, never a guess.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "server/ledger/settings_text.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// A wallet with a bit of everything, as a value that may be damaged.
Wallet Sample() {
  TestWallet wallet("team");
  wallet.AddMember("ann").AddMember("bob", "premium").ExtraFor({"ann"}).Grant(Dollars(10));
  wallet.Record("ann", Dollars(6));
  return wallet.wallet();
}

// Rules: J1
TEST(Apply, RefusesAnEntryOutOfSequence) {
  for (const int64_t offset : {-1, 0, 2}) {
    Wallet wallet = Sample();
    Entry entry = NextEntry(wallet, SpendLimitSet{Scope::kOrganization, "acme", {}, {}});
    entry.sequence = wallet.header.revision + offset;
    EXPECT_EQ(Apply(wallet, entry).code(), absl::StatusCode::kDataLoss);
  }
}

// Rules: J1, T1
TEST(Apply, RefusesAnEntryOlderThanTheLast) {
  Wallet wallet = Sample();
  Entry entry = NextEntry(wallet, SpendLimitSet{Scope::kOrganization, "acme", {}, {}});
  entry.recorded_at -= absl::Nanoseconds(1);
  EXPECT_EQ(Apply(wallet, entry).code(), absl::StatusCode::kDataLoss);
}

// Rules: J1
TEST(Apply, WantsTheCreationFirstAndOnlyThere) {
  Wallet wallet = Sample();
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, OrganizationCreated{"acme", {}})).code(),
            absl::StatusCode::kDataLoss);
  Wallet empty;
  Entry entry;
  entry.sequence = 1;
  entry.recorded_at = Start();
  entry.body = SpendLimitSet{Scope::kOrganization, "acme", {}, {}};
  EXPECT_EQ(Apply(empty, entry).code(), absl::StatusCode::kDataLoss);
}

UsageCharged ChargeOf(const std::string& member_id, Nanos extra) {
  UsageCharged charge;
  charge.member_id = member_id;
  charge.tier_id = "standard";
  charge.cost = extra;
  charge.extra = extra;
  return charge;
}

Member MemberOf(const std::string& member_id) {
  Member member;
  member.member_id = member_id;
  member.tier_id = "standard";
  return member;
}

IncreaseRequested RequestOf(const std::string& member_id) {
  IncreaseRequested asked;
  asked.request.member_id = member_id;
  return asked;
}

IncreaseDecided DecisionOf(const std::string& member_id, IncreaseState state) {
  IncreaseDecided decided;
  decided.request_sequence = 5;
  decided.member_id = member_id;
  decided.state = state;
  return decided;
}

// Rules: J1
TEST(Apply, RefusesWhatDoesNotFitTheState) {
  UsageCharged unbalanced = ChargeOf("ann", Dollars(1));
  unbalanced.cost = Dollars(2);
  UsageCharged overdrawn = ChargeOf("ann", Dollars(100));
  overdrawn.grant_draws = {{5, Dollars(100)}};
  UsageCharged unknown_grant = ChargeOf("ann", Dollars(1));
  unknown_grant.grant_draws = {{999, Dollars(1)}};
  CreditGranted repays_too_much;
  repays_too_much.amount = Dollars(1);
  repays_too_much.repaid_overdraft = Dollars(1);
  const Window past{Start() - absl::Hours(1), Start() + absl::Hours(1)};
  PendingChangeApplied seat;
  seat.seat = PendingSeat{Start(), "nobody", "premium", "standard"};
  const std::vector<std::pair<std::string, EntryBody>> bodies = {
      {"a member created twice", MemberUpserted{MemberOf("ann"), true, false, {}}},
      {"a member that is missing", MemberUpserted{MemberOf("nobody"), false, false, {}}},
      {"a charge of nobody", ChargeOf("nobody", Dollars(1))},
      {"parts that do not add up", unbalanced},
      {"more than the grant has", overdrawn},
      {"a grant that is not there", unknown_grant},
      {"a repayment of nothing", repays_too_much},
      {"an expiry of another rest", CreditExpired{5, Dollars(1)}},
      {"an expiry of nothing", CreditExpired{999, Dollars(1)}},
      {"a window that overlaps",
       WindowOpened{Scope::kMember, "ann", WindowKind::kWeek, past, Dollars(5)}},
      {"a window after another spend",
       WindowOpened{Scope::kMember,
                    "ann",
                    WindowKind::kWeek,
                    {Start() + absl::Hours(1000), Start() + absl::Hours(1100)},
                    Dollars(4)}},
      {"a window of nobody", WindowOpened{Scope::kMember, "nobody", WindowKind::kWeek, past, {}}},
      {"a month after another", MonthOpened{Scope::kOrganization, "acme", past, {}}},
      {"a month of nobody", MonthOpened{Scope::kMember, "nobody", past, {}}},
      {"a limit of nobody", SpendLimitSet{Scope::kMember, "nobody", {}, {}}},
      {"a limit of no scope", SpendLimitSet{static_cast<Scope>(9), "acme", {}, {}}},
      {"a selection of nobody",
       ExtraUsageUpdated{true, ExtraUsageAudience::kSelected, 9, {"nobody"}, {}}},
      {"an episode that is not open", EpisodeEnded{3, "credit"}},
      {"an answer to no episode", EpisodeAnswered{3, EpisodeAnswerKind::kNote, "wait"}},
      {"a request of nobody", RequestOf("nobody")},
      {"a decision on a request that is not open", DecisionOf("ann", IncreaseState::kApproved)},
      {"a selection where nobody is selected", MemberSelected{"ann"}},
      {"a seat of nobody", seat},
  };
  for (const auto& [what, body] : bodies) {
    Wallet wallet = Sample();
    ASSERT_EQ(wallet.header.grants.at(0).sequence, 5);
    const absl::Status status = Apply(wallet, NextEntry(wallet, body));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << what;
    EXPECT_NE(std::string(status.message()).find("acme"), std::string::npos) << what;
  }
}

// Rules: J1, N3
TEST(Apply, RefusesASecondEpisode) {
  Wallet wallet = Sample();
  ASSERT_TRUE(Apply(wallet, NextEntry(wallet, EpisodeOpened{true, "ann", "chat"})).ok());
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, EpisodeOpened{true, "ann", "chat"})).code(),
            absl::StatusCode::kDataLoss);
}

// Rules: J1
TEST(Apply, NamesEveryMemberThatAnEntryTouches) {
  using Members = std::vector<std::string>;
  const Window window{Start(), Start() + absl::Hours(5)};
  PendingChangeApplied seat;
  seat.seat = PendingSeat{Start(), "ann", "premium", "standard"};
  EXPECT_EQ(MembersTouched(ChargeOf("ann", Dollars(1))), Members{"ann"});
  EXPECT_EQ(MembersTouched(MemberUpserted{MemberOf("ann"), true, false, {}}), Members{"ann"});
  EXPECT_EQ(
      MembersTouched(ExtraUsageUpdated{true, ExtraUsageAudience::kSelected, 2, {"ann", "bob"}, {}}),
      (Members{"ann", "bob"}));
  EXPECT_EQ(MembersTouched(SpendLimitSet{Scope::kMember, "ann", {}, {}}), Members{"ann"});
  EXPECT_EQ(MembersTouched(SpendLimitSet{Scope::kSeatTier, "standard", {}, {}}), Members{});
  EXPECT_EQ(MembersTouched(WindowOpened{Scope::kMember, "ann", WindowKind::kWeek, window, {}}),
            Members{"ann"});
  EXPECT_EQ(MembersTouched(WindowOpened{Scope::kOrganization, "", WindowKind::kWeek, window, {}}),
            Members{});
  EXPECT_EQ(MembersTouched(MonthOpened{Scope::kMember, "ann", window, {}}), Members{"ann"});
  EXPECT_EQ(MembersTouched(MonthOpened{Scope::kSeatTier, "standard", window, {}}), Members{});
  EXPECT_EQ(MembersTouched(seat), Members{"ann"});
  EXPECT_EQ(MembersTouched(PendingChangeApplied{}), Members{});
  EXPECT_EQ(MembersTouched(CreditGranted{}), Members{});
}

// Rules: J1
TEST(Apply, ChangesOnlyTheMembersThatAnEntryNames) {
  TestWallet wallet("team");
  wallet.AddMember("ann", "premium").AddMember("bob").ExtraFor({"ann"}).Grant(Dollars(10));
  wallet.Record("ann", Dollars(6));
  wallet.LimitMember("bob", Dollars(3)).MoveToTier("ann", "standard").ExtraFor({"bob"});
  wallet.Advance(absl::Hours(24 * 40)).Record("bob", Dollars(30));
  Wallet folded;
  for (const Entry& entry : wallet.entries()) {
    const Wallet before = folded;
    ASSERT_TRUE(Apply(folded, entry).ok());
    const std::vector<std::string> touched = MembersTouched(entry.body);
    for (const auto& [member_id, member] : folded.members) {
      const Member* old = before.FindMember(member_id);
      const bool named = std::find(touched.begin(), touched.end(), member_id) != touched.end();
      EXPECT_TRUE(named || (old != nullptr && *old == member))
          << "entry " << entry.sequence << " changes " << member_id;
    }
  }
}

// Rules: J2
TEST(Invariants, NoticeEveryKindOfDamage) {
  const std::vector<std::pair<std::string, std::function<void(Wallet&)>>> damages = {
      {"J2", [](Wallet& w) { w.header.totals.credited += Nanos(1); }},
      {"X2", [](Wallet& w) { w.header.overdraft += Nanos(1); }},
      {"X2", [](Wallet& w) { w.header.grants[0].remaining = Nanos(); }},
      {"J2", [](Wallet& w) { w.header.month.extra += Nanos(1); }},
      {"J2", [](Wallet& w) { w.header.month.included += Nanos(1); }},
      {"J2", [](Wallet& w) { w.members.at("ann").month.extra += Nanos(1); }},
      {"J2", [](Wallet& w) { w.members.at("ann").tier_spends[0].extra += Nanos(1); }},
      {"J2", [](Wallet& w) { w.header.tiers[0].month.extra += Nanos(1); }},
      {"J2", [](Wallet& w) { w.header.held_extra += Nanos(1); }},
      {"J2", [](Wallet& w) { w.members.at("ann").held_extra += Nanos(1); }},
      {"O3", [](Wallet& w) { ++w.header.member_count; }},
      {"O3", [](Wallet& w) { ++w.header.tiers[0].seats; }},
      {"O4", [](Wallet& w) { ++w.header.owner_count; }},
      {"X1", [](Wallet& w) { ++w.header.selected_count; }},
      {"O3", [](Wallet& w) { w.members.at("ann").status = AccountStatus::kRemoved; }},
  };
  EXPECT_TRUE(CheckInvariants(Sample()).empty());
  for (size_t i = 0; i < damages.size(); ++i) {
    Wallet wallet = Sample();
    damages[i].second(wallet);
    bool noticed = false;
    for (const Violation& violation : CheckInvariants(wallet)) {
      noticed = noticed || violation.rule == damages[i].first;
    }
    EXPECT_TRUE(noticed) << "damage " << i;
  }
}

// Rules: A4
TEST(SettingsText, SaysEveryValueInWords) {
  EXPECT_EQ(StatusText(AccountStatus::kActive) + StatusText(AccountStatus::kSuspended) +
                StatusText(AccountStatus::kRemoved),
            "activesuspendedremoved");
  std::string roles;
  for (const MemberRole role : {MemberRole::kPrimaryOwner, MemberRole::kOwner, MemberRole::kAdmin,
                                MemberRole::kBilling, MemberRole::kMember}) {
    roles += RoleText(role) + ",";
  }
  EXPECT_EQ(roles, "primary owner,owner,admin,billing,member,");
  EXPECT_EQ(IncludedScopeText(IncludedScope::kSeat), "seat");
  EXPECT_EQ(LimitText(std::nullopt), "not set");
  EXPECT_EQ(LimitText(SpendLimit{}), "unlimited");
  EXPECT_EQ(LimitText(SpendLimit{Dollars(5), LimitBasis::kTierTotal}),
            "5.00 for the tier together");
}

}  // namespace
}  // namespace bursar
