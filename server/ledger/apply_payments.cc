// Folding of payments and auto-reload. Every amount is in the entry; nothing is decided here.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/ledger/payments.h"

namespace bursar {

namespace {

absl::Status DoesNotFit(const Wallet& wallet, const char* what) {
  return absl::DataLossError(absl::StrCat("journal of ", wallet.header.organization_id,
                                          ", after entry ", wallet.header.revision, ": ", what));
}

// Counts what a reload does in the current day and month.
void CountReload(const Payment& payment, const PaymentRequested& body, AutoReload& reload) {
  if (!(reload.day == body.day)) {
    reload.day = body.day;
    reload.attempts = 0;
  }
  ++reload.attempts;
  if (!(reload.month == payment.month)) {
    reload.month = payment.month;
    reload.month_money = Amount();
  }
  reload.month_money += payment.amount;
  reload.not_before = body.not_before;
}

// Takes an open payment out of the header, or finds a finished one; null where there is none.
Payment* TakeForVerdict(Wallet& wallet, int64_t sequence) {
  std::vector<Payment>& open = wallet.header.open_payments;
  auto found = std::find_if(open.begin(), open.end(),
                            [&](const Payment& payment) { return payment.sequence == sequence; });
  if (found == open.end()) {
    auto finished = wallet.payments.find(sequence);
    return finished == wallet.payments.end() ? nullptr : &finished->second;
  }
  Payment& finished = wallet.payments[sequence];
  finished = std::move(*found);
  open.erase(found);
  return &finished;
}

}  // namespace

absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentRequested& body) {
  WalletHeader& header = wallet.header;
  Payment payment = body.payment;
  payment.sequence = entry.sequence;
  payment.requested_at = entry.recorded_at;
  if (payment.state != PaymentState::kRequested || payment.amount.value <= 0) {
    return DoesNotFit(wallet, "a payment is requested that is of nothing or has ended");
  }
  if (payment.kind == PaymentKind::kReload) {
    if (header.ReloadInFlight() != nullptr) {
      return DoesNotFit(wallet, "a reload is requested while one is in flight");
    }
    CountReload(payment, body, header.reload);
  }
  header.open_payments.push_back(std::move(payment));
  return absl::OkStatus();
}

absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentSent& body) {
  for (Payment& payment : wallet.header.open_payments) {
    if (payment.sequence != body.payment_sequence) continue;
    if (payment.state != PaymentState::kRequested) break;
    payment.state = PaymentState::kSent;
    payment.sent_at = entry.recorded_at;
    return absl::OkStatus();
  }
  return DoesNotFit(wallet, "a payment is sent that does not wait to be");
}

absl::Status FoldPayment(Wallet& wallet, const Entry& entry, const PaymentFinished& body) {
  Payment* payment = TakeForVerdict(wallet, body.payment_sequence);
  if (payment == nullptr || payment->state == PaymentState::kSucceeded ||
      payment->kind != body.kind || payment->amount != body.amount) {
    return DoesNotFit(wallet, "a payment ends that is not there or has been credited");
  }
  const bool counted = payment->CountsInMonth();
  payment->state = body.state;
  payment->finished_at = entry.recorded_at;
  payment->code = body.code;
  payment->message = body.message;
  payment->result_reference = body.reference;
  if (payment->kind != PaymentKind::kReload) return absl::OkStatus();
  AutoReload& reload = wallet.header.reload;
  reload.pause = body.pause;
  reload.failures = body.failures;
  reload.not_before = body.not_before;
  // A success counts in the month requested, whenever it comes (rule X4).
  if (payment->month == reload.month && counted != payment->CountsInMonth()) {
    reload.month_money += counted ? -Amount(payment->amount) : Amount(payment->amount);
  }
  return absl::OkStatus();
}

absl::Status FoldPayment(Wallet& wallet, const Entry&, const AutoReloadUpdated& body) {
  AutoReload& reload = wallet.header.reload;
  reload.settings = body.settings;
  reload.metered = body.metered;
  if (body.resumed) {
    reload.pause = ReloadPause::kNone;
    reload.failures = 0;
    reload.not_before = absl::InfinitePast();
  }
  return absl::OkStatus();
}

absl::Status FoldPayment(Wallet& wallet, const Entry&, const ChargedBack& body) {
  WalletHeader& header = wallet.header;
  auto found = wallet.payments.find(body.payment_sequence);
  if (found == wallet.payments.end() || found->second.state != PaymentState::kSucceeded) {
    return DoesNotFit(wallet, "a payment is charged back that was not credited");
  }
  Payment& payment = found->second;
  Amount taken = Amount(body.overdraft) + body.billed;
  for (const GrantDraw& draw : body.grant_draws) taken += draw.amount;
  if (taken != Amount(body.amount) || body.amount.value <= 0 ||
      Amount(payment.charged_back) + body.amount > Amount(payment.amount)) {
    return DoesNotFit(wallet, "more of a payment is charged back than it was");
  }
  payment.charged_back = Nanos(payment.charged_back.value + body.amount.value);
  for (const GrantDraw& draw : body.grant_draws) {
    auto grant = std::find_if(
        header.grants.begin(), header.grants.end(),
        [&](const CreditGrant& candidate) { return candidate.sequence == draw.grant_sequence; });
    if (grant == header.grants.end() || grant->remaining < draw.amount) {
      return DoesNotFit(wallet, "a chargeback takes credit that is not there");
    }
    grant->remaining = Nanos(grant->remaining.value - draw.amount.value);
    if (grant->remaining.value == 0) header.grants.erase(grant);
  }
  header.overdraft += body.overdraft;
  header.totals.paid_back += body.amount;
  header.totals.overdraft_billed += body.billed;
  header.reload.pause = body.pause;
  return absl::OkStatus();
}

absl::Status FoldPayment(Wallet& wallet, const Entry&, const LowBalanceNoticed&) {
  wallet.header.low_balance_armed = false;
  return absl::OkStatus();
}

absl::Status FoldCredit(Wallet& wallet, const Entry& entry, const CreditGranted& body) {
  WalletHeader& header = wallet.header;
  if (header.Balance() - header.overdraft > Amount(header.settings.low_balance_threshold)) {
    header.low_balance_armed = true;
  }
  if (body.payment_sequence == 0) return absl::OkStatus();
  auto payment = wallet.payments.find(body.payment_sequence);
  if (payment == wallet.payments.end() || payment->second.grant_sequence != 0) {
    return DoesNotFit(wallet, "a payment is credited that is not there, or twice");
  }
  payment->second.grant_sequence = entry.sequence;
  return absl::OkStatus();
}

}  // namespace bursar
