#include "server/engine/payment_notices.h"

#include <string>
#include <utility>
#include <variant>

#include "server/engine/scoped_id.h"

namespace bursar {
namespace {

NoticeKind KindOf(const PaymentFinished& finished) {
  switch (finished.state) {
    case PaymentState::kSucceeded:
      return NoticeKind::kPaymentSucceeded;
    case PaymentState::kCancelled:
      return NoticeKind::kPaymentCancelled;
    default:
      break;
  }
  // Only the failure that pauses finds auto-reload running: a later one is late.
  if (finished.pause == ReloadPause::kFailures && !finished.late) return NoticeKind::kReloadPaused;
  return finished.state == PaymentState::kLost ? NoticeKind::kPaymentLost
                                               : NoticeKind::kPaymentFailed;
}

void AddWords(const char* name, const std::string& words, StoredNotice& notice) {
  if (!words.empty()) notice.facts.push_back(WordsFact(name, words));
}

const char* CauseWord(ReloadCause cause) {
  switch (cause) {
    case ReloadCause::kLowBalance:
      return "low_balance";
    case ReloadCause::kHoldDenied:
      return "hold_denied";
    case ReloadCause::kNone:
      break;
  }
  return "";
}

const char* PauseWord(ReloadPause pause) {
  switch (pause) {
    case ReloadPause::kFailures:
      return "failures";
    case ReloadPause::kChargeback:
      return "chargeback";
    case ReloadPause::kNone:
      break;
  }
  return "";
}

// `charged`: what was taken back of it, where that is told.
void AddPayment(const Payment& payment, const ChargedBack* charged, StoredNotice& notice) {
  AddWords("kind", payment.kind == PaymentKind::kReload ? "reload" : "purchase", notice);
  notice.facts.push_back(
      MoneyFact("amount", charged == nullptr ? payment.amount : charged->amount));
  AddWords("cause", CauseWord(payment.cause), notice);
  if (payment.kind == PaymentKind::kReload) {
    notice.facts.push_back(CountFact("attempt", payment.attempt));
  }
  AddWords("reference",
           payment.result_reference.empty() ? payment.reference : payment.result_reference, notice);
  AddWords("code", payment.code, notice);
  AddWords("message", charged == nullptr ? payment.message : charged->reason, notice);
  if (payment.IsOpen()) notice.facts.push_back(TimeFact("times_out_at", payment.times_out_at));
}

}  // namespace

bool OwesPaymentNotice(const EntryBody& body) {
  return std::holds_alternative<PaymentRequested>(body) ||
         std::holds_alternative<PaymentFinished>(body) ||
         std::holds_alternative<ChargedBack>(body) ||
         std::holds_alternative<LowBalanceNoticed>(body);
}

NoticeKind PaymentNoticeKind(const EntryBody& body) {
  if (const auto* finished = std::get_if<PaymentFinished>(&body)) return KindOf(*finished);
  if (std::holds_alternative<ChargedBack>(body)) return NoticeKind::kChargedBack;
  if (std::holds_alternative<LowBalanceNoticed>(body)) return NoticeKind::kLowBalance;
  return NoticeKind::kPaymentRequested;
}

void DescribePayment(std::string_view epoch, const Wallet& wallet, const Entry& entry,
                     StoredNotice& notice) {
  notice.kind = PaymentNoticeKind(entry.body);
  if (const auto* low = std::get_if<LowBalanceNoticed>(&entry.body)) {
    notice.facts.push_back(MoneyFact("threshold", low->threshold));
    // What counts is what is left once overdraft is repaid.
    notice.SetFact(MoneyFact("balance", low->balance));
    return;
  }
  int64_t sequence = entry.sequence;
  ReloadPause pause = ReloadPause::kNone;
  const auto* charged = std::get_if<ChargedBack>(&entry.body);
  if (charged != nullptr) {
    sequence = charged->payment_sequence;
    pause = charged->pause;
  } else if (const auto* finished = std::get_if<PaymentFinished>(&entry.body)) {
    sequence = finished->payment_sequence;
    pause = finished->pause;
  }
  notice.facts.push_back(
      WordsFact("payment_id", PaymentId(epoch, wallet.header.organization_id, sequence)));
  const Payment* payment = wallet.FindPayment(sequence);
  if (payment != nullptr) AddPayment(*payment, charged, notice);
  AddWords("pause", PauseWord(pause), notice);
}

}  // namespace bursar
