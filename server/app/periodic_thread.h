// A thread that does something again and again until it is stopped.
//
// Thread rule: Start and Stop belong to one thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/time/time.h"

namespace bursar {

class PeriodicThread {
 public:
  PeriodicThread() = default;
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;
  ~PeriodicThread() { Stop(); }

  // Calls `work` on a thread of its own, with `pause` between the calls and before the first. The
  // pause is of the monotonic clock.
  void Start(absl::Duration pause, std::function<void()> work) {
    thread_ = std::thread([this, pause, work = std::move(work)] {
      std::unique_lock lock(mutex_);
      while (!changed_.wait_for(lock, absl::ToChronoNanoseconds(pause),
                                [this] { return is_stopped_; })) {
        lock.unlock();
        work();
        lock.lock();
      }
    });
  }

  // Waits for a call under way and ends the thread. Idempotent.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopped_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace bursar
