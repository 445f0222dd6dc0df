// Spend limits: scopes, bases, how they stack, and that editing one never clears usage.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

std::optional<DenialReason> Blocked(TestWallet& wallet, const std::string& member_id) {
  const CheckAdmissionOutcome outcome = wallet.Check(member_id);
  return outcome.denial.has_value() ? std::optional<DenialReason>(outcome.denial->reason)
                                    : std::nullopt;
}

// Rules: B5, L3
TEST(SpendLimit, EditingItNeverClearsUsage) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(10)).Record("ann", Dollars(10));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kMemberLimitReached);
  wallet.LimitMember("ann", Dollars(15));
  EXPECT_FALSE(wallet.Check("ann", Dollars(6)).admitted) << "ten of the fifteen are spent";
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
  wallet.LimitMember("ann", std::nullopt).LimitMember("ann", Dollars(10));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kMemberLimitReached);
}

// Rules: L3, X5
TEST(SpendLimit, SetBelowWhatIsSpentBlocksAtOnceAndSaysSo) {
  for (const Scope scope : {Scope::kOrganization, Scope::kMember, Scope::kSeatTier}) {
    const std::string scope_id = scope == Scope::kMember ? "ann" : "basic";
    TestWallet wallet("usage");
    wallet.AddMember("ann").Record("ann", Dollars(10));
    const auto limit = [&](Nanos amount) {
      return wallet.Do(LimitOf(scope, scope_id, amount, LimitBasis::kTierTotal));
    };
    EXPECT_FALSE(limit(Dollars(11)).spend_predates_limit);
    EXPECT_TRUE(wallet.Check("ann").admitted);
    EXPECT_FALSE(limit(Dollars(10)).spend_predates_limit) << "reached, not below";
    EXPECT_FALSE(wallet.Check("ann").admitted);
    EXPECT_TRUE(limit(Dollars(9)).spend_predates_limit);
    EXPECT_FALSE(wallet.Check("ann").admitted);
  }
}

// Rules: L2
TEST(SpendLimit, UnlimitedMemberStaysUnderOrganizationLimit) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", std::nullopt).LimitOrganization(Dollars(5));
  wallet.Record("ann", Dollars(5));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kOrganizationLimitReached);
}

// Rules: L2
TEST(SpendLimit, UnlimitedMemberStaysUnderTierLimit) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", std::nullopt).LimitTier("basic", Dollars(5));
  wallet.Record("ann", Dollars(5));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kSeatTierLimitReached);
}

// Rules: L1, L2
TEST(SpendLimit, OfATierCanBeLiftedWhenThePlanNoLongerOffersThem) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitTier("power", Dollars(5));
  PlanCatalog later = TestPlans();
  for (Plan& plan : later.plans) {
    plan.tier_limits_allowed = false;
    plan.seat_tiers.resize(1);
  }
  const DecisionContext context = {wallet.now(), &later, &TestZones()};
  const auto decide = [&](const std::string& tier_id, std::optional<Nanos> amount) {
    return Decide(wallet.wallet(), LimitOf(Scope::kSeatTier, tier_id, amount), context);
  };
  const auto lifted = decide("power", std::nullopt);
  ASSERT_TRUE(lifted.ok()) << lifted.status().message();
  EXPECT_EQ(lifted->bodies.size(), 1u);
  EXPECT_EQ(RefusalReason(decide("power", Dollars(9))), "LIMIT_SCOPE_NOT_IN_PLAN");
  EXPECT_EQ(RefusalReason(decide("basic", std::nullopt)), "LIMIT_SCOPE_NOT_IN_PLAN")
      << "there is none to lift";
}

// Rules: L2
TEST(SpendLimit, OfZeroMeansIncludedUsageOnly) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().LimitMember("ann", Nanos());
  EXPECT_TRUE(wallet.Check("ann", Dollars(25)).admitted);
  wallet.Record("ann", Dollars(25));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kMemberLimitReached);
  wallet.MoveTo(At("2026-12-01T10:00:00Z"));
  EXPECT_TRUE(wallet.Check("ann").admitted) << "included usage is there again";
}

// Rules: L2
TEST(SpendLimit, OfATierIsForEachMemberByDefault) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").AddMember("bob").LimitTier("basic", Dollars(5));
  wallet.Record("ann", Dollars(5));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kSeatTierLimitReached);
  EXPECT_EQ(Blocked(wallet, "bob"), std::nullopt);
}

// Rules: L2
TEST(SpendLimit, OfATierTogetherIsForAllOfIt) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").AddMember("bob").AddMember("cyd", "power");
  wallet.LimitTier("basic", Dollars(5), LimitBasis::kTierTotal);
  wallet.Record("ann", Dollars(3));
  EXPECT_TRUE(wallet.Check("bob", Dollars(2)).admitted);
  EXPECT_FALSE(wallet.Check("bob", Dollars(3)).admitted);
  wallet.Record("bob", Dollars(2));
  EXPECT_EQ(Blocked(wallet, "ann"), DenialReason::kSeatTierLimitReached);
  EXPECT_EQ(Blocked(wallet, "cyd"), std::nullopt);
}

// Rules: L2
TEST(SpendLimit, MovingTiersCarriesNoSpend) {
  for (const LimitBasis basis : {LimitBasis::kEachMember, LimitBasis::kTierTotal}) {
    TestWallet wallet("usage");
    wallet.AddMember("ann");
    wallet.LimitTier("basic", Dollars(5), basis).LimitTier("power", Dollars(5), basis);
    wallet.Record("ann", Dollars(5));
    wallet.MoveToTier("ann", "power");
    EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
    const UsageCharged charge = wallet.Record("ann", Dollars(4));
    EXPECT_EQ(charge.tier_id, "power") << "the tier held at recording";
    EXPECT_FALSE(wallet.Check("ann", Dollars(2)).admitted);
    // The member's own spend is one sum over its tiers.
    EXPECT_EQ(wallet.member("ann").month.extra, Dollars(9));
    EXPECT_EQ(wallet.header().FindTier("basic")->month.extra, Dollars(5));
    EXPECT_EQ(wallet.header().FindTier("power")->month.extra, Dollars(4));
  }
}

// Rules: L2
TEST(SpendLimit, TheLiteralMinimumOfAllApplies) {
  const std::vector<std::optional<Nanos>> choices = {std::nullopt, Nanos(), Dollars(2), Dollars(3)};
  for (const auto& own : choices) {
    for (const auto& tier : choices) {
      for (const auto& organization : choices) {
        TestWallet wallet("usage");
        wallet.AddMember("ann").LimitMember("ann", own).LimitTier("basic", tier);
        wallet.LimitOrganization(organization).Record("ann", Dollars(1));
        std::optional<Nanos> least;
        for (const auto& limit : {own, tier, organization}) {
          if (limit.has_value() && (!least.has_value() || *limit < *least)) least = limit;
        }
        for (const Nanos estimate : {Dollars(1), Dollars(2), Dollars(3)}) {
          const bool fits = !least.has_value() || estimate.value + Dollars(1).value <= least->value;
          EXPECT_EQ(wallet.Check("ann", estimate).admitted, fits);
        }
      }
    }
  }
}

// Rules: L1, B5
TEST(SpendLimit, CountsByCalendarMonthInTheOrganizationsZone) {
  OrganizationSettings settings;
  settings.time_zone = "America/New_York";
  settings.billing_anchor = At("2026-10-15T00:00:00Z");
  TestWallet wallet("usage", settings);
  wallet.AddMember("ann").LimitOrganization(Dollars(5)).Record("ann", Dollars(5));
  wallet.MoveTo(At("2026-12-01T04:59:59.999999999Z"));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.MoveTo(At("2026-12-01T05:00:00Z"));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
  wallet.Record("ann", Dollars(1));
  const MonthOpened opened = wallet.Bodies<MonthOpened>().back();
  EXPECT_EQ(opened.month, (Window{At("2026-12-01T05:00:00Z"), At("2027-01-01T05:00:00Z")}));
  EXPECT_EQ(opened.previous.extra, Dollars(5));
}

// Rules: B5
TEST(Month, OpensOnceForEachScopeAtItsFirstCharge) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").AddMember("bob");
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<MonthOpened>(), 3);
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<MonthOpened>(), 3);
  wallet.Record("bob", Dollars(1));
  EXPECT_EQ(wallet.Count<MonthOpened>(), 4) << "bob's own";
  wallet.MoveTo(At("2027-03-05T00:00:00Z")).Check("ann");
  EXPECT_EQ(wallet.Count<MonthOpened>(), 4);
  wallet.Record("bob", Dollars(1));
  EXPECT_EQ(wallet.Count<MonthOpened>(), 7);
  EXPECT_EQ(wallet.member("ann").month.extra, Dollars(2)) << "November's, until ann uses March";
}

// Rules: L1
TEST(SpendLimit, OfATierIsRefusedWhereThePlanHasNone) {
  TestWallet wallet("team");
  const auto refused = wallet.Administer(LimitOf(Scope::kSeatTier, "standard", Dollars(5)));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(refused), "LIMIT_SCOPE_NOT_IN_PLAN");
}

// Rules: L1, L2, M2
TEST(SpendLimit, IsRefusedForWhatIsUnknownOrNegative) {
  TestWallet wallet("usage");
  EXPECT_EQ(RefusedFields(wallet.Administer(LimitOf(Scope::kOrganization, "", Nanos(-1))).status()),
            (std::vector<std::string>{"amount"}));
  EXPECT_EQ(RefusedFields(wallet.Administer(LimitOf(Scope::kSeatTier, "gold", Nanos(1))).status()),
            (std::vector<std::string>{"seat_tier"}));
  const auto unknown = wallet.Administer(LimitOf(Scope::kMember, "nobody", Nanos(1)));
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RefusalReason(unknown), "MEMBER_NOT_FOUND");
  SetSpendLimitCommand foreign = LimitOf(Scope::kOrganization, "", Nanos(1));
  foreign.currency_code = "EUR";
  EXPECT_EQ(RefusedFields(wallet.Administer(foreign).status()),
            (std::vector<std::string>{"amount.currency_code"}));
  EXPECT_EQ(wallet.entries().size(), 1u);
}

// Rules: L2, A4
TEST(SpendLimit, SetAgainToTheSameLeavesNoEntry) {
  TestWallet wallet("usage");
  wallet.LimitOrganization(Dollars(5)).LimitOrganization(Dollars(5));
  wallet.LimitOrganization(std::nullopt).LimitOrganization(std::nullopt);
  wallet.LimitTier("basic", Dollars(1)).LimitTier("basic", Dollars(1), LimitBasis::kTierTotal);
  const std::vector<SpendLimitSet> sets = wallet.Bodies<SpendLimitSet>();
  ASSERT_EQ(sets.size(), 4u);
  std::vector<std::string> changes;
  for (const SpendLimitSet& set : sets) {
    changes.push_back(set.changes.at(0).before + " -> " + set.changes.at(0).after);
  }
  EXPECT_EQ(changes,
            (std::vector<std::string>{"not set -> 5.00", "5.00 -> unlimited", "not set -> 1.00",
                                      "1.00 -> 1.00 for the tier together"}));
}

// Rules: O7
TEST(Wallets, OfDifferentOrganizationsNeverMix) {
  TestWallet one("usage");
  TestWallet other("usage");
  one.AddMember("ann").LimitOrganization(Dollars(1)).Record("ann", Dollars(1));
  other.AddMember("ann").LimitOrganization(Dollars(1));
  EXPECT_FALSE(one.Check("ann").admitted);
  EXPECT_TRUE(other.Check("ann").admitted);
}

}  // namespace
}  // namespace bursar
