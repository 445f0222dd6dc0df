// A completion queue and the one thread that serves it.
//
// The request path runs on these. Everything that waits in a queue is a Tag; the thread calls each
// as its event comes. Calls that were handed to a handler are counted, so that a drain can wait for
// the last of them: gRPC aborts the process when a call is finished on a queue that was shut down.
//
// Thread rule: Start and Drain belong to one thread, in that order. CallBegan and CallEnded are for
// the queue's own thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "grpcpp/completion_queue.h"

namespace bursar {

// Something that waits in a queue.
class Tag {
 public:
  virtual ~Tag() = default;
  // Called on the queue's thread. `ok` is gRPC's: false means that it did not happen.
  virtual void OnEvent(bool ok) = 0;
};

class AsyncQueue {
 public:
  explicit AsyncQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue);
  AsyncQueue(const AsyncQueue&) = delete;
  AsyncQueue& operator=(const AsyncQueue&) = delete;
  // Drains, if that was not done. Requires: the server is shut down.
  ~AsyncQueue();

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // Starts the thread.
  void Start();

  // Waits until every call in flight is finished, then shuts the queue down and joins the thread.
  // Idempotent. Requires: Server::Shutdown has returned, so that no call can arrive any more.
  void Drain();

  // A call is now in a handler's hands; it has been answered and its answer's event has come.
  void CallBegan();
  void CallEnded();

 private:
  void Run();

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
  bool is_drained_ = false;
  std::mutex mutex_;
  std::condition_variable idle_;
  int64_t calls_in_flight_ = 0;  // Guarded by mutex_.
  bool is_waiting_ = false;      // Somebody waits for idle_. Guarded by mutex_.
};

}  // namespace bursar
