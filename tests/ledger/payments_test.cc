// Payments: the table of states and verdicts, what a success brings, chargebacks, purchases.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/ledger/payment_fixture.h"

namespace bursar {
namespace {

using State = PaymentState;

// Brings a fresh wallet's payment into a state.
struct Staged {
  Staged(PaymentKind kind, State state) : wallet("api") {
    wallet.AddMember("ann");
    if (kind == PaymentKind::kReload) {
      wallet.Do(ReloadOf(Dollars(5), Dollars(25)));
      payment = ReloadInFlight(wallet).sequence;
    } else {
      payment = Buy(wallet, Dollars(25));
    }
    switch (state) {
      case State::kRequested:
        return;
      case State::kSent:
        wallet.Do(MarkPaymentSentCommand{payment});
        return;
      case State::kSucceeded:
        wallet.Do(Success(payment));
        return;
      case State::kFailed:
        wallet.Do(Failure(payment));
        return;
      case State::kLost:
        wallet.Advance(kShippedPaymentTimeout);
        wallet.WriteDues();
        return;
      case State::kCancelled:
        wallet.Do(SwitchReload(false));
        return;
    }
  }
  State state() const { return wallet.wallet().FindPayment(payment)->state; }

  TestWallet wallet;
  int64_t payment = 0;
};

enum class Event { kMarkSent, kSucceed, kFail, kTimeOut, kSwitchOff };

std::string NameOf(State state) {
  static const char* const kNames[] = {"",       "requested", "sent",     "succeeded",
                                       "failed", "lost",      "cancelled"};
  return kNames[static_cast<int>(state)];
}

// Rules: X1, X4, X7, T3
TEST(PaymentStates, EveryStateAnswersEveryEventAsTheTableSays) {
  // Rows: the state. Columns: mark sent, succeed, fail, an hour passes, auto-reload is switched
  // off. Nothing: the event is refused. Credits: how often it was credited in the end.
  struct Row {
    State state;
    std::optional<State> after[5];
  };
  const Row kTable[] = {
      {State::kRequested,
       {State::kSent, State::kSucceeded, State::kFailed, State::kLost, State::kCancelled}},
      {State::kSent, {State::kSent, State::kSucceeded, State::kFailed, State::kLost, State::kSent}},
      {State::kSucceeded,
       {State::kSucceeded, State::kSucceeded, std::nullopt, State::kSucceeded, State::kSucceeded}},
      {State::kFailed,
       {State::kFailed, State::kSucceeded, State::kFailed, State::kFailed, State::kFailed}},
      {State::kLost, {State::kLost, State::kSucceeded, State::kFailed, State::kLost, State::kLost}},
      {State::kCancelled,
       {State::kCancelled, State::kSucceeded, State::kCancelled, State::kCancelled,
        State::kCancelled}},
  };
  for (const Row& row : kTable) {
    for (int column = 0; column < 5; ++column) {
      const auto event = static_cast<Event>(column);
      Staged staged(PaymentKind::kReload, row.state);
      SCOPED_TRACE(NameOf(row.state) + ", event " + std::to_string(column));
      ASSERT_EQ(staged.state(), row.state);
      TestWallet& wallet = staged.wallet;
      absl::StatusOr<AdministrationOutcome> outcome = AdministrationOutcome();
      switch (event) {
        case Event::kMarkSent:
          outcome = wallet.Administer(MarkPaymentSentCommand{staged.payment});
          break;
        case Event::kSucceed:
          outcome = wallet.Administer(Success(staged.payment));
          break;
        case Event::kFail:
          outcome = wallet.Administer(Failure(staged.payment));
          break;
        case Event::kTimeOut:
          wallet.Advance(kShippedPaymentTimeout);
          wallet.WriteDues();
          break;
        case Event::kSwitchOff:
          outcome = wallet.Administer(SwitchReload(false));
          break;
      }
      if (!row.after[column].has_value()) {
        EXPECT_EQ(RefusalReason(outcome), "PAYMENT_SUCCEEDED");
        continue;
      }
      ASSERT_TRUE(outcome.ok()) << outcome.status();
      EXPECT_EQ(NameOf(staged.state()), NameOf(*row.after[column]));
      const bool credited = *row.after[column] == State::kSucceeded;
      EXPECT_EQ(CreditsOf(wallet, staged.payment), credited ? 1 : 0);
    }
  }
}

// Rules: X4, X7
TEST(PaymentStates, ASuccessThatComesAgainIsCreditedOnceInEveryState) {
  for (const PaymentKind kind : {PaymentKind::kPurchase, PaymentKind::kReload}) {
    for (const State state :
         {State::kRequested, State::kSent, State::kSucceeded, State::kFailed, State::kLost}) {
      Staged staged(kind, state);
      SCOPED_TRACE(NameOf(state));
      staged.wallet.Do(Success(staged.payment));
      const AdministrationOutcome again = staged.wallet.Do(Success(staged.payment));
      EXPECT_FALSE(again.payment->credited);
      EXPECT_EQ(CreditsOf(staged.wallet, staged.payment), 1);
      EXPECT_EQ(staged.wallet.header().totals.credited, Dollars(25));
    }
  }
}

// Rules: X4
TEST(PaymentStates, AnUnknownPaymentIsNotFound) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  EXPECT_EQ(RefusalReason(wallet.Administer(Success(1))), "PAYMENT_NOT_FOUND");
  EXPECT_EQ(RefusalReason(wallet.Administer(Failure(77))), "PAYMENT_NOT_FOUND");
  EXPECT_EQ(RefusalReason(wallet.Administer(MarkPaymentSentCommand{1})), "PAYMENT_NOT_FOUND");
  EXPECT_EQ(RefusalReason(wallet.Administer(RecordChargebackCommand{1, {}, "", ""})),
            "PAYMENT_NOT_FOUND");
}

// Rules: X7, X5, X6
TEST(Purchase, IsNotCreditUntilItSucceeds) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  const int64_t payment = Buy(wallet, Dollars(25));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  const AdministrationOutcome outcome = wallet.Do(Success(payment));
  EXPECT_TRUE(outcome.payment->credited);
  EXPECT_EQ(outcome.payment->granted->amount, Dollars(25));
  EXPECT_TRUE(wallet.Check("ann").admitted) << "the very next check";
  const CreditGrant& grant = wallet.header().grants.at(0);
  EXPECT_EQ(grant.sequence, outcome.payment->granted->sequence);
  EXPECT_EQ(grant.kind, CreditKind::kPurchase);
  EXPECT_EQ(grant.reference, "psp-1");
  EXPECT_EQ(grant.expires_at, At("2027-11-01T10:00:00Z")) << "a year, like any credit";
  EXPECT_EQ(wallet.wallet().FindPayment(payment)->grant_sequence, grant.sequence);
}

// Rules: X7, X2
TEST(Purchase, RepaysOverdraftFirst) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Record("ann", Dollars(10));
  const AdministrationOutcome outcome = wallet.Do(Success(Buy(wallet, Dollars(25))));
  EXPECT_EQ(outcome.payment->repaid_overdraft, Dollars(10));
  EXPECT_EQ(wallet.header().Balance(), Dollars(15));
}

// Rules: X7
TEST(Purchase, IsForPrepaidPlans) {
  for (const char* plan : {"seats", "usage"}) {
    TestWallet wallet(plan);
    EXPECT_EQ(RefusalReason(wallet.Administer(PurchaseOf(Dollars(5)))), "PLAN_IS_POSTPAID");
    EXPECT_EQ(RefusalReason(wallet.Administer(ReloadOf(Dollars(1), Dollars(5)))),
              "PLAN_IS_POSTPAID");
  }
}

// Rules: X7, M2
TEST(Purchase, OfNothingOrInForeignMoneyNamesTheField) {
  TestWallet wallet("api");
  EXPECT_EQ(RefusedFields(wallet.Administer(PurchaseOf(Nanos())).status()),
            std::vector<std::string>{"amount"});
  PurchaseCreditCommand euros = PurchaseOf(Dollars(5));
  euros.currency_code = "EUR";
  EXPECT_EQ(RefusedFields(wallet.Administer(euros).status()),
            std::vector<std::string>{"amount.currency_code"});
}

// Rules: X7
TEST(Purchase, AHundredMayWaitForTheirVerdict) {
  TestWallet wallet("api");
  std::vector<int64_t> payments;
  for (int i = 0; i < kMaxOpenPurchases; ++i) payments.push_back(Buy(wallet, Dollars(1)));
  EXPECT_EQ(RefusalReason(wallet.Administer(PurchaseOf(Dollars(1)))), "TOO_MANY_PAYMENTS");
  wallet.Do(Failure(payments[50]));
  EXPECT_EQ(RefusalReason(wallet.Administer(PurchaseOf(Dollars(1)))), "OK");
}

// Rules: X4, X7, T3
TEST(Purchase, IsLostWithoutAVerdictInTimeAndCreditedHoweverLate) {
  OrganizationSettings settings;
  settings.payment_timeout = absl::Hours(2);
  TestWallet wallet("api", settings);
  wallet.AddMember("ann");
  const int64_t payment = Buy(wallet, Dollars(25));
  wallet.Advance(absl::Hours(2) - absl::Nanoseconds(1)).WriteDues();
  EXPECT_NE(wallet.header().FindOpenPayment(payment), nullptr);
  wallet.Advance(absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(wallet.wallet().FindPayment(payment)->state, State::kLost);
  wallet.Advance(absl::Hours(24 * 90));
  wallet.Do(Success(payment));
  EXPECT_EQ(wallet.header().Balance(), Dollars(25));
  EXPECT_TRUE(wallet.Bodies<PaymentFinished>().back().late);
}

// Rules: X4, X2, J2
TEST(Chargeback, TakesWhatIsLeftOfItsCreditThenOtherCreditThenOverdraft) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  wallet.Grant(Dollars(4), absl::InfiniteFuture());
  const int64_t payment = Buy(wallet, Dollars(25));
  wallet.Do(Success(payment));
  wallet.Record("ann", Dollars(15));  // From the purchase: it expires first.
  ASSERT_EQ(wallet.header().Balance(), Dollars(14));
  const AdministrationOutcome outcome =
      wallet.Do(RecordChargebackCommand{payment, std::nullopt, "", "disputed"});
  EXPECT_EQ(outcome.payment->taken_from_credit, Dollars(14)) << "10 of its own, 4 of the other";
  EXPECT_EQ(outcome.payment->taken_as_overdraft, Dollars(11));
  const ChargedBack body = wallet.Bodies<ChargedBack>().at(0);
  ASSERT_EQ(body.grant_draws.size(), 2u);
  EXPECT_EQ(body.grant_draws[0].amount, Dollars(10));
  EXPECT_EQ(body.grant_draws[1].amount, Dollars(4));
  EXPECT_EQ(wallet.header().overdraft, Dollars(11));
  EXPECT_EQ(wallet.header().totals.paid_back, Dollars(25));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
}

// Rules: X4, O8, S4, J2
TEST(Chargeback, GoesOntoTheStatementOnAPostpaidPlan) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  const int64_t payment = Buy(wallet, Dollars(25));
  wallet.Do(Success(payment));
  wallet.Record("ann", Dollars(15));
  UpdateOrganizationCommand move;
  move.plan_id = "usage";
  wallet.Do(move);
  const AdministrationOutcome outcome =
      wallet.Do(RecordChargebackCommand{payment, std::nullopt, "", "disputed"});
  EXPECT_EQ(outcome.payment->taken_from_credit, Dollars(10));
  EXPECT_EQ(outcome.payment->taken_as_overdraft, Nanos());
  EXPECT_EQ(outcome.payment->billed, Dollars(15));
  EXPECT_EQ(wallet.header().overdraft, Amount()) << "nothing would repay it";
  EXPECT_EQ(wallet.header().totals.overdraft_billed, Dollars(15));
  EXPECT_EQ(wallet.header().statement.totals.billed_overdraft, Dollars(15));
  EXPECT_TRUE(wallet.Check("ann", Dollars(50)).admitted);
}

// Rules: X4
TEST(Chargeback, ComesInPartsAndNeverExceedsThePayment) {
  TestWallet wallet("api");
  const int64_t payment = Buy(wallet, Dollars(25));
  EXPECT_EQ(RefusalReason(wallet.Administer(RecordChargebackCommand{payment, {}, "", ""})),
            "PAYMENT_NOT_SUCCEEDED");
  wallet.Do(Success(payment));
  wallet.Do(RecordChargebackCommand{payment, Dollars(10), "", ""});
  EXPECT_EQ(RefusedFields(
                wallet.Administer(RecordChargebackCommand{payment, Dollars(16), "", ""}).status()),
            std::vector<std::string>{"amount"});
  EXPECT_EQ(
      RefusedFields(wallet.Administer(RecordChargebackCommand{payment, Nanos(), "", ""}).status()),
      std::vector<std::string>{"amount"});
  wallet.Do(RecordChargebackCommand{payment, {}, "", ""});
  EXPECT_EQ(wallet.header().Balance(), Nanos());
  EXPECT_EQ(RefusalReason(wallet.Administer(RecordChargebackCommand{payment, {}, "", ""})),
            "ALREADY_CHARGED_BACK");
}

// Rules: X4
TEST(Chargeback, PausesAutoReloadSoThatItDoesNotTakeTheMoneyAgain) {
  TestWallet wallet("api");
  wallet.Grant(Dollars(1)).Do(ReloadOf(Dollars(5), Dollars(25)));
  const int64_t reload = ReloadInFlight(wallet).sequence;
  wallet.Do(Success(reload));
  wallet.Advance(absl::Hours(1));
  wallet.Do(RecordChargebackCommand{reload, {}, "", ""});
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kChargeback);
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr);
  wallet.Do(ResumeReload());
  EXPECT_NE(wallet.header().ReloadInFlight(), nullptr) << "an owner may";
}

// Rules: N4
TEST(LowBalance, IsNoticedOnceForEachDip) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(8));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<LowBalanceNoticed>(), 0) << "it never was above the threshold of 10";
  wallet.Grant(Dollars(8));  // 15
  wallet.Record("ann", Dollars(4));
  EXPECT_EQ(wallet.Count<LowBalanceNoticed>(), 0);
  wallet.Record("ann", Dollars(1));
  ASSERT_EQ(wallet.Count<LowBalanceNoticed>(), 1) << "at the threshold is low";
  wallet.Record("ann", Dollars(8));
  wallet.Grant(Dollars(5));  // 7: not out of the dip.
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<LowBalanceNoticed>(), 1);
  wallet.Grant(Dollars(5));  // 11
  wallet.Record("ann", Dollars(20));
  ASSERT_EQ(wallet.Count<LowBalanceNoticed>(), 2);
  EXPECT_EQ(wallet.Bodies<LowBalanceNoticed>()[1].balance, Amount() - Dollars(9)) << "overdrawn";
}

// Rules: N4, T3
TEST(LowBalance, IsNoticedWhenCreditExpiresAndNeverWithAThresholdOfZero) {
  for (const int64_t threshold : {10, 0}) {
    OrganizationSettings settings;
    settings.low_balance_threshold = Dollars(threshold);
    TestWallet wallet("api", settings);
    wallet.Grant(Dollars(50), Start() + absl::Hours(1));
    wallet.Advance(absl::Hours(1)).WriteDues();
    EXPECT_EQ(wallet.Count<LowBalanceNoticed>(), threshold == 0 ? 0 : 1);
  }
}

}  // namespace
}  // namespace bursar
