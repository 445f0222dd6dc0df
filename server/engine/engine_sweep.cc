// Sweeping: what falls due in wallets that nobody touches is journaled all the same (rule T3).
#include <algorithm>
#include <chrono>
#include <utility>

#include "server/engine/engine_core.h"
#include "server/engine/jobs.h"

namespace bursar {
namespace {

// How many due wallets are looked at together.
constexpr size_t kSweepBatch = 256;
// How often the store is asked to forget old request ids.
constexpr absl::Duration kForgetInterval = absl::Hours(6);

}  // namespace

void EngineCore::SweeperLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (options_.sweep_interval == absl::InfiniteDuration()) {
      sweeper_ready_.wait(lock, [this] { return stopping_; });
      return;
    }
    const auto interval = absl::ToChronoNanoseconds(options_.sweep_interval);
    if (sweeper_ready_.wait_for(lock, interval, [this] { return stopping_; })) return;
    if (!latched_.ok()) continue;
    lock.unlock();
    // An error is the clock's or the store's: both show in Health, and the next sweep tries again.
    SweepNow().status().IgnoreError();
    SaveDenials().IgnoreError();
    lock.lock();
  }
}

absl::StatusOr<int> EngineCore::SweepNow() {
  std::lock_guard sweep_lock(sweep_mutex_);
  absl::StatusOr<absl::Time> now = absl::InternalError("");
  {
    std::lock_guard lock(mutex_);
    if (!latched_.ok()) return latched_;
    now = clock_guard_.Now();
  }
  if (!now.ok()) return now.status();
  int changed_count = 0;
  while (true) {
    // Wallets that cannot be swept stay at the head of the index; the batch reaches behind them.
    const size_t limit = kSweepBatch + stuck_wallets_;
    absl::StatusOr<std::vector<DueRow>> due = store_->Due(*now, limit);
    if (!due.ok()) return due.status();
    const int changed = SweepWallets(*due);
    changed_count += changed;
    stuck_wallets_ = due->size() - std::min(due->size(), static_cast<size_t>(changed));
    if (changed == 0 || due->size() < limit) break;
  }
  if (absl::Status s = ForgetOldRequests(*now); !s.ok()) return s;
  return changed_count;
}

int EngineCore::SweepWallets(const std::vector<DueRow>& due) {
  SweepProgress progress(due.size());
  for (const DueRow& row : due) {
    Submit(std::make_unique<SweepJob>(row.organization_id, progress));
  }
  return progress.Wait();
}

absl::Status EngineCore::ForgetOldRequests(absl::Time now) {
  if (now - forgotten_at_ < kForgetInterval) return absl::OkStatus();
  forgotten_at_ = now;
  return store_->ForgetDedupe(now);
}

}  // namespace bursar
