#include "server/service/wallet_watches.h"

namespace bursar {
namespace {

// How often the guard looks while there are watches.
constexpr std::chrono::milliseconds kGuardInterval(250);
// How long a write may take when the server stops.
constexpr std::chrono::seconds kStoppingWrite(1);

}  // namespace

WalletWatches::WalletWatches(const WatchLimits& limits)
    : limits_(limits), guard_([this] { GuardLoop(); }) {}

WalletWatches::~WalletWatches() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  guard_.join();
}

void WalletWatches::Stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  changed_.notify_all();
}

bool WalletWatches::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_;
}

void WalletWatches::GuardLoop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !entries_.empty(); });
    if (is_over_) return;
    changed_.wait_for(lock, kGuardInterval, [this] { return is_over_; });
    const std::chrono::nanoseconds most =
        is_stopping_ ? kStoppingWrite : absl::ToChronoNanoseconds(limits_.max_write);
    const auto now = std::chrono::steady_clock::now();
    for (Entry* entry : entries_) {
      if (entry->writing_since_.has_value() && now - *entry->writing_since_ > most) {
        entry->context_->TryCancel();
      }
    }
  }
}

WalletWatches::Entry::Entry(WalletWatches* watches, grpc::ServerContext* context)
    : watches_(watches), context_(context) {
  const std::lock_guard lock(watches_->mutex_);
  is_admitted_ = watches_->entries_.size() < static_cast<size_t>(watches_->limits_.max_watches);
  if (!is_admitted_) return;
  watches_->entries_.insert(this);
  watches_->changed_.notify_all();
}

WalletWatches::Entry::~Entry() {
  const std::lock_guard lock(watches_->mutex_);
  watches_->entries_.erase(this);
}

void WalletWatches::Entry::Begin() {
  const std::lock_guard lock(watches_->mutex_);
  writing_since_ = std::chrono::steady_clock::now();
}

void WalletWatches::Entry::End() {
  const std::lock_guard lock(watches_->mutex_);
  writing_since_.reset();
}

}  // namespace bursar
