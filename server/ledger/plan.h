// Plans as the ledger sees them: seat tiers, included windows, funding, what draws from what.
//
// Plans are data (docs/rules.md, O1). A catalog is immutable once made; the engine makes one from
// the published document and hands it to every decision.
//
// Thread rule: immutable values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/money.h"
#include "server/ledger/window.h"

namespace bursar {

// How extra and metered usage is paid. Persisted: never renumber or reuse.
enum class Funding : uint8_t { kPrepaid = 1, kPostpaid = 2 };

// Whose bucket or limit something is. Persisted: never renumber or reuse.
enum class Scope : uint8_t { kOrganization = 1, kSeatTier = 2, kMember = 3 };

// Where usage is drawn from. Persisted: never renumber or reuse.
enum class Bucket : uint8_t { kIncluded = 1, kExtra = 2, kMetered = 3 };

// An allowance that renews (rule B3).
struct IncludedWindow {
  WindowKind kind = WindowKind::kMonth;
  Nanos amount;  // What one seat may use in one window, at API prices.
};

// A kind of seat.
struct SeatTier {
  std::string id;
  std::string display_name;
  Nanos list_price;                     // For a month; zero where none is published.
  std::vector<IncludedWindow> windows;  // All of them must have headroom.
  std::string upgrade_to;               // The next larger tier; empty where there is none.
};

// One plan.
struct Plan {
  std::string id;
  std::string display_name;
  Funding funding = Funding::kPrepaid;
  // No included usage: everything is metered, and the idea of extra usage does not apply.
  bool metered = false;
  std::string currency_code;
  std::vector<SeatTier> seat_tiers;  // Never empty; the first is the default.
  bool tier_limits_allowed = false;  // Rule L1: whether a seat tier may have a spend limit.
  int64_t max_members = 0;           // Zero is no maximum.
  std::vector<std::string> excluded_surfaces;        // Never draw from included usage (B7).
  std::vector<std::string> excluded_model_prefixes;  // Likewise.

  // The tier of that id, or null.
  const SeatTier* FindTier(std::string_view tier_id) const;
  // Whether a chain of upgrades leads from the one tier to the other.
  bool IsUpgrade(std::string_view from, std::string_view to) const;
  // Whether usage of that surface and model may draw from included usage (rule B7).
  bool IsEligible(std::string_view surface, std::string_view model) const;
  // The longest kind of window that any tier has; a month where none has any (rules O5, B9).
  WindowKind LongestWindow() const;
};

// Every plan an organization may be on.
struct PlanCatalog {
  std::string version;
  std::vector<Plan> plans;

  // The plan of that id, or null.
  const Plan* Find(std::string_view plan_id) const;
};

}  // namespace bursar
