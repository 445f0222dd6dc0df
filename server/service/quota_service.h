// QuotaService: what a backend calls around every request.
//
// Admission and recording run on the asynchronous queues (rpc/unary_method.h, rpc/stream_method.h):
// their handlers validate, hand the command to the engine, and answer from whichever thread the
// engine completes them on. The rest are plain synchronous methods of the same service.
//
// Thread rule: gRPC calls it from its own threads.
#pragma once

#include "bursar/v1/quota_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/event_log.h"
#include "server/service/recording_handlers.h"
#include "server/service/rpc/async_runtime.h"
#include "server/service/rpc/gate.h"
#include "server/service/wallet_watches.h"

namespace bursar {

struct QuotaServiceOptions {
  int max_batch_records = 1000;  // In one BatchRecordConsumption; more are INVALID_ARGUMENT.
  StreamLimits streams;          // Of StreamConsumption.
  WatchLimits watches;           // Of WatchWallet.
};

// The service with the methods that are served on the asynchronous queues.
using QuotaServiceBase = v1::QuotaService::WithRawMethod_CheckAdmission<
    v1::QuotaService::WithRawMethod_RecordConsumption<
        v1::QuotaService::WithRawMethod_BatchRecordConsumption<
            v1::QuotaService::WithRawMethod_StreamConsumption<v1::QuotaService::Service>>>>;

class QuotaService final : public QuotaServiceBase {
 public:
  // The asynchronous handlers, apart: the mixins' own methods of the same names are final.
  class Handlers {
   public:
    explicit Handlers(Engine* engine) : engine_(engine) {}
    void CheckAdmission(const CallContext& call, const v1::CheckAdmissionRequest& request,
                        v1::CheckAdmissionResponse* response, Completion done);

   private:
    Engine* const engine_;
  };

  // All outlive the service. `log` may be nullptr.
  QuotaService(Engine* engine, const Gate* gate, EventLog* log = nullptr,
               const QuotaServiceOptions& options = {});

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
  grpc::Status CreateIncreaseRequest(grpc::ServerContext* context,
                                     const v1::CreateIncreaseRequestRequest* request,
                                     v1::CreateIncreaseRequestResponse* response) override;
  grpc::Status GetIncreaseRequest(grpc::ServerContext* context,
                                  const v1::GetIncreaseRequestRequest* request,
                                  v1::GetIncreaseRequestResponse* response) override;
  grpc::Status CancelIncreaseRequest(grpc::ServerContext* context,
                                     const v1::CancelIncreaseRequestRequest* request,
                                     v1::CancelIncreaseRequestResponse* response) override;
  grpc::Status WatchWallet(grpc::ServerContext* context, const v1::WatchWalletRequest* request,
                           grpc::ServerWriter<v1::WatchWalletResponse>* writer) override;

  // Ends every watch with UNAVAILABLE, and those that come later.
  void StopWatches() { watches_.Stop(); }

 private:
  Engine* const engine_;
  const Gate* const gate_;
  const QuotaServiceOptions options_;
  Handlers handlers_;
  RecordingHandlers recording_;
  WalletWatches watches_;
};

}  // namespace bursar
