// The only table from our statuses to what a gRPC caller receives.
//
// The status code is the absl code; a google.rpc.Status in `grpc-status-details-bin` carries an
// ErrorInfo {reason, domain "bursar", metadata}, for malformed requests a BadRequest with every
// field violation, and for our own overload a RetryInfo. The details stay under 4 KiB however much
// is wrong with a request, because they travel as one header. Messages of INTERNAL and DATA_LOSS
// are replaced: they may name files or records that are none of the caller's business.
//
// Thread rule: pure functions.
//
// Source: the table "Errors" in docs/rules.md.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bursar/v1/common.pb.h"
#include "grpcpp/support/status.h"

namespace bursar {

// ErrorInfo.domain of every error.
inline constexpr char kErrorDomain[] = "bursar";
// The most that the serialized details may take.
inline constexpr size_t kMaxErrorDetailsBytes = 4095;
// The fact of a RESOURCE_EXHAUSTED status that becomes its RetryInfo; without it, soon.
inline constexpr char kRetryDelayKey[] = "retry_delay_ms";
// The longest message; a longer one is cut.
inline constexpr size_t kMaxErrorMessageBytes = 1024;

// The gRPC status of a status of ours. A status without a reason gets its code's name as reason.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The same for one item of a call that is answered as a whole, in the shape of google.rpc.Status.
void WriteError(const absl::Status& status, v1::Status* proto);

// Refusals that callers of every RPC may meet; in one place so that they look alike whatever was
// wrong, and never tell whether a thing exists.
absl::Status UnauthenticatedError();
absl::Status PermissionDeniedError();
absl::Status OverloadedError();
// The caller asked faster than it may; RetryInfo and the message say when it may again.
absl::Status CallerRateError(double calls_per_second, absl::Duration retry_after);
absl::Status ShuttingDownError();

}  // namespace bursar
