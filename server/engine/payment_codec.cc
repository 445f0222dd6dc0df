#include "server/engine/payment_codec.h"

namespace bursar {

namespace record = storage::v1;

namespace {

ReloadPause PauseFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, ReloadPause::kNone, ReloadPause::kChargeback, damage);
}

PaymentKind KindFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, PaymentKind::kPurchase, PaymentKind::kReload, damage);
}

PaymentState StateFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, PaymentState::kRequested, PaymentState::kCancelled, damage);
}

// An empty window is not written at all.
template <typename Mutable>
void PutWindow(const Window& window, Mutable mutable_field) {
  if (!(window == Window{})) ToRecord(window, mutable_field());
}

template <typename Record>
void PutNotBefore(absl::Time not_before, Record* out) {
  if (not_before != absl::InfinitePast()) {
    out->set_not_before_unix_nanos(TimeToRecord(not_before));
  }
}

template <typename Record>
absl::Time TakeNotBefore(const Record& in) {
  return in.has_not_before_unix_nanos() ? TimeFromRecord(in.not_before_unix_nanos())
                                        : absl::InfinitePast();
}

}  // namespace

void ToRecord(const AutoReloadSettings& settings, record::AutoReloadSettingsRecord* out) {
  out->set_enabled(settings.enabled);
  out->set_threshold_nanos(settings.threshold.value);
  out->set_amount_nanos(settings.amount.value);
  out->set_monthly_cap_nanos(settings.monthly_cap.value);
  out->set_cool_down_nanos(absl::ToInt64Nanoseconds(settings.cool_down));
  out->set_max_attempts_a_day(settings.max_attempts_a_day);
  out->set_failures_before_pause(settings.failures_before_pause);
}

AutoReloadSettings FromRecord(const record::AutoReloadSettingsRecord& in) {
  AutoReloadSettings settings;
  settings.enabled = in.enabled();
  settings.threshold = Nanos(in.threshold_nanos());
  settings.amount = Nanos(in.amount_nanos());
  settings.monthly_cap = Nanos(in.monthly_cap_nanos());
  settings.cool_down = absl::Nanoseconds(in.cool_down_nanos());
  settings.max_attempts_a_day = in.max_attempts_a_day();
  settings.failures_before_pause = in.failures_before_pause();
  return settings;
}

void ToRecord(const AutoReload& reload, record::AutoReloadRecord* out) {
  ToRecord(reload.settings, out->mutable_settings());
  out->set_metered(reload.metered);
  out->set_pause(static_cast<uint32_t>(reload.pause));
  out->set_failures(reload.failures);
  PutNotBefore(reload.not_before, out);
  PutWindow(reload.day, [out] { return out->mutable_day(); });
  out->set_attempts(reload.attempts);
  PutWindow(reload.month, [out] { return out->mutable_month(); });
  if (!reload.month_money.is_zero()) ToRecord(reload.month_money, out->mutable_month_money());
}

AutoReload FromRecord(const record::AutoReloadRecord& in, Damage& damage) {
  AutoReload reload;
  reload.settings = FromRecord(in.settings());
  reload.metered = in.metered();
  reload.pause = PauseFromRecord(in.pause(), damage);
  reload.failures = in.failures();
  reload.not_before = TakeNotBefore(in);
  reload.day = FromRecord(in.day(), damage);
  reload.attempts = in.attempts();
  reload.month = FromRecord(in.month(), damage);
  reload.month_money = FromRecord(in.month_money(), damage);
  return reload;
}

void ToRecord(const Payment& payment, record::PaymentRecord* out) {
  out->set_sequence(payment.sequence);
  out->set_kind(static_cast<uint32_t>(payment.kind));
  out->set_state(static_cast<uint32_t>(payment.state));
  out->set_amount_nanos(payment.amount.value);
  out->set_cause(static_cast<uint32_t>(payment.cause));
  out->set_attempt(payment.attempt);
  out->set_reference(payment.reference);
  out->set_requested_by(payment.requested_by);
  out->set_requested_at_unix_nanos(TimeToRecord(payment.requested_at));
  out->set_times_out_at_unix_nanos(TimeToRecord(payment.times_out_at));
  PutWindow(payment.month, [out] { return out->mutable_month(); });
  if (payment.sent_at != absl::InfinitePast()) {
    out->set_sent_at_unix_nanos(TimeToRecord(payment.sent_at));
  }
  if (payment.finished_at != absl::InfinitePast()) {
    out->set_finished_at_unix_nanos(TimeToRecord(payment.finished_at));
  }
  out->set_code(payment.code);
  out->set_message(payment.message);
  out->set_result_reference(payment.result_reference);
  out->set_grant_sequence(payment.grant_sequence);
  out->set_charged_back_nanos(payment.charged_back.value);
}

Payment FromRecord(const record::PaymentRecord& in, Damage& damage) {
  Payment payment;
  payment.sequence = in.sequence();
  payment.kind = KindFromRecord(in.kind(), damage);
  payment.state = StateFromRecord(in.state(), damage);
  payment.amount = Nanos(in.amount_nanos());
  payment.cause = EnumFromRecord(in.cause(), ReloadCause::kNone, ReloadCause::kHoldDenied, damage);
  payment.attempt = in.attempt();
  payment.reference = in.reference();
  payment.requested_by = in.requested_by();
  payment.requested_at = TimeFromRecord(in.requested_at_unix_nanos());
  payment.times_out_at = TimeFromRecord(in.times_out_at_unix_nanos());
  payment.month = FromRecord(in.month(), damage);
  if (in.has_sent_at_unix_nanos()) payment.sent_at = TimeFromRecord(in.sent_at_unix_nanos());
  if (in.has_finished_at_unix_nanos()) {
    payment.finished_at = TimeFromRecord(in.finished_at_unix_nanos());
  }
  payment.code = in.code();
  payment.message = in.message();
  payment.result_reference = in.result_reference();
  payment.grant_sequence = in.grant_sequence();
  payment.charged_back = Nanos(in.charged_back_nanos());
  return payment;
}

void BodyToRecord(const PaymentRequested& body, record::EntryRecord* out) {
  auto* to = out->mutable_payment_requested();
  ToRecord(body.payment, to->mutable_payment());
  PutWindow(body.day, [to] { return to->mutable_day(); });
  PutNotBefore(body.not_before, to);
}

void BodyToRecord(const PaymentSent& body, record::EntryRecord* out) {
  out->mutable_payment_sent()->set_payment_sequence(body.payment_sequence);
}

void BodyToRecord(const PaymentFinished& body, record::EntryRecord* out) {
  auto* to = out->mutable_payment_finished();
  to->set_payment_sequence(body.payment_sequence);
  to->set_kind(static_cast<uint32_t>(body.kind));
  to->set_state(static_cast<uint32_t>(body.state));
  to->set_amount_nanos(body.amount.value);
  to->set_late(body.late);
  to->set_code(body.code);
  to->set_message(body.message);
  to->set_reference(body.reference);
  to->set_pause(static_cast<uint32_t>(body.pause));
  to->set_failures(body.failures);
  PutNotBefore(body.not_before, to);
}

void BodyToRecord(const AutoReloadUpdated& body, record::EntryRecord* out) {
  auto* to = out->mutable_auto_reload_updated();
  ToRecord(body.settings, to->mutable_settings());
  to->set_metered(body.metered);
  to->set_resumed(body.resumed);
  for (const FieldChange& change : body.changes) {
    record::FieldChangeRecord* row = to->add_changes();
    row->set_field(change.field);
    row->set_before(change.before);
    row->set_after(change.after);
  }
}

void BodyToRecord(const ChargedBack& body, record::EntryRecord* out) {
  auto* to = out->mutable_charged_back();
  to->set_payment_sequence(body.payment_sequence);
  to->set_amount_nanos(body.amount.value);
  for (const GrantDraw& draw : body.grant_draws) ToRecord(draw, to->add_grant_draws());
  to->set_overdraft_nanos(body.overdraft.value);
  to->set_billed_nanos(body.billed.value);
  to->set_pause(static_cast<uint32_t>(body.pause));
  to->set_reason(body.reason);
}

void BodyToRecord(const LowBalanceNoticed& body, record::EntryRecord* out) {
  auto* to = out->mutable_low_balance_noticed();
  to->set_threshold_nanos(body.threshold.value);
  ToRecord(body.balance, to->mutable_balance());
}

namespace {

PaymentFinished TakeFinished(const record::PaymentFinishedRecord& in, Damage& damage) {
  PaymentFinished body;
  body.payment_sequence = in.payment_sequence();
  body.kind = KindFromRecord(in.kind(), damage);
  body.state = StateFromRecord(in.state(), damage);
  body.amount = Nanos(in.amount_nanos());
  body.late = in.late();
  body.code = in.code();
  body.message = in.message();
  body.reference = in.reference();
  body.pause = PauseFromRecord(in.pause(), damage);
  body.failures = in.failures();
  body.not_before = TakeNotBefore(in);
  return body;
}

AutoReloadUpdated TakeReload(const record::AutoReloadUpdatedRecord& in) {
  AutoReloadUpdated body;
  body.settings = FromRecord(in.settings());
  body.metered = in.metered();
  body.resumed = in.resumed();
  for (const auto& row : in.changes()) {
    body.changes.push_back({row.field(), row.before(), row.after()});
  }
  return body;
}

ChargedBack TakeChargedBack(const record::ChargedBackRecord& in, Damage& damage) {
  ChargedBack body;
  body.payment_sequence = in.payment_sequence();
  body.amount = Nanos(in.amount_nanos());
  for (const auto& row : in.grant_draws()) body.grant_draws.push_back(FromRecord(row));
  body.overdraft = Nanos(in.overdraft_nanos());
  body.billed = Nanos(in.billed_nanos());
  body.pause = PauseFromRecord(in.pause(), damage);
  body.reason = in.reason();
  return body;
}

}  // namespace

std::optional<EntryBody> TakePaymentBody(const record::EntryRecord& in, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kPaymentRequested: {
      const auto& from = in.payment_requested();
      return PaymentRequested{FromRecord(from.payment(), damage), FromRecord(from.day(), damage),
                              TakeNotBefore(from)};
    }
    case record::EntryRecord::kPaymentSent:
      return PaymentSent{in.payment_sent().payment_sequence()};
    case record::EntryRecord::kPaymentFinished:
      return TakeFinished(in.payment_finished(), damage);
    case record::EntryRecord::kAutoReloadUpdated:
      return TakeReload(in.auto_reload_updated());
    case record::EntryRecord::kChargedBack:
      return TakeChargedBack(in.charged_back(), damage);
    case record::EntryRecord::kLowBalanceNoticed: {
      const auto& from = in.low_balance_noticed();
      return LowBalanceNoticed{Nanos(from.threshold_nanos()), FromRecord(from.balance(), damage)};
    }
    default:
      return std::nullopt;
  }
}

std::string EncodePayment(const Payment& payment) {
  record::PaymentRecord out;
  ToRecord(payment, &out);
  return out.SerializeAsString();
}

absl::StatusOr<Payment> DecodePayment(std::string_view bytes) {
  Damage damage("a payment");
  record::PaymentRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  Payment payment = FromRecord(in, damage);
  if (payment.sequence <= 0) damage.Note("it has no sequence");
  if (damage.found()) return damage.ToStatus();
  return payment;
}

std::string PaymentKey(int64_t sequence) { return SequenceKey(INT64_MAX - sequence); }

}  // namespace bursar
