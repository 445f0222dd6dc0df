// Explanations: the rules that decided, and that deciding again gives the same.
#include "server/ledger/explanation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

std::vector<std::string> RulesOf(const Explanation& explanation) {
  std::vector<std::string> rules;
  for (const ExplainedStep& step : explanation.steps) rules.push_back(step.rule);
  return rules;
}

bool Names(const Explanation& explanation, const std::string& rule) {
  const std::vector<std::string> rules = RulesOf(explanation);
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

// The last charge of a wallet, explained on what came before it.
Explanation ExplainLastCharge(const TestWallet& wallet) {
  const int64_t sequence = wallet.LastCharge();
  std::vector<Entry> before(wallet.entries().begin(), wallet.entries().begin() + sequence - 1);
  const Entry& entry = wallet.entries()[sequence - 1];
  return ExplainCharge(Fold(before), std::get<UsageCharged>(entry.body),
                       {entry.recorded_at, &TestPlans(), &TestZones()});
}

// Rules: S5, B1, B8, X2
TEST(Explanation, OfASplitChargeNamesTheBucketsAndTheCredit) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(2));
  wallet.Record("ann", Dollars(8));  // 5 are included.
  const Explanation explanation = ExplainLastCharge(wallet);
  EXPECT_TRUE(explanation.reproduced);
  for (const char* rule : {"T1", "B7", "B1", "X1", "R4", "B8", "X2", "H7"}) {
    EXPECT_TRUE(Names(explanation, rule)) << rule;
  }
  EXPECT_FALSE(explanation.evaluations.empty());
}

// Rules: S5, H3, H4
TEST(Explanation, OfAHoldAndItsSettlementNameTheReservation) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10));
  const int64_t sequence = wallet.PlaceHold("ann", Dollars(4));
  const Entry placed = wallet.entries()[sequence - 1];
  std::vector<Entry> before(wallet.entries().begin(), wallet.entries().begin() + sequence - 1);
  Explanation explanation = ExplainHold(Fold(before), std::get<HoldPlaced>(placed.body).hold,
                                        {placed.recorded_at, &TestPlans(), &TestZones()});
  EXPECT_TRUE(explanation.reproduced);
  EXPECT_TRUE(explanation.admitted);
  EXPECT_TRUE(Names(explanation, "H2"));
  EXPECT_TRUE(Names(explanation, "H3"));
  wallet.Settle(sequence, Dollars(5));
  explanation = ExplainLastCharge(wallet);
  EXPECT_TRUE(explanation.reproduced);
  EXPECT_TRUE(Names(explanation, "H4"));
  EXPECT_TRUE(Names(explanation, "H7"));
}

// Rules: S5, D1, L2
TEST(Explanation, OfADenialNamesTheLimitAndIsTheDenial) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(1)).Record("ann", Dollars(1));
  const CheckAdmissionOutcome check = wallet.Check("ann");
  const Explanation explanation = ExplainCheck(wallet.wallet(), CheckOf("ann"), wallet.context());
  ASSERT_TRUE(explanation.denial.has_value());
  EXPECT_EQ(explanation.denial->reason, check.denial->reason);
  EXPECT_EQ(explanation.denial->ends_at, check.denial->ends_at);
  EXPECT_TRUE(Names(explanation, "L2"));
  EXPECT_TRUE(Names(explanation, "D1"));
  EXPECT_TRUE(Names(explanation, "D2"));
}

// Rules: S5
TEST(Explanation, OfEveryDrawnChargeGivesTheSameOutcomeAgain) {
  std::random_device device;
  const uint64_t seed = device();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  for (const char* plan : {"team", "seats", "usage", "api"}) {
    TestWallet wallet(plan);
    wallet.AddMember("ann").AddMember("bob");
    if (plan != std::string("usage") && plan != std::string("api")) wallet.ExtraForEveryone();
    for (int i = 0; i < 40; ++i) {
      wallet.Advance(absl::Minutes(static_cast<int64_t>(random() % 5000)));
      const std::string member = random() % 2 == 0 ? "ann" : "bob";
      const Nanos cost = Cents(static_cast<int64_t>(random() % 400));
      if (random() % 5 == 0 && plan != std::string("seats") && plan != std::string("usage")) {
        wallet.Grant(Cents(300));
      }
      if (random() % 4 == 0) {
        const CheckAdmissionOutcome held = wallet.CheckToHold(member, cost);
        if (!held.hold.has_value()) continue;
        wallet.Settle(held.hold->sequence, Cents(static_cast<int64_t>(random() % 400)));
      } else {
        wallet.Record(member, cost);
      }
      EXPECT_TRUE(ExplainLastCharge(wallet).reproduced) << plan << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace bursar
