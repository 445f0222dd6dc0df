// Requests for more (rules Q1 to Q3), and what an owner answers to an episode (rule N6): what the
// wallet keeps of them.
//
//   pending ──▶ escalated      by an admin's approval of what only owners grant
//   pending, escalated ──▶ approved | denied | cancelled | superseded, which are final
//
// An open request lives in its member's record, because a member has at most one: a check of a
// member without requests carries one null pointer. Every request, open or decided, is also a
// record of its own, by sequence; the engine loads the few that commands name, and drops them once
// they are durable.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/spend_limit.h"

namespace bursar {

// What a member asks for. Persisted: never renumber or reuse; the numbers are the public enum's.
enum class IncreaseKind : uint8_t { kExtraUsage = 1, kHigherLimit = 2, kHigherSeat = 3 };

// Persisted: never renumber or reuse; the numbers are the public enum's.
enum class IncreaseState : uint8_t {
  kPending = 1,
  kEscalated = 2,
  kApproved = 3,
  kDenied = 4,
  kCancelled = 5,
  kSuperseded = 6,
};

// Whether somebody may still decide.
inline bool IsOpen(IncreaseState state) {
  return state == IncreaseState::kPending || state == IncreaseState::kEscalated;
}

// How many requests of one organization may be open at once.
inline constexpr int64_t kMaxOpenRequests = 10'000;
// As shipped, and the longest: how long a denied member waits before it can ask again (rule Q3).
inline constexpr absl::Duration kShippedRequestCoolDown = absl::Hours(24 * 30);
inline constexpr absl::Duration kMaxRequestCoolDown = absl::Hours(24 * 365);

// A request and what became of it so far.
struct IncreaseRequest {
  int64_t sequence = 0;  // The journal entry that made it; names it.
  std::string member_id;
  IncreaseKind kind = IncreaseKind::kExtraUsage;
  // Of a higher limit, and only there: which is to be raised, the one with the least left when the
  // member asked.
  std::optional<LimitKey> limit;
  std::optional<Nanos> asked_amount;  // Of a higher limit; empty: none was named.
  std::string asked_tier_id;          // Of a higher seat, and only there.
  std::string surface;                // Where the member was blocked.
  std::string model;                  // Likewise; empty: whatever the model.
  std::string reason;                 // In the member's words; may be empty.
  absl::Time created_at;
  IncreaseState state = IncreaseState::kPending;
  absl::Time decided_at = absl::InfinitePast();  // When the state changed last.
  std::string decided_by;                        // The actor who changed it; may be empty.
  std::string note;                              // Said with it; may be empty.
  // Of a higher limit: what was granted; while escalated, what the admin would have granted.
  std::optional<Nanos> granted_amount;
  absl::Time granted_until = absl::InfiniteFuture();

  friend bool operator==(const IncreaseRequest&, const IncreaseRequest&) = default;
};

// What a member's record keeps of its requests; absent where there is nothing of it.
struct MemberRequests {
  std::optional<IncreaseRequest> open;
  // The last denial, from which the cool-down runs.
  int64_t denied_sequence = 0;  // Zero: none.
  absl::Time denied_at = absl::InfinitePast();
  std::string denied_note;

  friend bool operator==(const MemberRequests&, const MemberRequests&) = default;
};

// What an owner says to an open episode. Persisted: never renumber or reuse; the numbers are the
// public enum's.
enum class EpisodeAnswerKind : uint8_t { kWaitingForReset = 1, kWorkingOnIt = 2, kNote = 3 };

struct EpisodeAnswer {
  EpisodeAnswerKind kind = EpisodeAnswerKind::kNote;
  std::string note;  // Never empty where it is the answer.
  absl::Time answered_at;
  std::string answered_by;  // The actor; may be empty.

  friend bool operator==(const EpisodeAnswer&, const EpisodeAnswer&) = default;
};

// The answer as denials carry it, ready to show.
std::string EpisodeAnswerText(EpisodeAnswerKind kind, const std::string& note);

}  // namespace bursar
