// The two calls that a backend makes around every request of its own: may it run, and what did it
// use.
//
//   absl::StatusOr<std::unique_ptr<bursar::Client>> client = bursar::Client::Connect(options);
//   absl::StatusOr<CheckAdmissionResponse> check = (*client)->CheckAdmission(request);
//   if (check.ok() && check->decision() == DECISION_DENIED) Show(check->denial().message());
//
// A denial is an OK answer with a decision; an error means that the question could not be answered.
//
// Thread rule: a Client may be used from any number of threads; its calls block.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "client/lib/connection.h"

namespace bursar {

// See the head of the file.
class Client {
 public:
  // Makes a client; does not wait for the server. INVALID_ARGUMENT as Connection::Open.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(ConnectionOptions options);
  // A client over a connection that is shared with other stubs. Requires: not null.
  explicit Client(std::shared_ptr<const Connection> connection);

  // Asks whether a request may run. Repeated by itself when the server cannot be reached, except
  // for a hold without a request id (which the server refuses anyway).
  //
  // Errors: INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE, DEADLINE_EXCEEDED,
  // UNAUTHENTICATED, PERMISSION_DENIED, with details (DetailsOf).
  absl::StatusOr<v1::CheckAdmissionResponse> CheckAdmission(
      const v1::CheckAdmissionRequest& request) const;

  // Records usage that happened. Once acknowledged it is durable. Repeated by itself where the
  // request carries a `request_id` (see MakeRequestId), by which the server knows a repetition.
  // After UNAVAILABLE or DEADLINE_EXCEEDED the usage may or may not be recorded: keep the request
  // and send the very same again, `occurred_at` included.
  //
  // Errors: as CheckAdmission; ALREADY_EXISTS with reason REQUEST_ID_REUSED when the id was used
  // with other content.
  absl::StatusOr<v1::RecordConsumptionResponse> RecordConsumption(
      const v1::RecordConsumptionRequest& request) const;

  // Records much in one call; each record has its own result, in the order of the request. Repeated
  // by itself where every record carries a `request_id`. For records without end see
  // stream_recorder.h.
  //
  // Errors: as CheckAdmission; INVALID_ARGUMENT, with nothing recorded, where there are too many
  // (1,000 unless the server was set up otherwise).
  absl::StatusOr<v1::BatchRecordConsumptionResponse> BatchRecordConsumption(
      const v1::BatchRecordConsumptionRequest& request) const;

 private:
  std::shared_ptr<const Connection> connection_;
  std::unique_ptr<v1::QuotaService::Stub> stub_;
};

}  // namespace bursar
