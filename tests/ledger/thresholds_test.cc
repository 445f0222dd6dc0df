// Thresholds of spend limits: in every check, and noticed once.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

SetSpendLimitCommand PeriodLimitOf(Scope scope, const std::string& scope_id, PeriodKind period,
                                   std::optional<Nanos> amount) {
  SetSpendLimitCommand command = LimitOf(scope, scope_id, amount);
  command.period = period;
  return command;
}

std::vector<int> Noticed(const TestWallet& wallet) {
  std::vector<int> percents;
  for (const ThresholdNoticed& noticed : wallet.Bodies<ThresholdNoticed>()) {
    percents.push_back(noticed.percent);
  }
  return percents;
}

// Rules: L5
TEST(Thresholds, AreNoticedOnceEachAndByTheHighestThatAChargeReaches) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(10));
  for (int i = 0; i < 4; ++i) wallet.Record("ann", Dollars(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{}));
  for (int i = 0; i < 6; ++i) wallet.Record("ann", Dollars(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{50, 75, 90, 100}));
  wallet.Record("ann", Dollars(5));
  EXPECT_EQ(Noticed(wallet).size(), 4u);
  const ThresholdNoticed last = wallet.Bodies<ThresholdNoticed>().back();
  EXPECT_EQ(last.scope, Scope::kOrganization);
  EXPECT_EQ(last.limit, Dollars(10));
  EXPECT_EQ(last.window, (Window{At("2026-11-01T00:00:00Z"), At("2026-12-01T00:00:00Z")}));
  EXPECT_TRUE(last.member_id.empty());

  TestWallet jump("usage");
  jump.AddMember("ann").LimitOrganization(Dollars(10)).Record("ann", Dollars(9));
  EXPECT_EQ(Noticed(jump), (std::vector<int>{90})) << "one notice, not three";
}

// Rules: L5
TEST(Thresholds, AreNoticedAgainInTheNextPeriodAndAfterTheValueChanged) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(10)).Record("ann", Dollars(10));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{100}));
  wallet.LimitOrganization(Dollars(20)).Record("ann", Nanos(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{100, 50}));
  wallet.LimitOrganization(Dollars(20)).Record("ann", Nanos(1));
  EXPECT_EQ(Noticed(wallet).size(), 2u) << "set to the same";
  wallet.LimitOrganization(Dollars(10)).Record("ann", Nanos(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{100, 50, 100})) << "the value changed again";
  wallet.MoveTo(At("2026-12-01T00:00:00Z")).Record("ann", Dollars(5));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{100, 50, 100, 50}));
}

// Rules: L4, L5
TEST(Thresholds, AreArmedAnewByATemporaryLimitAndByItsEnd) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(10)).Record("ann", Dollars(9));
  SetSpendLimitCommand raise = LimitOf(Scope::kMember, "ann", Dollars(12));
  raise.expires_at = At("2026-11-02T00:00:00Z");
  wallet.Do(raise);
  wallet.Record("ann", Nanos(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{90, 75}));
  wallet.MoveTo(At("2026-11-02T00:00:00Z")).Record("ann", Nanos(1));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{90, 75, 90}));
  for (const ThresholdNoticed& one : wallet.Bodies<ThresholdNoticed>()) {
    EXPECT_EQ(one.member_id, "ann");
  }
}

// Rules: L5, R7
TEST(Thresholds, AreNotNoticedTwiceAfterARefund) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(10)).Record("ann", Dollars(8));
  wallet.Reverse(wallet.LastCharge());
  wallet.Record("ann", Dollars(8));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{75}));
}

// Rules: L5, L2
TEST(Thresholds, OfATierForEachMemberAreEachMembers) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").AddMember("bob").LimitTier("basic", Dollars(10));
  wallet.Record("ann", Dollars(6));
  wallet.Record("bob", Dollars(6));
  wallet.Record("ann", Cents(1));
  std::vector<std::string> whom;
  for (const ThresholdNoticed& one : wallet.Bodies<ThresholdNoticed>()) {
    EXPECT_EQ(one.scope, Scope::kSeatTier);
    EXPECT_EQ(one.scope_id, "basic");
    whom.push_back(one.member_id);
  }
  EXPECT_EQ(whom, (std::vector<std::string>{"ann", "bob"}));
}

// Rules: L5, L1
TEST(Thresholds, OfEveryScopeAndPeriodAreNoticedAndReportedByThemselves) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  int limits = 0;
  for (const PeriodKind period : {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay}) {
    for (const auto& [scope, id] :
         std::vector<std::pair<Scope, std::string>>{{Scope::kOrganization, ""},
                                                    {Scope::kSeatTier, "basic"},
                                                    {Scope::kMember, "ann"},
                                                    {Scope::kSurface, "chat"},
                                                    {Scope::kModel, "claude-opus-4-5"}}) {
      wallet.Do(PeriodLimitOf(scope, id, period, Dollars(10)));
      ++limits;
    }
  }
  wallet.Record("ann", Dollars(5));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<ThresholdNoticed>(), limits);
  const std::vector<ThresholdReached> reached = wallet.Check("ann").thresholds;
  EXPECT_EQ(static_cast<int>(reached.size()), limits);
  for (const ThresholdReached& one : reached) {
    EXPECT_EQ(one.percent, 50);
    EXPECT_TRUE(one.exceeded);
  }
}

// Rules: L5, L6
TEST(Thresholds, OfAnHourAreNoticedOnlyAsARunaway) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").MoveTo(At("2026-11-04T10:30:00Z"));
  wallet.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kHour, Dollars(10)));
  wallet.Record("ann", Dollars(9));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{}));
  EXPECT_EQ(wallet.Check("ann").thresholds.at(0).percent, 90);
  wallet.Record("ann", Dollars(1));
  wallet.Record("ann", Dollars(1));
  ASSERT_EQ(Noticed(wallet), (std::vector<int>{100}));
  EXPECT_EQ(wallet.Bodies<ThresholdNoticed>()[0].member_id, "ann");
  wallet.MoveTo(At("2026-11-04T11:00:00Z")).Record("ann", Dollars(10));
  EXPECT_EQ(Noticed(wallet), (std::vector<int>{100, 100}));
}

// Rules: L5
TEST(Thresholds, OfZeroAndOfIncludedUsageAreNone) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").LimitMember("ann", Nanos()).Record("ann", Dollars(25));
  EXPECT_EQ(wallet.Count<ThresholdNoticed>(), 0);
  EXPECT_TRUE(wallet.Check("ann").thresholds.empty());
}

}  // namespace
}  // namespace bursar
