// The watches of wallets that are open: how many there may be, how far they may fall behind, and
// who ends one whose client takes nothing.
//
// A watch occupies a thread that may be stuck in a write for as long as its client likes. Nothing
// but that thread waits for it: a guard cancels a call that is stuck too long.
//
// Thread rule: every method may be called from any thread; an Entry is one thread's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "absl/time/time.h"
#include "grpcpp/server_context.h"

namespace bursar {

struct WatchLimits {
  // Watches at once, a thread each; more are RESOURCE_EXHAUSTED.
  int max_watches = 64;
  // Journal entries that a watcher which had caught up may fall behind.
  int64_t max_lag = 10'000;
  // How long a message to the client, or its request, may wait for it before the call is cut off.
  absl::Duration max_write = absl::Seconds(30);
};

class WalletWatches {
 public:
  explicit WalletWatches(const WatchLimits& limits);
  // Requires: every Entry is gone.
  ~WalletWatches();
  WalletWatches(const WalletWatches&) = delete;
  WalletWatches& operator=(const WalletWatches&) = delete;

  // Counts a watch for as long as it lives.
  class Entry {
   public:
    Entry(WalletWatches* watches, grpc::ServerContext* context);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    // False: there are too many.
    bool is_admitted() const { return is_admitted_; }

    // Runs `exchange() -> bool`, a message to the client or from it, under guard.
    template <class Exchange>
    bool Guarded(const Exchange& exchange) {
      Begin();
      const bool is_done = exchange();
      End();
      return is_done;
    }

   private:
    friend class WalletWatches;
    void Begin();
    void End();

    WalletWatches* const watches_;
    grpc::ServerContext* const context_;
    bool is_admitted_ = false;
    // Guarded by the watches' mutex; unset while nothing is written.
    std::optional<std::chrono::steady_clock::time_point> writing_since_;
  };

  const WatchLimits& limits() const { return limits_; }
  // No watch goes on after this; those that are stuck are cut off.
  void Stop();
  bool is_stopping() const;

 private:
  void GuardLoop();

  const WatchLimits limits_;
  mutable std::mutex mutex_;  // Guards the rest.
  std::condition_variable changed_;
  std::set<Entry*> entries_;
  bool is_stopping_ = false;
  bool is_over_ = false;  // The guard ends.
  std::thread guard_;
};

}  // namespace bursar
