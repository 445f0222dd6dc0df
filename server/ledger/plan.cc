#include "server/ledger/plan.h"

#include <algorithm>

namespace bursar {

namespace {

// Longer kinds compare greater.
int LengthRank(WindowKind kind) {
  switch (kind) {
    case WindowKind::kMonth:
      return 4;
    case WindowKind::kWeek:
      return 3;
    case WindowKind::kDay:
      return 2;
    case WindowKind::kFiveHours:
      return 1;
  }
  return 0;
}

}  // namespace

const SeatTier* Plan::FindTier(std::string_view tier_id) const {
  for (const SeatTier& tier : seat_tiers) {
    if (tier.id == tier_id) return &tier;
  }
  return nullptr;
}

bool Plan::IsUpgrade(std::string_view from, std::string_view to) const {
  const SeatTier* tier = FindTier(from);
  for (size_t steps = 0; tier != nullptr && steps < seat_tiers.size(); ++steps) {
    if (tier->upgrade_to == to) return true;
    tier = FindTier(tier->upgrade_to);
  }
  return false;
}

bool Plan::IsEligible(std::string_view surface, std::string_view model) const {
  for (const std::string& excluded : excluded_surfaces) {
    if (surface == excluded) return false;
  }
  for (const std::string& prefix : excluded_model_prefixes) {
    if (model.substr(0, prefix.size()) == prefix) return false;
  }
  return true;
}

WindowKind Plan::LongestWindow() const {
  WindowKind longest = WindowKind::kMonth;
  int rank = 0;
  for (const SeatTier& tier : seat_tiers) {
    for (const IncludedWindow& window : tier.windows) {
      if (LengthRank(window.kind) > rank) {
        rank = LengthRank(window.kind);
        longest = window.kind;
      }
    }
  }
  // A session has no tiling to wait for; a day is the next that has.
  return rank == 1 ? WindowKind::kDay : longest;
}

const Plan* PlanCatalog::Find(std::string_view plan_id) const {
  for (const Plan& plan : plans) {
    if (plan.id == plan_id) return &plan;
  }
  return nullptr;
}

}  // namespace bursar
