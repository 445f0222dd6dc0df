// Decisions about spend limits: setting, lifting, raising for a time (rules L1-L4, L6).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/administration.h"
#include "server/ledger/ledger.h"
#include "server/ledger/limits.h"
#include "server/ledger/settings_text.h"

namespace bursar {

namespace {

absl::Status NotInPlan(const Plan& plan, const char* what) {
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("the plan ", plan.id, " has no spend limits for ", what,
                                     "; set one for the organization or for members")),
                    "LIMIT_SCOPE_NOT_IN_PLAN");
}

const char* ScopesWord(Scope scope) {
  switch (scope) {
    case Scope::kSeatTier:
      return "seat tiers";
    case Scope::kSurface:
      return "surfaces";
    case Scope::kModel:
      return "models";
    case Scope::kOrganization:
    case Scope::kMember:
      break;
  }
  return "that";
}

// Whether a limit is stored, so that it can be lifted where the plan has the scope no more: it
// would act again with the scope.
bool IsStored(const LimitLine& line, const WalletHeader& header) {
  if (line.limit.amount.has_value() || line.limit.raise.has_value()) return true;
  const TierState* tier = line.scope == Scope::kSeatTier ? header.FindTier(line.scope_id) : nullptr;
  return tier != nullptr && line.period == PeriodKind::kMonth && tier->limit.has_value();
}

absl::Status CheckScope(const Wallet& wallet, const SetSpendLimitCommand& command,
                        const std::optional<LimitLine>& line, const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (!line.has_value()) {
    return WithReason(
        absl::NotFoundError(absl::StrCat("member ", command.scope_id,
                                         " is not known in organization ", header.organization_id)),
        "MEMBER_NOT_FOUND");
  }
  const Plan& plan = PlanOf(header, context);
  const bool lifts = !command.limit.amount.has_value() && IsStored(*line, header);
  if (!plan.AllowsLimit(command.scope) && !lifts) return NotInPlan(plan, ScopesWord(command.scope));
  if (command.scope == Scope::kSeatTier && plan.FindTier(command.scope_id) == nullptr && !lifts) {
    return InvalidField("seat_tier", absl::StrCat("the plan ", plan.id, " has no seat tier \"",
                                                  command.scope_id, "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckValue(const SetSpendLimitCommand& command, const DecisionContext& context) {
  FieldViolations violations;
  if (command.limit.amount.has_value() && command.limit.amount->value < 0) {
    violations.Add("amount", "must be zero or more");
  }
  if (command.expires_at.has_value()) {
    if (*command.expires_at <= context.now) {
      violations.Add("expire_time", "must lie in the future");
    } else if (*command.expires_at >= kLatestInstant) {
      violations.Add("expire_time", "must be before the year 2262");
    }
  }
  const bool named = command.scope == Scope::kSurface || command.scope == Scope::kModel;
  if (command.period == PeriodKind::kHour && named) {
    violations.Add("period",
                   "an hour's limit pauses members: it is for the organization, a seat "
                   "tier or a member");
  }
  if (command.period == PeriodKind::kHour && command.limit.basis == LimitBasis::kTierTotal) {
    violations.Add("basis", "an hour's limit is always for each member");
  }
  return violations.ToStatus();
}

// How many there may be (state.h).
absl::Status CheckRoom(const WalletHeader& header, const SetSpendLimitCommand& command,
                       const LimitLine& before) {
  const bool named = command.scope == Scope::kSurface || command.scope == Scope::kModel;
  const bool is_new = !before.limit.amount.has_value() && !before.limit.raise.has_value();
  const bool limits = command.limit.amount.has_value() || command.expires_at.has_value();
  if (named && is_new && limits && header.named_limit_count >= kMaxNamedLimits) {
    return WithReason(
        absl::FailedPreconditionError(
            absl::StrCat("the organization has ", kMaxNamedLimits,
                         " limits of surfaces and models, the most there may be; lift some first")),
        "TOO_MANY_LIMITS");
  }
  if (command.expires_at.has_value() && !before.limit.raise.has_value() &&
      header.raises.size() >= kMaxRaises) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("the organization has ", kMaxRaises,
                                       " temporary limits, the most there may be at once")),
                      "TOO_MANY_TEMPORARY_LIMITS");
  }
  return absl::OkStatus();
}

// Whether a limit of the month is set at all, were it unlimited: others have no such state.
bool IsNewlyUnlimited(const Wallet& wallet, const SetSpendLimitCommand& command) {
  if (command.period != PeriodKind::kMonth || command.expires_at.has_value()) return false;
  const WalletHeader& header = wallet.header;
  switch (command.scope) {
    case Scope::kOrganization:
      return !header.limit.has_value();
    case Scope::kSeatTier: {
      const TierState* tier = header.FindTier(command.scope_id);
      return tier == nullptr || !tier->limit.has_value();
    }
    case Scope::kMember:
      return !wallet.FindMember(command.scope_id)->limit.has_value();
    case Scope::kSurface:
    case Scope::kModel:
      break;
  }
  return false;
}

}  // namespace

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const SetSpendLimitCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (absl::Status status = CheckValue(command, context); !status.ok()) return status;
  absl::Status currency = CheckCurrency(header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  const std::optional<LimitLine> before =
      FindLimit(wallet, {command.scope, command.scope_id, command.period}, context);
  if (absl::Status status = CheckScope(wallet, command, before, context); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckRoom(header, command, *before); !status.ok()) return status;
  SpendLimitSet set;
  set.scope = command.scope;
  set.scope_id = before->scope_id;
  set.period = command.period;
  set.limit = before->limit;
  set.limit.sequence = 0;
  set.limit.raise.reset();
  if (command.expires_at.has_value()) {
    set.limit.raise = LimitRaise{command.limit.amount, command.limit.basis, *command.expires_at};
  } else {
    set.limit.amount = command.limit.amount;
    set.limit.basis = command.limit.basis;
  }
  Decision<AdministrationOutcome> decision;
  // Spend that is one sum whatever the limit's basis was before.
  const std::optional<Amount> spent = SpentOfScope(wallet, command, context);
  decision.outcome.spend_predates_limit = command.limit.amount.has_value() && spent.has_value() &&
                                          *spent > Amount(*command.limit.amount);
  const bool sets_anew = IsNewlyUnlimited(wallet, command);
  if (set.limit.SaysTheSame(before->limit) && !sets_anew) return decision;
  const std::optional<SpendLimit> was =
      sets_anew ? std::nullopt : std::optional<SpendLimit>(before->limit);
  set.changes.push_back({LimitField(command.period), LimitText(was), LimitText(set.limit)});
  decision.bodies.push_back(std::move(set));
  return decision;
}

std::optional<Amount> SpentOfScope(const Wallet& wallet, const SetSpendLimitCommand& command,
                                   const DecisionContext& context) {
  if (command.period == PeriodKind::kHour && command.scope != Scope::kMember) return std::nullopt;
  if (command.scope == Scope::kSeatTier) {
    if (command.limit.basis == LimitBasis::kEachMember) return std::nullopt;
    const TierState* tier = wallet.header.FindTier(command.scope_id);
    if (tier == nullptr) return std::nullopt;
    return SpentByTier(wallet.header, *tier, command.period, context);
  }
  const std::optional<LimitLine> line =
      FindLimit(wallet, {command.scope, command.scope_id, command.period}, context);
  return line.has_value() ? line->spent : std::nullopt;
}

}  // namespace bursar
