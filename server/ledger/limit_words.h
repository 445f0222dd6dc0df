// Spend limits in words, for denials, warnings and journals.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "server/ledger/admission.h"
#include "server/ledger/plan.h"
#include "server/ledger/spend_limit.h"

namespace bursar {

// "your", "your seat tier's", "the organization's"; of a velocity limit always "your".
std::string WhoseLimit(const Evaluation& bound);
// "spend limit", "daily spend limit", "hourly spend limit"; of a surface or model with its name:
// "daily spend limit for claude-code".
std::string LimitName(const Evaluation& bound);
// "", "weekly ", "daily ", "hourly ".
std::string_view OftenWord(PeriodKind period);
// "organization", "seat_tier", "member", "surface", "model": as filters of other systems know it.
std::string_view ScopeWord(Scope scope);
// "the organization", "seat tier premium", "member ann", "surface chat", "model claude-opus-4-5".
std::string ScopeWords(Scope scope, const std::string& scope_id);
// "spend limit of member ann", "daily spend limit of the organization".
std::string LimitKeyWords(const LimitKey& key);
// "a month", "a week", "a day", "an hour".
std::string PerPeriod(PeriodKind period);

}  // namespace bursar
