// QuotaService: what a backend calls around every request.
//
// Admission and recording run on the asynchronous queues (rpc/unary_method.h, rpc/stream_method.h):
// their handlers validate, hand the command to the engine, and answer from whichever thread the
// engine completes them on. WatchWallet is a synchronous stream of the same service, which reads
// its request itself, behind the gate; the rest are plain handlers (rpc/plain_rpcs.h).
//
// Thread rule: gRPC calls it from its own threads.
#pragma once

#include "bursar/v1/quota_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/event_log.h"
#include "server/service/recording_handlers.h"
#include "server/service/rpc/async_runtime.h"
#include "server/service/rpc/gate.h"
#include "server/service/rpc/plain_rpcs.h"
#include "server/service/wallet_watch.h"
#include "server/service/wallet_watches.h"

namespace bursar {

struct QuotaServiceOptions {
  int max_batch_records = 1000;  // In one BatchRecordConsumption; more are INVALID_ARGUMENT.
  StreamLimits streams;          // Of StreamConsumption.
  WatchLimits watches;           // Of WatchWallet.
};

// The service with the methods that are served on the asynchronous queues, and without the plain
// ones, which are served beside it (rpc/plain_calls.h).
using QuotaServiceWithoutPlain = v1::QuotaService::WithGenericMethod_ExtendAdmission<
    v1::QuotaService::WithGenericMethod_ReleaseAdmission<
        v1::QuotaService::WithGenericMethod_ConfirmExtraUsage<
            v1::QuotaService::WithGenericMethod_GetMemberUsage<
                v1::QuotaService::WithGenericMethod_CreateIncreaseRequest<
                    v1::QuotaService::WithGenericMethod_GetIncreaseRequest<
                        v1::QuotaService::WithGenericMethod_CancelIncreaseRequest<
                            v1::QuotaService::WithSplitStreamingMethod_WatchWallet<
                                v1::QuotaService::Service>>>>>>>>;
using QuotaServiceBase = v1::QuotaService::WithRawMethod_CheckAdmission<
    v1::QuotaService::WithRawMethod_RecordConsumption<
        v1::QuotaService::WithRawMethod_BatchRecordConsumption<
            v1::QuotaService::WithRawMethod_StreamConsumption<QuotaServiceWithoutPlain>>>>;

class QuotaService final : public QuotaServiceBase {
 public:
  using WatchStream = grpc::ServerSplitStreamer<v1::WatchWalletRequest, v1::WatchWalletResponse>;

  // The handlers, apart: the mixins' own methods of the same names are final.
  class Handlers {
   public:
    explicit Handlers(Engine* engine) : engine_(engine) {}
    void CheckAdmission(const CallContext& call, const v1::CheckAdmissionRequest& request,
                        v1::CheckAdmissionResponse* response, Completion done);
    // Plain ones, each the RPC of its name.
    absl::Status ExtendAdmission(const CallContext& call, const v1::ExtendAdmissionRequest& request,
                                 v1::ExtendAdmissionResponse* response);
    absl::Status ReleaseAdmission(const CallContext& call,
                                  const v1::ReleaseAdmissionRequest& request,
                                  v1::ReleaseAdmissionResponse* response);
    absl::Status ConfirmExtraUsage(const CallContext& call,
                                   const v1::ConfirmExtraUsageRequest& request,
                                   v1::ConfirmExtraUsageResponse* response);
    absl::Status GetMemberUsage(const v1::GetMemberUsageRequest& request,
                                v1::GetMemberUsageResponse* response);
    absl::Status CreateIncreaseRequest(const CallContext& call,
                                       const v1::CreateIncreaseRequestRequest& request,
                                       v1::CreateIncreaseRequestResponse* response);
    absl::Status GetIncreaseRequest(const v1::GetIncreaseRequestRequest& request,
                                    v1::GetIncreaseRequestResponse* response);
    absl::Status CancelIncreaseRequest(const CallContext& call,
                                       const v1::CancelIncreaseRequestRequest& request,
                                       v1::CancelIncreaseRequestResponse* response);

   private:
    Engine* const engine_;
  };

  // All outlive the service. `log` may be nullptr.
  QuotaService(Engine* engine, const Gate* gate, EventLog* log = nullptr,
               const QuotaServiceOptions& options = {});

  // Serves the asynchronous methods on the runtime's queues.
  void ServeOn(AsyncRuntime* runtime);
  // Adds the plain RPCs of the service. It outlives the table.
  void AddTo(PlainRpcs* rpcs);

  grpc::Status StreamedWatchWallet(grpc::ServerContext* context, WatchStream* stream) override;
  // The same without a transport.
  grpc::Status Watch(grpc::ServerContext* context, WalletWatch::Read read,
                     WalletWatch::Write write);

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
