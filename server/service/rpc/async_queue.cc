#include "server/service/rpc/async_queue.h"

#include <utility>

namespace bursar {

AsyncQueue::AsyncQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)) {}

AsyncQueue::~AsyncQueue() { Drain(); }

void AsyncQueue::Start() {
  thread_ = std::thread([this] { Run(); });
}

void AsyncQueue::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Tag*>(tag)->OnEvent(ok);
}

void AsyncQueue::Drain() {
  if (is_drained_) return;
  is_drained_ = true;
  {
    std::unique_lock lock(mutex_);
    is_waiting_ = true;
    idle_.wait(lock, [this] { return calls_in_flight_ == 0; });
  }
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Run();  // A queue that never ran must be emptied all the same.
  }
}

void AsyncQueue::CallBegan() {
  const std::lock_guard lock(mutex_);
  ++calls_in_flight_;
}

void AsyncQueue::CallEnded() {
  const std::lock_guard lock(mutex_);
  --calls_in_flight_;
  if (is_waiting_ && calls_in_flight_ == 0) idle_.notify_all();
}

}  // namespace bursar
