// What the tests of payments and auto-reload ask a TestWallet for.
//
// Thread rule: single-threaded.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {

inline PurchaseCreditCommand PurchaseOf(Nanos amount) { return {amount, "", "order-1", "olga"}; }

inline CompletePaymentCommand Success(int64_t payment) { return {payment, true, "", "", "psp-1"}; }

inline CompletePaymentCommand Failure(int64_t payment) {
  return {payment, false, "card_declined", "The card was declined.", "psp-1"};
}

// Auto-reload on: `amount` at or below `threshold`, at most ten times that in a month.
inline UpdateAutoReloadCommand ReloadOf(Nanos threshold, Nanos amount) {
  UpdateAutoReloadCommand command;
  command.enabled = true;
  command.threshold = threshold;
  command.amount = amount;
  return command;
}

inline UpdateAutoReloadCommand SwitchReload(bool enabled) {
  UpdateAutoReloadCommand command;
  command.enabled = enabled;
  return command;
}

inline UpdateAutoReloadCommand ResumeReload() {
  UpdateAutoReloadCommand command;
  command.resume = true;
  return command;
}

// Opens a purchase; its sequence.
inline int64_t Buy(TestWallet& wallet, Nanos amount) {
  const AdministrationOutcome outcome = wallet.Do(PurchaseOf(amount));
  EXPECT_TRUE(outcome.payment.has_value());
  return outcome.payment.has_value() ? outcome.payment->payment.sequence : 0;
}

// The reload in flight, which there is.
inline Payment ReloadInFlight(const TestWallet& wallet) {
  const Payment* reload = wallet.header().ReloadInFlight();
  EXPECT_NE(reload, nullptr) << "no reload is in flight";
  return reload == nullptr ? Payment() : *reload;
}

// How often a payment was credited.
inline int CreditsOf(const TestWallet& wallet, int64_t payment) {
  int count = 0;
  for (const CreditGranted& granted : wallet.Bodies<CreditGranted>()) {
    count += granted.payment_sequence == payment ? 1 : 0;
  }
  return count;
}

// How many reloads were requested.
inline int ReloadsOf(const TestWallet& wallet) {
  int count = 0;
  for (const PaymentRequested& requested : wallet.Bodies<PaymentRequested>()) {
    count += requested.payment.kind == PaymentKind::kReload ? 1 : 0;
  }
  return count;
}

}  // namespace bursar
