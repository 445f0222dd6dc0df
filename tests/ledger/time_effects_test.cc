// What time alone does: dues, their order, and at most so many at a time.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Rules: T3
TEST(Dues, AreNoneWhereNothingIsDue) {
  TestWallet wallet("api");
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture());
  EXPECT_TRUE(
      DueEntries(wallet.wallet(), {absl::InfiniteFuture(), &TestPlans(), &TestZones()}).empty());
  wallet.Grant(Dollars(1), Start() + absl::Hours(1));
  EXPECT_EQ(wallet.header().NextDue(), Start() + absl::Hours(1));
  EXPECT_TRUE(DueEntries(wallet.wallet(), {Start() + absl::Minutes(59), &TestPlans(), &TestZones()})
                  .empty());
}

// Rules: T3
TEST(Dues, AreJournaledOldestFirstBeforeTheNextDecision) {
  TestWallet wallet("team");
  wallet.AddMember("ann", "premium").Grant(Dollars(1), At("2026-11-20T00:00:00Z"));
  wallet.Grant(Dollars(2), At("2026-11-05T00:00:00Z"));
  wallet.MoveToTier("ann", "standard");  // On 8 November, 10:00.
  UpdateOrganizationCommand command;
  command.time_zone = "Europe/Berlin";  // On 6 December, 10:00.
  wallet.Do(command);
  const size_t before = wallet.entries().size();
  wallet.MoveTo(At("2027-01-01T00:00:00Z")).Check("ann");
  ASSERT_EQ(wallet.entries().size(), before + 5);
  const auto& entries = wallet.entries();
  EXPECT_EQ(std::get<CreditExpired>(entries[before].body).amount, Dollars(2));
  EXPECT_TRUE(std::get<PendingChangeApplied>(entries[before + 1].body).seat.has_value());
  EXPECT_EQ(std::get<CreditExpired>(entries[before + 2].body).amount, Dollars(1));
  EXPECT_EQ(std::get<StatementFinalized>(entries[before + 3].body).totals.expired, Dollars(3));
  EXPECT_TRUE(std::get<PendingChangeApplied>(entries[before + 4].body).settings.has_value());
}

// Rules: T3
TEST(Dues, AreBoundedInOneCommit) {
  TestWallet wallet("api");
  for (int i = 0; i < 3 * kMaxDueEntries / 2; ++i) {
    wallet.Grant(Nanos(i + 1), Start() + absl::Hours(1) + absl::Seconds(i));
  }
  wallet.Advance(absl::Hours(24));
  EXPECT_EQ(DueEntries(wallet.wallet(), wallet.context()).size(),
            static_cast<size_t>(kMaxDueEntries));
  wallet.WriteDues();
  EXPECT_EQ(wallet.Count<CreditExpired>(), 3 * kMaxDueEntries / 2);
  EXPECT_TRUE(wallet.header().grants.empty());
}

// Rules: T3
TEST(Dues, NameTheMembersToLoadWithinTheBound) {
  TestWallet wallet("seats");
  UpsertMembersCommand create;
  UpsertMembersCommand downgrade;
  for (int i = 0; i < kMaxDueEntries + 10; ++i) {
    MemberChange change = ChangeOf("member-" + std::to_string(1000 + i));
    change.tier_id = "premium";
    create.members.push_back(change);
    change.tier_id = "standard";
    downgrade.members.push_back(change);
  }
  wallet.Do(create);
  wallet.Do(downgrade);
  const absl::Time due = wallet.header().NextDue();
  const std::vector<std::string> members = MembersDue(wallet.wallet(), due);
  ASSERT_EQ(members.size(), static_cast<size_t>(kMaxDueEntries));
  EXPECT_EQ(members.front(), "member-1000");
  wallet.MoveTo(due).WriteDues();
  EXPECT_EQ(wallet.header().FindTier("premium")->seats, 0);
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, kMaxDueEntries + 10);
}

// Rules: S1
TEST(Burn, IsKeptByHourAndDayAndBounded) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  for (int hour = 0; hour < 24 * 12; ++hour) {
    wallet.Record("ann", Cents(1));
    wallet.Record("ann", Cents(1));
    wallet.Advance(absl::Hours(1));
  }
  const BurnCounters& burn = wallet.header().burn;
  ASSERT_EQ(burn.hours.size(), 25u);
  ASSERT_EQ(burn.days.size(), 8u);
  EXPECT_EQ(burn.hours.back().spent, Cents(2));
  EXPECT_EQ(burn.hours.back().index, absl::ToUnixSeconds(wallet.now() - absl::Hours(1)) / 3600);
  EXPECT_EQ(burn.days.front().spent, Cents(48));
  // A long pause leaves nothing of what was before it.
  wallet.Advance(absl::Hours(24 * 30)).Record("ann", Cents(5));
  ASSERT_EQ(wallet.header().burn.hours.size(), 1u);
  EXPECT_EQ(wallet.header().burn.hours[0].spent, Cents(5));
  EXPECT_EQ(wallet.header().burn.days.size(), 1u);
}

}  // namespace
}  // namespace bursar
