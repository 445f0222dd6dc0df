// Crossing from included into extra usage: the notice, and the policy that asks for confirmation.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

void AskForConfirmation(TestWallet& wallet) {
  UpdateOrganizationCommand command;
  command.crossing_policy = CrossingPolicy::kConfirm;
  wallet.Do(command);
}

// Rules: B9
TEST(Crossing, IsNoticedOncePerMemberAndLongestWindow) {
  TestWallet wallet("team");  // A week is the longest; 5 are included in five hours.
  wallet.AddMember("ann").AddMember("bob").ExtraForEveryone().Grant(Dollars(100));
  wallet.Record("ann", Dollars(5));
  EXPECT_EQ(wallet.Count<CrossingNoticed>(), 0);
  wallet.Record("ann", Dollars(1));
  ASSERT_EQ(wallet.Count<CrossingNoticed>(), 1);
  const CrossingNoticed noticed = wallet.Bodies<CrossingNoticed>()[0];
  EXPECT_EQ(noticed.member_id, "ann");
  EXPECT_EQ(noticed.surface, "chat");
  EXPECT_EQ(noticed.window.end, Start() + absl::Hours(24 * 7));
  wallet.Advance(absl::Hours(24)).Record("ann", Dollars(9));
  EXPECT_EQ(wallet.Count<CrossingNoticed>(), 1);
  wallet.Record("bob", Dollars(9));
  EXPECT_EQ(wallet.Count<CrossingNoticed>(), 2);
  wallet.MoveTo(noticed.window.end).Record("ann", Dollars(9));
  EXPECT_EQ(wallet.Count<CrossingNoticed>(), 3);
}

// Rules: B9
TEST(Crossing, IsNothingWhereEverythingIsMetered) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Record("ann", Dollars(9));
  EXPECT_EQ(wallet.Count<CrossingNoticed>(), 0);
  const auto refused = wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"ann"});
  EXPECT_EQ(RefusalReason(refused), "EXTRA_USAGE_NOT_APPLICABLE");
}

// Rules: B9
TEST(Crossing, MayBeConfirmedBeforeThePolicyAsksForIt) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  ASSERT_TRUE(wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"ann"}).ok());
  AskForConfirmation(wallet);
  wallet.Record("ann", Dollars(25));
  EXPECT_TRUE(wallet.Check("ann").admitted);
}

// Rules: B9, B8, D2
TEST(Crossing, WaitsForTheMemberWhereThePolicySaysSo) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  AskForConfirmation(wallet);
  EXPECT_TRUE(wallet.Check("ann").admitted);
  wallet.Record("ann", Dollars(25));
  const CheckAdmissionOutcome denied = wallet.Check("ann");
  ASSERT_TRUE(denied.denial.has_value());
  EXPECT_EQ(denied.denial->reason, DenialReason::kConfirmationRequired);
  EXPECT_EQ(denied.denial->scope, Scope::kMember);
  EXPECT_EQ(denied.denial->message,
            "You used up your monthly included usage (25.00 USD) until 1 Dec 2026, 10:00 (UTC). "
            "Confirm to go on at API prices.");
  EXPECT_EQ(denied.denial->remedies.front().kind, RemedyKind::kConfirmExtra);
  // Until then extra is not permitted: what happened overshoots included usage.
  EXPECT_EQ(wallet.Record("ann", Dollars(2)).included, Dollars(2));
  const auto confirmed = wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"ann"});
  ASSERT_TRUE(confirmed.ok());
  EXPECT_EQ(confirmed->confirmed_until, At("2026-12-01T10:00:00Z"));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.Record("ann", Dollars(2)).extra, Dollars(2));
  // Once is enough, for this window.
  const size_t before = wallet.entries().size();
  ASSERT_TRUE(wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"ann"}).ok());
  EXPECT_EQ(wallet.entries().size(), before);
  wallet.MoveTo(confirmed->confirmed_until).Record("ann", Dollars(25));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kConfirmationRequired);
}

// Rules: B9, D1
TEST(Crossing, IsAskedForOnlyWhereExtraUsageIsToBeHad) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  AskForConfirmation(wallet);
  wallet.Record("ann", Dollars(25));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kExtraUsageDisabled);
  wallet.ExtraFor({});
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kMemberNotSelected);
  wallet.ExtraFor({"ann"}).LimitMember("ann", Nanos());
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kConfirmationRequired);
}

// Rules: B9, O6
TEST(Crossing, IsConfirmedByAMemberThatIsProvisionedByIt) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  wallet.ExtraForEveryone();
  AskForConfirmation(wallet);
  ASSERT_TRUE(wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"new"}).ok());
  EXPECT_TRUE(wallet.CheckToHold("new", Dollars(30)).admitted);
}

// Rules: B9, H4
TEST(Crossing, LetsAHoldSettleWhoseConfirmationRanOut) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  AskForConfirmation(wallet);
  ASSERT_TRUE(wallet.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{"ann"}).ok());
  wallet.MoveTo(At("2026-12-01T09:55:00Z"));
  const int64_t hold = wallet.PlaceHold("ann", Dollars(60));
  wallet.MoveTo(At("2026-12-01T10:00:00Z"));
  const UsageCharged charge = wallet.Settle(hold, Dollars(61));
  EXPECT_EQ(charge.extra, Dollars(35));
  EXPECT_EQ(charge.included, Dollars(26));
}

}  // namespace
}  // namespace bursar
