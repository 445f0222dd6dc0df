// Changing the plan, and what switching extra usage on asks for by plan (rules O8, X0).
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/administration.h"

namespace bursar {

const Plan& PlanOf(const WalletHeader& header, const DecisionContext& context) {
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(plan != nullptr);
  return *plan;
}

std::string KnownPlans(const PlanCatalog& plans) {
  std::string names;
  for (const Plan& plan : plans.plans) absl::StrAppend(&names, names.empty() ? "" : ", ", plan.id);
  return names;
}

absl::StatusOr<std::optional<EntryBody>> ChangePlan(const WalletHeader& header,
                                                    const std::string& plan_id,
                                                    const DecisionContext& context) {
  if (plan_id == header.settings.plan_id) return std::nullopt;
  const Plan* plan = context.plans->Find(plan_id);
  if (plan == nullptr) {
    return InvalidField("organization.plan",
                        absl::StrCat("is unknown: \"", plan_id,
                                     "\"; the catalog has: ", KnownPlans(*context.plans)));
  }
  if (plan->currency_code != header.settings.currency_code) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the plan ", plan_id, " is in ", plan->currency_code, ", the wallet in ",
                          header.settings.currency_code, ": a wallet's currency never changes")),
                      "PLAN_CURRENCY_DIFFERS");
  }
  if (plan->max_members > 0 && header.member_count > plan->max_members) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("the plan ", plan_id, " has at most ", plan->max_members,
                                       " members; the organization has ", header.member_count)),
                      "TOO_MANY_MEMBERS");
  }
  PlanChanged changed;
  changed.plan_id = plan_id;
  changed.funding = plan->funding;
  // Nobody can repay an overdraft where there is no balance: the statement takes it over.
  if (plan->funding == Funding::kPostpaid) changed.billed_overdraft = header.overdraft;
  changed.changes.push_back({"plan", header.settings.plan_id, plan_id});
  if (!changed.billed_overdraft.is_zero()) {
    changed.changes.push_back({"overdraft", FormatAmount(header.overdraft), "on the statement"});
  }
  return std::optional<EntryBody>(std::move(changed));
}

std::vector<std::string> NextSteps(const WalletHeader& header, const Plan& plan,
                                   const ExtraUsageUpdated& updated, int64_t selected_count,
                                   bool limited, bool reloads) {
  if (!updated.enabled) return {};
  std::vector<std::string> steps;
  const bool prepaid = plan.funding == Funding::kPrepaid;
  if (prepaid && !header.Balance().is_positive()) {
    steps.push_back("Buy credit: extra usage is prepaid and the balance is empty.");
  }
  if (prepaid && !reloads) {
    steps.push_back("Switch on auto-reload, so that the balance is topped up before it is empty.");
  }
  if (!limited) {
    const char* narrower = plan.tier_limits_allowed ? ", seat tiers or members" : " or members";
    steps.push_back(absl::StrCat("Set a monthly spend limit for the organization", narrower,
                                 ", or say that it is unlimited",
                                 prepaid ? "." : "; there is nothing to pay in advance."));
  }
  if (updated.audience == ExtraUsageAudience::kSelected && selected_count == 0) {
    steps.push_back("Select members: extra usage is on for selected members, and none is.");
  } else if (updated.audience == ExtraUsageAudience::kEveryone && prepaid) {
    steps.push_back("Extra usage is on for everyone; to narrow it, select members.");
  }
  return steps;
}

}  // namespace bursar
