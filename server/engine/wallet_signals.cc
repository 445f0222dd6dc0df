#include "server/engine/wallet_signals.h"

#include <algorithm>
#include <utility>

namespace bursar {

WalletSignals::Watcher::~Watcher() {
  const std::lock_guard lock(signals_->mutex_);
  --signals_->watcher_count_;
  const auto found = signals_->watchers_.find(organization_id_);
  found->second.erase(this);
  if (found->second.empty()) signals_->watchers_.erase(found);
}

int64_t WalletSignals::Watcher::WaitBeyond(int64_t revision, absl::Duration most) {
  std::unique_lock lock(signals_->mutex_);
  changed_.wait_for(lock, absl::ToChronoMicroseconds(most), [&] { return revision_ > revision; });
  return revision_;
}

int64_t WalletSignals::Watcher::Latest() const {
  const std::lock_guard lock(signals_->mutex_);
  return revision_;
}

std::unique_ptr<WalletSignals::Watcher> WalletSignals::Watch(std::string organization_id) {
  std::unique_ptr<Watcher> watcher(new Watcher(this, std::move(organization_id)));
  const std::lock_guard lock(mutex_);
  ++watcher_count_;
  watchers_[watcher->organization_id_].insert(watcher.get());
  return watcher;
}

void WalletSignals::Publish(const std::string& organization_id, int64_t revision) {
  if (watcher_count_ == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = watchers_.find(organization_id);
  if (found == watchers_.end()) return;
  for (Watcher* watcher : found->second) {
    watcher->revision_ = std::max(watcher->revision_, revision);
    watcher->changed_.notify_one();
  }
}

}  // namespace bursar
