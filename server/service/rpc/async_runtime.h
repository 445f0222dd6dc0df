// The queues of the request path, from the builder to the drain.
//
// The order of a server's life:
//   1. AddQueues(builder), then builder.BuildAndStart();
//   2. Serve(…) once per RPC, ServePlain(…) for the rest, then Start();
//   3. StopStreams(timeout), which would otherwise outlive any deadline;
//   Server::Shutdown(deadline), while
//      whoever completes calls still runs; then Drain().
//
// Thread rule: all of it belongs to one thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/server_builder.h"
#include "server/base/check.h"
#include "server/service/rpc/async_queue.h"
#include "server/service/rpc/gate.h"
#include "server/service/rpc/plain_calls.h"
#include "server/service/rpc/stream_method.h"
#include "server/service/rpc/unary_method.h"

namespace bursar {

class AsyncRuntime {
 public:
  // `gate` outlives the runtime.
  explicit AsyncRuntime(const Gate* gate) : gate_(gate) {}
  AsyncRuntime(const AsyncRuntime&) = delete;
  AsyncRuntime& operator=(const AsyncRuntime&) = delete;
  ~AsyncRuntime() { Drain(); }

  // Gives the server that many queues, each with a thread of its own.
  void AddQueues(grpc::ServerBuilder* builder, int count) {
    for (int i = 0; i < count; ++i) {
      queues_.push_back(std::make_unique<AsyncQueue>(builder->AddCompletionQueue()));
    }
  }

  // Serves one RPC on every queue; see unary_method.h. `path` is a row of the authorization table.
  template <class Service, class Mixin, class Handlers, class Request, class Reply>
  void Serve(std::string_view path, Service* service,
             void (Mixin::*request_function)(grpc::ServerContext*, grpc::ByteBuffer*,
                                             grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>*,
                                             grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                                             void*),
             Handlers* handlers,
             void (Handlers::*handler_function)(const CallContext&, const Request&, Reply*,
                                                Completion)) {
    using Method = UnaryMethod<Mixin, Handlers, Request, Reply>;
    const RpcRule* const rule = FindRpcRule(path);
    BURSAR_CHECK(rule != nullptr);
    for (const auto& queue : queues_) {
      methods_.emplace_back(std::make_shared<Method>(queue.get(), gate_, rule, service,
                                                     request_function, handlers, handler_function));
    }
  }

  // Serves one RPC of streams on every queue; see stream_method.h. `path` as above.
  template <class Service, class Mixin, class Handlers, class Request, class Reply>
  void ServeStream(std::string_view path, Service* service,
                   void (Mixin::*request_function)(
                       grpc::ServerContext*,
                       grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>*,
                       grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
                   Handlers* handlers,
                   void (Handlers::*handler_function)(const CallContext&, const Request&, Reply*,
                                                      ItemCompletion),
                   const StreamLimits& limits) {
    using Method = StreamMethod<Mixin, Handlers, Request, Reply>;
    const RpcRule* const rule = FindRpcRule(path);
    BURSAR_CHECK(rule != nullptr);
    const auto stream_count = std::make_shared<std::atomic<int>>(0);
    stream_counts_.push_back(stream_count);
    for (const auto& queue : queues_) {
      auto method = std::make_shared<Method>(queue.get(), gate_, rule, service, request_function,
                                             handlers, handler_function, limits, stream_count);
      stream_stops_.push_back([method] { method->Stop(); });
      stream_reviews_.push_back([method] { method->Review(); });
      methods_.push_back(std::move(method));
    }
  }

  // Receives the calls of plain RPCs on the first queue; see plain_calls.h, which outlives the
  // drain.
  void ServePlain(PlainCalls* calls) { calls->ServeOn(queues_.front().get()); }

  // Starts the threads.
  void Start() {
    for (const auto& queue : queues_) queue->Start();
  }

  // Ends streams whose credentials are not valid any more. From any thread; call it now and then.
  void ReviewStreams() {
    for (const std::function<void()>& review : stream_reviews_) review();
  }

  // Ends every stream with UNAVAILABLE, once what was read of it is answered; waits for that, but
  // not longer than `timeout`. Where there was any, it then gives clients a moment to hear of it
  // and to stop sending: a connection that is closed with bytes on their way to it is reset, and
  // takes along replies that its client has not read yet. Idempotent.
  void StopStreams(absl::Duration timeout) {
    for (const auto& stop : stream_stops_) stop();
    const absl::Time deadline = absl::Now() + timeout;
    bool was_open = false;
    while (absl::Now() < deadline && AnyStreamIsOpen()) {
      was_open = true;
      absl::SleepFor(kStreamPoll);
    }
    if (was_open) absl::SleepFor(std::min(kStreamLinger, timeout));
  }

  // Waits for the calls in flight and ends the threads. Idempotent.
  // Requires: Server::Shutdown has returned, and every call in flight gets completed.
  void Drain() {
    for (const auto& queue : queues_) queue->Drain();
  }

 private:
  static constexpr absl::Duration kStreamPoll = absl::Milliseconds(5);
  static constexpr absl::Duration kStreamLinger = absl::Milliseconds(250);

  bool AnyStreamIsOpen() const {
    return std::any_of(stream_counts_.begin(), stream_counts_.end(),
                       [](const auto& count) { return *count > 0; });
  }

  const Gate* const gate_;
  std::vector<std::shared_ptr<void>> methods_;  // Destroyed after the queues are empty: see Drain.
  std::vector<std::function<void()>> stream_stops_;
  std::vector<std::function<void()>> stream_reviews_;
  std::vector<std::shared_ptr<std::atomic<int>>> stream_counts_;
  std::vector<std::unique_ptr<AsyncQueue>> queues_;
};

}  // namespace bursar
