// Recording: acknowledged means durable, exactly once, in order, whatever the callers do at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EngineRecords : public EngineTest {};
BURSAR_ENGINE_SUITE(EngineRecords);

// Rules: R3, J1
TEST_P(EngineRecords, WhatWasAcknowledgedIsThereAfterARestart) {
  SetUpAcme("team");
  const auto reply = Record("acme", "ann", Nanos::Units(3), "request-1");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->charge.cost, Nanos::Units(3));
  EXPECT_EQ(reply->charge.included, Nanos::Units(3));
  EXPECT_FALSE(reply->replayed);
  Restart();
  const std::vector<Entry> journal = Journal("acme");
  ASSERT_EQ(journal.back().sequence, reply->revision);
  const Entry& entry = journal[static_cast<size_t>(reply->sequence) - 1];
  ASSERT_TRUE(std::holds_alternative<UsageCharged>(entry.body));
  EXPECT_EQ(std::get<UsageCharged>(entry.body).cost, Nanos::Units(3));
  EXPECT_EQ(entry.cause.request_id, "request-1");
  EXPECT_EQ(entry.cause.caller, "frontend");
  const auto check = Check("acme", "ann");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_EQ(check->position.revision, reply->revision);
  ExpectVerified();
}

// Rules: R2
TEST_P(EngineRecords, ARepeatGetsTheFirstReceiptAlsoAfterARestart) {
  SetUpAcme("team");
  const auto first = Record("acme", "ann", Nanos::Units(3), "request-1");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(1), "request-2").ok());
  for (int round = 0; round < 2; ++round) {
    const auto again = Record("acme", "ann", Nanos::Units(3), "request-1");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->sequence, first->sequence);
    EXPECT_EQ(again->revision, first->revision);
    EXPECT_EQ(again->charge.cost, first->charge.cost);
    EXPECT_EQ(again->charge.included, first->charge.included);
    EXPECT_EQ(again->charge.occurred_at, first->charge.occurred_at);
    EXPECT_EQ(again->charge.member_id, "ann");
    Restart();
  }
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos::Units(4)));
  ExpectVerified();
}

// Rules: R2
TEST_P(EngineRecords, ARequestIdWithOtherContentIsRefused) {
  SetUpAcme("team");
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(3), "request-1").ok());
  const auto other = Record("acme", "ann", Nanos::Units(4), "request-1", "other content");
  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Reason(other.status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos::Units(3)));
}

// Rules: R2
TEST_P(EngineRecords, AnUndurableRequestIdIsRecognizedToo) {
  SetUpAcme("team");
  store().CloseGate();
  const auto first = StartRecord("acme", "ann", Nanos::Units(3), "request-1");
  store().AwaitCommitAtGate();
  const auto repeat = StartRecord("acme", "ann", Nanos::Units(3), "request-1");
  const auto other = StartRecord("acme", "ann", Nanos::Units(4), "request-1", "other content");
  EXPECT_EQ(Reason(other->Wait().status()), "REQUEST_ID_REUSED");
  EXPECT_FALSE(first->IsSet());
  EXPECT_FALSE(repeat->IsSet());
  store().OpenGate();
  ASSERT_TRUE(first->Wait().ok());
  ASSERT_TRUE(repeat->Wait().ok());
  EXPECT_FALSE(first->Wait()->replayed);
  EXPECT_TRUE(repeat->Wait()->replayed);
  EXPECT_EQ(repeat->Wait()->sequence, first->Wait()->sequence);
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos::Units(3)));
}

// Rules: R2
TEST_P(EngineRecords, ManyThreadsWithOneRequestIdChargeOnce) {
  SetUpAcme("team");
  Restart();
  constexpr int kThreads = 8;
  constexpr int kIds = 25;
  std::atomic<int> fresh{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int id = 0; id < kIds; ++id) {
        const Nanos cost(1000 + id);
        const auto reply = Record("acme", "ann", cost, absl::StrCat("request-", id));
        if (!reply.ok() || reply->charge.cost != cost) {
          ++wrong;
        } else if (!reply->replayed) {
          ++fresh;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(fresh, kIds);
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos(1000 * kIds + kIds * (kIds - 1) / 2)));
  EXPECT_EQ(core().Stats().records, kIds);
  ExpectVerified();
}

// Rules: R1, R3, J2
TEST_P(EngineRecords, TheJournalHoldsExactlyWhatWasAcknowledged) {
  CreateOrganization("acme", "usage");
  CreateOrganization("globex", "metered");
  constexpr int kThreads = 6;
  constexpr int kRecords = 60;
  for (int m = 0; m < kThreads; ++m) {
    AddMember("acme", absl::StrCat("m", m));
    AddMember("globex", absl::StrCat("m", m));
  }
  std::atomic<int64_t> acknowledged{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRecords; ++i) {
        const std::string organization = i % 3 == 0 ? "globex" : "acme";
        const auto reply = Record(organization, absl::StrCat("m", (t + i) % kThreads),
                                  Nanos(1'000'000 + t * 1000 + i), absl::StrCat("r-", t, "-", i));
        if (reply.ok()) acknowledged += reply->charge.cost.value;
        if (i % 10 == 0) {
          EXPECT_TRUE(Check(organization, "m0").ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(JournaledCost("acme") + JournaledCost("globex"), Amount(Nanos(acknowledged)));
  EXPECT_EQ(core().Stats().records, kThreads * kRecords);
  ExpectVerified();
  Restart();
  EXPECT_EQ(JournaledCost("acme") + JournaledCost("globex"), Amount(Nanos(acknowledged)));
  ExpectVerified();
}

// Rules: R3
TEST_P(EngineRecords, RecordsThatArriveDuringACommitShareTheNextOne) {
  SetUpAcme("team");
  const int64_t groups_before = core().Stats().groups_committed;
  store().CloseGate();
  std::vector<std::shared_ptr<PromisedRecord>> records;
  records.push_back(StartRecord("acme", "ann", Nanos(1), "first"));
  store().AwaitCommitAtGate();
  for (int i = 0; i < 50; ++i) {
    records.push_back(StartRecord("acme", "ann", Nanos(1), absl::StrCat("later-", i)));
  }
  if (IsCold()) {
    // Their request ids are looked up by the loader; only then do they gather.
    while (core().Stats().records < 51) std::this_thread::yield();
  }
  store().OpenGate();
  for (const auto& record : records) EXPECT_TRUE(record->Wait().ok());
  EXPECT_EQ(core().Stats().groups_committed, groups_before + 2);
}

// Rules: R1, R2
TEST_P(EngineRecords, WalletsBeyondTheirMemoryArePutAwayAndComeBackAsTheyWere) {
  constexpr int kOrganizations = 40;
  EngineOptions options;
  options.wallet_memory_bytes = 20'000;  // A few of them.
  RestartWith(options);
  for (int i = 0; i < kOrganizations; ++i) {
    CreateOrganization(absl::StrCat("org-", i), "metered");
    AddMember(absl::StrCat("org-", i), "ann");
    Grant(absl::StrCat("org-", i), 10);
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kOrganizations; ++i) {
      const std::string id = absl::StrCat("org-", i);
      ASSERT_TRUE(Record(id, "ann", Nanos(1'000 + i), absl::StrCat("r-", round)).ok());
      // Remembered, whether it is in memory or not.
      const auto again = Record(id, "ann", Nanos(1'000 + i), absl::StrCat("r-", round));
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_TRUE(again->replayed);
    }
  }
  EXPECT_LT(core().Stats().wallets_in_memory, 20);
  EXPECT_GT(core().Stats().wallets_put_away, kOrganizations);
  EXPECT_LE(core().Stats().members_in_memory, core().Stats().wallets_in_memory * 2);
  for (int i = 0; i < kOrganizations; ++i) {
    EXPECT_EQ(JournaledCost(absl::StrCat("org-", i)), Amount(Nanos(3 * (1'000 + i))));
  }
  ExpectVerified();
}

// What a loader has read must not be put in place of what others made of the wallet meanwhile, also
// where it was put away again. Rules: R1
TEST_P(EngineRecords, WhatALoaderReadIsNotPutBeforeWhatBecameOfTheWalletMeanwhile) {
  SetUpAcme("metered");
  CreateOrganization("other", "metered");
  Grant("acme", 10);
  EngineOptions options;
  options.loader_threads = 2;  // One can load while the other waits.
  RestartWith(options);
  bool between = false;
  store().AfterNextBlockingLoad([&] {
    between = true;
    EXPECT_TRUE(Record("acme", "ann", Nanos(5), "meanwhile").ok());
    // The hand goes round.
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(absl::IsNotFound(Check("other", "nobody").status()));
  });
  EXPECT_TRUE(Record("acme", "ann", Nanos(7), "first").ok());
  store().AfterNextBlockingLoad(nullptr);
  // The others have it at hand.
  EXPECT_EQ(between, IsCold());
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos(between ? 12 : 7)));
  ExpectVerified();
}

// Rules: O6, R1
TEST_P(EngineRecords, UnknownOrganizationsAndMembersAreNotFound) {
  SetUpAcme("team");
  EXPECT_EQ(Record("nobody", "ann", Nanos(1), "r").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Record("acme", "eve", Nanos(1), "r").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Check("nobody", "ann").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Check("acme", "eve").status().code(), absl::StatusCode::kNotFound);
  // A refusal uses up no request id.
  EXPECT_TRUE(Record("acme", "ann", Nanos(1), "r", "other content").ok());
}

// Rules: O6
TEST_P(EngineRecords, MembersAreProvisionedAtTheirFirstRecord) {
  SetUpAcme("team");
  UpdateOrganizationCommand update;
  update.auto_provision_members = true;
  ASSERT_TRUE(Administer("acme", update).ok());
  ASSERT_TRUE(Check("acme", "eve").ok());
  EXPECT_EQ(ListMembers(store(), "acme", "", 100)->members.size(), 3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back(
        [&, t] { EXPECT_TRUE(Record("acme", "eve", Nanos(1), absl::StrCat("r", t)).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ListMembers(store(), "acme", "", 100)->members.size(), 4);
  EXPECT_EQ(CountOf<MemberUpserted>(Journal("acme")), 4);
  ExpectVerified();
}

// Rules: T2
TEST_P(EngineRecords, InstantsOfUsageAreBoundedButARepeatIsNot) {
  SetUpAcme("team");
  const auto record = [&](const std::string& id, absl::Time occurred_at) {
    RecordConsumptionCommand command = MakeRecord("ann", Nanos(5));
    command.occurred_at = occurred_at;
    Promised<absl::StatusOr<RecordReply>> promised;
    engine().RecordConsumption("acme", command, {id, "content"}, {},
                               [&](absl::StatusOr<RecordReply> reply) { promised.Set(reply); });
    return promised.Wait();
  };
  const absl::Time now = clock_.Now();
  const absl::Time oldest = now - absl::Hours(24 * 35);
  EXPECT_TRUE(record("oldest", oldest).ok());
  EXPECT_TRUE(record("newest", now + absl::Minutes(5)).ok());
  for (const absl::Time wrong :
       {oldest - absl::Nanoseconds(1), now + absl::Minutes(5) + absl::Nanoseconds(1)}) {
    const absl::Status status = record("wrong", wrong).status();
    ASSERT_EQ(Violations(status).size(), 1) << status;
    EXPECT_EQ(Violations(status)[0].field, "occurred_at");
  }
  clock_.Advance(absl::Hours(1));
  const auto again = record("oldest", oldest);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->charge.occurred_at, oldest);
}

// Rules: R2
TEST_P(EngineRecords, OneIdServesARecordAndAnAdministrator) {
  SetUpAcme("team");
  ASSERT_TRUE(Record("acme", "ann", Nanos(1), "same").ok());
  GrantCreditCommand grant;
  grant.amount = Nanos::Units(5);
  const auto reply = Administer("acme", grant, "same", "grant");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_FALSE(reply->replayed);
  ExpectVerified();
}

// Rules: R3
TEST_P(EngineRecords, ShuttingDownFinishesWhatWasAccepted) {
  SetUpAcme("team");
  store().CloseGate();
  std::vector<std::shared_ptr<PromisedRecord>> records;
  for (int i = 0; i < 20; ++i) {
    records.push_back(StartRecord("acme", "ann", Nanos(1), absl::StrCat("r", i)));
  }
  std::thread shutdown([&] { engine().Shutdown(); });
  store().AwaitCommitAtGate();
  while (Reason(Check("acme", "ann").status()) != "SHUTTING_DOWN") std::this_thread::yield();
  EXPECT_EQ(Reason(Record("acme", "ann", Nanos(1), "late").status()), "SHUTTING_DOWN");
  store().OpenGate();
  shutdown.join();
  for (const auto& record : records) EXPECT_TRUE(record->Wait().ok());
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos(20)));
}

}  // namespace
}  // namespace bursar
