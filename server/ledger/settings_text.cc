#include "server/ledger/settings_text.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace bursar {

namespace {

std::string TimeText(absl::Time instant) {
  return absl::FormatTime(absl::RFC3339_full, instant, absl::UTCTimeZone());
}

std::string PendingText(const std::optional<PendingSettings>& pending) {
  if (!pending.has_value()) return "none";
  return absl::StrCat("from ", TimeText(pending->effective_at), ": zone ", pending->time_zone,
                      ", anchor ", TimeText(pending->billing_anchor), ", included usage per ",
                      IncludedScopeText(pending->included_scope));
}

std::string SeatText(const std::optional<PendingSeat>& pending) {
  if (!pending.has_value()) return "none";
  return absl::StrCat(pending->to_tier, " from ", TimeText(pending->effective_at));
}

void AddIfChanged(std::vector<FieldChange>& changes, const char* field, const std::string& before,
                  const std::string& after) {
  if (before != after) changes.push_back({field, before, after});
}

std::string BoolText(bool value) { return value ? "yes" : "no"; }

std::string ExpiryText(HoldExpiryPolicy policy) {
  return policy == HoldExpiryPolicy::kCapture ? "capture" : "release";
}

std::string CrossingText(CrossingPolicy policy) {
  return policy == CrossingPolicy::kConfirm ? "confirm" : "automatic";
}

}  // namespace

std::string StatusText(AccountStatus status) {
  switch (status) {
    case AccountStatus::kActive:
      return "active";
    case AccountStatus::kSuspended:
      return "suspended";
    case AccountStatus::kRemoved:
      return "removed";
  }
  return "unknown";
}

std::string RoleText(MemberRole role) {
  switch (role) {
    case MemberRole::kPrimaryOwner:
      return "primary owner";
    case MemberRole::kOwner:
      return "owner";
    case MemberRole::kAdmin:
      return "admin";
    case MemberRole::kBilling:
      return "billing";
    case MemberRole::kMember:
      return "member";
  }
  return "unknown";
}

std::string_view IncreaseStateWord(IncreaseState state) {
  switch (state) {
    case IncreaseState::kPending:
      return "pending";
    case IncreaseState::kEscalated:
      return "escalated";
    case IncreaseState::kApproved:
      return "approved";
    case IncreaseState::kDenied:
      return "denied";
    case IncreaseState::kCancelled:
      return "cancelled";
    case IncreaseState::kSuperseded:
      return "superseded";
  }
  return "decided";
}

std::string IncludedScopeText(IncludedScope scope) {
  return scope == IncludedScope::kOrganization ? "organization" : "seat";
}

std::string LimitText(const std::optional<SpendLimit>& limit) {
  if (!limit.has_value()) return "not set";
  const auto value = [](const std::optional<Nanos>& amount, LimitBasis basis) -> std::string {
    if (!amount.has_value()) return "unlimited";
    return absl::StrCat(FormatAmount(*amount),
                        basis == LimitBasis::kTierTotal ? " for the tier together" : "");
  };
  const std::string base = value(limit->amount, limit->basis);
  if (!limit->raise.has_value()) return base;
  return absl::StrCat(value(limit->raise->amount, limit->raise->basis), " until ",
                      TimeText(limit->raise->expires_at), ", then ", base);
}

std::string LimitField(PeriodKind period) {
  switch (period) {
    case PeriodKind::kMonth:
      break;
    case PeriodKind::kWeek:
      return "weekly_spend_limit";
    case PeriodKind::kDay:
      return "daily_spend_limit";
    case PeriodKind::kHour:
      return "hourly_spend_limit";
  }
  return "spend_limit";
}

std::vector<FieldChange> DescribeChanges(const OrganizationSettings& before,
                                         const OrganizationSettings& after) {
  std::vector<FieldChange> changes;
  AddIfChanged(changes, "display_name", before.display_name, after.display_name);
  AddIfChanged(changes, "status", StatusText(before.status), StatusText(after.status));
  AddIfChanged(changes, "settings_url", before.settings_url, after.settings_url);
  AddIfChanged(changes, "auto_provision_members", BoolText(before.auto_provision_members),
               BoolText(after.auto_provision_members));
  AddIfChanged(changes, "max_seats", absl::StrCat(before.max_seats), absl::StrCat(after.max_seats));
  AddIfChanged(changes, "hold_expiry_policy", ExpiryText(before.hold_expiry_policy),
               ExpiryText(after.hold_expiry_policy));
  AddIfChanged(changes, "default_hold_ttl", absl::FormatDuration(before.default_hold_ttl),
               absl::FormatDuration(after.default_hold_ttl));
  AddIfChanged(changes, "max_hold", FormatAmount(before.max_hold), FormatAmount(after.max_hold));
  AddIfChanged(changes, "crossing_policy", CrossingText(before.crossing_policy),
               CrossingText(after.crossing_policy));
  AddIfChanged(changes, "request_cool_down", absl::FormatDuration(before.request_cool_down),
               absl::FormatDuration(after.request_cool_down));
  AddIfChanged(changes, "payment_timeout", absl::FormatDuration(before.payment_timeout),
               absl::FormatDuration(after.payment_timeout));
  AddIfChanged(changes, "low_balance_threshold", FormatAmount(before.low_balance_threshold),
               FormatAmount(after.low_balance_threshold));
  return changes;
}

std::vector<FieldChange> DescribeChanges(const Member& before, const Member& after) {
  std::vector<FieldChange> changes;
  AddIfChanged(changes, "email", before.email, after.email);
  AddIfChanged(changes, "display_name", before.display_name, after.display_name);
  AddIfChanged(changes, "seat_tier", before.tier_id, after.tier_id);
  AddIfChanged(changes, "role", RoleText(before.role), RoleText(after.role));
  AddIfChanged(changes, "status", StatusText(before.status), StatusText(after.status));
  AddIfChanged(changes, "time_zone", before.time_zone, after.time_zone);
  AddIfChanged(changes, "seated", BoolText(!before.unseated), BoolText(!after.unseated));
  AddIfChanged(changes, "pending_seat_tier", SeatText(before.pending_seat),
               SeatText(after.pending_seat));
  return changes;
}

void AppendPendingChanges(const std::optional<PendingSettings>& before,
                          const std::optional<PendingSettings>& after,
                          std::vector<FieldChange>& changes) {
  AddIfChanged(changes, "pending", PendingText(before), PendingText(after));
}

}  // namespace bursar
