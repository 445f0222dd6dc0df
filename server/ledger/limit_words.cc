#include "server/ledger/limit_words.h"

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"

namespace bursar {

std::string WhoseLimit(const Evaluation& bound) {
  if (bound.period == PeriodKind::kHour) return "your";
  switch (bound.scope) {
    case Scope::kMember:
      return "your";
    case Scope::kSeatTier:
      return "your seat tier's";
    case Scope::kOrganization:
    case Scope::kSurface:
    case Scope::kModel:
      break;
  }
  return "the organization's";
}

std::string_view OftenWord(PeriodKind period) {
  switch (period) {
    case PeriodKind::kMonth:
      return "";
    case PeriodKind::kWeek:
      return "weekly ";
    case PeriodKind::kDay:
      return "daily ";
    case PeriodKind::kHour:
      return "hourly ";
  }
  return "";
}

std::string LimitName(const Evaluation& bound) {
  const bool named = bound.scope == Scope::kSurface || bound.scope == Scope::kModel;
  return absl::StrCat(ToAbsl(OftenWord(bound.period)), "spend limit", named ? " for " : "",
                      named ? ToAbsl(bound.scope_id) : "");
}

std::string_view ScopeWord(Scope scope) {
  switch (scope) {
    case Scope::kOrganization:
      return "organization";
    case Scope::kSeatTier:
      return "seat_tier";
    case Scope::kMember:
      return "member";
    case Scope::kSurface:
      return "surface";
    case Scope::kModel:
      return "model";
  }
  return "";
}

std::string ScopeWords(Scope scope, const std::string& scope_id) {
  switch (scope) {
    case Scope::kOrganization:
      return "the organization";
    case Scope::kSeatTier:
      return absl::StrCat("seat tier ", scope_id);
    case Scope::kMember:
      return absl::StrCat("member ", scope_id);
    case Scope::kSurface:
      return absl::StrCat("surface ", scope_id);
    case Scope::kModel:
      return absl::StrCat("model ", scope_id);
  }
  return scope_id;
}

std::string LimitKeyWords(const LimitKey& key) {
  return absl::StrCat(ToAbsl(OftenWord(key.period)), "spend limit of ",
                      ScopeWords(key.scope, key.scope_id));
}

std::string PerPeriod(PeriodKind period) {
  switch (period) {
    case PeriodKind::kMonth:
      return "a month";
    case PeriodKind::kWeek:
      return "a week";
    case PeriodKind::kDay:
      return "a day";
    case PeriodKind::kHour:
      return "an hour";
  }
  return "";
}

}  // namespace bursar
