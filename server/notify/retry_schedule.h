// When a failed attempt is tried again: exponential back-off with jitter.
//
// Thread rule: pure functions of their arguments.
//
// Source: rule N1 (docs/rules.md).
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace bursar {

struct RetrySchedule {
  absl::Duration first = absl::Seconds(10);  // After the first failure; doubles with each.
  absl::Duration longest = absl::Hours(1);

  // How long to wait after `failures` failures in a row, at least one: somewhere between half of
  // the back-off and all of it, as the random number says, so that what failed together does not
  // come back together.
  absl::Duration DelayAfter(int64_t failures, uint64_t random) const;
};

}  // namespace bursar
