#include "server/service/errors.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/status.h"

namespace bursar {
namespace {

// After this long a caller that met our overload may try again.
constexpr int64_t kRetryDelayMilliseconds = 200;
// What the violations may take, so that reason and metadata always fit beside them.
constexpr size_t kMaxViolationsBytes = 2500;
constexpr size_t kMaxDescriptionBytes = 300;
constexpr size_t kMaxMetadataBytes = 800;

// Cuts at `limit` bytes without leaving half a UTF-8 character behind.
std::string Cut(std::string text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

// What a code means to a caller, and whether the message may be shown.
struct CodeRow {
  absl::StatusCode code;
  grpc::StatusCode grpc_code;
  const char* reason;         // Where the status carries none.
  const char* fixed_message;  // Instead of the status's own; nullptr shows the status's.
};

constexpr CodeRow kCodes[] = {
    {absl::StatusCode::kCancelled, grpc::StatusCode::CANCELLED, "CANCELLED", nullptr},
    {absl::StatusCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT",
     nullptr},
    {absl::StatusCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
     nullptr},
    {absl::StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND", nullptr},
    {absl::StatusCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS, "ALREADY_EXISTS", nullptr},
    {absl::StatusCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED",
     nullptr},
    {absl::StatusCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED",
     nullptr},
    {absl::StatusCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED",
     nullptr},
    {absl::StatusCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION,
     "FAILED_PRECONDITION", nullptr},
    {absl::StatusCode::kAborted, grpc::StatusCode::ABORTED, "ABORTED", nullptr},
    {absl::StatusCode::kOutOfRange, grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_RANGE", nullptr},
    {absl::StatusCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED", nullptr},
    {absl::StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE", nullptr},
    {absl::StatusCode::kDataLoss, grpc::StatusCode::DATA_LOSS, "DATA_LOSS",
     "a stored record is damaged; the server's log says which"},
};

constexpr CodeRow kOtherwise = {absl::StatusCode::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL",
                                "an internal error; the server's log says which"};

const CodeRow& RowOf(absl::StatusCode code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row;
  }
  return kOtherwise;
}

google::rpc::ErrorInfo ErrorInfoOf(const absl::Status& status, const CodeRow& row) {
  google::rpc::ErrorInfo info;
  const std::string reason = Reason(status);
  info.set_reason(Cut(reason.empty() ? row.reason : reason, 63));
  info.set_domain(kErrorDomain);
  size_t bytes = 0;
  for (const auto& [key, value] : Metadata(status)) {
    bytes += key.size() + value.size() + 8;
    if (bytes > kMaxMetadataBytes) break;
    (*info.mutable_metadata())[key] = value;
  }
  return info;
}

// When to try again: as the status says, or soon.
google::rpc::RetryInfo RetryInfoOf(const absl::Status& status) {
  int64_t milliseconds = kRetryDelayMilliseconds;
  for (const auto& [key, value] : Metadata(status)) {
    int64_t said = 0;
    if (key == kRetryDelayKey && absl::SimpleAtoi(value, &said)) milliseconds = said;
  }
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(milliseconds / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(milliseconds % 1000 * 1'000'000));
  return retry;
}

google::rpc::BadRequest BadRequestOf(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad_request;
  size_t bytes = 0;
  for (size_t i = 0; i < violations.size(); ++i) {
    const std::string field = Cut(violations[i].field, kMaxDescriptionBytes);
    const std::string description = Cut(violations[i].description, kMaxDescriptionBytes);
    bytes += field.size() + description.size() + 8;
    auto* violation = bad_request.add_field_violations();
    if (bytes > kMaxViolationsBytes) {
      violation->set_field("*");
      violation->set_description(absl::StrCat(violations.size() - i, " more fields are wrong"));
      break;
    }
    violation->set_field(field);
    violation->set_description(description);
  }
  return bad_request;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const CodeRow& row = RowOf(status.code());
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(row.grpc_code));
  rich.set_message(row.fixed_message != nullptr
                       ? row.fixed_message
                       : Cut(std::string(status.message()), kMaxErrorMessageBytes));
  rich.add_details()->PackFrom(ErrorInfoOf(status, row));
  const std::vector<FieldViolation> violations = Violations(status);
  if (!violations.empty()) rich.add_details()->PackFrom(BadRequestOf(violations));
  if (row.grpc_code == grpc::StatusCode::RESOURCE_EXHAUSTED) {
    rich.add_details()->PackFrom(RetryInfoOf(status));
  }
  // The message travels beside the details already; repeated inside, it must not outgrow them.
  const std::string message = rich.message();
  if (rich.ByteSizeLong() > kMaxErrorDetailsBytes) rich.set_message(Cut(message, 200));
  return grpc::Status(row.grpc_code, message, rich.SerializeAsString());
}

void WriteError(const absl::Status& status, v1::Status* proto) {
  const grpc::Status answer = ToGrpcStatus(status);
  // The details are our own bytes of a google.rpc.Status, which has the same fields.
  if (!proto->ParseFromString(answer.error_details())) {
    proto->set_code(static_cast<int>(answer.error_code()));
    proto->set_message(answer.error_message());
  }
}

absl::Status UnauthenticatedError() {
  return WithReason(
      absl::UnauthenticatedError("a valid token is required, as `authorization: Bearer ...`"),
      "UNAUTHENTICATED");
}

absl::Status PermissionDeniedError() {
  return WithReason(absl::PermissionDeniedError("the caller may not do this here"),
                    "PERMISSION_DENIED");
}

absl::Status OverloadedError() {
  return WithReason(absl::ResourceExhaustedError("the server is busy; try again shortly"),
                    "OVERLOADED");
}

absl::Status CallerRateError(double calls_per_second, absl::Duration retry_after) {
  const int64_t milliseconds = std::max<int64_t>(
      1, absl::ToInt64Milliseconds(absl::Ceil(retry_after, absl::Milliseconds(1))));
  absl::Status status = absl::ResourceExhaustedError(
      absl::StrCat("this caller's limit of ", calls_per_second,
                   " calls per second is reached; try again in ", milliseconds, " ms"));
  status = WithMetadata(std::move(status), "calls_per_second", absl::StrCat(calls_per_second));
  status = WithMetadata(std::move(status), kRetryDelayKey, absl::StrCat(milliseconds));
  return WithReason(std::move(status), "CALLER_RATE_REACHED");
}

absl::Status ShuttingDownError() {
  return WithReason(
      absl::UnavailableError("the server is shutting down; try again with the same request_id"),
      "SHUTTING_DOWN");
}

}  // namespace bursar
