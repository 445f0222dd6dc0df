// The machine's clock, ahead by a constant: for rehearsals of what a night or a month's end brings.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include "server/base/clock.h"

namespace bursar {

class RehearsalClock final : public Clock {
 public:
  explicit RehearsalClock(absl::Duration ahead) : ahead_(ahead) {}
  absl::Time Now() const override { return machine_.Now() + ahead_; }
  absl::Duration Monotonic() const override { return machine_.Monotonic(); }

 private:
  const SystemClock machine_;
  const absl::Duration ahead_;
};

}  // namespace bursar
