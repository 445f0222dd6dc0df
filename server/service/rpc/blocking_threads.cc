#include "server/service/rpc/blocking_threads.h"

#include <utility>

namespace bursar {

bool BlockingThreads::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  const size_t posted = busy_ + waiting_.size();
  if (is_stopping_ || posted >= most_threads_ + most_waiting_) return false;
  waiting_.push_back(std::move(work));
  if (posted >= threads_.size() && threads_.size() < most_threads_) {
    threads_.emplace_back([this] { Run(); });
  }
  changed_.notify_one();
  return true;
}

void BlockingThreads::Stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
}

void BlockingThreads::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    ++busy_;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
    --busy_;
  }
}

}  // namespace bursar
