// Counts of answered calls, by RPC and status code: the numbers behind `bursar_rpc_answers_total`.
//
// Thread rule: every method may be called from any thread; counting is one relaxed atomic addition.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "grpcpp/support/status.h"
#include "server/service/authorization.h"

namespace bursar {

class RpcStats {
 public:
  // gRPC's status codes are 0 to 16.
  static constexpr size_t kCodeCount = 17;

  RpcStats() : counters_(AuthorizationTable().size()) {}

  // Counts one answer of the RPC. `rule` is a row of the authorization table.
  void Count(const RpcRule& rule, grpc::StatusCode code) {
    const auto index = static_cast<size_t>(code);
    counters_[IndexOf(rule)].by_code[index < kCodeCount ? index : 2].fetch_add(
        1, std::memory_order_relaxed);
  }

  // How many answers of the RPC had that code so far.
  uint64_t Get(const RpcRule& rule, grpc::StatusCode code) const {
    return counters_[IndexOf(rule)].by_code[static_cast<size_t>(code)].load(
        std::memory_order_relaxed);
  }

 private:
  struct Counters {
    std::array<std::atomic<uint64_t>, kCodeCount> by_code = {};
  };
  static size_t IndexOf(const RpcRule& rule) {
    return static_cast<size_t>(&rule - AuthorizationTable().data());
  }
  std::vector<Counters> counters_;
};

}  // namespace bursar
