// Changing the plan, and switching extra usage on with a limit in one commit.
#include <gtest/gtest.h>

#include "tests/ledger/payment_fixture.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

UpdateOrganizationCommand PlanOf(const std::string& plan_id) {
  UpdateOrganizationCommand command;
  command.plan_id = plan_id;
  return command;
}

// Rules: O8, X3
TEST(PlanChange, DrawsTheRemainingCreditBeforeAnythingAccrues) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10)).Record("ann", Dollars(4));
  wallet.Do(PlanOf("usage"));
  EXPECT_EQ(wallet.header().settings.plan_id, "usage");
  const UsageCharged first = wallet.Record("ann", Dollars(4));
  EXPECT_EQ(first.grant_draws.size(), 1u);
  EXPECT_EQ(wallet.header().Balance(), Dollars(2));
  const UsageCharged crossing = wallet.Record("ann", Dollars(5));
  EXPECT_EQ(crossing.grant_draws.at(0).amount, Dollars(2));
  EXPECT_EQ(crossing.overdraft, Nanos()) << "three accrue";
  EXPECT_EQ(wallet.header().overdraft, Amount());
  const UsageCharged accrued = wallet.Record("ann", Dollars(7));
  EXPECT_TRUE(accrued.grant_draws.empty());
  EXPECT_TRUE(wallet.Check("ann", Dollars(50)).admitted) << "no balance to run out";
  EXPECT_EQ(wallet.header().month.extra, Dollars(20)) << "the month goes on";
}

// Rules: O8, J2
TEST(PlanChange, OpensTheStatementWithWhatIsOverdrawn) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(1)).Record("ann", Dollars(4));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  ASSERT_TRUE(wallet.header().episode.has_value());
  wallet.Do(PlanOf("usage"));
  const PlanChanged changed = wallet.Bodies<PlanChanged>().at(0);
  EXPECT_EQ(changed.billed_overdraft, Dollars(3));
  EXPECT_EQ(changed.funding, Funding::kPostpaid);
  EXPECT_EQ(wallet.header().overdraft, Amount());
  EXPECT_EQ(wallet.header().totals.overdraft_billed, Dollars(3));
  EXPECT_FALSE(wallet.header().episode.has_value()) << "there is no balance that could be out";
  EXPECT_TRUE(wallet.Check("ann").admitted) << "the very next check";
}

// Rules: O8, X2
TEST(PlanChange, ToAPrepaidPlanNeedsCredit) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record("ann", Dollars(4));
  wallet.Do(PlanOf("api"));
  EXPECT_EQ(wallet.header().overdraft, Amount()) << "what accrued stays on the statement";
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kBalanceExhausted);
  wallet.Grant(Dollars(5));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
}

// Rules: O8, H3, H4
TEST(PlanChange, KeepsOpenHoldsAsTheyWerePlaced) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(20));
  const int64_t hold = wallet.PlaceHold("ann", Dollars(8));
  EXPECT_EQ(wallet.wallet().FindHold(hold)->included, Dollars(5));
  wallet.Do(PlanOf("usage"));
  EXPECT_EQ(wallet.header().held_extra, Dollars(3));
  const UsageCharged charge = wallet.Settle(hold, Dollars(8));
  EXPECT_EQ(charge.included, Dollars(5)) << "what it reserved as included stays included";
  EXPECT_EQ(charge.metered, Dollars(3));
  EXPECT_EQ(charge.overshoot, Nanos());
  EXPECT_EQ(wallet.header().held_extra, Amount());
  EXPECT_EQ(wallet.member("ann").held_included, Amount());
  const int64_t back = wallet.PlaceHold("ann", Dollars(8));
  wallet.Do(PlanOf("team"));
  EXPECT_EQ(wallet.Settle(back, Dollars(8)).extra, Dollars(8)) << "its extra part first";
}

// Rules: O8, B5
TEST(PlanChange, LetsWindowsOfKindsInCommonGoOn) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(15));
  const Window month = wallet.member("ann").windows.at(0).window;
  wallet.Do(PlanOf("solo"));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted) << "fifteen of the twenty are used";
  EXPECT_FALSE(wallet.Check("ann", Cents(501)).admitted);
  EXPECT_EQ(wallet.member("ann").windows.at(0).window, month);
  wallet.Do(PlanOf("team"));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted) << "a week and a session that open now";
  wallet.Record("ann", Dollars(5));
  wallet.Do(PlanOf("seats"));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Cents(501)).admitted) << "the month counted on";
}

// Rules: O8, O5, B2
TEST(PlanChange, SeatsOfTiersThatThePlanLacksAreTheDefaultOnes) {
  OrganizationSettings settings;
  settings.included_scope = IncludedScope::kOrganization;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").AddMember("bob", "premium");
  EXPECT_TRUE(wallet.Check("bob", Dollars(150)).admitted);
  wallet.Do(PlanOf("sessions"));
  EXPECT_TRUE(wallet.Check("bob", Dollars(10)).admitted) << "two small seats";
  EXPECT_FALSE(wallet.Check("bob", Cents(1001)).admitted);
  wallet.MoveToTier("bob", "large");
  EXPECT_EQ(wallet.member("bob").tier_id, "large") << "an upgrade from the default, at once";
  EXPECT_TRUE(wallet.Check("bob", Dollars(55)).admitted);
  wallet.MoveToTier("ann", "small");
  EXPECT_EQ(wallet.member("ann").tier_id, "small");
}

// Rules: O8
TEST(PlanChange, IsRefusedForOtherCurrenciesUnknownPlansAndTooManyMembers) {
  TestWallet wallet("team");
  wallet.AddMember("ann").AddMember("bob");
  EXPECT_EQ(RefusedFields(wallet.Administer(PlanOf("gold")).status()),
            (std::vector<std::string>{"organization.plan"}));
  EXPECT_EQ(RefusalReason(wallet.Administer(PlanOf("solo"))), "TOO_MANY_MEMBERS");
  PlanCatalog foreign = TestPlans();
  for (Plan& plan : foreign.plans) {
    if (plan.id == "seats") plan.currency_code = "EUR";
  }
  const auto refused =
      Decide(wallet.wallet(), PlanOf("seats"), {wallet.now(), &foreign, &TestZones()});
  EXPECT_EQ(RefusalReason(refused), "PLAN_CURRENCY_DIFFERS");
  const size_t before = wallet.entries().size();
  wallet.Do(PlanOf("team"));
  EXPECT_EQ(wallet.entries().size(), before) << "the plan it is on";
  wallet.SetStatus("bob", AccountStatus::kRemoved);
  wallet.Do(PlanOf("solo"));
}

// Rules: O8, L1
TEST(PlanChange, LimitsOfScopesThatThePlanLacksWaitUntilItHasThem) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitTier("basic", Dollars(1)).Record("ann", Dollars(2));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.Do(PlanOf("api"));
  wallet.Grant(Dollars(5));
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(RefusalReason(wallet.Administer(LimitOf(Scope::kSeatTier, "key", Dollars(2)))),
            "LIMIT_SCOPE_NOT_IN_PLAN");
  wallet.Do(PlanOf("usage"));
  EXPECT_FALSE(wallet.Check("ann").admitted);
}

// Rules: X0
TEST(ExtraUsage, IsSetUpWithALimitInOneCommit) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  UpdateExtraUsageCommand command{true, ExtraUsageAudience::kEveryone, std::nullopt};
  command.limit = SpendLimit{Dollars(50)};
  const size_t before = wallet.entries().size();
  const AdministrationOutcome outcome = wallet.Do(command);
  EXPECT_EQ(wallet.entries().size(), before + 2);
  EXPECT_TRUE(wallet.header().extra_enabled);
  EXPECT_EQ(wallet.header().limit->amount, Dollars(50));
  for (const std::string& step : outcome.next_steps) {
    EXPECT_EQ(step.find("Set a monthly spend limit"), std::string::npos) << "it is set";
  }
  wallet.Do(command);
  EXPECT_EQ(wallet.entries().size(), before + 2) << "as it is";
  command.limit->amount = Nanos(-1);
  EXPECT_EQ(RefusedFields(wallet.Administer(command).status()),
            (std::vector<std::string>{"limit_amount"}));
  command.limit->amount = Dollars(1);
  command.limit_currency_code = "EUR";
  EXPECT_EQ(RefusedFields(wallet.Administer(command).status()),
            (std::vector<std::string>{"limit_amount.currency_code"}));
  EXPECT_EQ(wallet.entries().size(), before + 2) << "nothing half-written";
}

// Rules: X0
TEST(ExtraUsage, NextStepsAreThePlans) {
  const UpdateExtraUsageCommand enable{true, ExtraUsageAudience::kEveryone, std::nullopt};
  TestWallet team("team");
  const std::vector<std::string> prepaid = team.Do(enable).next_steps;
  ASSERT_EQ(prepaid.size(), 4u);
  EXPECT_EQ(prepaid[0].substr(0, 10), "Buy credit");
  EXPECT_EQ(prepaid[1].substr(0, 21), "Switch on auto-reload");
  EXPECT_EQ(prepaid[2].substr(0, 25), "Set a monthly spend limit");
  TestWallet seats("seats");
  const std::vector<std::string> postpaid = seats.Do(enable).next_steps;
  ASSERT_EQ(postpaid.size(), 1u);
  EXPECT_NE(postpaid[0].find("nothing to pay in advance"), std::string::npos);
}

// Rules: X1, X4, O8
TEST(PlanChange, WithdrawsAReloadWhereExtraUsageIsOff) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Do(ReloadOf(Dollars(5), Dollars(10)));
  const int64_t reload = ReloadInFlight(wallet).sequence;
  wallet.Do(PlanOf("team"));
  EXPECT_EQ(wallet.wallet().FindPayment(reload)->state, PaymentState::kCancelled);
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr) << "extra usage is off: none is asked for";
  EXPECT_TRUE(wallet.header().reload.settings.enabled) << "on again with extra usage";
}

// Rules: X3, X4, X7, O8
TEST(PlanChange, ToAPostpaidPlanWithdrawsWhatWasNotSentAndSwitchesAutoReloadOff) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Do(ReloadOf(Dollars(5), Dollars(10)));
  const int64_t reload = ReloadInFlight(wallet).sequence;
  const int64_t purchase = Buy(wallet, Dollars(25));
  const int64_t sent = Buy(wallet, Dollars(30));
  wallet.Do(MarkPaymentSentCommand{sent});
  wallet.Do(PlanOf("usage"));
  EXPECT_EQ(wallet.wallet().FindPayment(reload)->state, PaymentState::kCancelled);
  EXPECT_EQ(wallet.wallet().FindPayment(purchase)->state, PaymentState::kCancelled);
  EXPECT_NE(wallet.header().FindOpenPayment(sent), nullptr) << "money may have moved";
  EXPECT_FALSE(wallet.header().reload.settings.enabled);
  wallet.Do(PlanOf("api"));
  wallet.Record("ann", Dollars(50));
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr) << "off, whatever happened meanwhile";
}

// Rules: X4, O8
TEST(AutoReload, IsWithdrawnOnceBySuspensionAndChangeOfPlanTogether) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Do(ReloadOf(Dollars(5), Dollars(10)));
  UpdateOrganizationCommand both = PlanOf("usage");
  both.status = AccountStatus::kSuspended;
  wallet.Do(both);
  EXPECT_EQ(wallet.Count<PaymentFinished>(), 1);
}

// Rules: X4
TEST(AutoReload, CanBeSwitchedOffOnEveryPlan) {
  TestWallet wallet("usage");
  EXPECT_EQ(RefusalReason(wallet.Administer(ReloadOf(Dollars(5), Dollars(10)))),
            "PLAN_IS_POSTPAID");
  EXPECT_EQ(RefusalReason(wallet.Administer(SwitchReload(false))), "OK");
}

// Rules: X4, O2
TEST(AutoReload, IsNotAskedForASuspendedOrganization) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Do(ReloadOf(Dollars(5), Dollars(10)));
  const int64_t reload = ReloadInFlight(wallet).sequence;
  UpdateOrganizationCommand suspend;
  suspend.status = AccountStatus::kSuspended;
  wallet.Do(suspend);
  EXPECT_EQ(wallet.wallet().FindPayment(reload)->state, PaymentState::kCancelled);
}

}  // namespace
}  // namespace bursar
