// What can be asked about payments and auto-reload, and what comes of it.
//
// Thread rule: plain values.
//
// Source: rules X1, X4, X5 and X7 (docs/rules.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/payment.h"
#include "server/ledger/state.h"

namespace bursar {

// Opens a payment. Buying is not granting: only its success brings credit (rule X7).
struct PurchaseCreditCommand {
  Nanos amount;
  std::string currency_code;  // As sent; empty: the wallet's.
  std::string reference;
  std::string requested_by;  // The acting person.
};

// What to change about auto-reload; unset fields stay.
struct UpdateAutoReloadCommand {
  std::optional<bool> enabled;  // Switching it on anew also resumes it.
  std::optional<Nanos> threshold;
  std::optional<Nanos> amount;
  std::optional<Nanos> monthly_cap;
  std::optional<absl::Duration> cool_down;
  std::optional<int64_t> max_attempts_a_day;
  std::optional<int64_t> failures_before_pause;
  bool resume = false;             // Ends a pause and forgets failures.
  std::string currency_code = {};  // Of the amounts, as sent; empty: the wallet's.
};

// The payment system's verdict.
struct CompletePaymentCommand {
  int64_t sequence = 0;
  bool succeeded = false;
  std::string code;       // Of a failure.
  std::string message;    // Of a failure, in words.
  std::string reference;  // The payment system's own name for it.
};

// The payment is about to leave for the payment system; from now on only a verdict ends it.
struct MarkPaymentSentCommand {
  int64_t sequence = 0;
};

// The payment system took money back that it had delivered.
struct RecordChargebackCommand {
  int64_t sequence = 0;
  std::optional<Nanos> amount;  // Unset: all of it that was not taken back yet.
  std::string currency_code;    // As sent; empty: the wallet's.
  std::string reason;
};

// What a command about a payment left behind.
struct PaymentOutcome {
  Payment payment;                     // After it.
  bool credited = false;               // This very command brought the credit.
  std::optional<CreditGrant> granted;  // With what is left of it after overdraft was repaid.
  Nanos repaid_overdraft;
  Nanos taken_from_credit;   // RecordChargeback: what live credit covered …
  Nanos taken_as_overdraft;  // … what it did not, on prepaid plans …
  Nanos billed;              // … and on postpaid ones.
};

}  // namespace bursar
