// Decisions about payments and auto-reload (docs/payments.md has the picture of their states).
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/administration.h"
#include "server/ledger/ledger.h"
#include "server/ledger/payments.h"

namespace bursar {

namespace {

// How long auto-reload waits after that many failures in a row; the last for all further ones.
constexpr absl::Duration kBackOff[] = {absl::Minutes(1), absl::Minutes(5), absl::Minutes(30),
                                       absl::Hours(2)};

absl::Status UnknownPayment(int64_t sequence) {
  return WithReason(
      absl::NotFoundError(absl::StrCat("entry ", sequence, " requested no payment of this wallet")),
      "PAYMENT_NOT_FOUND");
}

// How auto-reload stands after a payment that ended as a failure at `failed_at`.
void CountFailure(const AutoReload& reload, absl::Time failed_at, PaymentFinished& finished) {
  finished.failures = reload.failures + 1;
  finished.pause = reload.pause;
  if (finished.failures >= reload.settings.failures_before_pause &&
      finished.pause == ReloadPause::kNone) {
    finished.pause = ReloadPause::kFailures;
  }
  const auto step = std::min<size_t>(static_cast<size_t>(finished.failures), std::size(kBackOff));
  finished.not_before = std::max(reload.not_before, failed_at + kBackOff[step - 1]);
}

// The end of a payment, with auto-reload as it stands.
PaymentFinished FinishPayment(const WalletHeader& header, const Payment& payment,
                              PaymentState state) {
  PaymentFinished finished;
  finished.payment_sequence = payment.sequence;
  finished.kind = payment.kind;
  finished.state = state;
  finished.amount = payment.amount;
  finished.late = !payment.IsOpen();
  if (payment.kind != PaymentKind::kReload) return finished;
  finished.pause = header.reload.pause;
  finished.failures = header.reload.failures;
  finished.not_before = header.reload.not_before;
  return finished;
}

// A success, credited: the verdict, then the credit (rule X4).
void Credit(const WalletHeader& header, const Payment& payment,
            const CompletePaymentCommand& command, const DecisionContext& context,
            Decision<AdministrationOutcome>& decision) {
  PaymentFinished finished = FinishPayment(header, payment, PaymentState::kSucceeded);
  finished.reference = command.reference;
  // The way of paying works again; a pause is for an owner to end.
  if (finished.pause == ReloadPause::kNone) finished.failures = 0;
  CreditGranted granted;
  granted.kind =
      payment.kind == PaymentKind::kReload ? CreditKind::kAutoReload : CreditKind::kPurchase;
  granted.amount = payment.amount;
  granted.expires_at = DefaultCreditExpiry(context.now);
  granted.reference = command.reference.empty() ? payment.reference : command.reference;
  granted.repaid_overdraft = *Min(header.overdraft, payment.amount).ToNanos();
  granted.payment_sequence = payment.sequence;

  PaymentOutcome& outcome = decision.outcome.payment.emplace();
  outcome.credited = true;
  outcome.repaid_overdraft = granted.repaid_overdraft;
  outcome.granted = {
      header.revision + 2, granted.kind,
      granted.amount,      Nanos(granted.amount.value - granted.repaid_overdraft.value),
      granted.expires_at,  context.now,
      granted.reference};
  outcome.payment = payment;
  outcome.payment.state = PaymentState::kSucceeded;
  outcome.payment.finished_at = context.now;
  outcome.payment.code.clear();
  outcome.payment.message.clear();
  outcome.payment.result_reference = command.reference;
  outcome.payment.grant_sequence = outcome.granted->sequence;
  decision.bodies.push_back(std::move(finished));
  decision.bodies.push_back(std::move(granted));
}

// A failure: of an open payment it counts against auto-reload; of a lost one it only says that no
// money moved.
void Fail(const WalletHeader& header, const Payment& payment, const CompletePaymentCommand& command,
          const DecisionContext& context, Decision<AdministrationOutcome>& decision) {
  PaymentFinished finished = FinishPayment(header, payment, PaymentState::kFailed);
  finished.code = command.code;
  finished.message = command.message;
  finished.reference = command.reference;
  if (payment.kind == PaymentKind::kReload && payment.IsOpen()) {
    CountFailure(header.reload, context.now, finished);
  }
  PaymentOutcome& outcome = decision.outcome.payment.emplace();
  outcome.payment = payment;
  outcome.payment.state = PaymentState::kFailed;
  outcome.payment.finished_at = context.now;
  outcome.payment.code = command.code;
  outcome.payment.message = command.message;
  outcome.payment.result_reference = command.reference;
  decision.bodies.push_back(std::move(finished));
}

absl::Status RequirePrepaid(const Plan& plan) {
  if (plan.funding == Funding::kPrepaid) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "the plan ", plan.id, " is billed at month's end and has no balance")),
                    "PLAN_IS_POSTPAID");
}

}  // namespace

absl::Time DefaultCreditExpiry(absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::TimeZone::CivilInfo civil = utc.At(now);
  const absl::CivilSecond next_year(civil.cs.year() + 1, civil.cs.month(), civil.cs.day(),
                                    civil.cs.hour(), civil.cs.minute(), civil.cs.second());
  return absl::FromCivil(next_year, utc) + civil.subsecond;
}

void CancelUnsentReload(const WalletHeader& header, std::vector<EntryBody>& bodies) {
  const Payment* reload = header.ReloadInFlight();
  if (reload == nullptr || reload->state != PaymentState::kRequested) return;
  bodies.push_back(FinishPayment(header, *reload, PaymentState::kCancelled));
}

void FollowOrganization(const WalletHeader& header, const Plan& plan, bool suspended,
                        std::vector<EntryBody>& bodies) {
  const bool has_balance = plan.funding == Funding::kPrepaid;
  const bool may_draw = has_balance && (plan.metered || header.extra_enabled);
  if (suspended || !may_draw) CancelUnsentReload(header, bodies);
  for (const Payment& payment : header.open_payments) {
    const bool unsent = payment.state == PaymentState::kRequested;
    if (has_balance || !unsent || payment.kind == PaymentKind::kReload) continue;
    bodies.push_back(FinishPayment(header, payment, PaymentState::kCancelled));
  }
  AutoReloadUpdated updated;
  updated.settings = header.reload.settings;
  updated.metered = plan.metered;
  if (!updated.settings.enabled) return;
  if (!has_balance) {
    updated.settings.enabled = false;
    updated.changes.push_back({"auto_reload", "on", "off: the plan has no balance"});
  } else if (updated.metered == header.reload.metered) {
    return;
  }
  bodies.push_back(std::move(updated));
}

PaymentFinished LosePayment(const WalletHeader& header, const Payment& payment) {
  PaymentFinished finished = FinishPayment(header, payment, PaymentState::kLost);
  if (payment.kind == PaymentKind::kReload) {
    CountFailure(header.reload, payment.times_out_at, finished);
  }
  return finished;
}

Nanos DrawForChargeback(const WalletHeader& header, int64_t first_grant, Nanos amount,
                        std::vector<GrantDraw>& draws) {
  int64_t rest = amount.value;
  const auto draw = [&](const CreditGrant& grant) {
    const int64_t taken = std::min(rest, grant.remaining.value);
    if (taken <= 0) return;
    draws.push_back({grant.sequence, Nanos(taken), grant.expires_at});
    rest -= taken;
  };
  for (const CreditGrant& grant : header.grants) {
    if (grant.sequence == first_grant) draw(grant);
  }
  for (const CreditGrant& grant : header.grants) {
    if (grant.sequence != first_grant) draw(grant);
  }
  return Nanos(rest);
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const PurchaseCreditCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (absl::Status s = RequirePrepaid(PlanOf(header, context)); !s.ok()) return s;
  absl::Status currency = CheckCurrency(header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  if (command.amount.value <= 0) return InvalidField("amount", "must be more than zero");
  const auto purchases =
      std::count_if(header.open_payments.begin(), header.open_payments.end(),
                    [](const Payment& payment) { return payment.kind == PaymentKind::kPurchase; });
  if (purchases >= kMaxOpenPurchases) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat(kMaxOpenPurchases,
                                       " purchases wait for the payment system already; another "
                                       "can be made when one of them ends")),
                      "TOO_MANY_PAYMENTS");
  }
  PaymentRequested requested;
  Payment& payment = requested.payment;
  payment.kind = PaymentKind::kPurchase;
  payment.amount = command.amount;
  payment.reference = command.reference;
  payment.requested_by = command.requested_by;
  payment.times_out_at = context.now + header.settings.payment_timeout;
  Decision<AdministrationOutcome> decision;
  PaymentOutcome& outcome = decision.outcome.payment.emplace();
  outcome.payment = payment;
  outcome.payment.sequence = header.revision + 1;
  outcome.payment.requested_at = context.now;
  decision.bodies.push_back(std::move(requested));
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const CompletePaymentCommand& command,
                                                       const DecisionContext& context) {
  const Payment* payment = wallet.FindPayment(command.sequence);
  if (payment == nullptr) return UnknownPayment(command.sequence);
  Decision<AdministrationOutcome> decision;
  const bool succeeded_before = payment->state == PaymentState::kSucceeded;
  if (command.succeeded && !succeeded_before) {
    Credit(wallet.header, *payment, command, context, decision);
    return decision;
  }
  if (!command.succeeded && succeeded_before) {
    return WithReason(absl::FailedPreconditionError(
                          "the payment succeeded and was credited; money that was taken back since "
                          "is a chargeback"),
                      "PAYMENT_SUCCEEDED");
  }
  if (!command.succeeded && (payment->IsOpen() || payment->state == PaymentState::kLost)) {
    Fail(wallet.header, *payment, command, context, decision);
    return decision;
  }
  // Said before; of a cancelled one that it failed says nothing new.
  decision.outcome.payment.emplace().payment = *payment;
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const MarkPaymentSentCommand& command,
                                                       const DecisionContext& context) {
  const Payment* payment = wallet.FindPayment(command.sequence);
  if (payment == nullptr) return UnknownPayment(command.sequence);
  Decision<AdministrationOutcome> decision;
  PaymentOutcome& outcome = decision.outcome.payment.emplace();
  outcome.payment = *payment;
  if (payment->state != PaymentState::kRequested) return decision;
  outcome.payment.state = PaymentState::kSent;
  outcome.payment.sent_at = context.now;
  decision.bodies.push_back(PaymentSent{command.sequence});
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const RecordChargebackCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Payment* payment = wallet.FindPayment(command.sequence);
  if (payment == nullptr) return UnknownPayment(command.sequence);
  absl::Status currency = CheckCurrency(header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  if (payment->state != PaymentState::kSucceeded) {
    return WithReason(
        absl::FailedPreconditionError("the payment did not succeed: there is nothing to take back"),
        "PAYMENT_NOT_SUCCEEDED");
  }
  const Nanos left(payment->amount.value - payment->charged_back.value);
  if (left.value <= 0) {
    return WithReason(absl::FailedPreconditionError("all of the payment was charged back already"),
                      "ALREADY_CHARGED_BACK");
  }
  const Nanos amount = command.amount.value_or(left);
  if (amount.value <= 0) return InvalidField("amount", "must be more than zero");
  if (amount > left) {
    return InvalidField("amount", absl::StrCat("must be at most what was not charged back yet, ",
                                               FormatAmount(left)));
  }
  ChargedBack charged;
  charged.payment_sequence = command.sequence;
  charged.amount = amount;
  const Nanos uncovered =
      DrawForChargeback(header, payment->grant_sequence, amount, charged.grant_draws);
  const bool postpaid = PlanOf(header, context).funding == Funding::kPostpaid;
  (postpaid ? charged.billed : charged.overdraft) = uncovered;
  charged.reason = command.reason;
  // Whoever took money back once would take it back again.
  charged.pause = header.reload.pause;
  if (header.reload.settings.enabled && charged.pause == ReloadPause::kNone) {
    charged.pause = ReloadPause::kChargeback;
  }
  Decision<AdministrationOutcome> decision;
  PaymentOutcome& outcome = decision.outcome.payment.emplace();
  outcome.payment = *payment;
  outcome.payment.charged_back = Nanos(payment->charged_back.value + amount.value);
  outcome.taken_as_overdraft = charged.overdraft;
  outcome.billed = charged.billed;
  outcome.taken_from_credit = Nanos(amount.value - uncovered.value);
  decision.bodies.push_back(std::move(charged));
  return decision;
}

}  // namespace bursar
