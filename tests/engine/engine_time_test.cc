// Time: instants that cannot be trusted, and what falls due.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EngineTime : public EngineTest {
 protected:
  Amount BalanceOfAcme() {
    Amount balance;
    const absl::Status status = engine().Read(
        "acme", {}, [&](const Wallet& wallet, const Position&, const DecisionContext&) {
          balance = wallet.header.Balance();
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return balance;
  }
};
BURSAR_ENGINE_SUITE(EngineTime);

// Rules: T3, X2
TEST_P(EngineTime, TheSweeperExpiresCreditThatNobodyTouches) {
  SetUpAcme("metered");
  const absl::Time expiry = clock_.Now() + absl::Hours(2);
  Grant("acme", 5, expiry);
  Restart();
  clock_.Advance(absl::Hours(2) - absl::Nanoseconds(1));
  EXPECT_EQ(core().SweepNow().value(), 0);
  EXPECT_EQ(CountOf<CreditExpired>(Journal("acme")), 0);
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(core().SweepNow().value(), 1);
  const std::vector<Entry> journal = Journal("acme");
  ASSERT_EQ(CountOf<CreditExpired>(journal), 1);
  EXPECT_EQ(std::get<CreditExpired>(journal.back().body).amount, Nanos::Units(5));
  EXPECT_EQ(journal.back().recorded_at, expiry);
  EXPECT_EQ(core().SweepNow().value(), 0);
  EXPECT_TRUE(store().Due(clock_.Now(), 10)->empty());
  ExpectVerified();
}

// Rules: T3
TEST_P(EngineTime, OneSweepReachesEveryDueWallet) {
  constexpr int kWallets = 300;
  const absl::Time expiry = clock_.Now() + absl::Hours(1);
  for (int i = 0; i < kWallets; ++i) {
    CreateOrganization(absl::StrCat("org-", i), "metered");
    Grant(absl::StrCat("org-", i), 1, expiry);
  }
  Restart();
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(core().SweepNow().value(), kWallets);
  EXPECT_TRUE(store().Due(clock_.Now(), 10)->empty());
  ExpectVerified();
}

// Rules: T3, X2
TEST_P(EngineTime, WhatIsDueIsJournaledBeforeTheFirstTouchIsDecided) {
  SetUpAcme("metered");
  Grant("acme", 5, clock_.Now() + absl::Hours(2));
  ASSERT_TRUE(Check("acme", "ann")->outcome.admitted);
  clock_.Advance(absl::Hours(2));
  const auto check = Check("acme", "ann");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_FALSE(check->outcome.admitted);
  const auto record = Record("acme", "ann", Nanos::Units(1), "r1");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->charge.overdraft, Nanos::Units(1));
  EXPECT_EQ(CountOf<CreditExpired>(Journal("acme")), 1);
  ExpectVerified();
}

// Rules: T3
TEST_P(EngineTime, AReadShowsWhatIsDue) {
  SetUpAcme("metered");
  Grant("acme", 5, clock_.Now() + absl::Hours(2));
  EXPECT_EQ(BalanceOfAcme(), Amount(Nanos::Units(5)));
  clock_.Advance(absl::Hours(3));
  EXPECT_EQ(BalanceOfAcme(), Amount());
}

// Rules: T3
TEST_P(EngineTime, MoreThanABatchOfDueEntriesIsJournaledAtOnce) {
  CreateOrganization("acme", "metered");
  constexpr int kGrants = kMaxDueEntries + 40;
  for (int i = 0; i < kGrants; ++i) Grant("acme", 1, clock_.Now() + absl::Hours(1));
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(BalanceOfAcme(), Amount());
  EXPECT_EQ(CountOf<CreditExpired>(Journal("acme")), kGrants);
  ExpectVerified();
}

// Rules: T3, O5
TEST_P(EngineTime, ADowngradeTakesEffectAtItsInstantForAMemberWhoIsNotLoaded) {
  SetUpAcme("team");
  AddMember("acme", "pam", MemberRole::kMember, "premium");
  MemberChange change;
  change.member_id = "pam";
  change.tier_id = "standard";
  ASSERT_TRUE(Administer("acme", UpsertMembersCommand{{change}}).ok());
  ASSERT_EQ(ListMembers(store(), "acme", "olga", 1)->members[0].tier_id, "premium");
  Restart();
  clock_.Advance(absl::Hours(24 * 32));
  ASSERT_EQ(core().SweepNow().value(), 1);
  EXPECT_EQ(ListMembers(store(), "acme", "olga", 1)->members[0].tier_id, "standard");
  ExpectVerified();
}

// Rules: T1
TEST_P(EngineTime, NothingIsCommittedWhileTheClockIsNotTrusted) {
  SetUpAcme("team");
  const size_t entries = Journal("acme").size();
  for (const absl::Duration jump : {absl::Seconds(6), absl::Hours(-24)}) {
    clock_.Jump(jump);
    EXPECT_EQ(Reason(Record("acme", "ann", Nanos(1), "r1").status()), "CLOCK_NOT_TRUSTED");
    EXPECT_EQ(Reason(Check("acme", "ann").status()), "CLOCK_NOT_TRUSTED");
    EXPECT_EQ(Reason(engine().Health()), "CLOCK_NOT_TRUSTED");
    EXPECT_EQ(Reason(core().SweepNow().status()), "CLOCK_NOT_TRUSTED");
    EXPECT_EQ(Journal("acme").size(), entries);
    clock_.Jump(-jump);
  }
  EXPECT_TRUE(engine().Health().ok());
  EXPECT_TRUE(Record("acme", "ann", Nanos(1), "r1").ok());
}

// Rules: T1
TEST_P(EngineTime, AWalletThatIsAheadOfTheClockIsLeftAloneAndOthersGoOn) {
  SetUpAcme("team");
  clock_.Advance(absl::Minutes(10));
  CreateOrganization("globex", "usage");
  AddMember("globex", "gus");
  // The next server's clock is seven minutes behind the one that wrote to globex.
  clock_.Jump(-absl::Minutes(7));
  Restart();
  EXPECT_EQ(Reason(Record("globex", "gus", Nanos(1), "r1").status()), "CLOCK_NOT_TRUSTED");
  EXPECT_TRUE(Record("acme", "ann", Nanos(1), "r1").ok());
  clock_.Advance(absl::Minutes(7) - absl::Seconds(5));
  const auto record = Record("globex", "gus", Nanos(1), "r1");
  ASSERT_TRUE(record.ok()) << record.status();
  // Instants of a wallet never go back.
  const std::vector<Entry> journal = Journal("globex");
  for (size_t i = 1; i < journal.size(); ++i) {
    EXPECT_GE(journal[i].recorded_at, journal[i - 1].recorded_at);
  }
  EXPECT_GT(journal.back().recorded_at, clock_.Now());
  ExpectVerified();
}

// Rules: N3, T3
TEST_P(EngineTime, AnEpisodeOfTheSpendLimitEndsWithItsMonthAndSaysSo) {
  CreateOrganization("acme", "usage");
  AddMember("acme", "ann");
  SetSpendLimitCommand limit;
  limit.scope = Scope::kOrganization;
  limit.limit.amount = Nanos::Units(1);
  ASSERT_TRUE(Administer("acme", limit).ok());
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(1), "r1").ok());
  ASSERT_FALSE(Check("acme", "ann")->outcome.admitted);
  Restart();
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_EQ(core().SweepNow().value(), 1);
  EXPECT_EQ(CountOf<EpisodeEnded>(Journal("acme")), 1);
  const auto page = ListNotices(store(), "acme", "", 10);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->notices.size(), 3);
  EXPECT_EQ(page->notices[0].stored.kind, NoticeKind::kThreshold) << "all of it is used";
  EXPECT_FALSE(page->notices[1].stored.balance);
  ASSERT_NE(page->notices[1].stored.FindFact("until"), nullptr);
  EXPECT_EQ(page->notices[2].stored.kind, NoticeKind::kResolved);
  EXPECT_FALSE(page->notices[2].stored.balance);
  EXPECT_TRUE(Check("acme", "ann")->outcome.admitted);
  ExpectVerified();
}

// Rules: R2
TEST_P(EngineTime, RequestIdsAreRememberedThirtySixDays) {
  CreateOrganization("acme", "usage");
  AddMember("acme", "ann");
  ASSERT_TRUE(Record("acme", "ann", Nanos(1), "r1").ok());
  clock_.Advance(absl::Hours(24 * 36));
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_TRUE(Record("acme", "ann", Nanos(1), "r1")->replayed);
  clock_.Advance(absl::Hours(24 * 13));
  ASSERT_TRUE(core().SweepNow().ok());
  const auto again = Record("acme", "ann", Nanos(1), "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->replayed);
  ExpectVerified();
}

// What only a store on disk can tell: when it was written last.
class EngineOnDisk : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Stores, EngineOnDisk, testing::Values(StoreKind::kRocksDb), StoreKindName);

// Rules: T1
TEST_P(EngineOnDisk, AStartFarFromTheJournalNeedsAnOperatorsWord) {
  SetUpAcme("team");
  for (const absl::Duration gap : {absl::Hours(25), absl::Hours(-50)}) {
    clock_.Advance(gap);
    EngineOptions options;
    EXPECT_EQ(Reason(StartAnew(options)), "CLOCK_NOT_CONFIRMED") << gap;
    options.confirm_clock = true;
    EXPECT_TRUE(StartAnew(options).ok()) << gap;
  }
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(StartAnew(EngineOptions()).ok());
}

// Rules: N5, J3
TEST_P(EngineOnDisk, TheEpochOfAStoreStays) {
  const std::string epoch = engine().epoch();
  EXPECT_EQ(epoch.size(), std::string("epc_").size() + 32);
  Restart();
  EXPECT_EQ(engine().epoch(), epoch);
}

}  // namespace
}  // namespace bursar
