#include "client/lib/client.h"

#include <utility>

namespace bursar {
namespace {

bool PlacesHold(const v1::CheckAdmissionRequest& request) {
  return request.mode() == v1::ADMISSION_MODE_HOLD ||
         request.mode() == v1::ADMISSION_MODE_HOLD_UP_TO_AVAILABLE;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(ConnectionOptions options) {
  absl::StatusOr<std::shared_ptr<const Connection>> connection =
      Connection::Open(std::move(options));
  if (!connection.ok()) return connection.status();
  return std::make_unique<Client>(*std::move(connection));
}

Client::Client(std::shared_ptr<const Connection> connection)
    : connection_(std::move(connection)),
      stub_(v1::QuotaService::NewStub(connection_->channel())) {}

absl::StatusOr<v1::CheckAdmissionResponse> Client::CheckAdmission(
    const v1::CheckAdmissionRequest& request) const {
  const RetrySafety safety = PlacesHold(request) && request.request_id().empty()
                                 ? RetrySafety::kNever
                                 : RetrySafety::kSafe;
  return connection_->Call(*stub_, &v1::QuotaService::Stub::CheckAdmission, request, safety);
}

absl::StatusOr<v1::RecordConsumptionResponse> Client::RecordConsumption(
    const v1::RecordConsumptionRequest& request) const {
  const RetrySafety safety =
      request.request_id().empty() ? RetrySafety::kNever : RetrySafety::kSafe;
  return connection_->Call(*stub_, &v1::QuotaService::Stub::RecordConsumption, request, safety);
}

absl::StatusOr<v1::BatchRecordConsumptionResponse> Client::BatchRecordConsumption(
    const v1::BatchRecordConsumptionRequest& request) const {
  RetrySafety safety = RetrySafety::kSafe;
  for (const v1::RecordConsumptionRequest& record : request.records()) {
    if (record.request_id().empty()) safety = RetrySafety::kNever;
  }
  return connection_->Call(*stub_, &v1::QuotaService::Stub::BatchRecordConsumption, request,
                           safety);
}

}  // namespace bursar
