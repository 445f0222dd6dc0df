// What is done next, and what waits.
#include "server/notify/delivery_schedule.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'772'442'000);

DeliveryStep Step(int number, const std::string& destination) {
  return {{"acme", absl::StrCat("n", number)}, 0, destination, kNow};
}

// Rules: N1
TEST(DeliverySchedule, GivesStepsByTheirTimeAndNoneBeforeIt) {
  DeliverySchedule schedule({absl::Seconds(10), absl::Minutes(5)});
  schedule.Add(Step(2, "b"), kNow + absl::Seconds(2));
  schedule.Add(Step(1, "a"), kNow + absl::Seconds(1));
  EXPECT_FALSE(schedule.Take(kNow).has_value());
  EXPECT_EQ(schedule.NextAt(), kNow + absl::Seconds(1));
  const auto first = schedule.Take(kNow + absl::Seconds(9));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->name.notice_id, "n1");
  EXPECT_EQ(schedule.Take(kNow + absl::Seconds(9))->name.notice_id, "n2");
  EXPECT_EQ(schedule.notice_count(), 2);
  schedule.Finish(*first, kNow, true, false, 0);
  EXPECT_EQ(schedule.size(), 1u);
}

// Rules: N1
TEST(DeliverySchedule, ABusyDestinationWaitsAndOthersDoNot) {
  DeliverySchedule schedule({absl::Seconds(10), absl::Minutes(5)});
  for (int i = 0; i < 3; ++i) schedule.Add(Step(i, "slow"), kNow);
  schedule.Add(Step(9, "fast"), kNow + absl::Seconds(1));
  const auto slow = schedule.Take(kNow + absl::Seconds(1));
  EXPECT_EQ(schedule.Take(kNow + absl::Seconds(1))->destination, "fast");
  EXPECT_FALSE(schedule.Take(kNow + absl::Seconds(1)).has_value());
  EXPECT_EQ(schedule.NextAt(), absl::InfiniteFuture());
  schedule.Finish(*slow, kNow, true, false, 0);
  EXPECT_EQ(schedule.NextAt(), kNow);
  EXPECT_EQ(schedule.Take(kNow)->name.notice_id, "n1");
}

// Rules: N1
TEST(DeliverySchedule, AFailingDestinationIsLeftAloneForEverything) {
  DeliverySchedule schedule({absl::Seconds(10), absl::Minutes(5)});
  for (int i = 0; i < 100; ++i) schedule.Add(Step(i, "down"), kNow);
  absl::Time now = kNow;
  int attempts = 0;
  while (now < kNow + absl::Hours(1)) {
    const auto step = schedule.Take(now);
    if (step.has_value()) {
      ++attempts;
      schedule.Finish(*step, now, false, true, UINT64_MAX);
      schedule.Add(*step, now + absl::Minutes(10));
    } else {
      now = schedule.NextAt();
    }
  }
  // 10, 20, 40 … seconds, then every five minutes: not a hundred times as often.
  EXPECT_LT(attempts, 20);
  EXPECT_GT(attempts, 10);
  // Once it works everything goes at once.
  now += absl::Hours(1);
  int delivered = 0;
  while (const auto step = schedule.Take(now)) {
    schedule.Finish(*step, now, true, false, 0);
    ++delivered;
  }
  EXPECT_EQ(delivered, 100);
  EXPECT_EQ(schedule.size(), 0u);
}

// Rules: N1
TEST(DeliverySchedule, MemoryIsBoundedAndWhatDidNotFitIsAskedFor) {
  DeliverySchedule schedule({absl::Seconds(10), absl::Minutes(5)});
  const int count = static_cast<int>(DeliverySchedule::kMaxSteps) + 10;
  for (int i = 0; i < count; ++i) schedule.Add(Step(i, absl::StrCat("d", i)), kNow);
  EXPECT_EQ(schedule.size(), DeliverySchedule::kMaxSteps);
  EXPECT_FALSE(schedule.TakeMissed()) << "there is no room yet";
  while (const auto step = schedule.Take(kNow)) schedule.Finish(*step, kNow, true, false, 0);
  EXPECT_TRUE(schedule.TakeMissed());
  EXPECT_FALSE(schedule.TakeMissed());
}

}  // namespace
}  // namespace bursar
