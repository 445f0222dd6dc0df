// The small parts of server/base: checks, strings, the clock.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/boxed.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

// Rules: B1
TEST(CheckDeathTest, BrokenInvariantEndsTheProcessAndSaysWhere) {
  const int held = -1;
  EXPECT_DEATH(BURSAR_CHECK(held >= 0), "broken invariant at .*base_test.cc:[0-9]+: held >= 0");
}

// Rules: B1
TEST(Check, ConditionIsEvaluatedOnceAndHoldingItIsSilent) {
  int evaluations = 0;
  BURSAR_CHECK(++evaluations > 0);
  EXPECT_EQ(evaluations, 1);
}

// Rules: B1
TEST(Check, IsOneStatementWhereverItStands) {
  bool reached_else = false;
  if (reached_else)
    BURSAR_CHECK(false);
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

// Rules: M1
TEST(Strings, BridgeKeepsEveryByteBothWays) {
  const std::string text("a\0b\xff", 4);
  EXPECT_EQ(absl::StrCat(ToAbsl(text)), text);
  EXPECT_EQ(std::string(ToStd(absl::string_view(text.data(), text.size()))), text);
  EXPECT_TRUE(ToStd(ToAbsl(std::string_view())).empty());
}

// Rules: T1
TEST(SystemClock, ShowsUniversalTime) {
  const absl::Time machine = absl::FromChrono(std::chrono::system_clock::now());
  // An hour of slack: the test is about the epoch and the unit, not about how fast it runs.
  EXPECT_LT(absl::AbsDuration(SystemClock().Now() - machine), absl::Hours(1));
}

// Rules: T1
TEST(SystemClock, MonotonicTimeNeverStepsBack) {
  const SystemClock clock;
  absl::Duration last = clock.Monotonic();
  bool has_moved = false;
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration now = clock.Monotonic();
    ASSERT_GE(now, last);
    has_moved = has_moved || now > last;
    last = now;
  }
  EXPECT_TRUE(has_moved);
}

// Rules: Q1
TEST(Boxed, IsAPointerThatCopiesAndComparesWhatItHolds) {
  static_assert(sizeof(Boxed<std::string>) == sizeof(void*));
  Boxed<std::string> absent;
  Boxed<std::string> present = std::string("a");
  Boxed<std::string> copy = present;
  EXPECT_FALSE(absent.has_value());
  EXPECT_EQ(copy, present);
  *copy = "b";
  EXPECT_EQ(*present, "a");
  EXPECT_FALSE(copy == present);
  EXPECT_FALSE(absent == present);
  copy = absent;
  EXPECT_EQ(copy, absent);
  copy.GetOrMake() = "a";
  EXPECT_EQ(copy, present);
  copy.reset();
  EXPECT_FALSE(copy.has_value());
}

}  // namespace
}  // namespace bursar
