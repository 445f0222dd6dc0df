// Decisions of the people who own the wallet: settings, extra usage, credit. Members are in
// decide_members.cc, limits in decide_limits.cc, changes of plan in decide_plan.cc.
#include <algorithm>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/administration.h"
#include "server/ledger/ledger.h"
#include "server/ledger/payments.h"
#include "server/ledger/settings_text.h"

namespace bursar {

namespace {

// Currencies in which 10^9 US dollars fit one entry (2^63 nanos are about 9.2 * 10^9 units, rule
// M4), with a margin for rates that move: at most 8 units to the dollar.
bool CurrencyFits(std::string_view code) {
  static constexpr std::string_view kFitting[] = {
      "AED", "AUD", "AWG", "AZN", "BAM", "BBD", "BGN", "BHD", "BMD", "BND", "BRL",
      "BSD", "BYN", "BZD", "CAD", "CHF", "CNY", "DKK", "EUR", "FJD", "GBP", "GEL",
      "GIP", "ILS", "JOD", "KWD", "KYD", "LYD", "MYR", "NZD", "OMR", "PAB", "PEN",
      "PGK", "PLN", "QAR", "RON", "SAR", "SGD", "TND", "TOP", "USD", "WST", "XCD"};
  return std::find(std::begin(kFitting), std::end(kFitting), code) != std::end(kFitting);
}

bool AnchorInRange(absl::Time anchor) {
  return anchor >= absl::FromUnixSeconds(0) &&
         anchor < absl::FromCivil(absl::CivilYear(2200), absl::UTCTimeZone());
}

void CheckZone(FieldViolations& violations, const char* field, const std::string& name,
               const DecisionContext& context) {
  const absl::StatusOr<Zone> zone = context.zones->Find(name);
  if (!zone.ok()) violations.Add(field, std::string(zone.status().message()));
}

// When a change of zone, anchor or included scope acts (rule T4): at the first boundary of the
// plan's longest windows at which the current month has ended too. In the middle of a window it
// would give the same allowance twice.
absl::Time SettingsBoundary(const WalletHeader& header, const Plan& plan,
                            const DecisionContext& context) {
  const absl::Time month_end =
      FindCurrentMonth(header.month, header.settings, context).counter.month.end;
  const bool has_windows = std::any_of(plan.seat_tiers.begin(), plan.seat_tiers.end(),
                                       [](const SeatTier& tier) { return !tier.windows.empty(); });
  if (!has_windows) return month_end;
  // Until the change acts, the windows follow the present settings.
  DecisionContext at_month_end = context;
  at_month_end.now = month_end;
  const Window window =
      FindCurrentWindow(header.pool_windows, plan.LongestWindow(), header.settings, at_month_end)
          .counter.window;
  return window.start == month_end ? month_end : window.end;
}

void UpdatePending(const WalletHeader& header, const UpdateOrganizationCommand& command,
                   const DecisionContext& context, OrganizationUpdated& updated) {
  PendingSettings wanted;
  wanted.time_zone = command.time_zone.value_or(header.pending_settings.has_value()
                                                    ? header.pending_settings->time_zone
                                                    : header.settings.time_zone);
  wanted.billing_anchor = command.billing_anchor.value_or(
      header.pending_settings.has_value() ? header.pending_settings->billing_anchor
                                          : header.settings.billing_anchor);
  wanted.included_scope = command.included_scope.value_or(
      header.pending_settings.has_value() ? header.pending_settings->included_scope
                                          : header.settings.included_scope);
  const bool as_now = wanted.time_zone == header.settings.time_zone &&
                      wanted.billing_anchor == header.settings.billing_anchor &&
                      wanted.included_scope == header.settings.included_scope;
  if (as_now) {
    updated.pending.reset();
    return;
  }
  wanted.effective_at = SettingsBoundary(header, PlanOf(header, context), context);
  if (header.pending_settings.has_value()) {
    // Asking again for what waits already does not put it off.
    PendingSettings same = wanted;
    same.effective_at = header.pending_settings->effective_at;
    if (same == *header.pending_settings) wanted = same;
  }
  updated.pending = wanted;
}

void ValidateCoolDown(absl::Duration cool_down, FieldViolations& violations) {
  if (cool_down < absl::ZeroDuration() || cool_down > kMaxRequestCoolDown) {
    violations.Add("organization.request_cool_down", "must be from zero to 365 days");
  }
}

void ValidateHoldPolicy(std::optional<absl::Duration> default_hold_ttl,
                        std::optional<Nanos> max_hold, FieldViolations& violations) {
  if (default_hold_ttl.has_value() &&
      (*default_hold_ttl < kMinHoldTtl || *default_hold_ttl > kMaxHoldTtl)) {
    violations.Add("organization.default_hold_ttl", "must be from one second to 24 hours");
  }
  if (max_hold.has_value() && max_hold->value <= 0) {
    violations.Add("organization.max_hold", "must be more than zero");
  }
}

void ValidatePaymentPolicy(std::optional<absl::Duration> payment_timeout,
                           std::optional<Nanos> low_balance_threshold,
                           FieldViolations& violations) {
  if (payment_timeout.has_value() &&
      (*payment_timeout < kMinPaymentTimeout || *payment_timeout > kMaxPaymentTimeout)) {
    violations.Add("organization.payment_timeout", "must be from one minute to 30 days");
  }
  if (low_balance_threshold.has_value() && low_balance_threshold->value < 0) {
    violations.Add("organization.low_balance_threshold", "must be zero (no notice) or more");
  }
}

absl::Status ValidateUpdate(const UpdateOrganizationCommand& command,
                            const DecisionContext& context) {
  FieldViolations violations;
  ValidateHoldPolicy(command.default_hold_ttl, command.max_hold, violations);
  ValidateCoolDown(command.request_cool_down.value_or(absl::ZeroDuration()), violations);
  ValidatePaymentPolicy(command.payment_timeout, command.low_balance_threshold, violations);
  if (command.display_name.has_value() && command.display_name->empty()) {
    violations.Add("organization.display_name", "must not be empty");
  }
  if (command.status == AccountStatus::kRemoved) {
    violations.Add("organization.status", "must be active or suspended");
  }
  if (command.time_zone.has_value()) {
    CheckZone(violations, "organization.time_zone", *command.time_zone, context);
  }
  if (command.billing_anchor.has_value() && !AnchorInRange(*command.billing_anchor)) {
    violations.Add("organization.billing_anchor", "must be from the year 1970 up to 2199");
  }
  if (command.max_seats.has_value() && *command.max_seats < 0) {
    violations.Add("organization.max_seats", "must be zero (no maximum) or more");
  }
  return violations.ToStatus();
}

std::string AudienceText(bool enabled, ExtraUsageAudience audience, int64_t selected_count) {
  if (!enabled) return "off";
  return audience == ExtraUsageAudience::kEveryone
             ? "on for everyone"
             : absl::StrCat("on for ", selected_count, " selected members");
}

void ValidateSelection(const Wallet& wallet, const std::vector<std::string>& member_ids,
                       FieldViolations& violations) {
  std::unordered_set<std::string> seen;
  for (size_t i = 0; i < member_ids.size(); ++i) {
    const std::string path = absl::StrCat("selected_member_ids[", i, "]");
    if (!seen.insert(member_ids[i]).second) violations.Add(path, "is named more than once");
    if (wallet.FindMember(member_ids[i]) == nullptr) {
      violations.Add(path, absl::StrCat("member ", member_ids[i], " is not known"));
    }
  }
}

// Whether exactly these, each named once, are selected already.
bool IsSelection(const Wallet& wallet, const std::vector<std::string>& member_ids) {
  const WalletHeader& header = wallet.header;
  if (header.selection_generation == 0 ||
      header.selected_count != static_cast<int64_t>(member_ids.size())) {
    return false;
  }
  return std::all_of(member_ids.begin(), member_ids.end(), [&](const std::string& member_id) {
    const Member* member = wallet.FindMember(member_id);
    return member != nullptr && member->selection_generation == header.selection_generation;
  });
}

// The organization's limit that goes with switching extra usage (rule X0).
absl::Status AddLimit(const Wallet& wallet, const UpdateExtraUsageCommand& command,
                      const DecisionContext& context, Decision<AdministrationOutcome>& decision) {
  if (!command.limit.has_value()) return absl::OkStatus();
  absl::Status currency =
      CheckCurrency(wallet.header, "limit_amount.currency_code", command.limit_currency_code);
  if (!currency.ok()) return currency;
  if (command.limit->amount.has_value() && command.limit->amount->value < 0) {
    return InvalidField("limit_amount", "must be zero or more");
  }
  SetSpendLimitCommand set;
  set.limit = *command.limit;
  absl::StatusOr<Decision<AdministrationOutcome>> limited = Decide(wallet, set, context);
  if (!limited.ok()) return limited.status();
  decision = *std::move(limited);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const CreateOrganizationCommand& command,
                                                       const DecisionContext& context) {
  FieldViolations violations;
  OrganizationSettings settings = command.settings;
  const Plan* plan = context.plans->Find(settings.plan_id);
  if (plan == nullptr) {
    violations.Add(
        "organization.plan",
        absl::StrCat(settings.plan_id.empty() ? std::string("is required")
                                              : "is unknown: \"" + settings.plan_id + "\"",
                     "; the catalog has: ", KnownPlans(*context.plans)));
  } else {
    if (settings.currency_code.empty()) settings.currency_code = plan->currency_code;
    if (!CurrencyFits(settings.currency_code)) {
      violations.Add("organization.currency_code",
                     absl::StrCat("is not one in which a billion US dollars fit an entry: \"",
                                  settings.currency_code, "\""));
    } else if (settings.currency_code != plan->currency_code) {
      violations.Add("organization.currency_code",
                     absl::StrCat("must be the plan's, ", plan->currency_code));
    }
  }
  if (settings.display_name.empty()) settings.display_name = command.organization_id;
  if (settings.time_zone.empty()) settings.time_zone = "UTC";
  CheckZone(violations, "organization.time_zone", settings.time_zone, context);
  if (settings.billing_anchor == absl::InfinitePast()) settings.billing_anchor = context.now;
  if (!AnchorInRange(settings.billing_anchor)) {
    violations.Add("organization.billing_anchor", "must be from the year 1970 up to 2199");
  }
  if (settings.status == AccountStatus::kRemoved) {
    violations.Add("organization.status", "must be active or suspended");
  }
  if (settings.max_seats < 0) {
    violations.Add("organization.max_seats", "must be zero (no maximum) or more");
  }
  ValidateHoldPolicy(settings.default_hold_ttl, settings.max_hold, violations);
  ValidateCoolDown(settings.request_cool_down, violations);
  ValidatePaymentPolicy(settings.payment_timeout, settings.low_balance_threshold, violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  Decision<AdministrationOutcome> decision;
  decision.bodies.push_back(OrganizationCreated{command.organization_id, std::move(settings)});
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateOrganizationCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (command.expected_version.has_value() &&
      *command.expected_version != header.settings_version) {
    return WithReason(absl::AbortedError("the organization was changed meanwhile; read it again "
                                         "and repeat with its etag"),
                      "ETAG_MISMATCH");
  }
  if (absl::Status status = ValidateUpdate(command, context); !status.ok()) return status;
  absl::Status currency =
      CheckCurrency(header, "organization.max_hold.currency_code", command.max_hold_currency_code);
  if (!currency.ok()) return currency;
  currency = CheckCurrency(header, "organization.low_balance_threshold.currency_code",
                           command.low_balance_threshold_currency_code);
  if (!currency.ok()) return currency;
  OrganizationUpdated updated;
  updated.settings = header.settings;
  OrganizationSettings& settings = updated.settings;
  settings.display_name = command.display_name.value_or(settings.display_name);
  settings.status = command.status.value_or(settings.status);
  settings.settings_url = command.settings_url.value_or(settings.settings_url);
  settings.auto_provision_members =
      command.auto_provision_members.value_or(settings.auto_provision_members);
  settings.max_seats = command.max_seats.value_or(settings.max_seats);
  settings.hold_expiry_policy = command.hold_expiry_policy.value_or(settings.hold_expiry_policy);
  settings.default_hold_ttl = command.default_hold_ttl.value_or(settings.default_hold_ttl);
  settings.max_hold = command.max_hold.value_or(settings.max_hold);
  settings.crossing_policy = command.crossing_policy.value_or(settings.crossing_policy);
  settings.request_cool_down = command.request_cool_down.value_or(settings.request_cool_down);
  settings.payment_timeout = command.payment_timeout.value_or(settings.payment_timeout);
  settings.low_balance_threshold =
      command.low_balance_threshold.value_or(settings.low_balance_threshold);
  UpdatePending(header, command, context, updated);
  updated.changes = DescribeChanges(header.settings, settings);
  AppendPendingChanges(header.pending_settings, updated.pending, updated.changes);
  Decision<AdministrationOutcome> decision;
  const bool suspended = settings.status == AccountStatus::kSuspended;
  if (!updated.changes.empty()) decision.bodies.push_back(std::move(updated));
  absl::StatusOr<std::optional<EntryBody>> plan_change = std::nullopt;
  if (command.plan_id.has_value()) plan_change = ChangePlan(header, *command.plan_id, context);
  if (!plan_change.ok()) return plan_change.status();
  const Plan& plan_after =
      plan_change->has_value() ? *context.plans->Find(*command.plan_id) : PlanOf(header, context);
  FollowOrganization(header, plan_after, suspended, decision.bodies);
  if (plan_change->has_value()) decision.bodies.push_back(**std::move(plan_change));
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateExtraUsageCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan& plan = PlanOf(header, context);
  if (plan.metered) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("on the plan ", plan.id,
                                                   " everything is metered: there is no extra "
                                                   "usage to switch")),
        "EXTRA_USAGE_NOT_APPLICABLE");
  }
  FieldViolations violations;
  ExtraUsageUpdated updated;
  updated.enabled = command.enabled;
  updated.audience = command.audience.value_or(header.audience);
  updated.selection_generation = header.selection_generation;
  if (command.selected_member_ids.has_value()) {
    if (updated.audience != ExtraUsageAudience::kSelected) {
      violations.Add("selected_member_ids", "go only with the audience of selected members");
    }
    ValidateSelection(wallet, *command.selected_member_ids, violations);
    if (!IsSelection(wallet, *command.selected_member_ids)) {
      updated.selection_generation = header.selection_generation + 1;
      updated.selected = *command.selected_member_ids;
    }
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  Decision<AdministrationOutcome> decision;
  if (absl::Status status = AddLimit(wallet, command, context, decision); !status.ok()) {
    return status;
  }
  const int64_t count = command.selected_member_ids.has_value()
                            ? static_cast<int64_t>(command.selected_member_ids->size())
                            : header.selected_count;
  const std::string before =
      AudienceText(header.extra_enabled, header.audience, header.selected_count);
  const std::string after = AudienceText(updated.enabled, updated.audience, count);
  std::optional<AutoReloadUpdated> reload;
  if (command.auto_reload.has_value()) {
    auto changed = ChangeAutoReload(header, *command.auto_reload, "auto_reload.", context);
    if (!changed.ok()) return changed.status();
    reload = *std::move(changed);
  }
  const bool reloads =
      reload.has_value() ? reload->settings.enabled : header.reload.settings.enabled;
  const bool limited = command.limit.has_value() || header.limit.has_value();
  decision.outcome.next_steps = NextSteps(header, plan, updated, count, limited, reloads);
  const bool selects = updated.selection_generation != header.selection_generation;
  if (before != after || updated.audience != header.audience || selects) {
    updated.changes.push_back({"extra_usage", before, after});
    decision.bodies.push_back(updated);
  }
  // What was not sent yet is withdrawn (rule X1), before failures may be forgotten.
  if (!updated.enabled || !reloads) CancelUnsentReload(header, decision.bodies);
  if (reload.has_value()) decision.bodies.push_back(*std::move(reload));
  return decision;
}

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const GrantCreditCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan& plan = PlanOf(header, context);
  if (plan.funding != Funding::kPrepaid) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the plan ", plan.id, " is billed at month's end and has no balance")),
                      "PLAN_IS_POSTPAID");
  }
  absl::Status currency = CheckCurrency(header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  FieldViolations violations;
  if (command.amount.value <= 0) violations.Add("amount", "must be more than zero");
  absl::Time expires_at;
  if (command.expires_at.has_value()) {
    expires_at = *command.expires_at;
    if (expires_at <= context.now) violations.Add("expire_time", "must lie in the future");
    if (expires_at != absl::InfiniteFuture() && expires_at >= kLatestInstant) {
      violations.Add("expire_time", "must be before the year 2262");
    }
  } else {
    expires_at = DefaultCreditExpiry(context.now);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  CreditGranted granted;
  granted.kind = command.kind;
  granted.amount = command.amount;
  granted.expires_at = expires_at;
  granted.reference = command.reference;
  granted.repaid_overdraft = *Min(header.overdraft, command.amount).ToNanos();
  Decision<AdministrationOutcome> decision;
  decision.outcome.repaid_overdraft = granted.repaid_overdraft;
  decision.outcome.granted = {
      header.revision + 1, granted.kind,
      granted.amount,      Nanos(granted.amount.value - granted.repaid_overdraft.value),
      granted.expires_at,  context.now,
      granted.reference};
  decision.bodies.push_back(std::move(granted));
  return decision;
}

}  // namespace bursar
