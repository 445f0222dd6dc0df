// Whether the server serves: the one answer behind health checks, /readyz and health watches.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/time/time.h"

namespace bursar {

class ServingState {
 public:
  // What callers should believe. Stopping is final.
  enum class State : uint8_t { kNotServing, kServing, kStopping };

  State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  bool IsServing() const { return state() == State::kServing; }

  // Changes the state and wakes those who wait. After kStopping nothing changes it any more.
  void Set(State state) {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kStopping) return;
    state_ = state;
    changed_.notify_all();
  }

  // Waits until the state is another than `seen`, at most `timeout`; returns the state then.
  State WaitForChange(State seen, absl::Duration timeout) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), [&] { return state_ != seen; });
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  State state_ = State::kNotServing;  // Guarded by mutex_.
};

}  // namespace bursar
