// Threads for work that may block: begun when all that there are have work, up to a limit, and
// kept.
//
// Thread rule: Post from any thread; the rest belongs to one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bursar {

class BlockingThreads {
 public:
  // At most so many threads, and so much work that waits for one.
  BlockingThreads(size_t threads, size_t waiting)
      : most_threads_(threads), most_waiting_(waiting) {}
  BlockingThreads(const BlockingThreads&) = delete;
  BlockingThreads& operator=(const BlockingThreads&) = delete;
  ~BlockingThreads() { Stop(); }

  // Has a thread do it. False, and nothing is done, where too much waits already or Stop was
  // called.
  bool Post(std::function<void()> work);

  // Waits for all that was posted, and ends the threads. Idempotent.
  void Stop();

 private:
  void Run();

  const size_t most_threads_;
  const size_t most_waiting_;
  std::mutex mutex_;  // Guards the rest.
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  size_t busy_ = 0;  // Threads that do some.
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bursar
