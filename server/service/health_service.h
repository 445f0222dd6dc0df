// grpc.health.v1.Health as a service of our own: reflection describes it, and it costs the request
// path nothing (the library's own brings a polling queue that nearly doubles the price of a call).
//
// Check is asynchronous, on the request path's queues, so it also proves that they move. Watch is
// synchronous and bounded. No credential is asked for; a watcher with one has places of its own.
// The known service names are the empty one, for the server as a whole, and each service that the
// server has; all share one state.
//
// Thread rule: gRPC calls it from its own threads.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/service/active_streams.h"
#include "server/service/credentials.h"
#include "server/service/rpc/async_runtime.h"
#include "server/service/serving_state.h"

namespace bursar {

class HealthService final
    : public grpc::health::v1::Health::WithRawMethod_Check<grpc::health::v1::Health::Service> {
 public:
  // Watches at once, of each kind; more are RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxWatches = 32;

  // All outlive the service. `watches` must not be shared with other services whose streams should
  // not take the watches' places. Watchers who show a valid one of `credentials` have
  // `known_watches` for themselves, so that those without never keep them out.
  HealthService(const ServingState* state, ActiveStreams* watches,
                std::vector<std::string> service_names, const Credentials* credentials,
                ActiveStreams* known_watches);

  // Serves Check on the runtime's queues.
  void ServeOn(AsyncRuntime* runtime);

  grpc::Status Watch(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::ServerWriter<grpc::health::v1::HealthCheckResponse>* writer) override;

 private:
  // The asynchronous handlers, apart: the mixin's own method of the same name is final.
  class Handlers {
   public:
    explicit Handlers(const HealthService* service) : service_(service) {}
    void Check(const CallContext& call, const grpc::health::v1::HealthCheckRequest& request,
               grpc::health::v1::HealthCheckResponse* response, Completion done);

   private:
    const HealthService* const service_;
  };

  bool Knows(std::string_view service) const;
  // Whose places a watch takes.
  ActiveStreams* WatchesOf(const grpc::ServerContext& context) const;

  const ServingState* const state_;
  ActiveStreams* const watches_;
  const std::vector<std::string> service_names_;
  const Credentials* const credentials_;
  ActiveStreams* const known_watches_;
  Handlers handlers_{this};
};

}  // namespace bursar
