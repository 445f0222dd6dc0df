#include "server/service/rpc/caller_rate.h"

#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/status.h"
#include "server/service/errors.h"

namespace bursar {
namespace {

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch(); }
  absl::Duration Monotonic() const override { return now; }
  absl::Duration now = absl::Hours(1);
};

Credential Caller(const std::string& token_id, const std::string& name = "backend") {
  Credential credential;
  credential.token_id = token_id;
  credential.name = name;
  return credential;
}

// Rules: A1
TEST(CallerRate, ASecondsCallsMayComeAtOnceAndThenAsTimePasses) {
  SetClock clock;
  CallerRate rate(10, &clock);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
  EXPECT_EQ(rate.Take(Caller("tok_1")).code(), absl::StatusCode::kResourceExhausted);
  clock.now += absl::Milliseconds(100);
  EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
  EXPECT_FALSE(rate.Take(Caller("tok_1")).ok());
  clock.now += absl::Hours(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
  EXPECT_FALSE(rate.Take(Caller("tok_1")).ok());
}

// Rules: A1
TEST(CallerRate, EachCredentialHasItsOwnAndQuietOnesAreForgotten) {
  SetClock clock;
  CallerRate rate(1, &clock);
  EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
  EXPECT_TRUE(rate.Take(Caller("tok_2")).ok());
  EXPECT_TRUE(rate.Take(Caller("", "by certificate")).ok());
  EXPECT_TRUE(rate.Take(Caller("", "another")).ok());
  EXPECT_FALSE(rate.Take(Caller("", "another")).ok());
  EXPECT_EQ(rate.size(), 4U);
  clock.now += absl::Minutes(1);
  EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
  EXPECT_EQ(rate.size(), 1U);
}

// Rules: A1
TEST(CallerRate, TheRefusalNamesTheLimitAndWhenToTryAgain) {
  SetClock clock;
  CallerRate rate(4, &clock);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(rate.Take(Caller("tok_1")).ok());
  const absl::Status refused = rate.Take(Caller("tok_1"));
  EXPECT_EQ(Reason(refused), "CALLER_RATE_REACHED");
  EXPECT_NE(std::string(refused.message()).find("4 calls per second"), std::string::npos);
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(ToGrpcStatus(refused).error_details()));
  google::rpc::RetryInfo retry;
  for (const auto& any : rich.details()) {
    if (any.Is<google::rpc::RetryInfo>()) {
      EXPECT_TRUE(any.UnpackTo(&retry));
    }
  }
  EXPECT_EQ(retry.retry_delay().seconds(), 0);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
  clock.now += absl::Milliseconds(250);
  EXPECT_TRUE(rate.Take(Caller("tok_1")).ok());
}

}  // namespace
}  // namespace bursar
