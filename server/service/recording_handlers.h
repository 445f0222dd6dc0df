// Recording on the asynchronous path: one record, a batch, a stream. All three are the same record
// to the engine, and share one memory of request ids.
//
// Thread rule: every method may be called from any thread; completions come from the engine's.
//
// Source: rules R1 to R6 (docs/rules.md).
#pragma once

#include "bursar/v1/quota_service.pb.h"
#include "server/engine/engine.h"
#include "server/service/event_log.h"
#include "server/service/rpc/gate.h"
#include "server/service/rpc/stream_method.h"
#include "server/service/rpc/unary_method.h"

namespace bursar {

class RecordingHandlers {
 public:
  // All outlive the handlers. `log` may be nullptr.
  RecordingHandlers(Engine* engine, EventLog* log, int max_batch_records)
      : engine_(engine), log_(log), max_batch_records_(max_batch_records) {}

  void RecordConsumption(const CallContext& call, const v1::RecordConsumptionRequest& request,
                         v1::RecordConsumptionResponse* response, Completion done);
  void BatchRecordConsumption(const CallContext& call,
                              const v1::BatchRecordConsumptionRequest& request,
                              v1::BatchRecordConsumptionResponse* response, Completion done);
  void StreamConsumption(const CallContext& call, const v1::StreamConsumptionRequest& request,
                         v1::StreamConsumptionResponse* response, ItemCompletion done);

 private:
  // Records one, and calls `done(absl::Status)` with `response` filled if OK. Both live until then.
  template <class Done>
  void Record(const CallContext& call, const v1::RecordConsumptionRequest& request,
              v1::RecordConsumptionResponse* response, Done done);
  // The same for one of many: what is wrong with it is in its result, and `done()` just ends it.
  template <class Done>
  void RecordItem(const CallContext& call, const v1::RecordConsumptionRequest& request,
                  const char* rpc, v1::RecordResult* result, Done done);

  Engine* const engine_;
  EventLog* const log_;
  const int max_batch_records_;
};

}  // namespace bursar
