// Included usage: consumed first, in several windows at once, per seat or as one pool.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// The spend of the member's stored window of that kind.
Amount SpentIn(const TestWallet& wallet, const std::string& member_id, WindowKind kind) {
  for (const WindowCounter& counter : wallet.member(member_id).windows) {
    if (counter.kind == kind) return counter.spent;
  }
  return Amount();
}

// Rules: B1
TEST(IncludedUsage, IsConsumedBeforeCreditThatIsThere) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(100));
  const UsageCharged charge = wallet.Record("ann", Dollars(3));
  EXPECT_EQ(charge.included, Dollars(3));
  EXPECT_EQ(charge.extra, Nanos());
  EXPECT_TRUE(charge.grant_draws.empty());
  EXPECT_EQ(wallet.header().Balance(), Dollars(100));
  EXPECT_EQ(wallet.Check("ann").bucket, Bucket::kIncluded);
}

// Rules: B1, L1
TEST(IncludedUsage, CountsAgainstNoSpendLimit) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().LimitOrganization(Dollars(1));
  wallet.Record("ann", Dollars(20));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.header().month.extra, Amount());
  EXPECT_EQ(wallet.header().month.included, Dollars(20));
}

// Rules: B3
TEST(IncludedUsage, HeadroomIsTheSmallestOfSeveralWindows) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  // Four sessions use up 20 of the week's 25; the fifth session has 5 of its own left.
  for (int session = 0; session < 4; ++session) {
    wallet.Record("ann", Dollars(5));
    wallet.Advance(absl::Hours(5));
  }
  wallet.Record("ann", Dollars(4));
  EXPECT_TRUE(wallet.Check("ann", Dollars(1)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Cents(101)).admitted);
  // Now the session has 1 left and the week 1.
  EXPECT_EQ(SpentIn(wallet, "ann", WindowKind::kWeek), Dollars(24));
  EXPECT_EQ(SpentIn(wallet, "ann", WindowKind::kFiveHours), Dollars(4));
}

// Rules: B3, D2
TEST(IncludedUsage, DenialNamesTheExhaustedWindowThatResetsLast) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  wallet.Record("ann", Dollars(5));
  CheckAdmissionOutcome outcome = wallet.Check("ann");
  ASSERT_TRUE(outcome.denial.has_value());
  EXPECT_EQ(outcome.denial->ends_at, Start() + absl::Hours(5)) << "only the session is out";
  EXPECT_EQ(outcome.evaluations.front().bound.source, BoundSource::kIncludedFiveHours);

  for (int session = 1; session < 5; ++session) {
    wallet.Advance(absl::Hours(5));
    wallet.Record("ann", Dollars(5));
  }
  outcome = wallet.Check("ann");
  ASSERT_TRUE(outcome.denial.has_value());
  EXPECT_EQ(outcome.denial->ends_at, Start() + absl::Hours(7 * 24)) << "session and week are out";
  EXPECT_EQ(outcome.evaluations.front().bound.source, BoundSource::kIncludedWeek);
  EXPECT_TRUE(outcome.evaluations.front().bound.blocking);
}

// Rules: B3, D2, H2
TEST(IncludedUsage, EstimateNamesTheWindowWithoutRoomThatResetsLast) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  for (int session = 0; session < 4; ++session) {
    wallet.Record("ann", Dollars(5));
    wallet.Advance(absl::Hours(5));
  }
  wallet.Record("ann", Dollars(3));  // Two left in the session and in the week.
  const CheckAdmissionOutcome outcome = wallet.Check("ann", Dollars(4));
  ASSERT_TRUE(outcome.denial.has_value());
  EXPECT_EQ(outcome.denial->reason, DenialReason::kExtraUsageDisabled);
  EXPECT_EQ(outcome.denial->ends_at, Start() + absl::Hours(7 * 24));
  EXPECT_EQ(
      outcome.denial->message,
      "This request, estimated at 4.00 USD, is larger than what is left of your weekly included "
      "usage (25.00 USD): 2.00 USD, and extra usage is off.");
}

// Rules: B3, D2, H2
TEST(IncludedUsage, EstimateThatAWindowJustHoldsIsNotBlockedByIt) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  for (int session = 0; session < 4; ++session) {
    wallet.Record("ann", Dollars(session == 0 ? 3 : 5));
    wallet.Advance(absl::Hours(5));
  }
  wallet.Record("ann", Dollars(3));  // Two left in the session, four in the week.
  const CheckAdmissionOutcome outcome = wallet.Check("ann", Dollars(4));
  ASSERT_TRUE(outcome.denial.has_value());
  EXPECT_EQ(outcome.evaluations.front().bound.source, BoundSource::kIncludedFiveHours);
  EXPECT_EQ(outcome.denial->ends_at, Start() + absl::Hours(25));
}

// Rules: B4
TEST(IncludedUsage, SessionStartsAtItsFirstChargeAndLastsFiveHours) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  wallet.Advance(absl::Hours(2));
  const absl::Time first = wallet.now();
  wallet.Record("ann", Dollars(5));
  wallet.MoveTo(first + absl::Hours(5) - absl::Nanoseconds(1));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.MoveTo(first + absl::Hours(5));
  EXPECT_TRUE(wallet.Check("ann").admitted) << "half-open: its end is not in it";
  // A check opens nothing: the next session starts at the next charge.
  wallet.Advance(absl::Hours(3));
  wallet.Record("ann", Dollars(1));
  const std::vector<WindowOpened> opened = wallet.Bodies<WindowOpened>();
  EXPECT_EQ(opened.back().kind, WindowKind::kFiveHours);
  EXPECT_EQ(opened.back().window, (Window{wallet.now(), wallet.now() + absl::Hours(5)}));
  EXPECT_EQ(opened.back().previous_spent, Dollars(5));
}

// Rules: B4, B5
TEST(IncludedUsage, IsExactAtTheBoundaryInstant) {
  OrganizationSettings settings;
  settings.billing_anchor = At("2026-01-31T23:59:00Z");
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann");
  const absl::Time boundary = At("2026-11-30T23:59:00Z");
  wallet.MoveTo(boundary - absl::Nanoseconds(1));
  wallet.Record("ann", Dollars(25));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.MoveTo(boundary);
  EXPECT_TRUE(wallet.Check("ann").admitted);
  const UsageCharged charge = wallet.Record("ann", Dollars(25));
  EXPECT_EQ(charge.included, Dollars(25));
  EXPECT_EQ(charge.overshoot, Nanos());
}

// Rules: B5
TEST(IncludedUsage, WindowOpensOnceAndUntouchedWindowsLeaveNoEntry) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob");
  wallet.Check("ann");
  EXPECT_EQ(wallet.Count<WindowOpened>(), 0) << "a check consumes nothing";
  wallet.Record("ann", Dollars(1));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<WindowOpened>(), 1);
  // December and January pass untouched.
  wallet.MoveTo(At("2027-02-10T00:00:00Z"));
  wallet.Record("ann", Dollars(1));
  const std::vector<WindowOpened> opened = wallet.Bodies<WindowOpened>();
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(opened[1].window.start, At("2027-02-01T10:00:00Z"));
  EXPECT_EQ(opened[1].previous_spent, Dollars(2));
  EXPECT_TRUE(wallet.member("bob").windows.empty());
  EXPECT_EQ(SpentIn(wallet, "ann", WindowKind::kMonth), Dollars(1));
}

// Rules: B5
TEST(IncludedUsage, NothingIsOpenedByAChargeThatDrawsNothingIncluded) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Record("ann", Nanos());
  EXPECT_EQ(wallet.Count<WindowOpened>(), 0);
  EXPECT_EQ(wallet.Count<MonthOpened>(), 3) << "organization, tier and member, once each";
}

// Rules: B2
TEST(IncludedUsage, IsPerSeatByDefault) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob");
  wallet.Record("ann", Dollars(25));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_TRUE(wallet.Check("bob").admitted);
}

// Rules: B2
TEST(IncludedUsage, PoolIsTheSumOfItsSeatsAndGrowsWithAJoiningMember) {
  OrganizationSettings settings;
  settings.included_scope = IncludedScope::kOrganization;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").AddMember("bob", "premium");
  EXPECT_EQ(wallet.Record("ann", Dollars(150)).overshoot, Nanos()) << "25 + 125";
  CheckAdmissionOutcome outcome = wallet.Check("bob");
  ASSERT_TRUE(outcome.denial.has_value());
  EXPECT_EQ(outcome.denial->scope, Scope::kOrganization);
  EXPECT_EQ(outcome.denial->scope_id, "acme");
  EXPECT_EQ(outcome.denial->message,
            "Your org used up its monthly included usage (150.00 USD) until 1 Dec 2026, 10:00 "
            "(UTC), and extra usage is off.");
  wallet.AddMember("cyd");
  EXPECT_TRUE(wallet.Check("bob", Dollars(25)).admitted);
  EXPECT_FALSE(wallet.Check("bob", Dollars(26)).admitted);
  wallet.SetStatus("cyd", AccountStatus::kRemoved);
  EXPECT_FALSE(wallet.Check("bob").admitted);
  ASSERT_EQ(wallet.header().pool_windows.size(), 1u);
  EXPECT_TRUE(wallet.member("ann").windows.empty()) << "the pool's window is the organization's";
}

// Rules: B1, B2, O6
TEST(IncludedUsage, MemberProvisionedIntoAPoolBringsItsAllowanceAtOnce) {
  OrganizationSettings settings;
  settings.included_scope = IncludedScope::kOrganization;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Record("ann", Dollars(25));
  EXPECT_EQ(wallet.Check("new", Dollars(25)).bucket, Bucket::kIncluded);
  const UsageCharged charge = wallet.Record("new", Dollars(25));
  EXPECT_EQ(charge.included, Dollars(25));
  EXPECT_EQ(charge.extra, Nanos());
}

// Rules: B7
TEST(IncludedUsage, IneligibleSurfacesAndModelsGoStraightToExtra) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(10));
  EXPECT_EQ(wallet.Check(CheckOf("ann", "batch")).bucket, Bucket::kExtra);
  EXPECT_EQ(wallet.Check(CheckOf("ann", "chat", "research-1")).bucket, Bucket::kExtra);
  EXPECT_EQ(wallet.Check(CheckOf("ann", "chat", "claude")).bucket, Bucket::kIncluded);
  EXPECT_EQ(wallet.Record(RecordOf("ann", Dollars(2), "batch")).extra, Dollars(2));
  EXPECT_EQ(wallet.Record(RecordOf("ann", Dollars(2), "chat", "research-1")).extra, Dollars(2));
  EXPECT_EQ(wallet.Count<WindowOpened>(), 0);
}

// Rules: O5
TEST(IncludedUsage, GrowsWithAnUpgradeAndUsageStays) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  wallet.Record("ann", Dollars(25));
  wallet.MoveToTier("ann", "premium");
  EXPECT_TRUE(wallet.Check("ann", Dollars(100)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Dollars(101)).admitted);
}

// Rules: H8
TEST(IncludedUsage, DeniedChecksConsumeNothing) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  wallet.Record("ann", Dollars(25));
  const int64_t revision = wallet.header().revision;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.header().revision, revision);
}

}  // namespace
}  // namespace bursar
