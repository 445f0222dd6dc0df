// QuotaService: what a backend calls around every request.
//
// CheckAdmission and RecordConsumption run on the asynchronous queues (rpc/unary_method.h): their
// handlers validate, hand the command to the engine, and answer from whichever thread the engine
// completes them on. The rest are plain synchronous methods of the same service.
//
// Thread rule: gRPC calls it from its own threads.
#pragma once

#include "bursar/v1/quota_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/event_log.h"
#include "server/service/rpc/async_runtime.h"
#include "server/service/rpc/gate.h"

namespace bursar {

class QuotaService final
    : public v1::QuotaService::WithRawMethod_CheckAdmission<
          v1::QuotaService::WithRawMethod_RecordConsumption<v1::QuotaService::Service>> {
 public:
  // All outlive the service. `log` may be nullptr.
  QuotaService(Engine* engine, const Gate* gate, EventLog* log = nullptr);

  // Serves the asynchronous methods on the runtime's queues.
  void ServeOn(AsyncRuntime* runtime);

  grpc::Status ExtendAdmission(grpc::ServerContext* context,
                               const v1::ExtendAdmissionRequest* request,
                               v1::ExtendAdmissionResponse* response) override;
  grpc::Status ReleaseAdmission(grpc::ServerContext* context,
                                const v1::ReleaseAdmissionRequest* request,
                                v1::ReleaseAdmissionResponse* response) override;
  grpc::Status ConfirmExtraUsage(grpc::ServerContext* context,
                                 const v1::ConfirmExtraUsageRequest* request,
                                 v1::ConfirmExtraUsageResponse* response) override;
  grpc::Status GetMemberUsage(grpc::ServerContext* context,
                              const v1::GetMemberUsageRequest* request,
                              v1::GetMemberUsageResponse* response) override;

 private:
  // The asynchronous handlers, apart: the mixins' own methods of the same names are final.
  class Handlers {
   public:
    Handlers(Engine* engine, EventLog* log) : engine_(engine), log_(log) {}
    void CheckAdmission(const CallContext& call, const v1::CheckAdmissionRequest& request,
                        v1::CheckAdmissionResponse* response, Completion done);
    void RecordConsumption(const CallContext& call, const v1::RecordConsumptionRequest& request,
                           v1::RecordConsumptionResponse* response, Completion done);

   private:
    Engine* const engine_;
    EventLog* const log_;
  };

  Engine* const engine_;
  const Gate* const gate_;
  Handlers handlers_;
};

}  // namespace bursar
