// Episodes: the stretch between the organization's pool running out and it being lifted.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// A prepaid wallet whose balance is empty.
void Empty(TestWallet& wallet) {
  wallet.AddMember("ann").AddMember("bob").ExtraForEveryone().Grant(Dollars(1));
  wallet.Record("ann", Dollars(26));
}

std::vector<std::string> EndCauses(const TestWallet& wallet) {
  std::vector<std::string> causes;
  for (const EpisodeEnded& ended : wallet.Bodies<EpisodeEnded>()) causes.push_back(ended.cause);
  return causes;
}

// Rules: N1, N3, D3
TEST(Episode, IsOpenedOnceByTheFirstDenialOfThePool) {
  TestWallet wallet("team");
  Empty(wallet);
  EXPECT_FALSE(wallet.header().episode.has_value()) << "a record opens none";
  CheckAdmissionCommand command = CheckOf("ann", "claude-code");
  const CheckAdmissionOutcome first = wallet.Check(command);
  EXPECT_TRUE(first.waits_for_episode);
  wallet.Check("ann");
  wallet.Advance(absl::Hours(1)).Check("bob");
  wallet.Check(CheckOf("bob", "batch"));
  const std::vector<EpisodeOpened> opened = wallet.Bodies<EpisodeOpened>();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_TRUE(opened[0].balance);
  EXPECT_EQ(opened[0].member_id, "ann");
  EXPECT_EQ(opened[0].surface, "claude-code");
  EXPECT_EQ(wallet.header().episode->opened_at, Start());
}

// Rules: D3, N3
TEST(Episode, IsNotOpenedByOtherDenials) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(25));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kExtraUsageDisabled);
  wallet.ExtraFor({});
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kMemberNotSelected);
  wallet.ExtraForEveryone().LimitMember("ann", Nanos());
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kMemberLimitReached);
  wallet.LimitTier("standard", Nanos()).LimitMember("ann", std::nullopt);
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kSeatTierLimitReached);
  wallet.LimitTier("standard", std::nullopt).LimitOrganization(Dollars(5));
  const CheckAdmissionOutcome does_not_fit = wallet.Check("ann", Dollars(6));
  EXPECT_EQ(does_not_fit.denial->reason, DenialReason::kHoldDoesNotFit);
  EXPECT_FALSE(does_not_fit.waits_for_episode);
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 0);
}

// Rules: H8, D3
TEST(Episode, IsNotOpenedByAValidatingCheck) {
  TestWallet wallet("team");
  Empty(wallet);
  CheckAdmissionCommand command = CheckOf("ann");
  command.validate_only = true;
  EXPECT_FALSE(wallet.Check(command).admitted);
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 0);
}

// Rules: N3, X5
TEST(Episode, EndsByCreditAndCanOpenAgain) {
  TestWallet wallet("team");
  Empty(wallet);
  wallet.Check("ann");
  wallet.Grant(Dollars(30));
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"credit"}));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  wallet.Record("ann", Dollars(30));
  wallet.Check("ann");
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 2);
}

// Rules: N3, X2
TEST(Episode, IsNotEndedByCreditThatOverdraftSwallows) {
  TestWallet wallet("team");
  Empty(wallet);
  wallet.Record("ann", Dollars(10));
  wallet.Check("ann");
  wallet.Grant(Dollars(5));
  EXPECT_TRUE(wallet.header().episode.has_value());
  wallet.Grant(wallet.header().overdraft.ToNanos().value());
  EXPECT_TRUE(wallet.header().episode.has_value()) << "repaid, but nothing is left";
  wallet.Grant(Nanos(1));
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"credit"}));
}

// Rules: N3
TEST(Episode, EndsByARaisedLimit) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(5)).Record("ann", Dollars(6));
  wallet.Check("ann");
  EXPECT_FALSE(wallet.header().episode->balance);
  wallet.LimitOrganization(Dollars(6));
  EXPECT_TRUE(wallet.header().episode.has_value()) << "still reached";
  wallet.LimitMember("ann", Dollars(100));
  EXPECT_TRUE(wallet.header().episode.has_value()) << "another scope's limit is no help";
  wallet.LimitOrganization(Dollars(7));
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"limit"}));
}

// Rules: N3
TEST(Episode, StaysWhileAnotherBlockerOfThePoolRemains) {
  TestWallet wallet("team");
  Empty(wallet);
  wallet.LimitOrganization(Dollars(1));
  wallet.Check("ann");
  wallet.Grant(Dollars(50));
  EXPECT_TRUE(wallet.header().episode.has_value()) << "the limit is reached too";
  wallet.LimitOrganization(std::nullopt);
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"limit"}));
}

// Rules: N3
TEST(Episode, EndsWhenExtraUsageIsSwitchedOff) {
  TestWallet wallet("team");
  Empty(wallet);
  wallet.Check("ann");
  wallet.ExtraFor({"bob"});
  EXPECT_TRUE(wallet.header().episode.has_value());
  wallet.ExtraOff();
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"settings"}));
}

// Rules: N3, T3
TEST(Episode, OfALimitEndsAtTheMonthsEndWithoutAnybodyAsking) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(5)).Record("ann", Dollars(5));
  EXPECT_EQ(wallet.header().PoolReopensAt(), absl::InfiniteFuture());
  wallet.Check("ann");
  EXPECT_EQ(wallet.header().PoolReopensAt(), At("2026-12-01T00:00:00Z"));
  const absl::Time month_end = At("2026-12-01T00:00:00Z");
  EXPECT_EQ(wallet.header().NextDue(), month_end);
  wallet.MoveTo(month_end - absl::Nanoseconds(1)).WriteDues();
  EXPECT_TRUE(wallet.header().episode.has_value());
  wallet.MoveTo(month_end).WriteDues();
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"period"}));
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture());
  EXPECT_TRUE(wallet.Check("ann").admitted);
}

// Rules: N3, T3
TEST(Episode, OfAnEmptyBalanceOutlivesTheMonth) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).Record("ann", Dollars(1));
  wallet.Check("ann");
  wallet.MoveTo(At("2026-12-02T00:00:00Z")).WriteDues();
  EXPECT_TRUE(wallet.header().episode.has_value());
  wallet.Record("ann", Dollars(1));
  EXPECT_TRUE(wallet.header().episode.has_value()) << "a new month's first charge is no help";
}

// Rules: N3, T3
TEST(Episode, OfABalanceThatNeverWasOutlivesTheMonthUnderALimit) {
  TestWallet wallet("solo");
  wallet.AddMember("ann").ExtraForEveryone().LimitOrganization(Dollars(50));
  wallet.Record("ann", Dollars(20));
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
  EXPECT_EQ(wallet.header().PoolReopensAt(), absl::InfiniteFuture());
  wallet.MoveTo(At("2026-12-02T00:00:00Z")).WriteDues();
  EXPECT_TRUE(wallet.header().episode.has_value());
}

// Rules: N3
TEST(Episode, OfALimitOfZeroOutlivesTheMonth) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Nanos()).Record("ann", Dollars(1));
  wallet.Check("ann");
  wallet.MoveTo(At("2026-12-02T00:00:00Z")).WriteDues();
  EXPECT_TRUE(wallet.header().episode.has_value());
  wallet.LimitOrganization(Dollars(1));
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"limit"}));
}

// Rules: N3, T3
TEST(Episode, OfALimitStaysWhenTheCreditExpiresBeforeTheMonthsEnd) {
  for (const std::string expiry : {"2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z"}) {
    TestWallet wallet("api");
    wallet.AddMember("ann").Grant(Dollars(50), At(expiry)).LimitOrganization(Dollars(5));
    wallet.Record("ann", Dollars(5));
    wallet.Check("ann");
    // Nobody comes until long after both.
    wallet.MoveTo(At("2026-12-05T00:00:00Z")).WriteDues();
    EXPECT_EQ(wallet.Count<CreditExpired>(), 1);
    EXPECT_TRUE(wallet.header().episode.has_value()) << "the balance is empty, expiry " << expiry;
    EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
    wallet.Grant(Dollars(1));
    EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"credit"}));
  }
}

// Rules: N3, T3
TEST(Episode, OfALimitEndsBeforeCreditExpiresLater) {
  TestWallet wallet("api");
  wallet.AddMember("ann");
  wallet.Grant(Dollars(9), At("2026-11-20T00:00:00Z"))
      .Grant(Dollars(50), At("2026-12-03T00:00:00Z"));
  wallet.LimitOrganization(Dollars(5)).Record("ann", Dollars(5));
  wallet.Check("ann");
  wallet.MoveTo(At("2026-12-05T00:00:00Z")).WriteDues();
  std::vector<std::string> order;
  for (const Entry& entry : wallet.entries()) {
    if (std::holds_alternative<CreditExpired>(entry.body)) order.push_back("expired");
    if (std::holds_alternative<EpisodeEnded>(entry.body)) order.push_back("ended");
  }
  EXPECT_EQ(order, (std::vector<std::string>{"expired", "ended", "expired"}));
  wallet.Check("ann");
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 2) << "now the balance is empty: a new episode";
}

// Rules: N3, T3
TEST(Episode, ThatBeganWithTheBalanceEndsWithTheMonthOnceOnlyTheLimitIsLeft) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(5)).Record("ann", Dollars(5));
  wallet.Check("ann");
  EXPECT_TRUE(wallet.header().episode->balance);
  wallet.LimitOrganization(Dollars(5)).Grant(Dollars(50));
  EXPECT_TRUE(wallet.header().episode.has_value());
  EXPECT_EQ(wallet.header().NextDue(), At("2026-12-01T00:00:00Z"));
  wallet.MoveTo(At("2026-12-01T00:00:00Z")).WriteDues();
  EXPECT_EQ(EndCauses(wallet), (std::vector<std::string>{"period"}));
}

}  // namespace
}  // namespace bursar
