// Holds through the engine: durable, bounded, found again after a restart, and never over-admitted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/queries.h"
#include "server/engine/scoped_id.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EngineHolds : public EngineTest {
 protected:
  std::shared_ptr<PromisedCheck> StartHold(const std::string& member_id, Nanos estimate,
                                           const std::string& request_id,
                                           AdmissionMode mode = AdmissionMode::kHold,
                                           const std::string& content = "content") {
    auto promised = std::make_shared<PromisedCheck>();
    CheckAdmissionCommand command;
    command.member_id = member_id;
    command.surface = "chat";
    command.model = "model-a";
    command.estimate = estimate;
    command.mode = mode;
    engine().CheckAdmission(
        "acme", command, {request_id, content}, {},
        [promised](absl::StatusOr<CheckReply> reply) { promised->Set(std::move(reply)); });
    return promised;
  }
  absl::StatusOr<CheckReply> Hold(const std::string& member_id, Nanos estimate,
                                  const std::string& request_id,
                                  AdmissionMode mode = AdmissionMode::kHold) {
    return StartHold(member_id, estimate, request_id, mode)->Wait();
  }
  absl::StatusOr<RecordReply> Settle(int64_t hold_sequence, Nanos cost,
                                     const std::string& request_id, bool partial = false) {
    RecordConsumptionCommand command;
    command.cost = cost;
    command.admission_id = AdmissionId(engine().epoch(), "acme", hold_sequence);
    command.admission = ParseAdmissionId(engine().epoch(), "acme", command.admission_id);
    command.partial = partial;
    command.occurred_at = absl::InfinitePast();
    Promised<absl::StatusOr<RecordReply>> promised;
    engine().RecordConsumption("acme", command, {request_id, "content"}, {},
                               [&](absl::StatusOr<RecordReply> reply) { promised.Set(reply); });
    return promised.Wait();
  }
  void CaptureExpiredHolds() {
    UpdateOrganizationCommand capture;
    capture.hold_expiry_policy = HoldExpiryPolicy::kCapture;
    ASSERT_TRUE(Administer("acme", capture).ok());
  }
  // So that one of them can load while the other waits.
  void RestartWithTwoLoaders() {
    EngineOptions options;
    options.loader_threads = 2;
    RestartWith(options);
  }
  struct Held {
    int64_t count = 0;
    Amount included;
    Amount extra;
  };
  // What live holds sum up to, which must be what the wallet's own figures say.
  Held SumOfHolds() {
    Held held;
    const absl::Status read = engine().Read(
        "acme", {"ann", "bob"}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
          for (const auto& [sequence, hold] : wallet.holds) {
            ++held.count;
            held.included += Amount(hold.included);
            held.extra += Amount(hold.extra);
          }
          EXPECT_EQ(wallet.header.open_hold_count, held.count);
          EXPECT_EQ(wallet.header.held_extra, held.extra);
          // In memory are only those ended holds that are not durable yet.
          EXPECT_TRUE(wallet.ended_holds.empty());
          EXPECT_TRUE(wallet.reversals.empty());
          return absl::OkStatus();
        });
    EXPECT_TRUE(read.ok()) << read;
    return held;
  }
};
BURSAR_ENGINE_SUITE(EngineHolds);

// Rules: H3, H4
TEST_P(EngineHolds, AHoldIsFoundAgainAfterARestartAndSettles) {
  SetUpAcme("team");
  const auto placed = Hold("ann", Nanos::Units(4), "h1");
  ASSERT_TRUE(placed.ok()) << placed.status();
  ASSERT_TRUE(placed->outcome.hold.has_value());
  EXPECT_EQ(placed->outcome.hold->included, Nanos::Units(4));
  Restart();
  EXPECT_EQ(SumOfHolds().included, Amount(Nanos::Units(4)));
  const auto settled = Settle(placed->outcome.hold->sequence, Nanos::Units(3), "r1");
  ASSERT_TRUE(settled.ok()) << settled.status();
  EXPECT_EQ(settled->charge.member_id, "ann");
  EXPECT_EQ(settled->charge.admission_status, AdmissionStatus::kSettled);
  EXPECT_EQ(settled->charge.included, Nanos::Units(3));
  EXPECT_FALSE(settled->charge.unadmitted);
  EXPECT_EQ(SumOfHolds().count, 0);
  Restart();
  EXPECT_EQ(SumOfHolds().count, 0);
  ExpectVerified();
}

// Rules: H9, R2
TEST_P(EngineHolds, ARepeatShowsTheLiveHoldAndADeadOneIsPlacedAnew) {
  SetUpAcme("team");
  const auto first = Hold("ann", Nanos::Units(2), "h1");
  ASSERT_TRUE(first.ok()) << first.status();
  for (int round = 0; round < 2; ++round) {
    const auto again = Hold("ann", Nanos::Units(2), "h1");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->outcome.hold->sequence, first->outcome.hold->sequence);
    const auto other =
        StartHold("ann", Nanos::Units(3), "h1", AdmissionMode::kHold, "other")->Wait();
    EXPECT_EQ(Reason(other.status()), "REQUEST_ID_REUSED");
    Restart();
  }
  EXPECT_EQ(SumOfHolds().count, 1);
  ASSERT_TRUE(Settle(first->outcome.hold->sequence, Nanos::Units(1), "r1").ok());
  const auto anew = Hold("ann", Nanos::Units(2), "h1");
  ASSERT_TRUE(anew.ok()) << anew.status();
  EXPECT_FALSE(anew->replayed);
  EXPECT_GT(anew->outcome.hold->sequence, first->outcome.hold->sequence);
  const auto repeated = Hold("ann", Nanos::Units(2), "h1");
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_TRUE(repeated->replayed);
  EXPECT_EQ(repeated->outcome.hold->sequence, anew->outcome.hold->sequence);
  EXPECT_EQ(SumOfHolds().count, 1);
  ExpectVerified();
}

// Rules: H9, H3
TEST_P(EngineHolds, RepeatsOfAHoldThatIsNotDurableYetWaitForItAndPlaceNoOther) {
  SetUpAcme("team");
  store().CloseGate();
  const auto first = StartHold("ann", Nanos::Units(2), "h1");
  store().AwaitCommitAtGate();
  const auto second = StartHold("ann", Nanos::Units(2), "h1");
  EXPECT_FALSE(first->IsSet());
  EXPECT_FALSE(second->IsSet());
  store().OpenGate();
  ASSERT_TRUE(first->Wait().ok()) << first->Wait().status();
  ASSERT_TRUE(second->Wait().ok()) << second->Wait().status();
  EXPECT_EQ(first->Wait()->outcome.hold->sequence, second->Wait()->outcome.hold->sequence);
  EXPECT_EQ(SumOfHolds().count, 1);
}

// Rules: H5, R1, T3
TEST_P(EngineHolds, AnExpiredHoldIsReleasedAndItsLateRecordSaysSo) {
  SetUpAcme("team");
  const auto placed = Hold("ann", Nanos::Units(10), "h1");
  ASSERT_TRUE(placed.ok()) << placed.status();
  EXPECT_FALSE(Hold("ann", Nanos::Units(1), "h2")->outcome.admitted);
  clock_.Advance(kShippedHoldTtl);
  const auto swept = core().SweepNow();
  ASSERT_TRUE(swept.ok()) << swept.status();
  EXPECT_EQ(*swept, 1);
  EXPECT_EQ(SumOfHolds().count, 0);
  EXPECT_TRUE(Hold("ann", Nanos::Units(1), "h3")->outcome.admitted);
  Restart();
  const auto late = Settle(placed->outcome.hold->sequence, Nanos::Units(2), "r1");
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->charge.admission_status, AdmissionStatus::kExpired);
  EXPECT_TRUE(late->charge.unadmitted);
  const auto twice = Settle(placed->outcome.hold->sequence, Nanos::Units(2), "r2");
  EXPECT_EQ(twice->charge.admission_status, AdmissionStatus::kExpired);
  SumOfHolds();
  ExpectVerified();
}

// Rules: H5
TEST_P(EngineHolds, ACapturedHoldIsReversedByItsLateRecord) {
  SetUpAcme("team");
  CaptureExpiredHolds();
  const auto placed = Hold("ann", Nanos::Units(6), "h1");
  ASSERT_TRUE(placed.ok()) << placed.status();
  clock_.Advance(kShippedHoldTtl);
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos::Units(6)));
  Restart();
  const auto late = Settle(placed->outcome.hold->sequence, Nanos::Units(2), "r1");
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->charge.admission_status, AdmissionStatus::kExpired);
  const std::vector<Entry> journal = Journal("acme");
  Amount reversed;
  for (const Entry& entry : journal) {
    if (const auto* body = std::get_if<EntryReversed>(&entry.body)) reversed += body->included;
  }
  EXPECT_EQ(reversed, Amount(Nanos::Units(6)));
  // The capture stood for the record that counts itself now (rule S2).
  const absl::StatusOr<UsageReport> usage = QueryUsage(store(), "acme", {});
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->total.record_count, 1);
  EXPECT_EQ(usage->total.cost, Amount(Nanos::Units(2)));
  const absl::Status read = engine().Read(
      "acme", {"ann"}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        EXPECT_EQ(wallet.FindMember("ann")->month.included, Amount(Nanos::Units(2)));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
  ExpectVerified();
}

// Rules: H3, R1
TEST_P(EngineHolds, ExtendedAndReleasedAndThenNoMore) {
  SetUpAcme("team");
  const int64_t hold = Hold("ann", Nanos::Units(4), "h1")->outcome.hold->sequence;
  ASSERT_TRUE(Administer("acme", ExtendAdmissionCommand{hold, absl::Hours(2)}).ok());
  clock_.Advance(kShippedHoldTtl);
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(SumOfHolds().count, 1);
  ASSERT_TRUE(Administer("acme", ReleaseAdmissionCommand{hold}).ok());
  EXPECT_EQ(SumOfHolds().count, 0);
  for (const AdministrationCommand& command :
       {AdministrationCommand(ExtendAdmissionCommand{hold, absl::Hours(2)}),
        AdministrationCommand(ReleaseAdmissionCommand{hold})}) {
    EXPECT_EQ(Reason(engine().Administer("acme", command, {}, {}, nullptr).status()),
              "ADMISSION_NOT_LIVE");
  }
  // The first is an entry of another kind.
  for (const int64_t other : {int64_t{1}, hold + 1'000'000}) {
    const absl::Status unknown =
        engine().Administer("acme", ReleaseAdmissionCommand{other}, {}, {}, nullptr).status();
    EXPECT_TRUE(absl::IsNotFound(unknown)) << unknown;
    EXPECT_EQ(Reason(unknown), "ADMISSION_NOT_FOUND");
  }
  const auto late = Settle(hold, Nanos::Units(1), "r1");
  EXPECT_EQ(late->charge.admission_status, AdmissionStatus::kFinal);
  ExpectVerified();
}

// Rules: R7
TEST_P(EngineHolds, ARefundThatWasReadWhileAnotherCommittedSeesIt) {
  SetUpAcme("metered");
  Grant("acme", 20);
  const auto charged = Record("acme", "ann", Nanos::Units(5), "r1");
  ASSERT_TRUE(charged.ok()) << charged.status();
  ReverseEntryCommand refund;
  refund.sequence = charged->sequence;
  refund.amount = Nanos::Units(3);
  RestartWithTwoLoaders();
  bool between = false;
  ASSERT_TRUE(Check("acme", "ann").ok());
  store().AfterNextBlockingLoad([&] {
    between = true;
    EXPECT_TRUE(Administer("acme", refund, "refund-1").ok());
  });
  const auto second = Administer("acme", refund, "refund-2");
  EXPECT_TRUE(between);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kInvalidArgument) << second.status();
  SumOfHolds();
  ExpectVerified();
}

// Rules: H5
TEST_P(EngineHolds, ACaptureIsReversedOnceByTwoLateRecords) {
  SetUpAcme("team");
  CaptureExpiredHolds();
  const auto placed = Hold("ann", Nanos::Units(6), "h1");
  ASSERT_TRUE(placed.ok()) << placed.status();
  clock_.Advance(kShippedHoldTtl);
  ASSERT_TRUE(core().SweepNow().ok());
  const int64_t hold = placed->outcome.hold->sequence;
  RestartWithTwoLoaders();
  ASSERT_TRUE(Check("acme", "ann").ok());
  store().AfterNextBlockingLoad([&] { EXPECT_TRUE(Settle(hold, Nanos::Units(1), "r1").ok()); });
  ASSERT_TRUE(Settle(hold, Nanos::Units(2), "r2").ok());
  // Where the store never blocked, it is called by nobody.
  store().AfterNextBlockingLoad(nullptr);
  ASSERT_TRUE(Settle(hold, Nanos::Units(1), "r1").ok());
  EXPECT_EQ(CountOf<EntryReversed>(Journal("acme")), 1);
  SumOfHolds();
  ExpectVerified();
}

// Rules: H9, T3
TEST_P(EngineHolds, ARepeatWaitsForDueMembersThatAreNotLoaded) {
  SetUpAcme("team");
  ASSERT_TRUE(Hold("bob", Nanos::Units(1), "bob-1").ok());
  Restart();
  ASSERT_TRUE(Check("acme", "ann").ok());
  store().CloseGate();
  const auto first = StartHold("ann", Nanos::Units(1), "h1");
  store().AwaitCommitAtGate();
  // Bob's hold falls due, and nobody has loaded bob.
  clock_.Advance(kShippedHoldTtl);
  const auto second = StartHold("ann", Nanos::Units(1), "h1");
  const auto third = StartHold("ann", Nanos::Units(1), "h1");
  store().OpenGate();
  for (const auto& promised : {first, second, third}) {
    const auto reply = promised->Wait();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_TRUE(reply->outcome.admitted);
  }
  EXPECT_EQ(SumOfHolds().count, 1);
  ExpectVerified();
}

// Rules: T3
TEST_P(EngineHolds, WhatFallsDueAtOnceIsJournaledInBoundedCommits) {
  SetUpAcme("team");
  constexpr int kHolds = 3 * kMaxDueEntries / 2;
  std::vector<std::shared_ptr<PromisedCheck>> placed;
  for (int i = 0; i < kHolds; ++i) {
    placed.push_back(StartHold(i % 2 == 0 ? "ann" : "bob", Nanos(1), absl::StrCat("h", i)));
  }
  for (const auto& promised : placed) ASSERT_TRUE(promised->Wait().ok());
  clock_.Advance(kShippedHoldTtl);
  const auto groups_before = engine().Stats().groups_committed;
  const auto reply = Record("acme", "ann", Nanos(1), "r1");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(CountOf<HoldEnded>(Journal("acme")), kHolds);
  EXPECT_EQ(engine().Stats().groups_committed - groups_before, 2);
  ExpectVerified();
}

// Rules: H5, T3
TEST_P(EngineHolds, ACaptureCountsInTheMonthInWhichItFellDue) {
  SetUpAcme("usage");
  CaptureExpiredHolds();
  const absl::Time april = absl::FromCivil(absl::CivilMonth(2026, 4), absl::UTCTimeZone());
  clock_.Advance(april - kShippedHoldTtl - absl::Minutes(1) - clock_.Now());
  const auto placed = Hold("ann", Nanos::Units(4), "h1");
  ASSERT_TRUE(placed.ok()) << placed.status();
  // It expires in the last minute of March, and nobody sweeps before April.
  clock_.Advance(kShippedHoldTtl + absl::Minutes(5));
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(1), "r1").ok());
  const absl::Status read = engine().Read(
      "acme", {"ann"}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        EXPECT_EQ(wallet.header.month.extra, Amount(Nanos::Units(1)));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos::Units(5)));
  ExpectVerified();
}

// Rules: R7
TEST_P(EngineHolds, ARefundNeverExceedsTheChargeAcrossRestarts) {
  SetUpAcme("metered");
  Grant("acme", 20);
  const auto charged = Record("acme", "ann", Nanos::Units(5), "r1");
  ASSERT_TRUE(charged.ok()) << charged.status();
  ReverseEntryCommand refund;
  refund.sequence = charged->sequence;
  refund.amount = Nanos::Units(3);
  ASSERT_TRUE(Administer("acme", refund, "refund-1").ok());
  Restart();
  EXPECT_EQ(engine().Administer("acme", refund, {"refund-2", "c"}, {}, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  refund.amount = std::nullopt;
  ASSERT_TRUE(Administer("acme", refund, "refund-3").ok());
  EXPECT_EQ(Reason(engine().Administer("acme", refund, {"refund-4", "c"}, {}, nullptr).status()),
            "ALREADY_REVERSED");
  refund.sequence = 1;
  EXPECT_EQ(Reason(engine().Administer("acme", refund, {"refund-5", "c"}, {}, nullptr).status()),
            "NOT_REVERSIBLE");
  const absl::Status read =
      engine().Read("acme", {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
        EXPECT_EQ(wallet.header.Balance(), Amount(Nanos::Units(20)));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
  SumOfHolds();
  ExpectVerified();
}

// Rules: B9
TEST_P(EngineHolds, TheFirstCrossingOfAWindowIsNoticedOnce) {
  SetUpAcme("team");
  Grant("acme", 50);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Record("acme", "ann", Nanos::Units(4), absl::StrCat("r", i)).ok());
  }
  const auto page = ListNotices(store(), "acme", "", 100);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->notices.size(), 1U);
  EXPECT_EQ(page->notices[0].stored.kind, NoticeKind::kCrossed);
  EXPECT_EQ(page->notices[0].stored.member_id, "ann");
  ExpectVerified();
}

// Rules: R1, H4
TEST_P(EngineHolds, AForeignOrInventedAdmissionIsRecordedAndSaysSo) {
  SetUpAcme("team");
  RecordConsumptionCommand command = MakeRecord("ann", Nanos::Units(1));
  const auto record = [&](const std::string& id, const std::string& request_id) {
    command.admission_id = id;
    command.admission = ParseAdmissionId(engine().epoch(), "acme", id);
    Promised<absl::StatusOr<RecordReply>> promised;
    engine().RecordConsumption("acme", command, {request_id, "content"}, {},
                               [&](absl::StatusOr<RecordReply> reply) { promised.Set(reply); });
    const auto reply = promised.Wait();
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? reply->charge.admission_status : AdmissionStatus::kNone;
  };
  EXPECT_EQ(record(AdmissionId(engine().epoch(), "other", 3), "r1"), AdmissionStatus::kForeign);
  EXPECT_EQ(record(AdmissionId(engine().epoch(), "acme", 1), "r2"), AdmissionStatus::kUnknown);
  EXPECT_EQ(record(AdmissionId(engine().epoch(), "acme", 999'999), "r3"),
            AdmissionStatus::kUnknown);
  EXPECT_EQ(record("adm_made-up", "r4"), AdmissionStatus::kUnknown);
  ExpectVerified();
}

// Many callers at once, each holding one unit of a balance of `units`; how many were admitted.
class EngineRace : public EngineHolds {
 protected:
  int Race(int callers, Nanos estimate, AdmissionMode mode, const std::string& round) {
    std::atomic<int> admitted = 0;
    std::vector<std::shared_ptr<PromisedCheck>> checks(static_cast<size_t>(callers));
    std::vector<std::thread> threads;
    constexpr int kThreads = 8;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < callers; i += kThreads) {
          checks[static_cast<size_t>(i)] =
              StartHold(i % 2 == 0 ? "ann" : "bob", estimate, absl::StrCat(round, "-", i), mode);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& check : checks) {
      const auto reply = check->Wait();
      EXPECT_TRUE(reply.ok()) << reply.status();
      if (reply.ok() && reply->outcome.admitted) ++admitted;
    }
    return admitted;
  }
};
BURSAR_ENGINE_SUITE(EngineRace);

// Rules: H6
TEST_P(EngineRace, ExactlyAsManyHoldsAsFitAreAdmitted) {
  constexpr int kUnits = 5;
  SetUpAcme("metered");
  Grant("acme", kUnits);
  const int rounds = 50;
  for (const int callers : {8, 64, 512}) {
    for (int round = 0; round < rounds; ++round) {
      const std::string name = absl::StrCat("n", callers, "-", round);
      EXPECT_EQ(Race(callers, Nanos::Units(1), AdmissionMode::kHold, name), kUnits) << name;
      EXPECT_EQ(SumOfHolds().extra, Amount(Nanos::Units(kUnits)));
      clock_.Advance(kShippedHoldTtl);
      ASSERT_TRUE(core().SweepNow().ok());
      EXPECT_EQ(SumOfHolds().count, 0);
    }
  }
  ExpectVerified();
}

}  // namespace
}  // namespace bursar
