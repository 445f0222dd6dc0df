// What denials say of the limits of periods, surfaces and models, and of temporary ones; and that
// they end when they say.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

SetSpendLimitCommand PeriodLimitOf(Scope scope, const std::string& scope_id, PeriodKind period,
                                   Nanos amount) {
  SetSpendLimitCommand command = LimitOf(scope, scope_id, amount);
  command.period = period;
  return command;
}

SetSpendLimitCommand TemporaryOf(Scope scope, const std::string& scope_id,
                                 std::optional<Nanos> amount, absl::Time expires_at) {
  SetSpendLimitCommand command = LimitOf(scope, scope_id, amount);
  command.expires_at = expires_at;
  return command;
}

// "ann" and "bob" on the plan where everything is metered and postpaid. The wallet begins on
// Sunday, 1 November 2026, at ten.
class LimitDenials : public testing::Test {
 protected:
  LimitDenials() : wallet_("usage") { wallet_.AddMember("ann").AddMember("bob"); }

  // What the member is denied with; then that it ends when that says, and not before.
  Denial DeniedUntil(const std::string& member_id, absl::Time ends_at,
                     std::optional<Nanos> estimate = std::nullopt) {
    const CheckAdmissionOutcome outcome = wallet_.Check(member_id, estimate);
    EXPECT_FALSE(outcome.admitted);
    if (outcome.admitted) return {};
    EXPECT_EQ(outcome.denial->ends_at, ends_at);
    wallet_.MoveTo(ends_at - absl::Nanoseconds(1)).WriteDues();
    EXPECT_FALSE(wallet_.Check(member_id, estimate).admitted) << "a moment before";
    wallet_.MoveTo(ends_at).WriteDues();
    EXPECT_TRUE(wallet_.Check(member_id, estimate).admitted);
    return *outcome.denial;
  }

  void Capture() {
    UpdateOrganizationCommand command;
    command.hold_expiry_policy = HoldExpiryPolicy::kCapture;
    wallet_.Do(command);
  }

  TestWallet wallet_;
};

// Rules: D1, D2, L1
TEST_F(LimitDenials, TellALimitOfASurfaceThatIsHeldFromOneThatIsSpent) {
  wallet_.Do(PeriodLimitOf(Scope::kSurface, "chat", PeriodKind::kDay, Dollars(5)));
  wallet_.PlaceHold("ann", Dollars(5));
  EXPECT_FALSE(wallet_.Check("bob").waits_for_episode);
  const Denial held = DeniedUntil("bob", wallet_.now() + absl::Minutes(10));
  EXPECT_EQ(held.reason, DenialReason::kOrganizationLimitReached);
  EXPECT_EQ(held.scope, Scope::kSurface);
  EXPECT_EQ(held.period, PeriodKind::kDay);
  EXPECT_TRUE(held.held);
  EXPECT_EQ(held.message,
            "Running requests hold the rest of your org's daily spend limit for chat of 5.00 USD; "
            "try again when they end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
  wallet_.Record("ann", Dollars(5));
  const Denial spent = DeniedUntil("bob", At("2026-11-02T00:00:00Z"));
  EXPECT_FALSE(spent.held);
  EXPECT_EQ(spent.message,
            "Your org's daily spend limit for chat of 5.00 USD is reached until 2 Nov 2026, 00:00 "
            "(UTC).");
}

// Rules: D1, L1
TEST_F(LimitDenials, TellALimitOfAModelThatIsHeld) {
  wallet_.Do(PeriodLimitOf(Scope::kModel, "claude-opus-4-5", PeriodKind::kWeek, Dollars(5)));
  wallet_.PlaceHold("ann", Dollars(5));
  const Denial held = DeniedUntil("bob", wallet_.now() + absl::Minutes(10));
  EXPECT_TRUE(held.held);
  EXPECT_EQ(held.message,
            "Running requests hold the rest of your org's weekly spend limit for claude-opus-4-5 "
            "of 5.00 USD; try again when they end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
}

// Rules: H6, L1, R5
TEST_F(LimitDenials, CountHoldsWithoutASurfaceInTheDefaultOne) {
  const auto hold_without_surface = [&](Nanos estimate) {
    CheckAdmissionCommand command = CheckOf("ann", "");
    command.mode = AdmissionMode::kHold;
    command.estimate = estimate;
    return wallet_.Check(command);
  };
  const int64_t first = hold_without_surface(Dollars(2)).hold->sequence;
  wallet_.Do(PeriodLimitOf(Scope::kSurface, kDefaultSurface, PeriodKind::kDay, Dollars(5)));
  ASSERT_TRUE(hold_without_surface(Dollars(3)).admitted);
  EXPECT_EQ(wallet_.header().FindNamed(Scope::kSurface, kDefaultSurface)->held_extra, Dollars(5));
  const CheckAdmissionOutcome denied = hold_without_surface(Cents(1));
  ASSERT_FALSE(denied.admitted) << "two and three of the five are held";
  EXPECT_TRUE(denied.denial->held);
  EXPECT_EQ(denied.denial->ends_at, wallet_.now() + absl::Minutes(10));
  wallet_.Settle(first, Dollars(2));
  EXPECT_FALSE(hold_without_surface(Cents(1)).admitted) << "now two are spent and three held";
}

// Rules: L4, D2
TEST_F(LimitDenials, EndWithATemporaryLimitThatForbids) {
  wallet_.Do(TemporaryOf(Scope::kSurface, "chat", Nanos(), At("2026-11-02T09:00:00Z")));
  const Denial denial = DeniedUntil("ann", At("2026-11-02T09:00:00Z"));
  EXPECT_EQ(denial.message,
            "Your org does not use extra usage for chat until 2 Nov 2026, 09:00 (UTC).");
}

// Rules: L4, D2
TEST_F(LimitDenials, EndWithATemporaryLimitThatIsLowerThanItsBase) {
  wallet_.LimitMember("ann", Dollars(50));
  wallet_.Do(TemporaryOf(Scope::kMember, "ann", Dollars(5), At("2026-11-03T09:00:00Z")));
  wallet_.Record("ann", Dollars(6));
  const Denial denial = DeniedUntil("ann", At("2026-11-03T09:00:00Z"));
  EXPECT_EQ(denial.message,
            "Your spend limit of 5.00 USD is reached until 3 Nov 2026, 09:00 (UTC).");
}

// Rules: L4, D2
TEST_F(LimitDenials, PromiseNothingOfARaiseThatIsOverByThen) {
  wallet_.LimitMember("ann", Dollars(5));
  wallet_.Do(TemporaryOf(Scope::kMember, "ann", Dollars(20), At("2026-11-03T09:00:00Z")));
  wallet_.Record("ann", Dollars(20));
  const CheckAdmissionOutcome large = wallet_.Check("ann", Dollars(8));
  ASSERT_FALSE(large.admitted);
  EXPECT_EQ(large.denial->ends_at, absl::InfiniteFuture()) << "from December five are allowed";
  const Denial denial = DeniedUntil("ann", At("2026-12-01T00:00:00Z"), Dollars(5));
  EXPECT_EQ(denial.message,
            "Your spend limit of 20.00 USD is reached until 1 Dec 2026, 00:00 (UTC).");
}

// Rules: L4, D2
TEST_F(LimitDenials, CountWhatAnUnlimitedTimeStandsInFor) {
  SetSpendLimitCommand unlimited = LimitOf(Scope::kMember, "ann", std::nullopt);
  unlimited.period = PeriodKind::kDay;
  unlimited.expires_at = At("2026-11-01T23:00:00Z");
  wallet_.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(5)));
  wallet_.Do(unlimited);
  wallet_.Record("ann", Dollars(7));
  EXPECT_TRUE(wallet_.Check("ann").admitted);
  // The hold is over at 23:30, when the daily limit counts again.
  CheckAdmissionCommand hold = CheckOf("bob");
  hold.mode = AdmissionMode::kHold;
  hold.estimate = Dollars(3);
  hold.hold_ttl = At("2026-11-01T23:30:00Z") - wallet_.now();
  wallet_.Check(hold);
  wallet_.LimitOrganization(Dollars(10));
  const Denial denial = DeniedUntil("ann", At("2026-11-02T00:00:00Z"));
  EXPECT_TRUE(denial.held);
}

// Rules: L6, D2, H5
TEST_F(LimitDenials, EndWithTheHourThatACapturedHoldFills) {
  Capture();
  wallet_.MoveTo(At("2026-11-01T10:55:00Z"));
  wallet_.PlaceHold("ann", Dollars(5));
  wallet_.Record("ann", Dollars(5));
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kHour, Dollars(5)));
  EXPECT_TRUE(wallet_.Check("bob").admitted) << "an hour's limit pauses one member alone";
  EXPECT_FALSE(wallet_.Check("ann").waits_for_episode);
  const Denial denial = DeniedUntil("ann", At("2026-11-01T12:00:00Z"));
  EXPECT_EQ(denial.reason, DenialReason::kMemberLimitReached);
  EXPECT_EQ(denial.period, PeriodKind::kHour);
  EXPECT_EQ(denial.message,
            "Your hourly spend limit of 5.00 USD is reached until 1 Nov 2026, 11:00 (UTC).");
}

// Rules: L2, D2
TEST_F(LimitDenials, PromiseOnlyWhatNoOtherPeriodIsInTheWayOf) {
  wallet_.LimitOrganization(Dollars(5));
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  wallet_.Record("ann", Dollars(5));
  const CheckAdmissionOutcome denied = wallet_.Check("ann");
  ASSERT_FALSE(denied.admitted);
  const auto raise =
      std::find_if(denied.denial->remedies.begin(), denied.denial->remedies.end(),
                   [](const Remedy& remedy) { return remedy.kind == RemedyKind::kRaiseLimit; });
  ASSERT_NE(raise, denied.denial->remedies.end());
  EXPECT_EQ(raise->description,
            "An owner can raise the organization's spend limit above 5.00 USD; the organization's "
            "daily spend limit is in the way then.");
}

// Rules: X6, N3
TEST_F(LimitDenials, AreToldOfTheOrganizationByPeriodAndWhetherHeld) {
  wallet_.PlaceHold("ann", Dollars(5));
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  std::vector<Blocker> blockers = OrganizationBlockers(wallet_.header(), wallet_.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_TRUE(blockers[0].held);
  EXPECT_EQ(blockers[0].message,
            "Running requests hold the rest of the organization's daily spend limit, 5.00 USD; it "
            "is free again as they end.");
  EXPECT_FALSE(IsPoolUsedUp(wallet_.header(), wallet_.context()));
  wallet_.Record("bob", Dollars(5));
  blockers = OrganizationBlockers(wallet_.header(), wallet_.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_FALSE(blockers[0].held);
  EXPECT_EQ(blockers[0].message,
            "The organization's daily spend limit of 5.00 USD is reached; above 10.00 USD it is "
            "not.");
  EXPECT_TRUE(IsPoolUsedUp(wallet_.header(), wallet_.context()));
}

}  // namespace
}  // namespace bursar
