// The daily digest: due at nine in the organization's own morning, while anything waits.
#include "server/ledger/digest.h"

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

Zone ZoneNamed(const char* name) {
  const auto zone = TestZones().Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ok() ? *zone : Zone();
}

// What is due now.
std::vector<EntryBody> Due(const TestWallet& wallet) {
  std::vector<EntryBody> bodies;
  for (DueEntry& due : DueEntries(wallet.wallet(), wallet.context())) {
    bodies.push_back(std::move(due.body));
  }
  return bodies;
}

// A member who asks for extra usage; the request.
int64_t Ask(TestWallet& wallet, const std::string& member_id) {
  wallet.AddMember(member_id);
  CreateIncreaseRequestCommand command;
  command.member_id = member_id;
  command.surface = "chat";
  return wallet.Do(command).request->sequence;
}

DenyIncreaseRequestCommand DenialOf(int64_t request) { return {request, {}, "not now"}; }

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
  TestWallet wallet("seats", In("Europe/Berlin"));
  EXPECT_EQ(wallet.header().next_digest, absl::InfiniteFuture());
  const int64_t first = Ask(wallet, "ann");
  EXPECT_EQ(wallet.header().next_digest, At("2026-11-02T08:00:00Z"));
  EXPECT_EQ(wallet.header().NextDue(), At("2026-11-02T08:00:00Z"));
  const int64_t second = Ask(wallet, "bob");
  wallet.Do(DenialOf(first));
  EXPECT_EQ(wallet.Count<DigestScheduled>(), 1) << "it is planned already";
  EXPECT_EQ(wallet.header().next_digest, At("2026-11-02T08:00:00Z"));
  wallet.Do(CancelIncreaseRequestCommand{second, "bob"});
  EXPECT_EQ(wallet.Count<DigestScheduled>(), 2);
  EXPECT_EQ(wallet.header().next_digest, absl::InfiniteFuture());
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture());
}

// Rules: Q2, Q4
TEST(Digest, IsCancelledAlsoWhereSomethingElseEndsTheLastRequest) {
  TestWallet wallet("seats");
  Ask(wallet, "ann");
  Ask(wallet, "bob");
  wallet.SetStatus("ann", AccountStatus::kRemoved);
  EXPECT_NE(wallet.header().next_digest, absl::InfiniteFuture());
  wallet.ExtraForEveryone();
  EXPECT_EQ(wallet.header().open_request_count, 0);
  EXPECT_EQ(wallet.header().next_digest, absl::InfiniteFuture());
}

// Rules: Q4, T3
TEST(Digest, FallsDueEveryMorningWhileSomethingWaitsAndOnceAfterALongNight) {
  TestWallet wallet("seats", In("Europe/Berlin"));
  for (const char* member : {"ann", "bob", "cid"}) Ask(wallet, member);
  wallet.MoveTo(At("2026-11-02T07:59:59Z"));
  EXPECT_TRUE(Due(wallet).empty());
  wallet.MoveTo(At("2026-11-02T08:00:00Z"));
  std::vector<EntryBody> bodies = Due(wallet);
  ASSERT_EQ(bodies.size(), 1u);
  const auto& due = std::get<DigestScheduled>(bodies[0]);
  EXPECT_TRUE(due.is_due);
  EXPECT_EQ(due.outstanding, 3);
  EXPECT_EQ(due.next, At("2026-11-03T08:00:00Z"));
  wallet.Commit(bodies);
  EXPECT_TRUE(Due(wallet).empty());
  // Nobody was there for a week: one digest, not seven.
  wallet.MoveTo(At("2026-11-10T11:00:00Z"));
  bodies = Due(wallet);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(std::get<DigestScheduled>(bodies[0]).next, At("2026-11-11T08:00:00Z"));
  wallet.Commit(bodies);
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
