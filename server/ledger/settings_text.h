// Settings in words, for the before and after of journal entries (rule A4).
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

std::string StatusText(AccountStatus status);
std::string RoleText(MemberRole role);
std::string IncludedScopeText(IncludedScope scope);
// "pending", "approved" …: what became of a request for more.
std::string_view IncreaseStateWord(IncreaseState state);
// "not set", "unlimited", or the amount and, for a tier's total, the basis; of a temporary limit
// both values: "20.00 until 2026-11-30T00:00:00+00:00, then 10.00".
std::string LimitText(const std::optional<SpendLimit>& limit);
// "spend_limit", or of another period than the month "daily_spend_limit" and so on.
std::string LimitField(PeriodKind period);

// What differs, field by field; empty where nothing does.
std::vector<FieldChange> DescribeChanges(const OrganizationSettings& before,
                                         const OrganizationSettings& after);
std::vector<FieldChange> DescribeChanges(const Member& before, const Member& after);
// Adds what a pending change of zone, anchor and scope adds to them.
void AppendPendingChanges(const std::optional<PendingSettings>& before,
                          const std::optional<PendingSettings>& after,
                          std::vector<FieldChange>& changes);

}  // namespace bursar
