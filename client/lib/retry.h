// When a failed call is worth another attempt and how long to wait before it. Not installed.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/lib/connection.h"

namespace bursar {

// Whether an error says that the same call may succeed soon: UNAVAILABLE, or RESOURCE_EXHAUSTED
// where the server said when to come back.
bool IsTransient(const absl::Status& status);

// The wait before attempt `attempt` (2 is the first repetition), or nothing when there is to be
// none: the error is not transient, repeating is not safe, attempts are used up, or the wait would
// not end before `time_left` is over. `fraction_millionths` in [0, 1,000,000] places the wait in
// the upper half of its range.
std::optional<absl::Duration> BackoffBefore(int attempt, const absl::Status& status,
                                            const ConnectionOptions& options, RetrySafety safety,
                                            absl::Duration time_left, int fraction_millionths);

}  // namespace bursar
