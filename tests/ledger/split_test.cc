// How one charge is split between the buckets, and what of it no headroom covered.
#include <gtest/gtest.h>

#include <ostream>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// One charge and what becomes of it.
struct SplitCase {
  const char* name;
  const char* plan;
  void (*prepare)(
      TestWallet& wallet);  // Besides adding "ann" (25 of included in a month on seats).
  Nanos cost;
  const char* surface;
  Nanos included;
  Nanos extra;
  Nanos metered;
  Nanos overshoot;
  Nanos overdraft;
  bool unadmitted;
};

void PrintTo(const SplitCase& split, std::ostream* out) { *out << split.name; }

class Split : public testing::TestWithParam<SplitCase> {};

// Rules: B1, B8, R1, X2, X3
TEST_P(Split, FollowsWhatIsPermittedAndWhatIsLeft) {
  const SplitCase& split = GetParam();
  TestWallet wallet(split.plan);
  wallet.AddMember("ann");
  split.prepare(wallet);
  const UsageCharged charge = wallet.Record(RecordOf("ann", split.cost, split.surface));
  EXPECT_EQ(charge.included, split.included);
  EXPECT_EQ(charge.extra, split.extra);
  EXPECT_EQ(charge.metered, split.metered);
  EXPECT_EQ(charge.overshoot, split.overshoot);
  EXPECT_EQ(charge.overdraft, split.overdraft);
  EXPECT_EQ(charge.unadmitted, split.unadmitted);
}

const SplitCase kSplits[] = {
    {"FitsIncluded", "seats", [](TestWallet&) {}, Dollars(25), "chat", Dollars(25), Nanos(),
     Nanos(), Nanos(), Nanos(), false},
    {"CrossesIntoPermittedExtra", "seats", [](TestWallet& w) { w.ExtraForEveryone(); }, Dollars(30),
     "chat", Dollars(25), Dollars(5), Nanos(), Nanos(), Nanos(), false},
    {"OvershootsIncludedWhereExtraIsOff", "seats", [](TestWallet&) {}, Dollars(30), "chat",
     Dollars(30), Nanos(), Nanos(), Dollars(5), Nanos(), false},
    {"OvershootsIncludedWhereNotSelected", "seats", [](TestWallet& w) { w.ExtraFor({}); },
     Dollars(30), "chat", Dollars(30), Nanos(), Nanos(), Dollars(5), Nanos(), false},
    {"OvershootsIncludedUnderZeroMemberLimit", "seats",
     [](TestWallet& w) { w.ExtraForEveryone().LimitMember("ann", Nanos()); }, Dollars(30), "chat",
     Dollars(30), Nanos(), Nanos(), Dollars(5), Nanos(), false},
    {"OvershootsIncludedUnderZeroTierLimit", "seats",
     [](TestWallet& w) { w.ExtraForEveryone().LimitTier("standard", Nanos()); }, Dollars(30),
     "chat", Dollars(30), Nanos(), Nanos(), Dollars(5), Nanos(), false},
    {"OvershootsIncludedUnderZeroOrganizationLimit", "seats",
     [](TestWallet& w) { w.ExtraForEveryone().LimitOrganization(Nanos()); }, Dollars(30), "chat",
     Dollars(30), Nanos(), Nanos(), Dollars(5), Nanos(), false},
    {"ZeroLimitOfAnotherTierDoesNotApply", "seats",
     [](TestWallet& w) { w.ExtraForEveryone().LimitTier("premium", Nanos()); }, Dollars(30), "chat",
     Dollars(25), Dollars(5), Nanos(), Nanos(), Nanos(), false},
    {"ReachedLimitNeverRedirects", "seats",
     [](TestWallet& w) { w.ExtraForEveryone().LimitOrganization(Dollars(2)); }, Dollars(30), "chat",
     Dollars(25), Dollars(5), Nanos(), Dollars(3), Nanos(), false},
    {"EmptyBalanceBecomesOverdraft", "solo", [](TestWallet& w) { w.ExtraForEveryone(); },
     Dollars(30), "chat", Dollars(20), Dollars(10), Nanos(), Dollars(10), Dollars(10), false},
    {"BalanceCoversPartOfIt", "solo", [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(4)); },
     Dollars(30), "chat", Dollars(20), Dollars(10), Nanos(), Dollars(6), Dollars(6), false},
    {"LimitBelowBalanceDecidesTheOvershoot", "solo",
     [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(100)).LimitMember("ann", Dollars(1)); },
     Dollars(30), "chat", Dollars(20), Dollars(10), Nanos(), Dollars(9), Nanos(), false},
    {"CreditIsNotTouchedWhereExtraIsOff", "solo", [](TestWallet& w) { w.Grant(Dollars(100)); },
     Dollars(30), "chat", Dollars(30), Nanos(), Nanos(), Dollars(10), Nanos(), false},
    {"SmallestWindowLimitsIncluded", "team",
     [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(100)); }, Dollars(6), "chat",
     Dollars(5), Dollars(1), Nanos(), Nanos(), Nanos(), false},
    {"IneligibleGoesToExtra", "team",
     [](TestWallet& w) { w.ExtraForEveryone().Grant(Dollars(100)); }, Dollars(6), "batch", Nanos(),
     Dollars(6), Nanos(), Nanos(), Nanos(), false},
    {"IneligibleOvershootsIncludedWhereExtraIsOff", "team", [](TestWallet&) {}, Dollars(6), "batch",
     Dollars(6), Nanos(), Nanos(), Dollars(6), Nanos(), true},
    {"MeteredPostpaidIsNeverIncluded", "usage", [](TestWallet&) {}, Dollars(6), "chat", Nanos(),
     Nanos(), Dollars(6), Nanos(), Nanos(), false},
    {"MeteredUnderZeroLimitIsStillMetered", "usage",
     [](TestWallet& w) { w.LimitOrganization(Nanos()); }, Dollars(6), "chat", Nanos(), Nanos(),
     Dollars(6), Dollars(6), Nanos(), true},
    {"MeteredPrepaidDrawsCredit", "api", [](TestWallet& w) { w.Grant(Dollars(10)); }, Dollars(6),
     "chat", Nanos(), Nanos(), Dollars(6), Nanos(), Nanos(), false},
    {"MeteredPrepaidWithoutCreditOverdraws", "api", [](TestWallet&) {}, Dollars(6), "chat", Nanos(),
     Nanos(), Dollars(6), Dollars(6), Dollars(6), true},
    {"SuspendedMemberIsRecordedAsUnadmitted", "seats",
     [](TestWallet& w) { w.SetStatus("ann", AccountStatus::kSuspended); }, Dollars(6), "chat",
     Dollars(6), Nanos(), Nanos(), Nanos(), Nanos(), true},
    {"RemovedMembersLateRecordIsRecorded", "seats",
     [](TestWallet& w) { w.SetStatus("ann", AccountStatus::kRemoved); }, Dollars(6), "chat",
     Dollars(6), Nanos(), Nanos(), Nanos(), Nanos(), true},
    {"BlockedWithoutExtraOvershootsAndSaysSo", "seats",
     [](TestWallet& w) { w.Record("ann", Dollars(25)); }, Dollars(6), "chat", Dollars(6), Nanos(),
     Nanos(), Dollars(6), Nanos(), true},
    {"NothingCostsNothing", "seats", [](TestWallet&) {}, Nanos(), "chat", Nanos(), Nanos(), Nanos(),
     Nanos(), Nanos(), false},
};

INSTANTIATE_TEST_SUITE_P(Cases, Split, testing::ValuesIn(kSplits),
                         [](const auto& info) { return std::string(info.param.name); });

// Rules: B8, O6
TEST(SplitOfUnseatedMembers, HasNoIncludedUsageToDrawOrToOvershoot) {
  for (const bool extra : {false, true}) {
    OrganizationSettings settings;
    settings.auto_provision_members = true;
    settings.max_seats = 1;
    TestWallet wallet("seats", settings);
    wallet.AddMember("ann");
    if (extra) wallet.ExtraForEveryone();
    const UsageCharged charge = wallet.Record("late", Dollars(6));
    EXPECT_TRUE(charge.unseated);
    EXPECT_EQ(charge.included, Nanos());
    EXPECT_EQ(charge.extra, Dollars(6));
    EXPECT_EQ(charge.overshoot, extra ? Nanos() : Dollars(6));
    EXPECT_EQ(charge.unadmitted, !extra);
  }
}

// Rules: B8, X2
TEST(Split, OfTheLargestCostKeepsEveryNano) {
  TestWallet wallet("solo");
  wallet.AddMember("ann").ExtraForEveryone();
  const UsageCharged charge = wallet.Record("ann", Nanos::Max());
  EXPECT_EQ(charge.included, Dollars(20));
  EXPECT_EQ(charge.extra.value, Nanos::Max().value - Dollars(20).value);
  wallet.Record("ann", Nanos::Max());
  EXPECT_EQ(wallet.header().overdraft, Amount(charge.extra) + Nanos::Max())
      << "a sum is wider than an entry";
}

}  // namespace
}  // namespace bursar
