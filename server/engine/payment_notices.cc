#include "server/engine/payment_notices.h"

#include <string>
#include <variant>

#include "server/engine/scoped_id.h"

namespace bursar {

namespace {

PaymentNews NewsOf(const PaymentFinished& finished) {
  switch (finished.state) {
    case PaymentState::kSucceeded:
      return PaymentNews::kSucceeded;
    case PaymentState::kCancelled:
      return PaymentNews::kCancelled;
    default:
      break;
  }
  // Only the failure that pauses finds auto-reload running: a later one is late.
  if (finished.pause == ReloadPause::kFailures && !finished.late) return PaymentNews::kReloadPaused;
  return finished.state == PaymentState::kLost ? PaymentNews::kLost : PaymentNews::kFailed;
}

void Describe(const Payment& payment, PaymentNotice& notice) {
  notice.kind = payment.kind;
  notice.amount = payment.amount;
  notice.cause = payment.cause;
  notice.attempt = payment.attempt;
  notice.reference =
      payment.result_reference.empty() ? payment.reference : payment.result_reference;
  notice.code = payment.code;
  notice.message = payment.message;
  if (payment.IsOpen()) notice.times_out_at = payment.times_out_at;
}

}  // namespace

std::optional<PaymentNotice> MakePaymentNotice(std::string_view epoch, const Wallet& wallet,
                                               const Entry& entry) {
  PaymentNotice notice;
  notice.currency_code = wallet.header.settings.currency_code;
  int64_t sequence = 0;
  const auto* charged = std::get_if<ChargedBack>(&entry.body);
  if (const auto* low = std::get_if<LowBalanceNoticed>(&entry.body)) {
    notice.news = PaymentNews::kLowBalance;
    notice.amount = low->threshold;
    notice.balance = low->balance.ToNanos().value_or(Nanos());
    return notice;
  }
  if (std::holds_alternative<PaymentRequested>(entry.body)) {
    sequence = entry.sequence;
    notice.news = PaymentNews::kRequested;
  } else if (const auto* finished = std::get_if<PaymentFinished>(&entry.body)) {
    sequence = finished->payment_sequence;
    notice.news = NewsOf(*finished);
    notice.pause = finished->pause;
  } else if (charged != nullptr) {
    sequence = charged->payment_sequence;
    notice.news = PaymentNews::kChargedBack;
  } else {
    return std::nullopt;
  }
  const Payment* payment = wallet.FindPayment(sequence);
  if (payment == nullptr) return std::nullopt;
  Describe(*payment, notice);
  if (charged != nullptr) {
    notice.amount = charged->amount;
    notice.message = charged->reason;
    notice.pause = charged->pause;
  }
  notice.payment_id = PaymentId(epoch, wallet.header.organization_id, sequence);
  return notice;
}

bool CausesPaymentNotice(const EntryBody& body) {
  return std::holds_alternative<PaymentRequested>(body) ||
         std::holds_alternative<PaymentFinished>(body) ||
         std::holds_alternative<ChargedBack>(body) ||
         std::holds_alternative<LowBalanceNoticed>(body);
}

}  // namespace bursar
