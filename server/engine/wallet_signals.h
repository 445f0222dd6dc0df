// Tells watchers of a wallet that it has news: the revision up to which it is durable.
//
// A signal carries no content; a watcher reads the journal itself, from the store. Any number of
// signals that come while a watcher is busy are one to it. So a publisher never waits for a
// watcher, and without watchers publishing costs one atomic read.
//
// Thread rule: every method may be called from any thread. A Watcher is one thread's, and does not
// outlive its WalletSignals.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"

namespace bursar {

class WalletSignals {
 public:
  // One who watches one wallet, from its making to its end.
  class Watcher {
   public:
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // Waits until the wallet is durable beyond `revision`, but not longer than `most`. Returns up
    // to where the signals since the making say that it is, zero before the first.
    int64_t WaitBeyond(int64_t revision, absl::Duration most);
    // The same without waiting.
    int64_t Latest() const;

   private:
    friend class WalletSignals;
    Watcher(WalletSignals* signals, std::string organization_id)
        : signals_(signals), organization_id_(std::move(organization_id)) {}

    WalletSignals* const signals_;
    const std::string organization_id_;
    int64_t revision_ = 0;  // Guarded by the signals' mutex.
    std::condition_variable changed_;
  };

  WalletSignals() = default;
  WalletSignals(const WalletSignals&) = delete;
  WalletSignals& operator=(const WalletSignals&) = delete;

  // Begins to watch. Whatever becomes durable after it returns is signalled, so read the wallet
  // afterwards, not before. The wallet need not exist.
  std::unique_ptr<Watcher> Watch(std::string organization_id);

  // The wallet is durable up to that revision.
  void Publish(const std::string& organization_id, int64_t revision);

 private:
  std::atomic<int> watcher_count_ = 0;
  std::mutex mutex_;  // Guards the rest.
  absl::flat_hash_map<std::string, absl::flat_hash_set<Watcher*>> watchers_;
};

}  // namespace bursar
