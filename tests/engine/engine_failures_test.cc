// What the engine does when the store fails, and when there is too much to do.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/record_codec.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EngineFailures : public EngineTest {
 protected:
  // Starts anew with room for four, and two more for administration.
  void RestartWithSmallQueue() {
    EngineOptions options;
    options.queue_limit = 4;
    options.admin_queue_reserve = 2;
    RestartWith(options);
  }
  // Another hand writes to an organization: one entry of its own, the header with `change` made to
  // it, and the records given.
  void WriteBehindTheEngine(const std::string& organization_id,
                            const std::function<void(WalletHeader&)>& change,
                            std::vector<RecordPut> puts) {
    const LoadedValue value =
        store().Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock).value().at(0);
    StoredHeader stored = DecodeHeader(value.value).value();
    OrganizationCommit commit;
    commit.organization_id = organization_id;
    commit.expected_revision = value.revision;
    commit.new_revision = stored.header.revision = value.revision + 1;
    commit.journal_record = "no entry of ours";
    commit.committed_at = clock_.Now();
    change(stored.header);
    puts.push_back({RecordKind::kHeader, "", EncodeHeader(stored.header, stored.chain_hash)});
    commit.puts = std::move(puts);
    if (stored.header.NextDue() != absl::InfiniteFuture()) {
      commit.next_due = stored.header.NextDue();
    }
    const auto results = store().Commit({{commit}});
    ASSERT_TRUE(results.ok()) << results.status();
    ASSERT_EQ(results->at(0).outcome, CommitOutcome::kCommitted);
  }
};
// Not without memory for wallets: there a check may need a place to be read, and another writer's
// wallet is simply read.
INSTANTIATE_TEST_SUITE_P(Stores, EngineFailures,
                         testing::Values(StoreKind::kMemory, StoreKind::kColdMemory,
                                         StoreKind::kRocksDb),
                         StoreKindName);

// Rules: R3
TEST_P(EngineFailures, AFailedCommitLatchesAndEverybodyIsRefused) {
  SetUpAcme("team");
  EXPECT_TRUE(engine().Health().ok());
  store().CloseGate();
  store().FailNextCommit(absl::DataLossError("the disk is gone"), false);
  const auto first = StartRecord("acme", "ann", Nanos(1), "r1");
  store().AwaitCommitAtGate();
  const auto second = StartRecord("acme", "ann", Nanos(1), "r2");
  const auto repeat = StartRecord("acme", "ann", Nanos(1), "r1");
  std::thread administrator([&] {
    GrantCreditCommand grant;
    grant.amount = Nanos::Units(5);
    EXPECT_EQ(Reason(Administer("acme", grant).status()), "STORE_FAILED");
  });
  store().OpenGate();
  for (const auto& record : {first, second, repeat}) {
    EXPECT_EQ(record->Wait().status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(Reason(record->Wait().status()), "STORE_FAILED");
  }
  administrator.join();
  EXPECT_EQ(Reason(Check("acme", "ann").status()), "STORE_FAILED");
  EXPECT_EQ(Reason(Record("acme", "ann", Nanos(1), "r3").status()), "STORE_FAILED");
  EXPECT_EQ(Reason(engine().Health()), "STORE_FAILED");
  EXPECT_TRUE(core().Stats().latched);
  EXPECT_EQ(core().Stats().queue_length, 0);
  // Nothing was written; after a restart the same request ids go through once.
  Restart();
  EXPECT_EQ(JournaledCost("acme"), Amount());
  EXPECT_FALSE(Record("acme", "ann", Nanos(1), "r1")->replayed);
  EXPECT_FALSE(Record("acme", "ann", Nanos(1), "r2")->replayed);
  ExpectVerified();
}

// Rules: R2, R3
TEST_P(EngineFailures, AGroupThatWasWrittenAlthoughItsCommitFailedIsFoundByARepeat) {
  SetUpAcme("team");
  store().FailNextCommit(absl::UnavailableError("no answer"), true);
  EXPECT_EQ(Reason(Record("acme", "ann", Nanos(7), "r1").status()), "STORE_FAILED");
  Restart();
  const auto again = Record("acme", "ann", Nanos(7), "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(JournaledCost("acme"), Amount(Nanos(7)));
  ExpectVerified();
}

// Rules: R3
TEST_P(EngineFailures, AFullQueueRefusesAndAdministrationHasAReserve) {
  SetUpAcme("team");
  RestartWithSmallQueue();
  ASSERT_TRUE(Check("acme", "ann").ok());
  store().CloseGate();
  std::vector<std::shared_ptr<PromisedRecord>> records;
  for (int i = 0; i < 4; ++i) {
    records.push_back(StartRecord("acme", "ann", Nanos(1), absl::StrCat("r", i)));
  }
  const auto refused = Record("acme", "ann", Nanos(1), "r4");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused.status()), "QUEUE_FULL");
  EXPECT_EQ(core().Stats().queue_length, 4);
  std::vector<std::thread> administrators;
  for (int i = 0; i < 2; ++i) {
    administrators.emplace_back([&] {
      GrantCreditCommand grant;
      grant.amount = Nanos::Units(5);
      EXPECT_TRUE(Administer("acme", grant).ok());
    });
  }
  while (core().Stats().queue_length < 6) std::this_thread::yield();
  GrantCreditCommand grant;
  grant.amount = Nanos::Units(5);
  EXPECT_EQ(Reason(Administer("acme", grant).status()), "QUEUE_FULL");
  EXPECT_EQ(core().Stats().commands_refused_queue_full, 2);
  store().OpenGate();
  for (std::thread& administrator : administrators) administrator.join();
  for (const auto& record : records) EXPECT_TRUE(record->Wait().ok());
  EXPECT_EQ(core().Stats().queue_length, 0);
  EXPECT_TRUE(Record("acme", "ann", Nanos(1), "r4").ok());
}

// Rules: D3
TEST_P(EngineFailures, WithAFullQueueADenialPromisesNoNotice) {
  SetUpAcme("metered");
  RestartWithSmallQueue();
  ASSERT_TRUE(Record("acme", "bob", Nanos(1), "first").ok());
  store().CloseGate();
  std::vector<std::shared_ptr<PromisedRecord>> records;
  for (int i = 0; i < 4; ++i) {
    records.push_back(StartRecord("acme", "ann", Nanos(1), absl::StrCat("r", i)));
  }
  const auto check = Check("acme", "bob");
  ASSERT_TRUE(check.ok()) << check.status();
  ASSERT_TRUE(check->outcome.denial.has_value());
  EXPECT_EQ(check->outcome.denial->message.find(kAdminNotifiedSentence), std::string::npos);
  store().OpenGate();
  for (const auto& record : records) EXPECT_TRUE(record->Wait().ok());
  EXPECT_EQ(CountOf<EpisodeOpened>(Journal("acme")), 0);
  // With room again the next denial opens the episode and says so.
  const auto next = Check("acme", "bob");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(next->outcome.denial->message.find(kAdminNotifiedSentence), std::string::npos);
  EXPECT_EQ(CountOf<EpisodeOpened>(Journal("acme")), 1);
}

// Rules: R3
TEST_P(EngineFailures, AWriterBesideTheEngineLatchesIt) {
  SetUpAcme("team");
  ASSERT_TRUE(Record("acme", "ann", Nanos(1), "r1").ok());
  WriteBehindTheEngine("acme", [](WalletHeader&) {}, {});
  EXPECT_EQ(Reason(Record("acme", "ann", Nanos(1), "r2").status()), "STORE_FAILED");
  EXPECT_NE(engine().Health().message().find("another writer"), absl::string_view::npos);
}

// Rules: O7
TEST_P(EngineFailures, ADamagedMemberFailsOnlyWhoeverNeedsIt) {
  SetUpAcme("team");
  engine().Shutdown();
  WriteBehindTheEngine("acme", [](WalletHeader&) {}, {{RecordKind::kMember, "ann", "\xff\xff"}});
  Restart();
  std::vector<std::shared_ptr<PromisedRecord>> of_ann;
  std::vector<std::shared_ptr<PromisedRecord>> of_bob;
  for (int i = 0; i < 5; ++i) {
    of_ann.push_back(StartRecord("acme", "ann", Nanos(1), absl::StrCat("a", i)));
    of_bob.push_back(StartRecord("acme", "bob", Nanos(1), absl::StrCat("b", i)));
  }
  for (const auto& record : of_ann) {
    EXPECT_EQ(record->Wait().status().code(), absl::StatusCode::kDataLoss);
  }
  for (const auto& record : of_bob) EXPECT_TRUE(record->Wait().ok()) << record->Wait().status();
  EXPECT_TRUE(engine().Health().ok());
}

// Rules: J1
TEST_P(EngineFailures, AWalletThatEntriesDoNotFitIsLeftAloneAndOthersGoOn) {
  SetUpAcme("team");
  CreateOrganization("globex", "usage");
  AddMember("globex", "gus");
  engine().Shutdown();
  // A seat of somebody whom the journal does not know is due.
  WriteBehindTheEngine(
      "acme",
      [&](WalletHeader& header) {
        header.pending_seats.push_back({clock_.Now(), "ghost", "premium", "standard"});
      },
      {});
  Restart();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Record("acme", "ann", Nanos(1), "r1").status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(Check("acme", "ann").status().code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(Record("globex", "gus", Nanos(1), absl::StrCat("r", i)).ok());
    EXPECT_EQ(core().SweepNow().value(), 0);
  }
  EXPECT_TRUE(engine().Health().ok());
  EXPECT_EQ(core().Stats().queue_length, 0);
}

}  // namespace
}  // namespace bursar
