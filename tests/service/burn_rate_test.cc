// How fast money goes.
#include "server/service/burn_rate.h"

#include <gtest/gtest.h>

#include <optional>

namespace bursar {
namespace {

constexpr int64_t kHour = 500'000;  // Some hour since 1970.

absl::Time At(int64_t hour, int minutes) {
  return absl::FromUnixSeconds(hour * 3600) + absl::Minutes(minutes);
}

BurnCounters::Bucket Spent(int64_t index, int64_t units) { return {index, Nanos::Units(units)}; }

// Rules: S1
TEST(BurnRate, OldestPartOfASpanIsProrated) {
  BurnCounters burn;
  burn.hours = {Spent(kHour - 1, 60), Spent(kHour, 5)};
  // A quarter past: of the hour before, three quarters lie in the last hour.
  EXPECT_EQ(ComputeBurnRates(burn, At(kHour, 15)).last_hour, Amount(Nanos::Units(50)));
  EXPECT_EQ(ComputeBurnRates(burn, At(kHour, 0)).last_hour, Amount(Nanos::Units(65)));
  EXPECT_EQ(ComputeBurnRates(burn, At(kHour + 1, 30)).last_hour, Amount(Nanos(2'500'000'000)));
  EXPECT_TRUE(ComputeBurnRates(burn, At(kHour + 30, 0)).last_hour.is_zero());
}

// Rules: S1
TEST(BurnRate, DayAndWeekAreRatesPerHour) {
  const int64_t day = kHour / 24;
  const int64_t midnight = day * 24;
  BurnCounters burn;
  burn.hours = {Spent(midnight - 12, 24), Spent(midnight - 1, 24)};
  burn.days = {Spent(day - 3, 168), Spent(day - 1, 168)};
  const BurnRates rates = ComputeBurnRates(burn, At(midnight, 0));
  EXPECT_EQ(rates.last_day, Amount(Nanos::Units(2)));
  EXPECT_EQ(rates.last_week, Amount(Nanos::Units(2)));
}

class Projection : public testing::Test {
 protected:
  Projection() {
    Plan plan;
    plan.id = "api";
    plan.metered = true;
    plan.funding = Funding::kPrepaid;
    plan.currency_code = "USD";
    plan.seat_tiers.push_back({"standard", "Standard", Nanos(), {}, ""});
    plans_.plans.push_back(plan);
    plan.id = "postpaid";
    plan.funding = Funding::kPostpaid;
    plans_.plans.push_back(plan);
    header_.organization_id = "acme";
    header_.settings.plan_id = "api";
    header_.settings.currency_code = "USD";
    context_ = {absl::FromCivil(absl::CivilSecond(2026, 3, 10, 12, 0, 0), absl::UTCTimeZone()),
                &plans_, &zones_};
    rates_.last_day = Nanos::Units(2);
  }

  ZoneDatabase zones_;
  PlanCatalog plans_;
  WalletHeader header_;
  DecisionContext context_;
  BurnRates rates_;
};

// Rules: S1
TEST_F(Projection, BalanceLastsForItsAmountAtTheRate) {
  CreditGrant grant;
  grant.remaining = Nanos::Units(11);
  header_.grants.push_back(grant);
  header_.overdraft = Nanos::Units(1);
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), context_.now + absl::Hours(5));
  rates_.last_day = Amount();
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), std::nullopt);
  header_.grants.clear();
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), context_.now);
}

// Rules: S1, D5
TEST_F(Projection, WhatIsHeldIsNotUsedUp) {
  CreditGrant grant;
  grant.remaining = Nanos::Units(10);
  header_.grants.push_back(grant);
  header_.limit = SpendLimit{Nanos::Units(10), LimitBasis::kEachMember};
  header_.held_extra = Nanos::Units(10);
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), context_.now + absl::Hours(5));
  rates_.last_day = Amount();
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), std::nullopt);
}

// Rules: S1, L1
TEST_F(Projection, LimitCountsOnlyIfItIsReachedBeforeItsMonthEnds) {
  header_.settings.plan_id = "postpaid";
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), std::nullopt);
  header_.limit = SpendLimit{Nanos::Units(100), LimitBasis::kEachMember};
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), context_.now + absl::Hours(50));
  header_.limit = SpendLimit{Nanos::Units(100'000), LimitBasis::kEachMember};
  EXPECT_EQ(ProjectExhaustion(header_, rates_, context_), std::nullopt);
}

}  // namespace
}  // namespace bursar
