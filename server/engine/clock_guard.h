// Says what time it is, or that the clock cannot be trusted (rule T1).
//
// The wall clock is compared with the monotonic one, which never steps. Their difference is
// remembered as a baseline when the guard is made. A wall clock that stands more than
// kClockTolerance away from the baseline has jumped, and is not trusted until it is back: one bad
// clock must not date entries into a future that no later entry could leave. While the clock is
// trusted the baseline follows it by at most kClockFollowing of the time that passes, twice what a
// time daemon may slew, so that a clock which is steered for days does not look like one that
// jumped. While it is not trusted the baseline stands still; a clock that was wrong before and was
// set right by more than the tolerance is trusted again after a restart.
//
// A clock outside 1970 to 2262 is never trusted: the store could not keep its instants.
//
// Thread rule: guarded by the engine's lock.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"

namespace bursar {

// How far the wall clock may stand from where the monotonic clock expects it, and how far a
// wallet's last entry may lie ahead of it.
inline constexpr absl::Duration kClockTolerance = absl::Seconds(5);
// The baseline follows a trusted clock by one part in so many.
inline constexpr int64_t kClockFollowing = 1000;

class ClockGuard {
 public:
  // The clock must outlive the guard.
  explicit ClockGuard(const Clock* clock);

  // The wall clock, truncated to the nanosecond that records keep. UNAVAILABLE (CLOCK_NOT_TRUSTED)
  // while it is not trusted.
  absl::StatusOr<absl::Time> Now();

 private:
  // Where the wall clock stands beyond the monotonic one.
  static absl::Duration Offset(absl::Time wall, absl::Duration monotonic);

  const Clock* const clock_;
  absl::Duration baseline_;
  absl::Duration baseline_taken_;  // On the monotonic clock.
};

// UNAVAILABLE with reason CLOCK_NOT_TRUSTED.
absl::Status ClockNotTrusted(const std::string& message);

}  // namespace bursar
