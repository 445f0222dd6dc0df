// A wallet's state: what its journal folds to.
//
// A wallet is a header (settings, pool counters, credit) and one record for each member, so that a
// request touches the header and one member whatever the size of the organization. Counters carry
// the bounds of the window or month instance they count in: editing a limit never clears them, and
// no job resets them; an instance that ended simply is not the current one any more (rule B5).
// What is held is kept by scope alone, so that it carries over a boundary.
//
// Open holds come with the header, whole. Holds that ended and charges that were reversed are many:
// the engine loads the few that a command names, and drops them once they are durable. So are
// requests for more, of which the open ones come with their members besides.
//
// Thread rule: plain values; the engine guards them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/base/boxed.h"
#include "server/base/money.h"
#include "server/ledger/channels.h"
#include "server/ledger/increase_request.h"
#include "server/ledger/payment.h"
#include "server/ledger/plan.h"
#include "server/ledger/spend_limit.h"
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

// Persisted: never renumber or reuse.
enum class CreditKind : uint8_t {
  kPurchase = 1,
  kAutoReload = 2,
  kPromotion = 3,
  kAdjustment = 4,
};

// What becomes of a hold that nobody settled in time (rule H5). Persisted: never renumber or reuse.
enum class HoldExpiryPolicy : uint8_t { kRelease = 1, kCapture = 2 };

// Whether members go on into extra usage by themselves or must confirm (rule B9). Persisted: never
// renumber or reuse.
enum class CrossingPolicy : uint8_t { kAuto = 1, kConfirm = 2 };

// How a hold ended. Persisted: never renumber or reuse.
enum class HoldEnd : uint8_t { kSettled = 1, kReleased = 2, kExpired = 3, kCaptured = 4 };

// The shortest and the longest time to live of a hold, extensions included (rule H3).
inline constexpr absl::Duration kMinHoldTtl = absl::Seconds(1);
inline constexpr absl::Duration kMaxHoldTtl = absl::Hours(24);
// As shipped: how long a hold lives, and the largest one.
inline constexpr absl::Duration kShippedHoldTtl = absl::Minutes(10);
inline constexpr Nanos kShippedMaxHold = Nanos::Units(100);
// How many holds of one organization may be open at once: they are loaded with its header. And how
// many of one member, so that no runaway agent locks out the others (rule H2).
inline constexpr int64_t kMaxOpenHolds = 10'000;
inline constexpr int64_t kMaxOpenHoldsOfMember = 2'000;
// How many limits of surfaces and models an organization may have, and how many temporary limits
// may be in force at once: they are part of its header.
inline constexpr int64_t kMaxNamedLimits = 200;
inline constexpr size_t kMaxRaises = 1'000;
// How many surfaces and models without a limit are counted in a month. What is used beyond them is
// counted from when a limit is set.
inline constexpr size_t kMaxCountedNames = 128;

// The surface of a request that names none (rule R5).
inline constexpr char kDefaultSurface[] = "api";

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
  HoldExpiryPolicy hold_expiry_policy = HoldExpiryPolicy::kRelease;
  absl::Duration default_hold_ttl = kShippedHoldTtl;
  Nanos max_hold = kShippedMaxHold;  // The largest single hold; more than zero.
  CrossingPolicy crossing_policy = CrossingPolicy::kAuto;
  absl::Duration request_cool_down = kShippedRequestCoolDown;  // Zero to a year (rule Q3).
  absl::Duration payment_timeout = kShippedPaymentTimeout;     // How long a verdict is awaited.
  // Owners are told when the balance falls to it; zero: never (rule N4).
  Nanos low_balance_threshold = kShippedLowBalanceThreshold;

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
  int64_t opened_sequence = 0;  // The entry that opened it: earlier charges are not in `spent`.

  friend bool operator==(const WindowCounter&, const WindowCounter&) = default;
};

// The current calendar month of a scope, and what was drawn in it.
struct MonthCounter {
  Window month;  // Empty (start == end) before the first charge.
  Amount extra;  // Extra and metered usage: what spend limits count (rule L1).
  Amount included;

  friend bool operator==(const MonthCounter&, const MonthCounter&) = default;
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

// What is reserved for one admitted request until it is settled, released or expires (rule H3). The
// amounts are what it holds now: what it reserved less what partial settlements used.
struct Hold {
  int64_t sequence = 0;  // The journal entry that placed it; names it.
  std::string member_id;
  std::string tier_id;  // The tier that `extra` is reserved in; kept when the member moves.
  std::string surface;  // These three are empty where the check did not say.
  std::string provider;
  std::string model;
  std::string parent_session_id;
  std::string request_id;  // Of the check that placed it: a repeat of that finds it (rule H9).
  Nanos included;
  bool of_pool = false;  // `included` is of the organization's pool, not of the seat.
  Nanos extra;           // Extra usage, or metered usage where `metered`.
  bool metered = false;
  absl::Time placed_at;
  absl::Time expires_at;  // Live before it, not at it (rule H5).

  // Everything that it holds.
  Nanos Held() const { return Nanos(included.value + extra.value); }

  friend bool operator==(const Hold&, const Hold&) = default;
};

// What one charge took from one grant.
struct GrantDraw {
  int64_t grant_sequence = 0;
  Nanos amount;
  absl::Time expires_at = absl::InfiniteFuture();  // The grant's, for a refund (rule R7).

  friend bool operator==(const GrantDraw&, const GrantDraw&) = default;
};

// What must be known of a charge to reverse it.
struct ChargeFacts {
  std::string member_id;
  std::string tier_id;  // The tier charged.
  std::string surface;
  std::string provider;
  std::string model;
  absl::Time recorded_at;
  Nanos included;
  Nanos extra;
  Nanos metered;
  std::vector<GrantDraw> grant_draws;
  Nanos overdraft;
  bool of_pool = false;  // `included` was drawn from the organization's pool.

  Nanos Cost() const { return Nanos(included.value + extra.value + metered.value); }

  friend bool operator==(const ChargeFacts&, const ChargeFacts&) = default;
};

// A charge and how much of it was reversed so far (rule R7).
struct Reversal {
  int64_t sequence = 0;  // Of the charge's entry.
  ChargeFacts facts;
  Nanos included;  // Reversed so far.
  Nanos extra;
  Nanos metered;

  // What can still be reversed.
  Nanos Left() const {
    return Nanos(facts.Cost().value - included.value - extra.value - metered.value);
  }

  friend bool operator==(const Reversal&, const Reversal&) = default;
};

// A hold that is open no more.
struct EndedHold {
  int64_t sequence = 0;
  std::string member_id;
  std::string surface;
  std::string provider;
  std::string model;
  std::string parent_session_id;
  HoldEnd end = HoldEnd::kSettled;
  absl::Time ended_at;
  // Captured holds only: the charge that captured it and what of that was reversed. This is the
  // only place that keeps it: captures have no entry in `Wallet::reversals`.
  std::optional<Reversal> capture;

  friend bool operator==(const EndedHold&, const EndedHold&) = default;
};

// What a seat tier has in common.
struct TierState {
  std::string tier_id;
  int64_t seats = 0;  // Seated members of the tier that are not removed.
  MonthCounter month;
  Amount held_extra;
  std::optional<SpendLimit> limit;  // Of the month.
  RecentSpend recent = {};
  std::vector<PeriodLimit> period_limits = {};

  friend bool operator==(const TierState&, const TierState&) = default;
};

// The stretch between running out and being lifted (rule N3).
struct Episode {
  int64_t sequence = 0;  // The entry that opened it.
  absl::Time opened_at;
  bool balance = false;         // Ran out of balance; otherwise the organization's spend limit.
  Boxed<EpisodeAnswer> answer;  // An owner's; every denial of the episode carries it (rule N6).

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
  Amount credited;  // Every grant's amount but those of refunds.
  Amount consumed;  // Drawn from prepaid credit or overdrawn, less what refunds gave back.
  Amount expired;   // Left in grants when they expired.
  Amount charged;   // Every charge's cost.
  Amount reversed;  // What refunds and corrections took back of it.
  // Overshoot by its kind (rule H7); refunds do not lower it.
  Amount overshoot_held;
  Amount overshoot_soft;
  Amount overshoot_unadmitted;
  Amount overshoot_policy;
  Amount paid_back;  // What chargebacks took back of the credit (rule X4).
  // What was overdrawn when a plan of prepaid credit was left: it opened a statement (rule O8).
  Amount overdraft_billed;

  friend bool operator==(const LifetimeTotals&, const LifetimeTotals&) = default;
};

// What a stretch of the journal adds up to (rule S4). Money that left or entered a wallet, by what
// it was.
struct StatementTotals {
  int64_t charge_count = 0;
  Amount included;  // Of charges, by bucket.
  Amount extra;
  Amount metered;
  int64_t reversal_count = 0;
  Amount reversed_included;  // What refunds and corrections took back, by bucket.
  Amount reversed_extra;
  Amount reversed_metered;
  // Credit that was added, by kind; what refunds gave back is apart.
  Amount purchased;
  Amount auto_reloaded;
  Amount promotional;
  Amount adjusted;
  Amount refunded_credit;
  Amount repaid_overdraft;  // The part of all credit that overdraft took at once.
  Amount drawn;             // Charges paid from credit.
  Amount overdrawn;         // Charges that no credit covered, on prepaid plans.
  Amount expired;           // Left in grants when they expired.
  Amount paid_back;         // What payments took back of credit that they had paid for.
  Amount billed_overdraft;  // Overdraft that a change of plan moved onto the bill.

  // What was added to credit less overdraft, and taken from it.
  Amount CreditChange() const {
    return Credited() + billed_overdraft - drawn - overdrawn - expired - paid_back;
  }
  Amount Credited() const {
    return purchased + auto_reloaded + promotional + adjusted + refunded_credit;
  }
  // What charges cost, refunds taken off.
  Amount NetCost() const {
    return included + extra + metered - reversed_included - reversed_extra - reversed_metered;
  }
  // What accrued and no credit paid or will pay back, and overdraft that was billed.
  Amount Owed() const {
    const Amount accrued = extra + metered - drawn - overdrawn;
    const Amount refunded = reversed_extra + reversed_metered - refunded_credit;
    return accrued - refunded + billed_overdraft;
  }

  friend bool operator==(const StatementTotals&, const StatementTotals&) = default;
};

// The statement that the wallet's present entries count on (rule S4). It is open from the first
// entry that counts until its period ends: months without any have no statement.
struct OpenStatement {
  Window period;  // Empty (start == end) where none is open.
  StatementTotals totals;
  Amount opening_balance;  // What the one before it closed with.
  Amount opening_overdraft;
  int64_t finalized_sequence =
      0;  // The entry that finalized the one before it; zero for the first.
  absl::Time finalized_until = absl::InfinitePast();  // Where that one's period ended.

  bool IsOpen() const { return period.start != period.end; }

  friend bool operator==(const OpenStatement&, const OpenStatement&) = default;
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

  std::optional<SpendLimit> limit;         // The organization's, of the month.
  std::vector<PeriodLimit> period_limits;  // The organization's others.
  // Surfaces and models, by scope and id, and how many limits they have together.
  std::vector<NamedScope> named_scopes;
  int64_t named_limit_count = 0;
  std::vector<PendingRaise> raises;       // By time, then what they are of.
  std::vector<NoticedThreshold> noticed;  // Of limits that count for more than one member.
  // How usage is paid, known since the plan was changed (rule O8); otherwise as the wallet began.
  std::optional<Funding> funding;
  std::vector<TierState> tiers;  // In order of first mention.
  int64_t member_count = 0;      // Seated and not removed.
  int64_t owner_count = 0;       // Active owners, the primary one included (rule O4).
  std::string primary_owner_id;  // Empty until one is set.

  MonthCounter month;
  RecentSpend recent;  // The bounds of its week and day are those of every scope.
  std::vector<WindowCounter> pool_windows;  // Only with IncludedScope::kOrganization.
  Amount held_extra;
  Amount held_included;  // Of the pool.
  int64_t open_hold_count = 0;
  absl::Time next_hold_expiry = absl::InfiniteFuture();  // Infinite where no hold is open.

  std::vector<CreditGrant> grants;  // Live, in the order in which they are drawn.
  Amount overdraft;

  std::optional<Episode> episode;
  BurnCounters burn;
  std::vector<PendingSeat> pending_seats;  // By time.
  LifetimeTotals totals;
  OpenStatement statement;
  int64_t open_request_count = 0;  // Members with an open request for more.

  std::vector<Payment> open_payments;  // Requested or sent, by sequence; at most one is a reload.
  AutoReload reload;
  // Credit came since owners were last told of a low balance, and lifted it above the threshold.
  bool low_balance_armed = false;

  NotificationChannels channels;
  int64_t channels_version = 0;  // Counts changes of the channels.
  // When the digest of outstanding requests is due; infinite where none is planned.
  absl::Time next_digest = absl::InfiniteFuture();

  const TierState* FindTier(std::string_view tier_id) const;
  TierState* FindTier(std::string_view tier_id);
  // Sum of what is left in live grants.
  Amount Balance() const;
  // The surface or model of that id (a model's as ModelKey gives it), or null.
  const NamedScope* FindNamed(Scope scope, std::string_view id) const;
  NamedScope* FindNamed(Scope scope, std::string_view id);
  // When the open episode ends by itself, with the periods whose limits are reached; InfiniteFuture
  // where it does not (rules N3, T3).
  absl::Time PoolReopensAt() const;
  // What can still be drawn beyond included usage: credit less overdraft less what is held.
  Amount Available() const;
  // The open payment of that sequence, and the one of auto-reload; null where there is none.
  const Payment* FindOpenPayment(int64_t sequence) const;
  const Payment* ReloadInFlight() const;
  // The first instant at which policy lets a reload be requested, whatever the balance; long past
  // where it does now, InfiniteFuture where time alone never brings it (rule X4).
  absl::Time ReloadAllowedAt() const;
  // The same, InfiniteFuture also where the balance is not low.
  absl::Time NextReload() const;
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

// The same of the member's current week and day.
struct TierRecentSpend {
  std::string tier_id;
  Amount week;
  Amount day;

  friend bool operator==(const TierRecentSpend&, const TierRecentSpend&) = default;
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
  Amount held_included;                // Of the seat; what is held of the pool is the header's.
  Amount held_extra;
  // Ends of the longest windows in which the member confirmed extra usage, and in which its
  // crossing into it was noticed (rule B9).
  absl::Time confirmed_until = absl::InfinitePast();
  absl::Time crossing_noticed_until = absl::InfinitePast();
  Boxed<MemberRequests> requests;

  // The open request for more, or null.
  const IncreaseRequest* OpenRequest() const {
    return requests.has_value() && requests->open.has_value() ? &*requests->open : nullptr;
  }

  std::vector<PeriodLimit> period_limits;  // `limit` is the month's.
  RecentSpend recent;
  PeriodCounter hour;                        // What velocity limits count (rule L6).
  std::vector<TierRecentSpend> tier_recent;  // Of `recent`.
  std::vector<NoticedThreshold> noticed;     // Of limits that count this member alone.

  friend bool operator==(const Member&, const Member&) = default;
};

// A model's id as limits and counters know it: without the provider before the last slash (rule
// P7).
inline std::string_view ModelKey(std::string_view model) {
  const size_t slash = model.rfind('/');
  return slash == std::string_view::npos ? model : model.substr(slash + 1);
}

// The surface or model by which limits know a hold: a record of one that names no surface is of the
// default one.
inline std::string_view NameOf(const Hold& hold, Scope scope) {
  if (scope == Scope::kModel) return ModelKey(hold.model);
  return hold.surface.empty() ? std::string_view(kDefaultSurface) : std::string_view(hold.surface);
}

// Whether the member is one of those of whom one must stay (rule O4).
inline bool IsActiveOwner(const Member& member) {
  return member.status == AccountStatus::kActive &&
         (member.role == MemberRole::kPrimaryOwner || member.role == MemberRole::kOwner);
}

// A wallet as far as it is loaded. Members are loaded as commands name them; a command may only be
// decided when the members it names are loaded or known not to exist. Open holds are always loaded.
struct Wallet {
  WalletHeader header;
  std::unordered_map<std::string, Member> members;
  std::map<int64_t, Hold> holds;  // Every open hold, by sequence.
  // Derived from `holds`, and kept so by the functions below: the same by (expires_at, sequence),
  // how many each member has, and what all of them hold of included usage, of seats and of the
  // pool.
  std::set<std::pair<absl::Time, int64_t>> hold_expiries;
  std::unordered_map<std::string, int64_t> holds_of_members;
  Amount held_included;
  // Only those that a command needs or that are not durable yet; see the head of this file.
  std::unordered_map<int64_t, EndedHold> ended_holds;
  std::unordered_map<int64_t, Reversal> reversals;
  std::unordered_map<int64_t, IncreaseRequest> requests;  // Open ones are in their members too.
  // Finished payments, likewise.
  std::unordered_map<int64_t, Payment> payments;

  const Member* FindMember(const std::string& member_id) const {
    auto found = members.find(member_id);
    return found == members.end() ? nullptr : &found->second;
  }
  // The open hold, or null.
  const Hold* FindHold(int64_t sequence) const {
    auto found = holds.find(sequence);
    return found == holds.end() ? nullptr : &found->second;
  }
  const EndedHold* FindEndedHold(int64_t sequence) const {
    auto found = ended_holds.find(sequence);
    return found == ended_holds.end() ? nullptr : &found->second;
  }
  // The payment, open or finished and loaded; null where it is neither.
  const Payment* FindPayment(int64_t sequence) const;
  int64_t CountHoldsOf(const std::string& member_id) const {
    auto found = holds_of_members.find(member_id);
    return found == holds_of_members.end() ? 0 : found->second;
  }

  // These four change open holds and what is derived from them, not the figures of header, tiers
  // and members. The first puts one there, new or read from the store; requires: it is not there.
  // The others require that it is, and that it holds what is taken off.
  void InstallHold(Hold hold);
  void TakeOffHold(int64_t sequence, Nanos included, Nanos extra);
  void MoveHoldExpiry(int64_t sequence, absl::Time expires_at);
  void RemoveHold(int64_t sequence);
};

}  // namespace bursar
