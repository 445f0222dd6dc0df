#include "client/lib/retry.h"

#include <algorithm>

namespace bursar {

bool IsTransient(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kUnavailable) return true;
  return status.code() == absl::StatusCode::kResourceExhausted &&
         DetailsOf(status).retry_delay.has_value();
}

std::optional<absl::Duration> BackoffBefore(int attempt, const absl::Status& status,
                                            const ConnectionOptions& options, RetrySafety safety,
                                            absl::Duration time_left, int fraction_millionths) {
  if (safety != RetrySafety::kSafe || !IsTransient(status)) return std::nullopt;
  if (attempt > options.max_attempts) return std::nullopt;
  absl::Duration wait = options.initial_backoff;
  for (int i = 2; i < attempt && wait < options.max_backoff; ++i) wait *= 2;
  wait = std::min(wait, options.max_backoff);
  wait = wait / 2 + wait / 2 * fraction_millionths / 1'000'000;
  wait = std::max(wait, DetailsOf(status).retry_delay.value_or(absl::ZeroDuration()));
  if (wait >= time_left) return std::nullopt;
  return wait;
}

}  // namespace bursar
