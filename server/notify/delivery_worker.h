// The threads that deliver: one that learns what is new and when something is due, and a few that
// do the steps, so that a slow target holds up no other.
//
// Thread rule: Start and the destructor belong to one thread; Stop may be called from any.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "server/notify/curl_transport.h"
#include "server/notify/deliverer.h"

namespace bursar {

class DeliveryWorker {
 public:
  // Starts `sender_count` threads, at least one. All outlive the worker. The outbox is read first,
  // so that what an earlier process left goes on.
  DeliveryWorker(Engine* engine, const Clock* clock, Deliverer* deliverer, StopSwitch* stop,
                 DeliveryLog* log, int sender_count);
  ~DeliveryWorker();
  DeliveryWorker(const DeliveryWorker&) = delete;
  DeliveryWorker& operator=(const DeliveryWorker&) = delete;

  // Begins no further step; attempts under way have until `grace` and are then cut off. What they
  // brought is noted. The rest stays in the outbox. Idempotent.
  void Stop(absl::Duration grace);

 private:
  void LearnLoop();
  void SendLoop();

  Engine* const engine_;
  const Clock* const clock_;
  Deliverer* const deliverer_;
  StopSwitch* const stop_;
  DeliveryLog* const log_;

  std::mutex mutex_;  // Guards the next three.
  std::condition_variable changed_;
  bool stopping_ = false;
  int64_t turn_ = 0;  // Grows whenever there may be something to do.
  int running_ = 0;

  std::mutex stop_mutex_;
  bool stopped_ = false;  // Guarded by stop_mutex_.
  std::vector<std::thread> threads_;
};

}  // namespace bursar
