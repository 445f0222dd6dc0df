#include "server/service/health_service.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "server/service/rpc/gate.h"

namespace bursar {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// How often a watch looks whether its client has gone away.
constexpr absl::Duration kCancellationPoll = absl::Milliseconds(250);

HealthCheckResponse::ServingStatus StatusOf(ServingState::State state) {
  return state == ServingState::State::kServing ? HealthCheckResponse::SERVING
                                                : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

HealthService::HealthService(const ServingState* state, ActiveStreams* watches,
                             std::vector<std::string> service_names, const Credentials* credentials,
                             ActiveStreams* known_watches)
    : state_(state),
      watches_(watches),
      service_names_(std::move(service_names)),
      credentials_(credentials),
      known_watches_(known_watches) {}

void HealthService::ServeOn(AsyncRuntime* runtime) {
  runtime->Serve("/grpc.health.v1.Health/Check", this, &HealthService::RequestCheck, &handlers_,
                 &Handlers::Check);
}

bool HealthService::Knows(std::string_view service) const {
  return service.empty() ||
         std::find(service_names_.begin(), service_names_.end(), service) != service_names_.end();
}

void HealthService::Handlers::Check(const CallContext& /*call*/, const HealthCheckRequest& request,
                                    HealthCheckResponse* response, Completion done) {
  if (!service_->Knows(request.service())) {
    return done(absl::NotFoundError("this server has no such service"));
  }
  response->set_status(StatusOf(service_->state_->state()));
  done(absl::OkStatus());
}

ActiveStreams* HealthService::WatchesOf(const grpc::ServerContext& context) const {
  return FindCredential(*credentials_, context) != nullptr ? known_watches_ : watches_;
}

grpc::Status HealthService::Watch(grpc::ServerContext* context, const HealthCheckRequest* request,
                                  grpc::ServerWriter<HealthCheckResponse>* writer) {
  const ActiveStreams::Entry entry(WatchesOf(*context), context);
  if (!entry.is_admitted()) return ToGrpcStatus(OverloadedError());
  const bool is_known = Knows(request->service());
  ServingState::State state = state_->state();
  bool must_write = true;
  while (!context->IsCancelled()) {
    if (must_write) {
      HealthCheckResponse response;
      response.set_status(is_known ? StatusOf(state) : HealthCheckResponse::SERVICE_UNKNOWN);
      if (!writer->Write(response)) break;
    }
    if (state == ServingState::State::kStopping) return ToGrpcStatus(ShuttingDownError());
    const ServingState::State next = state_->WaitForChange(state, kCancellationPoll);
    // An unknown service stays unknown; a change of ours is no news to who watches it.
    must_write = next != state && is_known;
    state = next;
  }
  return ToGrpcStatus(absl::CancelledError("the watch ended"));
}

}  // namespace bursar
