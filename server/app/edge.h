// The edge of the server, put together: who gets in, how fast, and what happens when it is too
// much.
//
//   Listen   opens the sockets and gives gRPC its acceptors
//   Accept   connections are taken from now on
//   Watch    the memory guard and the watchdog look from now on
//   Unwatch, Refuse   the reverse, for the drain: nothing that it does looks like a failure
//
// Thread rule: all but CollectMetrics belongs to one thread; that is free to every thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/app/connection_guard.h"
#include "server/app/memory_guard.h"
#include "server/app/options.h"
#include "server/app/periodic_thread.h"
#include "server/app/tls_identity.h"
#include "server/app/watchdog.h"
#include "server/base/clock.h"
#include "server/http/metrics.h"
#include "server/service/rpc/caller_rate.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// How the process ends by itself, for its supervisor.
inline constexpr int kOutOfMemoryExitStatus = 3;
inline constexpr int kDeafExitStatus = 4;

class Edge {
 public:
  explicit Edge(const Options& options);
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;
  ~Edge();

  // Tells the gate who asks for what. Before the first call.
  void Guard(Gate* gate);

  // Listens at every address of the options and configures the transport, with TLS where
  // `identity`, which outlives the server, has one. Before BuildAndStart. FAILED_PRECONDITION
  // without enough descriptors; errors of ListeningSocket.
  absl::Status Listen(const TlsIdentity& identity, grpc::ServerBuilder* builder);
  // The addresses, with the ports that the system chose.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // After BuildAndStart.
  absl::Status Accept();
  void Watch();
  void Unwatch();
  // Before Server::Shutdown: gRPC would leak what it is handed later.
  void Refuse();

  void CollectMetrics(MetricWriter* writer) const;

 private:
  ConnectionGuard::Take TakerOf(grpc::ServerBuilder* builder,
                                const std::shared_ptr<grpc::ServerCredentials>& transport);
  absl::Status Knock(size_t index, absl::Duration timeout);

  const Options options_;
  const int64_t memory_limit_bytes_;
  const SystemClock clock_;
  std::optional<CallerRate> caller_rate_;
  ConnectionGuard connections_;
  std::vector<std::string> addresses_;
  std::vector<int> ports_;  // By address.
  std::optional<MemoryGuard> memory_;
  std::optional<Watchdog> watchdog_;
  std::unique_ptr<PeriodicThread> memory_thread_;
  std::unique_ptr<PeriodicThread> watchdog_thread_;
};

}  // namespace bursar
