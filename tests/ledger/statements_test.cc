// Statements: what a month adds up to, when it is final, and that it never changes.
#include "server/ledger/statements.h"

#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Adds entries up by the instants at which they were recorded, and nothing else.
StatementTotals AddUp(const std::vector<Entry>& entries, const Window& period) {
  StatementTotals totals;
  for (const Entry& entry : entries) {
    if (period.Contains(entry.recorded_at)) AddToTotals(entry.body, totals);
  }
  return totals;
}

// Rules: S4
TEST(Statements, OpenWithTheFirstChargeOfTheMonthAndEndWithIt) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  EXPECT_FALSE(wallet.header().statement.IsOpen());
  wallet.Record("ann", Dollars(3));
  EXPECT_EQ(wallet.header().statement.period,
            (Window{At("2026-11-01T00:00:00Z"), At("2026-12-01T00:00:00Z")}));
  EXPECT_EQ(wallet.header().NextDue(), At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(wallet.Count<StatementOpened>(), 0) << "the month says it";
  wallet.MoveTo(At("2026-12-01T00:00:00Z") - absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(wallet.Count<StatementFinalized>(), 0);
  wallet.MoveTo(At("2026-12-01T00:00:00Z")).WriteDues();
  ASSERT_EQ(wallet.Count<StatementFinalized>(), 1);
  const StatementFinalized statement = wallet.Bodies<StatementFinalized>()[0];
  EXPECT_EQ(statement.totals.metered, Dollars(3));
  EXPECT_EQ(statement.totals.charge_count, 1);
  EXPECT_EQ(statement.first_sequence, 1);
  EXPECT_EQ(wallet.entries().back().recorded_at, At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture()) << "an untouched month has none";
}

// Rules: S4
TEST(Statements, OpenWithCreditWhereNothingWasChargedYet) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10), absl::InfiniteFuture());
  ASSERT_EQ(wallet.Count<StatementOpened>(), 1);
  wallet.Record("ann", Dollars(4));
  wallet.MoveTo(At("2026-12-15T00:00:00Z")).Record("ann", Dollars(1));
  wallet.MoveTo(At("2027-01-02T00:00:00Z")).WriteDues();
  const auto statements = wallet.Bodies<StatementFinalized>();
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].totals.purchased, Dollars(10));
  EXPECT_EQ(statements[0].totals.drawn, Dollars(4));
  EXPECT_EQ(statements[0].opening_balance, Amount());
  EXPECT_EQ(statements[0].closing_balance, Dollars(6));
  EXPECT_EQ(statements[1].totals.purchased, Amount());
  EXPECT_EQ(statements[1].opening_balance, Dollars(6));
  EXPECT_EQ(statements[1].closing_balance, Dollars(5));
  EXPECT_EQ(statements[1].period.start, statements[0].period.end);
}

// Rules: S4, T3
TEST(Statements, WaitForEverythingThatFellDueInTheirMonth) {
  TestWallet wallet("api");
  UpdateOrganizationCommand capture;
  capture.hold_expiry_policy = HoldExpiryPolicy::kCapture;
  wallet.Do(capture);
  wallet.AddMember("ann");
  wallet.Grant(Dollars(1), At("2026-11-30T23:00:00Z"))
      .Grant(Dollars(2), At("2026-12-01T00:00:00Z"))
      .Grant(Dollars(50), absl::InfiniteFuture());
  wallet.MoveTo(At("2026-11-30T23:55:00Z"));
  wallet.PlaceHold("ann", Dollars(5));  // Expires in December, ten minutes from now.
  wallet.MoveTo(At("2027-02-01T00:00:00Z")).WriteDues();
  const auto statements = wallet.Bodies<StatementFinalized>();
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].totals.expired, Dollars(1)) << "what expired before the month's end";
  EXPECT_EQ(statements[0].totals.drawn, Amount());
  EXPECT_EQ(statements[1].totals.expired, Dollars(2)) << "what expired at the month's end";
  EXPECT_EQ(statements[1].totals.charge_count, 1) << "the capture";
  for (const StatementFinalized& statement : statements) {
    EXPECT_EQ(statement.totals, AddUp(wallet.entries(), statement.period));
  }
}

// Rules: S4, R7
TEST(Statements, CountRefundsInTheMonthInWhichTheyAreRecorded) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10), absl::InfiniteFuture()).Record("ann", Dollars(4));
  const int64_t charge = wallet.LastCharge();
  wallet.MoveTo(At("2026-12-10T00:00:00Z")).Reverse(charge, Dollars(3));
  EXPECT_EQ(wallet.Count<StatementOpened>(), 2);
  wallet.MoveTo(At("2027-01-10T00:00:00Z")).WriteDues();
  const auto statements = wallet.Bodies<StatementFinalized>();
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].totals.NetCost(), Dollars(4));
  EXPECT_EQ(statements[1].totals.NetCost(), -Amount(Dollars(3)));
  EXPECT_EQ(statements[1].totals.refunded_credit, Dollars(3));
  EXPECT_EQ(statements[1].totals.adjusted, Amount());
  EXPECT_EQ(statements[1].closing_balance, Dollars(9));
}

// Rules: S4, T4
TEST(Statements, NeverOverlapAndLeaveNothingOutAlsoWhereTheZoneChanges) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record("ann", Dollars(1));
  UpdateOrganizationCommand change;
  change.time_zone = "America/New_York";
  wallet.Do(change);
  for (int month = 0; month < 4; ++month) {
    wallet.Advance(absl::Hours(24 * 17)).Record("ann", Dollars(1));
    wallet.Advance(absl::Hours(24 * 13)).Record("ann", Dollars(2));
  }
  wallet.Advance(absl::Hours(24 * 40)).WriteDues();
  const auto statements = wallet.Bodies<StatementFinalized>();
  ASSERT_GE(statements.size(), 4u);
  Amount sum;
  for (size_t i = 0; i < statements.size(); ++i) {
    EXPECT_EQ(statements[i].totals, AddUp(wallet.entries(), statements[i].period)) << i;
    if (i > 0) {
      EXPECT_GE(statements[i].period.start, statements[i - 1].period.end) << i;
    }
    sum += statements[i].totals.NetCost();
  }
  EXPECT_EQ(sum, wallet.header().totals.charged);
}

// Rules: S4, T3
TEST(Statements, OfCreditThatExpiredInSeveralMonthsUnseenAreOneForEach) {
  TestWallet wallet("api");
  wallet.Grant(Dollars(1), At("2027-01-10T00:00:00Z"));
  wallet.Grant(Dollars(2), At("2027-03-10T00:00:00Z"));
  wallet.MoveTo(At("2027-05-10T00:00:00Z")).WriteDues();
  const auto statements = wallet.Bodies<StatementFinalized>();
  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[1].totals.expired, Dollars(1));
  EXPECT_EQ(statements[2].totals.expired, Dollars(2));
  for (const StatementFinalized& one : statements) {
    EXPECT_EQ(one.totals, AddUp(wallet.entries(), one.period));
  }
}

// Rules: S4, J1
TEST(Statements, ThatSayAnythingElseThanTheJournalDoNotFit) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record("ann", Dollars(3));
  const StatementFinalized right = FinalizeStatement(wallet.header());
  const auto fits = [&](const StatementFinalized& statement) {
    Wallet copy = wallet.wallet();
    const Entry entry = {copy.header.revision + 1, right.period.end, {}, statement};
    return Apply(copy, entry).ok();
  };
  EXPECT_TRUE(fits(right));
  StatementFinalized wrong = right;
  wrong.totals.metered += Nanos(1);
  EXPECT_FALSE(fits(wrong));
  wrong = right;
  wrong.period.end += absl::Hours(1);
  EXPECT_FALSE(fits(wrong));
  wrong = right;
  wrong.first_sequence = 2;
  EXPECT_FALSE(fits(wrong));
  wrong = right;
  wrong.closing_balance += Nanos(1);
  EXPECT_FALSE(fits(wrong));
  Wallet copy = wallet.wallet();
  EXPECT_FALSE(
      Apply(copy, {copy.header.revision + 1, wallet.now(), {}, StatementOpened{right.period}}).ok())
      << "one is open already";
}

// Rules: S4, X3, O8
TEST(Statements, SayWhatIsOwedBesideWhatCreditPaid) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(20), absl::InfiniteFuture()).Record("ann", Dollars(5));
  EXPECT_EQ(wallet.header().statement.totals.Owed(), Amount()) << "credit paid it";
  wallet.Record("ann", Dollars(18));
  EXPECT_EQ(wallet.header().statement.totals.Owed(), Amount()) << "the next credit repays it";
  UpdateOrganizationCommand move;
  move.plan_id = "usage";
  wallet.Do(move);
  EXPECT_EQ(wallet.header().statement.totals.Owed(), Dollars(3)) << "what was overdrawn is billed";
  wallet.Record("ann", Dollars(7));
  EXPECT_EQ(wallet.header().statement.totals.Owed(), Dollars(10));
}

}  // namespace
}  // namespace bursar
