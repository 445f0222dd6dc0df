#include "server/engine/clock_guard.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/ledger/window.h"

namespace bursar {

absl::Status ClockNotTrusted(const std::string& message) {
  return WithReason(absl::UnavailableError(message), "CLOCK_NOT_TRUSTED");
}

ClockGuard::ClockGuard(const Clock* clock)
    : clock_(clock),
      baseline_(Offset(clock->Now(), clock->Monotonic())),
      baseline_taken_(clock->Monotonic()) {}

absl::Duration ClockGuard::Offset(absl::Time wall, absl::Duration monotonic) {
  return (wall - absl::UnixEpoch()) - monotonic;
}

absl::StatusOr<absl::Time> ClockGuard::Now() {
  const absl::Time wall = clock_->Now();
  const absl::Duration monotonic = clock_->Monotonic();
  if (wall < absl::UnixEpoch() || wall > kLatestInstant) {
    return ClockNotTrusted("this server's clock is out of range; nothing is committed");
  }
  const absl::Duration difference = Offset(wall, monotonic) - baseline_;
  const absl::Duration elapsed = std::max(monotonic - baseline_taken_, absl::ZeroDuration());
  baseline_taken_ = monotonic;
  if (absl::AbsDuration(difference) > kClockTolerance) {
    return ClockNotTrusted(absl::StrCat("this server's clock jumped by ",
                                        absl::FormatDuration(difference),
                                        "; nothing is committed until it is back"));
  }
  const absl::Duration step = elapsed / kClockFollowing;
  baseline_ += std::clamp(difference, -step, step);
  return absl::FromUnixNanos(absl::ToUnixNanos(wall));
}

}  // namespace bursar
