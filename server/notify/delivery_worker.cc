#include "server/notify/delivery_worker.h"

#include <algorithm>

namespace bursar {
namespace {

// The whole outbox is read so often: for dead letters that are too old, and for good measure.
constexpr absl::Duration kReadInterval = absl::Hours(6);
// Nobody sleeps longer than that without looking: clocks may be set.
constexpr absl::Duration kLongestSleep = absl::Minutes(1);

}  // namespace

DeliveryWorker::DeliveryWorker(Engine* engine, const Clock* clock, Deliverer* deliverer,
                               StopSwitch* stop, DeliveryLog* log, int sender_count)
    : engine_(engine), clock_(clock), deliverer_(deliverer), stop_(stop), log_(log) {
  threads_.emplace_back([this] { LearnLoop(); });
  for (int i = 0; i < std::max(sender_count, 1); ++i) {
    threads_.emplace_back([this] { SendLoop(); });
  }
}

DeliveryWorker::~DeliveryWorker() { Stop(absl::ZeroDuration()); }

void DeliveryWorker::LearnLoop() {
  Outbox::News news;
  news.missed = true;
  absl::Duration since_read = absl::ZeroDuration();
  absl::Duration last = clock_->Monotonic();
  while (true) {
    if (const absl::Status status = deliverer_->Learn(news); !status.ok()) log_->Failure(status);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      ++turn_;
    }
    changed_.notify_all();
    news = engine_->outbox().WaitForNews(kLongestSleep);
    const absl::Duration now = clock_->Monotonic();
    since_read += now - last;
    last = now;
    if (deliverer_->TakeMissed() || since_read >= kReadInterval) news.missed = true;
    if (news.missed) since_read = absl::ZeroDuration();
  }
}

void DeliveryWorker::SendLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const int64_t turn = turn_;
    ++running_;
    lock.unlock();
    const bool did_something = deliverer_->RunOne();
    // Its destination is free again: another may go on with it.
    if (did_something) changed_.notify_all();
    const absl::Duration sleep =
        did_something ? absl::ZeroDuration()
                      : std::min(deliverer_->NextAt() - clock_->Now(), kLongestSleep);
    lock.lock();
    if (did_something) ++turn_;
    --running_;
    changed_.notify_all();
    if (sleep > absl::ZeroDuration() && !stopping_) {
      changed_.wait_for(lock, absl::ToChronoMicroseconds(sleep),
                        [&] { return stopping_ || turn_ != turn; });
    }
  }
}

void DeliveryWorker::Stop(absl::Duration grace) {
  const std::lock_guard stop_lock(stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    engine_->outbox().Wake();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(grace), [this] { return running_ == 0; });
  }
  stop_->Stop();
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace bursar
