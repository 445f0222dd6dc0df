// Receives the calls of plain RPCs.
//
// A call's way, each step on the queue's thread but for 4:
//   1. its headers arrive, and another call object takes its place in waiting;
//   2. the gate: credential, role, rate. A refused call's message is never read;
//   3. the message arrives as bytes; no thread waits for it;
//   4. a thread that may block parses them, calls the handler and sends the answer (plain_rpcs.h);
//   5. the answer's event comes, and the call object is gone.
// gRPC hands over what no registered service has, so this is also where an RPC that does not exist
// is told so.
//
// Thread rule: all of it belongs to one thread, the calls to their queue's.
#pragma once

#include <cstddef>

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server_builder.h"
#include "server/service/rpc/async_queue.h"
#include "server/service/rpc/blocking_threads.h"
#include "server/service/rpc/plain_rpcs.h"

namespace bursar {

// How many handlers run at once, and how many calls wait for that; more are refused as OVERLOADED.
struct PlainCallLimits {
  size_t threads = 128;
  size_t waiting = 512;
};

class PlainCalls {
 public:
  // Both outlive this.
  PlainCalls(const Gate* gate, const PlainRpcs* rpcs, const PlainCallLimits& limits = {})
      : gate_(gate), rpcs_(rpcs), threads_(limits.threads, limits.waiting) {}
  PlainCalls(const PlainCalls&) = delete;
  PlainCalls& operator=(const PlainCalls&) = delete;

  // Before the server is built.
  void AddTo(grpc::ServerBuilder* builder) { builder->RegisterAsyncGenericService(&service_); }

  // Waits for calls on a queue, which is drained before this goes. Requires: the server has
  // started, the queue's thread has not.
  void ServeOn(AsyncQueue* queue);

 private:
  class Call;
  // Calls that wait for an arrival.
  static constexpr size_t kWaitingCalls = 32;

  const Gate* const gate_;
  const PlainRpcs* const rpcs_;
  grpc::AsyncGenericService service_;
  BlockingThreads threads_;
};

}  // namespace bursar
