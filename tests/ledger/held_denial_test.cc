// What a denial says where live holds, and not usage, are in the way; and what an estimate that is
// too large for any time is told.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// The remedy of that kind, or null.
const Remedy* FindRemedy(const Denial& denial, RemedyKind kind) {
  for (const Remedy& remedy : denial.remedies) {
    if (remedy.kind == kind) return &remedy;
  }
  return nullptr;
}

void SetPolicy(TestWallet& wallet, HoldExpiryPolicy policy) {
  UpdateOrganizationCommand command;
  command.hold_expiry_policy = policy;
  wallet.Do(command);
}

// "ann" on the plan where everything is metered and prepaid, with ten of credit.
class HeldBalance : public testing::Test {
 protected:
  HeldBalance() : wallet_("api") { wallet_.AddMember("ann").AddMember("bob").Grant(Dollars(10)); }
  TestWallet wallet_;
};

// Rules: D1, D2, D4, H2
TEST_F(HeldBalance, IsSaidToBeHeldAndUntilWhen) {
  wallet_.PlaceHold("ann", Dollars(10));
  const CheckAdmissionOutcome outcome = wallet_.Check("bob");
  ASSERT_FALSE(outcome.admitted);
  const Denial& denial = *outcome.denial;
  EXPECT_EQ(denial.reason, DenialReason::kBalanceExhausted);
  EXPECT_TRUE(denial.held);
  EXPECT_EQ(denial.http_status, 429);
  EXPECT_TRUE(denial.retry_helps);
  EXPECT_EQ(denial.ends_at, wallet_.now() + absl::Minutes(10));
  EXPECT_EQ(denial.message,
            "Running requests hold the rest of your org's extra usage; try again when they end (by "
            "1 Nov 2026, 10:10 (UTC) at the latest).");
  EXPECT_EQ(
      denial.explanation,
      "No card was declined and no session is lost. It is held, not used up: running requests "
      "hold 10.00 USD, and what they do not use is free again as they end. Trying again helps "
      "then, from 1 Nov 2026, 10:10 (UTC) at the latest.");
  const Remedy* wait = FindRemedy(denial, RemedyKind::kWait);
  ASSERT_NE(wait, nullptr);
  EXPECT_EQ(wait->available_at, denial.ends_at);
  EXPECT_EQ(FindRemedy(denial, RemedyKind::kAskAdmin), nullptr) << "it ends before anybody answers";
  // It is as it says.
  wallet_.MoveTo(denial.ends_at - absl::Nanoseconds(1)).WriteDues();
  EXPECT_FALSE(wallet_.Check("bob").admitted);
  wallet_.MoveTo(denial.ends_at).WriteDues();
  EXPECT_TRUE(wallet_.Check("bob").admitted);
}

// Rules: N3, D3
TEST_F(HeldBalance, OpensNoEpisodeAndTellsNobodyUntilItIsReallyUsedUp) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(10));
  EXPECT_FALSE(wallet_.Check("bob").waits_for_episode);
  EXPECT_EQ(wallet_.Count<EpisodeOpened>(), 0);
  ASSERT_TRUE(wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{hold}).ok());
  EXPECT_TRUE(wallet_.Check("bob").admitted);
  wallet_.Record("ann", Dollars(10));
  const CheckAdmissionOutcome outcome = wallet_.Check("bob");
  EXPECT_TRUE(outcome.waits_for_episode);
  EXPECT_FALSE(outcome.denial->held);
  EXPECT_EQ(outcome.denial->http_status, 402);
  EXPECT_EQ(wallet_.Count<EpisodeOpened>(), 1);
}

// Rules: N3
TEST_F(HeldBalance, DoesNotKeepAnEpisodeOpenThatCreditLifted) {
  wallet_.PlaceHold("ann", Dollars(8));
  wallet_.Record("bob", Dollars(10));
  EXPECT_FALSE(wallet_.Check("bob").denial->held) << "spent alone reaches it";
  EXPECT_TRUE(wallet_.header().episode.has_value());
  wallet_.Grant(Dollars(5));
  EXPECT_FALSE(wallet_.header().episode.has_value());
  const CheckAdmissionOutcome held = wallet_.Check("bob");
  EXPECT_TRUE(held.denial->held) << "the hold has all of the five";
  EXPECT_EQ(wallet_.Count<EpisodeOpened>(), 1);
}

// Rules: D1
TEST_F(HeldBalance, GivesWayToWhatIsUsedUp) {
  // The limit is held, the balance used up: the balance is what has to be said.
  wallet_.LimitOrganization(Dollars(100)).LimitMember("ann", Dollars(5));
  wallet_.PlaceHold("ann", Dollars(5));
  EXPECT_TRUE(wallet_.Check("ann").denial->held);
  wallet_.Record("bob", Dollars(10));
  const Denial denial = *wallet_.Check("ann").denial;
  EXPECT_EQ(denial.reason, DenialReason::kBalanceExhausted);
  EXPECT_FALSE(denial.held);
  EXPECT_EQ(denial.ends_at, absl::InfiniteFuture());
}

// Rules: D2, D4
TEST_F(HeldBalance, EndsWithTheFirstHoldThatMakesRoomEnough) {
  const auto hold = [&](Nanos amount, absl::Duration ttl) {
    CheckAdmissionCommand command = CheckOf("ann");
    command.estimate = amount;
    command.mode = AdmissionMode::kHold;
    command.hold_ttl = ttl;
    wallet_.Check(command);
  };
  hold(Dollars(2), absl::Minutes(30));
  hold(Dollars(3), absl::Minutes(5));
  hold(Dollars(5), absl::Seconds(50));
  EXPECT_EQ(wallet_.Check("bob").denial->ends_at, wallet_.now() + absl::Seconds(50));
  EXPECT_EQ(wallet_.Check("bob", Dollars(5)).denial->ends_at, wallet_.now() + absl::Seconds(50));
  EXPECT_EQ(wallet_.Check("bob", Dollars(6)).denial->ends_at, wallet_.now() + absl::Minutes(5));
  EXPECT_EQ(wallet_.Check("bob", Dollars(9)).denial->ends_at, wallet_.now() + absl::Minutes(30));
  const Denial too_large = *wallet_.Check("bob", Dollars(11)).denial;
  EXPECT_EQ(too_large.reason, DenialReason::kHoldDoesNotFit);
  EXPECT_FALSE(too_large.held);
  EXPECT_EQ(too_large.ends_at, absl::InfiniteFuture());
  EXPECT_EQ(too_large.message,
            "This request, estimated at 11.00 USD, is larger than what is left: 10.00 USD, all of "
            "it held by running requests.");
  const Remedy* smaller = FindRemedy(too_large, RemedyKind::kSmallerEstimate);
  ASSERT_NE(smaller, nullptr);
  EXPECT_EQ(smaller->amount, Dollars(10));
  EXPECT_EQ(smaller->description, "Ask for 10.00 USD at most, once running requests have ended.");
}

// Rules: D2, H2
TEST_F(HeldBalance, SaysHowMuchOfAnEstimateFitsNow) {
  wallet_.PlaceHold("ann", Dollars(7));
  const Denial denial = *wallet_.Check("bob", Dollars(8)).denial;
  EXPECT_EQ(denial.reason, DenialReason::kHoldDoesNotFit);
  EXPECT_TRUE(denial.held);
  EXPECT_EQ(denial.message,
            "Running requests hold so much of your org's extra usage that only 3.00 USD fit now; "
            "try again when they end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
  EXPECT_EQ(denial.remedies.front().kind, RemedyKind::kSmallerEstimate);
  EXPECT_EQ(denial.remedies.front().amount, Dollars(3));
  EXPECT_TRUE(wallet_.Check("bob", Dollars(3)).admitted);
}

// Rules: D2, H5
TEST_F(HeldBalance, PromisesNoEndByTimeWhereExpiredHoldsAreCaptured) {
  SetPolicy(wallet_, HoldExpiryPolicy::kCapture);
  wallet_.PlaceHold("ann", Dollars(10));
  const Denial denial = *wallet_.Check("bob").denial;
  EXPECT_TRUE(denial.held);
  EXPECT_TRUE(denial.retry_helps) << "it may be settled for less at any moment";
  EXPECT_EQ(denial.ends_at, absl::InfiniteFuture());
  EXPECT_EQ(denial.message,
            "Running requests hold the rest of your org's extra usage; try again when they end.");
  EXPECT_EQ(FindRemedy(denial, RemedyKind::kWait), nullptr);
}

// Rules: D1, D2, H5
TEST(HeldLimit, ThatIsCapturedIsFreeAgainWithTheMonth) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(5));
  SetPolicy(wallet, HoldExpiryPolicy::kCapture);
  wallet.PlaceHold("ann", Dollars(5));
  const Denial denial = *wallet.Check("ann").denial;
  EXPECT_TRUE(denial.held);
  EXPECT_EQ(denial.ends_at, At("2026-12-01T00:00:00Z"));
}

// Rules: D1, D2
TEST(HeldLimit, OfEveryScopeSaysWhoseItIs) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(5)).LimitTier("basic", Dollars(9));
  wallet.PlaceHold("ann", Dollars(5));
  EXPECT_EQ(wallet.Check("ann").denial->message,
            "Running requests hold the rest of your spend limit of 5.00 USD; try again when they "
            "end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
  wallet.LimitMember("ann", std::nullopt).LimitTier("basic", Dollars(5));
  EXPECT_EQ(wallet.Check("ann").denial->message,
            "Running requests hold the rest of your seat tier's spend limit of 5.00 USD; try again "
            "when they end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
  wallet.LimitTier("basic", std::nullopt).LimitOrganization(Dollars(5));
  const CheckAdmissionOutcome outcome = wallet.Check("ann");
  EXPECT_EQ(outcome.denial->reason, DenialReason::kOrganizationLimitReached);
  EXPECT_TRUE(outcome.denial->held);
  EXPECT_FALSE(outcome.waits_for_episode);
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 0);
}

// Rules: B3, D2
TEST(HeldWindow, IsNotUsedUp) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").PlaceHold("ann", Dollars(25));
  const Denial denial = *wallet.Check("ann").denial;
  EXPECT_EQ(denial.reason, DenialReason::kExtraUsageDisabled);
  EXPECT_TRUE(denial.held);
  EXPECT_EQ(denial.bucket, Bucket::kIncluded);
  EXPECT_EQ(denial.message,
            "Running requests hold the rest of your monthly included usage (25.00 USD), and extra "
            "usage is off. Try again when they end (by 1 Nov 2026, 10:10 (UTC) at the latest).");
  EXPECT_EQ(denial.ends_at, wallet.now() + absl::Minutes(10));
  EXPECT_EQ(FindRemedy(denial, RemedyKind::kHigherSeat), nullptr);
}

// Rules: D2, H2
TEST(LargeEstimate, ThatNoWindowEverHoldsHasNoEnd) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  const Denial denial = *wallet.Check("ann", Dollars(30)).denial;
  EXPECT_EQ(denial.reason, DenialReason::kExtraUsageDisabled);
  EXPECT_EQ(denial.ends_at, absl::InfiniteFuture());
  EXPECT_EQ(denial.message,
            "This request, estimated at 30.00 USD, is larger than what is left of your monthly "
            "included usage (25.00 USD): 25.00 USD, and extra usage is off.");
  EXPECT_EQ(FindRemedy(denial, RemedyKind::kWait), nullptr);
  EXPECT_EQ(denial.remedies.front().kind, RemedyKind::kSmallerEstimate);
  EXPECT_EQ(denial.remedies.front().amount, Dollars(25));
  EXPECT_EQ(denial.remedies.front().description, "Ask for 25.00 USD at most, which fits now.");
  EXPECT_NE(denial.explanation.find("At most 25.00 USD fit now."), std::string::npos);
  EXPECT_TRUE(wallet.Check("ann", Dollars(25)).admitted);
}

// Rules: D2, H2
TEST(LargeEstimate, ThatFitsTheNextWindowEndsWithIt) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(10));
  const Denial denial = *wallet.Check("ann", Dollars(20)).denial;
  EXPECT_EQ(denial.ends_at, At("2026-12-01T10:00:00Z"));
  EXPECT_NE(FindRemedy(denial, RemedyKind::kWait), nullptr);
  EXPECT_EQ(wallet.Check("ann", Dollars(26)).denial->ends_at, absl::InfiniteFuture());
}

// Rules: D2, X6
TEST(LargeEstimate, IsToldHowMuchCreditLetsItThroughAndWhatIsInTheWayThen) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(4));
  CheckAdmissionCommand command = CheckOf("ann");
  command.estimate = Dollars(9);
  command.mode = AdmissionMode::kHold;
  const Remedy buy = *FindRemedy(*wallet.Check(command).denial, RemedyKind::kBuyCredit);
  EXPECT_EQ(buy.cost, Dollars(5));
  EXPECT_EQ(buy.description,
            "An owner or the billing contact can buy credit: 5.00 USD at least; this request is "
            "admitted at once then.");
  command.estimate = Dollars(150);
  EXPECT_EQ(FindRemedy(*wallet.Check(command).denial, RemedyKind::kBuyCredit)->description,
            "An owner or the billing contact can buy credit: 146.00 USD at least; the largest "
            "single hold, 100.00 USD, is in the way then.");
  wallet.LimitMember("ann", Dollars(8));
  command.estimate = Dollars(9);
  EXPECT_EQ(FindRemedy(*wallet.Check(command).denial, RemedyKind::kRaiseLimit)->description,
            "An owner or admin can raise your spend limit to 9.00 USD at least; the balance is too "
            "small then.");
}

// Rules: X6
TEST(Blockers, TellWhatIsHeldFromWhatIsUsedUp) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10)).PlaceHold("ann", Dollars(10));
  std::vector<Blocker> blockers = OrganizationBlockers(wallet.header(), wallet.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_TRUE(blockers[0].held);
  EXPECT_EQ(blockers[0].message,
            "Running requests hold the rest of the prepaid balance, 10.00 USD; it is free again as "
            "they end.");
  wallet.Record("ann", Dollars(10));
  blockers = OrganizationBlockers(wallet.header(), wallet.context());
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_FALSE(blockers[0].held);
}

}  // namespace
}  // namespace bursar
