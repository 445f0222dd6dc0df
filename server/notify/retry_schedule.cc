#include "server/notify/retry_schedule.h"

#include <algorithm>

namespace bursar {

absl::Duration RetrySchedule::DelayAfter(int64_t failures, uint64_t random) const {
  absl::Duration delay = first;
  for (int64_t i = 1; i < failures && delay < longest; ++i) delay *= 2;
  delay = std::min(delay, longest);
  constexpr int64_t kSteps = 1 << 20;
  return delay / 2 + delay / 2 * static_cast<int64_t>(random % kSteps) / kSteps;
}

}  // namespace bursar
