#include "client/lib/retry.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace bursar {
namespace {

// RESOURCE_EXHAUSTED that asks to come back in so many seconds.
absl::Status Overloaded(int64_t seconds) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  google::rpc::Status rich;
  rich.add_details()->PackFrom(retry);
  return StatusFromGrpc(
      grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy", rich.SerializeAsString()));
}

std::optional<absl::Duration> Backoff(int attempt, const absl::Status& status,
                                      RetrySafety safety = RetrySafety::kSafe,
                                      absl::Duration time_left = absl::Seconds(5)) {
  return BackoffBefore(attempt, status, ConnectionOptions(), safety, time_left, 1'000'000);
}

TEST(Retry, WaitsDoubleUpToTheMaximum) {
  ConnectionOptions options;
  options.max_attempts = 20;
  const absl::Status gone = absl::UnavailableError("gone");
  const auto wait = [&](int attempt) {
    return *BackoffBefore(attempt, gone, options, RetrySafety::kSafe, absl::Hours(1), 1'000'000);
  };
  EXPECT_EQ(wait(2), absl::Milliseconds(50));
  EXPECT_EQ(wait(3), absl::Milliseconds(100));
  EXPECT_EQ(wait(4), absl::Milliseconds(200));
  EXPECT_EQ(wait(20), absl::Seconds(2));
}

TEST(Retry, WaitsAreSpreadOverTheUpperHalf) {
  const absl::Status gone = absl::UnavailableError("gone");
  EXPECT_EQ(BackoffBefore(2, gone, ConnectionOptions(), RetrySafety::kSafe, absl::Seconds(5), 0),
            absl::Milliseconds(25));
}

TEST(Retry, WhatIsNotSafeToRepeatIsNeverRepeated) {
  EXPECT_FALSE(Backoff(2, absl::UnavailableError("gone"), RetrySafety::kNever).has_value());
  EXPECT_FALSE(Backoff(2, Overloaded(1), RetrySafety::kNever).has_value());
}

TEST(Retry, OnlyTransientErrorsAreRepeated) {
  for (const absl::Status& status :
       {absl::InvalidArgumentError(""), absl::NotFoundError(""), absl::DeadlineExceededError(""),
        absl::AlreadyExistsError(""), absl::InternalError(""), absl::AbortedError(""),
        absl::ResourceExhaustedError("no word about when to come back")}) {
    EXPECT_FALSE(Backoff(2, status).has_value()) << status;
  }
  EXPECT_TRUE(Backoff(2, absl::UnavailableError("")).has_value());
}

TEST(Retry, ALongerWaitThatTheServerAsksForIsKept) {
  EXPECT_EQ(Backoff(2, Overloaded(3)), absl::Seconds(3));
}

TEST(Retry, NoWaitReachesTheDeadline) {
  EXPECT_FALSE(Backoff(2, Overloaded(5)).has_value());
  EXPECT_FALSE(Backoff(2, absl::UnavailableError(""), RetrySafety::kSafe, absl::Milliseconds(50))
                   .has_value());
}

TEST(Retry, AttemptsEnd) {
  EXPECT_TRUE(Backoff(4, absl::UnavailableError("")).has_value());
  EXPECT_FALSE(Backoff(5, absl::UnavailableError("")).has_value());
}

}  // namespace
}  // namespace bursar
