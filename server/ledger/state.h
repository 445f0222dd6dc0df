// A wallet's state: what its journal folds to.
//
// A wallet is a header (settings, pool counters, credit) and one record for each member, so that a
// request touches the header and one member whatever the size of the organization. Counters carry
// the bounds of the window or month instance they count in: editing a limit never clears them, and
// no job resets them; an instance that ended simply is not the current one any more (rule B5).
// What is held is kept by scope alone, so that it carries over a boundary.
//
// Thread rule: plain values; the engine guards them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/plan.h"
#include "server/ledger/window.h"

namespace bursar {

// Persisted: never renumber or reuse.
enum class AccountStatus : uint8_t { kActive = 1, kSuspended = 2, kRemoved = 3 };

// Persisted: never renumber or reuse.
enum class MemberRole : uint8_t {
  kPrimaryOwner = 1,
  kOwner = 2,
  kAdmin = 3,
  kBilling = 4,
  kMember = 5,
};

// Whether included usage is per seat or one pool. Persisted: never renumber or reuse.
enum class IncludedScope : uint8_t { kSeat = 1, kOrganization = 2 };

// For whom extra usage is on. Persisted: never renumber or reuse.
enum class ExtraUsageAudience : uint8_t { kEveryone = 1, kSelected = 2 };

// Whom a tier limit's amount is for (rule L2). Persisted: never renumber or reuse.
enum class LimitBasis : uint8_t { kEachMember = 1, kTierTotal = 2 };

// Persisted: never renumber or reuse.
enum class CreditKind : uint8_t {
  kPurchase = 1,
  kAutoReload = 2,
  kPromotion = 3,
  kAdjustment = 4,
};

// What people set on an organization.
struct OrganizationSettings {
  std::string display_name;  // Never empty.
  std::string plan_id;
  std::string currency_code;
  absl::Time billing_anchor;
  std::string time_zone = "UTC";
  AccountStatus status = AccountStatus::kActive;
  std::string settings_url;
  IncludedScope included_scope = IncludedScope::kSeat;
  bool auto_provision_members = false;
  int64_t max_seats = 0;  // Automatic provisioning stops there; zero is no maximum.

  friend bool operator==(const OrganizationSettings&, const OrganizationSettings&) = default;
};

// A change of zone, anchor or included scope that waits for the current window and month to end
// (rule T4).
struct PendingSettings {
  absl::Time effective_at;
  std::string time_zone;
  absl::Time billing_anchor;
  IncludedScope included_scope = IncludedScope::kSeat;

  friend bool operator==(const PendingSettings&, const PendingSettings&) = default;
};

// An opened included window and what was drawn in it.
struct WindowCounter {
  WindowKind kind = WindowKind::kMonth;
  Window window;
  Amount spent;

  friend bool operator==(const WindowCounter&, const WindowCounter&) = default;
};

// The current calendar month of a scope, and what was drawn in it.
struct MonthCounter {
  Window month;  // Empty (start == end) before the first charge.
  Amount extra;  // Extra and metered usage: what spend limits count (rule L1).
  Amount included;

  friend bool operator==(const MonthCounter&, const MonthCounter&) = default;
};

// A spend limit as it is set. `amount` empty means explicitly unlimited.
struct SpendLimit {
  std::optional<Nanos> amount;
  LimitBasis basis = LimitBasis::kEachMember;  // For tiers only.

  friend bool operator==(const SpendLimit&, const SpendLimit&) = default;
};

// Credit that is live (rule X2).
struct CreditGrant {
  int64_t sequence = 0;  // The journal entry that granted it; names it.
  CreditKind kind = CreditKind::kPurchase;
  Nanos amount;
  Nanos remaining;
  absl::Time expires_at = absl::InfiniteFuture();
  absl::Time granted_at;
  std::string reference;

  friend bool operator==(const CreditGrant&, const CreditGrant&) = default;
};

// What a seat tier has in common.
struct TierState {
  std::string tier_id;
  int64_t seats = 0;  // Seated members of the tier that are not removed.
  MonthCounter month;
  Amount held_extra;
  std::optional<SpendLimit> limit;

  friend bool operator==(const TierState&, const TierState&) = default;
};

// The stretch between running out and being lifted (rule N3).
struct Episode {
  int64_t sequence = 0;  // The entry that opened it.
  absl::Time opened_at;
  bool balance = false;  // Ran out of balance; otherwise the organization's spend limit.

  friend bool operator==(const Episode&, const Episode&) = default;
};

// Recent spend from extra and metered usage, for burn rates: sums by hour and by UTC day, newest
// last. Bounded: 25 hours and 8 days.
struct BurnCounters {
  struct Bucket {
    int64_t index = 0;  // Hours or days since 1970, UTC.
    Amount spent;
    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  std::vector<Bucket> hours;
  std::vector<Bucket> days;

  friend bool operator==(const BurnCounters&, const BurnCounters&) = default;
};

// A downgrade that waits (rule O5); also kept on the member.
struct PendingSeat {
  absl::Time effective_at;
  std::string member_id;
  std::string from_tier;
  std::string to_tier;

  friend bool operator==(const PendingSeat&, const PendingSeat&) = default;
};

// Sums over the whole journal that the invariants of rule J2 compare.
struct LifetimeTotals {
  Amount credited;  // Every grant's amount.
  Amount consumed;  // Drawn from prepaid credit or overdrawn.
  Amount expired;   // Left in grants when they expired.
  Amount charged;   // Every charge's cost.

  friend bool operator==(const LifetimeTotals&, const LifetimeTotals&) = default;
};

// Everything of a wallet that is not one member's.
struct WalletHeader {
  std::string organization_id;
  int64_t revision = 0;  // Sequence of the last journal entry.
  absl::Time last_entry_at = absl::InfinitePast();
  absl::Time created_at;
  int64_t settings_version = 0;  // The etag: counts changes of settings, never usage.

  OrganizationSettings settings;
  std::optional<PendingSettings> pending_settings;

  bool extra_enabled = false;
  ExtraUsageAudience audience = ExtraUsageAudience::kEveryone;
  // Members whose own generation equals this one are selected: choosing anew deselects everybody
  // else without touching them.
  int64_t selection_generation = 0;
  int64_t selected_count = 0;

  std::optional<SpendLimit> limit;  // The organization's.
  std::vector<TierState> tiers;     // In order of first mention.
  int64_t member_count = 0;         // Seated and not removed.
  int64_t owner_count = 0;          // Active owners, the primary one included (rule O4).
  std::string primary_owner_id;     // Empty until one is set.

  MonthCounter month;
  std::vector<WindowCounter> pool_windows;  // Only with IncludedScope::kOrganization.
  Amount held_extra;
  Amount held_included;  // Of the pool.

  std::vector<CreditGrant> grants;  // Live, in the order in which they are drawn.
  Amount overdraft;

  std::optional<Episode> episode;
  BurnCounters burn;
  std::vector<PendingSeat> pending_seats;  // By time.
  LifetimeTotals totals;

  const TierState* FindTier(std::string_view tier_id) const;
  TierState* FindTier(std::string_view tier_id);
  // Sum of what is left in live grants.
  Amount Balance() const;
  // Whether the open episode ends by itself when the current month does (rules N3, T3).
  bool PoolReopensWithMonth() const;
  // The earliest instant at which something falls due; InfiniteFuture where nothing does (T3).
  absl::Time NextDue() const;

  friend bool operator==(const WalletHeader&, const WalletHeader&) = default;
};

// Extra spend of a member in one tier in the current month (moving tiers carries no spend, L2).
struct TierSpend {
  std::string tier_id;
  Amount extra;

  friend bool operator==(const TierSpend&, const TierSpend&) = default;
};

// One member.
struct Member {
  std::string member_id;
  std::string email;
  std::string display_name;
  std::string tier_id;
  MemberRole role = MemberRole::kMember;
  AccountStatus status = AccountStatus::kActive;
  std::string time_zone;             // Empty: the organization's.
  int64_t selection_generation = 0;  // Selected for extra usage if the header's; 0 is never.
  bool unseated = false;  // Provisioned beyond the seat maximum: no included usage (rule O6).
  int64_t settings_version = 0;
  std::optional<PendingSeat> pending_seat;

  std::optional<SpendLimit> limit;
  std::vector<WindowCounter> windows;  // The last opened instance of each kind.
  MonthCounter month;
  std::vector<TierSpend> tier_spends;  // Of `month`.
  Amount held_included;
  Amount held_extra;

  friend bool operator==(const Member&, const Member&) = default;
};

// Whether the member is one of those of whom one must stay (rule O4).
inline bool IsActiveOwner(const Member& member) {
  return member.status == AccountStatus::kActive &&
         (member.role == MemberRole::kPrimaryOwner || member.role == MemberRole::kOwner);
}

// A wallet as far as it is loaded. Members are loaded as commands name them; a command may only be
// decided when the members it names are loaded or known not to exist.
struct Wallet {
  WalletHeader header;
  std::unordered_map<std::string, Member> members;

  const Member* FindMember(const std::string& member_id) const {
    auto found = members.find(member_id);
    return found == members.end() ? nullptr : &found->second;
  }
};

}  // namespace bursar
