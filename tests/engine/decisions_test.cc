// Denied checks are remembered, and past decisions are decided again.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/denial_log.h"
#include "server/engine/explain.h"
#include "server/engine/record_codec.h"
#include "server/engine/scoped_id.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class Decisions : public EngineTest {
 protected:
  std::vector<DeniedCheck> Denials() {
    EXPECT_TRUE(engine().SaveDenials().ok());
    absl::StatusOr<std::vector<DeniedCheck>> checks = ReadDenials(store(), "acme");
    EXPECT_TRUE(checks.ok()) << checks.status();
    return checks.ok() ? *std::move(checks) : std::vector<DeniedCheck>();
  }
  absl::StatusOr<CheckReply> CheckFrom(const std::string& member_id, const std::string& surface,
                                       bool validate_only = false) {
    CheckAdmissionCommand command;
    command.member_id = member_id;
    command.surface = surface;
    command.validate_only = validate_only;
    Promised<absl::StatusOr<CheckReply>> promised;
    engine().CheckAdmission("acme", command, {}, {},
                            [&](absl::StatusOr<CheckReply> reply) { promised.Set(reply); });
    return promised.Wait();
  }
};
BURSAR_ENGINE_SUITE(Decisions);

// Rules: D6
TEST_P(Decisions, ADenialIsRememberedWithWhatItSaw) {
  SetUpAcme("metered");
  ASSERT_FALSE(CheckFrom("ann", "chat")->outcome.admitted);
  const std::vector<DeniedCheck> denials = Denials();
  ASSERT_EQ(denials.size(), 1u);
  EXPECT_EQ(denials[0].member_id, "ann");
  EXPECT_EQ(denials[0].surface, "chat");
  EXPECT_EQ(denials[0].denial.reason, DenialReason::kBalanceExhausted);
  EXPECT_EQ(denials[0].first_at, clock_.Now());
  EXPECT_EQ(denials[0].count, 1);
  EXPECT_FALSE(denials[0].denial.message.empty());
  ASSERT_FALSE(denials[0].evaluations.empty());
  EXPECT_TRUE(denials[0].evaluations[0].bound.blocking);
  ExpectVerified();
}

// Rules: D6, H8
TEST_P(Decisions, AdmittedAndValidatedChecksAreNot) {
  SetUpAcme("metered");
  ASSERT_FALSE(CheckFrom("ann", "chat", true)->outcome.admitted);
  Grant("acme", 5);
  ASSERT_TRUE(CheckFrom("ann", "chat")->outcome.admitted);
  EXPECT_TRUE(Denials().empty());
}

// Rules: D6
TEST_P(Decisions, RepetitionsWithinAMinuteCountOnTheFirst) {
  SetUpAcme("metered");
  for (int i = 0; i < 30; ++i) {
    ASSERT_FALSE(CheckFrom("ann", "chat")->outcome.admitted);
    if (i % 10 == 0) {
      ASSERT_FALSE(CheckFrom("bob", "chat")->outcome.admitted);
    }
    if (i == 15) {
      EXPECT_EQ(Denials().size(), 2u) << "written in between";
    }
    clock_.Advance(absl::Seconds(1));
  }
  std::vector<DeniedCheck> denials = Denials();
  ASSERT_EQ(denials.size(), 2u);
  for (const DeniedCheck& check : denials)
    EXPECT_EQ(check.count, check.member_id == "ann" ? 30 : 3);
  clock_.Advance(absl::Seconds(40));
  ASSERT_FALSE(CheckFrom("ann", "chat")->outcome.admitted);
  denials = Denials();
  ASSERT_EQ(denials.size(), 3u) << "the next minute";
  EXPECT_EQ(denials[0].member_id, "ann") << "newest first";
  EXPECT_EQ(denials[0].count, 1);
}

// Rules: D6
TEST_P(Decisions, TheNewestThousandAreKeptAcrossRestarts) {
  SetUpAcme("metered");
  constexpr int kDenied = 1100;
  for (int i = 0; i < kDenied; ++i) {
    ASSERT_FALSE(CheckFrom("ann", absl::StrCat("surface-", i))->outcome.admitted);
    clock_.Advance(absl::Milliseconds(10));
    if (i % 200 == 199) {
      ASSERT_TRUE(engine().SaveDenials().ok());
    }
    if (i == 600 && GetParam() == StoreKind::kRocksDb) Restart();
  }
  const std::vector<DeniedCheck> denials = Denials();
  ASSERT_EQ(denials.size(), kMaxDenialsKept);
  EXPECT_EQ(denials.front().surface, absl::StrCat("surface-", kDenied - 1));
  EXPECT_EQ(denials.back().surface, absl::StrCat("surface-", kDenied - kMaxDenialsKept));
  EXPECT_EQ(engine().Stats().denials_not_kept, 0);
}

// Rules: D6
TEST_P(Decisions, AStormOfDifferentDenialsIsCountedAndNotKept) {
  SetUpAcme("metered");
  for (size_t i = 0; i < kMaxDenialsNoted + 44; ++i) {
    ASSERT_FALSE(CheckFrom("ann", absl::StrCat("surface-", i))->outcome.admitted);
  }
  EXPECT_EQ(engine().Stats().denials_not_kept, 44);
  EXPECT_EQ(Denials().size(), kMaxDenialsNoted);
}

// Rules: D6
TEST(DenialRecords, ComeBackAsTheyWereAndDamageIsDataLoss) {
  DeniedCheck check;
  check.number = 5;
  check.first_at = TestStart();
  check.last_at = TestStart() + absl::Seconds(2);
  check.count = 3;
  check.member_id = "ann";
  check.estimate = Nanos(7);
  check.denial.reason = DenialReason::kMemberLimitReached;
  check.denial.scope = Scope::kMember;
  check.denial.bucket = Bucket::kMetered;
  check.denial.ends_at = TestStart() + absl::Hours(1);
  EvaluationLine line;
  line.scope_id = "ann";
  line.bound.scope = Scope::kMember;
  line.bound.bucket = Bucket::kMetered;
  line.bound.limit = Amount(Nanos(9));
  line.changeable_by = {MemberRole::kOwner};
  check.evaluations = {line};
  const std::string bytes = EncodeDeniedCheck(check);
  const auto decoded = DecodeDeniedCheck(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(EncodeDeniedCheck(*decoded), bytes);
  EXPECT_EQ(decoded->denial.ends_at, check.denial.ends_at);
  EXPECT_EQ(decoded->estimate, check.estimate);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const absl::Status status = DecodeDeniedCheck(bytes.substr(0, i)).status();
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    }
  }
  EXPECT_EQ(ParseDenialId("e", "acme", DenialId("e", "acme", 5)), 5);
  EXPECT_EQ(ParseDenialId("e", "beta", DenialId("e", "acme", 5)), 0);
  EXPECT_EQ(ParseDenialId("e", "acme", "den_"), 0);
}

// Rules: S5
TEST_P(Decisions, EveryChargeAndHoldOfAJournalIsDecidedTheSameAgain) {
  SetUpAcme("team");
  Grant("acme", 20);
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(
        Record("acme", i % 2 == 0 ? "ann" : "bob", Nanos::Units(i % 5), absl::StrCat("r", i)).ok());
    clock_.Advance(absl::Hours(50));
  }
  int explained = 0;
  for (const Entry& entry : Journal("acme")) {
    const auto decision =
        ExplainEntry(store(), engine().catalogs(), zones_, "acme", entry.sequence);
    if (!std::holds_alternative<UsageCharged>(entry.body)) {
      EXPECT_EQ(Reason(decision.status()), "DECISION_NOT_FOUND");
      continue;
    }
    ASSERT_TRUE(decision.ok()) << decision.status();
    EXPECT_TRUE(decision->explanation.reproduced) << entry.sequence;
    EXPECT_EQ(decision->revision, entry.sequence - 1);
    ++explained;
  }
  EXPECT_EQ(explained, 12);
  EXPECT_FALSE(ExplainEntry(store(), engine().catalogs(), zones_, "acme", 100'000).ok());
}

// Rules: S5, D6
TEST_P(Decisions, ADenialIsDeniedAgainAtItsRevision) {
  SetUpAcme("metered");
  ASSERT_FALSE(CheckFrom("ann", "chat")->outcome.admitted);
  const DeniedCheck check = Denials()[0];
  clock_.Advance(absl::Hours(1));
  Grant("acme", 50);
  CheckAdmissionCommand command;
  command.member_id = "ann";
  command.surface = "chat";
  const auto then = ExplainCheckAt(store(), engine().catalogs(), zones_, "acme", command,
                                   check.first_at, check.revision);
  ASSERT_TRUE(then.ok()) << then.status();
  ASSERT_TRUE(then->explanation.denial.has_value());
  EXPECT_EQ(then->explanation.denial->reason, check.denial.reason);
  const auto now =
      ExplainCheckAt(store(), engine().catalogs(), zones_, "acme", command, clock_.Now(), 0);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_TRUE(now->explanation.admitted);
  command.member_id = "nobody";
  EXPECT_EQ(
      Reason(ExplainCheckAt(store(), engine().catalogs(), zones_, "acme", command, clock_.Now(), 0)
                 .status()),
      "MEMBER_NOT_FOUND");
}

}  // namespace
}  // namespace bursar
