#include "client/cli/replay_tally.h"

#include <gtest/gtest.h>

#include <limits>

#include "client/lib/money.h"

namespace bursar::cli {
namespace {

// Rules: M1
TEST(ReplayTally, SumsOfTheLargestReceiptsDoNotOverflow) {
  v1::RecordConsumptionResponse reply;
  reply.mutable_cost()->set_units(9'223'372'036);
  reply.mutable_cost()->set_nanos(854'775'807);
  reply.mutable_cost()->set_currency_code("USD");
  ReplayTally tally;
  for (int i = 0; i < 1000; ++i) tally.AddRecord(reply);
  EXPECT_EQ(FormatNanos(tally.charged_nanos), "9223372036854.775807");
  EXPECT_EQ(tally.currency_code, "USD");
}

// Rules: D1
TEST(ReplayTally, DenialsAreCountedByReasonWithTheBannerOfTheFirstRow) {
  v1::CheckAdmissionResponse reply;
  reply.set_decision(v1::DECISION_DENIED);
  reply.mutable_denial()->set_reason(v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  ReplayTally tally;
  // Answers arrive in any order.
  reply.mutable_denial()->set_message("later");
  tally.AddCheck(reply, 9);
  reply.mutable_denial()->set_message("first");
  tally.AddCheck(reply, 4);
  EXPECT_EQ(tally.denied_count, 2);
  const DenialTally& denial = tally.denials.at(v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  EXPECT_EQ(denial.count, 2);
  EXPECT_EQ(denial.first_message, "first");
  EXPECT_EQ(denial.first_row, 4);
}

// Rules: D1, H4
TEST(ReplayTally, HoldsAreCountedAndWhatTheyAloneDenied) {
  v1::CheckAdmissionResponse check;
  check.set_decision(v1::DECISION_ADMITTED);
  check.mutable_hold();
  ReplayTally tally;
  tally.AddCheck(check, 1);
  check.set_decision(v1::DECISION_DENIED);
  check.mutable_denial()->set_held(true);
  tally.AddCheck(check, 2);
  v1::RecordConsumptionResponse receipt;
  receipt.set_admission_status(v1::ADMISSION_STATUS_SETTLED);
  tally.AddRecord(receipt);
  EXPECT_EQ(tally.held_count, 1);
  EXPECT_EQ(tally.denied_by_holds_count, 1);
  EXPECT_EQ(tally.settled_count, 1);
}

TEST(LatencyTally, PercentilesAreNearestRanks) {
  LatencyTally latency;
  EXPECT_EQ(latency.Percentile(50), absl::ZeroDuration());
  for (int i = 100; i >= 1; --i) latency.Add(absl::Milliseconds(i));
  EXPECT_EQ(latency.Percentile(50), absl::Milliseconds(50));
  EXPECT_EQ(latency.Percentile(99), absl::Milliseconds(99));
  EXPECT_EQ(latency.Percentile(100), absl::Milliseconds(100));
}

}  // namespace
}  // namespace bursar::cli
