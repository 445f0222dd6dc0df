// What the decisions of administrators share (decide_administration.cc, decide_limits.cc,
// decide_plan.cc).
//
// Thread rule: pure functions of their arguments. Only the ledger's own decisions use them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/ledger/ledger.h"

namespace bursar {

// The wallet's plan. Requires: it is in the catalog.
const Plan& PlanOf(const WalletHeader& header, const DecisionContext& context);

// "team, enterprise_seat …".
std::string KnownPlans(const PlanCatalog& plans);

// The entry that moves the wallet to another plan, at once; nothing where it is on it already
// (rule O8). INVALID_ARGUMENT for an unknown plan; FAILED_PRECONDITION with reason
// PLAN_CURRENCY_DIFFERS or TOO_MANY_MEMBERS.
absl::StatusOr<std::optional<EntryBody>> ChangePlan(const WalletHeader& header,
                                                    const std::string& plan_id,
                                                    const DecisionContext& context);

// What the command's limit would meet as one sum; nothing where it is for each member.
std::optional<Amount> SpentOfScope(const Wallet& wallet, const SetSpendLimitCommand& command,
                                   const DecisionContext& context);

// What is worth doing after extra usage was switched on, in words, by plan (rule X0). `limited`:
// the organization has a spend limit or was said to be unlimited. `reloads`: auto-reload is on.
std::vector<std::string> NextSteps(const WalletHeader& header, const Plan& plan,
                                   const ExtraUsageUpdated& updated, int64_t selected_count,
                                   bool limited, bool reloads);

}  // namespace bursar
