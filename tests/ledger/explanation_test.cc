// Explanations: the rules that decided, and that deciding again gives the same.
#include "server/ledger/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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

// What a check of ann is explained as.
std::string WordsOfCheck(const TestWallet& wallet, const CheckAdmissionCommand& command) {
  std::string words;
  const Explanation explanation = ExplainCheck(wallet.wallet(), command, wallet.context());
  for (const ExplainedStep& step : explanation.steps) words += step.rule + " " + step.text + "\n";
  return words;
}

// Rules: S5, X1, B7, B9, D1
TEST(Explanation, SaysWhatKeepsExtraUsageFromAMember) {
  using ::testing::HasSubstr;
  TestWallet wallet("team");
  wallet.AddMember("ann").AddMember("bob").Grant(Dollars(10));
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("ann")),
              HasSubstr("X1 Beyond it, extra usage is switched off"));
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("ann")), HasSubstr("drawing included usage first"));
  wallet.ExtraFor({"bob"});
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("ann")), HasSubstr("this one is not selected"));
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("bob")), HasSubstr("extra usage is permitted"));
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("bob", "batch")),
              HasSubstr("B7 Included usage does not apply"));
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("bob", "batch")),
              HasSubstr("drawing extra usage first"));
  wallet.LimitMember("bob", Nanos());
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("bob")), HasSubstr("B8 A spend limit of zero applies"));
  wallet.SetStatus("ann", AccountStatus::kSuspended);
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("ann")), HasSubstr("D1 The member is suspended"));
  UpdateOrganizationCommand suspend;
  suspend.status = AccountStatus::kSuspended;
  wallet.Do(suspend);
  EXPECT_THAT(WordsOfCheck(wallet, CheckOf("", "")), HasSubstr("D1 The organization is suspended"));
}

// Rules: S5, D1, H2
TEST(Explanation, SaysThatLiveHoldsAloneAreInTheWay) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(4)).PlaceHold("ann", Dollars(4));
  CheckAdmissionCommand command = CheckOf("ann");
  command.estimate = Dollars(1);
  command.mode = AdmissionMode::kHold;
  const std::string words = WordsOfCheck(wallet, command);
  EXPECT_THAT(words, testing::HasSubstr("Live holds alone are in the way"));
  command.mode = AdmissionMode::kHoldUpToAvailable;
  EXPECT_THAT(WordsOfCheck(wallet, command), testing::HasSubstr("Any headroom at all is enough"));
  // Once it has expired and that is written.
  wallet.MoveTo(wallet.header().next_hold_expiry + absl::Seconds(1)).AddMember("bob");
  EXPECT_THAT(WordsOfCheck(wallet, command), testing::HasSubstr("drawing metered usage first"));
}

// A charge that differs from what is decided in one thing.
// Rules: S5
TEST(Explanation, OfAChargeThatWasNotDecidedSoSaysThatItIsNotReproduced) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(2));
  const Wallet before = wallet.wallet();
  wallet.Record("ann", Dollars(8));
  const DecisionContext context = wallet.context();
  const Wallet prepared = Fold({wallet.entries().begin(), wallet.entries().end() - 1});
  const auto charge = std::get<UsageCharged>(wallet.entries().back().body);
  ASSERT_TRUE(ExplainCharge(prepared, charge, context).reproduced);
  const std::vector<std::function<void(UsageCharged&)>> changes = {
      [](UsageCharged& c) { c.tier_id = "premium"; },
      [](UsageCharged& c) { c.included = Nanos(1); },
      [](UsageCharged& c) { c.extra = Nanos(1); },
      [](UsageCharged& c) { c.metered = Nanos(1); },
      [](UsageCharged& c) { c.overshoot = Nanos(1); },
      [](UsageCharged& c) { c.overshoot_kind = OvershootKind::kHeld; },
      [](UsageCharged& c) { c.grant_draws.clear(); },
      [](UsageCharged& c) { c.overdraft = Nanos(1); },
      [](UsageCharged& c) { c.unadmitted = !c.unadmitted; },
      [](UsageCharged& c) { c.unseated = true; },
      [](UsageCharged& c) { c.released_included = Nanos(1); },
      [](UsageCharged& c) { c.released_extra = Nanos(1); },
      [](UsageCharged& c) { c.of_pool = true; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    UsageCharged other = charge;
    changes[i](other);
    EXPECT_FALSE(ExplainCharge(prepared, other, context).reproduced) << "change " << i;
  }
  UsageCharged of_nobody = charge;
  of_nobody.member_id = "nobody";
  EXPECT_TRUE(ExplainCharge(before, of_nobody, context).steps.empty());
}

// Rules: S5, P5, P6, H5
TEST(Explanation, SaysHowAChargeCameToItsPrice) {
  using ::testing::HasSubstr;
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(2));
  wallet.Record("ann", Dollars(1));
  const Wallet prepared = Fold({wallet.entries().begin(), wallet.entries().end() - 1});
  auto charge = std::get<UsageCharged>(wallet.entries().back().body);
  const auto words = [&] {
    std::string all;
    for (const ExplainedStep& step : ExplainCharge(prepared, charge, wallet.context()).steps) {
      all += step.rule + " " + step.text + "\n";
    }
    return all;
  };
  EXPECT_THAT(words(), HasSubstr("R4 The record said what it cost"));
  charge.usage = Usage();
  charge.price_card = "card@v1";
  EXPECT_THAT(words(), HasSubstr("P5 Priced by card card@v1"));
  charge.price_fallback = true;
  EXPECT_THAT(words(), HasSubstr("P6 Priced by card@v1 with fallback prices"));
  charge.unadmitted = true;
  EXPECT_THAT(words(), HasSubstr("a check at this instant would have denied"));
  charge.admission_status = AdmissionStatus::kUnknown;
  EXPECT_THAT(words(), HasSubstr("the admission that it names was not live"));
  charge.unseated = true;
  EXPECT_THAT(words(), HasSubstr("O6 The member has no seat"));
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
