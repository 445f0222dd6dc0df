// The journal: what may be written in it.
//
// An entry says what changed, complete enough that folding the entries in order gives the state
// without deciding anything again (rule J1). Bodies are facts with amounts, not requests.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "server/ledger/state.h"
#include "server/ledger/usage.h"

namespace bursar {

// Who and what caused an entry (rule A4). Empty for what time alone causes.
struct Cause {
  std::string actor;       // Metadata key `bursar-actor`.
  std::string caller;      // Name of the calling service's token.
  std::string request_id;  // Of the request, within its family.

  friend bool operator==(const Cause&, const Cause&) = default;
};

// A setting before and after, in words (rule A4).
struct FieldChange {
  std::string field;
  std::string before;
  std::string after;

  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

struct OrganizationCreated {
  std::string organization_id;
  OrganizationSettings settings;
};

struct OrganizationUpdated {
  OrganizationSettings settings;           // As of now, complete.
  std::optional<PendingSettings> pending;  // What waits, complete; replaces what waited.
  std::vector<FieldChange> changes;
};

// A member was created or its settings changed. Counters are never touched by it.
struct MemberUpserted {
  Member settings;  // Counters, limit and held of it are ignored; everything else is complete.
  bool created = false;
  bool automatic = false;  // By automatic provisioning.
  std::vector<FieldChange> changes;
};

struct ExtraUsageUpdated {
  bool enabled = false;
  ExtraUsageAudience audience = ExtraUsageAudience::kEveryone;
  // The generation in force from now on. Where it is a new one, exactly `selected` are selected;
  // otherwise `selected` is empty and the selection stays.
  int64_t selection_generation = 0;
  std::vector<std::string> selected;
  std::vector<FieldChange> changes;
};

struct SpendLimitSet {
  Scope scope = Scope::kOrganization;
  std::string scope_id;  // Tier or member; the organization's id otherwise.
  SpendLimit limit;
  std::vector<FieldChange> changes;
};

struct CreditGranted {
  CreditKind kind = CreditKind::kPurchase;
  Nanos amount;
  absl::Time expires_at = absl::InfiniteFuture();
  std::string reference;
  Nanos repaid_overdraft;  // The part that overdraft took at once.
};

struct CreditExpired {
  int64_t grant_sequence = 0;
  Nanos amount;  // What was left.
};

// An included window opened at its first use (rule B5).
struct WindowOpened {
  Scope scope = Scope::kMember;  // kMember or kOrganization (the pool).
  std::string member_id;         // Of the member; empty for the pool.
  WindowKind kind = WindowKind::kMonth;
  Window window;
  Amount previous_spent;  // What the instance before it ended with.
};

// A calendar month opened at its first charge (rule B5).
struct MonthOpened {
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  Window month;
  MonthCounter previous;  // What the month before it ended with.
};

// What one charge took from one grant.
struct GrantDraw {
  int64_t grant_sequence = 0;
  Nanos amount;

  friend bool operator==(const GrantDraw&, const GrantDraw&) = default;
};

// What became of a named admission. Persisted: never renumber or reuse.
enum class AdmissionStatus : uint8_t {
  kNone = 0,
  kSettled = 1,
  kUnknown = 2,
  kFinal = 3,
  kExpired = 4,
  kForeign = 5,
};

// Usage that happened (rules R1, R5).
struct UsageCharged {
  std::string member_id;
  std::string tier_id;  // Held at recording.
  std::string surface;
  std::string provider;
  std::string model;
  std::optional<Usage> usage;  // Absent where a cost was given.
  absl::Time occurred_at;

  Nanos cost;
  Nanos included;  // included + extra + metered = cost.
  Nanos extra;
  Nanos metered;
  Nanos overshoot;                     // The part of the cost that no headroom covered.
  std::vector<GrantDraw> grant_draws;  // Prepaid: where extra or metered came from.
  Nanos overdraft;                     // Prepaid: the part that no grant covered.

  std::string price_card;  // `id@version`; empty where a cost was given.
  bool price_fallback = false;
  bool unadmitted = false;
  bool unseated = false;
  std::string admission_id;
  AdmissionStatus admission_status = AdmissionStatus::kNone;
  std::string parent_session_id;
  std::vector<std::pair<std::string, std::string>> labels;  // By key.
};

struct EpisodeOpened {
  bool balance = false;   // Ran out of balance; otherwise the organization's spend limit.
  std::string member_id;  // Who met it first.
  std::string surface;
};

struct EpisodeEnded {
  int64_t episode_sequence = 0;
  std::string cause;  // "credit", "limit", "settings" or "period".
};

// A change that waited took effect at its due instant.
struct PendingChangeApplied {
  std::optional<PendingSettings> settings;
  std::optional<PendingSeat> seat;
};

// The order is persisted through the kinds of the record proto, not through this index.
using EntryBody =
    std::variant<OrganizationCreated, OrganizationUpdated, MemberUpserted, ExtraUsageUpdated,
                 SpendLimitSet, CreditGranted, CreditExpired, WindowOpened, MonthOpened,
                 UsageCharged, EpisodeOpened, EpisodeEnded, PendingChangeApplied>;

// One entry. The engine gives it its sequence and instant.
struct Entry {
  int64_t sequence = 0;
  absl::Time recorded_at;
  Cause cause;
  EntryBody body;
};

}  // namespace bursar
