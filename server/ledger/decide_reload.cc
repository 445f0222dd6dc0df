// Auto-reload: what owners set, and when policy asks for money (rule X4).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/digest.h"
#include "server/ledger/ledger.h"
#include "server/ledger/payments.h"

namespace bursar {

namespace {

const Plan& PlanOf(const WalletHeader& header, const DecisionContext& context) {
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(plan != nullptr);
  return *plan;
}

std::string PauseText(ReloadPause pause) {
  switch (pause) {
    case ReloadPause::kNone:
      return "no";
    case ReloadPause::kFailures:
      return "after failures";
    case ReloadPause::kChargeback:
      return "after a chargeback";
  }
  return "yes";
}

std::vector<FieldChange> DescribeChanges(const AutoReloadSettings& before,
                                         const AutoReloadSettings& after) {
  std::vector<FieldChange> changes;
  const auto note = [&](const char* field, const std::string& was, const std::string& is) {
    if (was != is) changes.push_back({field, was, is});
  };
  const auto money = [](Nanos amount) { return FormatAmount(amount); };
  note("auto_reload", before.enabled ? "on" : "off", after.enabled ? "on" : "off");
  note("auto_reload.threshold", money(before.threshold), money(after.threshold));
  note("auto_reload.amount", money(before.amount), money(after.amount));
  note("auto_reload.monthly_cap", money(before.monthly_cap), money(after.monthly_cap));
  note("auto_reload.cool_down", absl::FormatDuration(before.cool_down),
       absl::FormatDuration(after.cool_down));
  note("auto_reload.max_attempts_a_day", absl::StrCat(before.max_attempts_a_day),
       absl::StrCat(after.max_attempts_a_day));
  note("auto_reload.failures_before_pause", absl::StrCat(before.failures_before_pause),
       absl::StrCat(after.failures_before_pause));
  return changes;
}

// The settings as asked; a monthly cap that was never named follows from the amount.
AutoReloadSettings Changed(const AutoReloadSettings& before,
                           const UpdateAutoReloadCommand& command) {
  AutoReloadSettings after = before;
  after.enabled = command.enabled.value_or(before.enabled);
  after.threshold = command.threshold.value_or(before.threshold);
  after.amount = command.amount.value_or(before.amount);
  after.monthly_cap = command.monthly_cap.value_or(before.monthly_cap);
  after.cool_down = command.cool_down.value_or(before.cool_down);
  after.max_attempts_a_day = command.max_attempts_a_day.value_or(before.max_attempts_a_day);
  after.failures_before_pause =
      command.failures_before_pause.value_or(before.failures_before_pause);
  if (!command.monthly_cap.has_value() && before.monthly_cap.value == 0 && after.amount.value > 0 &&
      after.amount.value <= INT64_MAX / kShippedReloadsAMonth) {
    after.monthly_cap = Nanos(after.amount.value * kShippedReloadsAMonth);
  }
  return after;
}

absl::Status Validate(const AutoReloadSettings& settings, const UpdateAutoReloadCommand& command,
                      const std::string& prefix) {
  FieldViolations violations;
  if (settings.threshold.value < 0) violations.Add(prefix + "threshold", "must be zero or more");
  if (command.amount.has_value() && settings.amount.value <= 0) {
    violations.Add(prefix + "amount", "must be more than zero");
  } else if (settings.enabled && settings.amount.value <= 0) {
    violations.Add(prefix + "amount", "is required: how much each reload is");
  }
  if (settings.monthly_cap < settings.amount) {
    violations.Add(prefix + "monthly_cap", "must be at least the amount of one reload");
  }
  if (settings.cool_down < absl::ZeroDuration() || settings.cool_down > kMaxReloadCoolDown) {
    violations.Add(prefix + "cool_down", "must be from nothing to 24 hours");
  }
  if (settings.max_attempts_a_day < 1 || settings.max_attempts_a_day > kMaxReloadsADay) {
    violations.Add(prefix + "max_attempts_a_day", "must be from 1 to 100");
  }
  if (settings.failures_before_pause < 1 ||
      settings.failures_before_pause > kMaxFailuresBeforePause) {
    violations.Add(prefix + "failures_before_pause", "must be from 1 to 20");
  }
  return violations.ToStatus();
}

// The part of a calendar period that follows the one that is stored (rule T4).
Window Following(const Window& stored, const Window& period) {
  const bool overlaps = stored.end > period.start && stored.end < period.end;
  return overlaps ? FollowingOn(period, stored.end) : period;
}

Window CurrentReloadDay(const WalletHeader& header, const DecisionContext& context) {
  if (header.reload.day.Contains(context.now)) return header.reload.day;
  const absl::StatusOr<Zone> zone = context.zones->Find(header.settings.time_zone);
  BURSAR_CHECK(zone.ok());
  return Following(header.reload.day, CalendarPeriodAt(context.now, PeriodKind::kDay, *zone));
}

Window CurrentReloadMonth(const WalletHeader& header, const DecisionContext& context) {
  if (header.reload.month.Contains(context.now)) return header.reload.month;
  return Following(header.reload.month,
                   FindCurrentMonth(header.month, header.settings, context).counter.month);
}

}  // namespace

absl::StatusOr<std::optional<AutoReloadUpdated>> ChangeAutoReload(
    const WalletHeader& header, const UpdateAutoReloadCommand& command, const std::string& prefix,
    const DecisionContext& context) {
  const Plan& plan = PlanOf(header, context);
  // Switching off is possible on every plan.
  if (plan.funding != Funding::kPrepaid && command.enabled != false) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the plan ", plan.id, " is billed at month's end and has no balance to reload")),
        "PLAN_IS_POSTPAID");
  }
  absl::Status currency =
      CheckCurrency(header, (prefix + "amount.currency_code").c_str(), command.currency_code);
  if (!currency.ok()) return currency;
  AutoReloadUpdated updated;
  updated.settings = Changed(header.reload.settings, command);
  updated.metered = plan.metered;
  if (absl::Status s = Validate(updated.settings, command, prefix); !s.ok()) return s;
  const bool switches_on = updated.settings.enabled && !header.reload.settings.enabled;
  const bool has_what_to_resume =
      header.reload.pause != ReloadPause::kNone || header.reload.failures > 0;
  updated.resumed = (command.resume || switches_on) && has_what_to_resume;
  updated.changes = DescribeChanges(header.reload.settings, updated.settings);
  if (updated.resumed) {
    updated.changes.push_back({"auto_reload.paused", PauseText(header.reload.pause), "no"});
  }
  if (updated.changes.empty()) return std::nullopt;
  return updated;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateAutoReloadCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  absl::StatusOr<std::optional<AutoReloadUpdated>> updated =
      ChangeAutoReload(header, command, "auto_reload.", context);
  if (!updated.ok()) return updated.status();
  Decision<AdministrationOutcome> decision;
  if (!updated->has_value()) return decision;
  // Withdrawn first: the entry after it may forget failures.
  if (!(*updated)->settings.enabled) CancelUnsentReload(header, decision.bodies);
  decision.bodies.push_back(**std::move(updated));
  return decision;
}

PaymentRequested RequestReload(const WalletHeader& header, ReloadCause cause,
                               const DecisionContext& context) {
  const AutoReload& reload = header.reload;
  PaymentRequested requested;
  Payment& payment = requested.payment;
  payment.kind = PaymentKind::kReload;
  payment.amount = reload.settings.amount;
  payment.cause = cause;
  payment.attempt = reload.failures + 1;
  payment.times_out_at = context.now + header.settings.payment_timeout;
  payment.month = CurrentReloadMonth(header, context);
  requested.day = CurrentReloadDay(header, context);
  requested.not_before = context.now + reload.settings.cool_down;
  return requested;
}

std::vector<EntryBody> FollowUps(const WalletHeader& header, const DecisionContext& context) {
  std::vector<EntryBody> bodies;
  AppendDigestSchedule(header, context, bodies);
  if (header.low_balance_armed && header.settings.low_balance_threshold.value > 0) {
    const Amount balance = header.Balance() - header.overdraft;
    if (balance <= Amount(header.settings.low_balance_threshold) &&
        PlanOf(header, context).funding == Funding::kPrepaid) {
      bodies.push_back(LowBalanceNoticed{header.settings.low_balance_threshold, balance});
    }
  }
  if (!context.journals_dues && header.NextReload() <= context.now) {
    bodies.push_back(RequestReload(header, ReloadCause::kLowBalance, context));
  }
  return bodies;
}

}  // namespace bursar
