#include "tests/ledger/naive_comparison.h"

#include <gtest/gtest.h>

namespace bursar {

namespace {

class Comparison {
 public:
  Comparison(const TestWallet& wallet, const NaiveWallet& naive) : wallet_(wallet), naive_(naive) {}

  void Compare() {
    CompareHolds();
    CompareWindows();
    const WalletHeader& header = wallet_.header();
    EXPECT_EQ(header.Balance(), naive_.Balance());
    EXPECT_EQ(header.overdraft, naive_.Overdraft());
    EXPECT_EQ(header.episode.has_value(), naive_.episode_open());
    EXPECT_EQ(header.member_count, naive_.SeatCount());
    CompareMonth(header.month, naive_.SumOf("", ""));
    CompareRecent(header.recent, {});
    for (const NamedScope& named : header.named_scopes) {
      const bool surface = named.scope == Scope::kSurface;
      const NaiveWallet::Selection own{"", "", surface ? named.id : "", surface ? "" : named.id};
      CompareRecent(named.recent, own);
      ComparePeriod(named.month, PeriodKind::kMonth, own);
    }
    for (const TierState& tier : header.tiers) {
      CompareMonth(tier.month, naive_.SumOf("", tier.tier_id));
      CompareRecent(tier.recent, {"", tier.tier_id, "", ""});
    }
    for (const auto& [member_id, member] : wallet_.wallet().members) {
      EXPECT_EQ(member.tier_id, naive_.TierOf(member_id).value_or("nobody"));
      CompareMonth(member.month, naive_.SumOf(member_id, ""));
      CompareRecent(member.recent, {member_id, "", "", ""});
      ComparePeriod(member.hour, PeriodKind::kHour, {member_id, "", "", ""});
      for (const TierRecentSpend& spend : member.tier_recent) {
        const NaiveWallet::Selection in_tier{member_id, spend.tier_id, "", ""};
        ComparePeriod({member.recent.week.period, spend.week}, PeriodKind::kWeek, in_tier);
        ComparePeriod({member.recent.day.period, spend.day}, PeriodKind::kDay, in_tier);
      }
    }
  }

 private:
  void CompareMonth(const MonthCounter& month, const NaiveWallet::MonthSum& expected) {
    const bool current = month.month.Contains(wallet_.now());
    EXPECT_EQ(current ? month.extra : Amount(), expected.extra);
    EXPECT_EQ(current ? month.included : Amount(), expected.included);
  }

  void ComparePeriod(const PeriodCounter& counter, PeriodKind kind,
                     const NaiveWallet::Selection& selection) {
    const bool current = counter.period.Contains(wallet_.now());
    EXPECT_EQ(current ? counter.extra : Amount(), naive_.SpentIn(kind, selection));
  }
  void CompareRecent(const RecentSpend& recent, const NaiveWallet::Selection& selection) {
    ComparePeriod(recent.week, PeriodKind::kWeek, selection);
    ComparePeriod(recent.day, PeriodKind::kDay, selection);
  }

  void CompareHolds() {
    const std::vector<NaiveHold> expected = naive_.OpenHolds();
    ASSERT_EQ(wallet_.wallet().holds.size(), expected.size());
    for (const NaiveHold& hold : expected) {
      const Hold* open = wallet_.wallet().FindHold(hold.id);
      ASSERT_NE(open, nullptr);
      EXPECT_EQ(open->member_id, hold.member_id);
      EXPECT_EQ(open->tier_id, hold.tier_id);
      EXPECT_EQ(Amount(open->included), hold.included);
      EXPECT_EQ(Amount(open->extra), hold.extra);
      EXPECT_EQ(open->of_pool, hold.from_pool);
      EXPECT_EQ(open->expires_at, hold.expires_at);
    }
  }

  // What every window that is open says was drawn.
  void CompareWindows() {
    for (const WindowCounter& counter : wallet_.header().pool_windows) {
      if (!counter.window.Contains(wallet_.now())) continue;
      EXPECT_EQ(counter.spent, naive_.IncludedSpent("", counter.kind));
    }
    for (const auto& [member_id, member] : wallet_.wallet().members) {
      for (const WindowCounter& counter : member.windows) {
        if (!counter.window.Contains(wallet_.now())) continue;
        EXPECT_EQ(counter.spent, naive_.IncludedSpent(member_id, counter.kind));
      }
    }
  }

  const TestWallet& wallet_;
  const NaiveWallet& naive_;
};

}  // namespace

void CompareState(const TestWallet& wallet, const NaiveWallet& naive) {
  Comparison(wallet, naive).Compare();
}

}  // namespace bursar
