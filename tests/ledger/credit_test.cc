// Prepaid credit: what order it is drawn in, how it expires, overdraft and what repays it.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

std::vector<Nanos> Remaining(const TestWallet& wallet) {
  std::vector<Nanos> remaining;
  for (const CreditGrant& grant : wallet.header().grants) remaining.push_back(grant.remaining);
  return remaining;
}

// Rules: X2
TEST(Credit, IsDrawnByEarliestExpiryThenOldest) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  const absl::Time soon = Start() + absl::Hours(24);
  const absl::Time late = Start() + absl::Hours(48);
  wallet.Grant(Dollars(1), late)
      .Grant(Dollars(2), soon)
      .Grant(Dollars(3), late)
      .Grant(Dollars(4), soon);
  EXPECT_EQ(Remaining(wallet),
            (std::vector<Nanos>{Dollars(2), Dollars(4), Dollars(1), Dollars(3)}));
  const UsageCharged charge = wallet.Record("ann", Dollars(7));
  ASSERT_EQ(charge.grant_draws.size(), 3u);
  EXPECT_EQ(charge.grant_draws[0].amount, Dollars(2));
  EXPECT_EQ(charge.grant_draws[1].amount, Dollars(4));
  EXPECT_EQ(charge.grant_draws[2].amount, Dollars(1));
  EXPECT_LT(charge.grant_draws[0].grant_sequence, charge.grant_draws[1].grant_sequence);
  EXPECT_EQ(Remaining(wallet), (std::vector<Nanos>{Dollars(3)}));
  EXPECT_EQ(charge.overdraft, Nanos());
}

// Rules: X2
TEST(Credit, ThatNeverExpiresIsDrawnLast) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1), absl::InfiniteFuture()).Grant(Dollars(2));
  wallet.Record("ann", Dollars(2));
  EXPECT_EQ(Remaining(wallet), (std::vector<Nanos>{Dollars(1)}));
  EXPECT_EQ(wallet.header().NextDue(), wallet.header().statement.period.end);
}

// Rules: X2, T3
TEST(Credit, ExpiresExactlyAtItsInstant) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(5), Start() + absl::Hours(1));
  wallet.Record("ann", Dollars(2));
  wallet.MoveTo(Start() + absl::Hours(1) - absl::Nanoseconds(1));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  wallet.MoveTo(Start() + absl::Hours(1));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
  const std::vector<CreditExpired> expired = wallet.Bodies<CreditExpired>();
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].amount, Dollars(3)) << "what was left";
  EXPECT_EQ(wallet.header().totals.expired, Dollars(3));
}

// Rules: X2
TEST(Credit, UsedUpLeavesNothingToExpire) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(5), Start() + absl::Hours(1)).Record("ann", Dollars(5));
  EXPECT_TRUE(wallet.header().grants.empty());
  wallet.Advance(absl::Hours(2)).WriteDues();
  EXPECT_EQ(wallet.Count<CreditExpired>(), 0);
}

// Rules: X2
TEST(Credit, LivesOneYearByDefaultToTheInstant) {
  const std::vector<std::pair<std::string, std::string>> now_and_expiry = {
      {"2026-11-01T10:00:00.000000001Z", "2027-11-01T10:00:00.000000001Z"},
      {"2027-03-01T00:00:00Z", "2028-03-01T00:00:00Z"},
      {"2028-02-29T12:00:00Z", "2029-03-01T12:00:00Z"}};
  TestWallet wallet("api");
  for (const auto& [now, expiry] : now_and_expiry) {
    wallet.MoveTo(At(now)).Grant(Dollars(1));
    EXPECT_EQ(wallet.Bodies<CreditGranted>().back().expires_at, At(expiry));
  }
}

// Rules: X2
TEST(Overdraft, IsRepaidByTheNextCreditFirst) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(2));
  EXPECT_EQ(wallet.Record("ann", Dollars(5)).overdraft, Dollars(3));
  EXPECT_EQ(wallet.header().overdraft, Dollars(3));

  AdministrationOutcome outcome = wallet.Do(CreditOf(Dollars(2)));
  EXPECT_EQ(outcome.repaid_overdraft, Dollars(2));
  EXPECT_EQ(wallet.header().overdraft, Dollars(1));
  EXPECT_TRUE(wallet.header().grants.empty()) << "nothing of it is left";
  EXPECT_FALSE(wallet.Check("ann").admitted);

  outcome = wallet.Do(CreditOf(Dollars(4)));
  EXPECT_EQ(outcome.repaid_overdraft, Dollars(1));
  EXPECT_EQ(wallet.header().overdraft, Amount());
  EXPECT_EQ(Remaining(wallet), (std::vector<Nanos>{Dollars(3)}));
  EXPECT_EQ(wallet.header().grants[0].amount, Dollars(4)) << "the grant's own amount stays";
  EXPECT_TRUE(wallet.Check("ann", Dollars(3)).admitted);
}

// Rules: X2, H1
TEST(Overdraft, LowersTheHeadroomThatIsShown) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Record("ann", Dollars(5));
  const CheckAdmissionOutcome outcome = wallet.Check("ann");
  const Evaluation& balance = outcome.evaluations.front().bound;
  EXPECT_EQ(balance.source, BoundSource::kBalance);
  EXPECT_EQ(balance.limit, Amount(Nanos()));
  EXPECT_EQ(balance.spent, Dollars(5));
}

// Rules: X5
TEST(Credit, AdmitsTheVeryNextCheck) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(5));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
  wallet.Grant(Nanos(1));
  EXPECT_TRUE(wallet.Check("ann").admitted);
}

// Rules: X1
TEST(Credit, NeverSwitchesExtraUsageOn) {
  TestWallet wallet("team");
  wallet.AddMember("ann").Record("ann", Dollars(5));
  wallet.Grant(Dollars(100));
  EXPECT_FALSE(wallet.header().extra_enabled);
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kExtraUsageDisabled);
}

// Rules: X2, J2
TEST(Credit, AddsUpOverItsWholeLife) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  wallet.Grant(Dollars(10), Start() + absl::Hours(1)).Record("ann", Dollars(4));
  wallet.Advance(absl::Hours(2)).Record("ann", Dollars(5));
  wallet.Grant(Dollars(7));
  const LifetimeTotals& totals = wallet.header().totals;
  EXPECT_EQ(totals.credited, Dollars(17));
  EXPECT_EQ(totals.consumed, Dollars(9));
  EXPECT_EQ(totals.expired, Dollars(6));
  EXPECT_EQ(totals.charged, Dollars(9));
  EXPECT_EQ(wallet.header().Balance(), Dollars(2));
  EXPECT_EQ(wallet.header().overdraft, Amount());
}

// Rules: X2, X7, M2
TEST(Credit, IsRefusedWithEachFieldThatIsWrong) {
  TestWallet wallet("api");
  GrantCreditCommand command = CreditOf(Nanos(), Start());
  auto refused = wallet.Administer(command);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{"amount", "expire_time"}));
  refused = wallet.Administer(CreditOf(Dollars(1), kLatestInstant));
  EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{"expire_time"}));
  command = CreditOf(Dollars(1));
  command.currency_code = "EUR";
  refused = wallet.Administer(command);
  EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{"amount.currency_code"}));
  command.currency_code = "USD";
  EXPECT_TRUE(wallet.Administer(command).ok());
}

// Rules: X3
TEST(Postpaid, HasNoBalanceToCredit) {
  TestWallet wallet("seats");
  const auto refused = wallet.Administer(CreditOf(Dollars(1)));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(refused), "PLAN_IS_POSTPAID");
}

// Rules: X3
TEST(Postpaid, AccruesWithoutABalanceToRunOut) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  const UsageCharged charge = wallet.Record("ann", Dollars(1'000'000));
  EXPECT_EQ(charge.overdraft, Nanos());
  EXPECT_TRUE(charge.grant_draws.empty());
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.header().month.extra, Dollars(1'000'000));
  EXPECT_EQ(wallet.header().totals.consumed, Amount()) << "of credit nothing";
}

}  // namespace
}  // namespace bursar
