#include "server/service/recording_handlers.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/scoped_id.h"
#include "server/service/content_hash.h"
#include "server/service/conversion.h"
#include "server/service/errors.h"
#include "server/service/request_reader.h"

namespace bursar {
namespace {

constexpr char kBatchPath[] = "/bursar.v1.QuotaService/BatchRecordConsumption";
constexpr char kStreamPath[] = "/bursar.v1.QuotaService/StreamConsumption";

// A batch whose records are under way; deletes itself with the last of them.
class BatchInFlight {
 public:
  BatchInFlight(int record_count, Completion done) : open_count_(record_count), done_(done) {}
  void EndOne() {
    if (open_count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const Completion done = done_;
    delete this;
    done(absl::OkStatus());
  }

 private:
  std::atomic<int> open_count_;
  const Completion done_;
};

}  // namespace

template <class Done>
void RecordingHandlers::Record(const CallContext& call, const v1::RecordConsumptionRequest& request,
                               v1::RecordConsumptionResponse* response, Done done) {
  absl::StatusOr<RecordConsumptionCommand> command = ReadCommand(request);
  if (!command.ok()) return done(command.status());
  command->admission =
      ParseAdmissionId(engine_->epoch(), request.organization_id(), request.admission_id());
  engine_->RecordConsumption(
      request.organization_id(), *std::move(command), {request.request_id(), ContentHash(request)},
      {"", call.credential->name}, [response, done, log = log_](absl::StatusOr<RecordReply> reply) {
        if (!reply.ok()) return done(reply.status());
        if (reply->charge.price_fallback && log != nullptr) {
          log->PriceFallback(reply->charge.provider, reply->charge.model);
        }
        WriteReceipt(*reply, response);
        done(absl::OkStatus());
      });
}

void RecordingHandlers::RecordConsumption(const CallContext& call,
                                          const v1::RecordConsumptionRequest& request,
                                          v1::RecordConsumptionResponse* response,
                                          Completion done) {
  Record(call, request, response, done);
}

template <class Done>
void RecordingHandlers::RecordItem(const CallContext& call,
                                   const v1::RecordConsumptionRequest& request, const char* rpc,
                                   v1::RecordResult* result, Done done) {
  result->set_request_id(request.request_id());
  const auto end = [result, rpc, done, log = log_](const absl::Status& status) {
    if (!status.ok()) {
      WriteError(status, result->mutable_error());
      // Callers are not told these messages: see Gate::Answer.
      const bool is_hidden = result->error().code() == grpc::StatusCode::INTERNAL ||
                             result->error().code() == grpc::StatusCode::DATA_LOSS;
      if (is_hidden && log != nullptr) log->HiddenError(rpc, status);
    }
    done();
  };
  if (absl::Status status = AuthorizeRequest(call, request); !status.ok()) return end(status);
  Record(call, request, result->mutable_receipt(), end);
}

void RecordingHandlers::BatchRecordConsumption(const CallContext& call,
                                               const v1::BatchRecordConsumptionRequest& request,
                                               v1::BatchRecordConsumptionResponse* response,
                                               Completion done) {
  const int record_count = request.records_size();
  if (record_count == 0) return done(InvalidField("records", "must hold at least one record"));
  if (record_count > max_batch_records_) {
    return done(
        InvalidField("records", absl::StrCat("must be at most ", max_batch_records_, ", not ",
                                             record_count, "; nothing of it was recorded")));
  }
  // Records end on several threads: every one finds its place made.
  response->mutable_results()->Reserve(record_count);
  for (int i = 0; i < record_count; ++i) response->add_results();
  auto* const batch = new BatchInFlight(record_count, done);
  for (int i = 0; i < record_count; ++i) {
    // The last to end takes request and response with it; until the last has begun, that cannot be.
    RecordItem(call, request.records(i), kBatchPath, response->mutable_results(i),
               [batch] { batch->EndOne(); });
  }
}

void RecordingHandlers::StreamConsumption(const CallContext& call,
                                          const v1::StreamConsumptionRequest& request,
                                          v1::StreamConsumptionResponse* response,
                                          ItemCompletion done) {
  response->set_sequence(request.sequence());
  RecordItem(call, request.record(), kStreamPath, response->mutable_result(), done);
}

}  // namespace bursar
