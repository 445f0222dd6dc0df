// Where instants come from. Only the engine asks (the ledger is told), so that tests and the
// simulator decide what time it is.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace bursar {

// Thread rule: every method may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock, UTC.
  virtual absl::Time Now() const = 0;
  // Time since an arbitrary start; never steps. Lets the engine see a wall clock that jumped (T1).
  virtual absl::Duration Monotonic() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration Monotonic() const override;
};

}  // namespace bursar
