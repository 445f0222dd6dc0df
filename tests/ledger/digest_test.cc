// The daily digest: due at nine in the organization's own morning, while anything waits.
#include "server/ledger/digest.h"

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

class Waiting final : public OutstandingRequests {
 public:
  explicit Waiting(int64_t count) : count_(count) {}
  int64_t Count(const WalletHeader&) const override { return count_; }

 private:
  const int64_t count_;
};

Zone ZoneNamed(const char* name) {
  const auto zone = TestZones().Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ok() ? *zone : Zone();
}

// What is due where so many requests wait.
std::vector<EntryBody> Due(const TestWallet& wallet, const OutstandingRequests& outstanding) {
  DecisionContext context = wallet.context();
  context.outstanding = &outstanding;
  std::vector<EntryBody> bodies;
  for (DueEntry& due : DueEntries(wallet.wallet(), context)) bodies.push_back(std::move(due.body));
  return bodies;
}

OrganizationSettings In(const char* zone) {
  OrganizationSettings settings;
  settings.time_zone = zone;
  return settings;
}

// Rules: Q4, T4
TEST(Digest, IsDueAtNineOnTheWallOfTheOrganizationDaylightSavingIncluded) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  EXPECT_EQ(NextDigestAt(At("2026-01-10T07:59:59Z"), berlin), At("2026-01-10T08:00:00Z"));
  EXPECT_EQ(NextDigestAt(At("2026-01-10T08:00:00Z"), berlin), At("2026-01-11T08:00:00Z"));
  // Clocks go forward on 29 March 2026 and back on 25 October.
  EXPECT_EQ(NextDigestAt(At("2026-03-28T12:00:00Z"), berlin), At("2026-03-29T07:00:00Z"));
  EXPECT_EQ(NextDigestAt(At("2026-10-24T12:00:00Z"), berlin), At("2026-10-25T08:00:00Z"));
  EXPECT_EQ(NextDigestAt(At("2026-01-10T00:00:00Z"), ZoneNamed("Pacific/Auckland")),
            At("2026-01-10T20:00:00Z"));
  // Apia had no 30 December 2011.
  EXPECT_EQ(NextDigestAt(At("2011-12-29T20:00:00Z"), ZoneNamed("Pacific/Apia")),
            At("2011-12-30T19:00:00Z"));
}

// Rules: Q4, T3
TEST(Digest, TheFirstRequestPlansItAndTheLastDecisionCancelsIt) {
  TestWallet wallet("team", In("Europe/Berlin"));
  std::vector<EntryBody> bodies;
  AppendDigestSchedule(wallet.header(), 0, wallet.context(), bodies);
  EXPECT_TRUE(bodies.empty());
  AppendDigestSchedule(wallet.header(), 1, wallet.context(), bodies);
  ASSERT_EQ(bodies.size(), 1u);
  wallet.Commit(bodies);
  EXPECT_EQ(wallet.header().next_digest, At("2026-11-02T08:00:00Z"));
  EXPECT_EQ(wallet.header().NextDue(), At("2026-11-02T08:00:00Z"));
  bodies.clear();
  AppendDigestSchedule(wallet.header(), 2, wallet.context(), bodies);
  EXPECT_TRUE(bodies.empty()) << "it is planned already";
  AppendDigestSchedule(wallet.header(), 0, wallet.context(), bodies);
  ASSERT_EQ(bodies.size(), 1u);
  wallet.Commit(bodies);
  EXPECT_EQ(wallet.header().next_digest, absl::InfiniteFuture());
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture());
}

// Rules: Q4, T3
TEST(Digest, FallsDueEveryMorningWhileSomethingWaitsAndOnceAfterALongNight) {
  const Waiting three(3);
  TestWallet wallet("team", In("Europe/Berlin"));
  std::vector<EntryBody> bodies;
  AppendDigestSchedule(wallet.header(), 3, wallet.context(), bodies);
  wallet.Commit(bodies);
  wallet.MoveTo(At("2026-11-02T07:59:59Z"));
  EXPECT_TRUE(Due(wallet, three).empty());
  wallet.MoveTo(At("2026-11-02T08:00:00Z"));
  bodies = Due(wallet, three);
  ASSERT_EQ(bodies.size(), 1u);
  const auto& due = std::get<DigestScheduled>(bodies[0]);
  EXPECT_TRUE(due.is_due);
  EXPECT_EQ(due.outstanding, 3);
  EXPECT_EQ(due.next, At("2026-11-03T08:00:00Z"));
  wallet.Commit(bodies);
  EXPECT_TRUE(Due(wallet, three).empty());
  // Nobody was there for a week: one digest, not seven.
  wallet.MoveTo(At("2026-11-10T11:00:00Z"));
  bodies = Due(wallet, three);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(std::get<DigestScheduled>(bodies[0]).next, At("2026-11-11T08:00:00Z"));
  wallet.Commit(bodies);
}

// Rules: Q4
TEST(Digest, WhereNothingWaitsAnyMoreItEndsWithoutAWord) {
  TestWallet wallet("team");
  std::vector<EntryBody> bodies;
  AppendDigestSchedule(wallet.header(), 1, wallet.context(), bodies);
  wallet.Commit(bodies);
  wallet.MoveTo(At("2026-11-02T09:00:00Z"));
  const Waiting none(0);
  bodies = Due(wallet, none);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_FALSE(std::get<DigestScheduled>(bodies[0]).is_due);
  wallet.Commit(bodies);
  EXPECT_EQ(wallet.header().next_digest, absl::InfiniteFuture());
}

// Rules: N2
TEST(EventFilters, LetThroughWhatTheyNameOrAllOfAKind) {
  EXPECT_TRUE(EventPasses({}, "limit.runaway"));
  EXPECT_TRUE(EventPasses({"payment.*", "limit.runaway"}, "limit.runaway"));
  EXPECT_TRUE(EventPasses({"limit.*"}, "limit.runaway"));
  EXPECT_FALSE(EventPasses({"limit.*"}, "limits.runaway"));
  EXPECT_FALSE(EventPasses({"limit"}, "limit.runaway"));
  for (const char* good : {"a", "a.b", "extra_usage.*", "a.b.*", "balance.low"}) {
    EXPECT_TRUE(IsEventFilter(good)) << good;
  }
  for (const char* bad : {"", "*", ".a", "a.", "a..b", "A", "a.*.b", "a*", "a b", "a.*x"}) {
    EXPECT_FALSE(IsEventFilter(bad)) << bad;
  }
}

}  // namespace
}  // namespace bursar
