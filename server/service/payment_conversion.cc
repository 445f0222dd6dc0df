#include "server/service/payment_conversion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/engine/scoped_id.h"
#include "server/service/conversion.h"
#include "server/service/validation.h"

namespace bursar {

static_assert(static_cast<int>(PaymentKind::kPurchase) == v1::PAYMENT_KIND_PURCHASE);
static_assert(static_cast<int>(PaymentKind::kReload) == v1::PAYMENT_KIND_RELOAD);
static_assert(static_cast<int>(PaymentState::kRequested) == v1::PAYMENT_STATE_REQUESTED);
static_assert(static_cast<int>(PaymentState::kSent) == v1::PAYMENT_STATE_SENT);
static_assert(static_cast<int>(PaymentState::kSucceeded) == v1::PAYMENT_STATE_SUCCEEDED);
static_assert(static_cast<int>(PaymentState::kFailed) == v1::PAYMENT_STATE_FAILED);
static_assert(static_cast<int>(PaymentState::kLost) == v1::PAYMENT_STATE_LOST);
static_assert(static_cast<int>(PaymentState::kCancelled) == v1::PAYMENT_STATE_CANCELLED);
static_assert(static_cast<int>(ReloadCause::kLowBalance) == v1::RELOAD_CAUSE_LOW_BALANCE);
static_assert(static_cast<int>(ReloadCause::kHoldDenied) == v1::RELOAD_CAUSE_HOLD_DENIED);

namespace {

constexpr size_t kMaxReferenceBytes = 200;
constexpr size_t kMaxCodeBytes = 128;

std::string Text(Nanos amount, std::string_view currency_code) {
  return absl::StrCat(FormatAmount(amount), " ", ToAbsl(currency_code));
}

std::string ShortDate(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

// Reads an optional amount; the currency of the last one that names one is kept.
std::optional<Nanos> ReadPart(const char* field, bool is_set, const v1::Money& money,
                              MoneySign sign, std::string* currency_code,
                              FieldViolations* violations) {
  if (!is_set) return std::nullopt;
  const std::string& code = money.currency_code();
  if (!code.empty()) {
    if (!currency_code->empty() && *currency_code != code) {
      violations->Add(absl::StrCat(field, ".currency_code"), "differs from that of the others");
    }
    *currency_code = code;
  }
  return ReadMoney(field, money, sign, violations);
}

}  // namespace

absl::StatusOr<PurchaseCreditCommand> ReadCommand(const v1::PurchaseCreditRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("request_id", request.request_id(), &violations);
  CheckText("reference", request.reference(), kMaxReferenceBytes, &violations);
  PurchaseCreditCommand command;
  if (!request.has_amount()) {
    violations.Add("amount", "is required");
  } else {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  command.reference = request.reference();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

UpdateAutoReloadCommand ReadAutoReloadChange(const v1::AutoReloadChange& change,
                                             FieldViolations* violations) {
  UpdateAutoReloadCommand command;
  if (change.has_enabled()) command.enabled = change.enabled();
  command.threshold = ReadPart("auto_reload.threshold", change.has_threshold(), change.threshold(),
                               MoneySign::kNotNegative, &command.currency_code, violations);
  command.amount = ReadPart("auto_reload.amount", change.has_amount(), change.amount(),
                            MoneySign::kPositive, &command.currency_code, violations);
  command.monthly_cap =
      ReadPart("auto_reload.monthly_cap", change.has_monthly_cap(), change.monthly_cap(),
               MoneySign::kPositive, &command.currency_code, violations);
  if (change.has_cool_down()) {
    command.cool_down = ReadDuration("auto_reload.cool_down", change.cool_down(),
                                     absl::ZeroDuration(), kMaxReloadCoolDown, violations);
  }
  if (change.has_max_attempts_a_day()) command.max_attempts_a_day = change.max_attempts_a_day();
  if (change.has_failures_before_pause()) {
    command.failures_before_pause = change.failures_before_pause();
  }
  command.resume = change.resume();
  return command;
}

absl::StatusOr<UpdateAutoReloadCommand> ReadCommand(const v1::UpdateAutoReloadRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (!request.has_auto_reload()) violations.Add("auto_reload", "is required: what to change");
  UpdateAutoReloadCommand command = ReadAutoReloadChange(request.auto_reload(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<CompletePaymentCommand> ReadCommand(const v1::CompletePaymentRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("payment_id", request.payment_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("code", request.code(), kMaxCodeBytes, &violations);
  CheckText("message", request.message(), kMaxReferenceBytes, &violations);
  CheckText("reference", request.reference(), kMaxReferenceBytes, &violations);
  CompletePaymentCommand command;
  command.succeeded = request.result() == v1::CompletePaymentRequest::RESULT_SUCCEEDED;
  if (!command.succeeded && request.result() != v1::CompletePaymentRequest::RESULT_FAILED) {
    violations.Add("result", "is required: succeeded or failed");
  }
  if (command.succeeded && !(request.code().empty() && request.message().empty())) {
    violations.Add(request.code().empty() ? "message" : "code", "is for failures");
  }
  command.code = request.code();
  command.message = request.message();
  command.reference = request.reference();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<RecordChargebackCommand> ReadCommand(const v1::RecordChargebackRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("payment_id", request.payment_id(), &violations);
  CheckRequiredId("request_id", request.request_id(), &violations);
  CheckText("reason", request.reason(), kMaxReferenceBytes, &violations);
  RecordChargebackCommand command;
  if (request.has_amount()) {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  command.reason = request.reason();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

void ReadPaymentPolicy(const v1::Organization& organization, OrganizationSettings* settings,
                       FieldViolations* violations) {
  UpdateOrganizationCommand command;
  for (const char* path : {"payment_timeout", "low_balance_threshold"}) {
    ReadPaymentUpdate(path, organization, &command, violations);
  }
  settings->payment_timeout = command.payment_timeout.value_or(settings->payment_timeout);
  settings->low_balance_threshold =
      command.low_balance_threshold.value_or(settings->low_balance_threshold);
  const std::string& code = command.low_balance_threshold_currency_code;
  if (!code.empty() && !organization.currency_code().empty() &&
      code != organization.currency_code()) {
    violations->Add("organization.low_balance_threshold.currency_code",
                    "must be the organization's");
  }
}

bool ReadPaymentUpdate(const std::string& path, const v1::Organization& organization,
                       UpdateOrganizationCommand* command, FieldViolations* violations) {
  if (path == "payment_timeout") {
    command->payment_timeout =
        organization.has_payment_timeout()
            ? ReadDuration("organization.payment_timeout", organization.payment_timeout(),
                           kMinPaymentTimeout, kMaxPaymentTimeout, violations)
            : kShippedPaymentTimeout;
  } else if (path == "low_balance_threshold") {
    command->low_balance_threshold =
        organization.has_low_balance_threshold()
            ? ReadMoney("organization.low_balance_threshold", organization.low_balance_threshold(),
                        MoneySign::kNotNegative, violations)
            : kShippedLowBalanceThreshold;
    command->low_balance_threshold_currency_code =
        organization.low_balance_threshold().currency_code();
  } else {
    return false;
  }
  return true;
}

void WritePayment(const Payment& payment, const PaymentNaming& naming, v1::Payment* proto) {
  proto->set_payment_id(PaymentId(naming.epoch, naming.organization_id, payment.sequence));
  proto->set_kind(ToProtoEnum<v1::PaymentKind>(payment.kind));
  proto->set_state(ToProtoEnum<v1::PaymentState>(payment.state));
  WriteMoney(payment.amount, naming.currency_code, proto->mutable_amount());
  proto->set_cause(ToProtoEnum<v1::ReloadCause>(payment.cause));
  proto->set_attempt(payment.attempt);
  proto->set_reference(payment.reference);
  proto->set_requested_by(payment.requested_by);
  WriteTimestamp(payment.requested_at, proto->mutable_request_time());
  if (payment.sent_at != absl::InfinitePast()) {
    WriteTimestamp(payment.sent_at, proto->mutable_send_time());
  }
  if (payment.finished_at != absl::InfinitePast()) {
    WriteTimestamp(payment.finished_at, proto->mutable_finish_time());
  }
  if (payment.IsOpen()) WriteTimestamp(payment.times_out_at, proto->mutable_time_out_time());
  proto->set_code(payment.code);
  proto->set_message(payment.message);
  proto->set_payment_system_reference(payment.result_reference);
  if (payment.grant_sequence != 0) {
    proto->set_grant_id(absl::StrCat("grt_", payment.grant_sequence));
  }
  WriteMoney(payment.charged_back, naming.currency_code, proto->mutable_charged_back());
  proto->set_sequence(payment.sequence);
}

namespace {

// What auto-reload waits for when the balance is low.
struct Waiting {
  v1::AutoReloadState state = v1::AUTO_RELOAD_STATE_HELD_BACK;
  std::string explanation;
};

Waiting WhyWaiting(const WalletHeader& header, absl::Time now) {
  const AutoReload& reload = header.reload;
  const std::string& currency = header.settings.currency_code;
  if (header.settings.status != AccountStatus::kActive) {
    return {v1::AUTO_RELOAD_STATE_HELD_BACK, "The organization is suspended."};
  }
  if (!header.extra_enabled && !reload.metered) {
    return {v1::AUTO_RELOAD_STATE_HELD_BACK, "Extra usage is switched off."};
  }
  if (reload.not_before > now && reload.failures > 0) {
    return {v1::AUTO_RELOAD_STATE_BACKING_OFF,
            absl::StrCat(reload.failures, " reloads in a row failed; the next try is at ",
                         ShortDate(reload.not_before), ".")};
  }
  if (reload.attempts >= reload.settings.max_attempts_a_day && reload.day.end > now) {
    return {v1::AUTO_RELOAD_STATE_HELD_BACK,
            absl::StrCat("The day's ", reload.settings.max_attempts_a_day, " attempts are used.")};
  }
  if (reload.month.end > now &&
      reload.month_money + reload.settings.amount > Amount(reload.settings.monthly_cap)) {
    return {v1::AUTO_RELOAD_STATE_HELD_BACK,
            absl::StrCat("Another reload would be more than the month's cap of ",
                         Text(reload.settings.monthly_cap, currency), ".")};
  }
  if (reload.not_before > now) {
    return {v1::AUTO_RELOAD_STATE_COOLING_DOWN,
            absl::StrCat("The last request was shortly before; the next is at ",
                         ShortDate(reload.not_before), ".")};
  }
  return {v1::AUTO_RELOAD_STATE_HELD_BACK,
          "The organization's spend limit leaves no headroom: nobody could draw the money."};
}

Waiting StateOf(const WalletHeader& header, absl::Time now) {
  const AutoReload& reload = header.reload;
  const std::string& currency = header.settings.currency_code;
  if (const Payment* pending = header.ReloadInFlight(); pending != nullptr) {
    return {v1::AUTO_RELOAD_STATE_IN_FLIGHT,
            absl::StrCat("A reload of ", Text(pending->amount, currency),
                         " waits for the payment system.")};
  }
  if (!reload.settings.enabled) return {v1::AUTO_RELOAD_STATE_OFF, "Auto-reload is off."};
  if (reload.pause == ReloadPause::kFailures) {
    return {v1::AUTO_RELOAD_STATE_PAUSED,
            absl::StrCat(reload.failures,
                         " reloads in a row failed. An owner mends the way of paying and resumes "
                         "auto-reload.")};
  }
  if (reload.pause == ReloadPause::kChargeback) {
    return {v1::AUTO_RELOAD_STATE_PAUSED,
            "A payment was charged back. An owner clears that up and resumes auto-reload."};
  }
  if (header.Available() > Amount(reload.settings.threshold)) {
    return {v1::AUTO_RELOAD_STATE_ARMED,
            absl::StrCat("Reloads ", Text(reload.settings.amount, currency), " when ",
                         Text(reload.settings.threshold, currency), " or less is left.")};
  }
  return WhyWaiting(header, now);
}

void WriteSettings(const AutoReloadSettings& settings, std::string_view currency_code,
                   v1::AutoReload* proto) {
  proto->set_enabled(settings.enabled);
  WriteMoney(settings.threshold, currency_code, proto->mutable_threshold());
  WriteMoney(settings.amount, currency_code, proto->mutable_amount());
  WriteMoney(settings.monthly_cap, currency_code, proto->mutable_monthly_cap());
  WriteDuration(settings.cool_down, proto->mutable_cool_down());
  proto->set_max_attempts_a_day(settings.max_attempts_a_day);
  proto->set_failures_before_pause(settings.failures_before_pause);
}

}  // namespace

bool IsPrepaid(const WalletHeader& header, const DecisionContext& context) {
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  return plan != nullptr && plan->funding == Funding::kPrepaid;
}

void WriteAutoReloadStatus(const WalletHeader& header, const std::string& epoch,
                           const DecisionContext& context, v1::AutoReloadStatus* proto) {
  const AutoReload& reload = header.reload;
  const std::string& currency_code = header.settings.currency_code;
  WriteSettings(reload.settings, currency_code, proto->mutable_settings());
  Waiting waiting = StateOf(header, context.now);
  proto->set_state(waiting.state);
  proto->set_explanation(std::move(waiting.explanation));
  if (const absl::Time next = header.NextReload(); next != absl::InfiniteFuture()) {
    WriteTimestamp(std::max(next, context.now), proto->mutable_next_attempt_time());
  }
  proto->set_failures(reload.failures);
  WriteMoney(reload.month.Contains(context.now) ? reload.month_money : Amount(), currency_code,
             proto->mutable_month_to_date());
  proto->set_attempts_today(reload.day.Contains(context.now) ? reload.attempts : 0);
  if (const Payment* pending = header.ReloadInFlight(); pending != nullptr) {
    WritePayment(*pending, {epoch, header.organization_id, currency_code},
                 proto->mutable_pending());
  }
}

void WriteWalletPayments(const WalletHeader& header, const std::string& epoch,
                         const DecisionContext& context, v1::GetWalletResponse* response) {
  if (IsPrepaid(header, context)) {
    WriteAutoReloadStatus(header, epoch, context, response->mutable_auto_reload());
  }
  const PaymentNaming naming = {epoch, header.organization_id, header.settings.currency_code};
  for (const Payment& payment : header.open_payments) {
    if (payment.kind != PaymentKind::kPurchase) continue;
    WritePayment(payment, naming, response->add_open_purchases());
  }
}

}  // namespace bursar
