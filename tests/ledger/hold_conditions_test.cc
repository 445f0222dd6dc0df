// What holds do not allow, and what they leave to their records.
#include <gtest/gtest.h>

#include "tests/ledger/postpaid_holds.h"

namespace bursar {
namespace {

using HoldConditions = PostpaidHolds;

// Rules: H3
TEST_F(HoldConditions, AreNeitherExtendedNorReleasedWhenNotLive) {
  const auto expect_not_live = [&](int64_t hold) {
    for (const auto& refused : {wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, {}}),
                                wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{hold})}) {
      EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(RefusalReason(refused), "ADMISSION_NOT_LIVE");
    }
  };
  const auto unknown = wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{12345});
  EXPECT_TRUE(absl::IsNotFound(unknown.status()));
  EXPECT_EQ(RefusalReason(unknown), "ADMISSION_NOT_FOUND");
  const int64_t settled = wallet_.PlaceHold("ann", Dollars(1));
  wallet_.Settle(settled, Dollars(1));
  expect_not_live(settled);
  const int64_t released = wallet_.PlaceHold("ann", Dollars(1));
  ASSERT_TRUE(wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{released}).ok());
  expect_not_live(released);
  const int64_t expired = wallet_.PlaceHold("ann", Dollars(1));
  wallet_.Advance(absl::Minutes(10));
  expect_not_live(expired);
}

// Rules: H3
TEST_F(HoldConditions, EndAtTheirInstantAlsoBeforeThatIsWritten) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(1));
  wallet_.Advance(absl::Minutes(10));
  // Nothing has written what is due: the hold still stands in the wallet.
  ASSERT_NE(wallet_.wallet().FindHold(hold), nullptr);
  const DecisionContext context = wallet_.context();
  for (const auto& refused : {Decide(wallet_.wallet(), ExtendAdmissionCommand{hold, {}}, context),
                              Decide(wallet_.wallet(), ReleaseAdmissionCommand{hold}, context)}) {
    EXPECT_EQ(RefusalReason(refused), "ADMISSION_NOT_LIVE");
  }
}

// Rules: R4
TEST_F(HoldConditions, RefuseARecordOfAnotherMemberSurfaceProviderOrModel) {
  wallet_.AddMember("bob");
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(5));
  RecordConsumptionCommand command = SettlementOf(hold, Dollars(1));
  command.member_id = "bob";
  command.surface = "cursor";
  command.provider = "openai";
  command.model = "gpt-5";
  const auto refused = wallet_.Try<RecordConsumptionOutcome>(command);
  EXPECT_EQ(RefusedFields(refused.status()),
            (std::vector<std::string>{"member_id", "model", "surface"}));
  command = SettlementOf(hold, Dollars(1));
  command.member_id = "ann";
  command.surface = "chat";
  EXPECT_EQ(wallet_.Record(command).admission_status, AdmissionStatus::kSettled);
}

// Rules: R1, R4
TEST_F(HoldConditions, LetTheRecordSayWhatTheCheckDidNot) {
  CheckAdmissionCommand check = CheckOf("ann");
  check.surface.clear();
  check.model.clear();
  check.provider.clear();
  check.estimate = Dollars(2);
  check.mode = AdmissionMode::kHold;
  const int64_t hold = wallet_.Check(check).hold->sequence;
  RecordConsumptionCommand command = SettlementOf(hold, Dollars(1));
  command.surface = "cursor";
  command.provider = "anthropic";
  command.model = "claude-haiku-4-5";
  const UsageCharged charge = wallet_.Record(command);
  EXPECT_EQ(charge.admission_status, AdmissionStatus::kSettled);
  EXPECT_EQ(charge.surface, "cursor");
  // Where the record does not say either, it is the default.
  const int64_t other = wallet_.Check(check).hold->sequence;
  EXPECT_EQ(wallet_.Settle(other, Dollars(1)).surface, kDefaultSurface);
}

// Rules: H2
TEST_F(HoldConditions, OfOneMemberAreBoundedSoThatOthersHaveRoom) {
  wallet_.AddMember("bob");
  for (int64_t i = 0; i < kMaxOpenHoldsOfMember; ++i) wallet_.PlaceHold("ann", Nanos(0));
  CheckAdmissionCommand check = CheckOf("ann");
  check.estimate = Nanos(0);
  check.mode = AdmissionMode::kHold;
  const auto refused = wallet_.Try<CheckAdmissionOutcome>(check);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalReason(refused), "TOO_MANY_HOLDS");
  const int64_t of_bob = wallet_.PlaceHold("bob", Dollars(1));
  wallet_.Settle(of_bob, Dollars(1));
  wallet_.Settle(wallet_.wallet().holds.begin()->first, Nanos(0));
  EXPECT_TRUE(wallet_.Try<CheckAdmissionOutcome>(check).ok());
}

// Rules: R1
TEST_F(HoldConditions, AreNoConditionForRecording) {
  const auto status_of = [&](AdmissionName name) {
    RecordConsumptionCommand command = RecordOf("ann", Dollars(1));
    command.admission_id = "adm";
    command.admission = name;
    const UsageCharged charge = wallet_.Record(command);
    EXPECT_TRUE(charge.unadmitted);
    return charge.admission_status;
  };
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(1));
  wallet_.Settle(hold, Dollars(1));
  EXPECT_EQ(status_of({AdmissionName::kNamed, hold}), AdmissionStatus::kFinal);
  EXPECT_EQ(status_of({AdmissionName::kNamed, 12345}), AdmissionStatus::kUnknown);
  EXPECT_EQ(status_of({AdmissionName::kUnknown, 0}), AdmissionStatus::kUnknown);
  EXPECT_EQ(status_of({AdmissionName::kForeign, 0}), AdmissionStatus::kForeign);
  const auto nobody = wallet_.Try<RecordConsumptionOutcome>(SettlementOf(12345, Dollars(1)));
  EXPECT_EQ(RefusedFields(nobody.status()), (std::vector<std::string>{"member_id"}));
}

}  // namespace
}  // namespace bursar
