// A server whose clock is set wrong and right again.
#include "server/base/clock.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

// The system's clock, and how far somebody has set it wrong.
class WrongClock final : public Clock {
 public:
  absl::Time Now() const override { return system_.Now() + absl::Seconds(wrong_seconds_.load()); }
  absl::Duration Monotonic() const override { return system_.Monotonic(); }
  void SetWrongBy(int64_t seconds) { wrong_seconds_ = seconds; }

 private:
  SystemClock system_;
  std::atomic<int64_t> wrong_seconds_{0};
};

struct HasWrongClock {
  WrongClock wrong_clock;
};

class ClockTest : public HasWrongClock, public ServerTest {
 protected:
  ClockTest() : ServerTest(nullptr, &wrong_clock) {}

  grpc::health::v1::HealthCheckResponse::ServingStatus Health() {
    grpc::health::v1::HealthCheckResponse response;
    grpc::ClientContext context;
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    const grpc::Status status = stub->Check(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }
};

// Rules: T1
TEST_F(ClockTest, TheServerOutlivesAClockThatJumpsAndCommitsNothingMeanwhile) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
  ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
  v1::RecordConsumptionResponse record;
  for (const int64_t seconds : {60, -60, 36'000}) {
    wrong_clock.SetWrongBy(seconds);
    EXPECT_TRUE(server_->CheckHealth().ok());
    EXPECT_EQ(Health(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
    const grpc::Status refused = RecordCost("acme", "olga", 1, "r1", &record);
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(refused), "CLOCK_NOT_TRUSTED");
    wrong_clock.SetWrongBy(0);
    EXPECT_TRUE(server_->CheckHealth().ok());
    EXPECT_EQ(Health(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
  const grpc::Status recorded = RecordCost("acme", "olga", 1, "r1", &record);
  ASSERT_TRUE(recorded.ok()) << recorded.error_message();
  EXPECT_FALSE(record.replayed());
}

}  // namespace
}  // namespace bursar
