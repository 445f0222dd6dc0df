// Refunds and corrections: new entries that take charges back.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Rules: R7
TEST(Refunds, ReturnExtraFirstAndNeverMoreThanTheCharge) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Record("ann", Dollars(30));  // 25 included, 5 extra.
  const int64_t charge = wallet.LastCharge();
  const ReverseEntryOutcome first = wallet.Reverse(charge, Dollars(4));
  EXPECT_EQ(first.reversed.extra, Dollars(4));
  EXPECT_EQ(first.reversed.included, Nanos());
  EXPECT_EQ(first.left, Dollars(26));
  EXPECT_EQ(first.returned_credit, Nanos());
  EXPECT_EQ(wallet.header().month.extra, Dollars(1));
  const auto too_much = wallet.TryReverse(charge, Nanos(Dollars(26).value + 1));
  EXPECT_EQ(RefusedFields(too_much.status()), (std::vector<std::string>{"amount"}));
  EXPECT_EQ(Violations(too_much.status())[0].description,
            "must be at most what is left of the charge, 26.00 USD");
  const ReverseEntryOutcome second = wallet.Reverse(charge);
  EXPECT_EQ(second.reversed.extra, Dollars(1));
  EXPECT_EQ(second.reversed.included, Dollars(25));
  EXPECT_EQ(wallet.header().month.extra, Amount());
  EXPECT_EQ(wallet.header().month.included, Amount());
  EXPECT_EQ(wallet.member("ann").windows[0].spent, Amount());
  const auto again = wallet.TryReverse(charge);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(again), "ALREADY_REVERSED");
}

// Rules: R7
TEST(Refunds, AreOfChargesOnlyAndOfMoreThanNothing) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  EXPECT_EQ(RefusalReason(wallet.TryReverse(1)), "NOT_REVERSIBLE");
  EXPECT_EQ(RefusalReason(wallet.TryReverse(4711)), "NOT_REVERSIBLE");
  wallet.Record("ann", Dollars(1));
  for (const Nanos amount : {Nanos(), Nanos(-1)}) {
    EXPECT_EQ(RefusedFields(wallet.TryReverse(wallet.LastCharge(), amount).status()),
              (std::vector<std::string>{"amount"}));
  }
}

// Rules: R7, X2, J2
TEST(Refunds, BringPrepaidCreditBackWithItsExpiryOrThirtyDays) {
  TestWallet wallet("api");
  const absl::Time soon = Start() + absl::Hours(24 * 3);
  const absl::Time late = Start() + absl::Hours(24 * 90);
  wallet.AddMember("ann").Grant(Dollars(4), soon).Grant(Dollars(10), late);
  wallet.Record("ann", Dollars(9));  // 4 of the first, 5 of the second.
  const int64_t charge = wallet.LastCharge();
  wallet.Advance(absl::Hours(24 * 5));
  const ReverseEntryOutcome part = wallet.Reverse(charge, Dollars(2));
  EXPECT_EQ(part.returned_credit, Dollars(2));
  CreditGranted granted = wallet.Bodies<CreditGranted>().back();
  EXPECT_EQ(granted.kind, CreditKind::kAdjustment);
  EXPECT_EQ(granted.amount, Dollars(2));
  EXPECT_EQ(granted.expires_at, late);  // What was drawn last comes back first.
  EXPECT_EQ(granted.refund_of, charge);
  wallet.Reverse(charge);
  const std::vector<CreditGranted> all = wallet.Bodies<CreditGranted>();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[3].amount, Dollars(4));
  EXPECT_EQ(all[3].expires_at, wallet.now() + absl::Hours(24 * 30));
  EXPECT_EQ(all[4].amount, Dollars(3));
  EXPECT_EQ(all[4].expires_at, late);
  EXPECT_EQ(wallet.header().Balance(), Dollars(14));
  EXPECT_EQ(wallet.header().totals.credited, Dollars(14));
  EXPECT_EQ(wallet.header().totals.consumed, Amount());
}

// Rules: R7, X2
TEST(Refunds, RepayOverdraftFirst) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(2));
  wallet.Record("ann", Dollars(9));
  const int64_t charge = wallet.LastCharge();
  EXPECT_EQ(wallet.header().overdraft, Dollars(7));
  wallet.Reverse(charge, Dollars(5));
  EXPECT_EQ(wallet.header().overdraft, Dollars(2));
  EXPECT_EQ(wallet.header().Balance(), Amount());
  wallet.Reverse(charge);
  EXPECT_EQ(wallet.header().overdraft, Amount());
  EXPECT_EQ(wallet.header().Balance(), Dollars(2));
}

// Rules: R7
TEST(Refunds, LowerCountersOnlyOfPeriodsThatAreStillOpen) {
  TestWallet wallet("seats");  // Anchored on the first at 10:00; the month is the calendar's.
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Record("ann", Dollars(30));
  const int64_t charge = wallet.LastCharge();
  wallet.MoveTo(At("2026-12-01T08:00:00Z"));
  wallet.Record("ann", Dollars(3));
  EXPECT_EQ(wallet.header().month.extra, Dollars(3));
  const ReverseEntryOutcome outcome = wallet.Reverse(charge, Dollars(15));
  EXPECT_EQ(outcome.reversed.extra, Dollars(5));
  EXPECT_FALSE(outcome.reversed.lowers_month);     // November is over,
  EXPECT_EQ(outcome.reversed.windows.size(), 1u);  // the included window until 10:00 is not.
  EXPECT_EQ(wallet.header().month.extra, Dollars(3));
  EXPECT_EQ(wallet.member("ann").windows[0].spent, Dollars(15));
  wallet.MoveTo(At("2026-12-01T10:00:00Z"));
  EXPECT_TRUE(wallet.Reverse(charge, Dollars(1)).reversed.windows.empty());
}

// Rules: R7, L2
TEST(Refunds, CountInTheTierCharged) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Record("ann", Dollars(35));
  const int64_t charge = wallet.LastCharge();
  wallet.MoveToTier("ann", "premium");
  wallet.Record("ann", Dollars(110));
  wallet.Reverse(charge, Dollars(6));
  EXPECT_EQ(wallet.header().FindTier("standard")->month.extra, Dollars(4));
  EXPECT_EQ(wallet.header().FindTier("premium")->month.extra, Dollars(10));
  EXPECT_EQ(wallet.header().month.extra, Dollars(14));
}

// Rules: R7, N3
TEST(Refunds, EndAnEpisodeThatTheyLift) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().LimitOrganization(Dollars(5));
  wallet.Record("ann", Dollars(30));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  ASSERT_TRUE(wallet.header().episode.has_value());
  wallet.Reverse(wallet.LastCharge(), Cents(1));
  EXPECT_FALSE(wallet.header().episode.has_value());
  EXPECT_EQ(wallet.Bodies<EpisodeEnded>().back().cause, "refund");
}

}  // namespace
}  // namespace bursar
