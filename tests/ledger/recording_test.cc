// Recording: unconditional, with everything that a receipt and a report need.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Rules: R1
TEST(Recording, IsNeverRefusedForAKnownMember) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().LimitMember("ann", Nanos());
  wallet.SetStatus("ann", AccountStatus::kRemoved);
  UpdateOrganizationCommand command;
  command.status = AccountStatus::kSuspended;
  wallet.Do(command);
  const UsageCharged charge = wallet.Record("ann", Dollars(100));
  EXPECT_EQ(charge.cost, Dollars(100));
  EXPECT_TRUE(charge.unadmitted);
  EXPECT_EQ(wallet.header().totals.charged, Dollars(100));
}

// Rules: R1
TEST(Recording, SaysWhenACheckWouldHaveDenied) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(1));
  EXPECT_FALSE(wallet.Record("ann", Dollars(5)).unadmitted) << "some headroom was left";
  EXPECT_TRUE(wallet.Record("ann", Dollars(5)).unadmitted);
}

// Rules: R1
TEST(Recording, OfANamedAdmissionThatIsNotLiveIsChargedAsFresh) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  RecordConsumptionCommand command = RecordOf("ann", Dollars(1));
  command.admission_id = "adm_0001";
  const UsageCharged charge = wallet.Record(command);
  EXPECT_TRUE(charge.unadmitted);
  EXPECT_EQ(charge.admission_status, AdmissionStatus::kUnknown);
  EXPECT_EQ(charge.metered, Dollars(1));
  EXPECT_EQ(wallet.Record("ann", Dollars(1)).admission_status, AdmissionStatus::kNone);
}

// Rules: R5
TEST(Recording, KeepsEverythingThatWasSent) {
  TestWallet wallet("seats");
  wallet.AddMember("ann", "premium");
  RecordConsumptionCommand command = RecordOf("ann", Dollars(1), "claude-code", "claude-haiku-4-5");
  command.provider = "anthropic";
  command.usage = Usage();
  command.usage->input = 12;
  command.price_card = "haiku@3";
  command.price_fallback = true;
  command.parent_session_id = "session-7";
  command.labels = {{"team", "core"}};
  command.occurred_at = Start() - absl::Hours(3);
  wallet.Record(command);
  const UsageCharged charge = wallet.Bodies<UsageCharged>().at(0);
  EXPECT_EQ(charge.member_id, "ann");
  EXPECT_EQ(charge.tier_id, "premium");
  EXPECT_EQ(charge.surface, "claude-code");
  EXPECT_EQ(charge.provider, "anthropic");
  EXPECT_EQ(charge.model, "claude-haiku-4-5");
  EXPECT_EQ(charge.usage->input, 12);
  EXPECT_EQ(charge.price_card, "haiku@3");
  EXPECT_TRUE(charge.price_fallback);
  EXPECT_EQ(charge.parent_session_id, "session-7");
  EXPECT_EQ(charge.labels, command.labels);
  EXPECT_EQ(charge.occurred_at, Start() - absl::Hours(3));
}

// Rules: T2
TEST(Recording, CountsAtTheTimeOfRecordingWheneverItOccurred) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").MoveTo(At("2026-12-05T00:00:00Z"));
  RecordConsumptionCommand command = RecordOf("ann", Dollars(1));
  command.occurred_at = At("2026-11-20T00:00:00Z");
  wallet.Record(command);
  EXPECT_EQ(wallet.header().month.month.start, At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(wallet.member("ann").windows.at(0).window.start, At("2026-12-01T10:00:00Z"));
}

// Rules: T2
TEST(Recording, WithoutAnInstantOccurredNow) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Advance(absl::Hours(2));
  EXPECT_EQ(wallet.Record("ann", Dollars(1)).occurred_at, Start() + absl::Hours(2));
}

// Rules: M2
TEST(Recording, RefusesForeignMoney) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  RecordConsumptionCommand command = RecordOf("ann", Dollars(1));
  command.currency_code = "EUR";
  const auto refused = wallet.Try<RecordConsumptionOutcome>(command);
  EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{"cost.currency_code"}));
  CheckAdmissionCommand check = CheckOf("ann");
  check.estimate = Dollars(1);
  check.currency_code = "EUR";
  EXPECT_EQ(RefusedFields(wallet.Try<CheckAdmissionOutcome>(check).status()),
            (std::vector<std::string>{"estimate.cost.currency_code"}));
  EXPECT_EQ(wallet.Count<UsageCharged>(), 0);
}

// Rules: D5, B1
TEST(Recording, IsSplitAsTheCheckAtThatInstantSaid) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(3));
  for (int i = 0; i < 10; ++i) {
    const CheckAdmissionOutcome check = wallet.Check("ann");
    const UsageCharged charge = wallet.Record("ann", Dollars(1));
    EXPECT_EQ(charge.unadmitted, !check.admitted);
    EXPECT_EQ(check.bucket == Bucket::kIncluded, charge.included == Dollars(1));
  }
}

// Rules: J2
TEST(Recording, KeepsTheSumsOfMembersTiersAndOrganizationEqual) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob", "premium").ExtraForEveryone();
  for (int month = 0; month < 3; ++month) {
    wallet.Record("ann", Dollars(30));
    wallet.Record("bob", Dollars(140));
    EXPECT_EQ(wallet.header().month.extra, Dollars(20));
    EXPECT_EQ(wallet.header().month.included, Dollars(150));
    EXPECT_EQ(wallet.member("ann").month.extra, Dollars(5));
    EXPECT_EQ(wallet.header().FindTier("premium")->month.extra, Dollars(15));
    wallet.Advance(absl::Hours(24 * 31));
  }
}

}  // namespace
}  // namespace bursar
