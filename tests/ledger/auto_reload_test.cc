// Auto-reload: when it asks for money, when it must not, and what failures do to it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/ledger/payment_fixture.h"

namespace bursar {
namespace {

// A metered prepaid wallet with a member, that much credit, and auto-reload of 25 at or below 5.
void SetUpReload(TestWallet& wallet, Nanos credit) {
  wallet.AddMember("ann").Grant(credit).Do(ReloadOf(Dollars(5), Dollars(25)));
}

// Rules: X4
TEST(AutoReload, AsksOnceWhenTheBalanceIsAtOrBelowTheThreshold) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  wallet.Record("ann", Dollars(14));
  EXPECT_EQ(ReloadsOf(wallet), 0);
  wallet.Record("ann", Dollars(1));
  ASSERT_EQ(ReloadsOf(wallet), 1);
  const Payment reload = ReloadInFlight(wallet);
  EXPECT_EQ(reload.amount, Dollars(25));
  EXPECT_EQ(reload.cause, ReloadCause::kLowBalance);
  EXPECT_EQ(reload.attempt, 1);
  wallet.Record("ann", Dollars(30));
  wallet.Advance(absl::Minutes(30)).Record("ann", Dollars(1));
  EXPECT_EQ(ReloadsOf(wallet), 1) << "one in flight";
  wallet.Do(Success(reload.sequence));
  EXPECT_EQ(wallet.header().overdraft, Dollars(1)) << "26 were overdrawn, 25 came";
  EXPECT_EQ(ReloadsOf(wallet), 2) << "the balance is low still";
}

// Rules: B6, X4
TEST(AutoReload, NothingRefillsExtraUsageUnlessItIsSwitchedOn) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(3));
  wallet.Record("ann", Dollars(40));
  const Amount overdraft = wallet.header().overdraft;
  EXPECT_TRUE(overdraft.is_positive());
  for (int month = 0; month < 3; ++month) {
    wallet.Advance(absl::Hours(24 * 31)).WriteDues();
    EXPECT_EQ(wallet.header().overdraft, overdraft);
    EXPECT_TRUE(wallet.header().open_payments.empty());
  }
}

// Rules: X4
TEST(AutoReload, CountsWhatIsHeld) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  wallet.PlaceHold("ann", Dollars(14));
  EXPECT_EQ(ReloadsOf(wallet), 0);
  wallet.PlaceHold("ann", Dollars(1));
  EXPECT_EQ(ReloadsOf(wallet), 1);
}

// Rules: X4, T3
TEST(AutoReload, AnOutageLosesTheOneInFlightAndTheNextIsAskedForWhenItCanBeSent) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(5));
  const Payment lost = ReloadInFlight(wallet);
  wallet.Advance(absl::Hours(48)).WriteDues();
  EXPECT_EQ(wallet.header().reload.failures, 1) << "not one for each hour of the outage";
  const Payment next = ReloadInFlight(wallet);
  EXPECT_EQ(next.requested_at, wallet.now());
  EXPECT_EQ(next.times_out_at, wallet.now() + kShippedPaymentTimeout);
  EXPECT_GT(next.sequence, lost.sequence);
}

// Rules: X4, H2
TEST(AutoReload, AsksWhenAHoldIsDeniedForBalance) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  CheckAdmissionCommand check = CheckOf("ann");
  check.estimate = Dollars(30);
  wallet.Check(check);
  check.mode = AdmissionMode::kHold;
  check.validate_only = true;
  wallet.Check(check);
  EXPECT_EQ(ReloadsOf(wallet), 0) << "neither a check nor a validation asks";
  check.validate_only = false;
  EXPECT_EQ(wallet.Check(check).denial->reason, DenialReason::kHoldDoesNotFit);
  ASSERT_EQ(ReloadsOf(wallet), 1);
  EXPECT_EQ(ReloadInFlight(wallet).cause, ReloadCause::kHoldDenied);
  wallet.Check(check);
  EXPECT_EQ(ReloadsOf(wallet), 1);
  wallet.Do(Success(ReloadInFlight(wallet).sequence));
  EXPECT_TRUE(wallet.Check(check).admitted);
}

// Rules: X4
TEST(AutoReload, DoesNotAskForAHoldThatALimitDenies) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  wallet.LimitMember("ann", Dollars(10));
  EXPECT_FALSE(wallet.CheckToHold("ann", Dollars(50)).admitted);
  EXPECT_EQ(ReloadsOf(wallet), 0);
}

// Rules: X4
TEST(AutoReload, IsEvaluatedWhenSwitchedOnAndWhenItsSettingsOrALimitChange) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(3)).LimitOrganization(Nanos());
  wallet.Do(ReloadOf(Dollars(1), Dollars(25)));
  EXPECT_EQ(ReloadsOf(wallet), 0) << "3 is more than 1";
  UpdateAutoReloadCommand raise;
  raise.threshold = Dollars(3);
  wallet.Do(raise);
  EXPECT_EQ(ReloadsOf(wallet), 0) << "the limit leaves no headroom";
  wallet.LimitOrganization(Dollars(50));
  EXPECT_EQ(ReloadsOf(wallet), 1);
}

// Rules: X4, L1
TEST(AutoReload, NeverFiresWhileTheSpendLimitLeavesNoHeadroomAndResumesWithTheMonth) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(20)).LimitOrganization(Dollars(20));
  wallet.Do(ReloadOf(Dollars(5), Dollars(25)));
  wallet.Record("ann", Dollars(20));
  EXPECT_EQ(ReloadsOf(wallet), 0) << "nobody could draw the money";
  wallet.MoveTo(At("2026-11-30T23:59:59Z")).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 0);
  wallet.MoveTo(At("2026-12-01T00:00:00Z")).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 1) << "by time alone";
}

// Rules: X1, X4
TEST(AutoReload, IsWithdrawnUnsentWhenExtraUsageIsSwitchedOffAndStaysOffWithIt) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone();
  wallet.Do(ReloadOf(Dollars(5), Dollars(25)));
  const int64_t unsent = ReloadInFlight(wallet).sequence;
  wallet.ExtraOff();
  EXPECT_EQ(wallet.wallet().FindPayment(unsent)->state, PaymentState::kCancelled);
  wallet.Advance(absl::Hours(1)).WriteDues();
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr);
  wallet.ExtraForEveryone();
  const int64_t sent = ReloadInFlight(wallet).sequence;
  EXPECT_NE(sent, unsent);
  wallet.Do(MarkPaymentSentCommand{sent});
  wallet.ExtraOff();
  EXPECT_EQ(ReloadInFlight(wallet).sequence, sent) << "what may have left is awaited";
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(25)) << "the withdrawn one is not counted";
}

// Rules: X0
TEST(AutoReload, IsSetInTheCommitThatSwitchesExtraUsageOn) {
  TestWallet wallet("team");
  UpdateExtraUsageCommand command;
  command.enabled = true;
  command.auto_reload = ReloadOf(Dollars(5), Dollars(25));
  const AdministrationOutcome outcome = wallet.Do(command);
  EXPECT_TRUE(wallet.header().reload.settings.enabled);
  EXPECT_NE(wallet.header().ReloadInFlight(), nullptr);
  for (const std::string& step : outcome.next_steps) {
    EXPECT_EQ(step.find("auto-reload"), std::string::npos) << step;
  }
  TestWallet plain("team");
  bool told = false;
  for (const std::string& step :
       plain.Do(UpdateExtraUsageCommand{true, std::nullopt, std::nullopt}).next_steps) {
    told = told || step.find("auto-reload") != std::string::npos;
  }
  EXPECT_TRUE(told) << "what is worth doing next";
}

// Rules: X0, X4
TEST(AutoReload, BadSettingsNameEachFieldAndChangeNothing) {
  TestWallet wallet("team");
  UpdateExtraUsageCommand command;
  command.enabled = true;
  command.auto_reload = ReloadOf(Nanos(-1), Nanos());
  command.auto_reload->monthly_cap = Nanos(-1);
  command.auto_reload->cool_down = absl::Hours(25);
  command.auto_reload->max_attempts_a_day = 0;
  command.auto_reload->failures_before_pause = 21;
  EXPECT_EQ(
      RefusedFields(wallet.Administer(command).status()),
      (std::vector<std::string>{
          "auto_reload.amount", "auto_reload.cool_down", "auto_reload.failures_before_pause",
          "auto_reload.max_attempts_a_day", "auto_reload.monthly_cap", "auto_reload.threshold"}));
  EXPECT_FALSE(wallet.header().extra_enabled);
  UpdateAutoReloadCommand low = ReloadOf(Dollars(5), Dollars(25));
  low.monthly_cap = Dollars(24);
  EXPECT_EQ(RefusedFields(wallet.Administer(low).status()),
            std::vector<std::string>{"auto_reload.monthly_cap"});
  wallet.Do(ReloadOf(Dollars(5), Dollars(25)));
  EXPECT_EQ(wallet.header().reload.settings.monthly_cap, Dollars(250)) << "ten, where none is said";
}

// Rules: X4, T3
TEST(AutoReload, CoolsDownFromOneRequestToTheNext) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  UpdateAutoReloadCommand slow;
  slow.cool_down = absl::Minutes(10);
  wallet.Do(slow);
  wallet.Record("ann", Dollars(20));
  const int64_t first = ReloadInFlight(wallet).sequence;
  wallet.Advance(absl::Minutes(1)).Do(Success(first));
  wallet.Record("ann", Dollars(25));
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr);
  wallet.MoveTo(Start() + absl::Minutes(10) - absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 1);
  wallet.Advance(absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 2) << "by time alone";
}

// Rules: X4, T3
TEST(AutoReload, BacksOffAfterFailuresThenPauses) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  UpdateAutoReloadCommand patient;
  patient.failures_before_pause = 6;
  wallet.Do(patient);
  wallet.Record("ann", Dollars(20));
  const absl::Duration kWaits[] = {absl::Minutes(1), absl::Minutes(5), absl::Minutes(30),
                                   absl::Hours(2), absl::Hours(2)};
  int64_t attempt = 1;
  for (const absl::Duration wait : kWaits) {
    EXPECT_EQ(ReloadInFlight(wallet).attempt, attempt++);
    wallet.Advance(absl::Seconds(20)).Do(Failure(ReloadInFlight(wallet).sequence));
    wallet.Advance(wait - absl::Nanoseconds(1)).WriteDues();
    EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr) << wait;
    wallet.Advance(absl::Nanoseconds(1)).WriteDues();
    EXPECT_NE(wallet.header().ReloadInFlight(), nullptr) << wait;
  }
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kNone);
  wallet.Do(Failure(ReloadInFlight(wallet).sequence));
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kFailures);
  wallet.Advance(absl::Hours(24 * 40)).Record("ann", Dollars(1));
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr) << "until an owner resumes it";
  wallet.Do(ResumeReload());
  EXPECT_EQ(ReloadInFlight(wallet).attempt, 1);
}

// Rules: X4
TEST(AutoReload, ALateSuccessIsCreditedAndDoesNotEndThePause) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  wallet.Record("ann", Dollars(20));
  std::vector<int64_t> lost;
  for (int i = 0; i < 3; ++i) {
    lost.push_back(ReloadInFlight(wallet).sequence);
    wallet.Do(MarkPaymentSentCommand{lost.back()});
    // Lost at its instant; the next attempt follows when the back-off from then is over.
    wallet.Advance(kShippedPaymentTimeout + absl::Hours(1)).WriteDues();
    wallet.WriteDues();
  }
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kFailures) << "three were lost";
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(75)) << "their money may have moved";
  for (const int64_t payment : {lost[1], lost[1], lost[0]}) wallet.Do(Success(payment));
  EXPECT_EQ(wallet.header().Balance(), Dollars(50));
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kFailures);
  wallet.Do(Failure(lost[2]));
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(50)) << "this one certainly did not";
  wallet.Do(Success(lost[2]));
  EXPECT_EQ(wallet.header().Balance(), Dollars(75)) << "after all";
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(75));
}

// Rules: X4
TEST(AutoReload, ASuccessForgetsFailures) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  wallet.Record("ann", Dollars(20));
  wallet.Do(Failure(ReloadInFlight(wallet).sequence));
  wallet.Advance(absl::Minutes(1)).WriteDues();
  wallet.Do(Success(ReloadInFlight(wallet).sequence));
  EXPECT_EQ(wallet.header().reload.failures, 0);
  EXPECT_EQ(wallet.header().reload.pause, ReloadPause::kNone);
}

// Rules: X4
TEST(AutoReload, MoneyPerMonthCountsWhatIsInFlightAndStartsAnewWithTheMonth) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(20));
  UpdateAutoReloadCommand capped = ReloadOf(Dollars(5), Dollars(25));
  capped.monthly_cap = Dollars(60);
  wallet.Do(capped);
  wallet.Record("ann", Dollars(20));
  wallet.Do(Success(ReloadInFlight(wallet).sequence));
  wallet.Record("ann", Dollars(25));
  wallet.Advance(absl::Minutes(1)).WriteDues();
  const int64_t second = ReloadInFlight(wallet).sequence;
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(50)) << "one credited, one in flight";
  wallet.Do(Success(second));
  wallet.Record("ann", Dollars(25));
  wallet.Advance(absl::Hours(24)).WriteDues();
  EXPECT_EQ(wallet.header().ReloadInFlight(), nullptr) << "75 would be more than 60";
  wallet.MoveTo(At("2026-12-01T00:00:00Z")).WriteDues();
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(25));
  EXPECT_NE(wallet.header().ReloadInFlight(), nullptr);
}

// Rules: X4
TEST(AutoReload, ASuccessCountsInTheMonthRequested) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(20));
  wallet.Do(ReloadOf(Dollars(5), Dollars(25)));
  wallet.MoveTo(At("2026-11-30T23:50:00Z")).Record("ann", Dollars(20));
  const int64_t november = ReloadInFlight(wallet).sequence;
  wallet.MoveTo(At("2026-12-01T00:10:00Z")).Do(Success(november));
  EXPECT_EQ(wallet.header().reload.month.end, At("2026-12-01T00:00:00Z"));
  wallet.Record("ann", Dollars(25));
  EXPECT_EQ(wallet.header().reload.month_money, Dollars(25)) << "December's own";
  wallet.Do(Failure(ReloadInFlight(wallet).sequence));
  EXPECT_EQ(wallet.header().reload.month_money, Amount());
}

// Rules: X4
TEST(AutoReload, AttemptsOfADayAreLimited) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  UpdateAutoReloadCommand few;
  few.max_attempts_a_day = 2;
  few.failures_before_pause = 20;
  wallet.Do(few);
  wallet.Record("ann", Dollars(20));
  for (int i = 0; i < 2; ++i) {
    wallet.Do(Failure(ReloadInFlight(wallet).sequence));
    wallet.Advance(absl::Hours(1)).WriteDues();
  }
  EXPECT_EQ(ReloadsOf(wallet), 2);
  wallet.MoveTo(At("2026-11-02T00:00:00Z")).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 3) << "a new day in the organization's zone";
}

// Rules: X4, O2
TEST(AutoReload, DoesNotAskForMoneyOfASuspendedOrganization) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(20));
  UpdateOrganizationCommand suspend;
  suspend.status = AccountStatus::kSuspended;
  wallet.Do(suspend);
  wallet.Record("ann", Dollars(20));
  EXPECT_EQ(ReloadsOf(wallet), 0);
}

// Rules: L4, X4
TEST(AutoReload, GoesByTheLimitThatIsInForce) {
  TestWallet wallet("api");
  wallet.LimitOrganization(Dollars(10));
  SetUpReload(wallet, Dollars(20));
  wallet.Record("ann", Dollars(16));
  EXPECT_EQ(ReloadsOf(wallet), 0) << "nobody could draw it this month";
  SetSpendLimitCommand raise = LimitOf(Scope::kOrganization, "", Dollars(50));
  raise.expires_at = wallet.now() + absl::Hours(24);
  wallet.Do(raise);
  wallet.WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 1);
}

// Rules: L1, X4
TEST(AutoReload, AsksForNothingThatALimitOfTheDayKeepsBack) {
  TestWallet wallet("api");
  SetSpendLimitCommand limit = LimitOf(Scope::kOrganization, "", Dollars(10));
  limit.period = PeriodKind::kDay;
  wallet.Do(limit);
  SetUpReload(wallet, Dollars(20));
  wallet.Record("ann", Dollars(16));
  EXPECT_EQ(ReloadsOf(wallet), 0);
  wallet.Advance(absl::Hours(24)).WriteDues();
  EXPECT_EQ(ReloadsOf(wallet), 1) << "the day is over";
}

// Rules: O8, X4
TEST(AutoReload, IsWithdrawnWhereThePlanHasNoBalanceAnyMore) {
  TestWallet wallet("api");
  SetUpReload(wallet, Dollars(6));
  wallet.Record("ann", Dollars(2));
  ASSERT_EQ(ReloadsOf(wallet), 1);
  UpdateOrganizationCommand change;
  change.plan_id = "usage";
  wallet.Do(change);
  EXPECT_TRUE(wallet.header().open_payments.empty());
  const std::vector<PaymentFinished> finished = wallet.Bodies<PaymentFinished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].state, PaymentState::kCancelled);
  const int told = wallet.Count<LowBalanceNoticed>();
  wallet.Record("ann", Dollars(4));
  EXPECT_EQ(wallet.Count<LowBalanceNoticed>(), told) << "there is no balance to be low";
  EXPECT_EQ(ReloadsOf(wallet), 1);
}

}  // namespace
}  // namespace bursar
