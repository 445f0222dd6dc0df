// Accepts every connection of the server, and bounds them.
//
// gRPC's own listeners take whatever comes, and stop listening for good when descriptors run out.
// Here one thread accepts on all listening sockets and hands each connection over. It promises:
//
//   - at most `max_connections` live at once. At that many, a newcomer takes the place of the
//     oldest one on which no credential was seen; where one was seen on each, the newcomer is
//     refused. So idle or hostile connections never keep callers out, nor do they push out callers
//     whose credential was seen;
//   - near the end of the process's descriptors newcomers are closed, so that the store always has
//     some left; where there is none at all, they are accepted on a spare one and closed. Clients
//     are told at once, and the thread neither spins nor goes deaf;
//   - Shed() relieves the server by closing those connections that have sent the most and on which
//     no credential was seen.
//
// How a connection that was handed over ends is its taker's affair; the guard remembers its
// descriptor and the kernel's cookie of its socket, and looks every second whether both still
// belong together. A socket is shut down only through a copy of its descriptor whose cookie was
// compared, so never another's. Whoever comes by unix socket was let in by the file's permissions
// and counts as having shown a credential.
//
// Credentials are seen while they are watched for (is_watching), as long as there is a stranger:
// for a minute after each new connection, near the bounds, and in trouble. Elsewhere a call costs
// one relaxed load, and a connection that first calls after a silent minute stays a stranger until
// they are watched for again.
//
// Thread rule: Listen, Start and Stop belong to one thread; everything else is free to every
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/line_limit.h"
#include "server/app/listening_socket.h"
#include "server/service/rpc/gate.h"

namespace bursar {

struct ConnectionGuardOptions {
  int max_connections = 2048;
  int spare_descriptors = 4;
  // Of what the process may have, for the store's own files: without them it could not commit.
  int kept_descriptors = 64;
  // How long a connection has to show a credential, once that is watched for, before it may be
  // closed for others.
  absl::Duration show_time = absl::Seconds(1);
  // How long bytes that were sent may stay unacknowledged before the connection is dead.
  absl::Duration user_timeout = absl::Seconds(20);
};

// Why credentials are watched for, besides the guard's own reasons.
enum class Trouble : uint8_t { kMemory = 1, kDeafness = 2 };

class ConnectionGuard final : public ConnectionWitness {
 public:
  // Takes a connection over, descriptor and all. Called on the guard's thread; must not block.
  using Take = std::function<void(int descriptor)>;

  // What became of connections since the start.
  struct Counts {
    int live = 0;
    int64_t accepted = 0;
    int64_t refused_full = 0;         // At the bound, and everybody has shown a credential.
    int64_t refused_descriptors = 0;  // Out of descriptors or of the kernel's memory.
    int64_t displaced = 0;            // Made room for a newcomer.
    int64_t shed = 0;                 // By Shed().
  };

  explicit ConnectionGuard(const ConnectionGuardOptions& options) : options_(options) {}
  ConnectionGuard(const ConnectionGuard&) = delete;
  ConnectionGuard& operator=(const ConnectionGuard&) = delete;
  ~ConnectionGuard() override { Stop(); }

  // Raises this process's limit of descriptors as far as it may go. FAILED_PRECONDITION, naming
  // both numbers, where that is not enough for `max_connections` and the server's own files.
  static absl::Status EnsureDescriptors(int max_connections);

  // Listens at an address; its connections go to `take`. Returns the port. Errors as
  // ListeningSocket::Open. Before Start.
  absl::StatusOr<int> Listen(const ListenAddress& address, Take take);

  // Accepts from now on. RESOURCE_EXHAUSTED without descriptors to begin with.
  absl::Status Start();

  // Accepts no more and stops listening; connections that were handed over go on. Idempotent.
  void Stop();

  // Looks which connections have ended, as the guard does every second.
  void Sweep();

  // Watches for credentials as long as there is any trouble.
  void WatchForTrouble(Trouble trouble, bool on);
  // Shuts down those connections without a credential that have sent the most: as few as make up
  // half of what all such have sent. Returns how many. Those that had no time to show one are left
  // out.
  int Shed();

  Counts counts() const;

  bool is_watching() const override { return is_watching_.load(std::memory_order_relaxed); }
  void SawCredential(const std::string& peer) override;

 private:
  struct Listener {
    ListeningSocket socket;
    Take take;
  };
  struct Connection {
    uint64_t cookie = 0;
    uint64_t number = 0;         // In the order of arrival.
    absl::Duration accepted_at;  // Of the monotonic clock.
    std::string peer;            // As gRPC names it; empty for unix sockets.
  };

  void Run();
  // Accepts what waits at a listener, up to a bounded number; false when the thread should rest.
  bool AcceptFrom(const Listener& listener);
  void AcceptOnSpare(const Listener& listener);
  // Whether there is room for one more, making it where possible; where not, it was counted and
  // said.
  bool MakeRoom(int descriptor);
  bool DisplaceOldestLocked();
  // Shuts the connection down if it is still the one that was accepted; false if it is not.
  bool ShutDownLocked(int descriptor);
  void HandOver(const Listener& listener, int descriptor);
  void RefillSpares();
  void SayRefused(const char* why);
  void SweepLocked();
  void ForgetLocked(int descriptor);
  void UpdateWatchingLocked();
  // Whether it was watched for the connection's credential for long enough.
  bool HadTimeLocked(int descriptor, absl::Duration now) const;
  void Rest(absl::Duration duration) const;

  const ConnectionGuardOptions options_;
  std::vector<Listener> listeners_;
  std::thread thread_;
  int wake_ = -1;            // An eventfd that ends the thread.
  int nothing_ = -1;         // A descriptor of nothing, to take a place with.
  int copy_ = -1;            // The place for copies; guarded by mutex_ once started.
  std::vector<int> spares_;  // The thread's.
  LineLimit refusals_{1, absl::Seconds(10)};

  std::atomic<bool> is_watching_ = false;
  mutable std::mutex mutex_;  // Guards the rest.
  unsigned troubles_ = 0;     // Bits of Trouble.
  absl::Duration watching_since_;
  absl::Duration watch_until_;  // There is a new connection, or descriptors were short.
  absl::Duration next_sweep_;
  uint64_t next_number_ = 0;
  std::unordered_map<int, Connection> connections_;  // By descriptor.
  std::unordered_map<std::string, int> by_peer_;
  std::map<uint64_t, int> strangers_;  // Those without a credential, by number.
  Counts counts_;
};

}  // namespace bursar
