// Whether the clock can be trusted.
#include "server/engine/clock_guard.h"

#include <gtest/gtest.h>

#include "server/base/status.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

// Rules: T1
TEST(ClockGuard, AClockThatRunsEvenlyIsTrusted) {
  FakeClock clock;
  ClockGuard guard(&clock);
  for (int i = 0; i < 100; ++i) {
    clock.Advance(absl::Hours(7));
    const auto now = guard.Now();
    ASSERT_TRUE(now.ok()) << now.status();
    EXPECT_EQ(*now, clock.Now());
  }
}

// Rules: T1
TEST(ClockGuard, AJumpIsRefusedInBothDirectionsUntilTheClockIsBack) {
  for (const absl::Duration jump : {absl::Seconds(6), -absl::Seconds(6), absl::Hours(24 * 400)}) {
    FakeClock clock;
    ClockGuard guard(&clock);
    clock.Jump(jump);
    EXPECT_EQ(Reason(guard.Now().status()), "CLOCK_NOT_TRUSTED") << jump;
    clock.Advance(absl::Hours(24));
    EXPECT_EQ(guard.Now().status().code(), absl::StatusCode::kUnavailable) << jump;
    clock.Jump(-jump);
    EXPECT_TRUE(guard.Now().ok()) << jump;
  }
}

// Rules: T1
TEST(ClockGuard, SmallStepsAreTolerated) {
  FakeClock clock;
  ClockGuard guard(&clock);
  clock.Jump(absl::Milliseconds(4900));
  EXPECT_TRUE(guard.Now().ok());
}

// Rules: T1
TEST(ClockGuard, ASlewOfATimeDaemonIsFollowedForDays) {
  FakeClock clock;
  ClockGuard guard(&clock);
  for (int second = 0; second < 3 * 24 * 3600; ++second) {
    clock.Advance(absl::Seconds(1));
    clock.Jump(absl::Microseconds(500));
    ASSERT_TRUE(guard.Now().ok()) << "after " << second << " s";
  }
}

// Rules: T1
TEST(ClockGuard, AClockThatRunsAwayIsRefused) {
  FakeClock clock;
  ClockGuard guard(&clock);
  bool trusted = true;
  for (int second = 0; trusted && second < 3600; ++second) {
    clock.Advance(absl::Seconds(1));
    clock.Jump(absl::Milliseconds(100));
    trusted = guard.Now().ok();
  }
  EXPECT_FALSE(trusted);
}

// Rules: T1
TEST(ClockGuard, AClockOutsideWhatRecordsHoldIsRefused) {
  FakeClock clock;
  clock.Jump(-absl::Hours(24 * 366 * 60));
  ClockGuard guard(&clock);
  EXPECT_EQ(Reason(guard.Now().status()), "CLOCK_NOT_TRUSTED");
}

}  // namespace
}  // namespace bursar
