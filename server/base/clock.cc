#include "server/base/clock.h"

#include <chrono>

namespace bursar {

absl::Duration SystemClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace bursar
