// The queues of the request path, from the builder to the drain.
//
// The order of a server's life:
//   1. AddQueues(builder), then builder.BuildAndStart();
//   2. Serve(…) once per RPC, then Start();
//   3. StopStreams(), which would otherwise outlive any deadline; Server::Shutdown(deadline), while
//      whoever completes calls still runs; then Drain().
//
// Thread rule: all of it belongs to one thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "grpcpp/server_builder.h"
#include "server/base/check.h"
#include "server/service/rpc/async_queue.h"
#include "server/service/rpc/gate.h"
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
    for (const auto& queue : queues_) {
      auto method = std::make_shared<Method>(queue.get(), gate_, rule, service, request_function,
                                             handlers, handler_function, limits, stream_count);
      stream_stops_.push_back([method] { method->Stop(); });
      methods_.push_back(std::move(method));
    }
  }

  // Starts the threads.
  void Start() {
    for (const auto& queue : queues_) queue->Start();
  }

  // Ends every stream with UNAVAILABLE, once what was read of it is answered. Idempotent.
  void StopStreams() {
    for (const auto& stop : stream_stops_) stop();
  }

  // Waits for the calls in flight and ends the threads. Idempotent.
  // Requires: Server::Shutdown has returned, and every call in flight gets completed.
  void Drain() {
    for (const auto& queue : queues_) queue->Drain();
  }

 private:
  const Gate* const gate_;
  std::vector<std::shared_ptr<void>> methods_;  // Destroyed after the queues are empty: see Drain.
  std::vector<std::function<void()>> stream_stops_;
  std::vector<std::unique_ptr<AsyncQueue>> queues_;
};

}  // namespace bursar
