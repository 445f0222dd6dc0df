// Spend limits as a wallet keeps them, and the counters that they are compared with.
//
// A limit has a base value and perhaps a raise for a time; counters carry the bounds of the
// instance that they count in, and count whether or not there is a limit (rule B5).
//
// Thread rule: plain values; the engine guards them.
//
// Source: rules L1, L2, L4 and L5 (docs/rules.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/plan.h"
#include "server/ledger/window.h"

namespace bursar {

// Whom a tier limit's amount is for (rule L2). Persisted: never renumber or reuse.
enum class LimitBasis : uint8_t { kEachMember = 1, kTierTotal = 2 };

// Extra and metered usage in one instance of a week, a day or an hour, or of a month where included
// usage does not matter. Counted whether or not there is a limit (rule B5).
struct PeriodCounter {
  Window period;  // Empty (start == end) before the first charge.
  Amount extra;
  int64_t opened_sequence = 0;  // Charges of earlier entries are not in `extra`.

  friend bool operator==(const PeriodCounter&, const PeriodCounter&) = default;
};

// The current week and day of a scope.
struct RecentSpend {
  PeriodCounter week;
  PeriodCounter day;

  friend bool operator==(const RecentSpend&, const RecentSpend&) = default;
};

// A limit for a time: in force before `expires_at`, not at it (rule L4).
struct LimitRaise {
  std::optional<Nanos> amount;  // Empty: unlimited.
  LimitBasis basis = LimitBasis::kEachMember;
  absl::Time expires_at;

  friend bool operator==(const LimitRaise&, const LimitRaise&) = default;
};

// A spend limit as it is set. `amount` empty means explicitly unlimited.
struct SpendLimit {
  std::optional<Nanos> amount;
  LimitBasis basis = LimitBasis::kEachMember;  // For tiers only.
  std::optional<LimitRaise> raise = std::nullopt;
  // The entry that gave it the value in force: its thresholds are noticed anew from there (rule
  // L5). Zero in entries, and in what was set before there was such a number.
  int64_t sequence = 0;

  // What is in force while what has fallen due is journaled.
  const std::optional<Nanos>& InForce() const { return raise.has_value() ? raise->amount : amount; }
  LimitBasis BasisInForce() const { return raise.has_value() ? raise->basis : basis; }
  // What is in force at an instant, where a raise that has expired may not be journaled yet.
  const std::optional<Nanos>& AmountAt(absl::Time now) const {
    return raise.has_value() && now < raise->expires_at ? raise->amount : amount;
  }
  LimitBasis BasisAt(absl::Time now) const {
    return raise.has_value() && now < raise->expires_at ? raise->basis : basis;
  }
  // Whether both say the same, whichever entry set them.
  bool SaysTheSame(const SpendLimit& other) const {
    return amount == other.amount && basis == other.basis && raise == other.raise;
  }

  friend bool operator==(const SpendLimit&, const SpendLimit&) = default;
};

// Which limit: whose, and of what period.
struct LimitKey {
  Scope scope = Scope::kOrganization;
  std::string scope_id;  // Of the organization: empty.
  PeriodKind period = PeriodKind::kMonth;

  friend bool operator==(const LimitKey&, const LimitKey&) = default;
};

// A limit of another period than the month. Limits of several periods stand together (rule L2).
struct PeriodLimit {
  PeriodKind period = PeriodKind::kDay;
  SpendLimit limit;

  friend bool operator==(const PeriodLimit&, const PeriodLimit&) = default;
};

// A temporary limit that is in force, so that its expiry is not missed (rules L4, T3).
struct PendingRaise {
  absl::Time expires_at;
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  PeriodKind period = PeriodKind::kMonth;

  friend bool operator==(const PendingRaise&, const PendingRaise&) = default;
};

// The highest threshold of a limit that was noticed, and in which instance of its period (rule L5).
struct NoticedThreshold {
  Scope scope = Scope::kOrganization;  // The limit's.
  std::string scope_id;
  PeriodKind period = PeriodKind::kMonth;
  int64_t limit_sequence = 0;  // SpendLimit::sequence: another value is another limit.
  absl::Time period_start;
  int percent = 0;

  friend bool operator==(const NoticedThreshold&, const NoticedThreshold&) = default;
};

// A surface or a model: what was drawn and is held by it, and its limits. Kept from its first extra
// usage in a month until that month is over, and as long as it has a limit (rules L1, B5).
struct NamedScope {
  Scope scope = Scope::kSurface;  // Or kModel.
  std::string id;                 // A model's without its provider.
  int64_t since_sequence = 0;     // Charges of earlier entries are not counted.
  PeriodCounter month;
  RecentSpend recent;
  Amount held_extra;
  std::vector<PeriodLimit> limits;  // Of every period, the month included.

  friend bool operator==(const NamedScope&, const NamedScope&) = default;
};

}  // namespace bursar
