// The table from our statuses to what a gRPC caller receives.
#include "server/service/errors.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/status.h"

namespace bursar {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status rich;
  EXPECT_TRUE(rich.ParseFromString(status.error_details()));
  return rich;
}

template <class Detail>
bool FindDetail(const grpc::Status& status, Detail* detail) {
  const google::rpc::Status rich = DetailsOf(status);
  for (const auto& any : rich.details()) {
    if (any.UnpackTo(detail)) return true;
  }
  return false;
}

// Rules: A1, D1
TEST(Errors, EveryCodeKeepsItsMeaningAndCarriesAReasonInOurDomain) {
  const struct {
    absl::StatusCode code;
    grpc::StatusCode expected;
    std::string reason;
  } rows[] = {
      {absl::StatusCode::kCancelled, grpc::StatusCode::CANCELLED, "CANCELLED"},
      {absl::StatusCode::kUnknown, grpc::StatusCode::INTERNAL, "INTERNAL"},
      {absl::StatusCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
      {absl::StatusCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED,
       "DEADLINE_EXCEEDED"},
      {absl::StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
      {absl::StatusCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS, "ALREADY_EXISTS"},
      {absl::StatusCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED,
       "PERMISSION_DENIED"},
      {absl::StatusCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"},
      {absl::StatusCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION,
       "FAILED_PRECONDITION"},
      {absl::StatusCode::kAborted, grpc::StatusCode::ABORTED, "ABORTED"},
      {absl::StatusCode::kOutOfRange, grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_RANGE"},
      {absl::StatusCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED"},
      {absl::StatusCode::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL"},
      {absl::StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"},
      {absl::StatusCode::kDataLoss, grpc::StatusCode::DATA_LOSS, "DATA_LOSS"},
      {absl::StatusCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"},
  };
  for (const auto& row : rows) {
    const grpc::Status status = ToGrpcStatus(absl::Status(row.code, "why"));
    EXPECT_EQ(status.error_code(), row.expected) << row.reason;
    EXPECT_EQ(DetailsOf(status).code(), row.expected);
    EXPECT_EQ(DetailsOf(status).message(), status.error_message());
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(FindDetail(status, &info)) << row.reason;
    EXPECT_EQ(info.reason(), row.reason);
    EXPECT_EQ(info.domain(), "bursar");
  }
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

// Rules: R2
TEST(Errors, OwnReasonAndMetadataReachTheCaller) {
  absl::Status status = WithReason(absl::AlreadyExistsError("used before"), "REQUEST_ID_REUSED");
  status = WithMetadata(std::move(status), "first_sequence", "17");
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(FindDetail(ToGrpcStatus(status), &info));
  EXPECT_EQ(info.reason(), "REQUEST_ID_REUSED");
  EXPECT_EQ(info.metadata().at("first_sequence"), "17");
}

// Rules: M2
TEST(Errors, EveryFieldViolationIsNamed) {
  FieldViolations violations;
  violations.Add("member_id", "is required");
  violations.Add("usage.input_tokens", "must not be negative");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(FindDetail(ToGrpcStatus(violations.ToStatus()), &bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 2);
  EXPECT_EQ(bad_request.field_violations(0).field(), "member_id");
  EXPECT_EQ(bad_request.field_violations(1).description(), "must not be negative");
}

// Rules: A1
TEST(Errors, DetailsStayUnderFourKibibytesHoweverMuchIsWrong) {
  FieldViolations violations;
  for (int i = 0; i < 1000; ++i) {
    violations.Add(absl::StrCat("members[", i, "].email"), std::string(500, 'x'));
  }
  absl::Status status = violations.ToStatus();
  for (int i = 0; i < 100; ++i) {
    status = WithMetadata(std::move(status), absl::StrCat("key_", i), std::string(100, 'y'));
  }
  const grpc::Status answer = ToGrpcStatus(Prefixed(status, std::string(5000, 'z')));
  EXPECT_LE(answer.error_details().size(), kMaxErrorDetailsBytes);
  EXPECT_LE(answer.error_message().size(), kMaxErrorMessageBytes);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(FindDetail(answer, &bad_request));
  const auto& last = bad_request.field_violations(bad_request.field_violations_size() - 1);
  EXPECT_EQ(last.description(),
            absl::StrCat(1000 - bad_request.field_violations_size() + 1, " more fields are wrong"));
}

// Rules: A1
TEST(Errors, CutMessageIsStillUtf8) {
  std::string message;
  while (message.size() < 2000) message += "\xE2\x82\xAC";
  const grpc::Status answer = ToGrpcStatus(absl::NotFoundError(message));
  EXPECT_LE(answer.error_message().size(), kMaxErrorMessageBytes);
  EXPECT_EQ((answer.error_message().size() - 3) % 3, 0U);
  EXPECT_EQ(DetailsOf(answer).details_size(), 1);
}

// Rules: A1
TEST(Errors, InternalMessagesDoNotLeak) {
  for (const absl::Status& status :
       {absl::InternalError("secret/path"), absl::UnknownError("secret/path"),
        absl::DataLossError("secret/path")}) {
    const grpc::Status answer = ToGrpcStatus(status);
    EXPECT_EQ(answer.error_message().find("secret"), std::string::npos);
    EXPECT_EQ(answer.error_details().find("secret"), std::string::npos);
  }
}

// Rules: D1
TEST(Errors, OwnOverloadSaysWhenToTryAgain) {
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(FindDetail(ToGrpcStatus(OverloadedError()), &retry));
  EXPECT_GT(retry.retry_delay().nanos(), 0);
  EXPECT_FALSE(FindDetail(ToGrpcStatus(absl::UnavailableError("later")), &retry));
}

}  // namespace
}  // namespace bursar
