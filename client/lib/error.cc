#include "client/lib/error.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace bursar {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";

void ReadDetail(const google::protobuf::Any& any, ErrorDetails* details) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::RetryInfo retry;
  google::rpc::Help help;
  if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info)) {
    details->reason = info.reason();
    details->domain = info.domain();
    details->metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (any.Is<google::rpc::BadRequest>() && any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      details->field_violations.push_back({violation.field(), violation.description()});
    }
  } else if (any.Is<google::rpc::RetryInfo>() && any.UnpackTo(&retry)) {
    details->retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
  } else if (any.Is<google::rpc::Help>() && any.UnpackTo(&help)) {
    for (const auto& link : help.links()) {
      details->help_links.push_back({link.description(), link.url()});
    }
  }
}

}  // namespace

absl::Status StatusFromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // The numbers of gRPC's codes and of Abseil's are the same by design.
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (!status.error_details().empty()) {
    result.SetPayload(kDetailsUrl, absl::Cord(status.error_details()));
  }
  return result;
}

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  const absl::optional<absl::Cord> payload = status.GetPayload(kDetailsUrl);
  google::rpc::Status rich;
  if (payload.has_value() && rich.ParseFromString(std::string(*payload))) {
    for (const auto& any : rich.details()) ReadDetail(any, &details);
  }
  return details;
}

}  // namespace bursar
