// Payments and auto-reload as a wallet keeps them (docs/payments.md has the picture).
//
// A payment is money that is asked of the payment system: a purchase by a person, or a reload by
// policy. It is named by the journal entry that requested it, which is its idempotency key. Open
// ones (requested, sent) are few and come with the wallet's header; finished ones are records of
// their own, loaded where a command names them, because a success is credited however late.
//
// Thread rule: plain values.
//
// Source: rules X4 and X7 (docs/rules.md).
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/window.h"

namespace bursar {

// What a payment is for. Persisted: never renumber or reuse.
enum class PaymentKind : uint8_t {
  kPurchase = 1,  // A person bought credit.
  kReload = 2,    // Auto-reload asked for it.
};

// Where a payment stands. Persisted: never renumber or reuse.
enum class PaymentState : uint8_t {
  kRequested = 1,  // Durable here; the payment system has not been asked yet.
  kSent = 2,       // The payment system may have been asked; its verdict is awaited.
  kSucceeded = 3,  // Credited.
  kFailed = 4,     // No money moved, as the payment system says.
  kLost = 5,       // No verdict in time. The money may have moved.
  kCancelled = 6,  // Withdrawn before it was sent.
};

// Why a reload was requested. Persisted: never renumber or reuse.
enum class ReloadCause : uint8_t { kNone = 0, kLowBalance = 1, kHoldDenied = 2 };

// Why auto-reload is paused. Persisted: never renumber or reuse.
enum class ReloadPause : uint8_t { kNone = 0, kFailures = 1, kChargeback = 2 };

// As shipped: how long a verdict is awaited, and when the balance is low.
inline constexpr absl::Duration kShippedPaymentTimeout = absl::Hours(1);
inline constexpr absl::Duration kMinPaymentTimeout = absl::Minutes(1);
inline constexpr absl::Duration kMaxPaymentTimeout = absl::Hours(24 * 30);
inline constexpr Nanos kShippedLowBalanceThreshold = Nanos::Units(10);
// As shipped: how soon one reload may follow another, how many a day, and how many may fail in a
// row before auto-reload pauses.
inline constexpr absl::Duration kShippedReloadCoolDown = absl::Minutes(1);
inline constexpr absl::Duration kMaxReloadCoolDown = absl::Hours(24);
inline constexpr int64_t kShippedReloadsADay = 10;
inline constexpr int64_t kMaxReloadsADay = 100;
inline constexpr int64_t kShippedFailuresBeforePause = 3;
inline constexpr int64_t kMaxFailuresBeforePause = 20;
// Where the owner names no monthly cap, it is that many reloads.
inline constexpr int64_t kShippedReloadsAMonth = 10;
// How many purchases of one organization may be open at once: they come with its header.
inline constexpr int64_t kMaxOpenPurchases = 100;

// Money that is asked of the payment system.
struct Payment {
  int64_t sequence = 0;  // The journal entry that requested it; names it.
  PaymentKind kind = PaymentKind::kPurchase;
  PaymentState state = PaymentState::kRequested;
  Nanos amount;
  ReloadCause cause = ReloadCause::kNone;  // Of a reload.
  int64_t attempt = 0;                     // Of a reload: one more than failed in a row before it.
  std::string reference;     // Of a purchase: the buyer's, for example an order number.
  std::string requested_by;  // Of a purchase: the acting person; may be empty.
  absl::Time requested_at;
  absl::Time times_out_at;  // Without a verdict by then it is lost.
  Window month;             // Of a reload: the calendar month that its money counts in.
  absl::Time sent_at = absl::InfinitePast();      // InfinitePast: never sent.
  absl::Time finished_at = absl::InfinitePast();  // InfinitePast: still open.
  std::string code;                               // Of a failure: the payment system's code.
  std::string message;                            // Of a failure: in words.
  std::string result_reference;                   // The payment system's own name for it.
  int64_t grant_sequence = 0;  // The credit that a success brought; zero for none.
  Nanos charged_back;          // What of the credit was taken back since.

  bool IsOpen() const { return state == PaymentState::kRequested || state == PaymentState::kSent; }
  // Whether its money counts in its month: all but what certainly did not move (rule X4).
  bool CountsInMonth() const {
    return state != PaymentState::kFailed && state != PaymentState::kCancelled;
  }

  friend bool operator==(const Payment&, const Payment&) = default;
};

// What an owner sets about auto-reload.
struct AutoReloadSettings {
  bool enabled = false;
  Nanos threshold;    // Reloads when what is left, less what is held, is at or below it.
  Nanos amount;       // Of each reload; more than zero once it was ever enabled.
  Nanos monthly_cap;  // The most money in a calendar month; at least one amount.
  absl::Duration cool_down = kShippedReloadCoolDown;  // From one request to the next.
  int64_t max_attempts_a_day = kShippedReloadsADay;
  int64_t failures_before_pause = kShippedFailuresBeforePause;  // In a row.

  friend bool operator==(const AutoReloadSettings&, const AutoReloadSettings&) = default;
};

// Auto-reload as it stands.
struct AutoReload {
  AutoReloadSettings settings;
  bool metered = false;  // The plan is metered: there is no switch of extra usage to obey.
  ReloadPause pause = ReloadPause::kNone;
  int64_t failures = 0;                          // In a row; lost ones are failures.
  absl::Time not_before = absl::InfinitePast();  // The end of cool-down or back-off.
  Window day;            // The organization's day of the last request; empty before the first.
  int64_t attempts = 0;  // In that day.
  Window month;          // The calendar month of the last request; empty before the first.
  Amount month_money;    // In that month: succeeded, in flight, and lost.

  friend bool operator==(const AutoReload&, const AutoReload&) = default;
};

}  // namespace bursar
