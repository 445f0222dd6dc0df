// Placing, settling, extending, releasing and expiring holds, with the numbers of every scenario
// that decides money.
#include <gtest/gtest.h>

#include "tests/ledger/postpaid_holds.h"

namespace bursar {
namespace {

void SetPolicy(TestWallet& wallet, HoldExpiryPolicy policy) {
  UpdateOrganizationCommand command;
  command.hold_expiry_policy = policy;
  wallet.Do(command);
}

// "ann" on the prepaid plan: 20 included in the month from 1 November, extra on, 50 of credit.
class PrepaidHolds : public testing::Test {
 protected:
  PrepaidHolds() : wallet_("solo") {
    wallet_.AddMember("ann").ExtraForEveryone().Grant(Dollars(50));
  }
  Amount IncludedSpent() const { return wallet_.member("ann").windows.at(0).spent; }
  TestWallet wallet_;
};

// Rules: H3, B1
TEST_F(PostpaidHolds, ReserveIncludedFirstThenExtraInEveryScope) {
  const CheckAdmissionOutcome outcome = wallet_.CheckToHold("ann", Dollars(30));
  ASSERT_TRUE(outcome.hold.has_value());
  EXPECT_EQ(outcome.hold->included, Dollars(25));
  EXPECT_EQ(outcome.hold->extra, Dollars(5));
  EXPECT_EQ(outcome.hold->expires_at, wallet_.now() + absl::Minutes(10));
  EXPECT_EQ(*wallet_.wallet().FindHold(outcome.hold->sequence), *outcome.hold);
  EXPECT_EQ(wallet_.member("ann").held_included, Dollars(25));
  EXPECT_EQ(wallet_.member("ann").held_extra, Dollars(5));
  EXPECT_EQ(wallet_.header().FindTier("standard")->held_extra, Dollars(5));
  EXPECT_EQ(wallet_.header().held_extra, Dollars(5));
  EXPECT_EQ(wallet_.header().held_included, Amount());
  // 95 are left of the limit, and nothing of what is included.
  EXPECT_TRUE(wallet_.Check("ann", Dollars(95)).admitted);
  EXPECT_EQ(wallet_.Check("ann", Dollars(96)).denial->reason, DenialReason::kHoldDoesNotFit);
}

// Rules: H3, B2
TEST(Holds, ReserveOfThePoolWhereIncludedUsageIsOne) {
  OrganizationSettings settings;
  settings.included_scope = IncludedScope::kOrganization;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").AddMember("bob");
  const int64_t hold = wallet.PlaceHold("ann", Dollars(40));
  EXPECT_EQ(wallet.header().held_included, Dollars(40));
  EXPECT_EQ(wallet.member("ann").held_included, Amount());
  EXPECT_FALSE(wallet.CheckToHold("bob", Dollars(11)).admitted);
  EXPECT_TRUE(wallet.CheckToHold("bob", Dollars(10)).admitted);
  EXPECT_EQ(wallet.Settle(hold, Dollars(40)).included, Dollars(40));
  EXPECT_EQ(wallet.header().held_included, Dollars(10));
}

// Rules: H3
TEST(Holds, AreMeteredWhereEverythingIs) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10));
  const int64_t hold = wallet.PlaceHold("ann", Dollars(8));
  EXPECT_TRUE(wallet.wallet().FindHold(hold)->metered);
  EXPECT_EQ(wallet.CheckToHold("ann", Dollars(3)).denial->reason, DenialReason::kHoldDoesNotFit);
  const UsageCharged charge = wallet.Settle(hold, Dollars(7));
  EXPECT_EQ(charge.metered, Dollars(7));
  EXPECT_EQ(wallet.header().Balance(), Dollars(3));
}

// Rules: H4
TEST_F(PostpaidHolds, SettledBelowGiveTheRestBack) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  const UsageCharged charge = wallet_.Settle(hold, Dollars(10));
  EXPECT_EQ(charge.included, Dollars(10));
  EXPECT_EQ(charge.extra, Nanos());
  EXPECT_EQ(charge.overshoot, Nanos());
  EXPECT_EQ(charge.admission_status, AdmissionStatus::kSettled);
  EXPECT_FALSE(charge.unadmitted);
  EXPECT_EQ(charge.member_id, "ann");
  EXPECT_EQ(charge.surface, "chat");
  EXPECT_EQ(charge.model, "claude-opus-4-5");
  EXPECT_TRUE(wallet_.wallet().holds.empty());
  EXPECT_EQ(wallet_.member("ann").held_included, Amount());
  EXPECT_EQ(wallet_.header().held_extra, Amount());
  EXPECT_EQ(wallet_.wallet().FindEndedHold(hold)->end, HoldEnd::kSettled);
  EXPECT_EQ(wallet_.header().next_hold_expiry, absl::InfiniteFuture());
}

// Rules: H4, H7, B8
TEST_F(PostpaidHolds, SettledAboveTakeMoreAndSayHowMuch) {
  const UsageCharged charge = wallet_.Settle(wallet_.PlaceHold("ann", Dollars(10)), Dollars(32));
  // 15 more are included, then 7 go to extra.
  EXPECT_EQ(charge.included, Dollars(25));
  EXPECT_EQ(charge.extra, Dollars(7));
  EXPECT_EQ(charge.overshoot, Dollars(22));
  EXPECT_EQ(charge.overshoot_kind, OvershootKind::kHeld);
  EXPECT_EQ(wallet_.header().totals.overshoot_held, Dollars(22));
}

// Rules: H4
TEST_F(PostpaidHolds, SettledInPartsStayOpenWithTheRest) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  const UsageCharged first = wallet_.Settle(hold, Dollars(10), true);
  EXPECT_EQ(first.included, Dollars(10));
  EXPECT_EQ(wallet_.wallet().FindHold(hold)->included, Dollars(15));
  EXPECT_EQ(wallet_.wallet().FindHold(hold)->extra, Dollars(5));
  EXPECT_EQ(wallet_.member("ann").held_included, Dollars(15));
  const UsageCharged second = wallet_.Settle(hold, Dollars(17), true);
  EXPECT_EQ(second.included, Dollars(15));
  EXPECT_EQ(second.extra, Dollars(2));
  EXPECT_EQ(wallet_.wallet().FindHold(hold)->Held(), Dollars(3));
  EXPECT_EQ(wallet_.header().held_extra, Dollars(3));
  const UsageCharged last = wallet_.Settle(hold, Dollars(5));
  EXPECT_EQ(last.extra, Dollars(5));
  EXPECT_EQ(last.overshoot, Dollars(2));  // 32 in all, 30 were held.
  EXPECT_TRUE(wallet_.wallet().holds.empty());
  EXPECT_EQ(wallet_.header().held_extra, Amount());
}

// Rules: H4, H7
TEST_F(PostpaidHolds, APartAboveWhatIsHeldLeavesAHoldOfNothing) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(4));
  EXPECT_EQ(wallet_.Settle(hold, Dollars(6), true).overshoot, Dollars(2));
  EXPECT_EQ(wallet_.wallet().FindHold(hold)->Held(), Nanos());
  EXPECT_EQ(wallet_.member("ann").held_included, Amount());
  EXPECT_EQ(wallet_.Settle(hold, Dollars(1)).overshoot, Dollars(1));
}

// Rules: H2, H6
TEST_F(PostpaidHolds, OfOneDollarAdmitExactlyAsManyAsThereAreDollars) {
  int admitted = 0;
  for (int i = 0; i < 200; ++i) {
    const CheckAdmissionOutcome outcome = wallet_.CheckToHold("ann", Dollars(1));
    if (outcome.admitted) ++admitted;
  }
  EXPECT_EQ(admitted, 125);  // 25 included and 100 of the limit.
}

// Rules: H2
TEST_F(PostpaidHolds, UpToWhatIsAvailableTakeWhatFits) {
  wallet_.LimitOrganization(Dollars(10));
  const auto hold = [&](Nanos estimate) {
    return wallet_.CheckToHold("ann", estimate, AdmissionMode::kHoldUpToAvailable);
  };
  const CheckAdmissionOutcome most = hold(Dollars(34));
  EXPECT_EQ(most.hold->Held(), Dollars(34));
  const CheckAdmissionOutcome rest = hold(Dollars(34));
  EXPECT_EQ(rest.hold->Held(), Dollars(1));
  EXPECT_EQ(rest.hold->extra, Dollars(1));
  const CheckAdmissionOutcome denied = hold(Dollars(1));
  EXPECT_EQ(denied.denial->reason, DenialReason::kOrganizationLimitReached);
  EXPECT_TRUE(denied.denial->held);
}

// Rules: H2
TEST(Holds, UpToWhatIsAvailableTakeOnlyIncludedUsageWhereExtraIsOff) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  const CheckAdmissionOutcome outcome =
      wallet.CheckToHold("ann", Dollars(40), AdmissionMode::kHoldUpToAvailable);
  EXPECT_EQ(outcome.hold->included, Dollars(25));
  EXPECT_EQ(outcome.hold->extra, Nanos());
  EXPECT_EQ(wallet.CheckToHold("ann", Dollars(1)).denial->reason,
            DenialReason::kExtraUsageDisabled);
}

// Rules: H2
TEST_F(PostpaidHolds, AreNeverLargerThanThePolicyAllows) {
  UpdateOrganizationCommand command;
  command.max_hold = Dollars(10);
  wallet_.Do(command);
  EXPECT_TRUE(wallet_.CheckToHold("ann", Dollars(10)).admitted);
  const CheckAdmissionOutcome denied = wallet_.CheckToHold("ann", Dollars(11));
  EXPECT_EQ(denied.denial->reason, DenialReason::kHoldDoesNotFit);
  EXPECT_EQ(denied.denial->message,
            "This request, estimated at 11.00 USD, is larger than one hold may be: 10.00 USD.");
  EXPECT_TRUE(wallet_.Check("ann", Dollars(11)).admitted);  // It holds nothing.
  const CheckAdmissionOutcome capped =
      wallet_.CheckToHold("ann", Dollars(50), AdmissionMode::kHoldUpToAvailable);
  EXPECT_EQ(capped.hold->Held(), Dollars(10));
}

// Rules: H2
TEST_F(PostpaidHolds, OfNothingArePlacedWhereACheckIsAdmitted) {
  const int64_t hold = wallet_.PlaceHold("ann", Nanos());
  EXPECT_EQ(wallet_.wallet().FindHold(hold)->Held(), Nanos());
  EXPECT_TRUE(wallet_.Bodies<WindowOpened>().empty());
  const UsageCharged charge = wallet_.Settle(hold, Dollars(2));
  EXPECT_EQ(charge.overshoot, Dollars(2));
  wallet_.LimitOrganization(Nanos());
  wallet_.Record("ann", Dollars(23));
  EXPECT_FALSE(wallet_.CheckToHold("ann", Nanos()).admitted);
}

// Rules: H8
TEST_F(PostpaidHolds, AreNotPlacedByADenialOrAValidation) {
  CheckAdmissionCommand command = CheckOf("ann");
  command.estimate = Dollars(20);
  command.mode = AdmissionMode::kHold;
  command.validate_only = true;
  const size_t before = wallet_.entries().size();
  EXPECT_TRUE(wallet_.Check(command).admitted);
  EXPECT_FALSE(wallet_.CheckToHold("ann", Dollars(126)).admitted);
  EXPECT_EQ(wallet_.entries().size(), before);
}

// Rules: H2, H3
TEST_F(PostpaidHolds, AreRefusedWithoutAnEstimateOrWithAnotherTimeToLive) {
  CheckAdmissionCommand command = CheckOf("ann");
  command.mode = AdmissionMode::kHold;
  const auto fields = [&] {
    return RefusedFields(wallet_.Try<CheckAdmissionOutcome>(command).status());
  };
  EXPECT_EQ(fields(), (std::vector<std::string>{"estimate"}));
  command.estimate = Dollars(1);
  for (const absl::Duration ttl :
       {absl::Milliseconds(999), absl::Hours(24) + absl::Nanoseconds(1), absl::ZeroDuration()}) {
    command.hold_ttl = ttl;
    EXPECT_EQ(fields(), (std::vector<std::string>{"hold_ttl"})) << ttl;
  }
  for (const absl::Duration ttl : {absl::Seconds(1), absl::Hours(24)}) {
    command.hold_ttl = ttl;
    EXPECT_EQ(wallet_.Check(command).hold->expires_at, wallet_.now() + ttl);
  }
}

// Rules: H5
TEST_F(PostpaidHolds, AreRefusedBeyondTheBoundOfOpenOnes) {
  Wallet full = wallet_.wallet();
  full.header.open_hold_count = kMaxOpenHolds;
  CheckAdmissionCommand command = CheckOf("ann");
  command.estimate = Dollars(1);
  command.mode = AdmissionMode::kHold;
  const auto refused = Decide(full, command, wallet_.context());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalReason(refused), "TOO_MANY_HOLDS");
  command.mode = AdmissionMode::kCheckOnly;
  EXPECT_TRUE(Decide(full, command, wallet_.context()).ok());
}

// Rules: H3, O6
TEST(Holds, CreateAnAutomaticallyProvisionedMember) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  wallet.Check("new");
  EXPECT_EQ(wallet.wallet().FindMember("new"), nullptr);
  const int64_t hold = wallet.PlaceHold("new", Dollars(3));
  EXPECT_EQ(wallet.member("new").held_included, Dollars(3));
  EXPECT_EQ(wallet.Settle(hold, Dollars(3)).included, Dollars(3));
}

// Rules: B4, B5, H3
TEST(Holds, OpenAFiveHourSessionThatAReleaseDoesNotUndo) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  const int64_t hold = wallet.PlaceHold("ann", Dollars(2));
  ASSERT_EQ(wallet.Count<WindowOpened>(), 2);
  wallet.Advance(absl::Minutes(1));
  EXPECT_TRUE(wallet.Try<HoldOutcome>(ReleaseAdmissionCommand{hold}).ok());
  EXPECT_EQ(wallet.member("ann").held_included, Amount());
  wallet.Advance(absl::Hours(1));
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<WindowOpened>(), 2);  // The session began with the hold.
  EXPECT_EQ(wallet.Bodies<WindowOpened>()[1].window, FiveHourSession(Start()));
}

// Rules: H4, B5
TEST_F(PrepaidHolds, AcrossABoundaryPostToTheNewWindow) {
  wallet_.Record("ann", Dollars(15));
  wallet_.MoveTo(At("2026-12-01T09:55:00Z"));
  const CheckAdmissionOutcome outcome = wallet_.CheckToHold("ann", Dollars(12));
  EXPECT_EQ(outcome.hold->included, Dollars(5));
  EXPECT_EQ(outcome.hold->extra, Dollars(7));
  wallet_.MoveTo(At("2026-12-01T10:01:00Z"));
  // The new window has 20, of which the carried hold keeps 5 from everybody else.
  EXPECT_EQ(wallet_.Check("ann", Dollars(1)).evaluations[0].bound.held, Dollars(5));
  const UsageCharged charge = wallet_.Settle(outcome.hold->sequence, Dollars(12));
  EXPECT_EQ(charge.included, Dollars(12));  // All of it has room there: included first.
  EXPECT_EQ(charge.extra, Nanos());
  EXPECT_EQ(IncludedSpent(), Dollars(12));
  EXPECT_EQ(wallet_.header().Balance(), Dollars(50));
}

// Rules: H4
TEST_F(PrepaidHolds, KeepTheIncludedPartThatOthersUsedUpMeanwhile) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(20));
  wallet_.ExtraOff();
  EXPECT_EQ(wallet_.Record("ann", Dollars(6)).overshoot_kind, OvershootKind::kUnadmitted);
  const UsageCharged charge = wallet_.Settle(hold, Dollars(20));
  EXPECT_EQ(charge.included, Dollars(20));
  EXPECT_EQ(charge.overshoot, Nanos());  // All of it was held.
  EXPECT_EQ(IncludedSpent(), Dollars(26));
}

// Rules: H5, R1
TEST_F(PrepaidHolds, ExpireAtTheirInstantAndAreReleased) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.Advance(absl::Minutes(10) - absl::Nanoseconds(1)).WriteDues();
  EXPECT_NE(wallet_.wallet().FindHold(hold), nullptr);
  EXPECT_EQ(wallet_.header().NextDue(), wallet_.now() + absl::Nanoseconds(1));
  wallet_.Advance(absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(wallet_.wallet().FindHold(hold), nullptr);
  EXPECT_EQ(wallet_.wallet().FindEndedHold(hold)->end, HoldEnd::kExpired);
  EXPECT_EQ(wallet_.header().held_extra, Amount());
  const UsageCharged late = wallet_.Settle(hold, Dollars(30));
  EXPECT_EQ(late.admission_status, AdmissionStatus::kExpired);
  EXPECT_TRUE(late.unadmitted);
  EXPECT_EQ(late.included, Dollars(20));
  EXPECT_EQ(late.extra, Dollars(10));
  EXPECT_EQ(late.overshoot, Nanos());
  EXPECT_EQ(late.hold_sequence, 0);
}

// Rules: H5, H7
TEST_F(PrepaidHolds, ReleasedByPolicyOvershootByPolicy) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.Advance(absl::Minutes(10));
  wallet_.Record("ann", Dollars(65));  // 20 included, 45 of the 50.
  const UsageCharged late = wallet_.Settle(hold, Dollars(30));
  EXPECT_EQ(late.extra, Dollars(30));
  EXPECT_EQ(late.overshoot, Dollars(25));
  EXPECT_EQ(late.overshoot_kind, OvershootKind::kPolicy);
  EXPECT_EQ(wallet_.header().totals.overshoot_policy, Dollars(25));
  EXPECT_EQ(wallet_.header().overdraft, Dollars(25));
}

// Rules: H5, T3
TEST_F(PrepaidHolds, AreCapturedForWhatTheyHeldWhereThePolicySaysSo) {
  SetPolicy(wallet_, HoldExpiryPolicy::kCapture);
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.Settle(hold, Dollars(4), true);
  wallet_.Advance(absl::Minutes(11)).WriteDues();
  const UsageCharged captured = wallet_.Bodies<UsageCharged>().back();
  EXPECT_TRUE(captured.captured);
  EXPECT_EQ(captured.cost, Dollars(26));
  EXPECT_EQ(captured.included, Dollars(16));
  EXPECT_EQ(captured.extra, Dollars(10));
  EXPECT_FALSE(captured.unadmitted);
  EXPECT_EQ(wallet_.header().Balance(), Dollars(40));
  EXPECT_EQ(wallet_.header().held_extra, Amount());
  EXPECT_EQ(wallet_.wallet().FindEndedHold(hold)->end, HoldEnd::kCaptured);
}

// Rules: H5, R7
TEST_F(PrepaidHolds, SettledAfterCaptureReverseItAndChargeTheActual) {
  SetPolicy(wallet_, HoldExpiryPolicy::kCapture);
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.Advance(absl::Hours(1)).WriteDues();
  EXPECT_EQ(wallet_.header().Balance(), Dollars(40));
  const UsageCharged actual = wallet_.Settle(hold, Dollars(23));
  EXPECT_EQ(actual.admission_status, AdmissionStatus::kExpired);
  EXPECT_TRUE(actual.unadmitted);
  EXPECT_EQ(actual.included, Dollars(20));
  EXPECT_EQ(actual.extra, Dollars(3));
  EXPECT_EQ(IncludedSpent(), Dollars(20));
  EXPECT_EQ(wallet_.header().month.extra, Dollars(3));
  EXPECT_EQ(wallet_.header().Balance(), Dollars(47));
  EXPECT_EQ(wallet_.header().totals.charged, Dollars(53));
  EXPECT_EQ(wallet_.header().totals.reversed, Dollars(30));
  EXPECT_EQ(wallet_.Bodies<EntryReversed>().back().hold_sequence, hold);
  // The capture is reversed once: a second late record is charged beside the first.
  EXPECT_EQ(wallet_.Settle(hold, Dollars(2)).extra, Dollars(2));
  EXPECT_EQ(wallet_.Count<EntryReversed>(), 1);
  EXPECT_EQ(wallet_.header().Balance(), Dollars(45));
}

// Rules: H5, R7
TEST_F(PrepaidHolds, CapturesThatWereRefundedInPartReverseTheRest) {
  SetPolicy(wallet_, HoldExpiryPolicy::kCapture);
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.Advance(absl::Hours(1)).WriteDues();
  const int64_t capture = wallet_.LastCharge();
  EXPECT_EQ(wallet_.Reverse(capture, Dollars(4)).left, Dollars(26));
  wallet_.Settle(hold, Dollars(1));
  EXPECT_EQ(wallet_.Bodies<EntryReversed>().back().extra, Dollars(6));
  EXPECT_EQ(wallet_.Bodies<EntryReversed>().back().included, Dollars(20));
  EXPECT_EQ(wallet_.header().totals.reversed, Dollars(30));
  EXPECT_EQ(RefusalReason(wallet_.TryReverse(capture)), "ALREADY_REVERSED");
}

// Rules: H5, T3, X2
TEST_F(PrepaidHolds, CapturedLateDrawTheCreditOfTheirDueInstant) {
  TestWallet wallet("api");
  wallet.AddMember("ann").Grant(Dollars(10), Start() + absl::Minutes(30)).Grant(Dollars(7));
  SetPolicy(wallet, HoldExpiryPolicy::kCapture);
  wallet.PlaceHold("ann", Dollars(4));  // Due after ten minutes.
  wallet.Advance(absl::Hours(2)).WriteDues();
  // The capture drew 4 of the credit that expired twenty minutes later.
  EXPECT_EQ(wallet.Bodies<CreditExpired>().back().amount, Dollars(6));
  EXPECT_EQ(wallet.header().Balance(), Dollars(7));
}

// Rules: H5, T3
TEST_F(PostpaidHolds, ExpireInBatchesOldestFirst) {
  for (int i = 0; i < kMaxDueEntries + 20; ++i) wallet_.PlaceHold("ann", Cents(10));
  wallet_.Advance(absl::Minutes(10));
  const std::vector<DueEntry> dues = DueEntries(wallet_.wallet(), wallet_.context());
  ASSERT_EQ(dues.size(), static_cast<size_t>(kMaxDueEntries));
  EXPECT_EQ(std::get<HoldEnded>(dues[0].body).hold_sequence, wallet_.wallet().holds.begin()->first);
  EXPECT_EQ(MembersDue(wallet_.wallet(), wallet_.now()).size(),
            static_cast<size_t>(kMaxDueEntries));
  wallet_.WriteDues();
  EXPECT_TRUE(wallet_.wallet().holds.empty());
  EXPECT_EQ(wallet_.member("ann").held_included, Amount());
}

// Rules: H4, X1
TEST_F(PrepaidHolds, SettleIntoExtraThatWasSwitchedOffMeanwhile) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(30));
  wallet_.ExtraOff();
  const UsageCharged charge = wallet_.Settle(hold, Dollars(35));
  // 20 included, 10 of extra as admitted; the 5 beyond overshoot included usage.
  EXPECT_EQ(charge.included, Dollars(25));
  EXPECT_EQ(charge.extra, Dollars(10));
  EXPECT_EQ(charge.overshoot, Dollars(5));
  EXPECT_EQ(wallet_.header().Balance(), Dollars(40));
}

// Rules: H4, X2
TEST(Holds, PinNoGrant) {
  TestWallet wallet("solo");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(10), Start() + absl::Minutes(5));
  const int64_t hold = wallet.PlaceHold("ann", Dollars(30));
  wallet.Advance(absl::Minutes(6));
  const UsageCharged charge = wallet.Settle(hold, Dollars(30));
  EXPECT_EQ(charge.included, Dollars(20));
  EXPECT_EQ(charge.extra, Dollars(10));
  EXPECT_EQ(charge.overdraft, Dollars(10));
  EXPECT_EQ(charge.overshoot, Nanos());
  EXPECT_EQ(wallet.header().overdraft, Dollars(10));
}

// Rules: H4, L2, O5
TEST_F(PostpaidHolds, SettleInTheTierOfTheRecordingAndReleaseInTheirOwn) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(40));
  EXPECT_EQ(wallet_.header().FindTier("standard")->held_extra, Dollars(15));
  wallet_.MoveToTier("ann", "premium");
  EXPECT_EQ(wallet_.header().FindTier("standard")->held_extra, Dollars(15));
  const UsageCharged charge = wallet_.Settle(hold, Dollars(130));
  EXPECT_EQ(charge.tier_id, "premium");
  EXPECT_EQ(charge.included, Dollars(125));  // The larger seat's allowance.
  EXPECT_EQ(charge.extra, Dollars(5));
  EXPECT_EQ(charge.overshoot, Dollars(90));
  EXPECT_EQ(wallet_.header().FindTier("standard")->held_extra, Amount());
  EXPECT_EQ(wallet_.header().FindTier("standard")->month.extra, Amount());
  EXPECT_EQ(wallet_.header().FindTier("premium")->month.extra, Dollars(5));
}

// Rules: H4, L3
TEST_F(PostpaidHolds, AreHonouredUnderALimitThatWasLowered) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(40));
  wallet_.LimitOrganization(Nanos());
  EXPECT_FALSE(wallet_.Check("ann").admitted);
  const UsageCharged charge = wallet_.Settle(hold, Dollars(42));
  // 15 of extra as admitted; a limit of zero does not permit the 2 beyond.
  EXPECT_EQ(charge.included, Dollars(27));
  EXPECT_EQ(charge.extra, Dollars(15));
  EXPECT_EQ(charge.overshoot, Dollars(2));
}

// Rules: O4
TEST_F(PostpaidHolds, OfARemovedMemberSettle) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(10));
  wallet_.SetStatus("ann", AccountStatus::kRemoved);
  const UsageCharged charge = wallet_.Settle(hold, Dollars(9));
  EXPECT_EQ(charge.included, Dollars(9));
  EXPECT_FALSE(charge.unadmitted);
  EXPECT_TRUE(wallet_.wallet().holds.empty());
}

// Rules: H3
TEST_F(PostpaidHolds, LiveLongerWhenExtendedUpToADay) {
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(1));
  const absl::Time placed = wallet_.now();
  wallet_.Advance(absl::Minutes(9));
  const auto extended = wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, absl::Hours(3)});
  ASSERT_TRUE(extended.ok());
  EXPECT_EQ(extended->hold.expires_at, wallet_.now() + absl::Hours(3));
  EXPECT_EQ(wallet_.header().next_hold_expiry, wallet_.now() + absl::Hours(3));
  // Never shorter, and no entry where nothing changes.
  const size_t before = wallet_.entries().size();
  ASSERT_TRUE(wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, absl::Minutes(1)}).ok());
  EXPECT_EQ(wallet_.entries().size(), before);
  const auto too_long = wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, absl::Hours(24)});
  EXPECT_EQ(RefusedFields(too_long.status()), (std::vector<std::string>{"hold_ttl"}));
  EXPECT_EQ(Violations(too_long.status())[0].description,
            "would let the hold live for more than 24 hours in all; it may live until "
            "2026-11-02T10:00:00Z, 23h51m from now");
  const auto most =
      wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, absl::Hours(24) - absl::Minutes(9)});
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(most->hold.expires_at, placed + absl::Hours(24));
}

// Rules: H7
TEST_F(PostpaidHolds, KindsOfOvershootAreApart) {
  EXPECT_EQ(wallet_.Record("ann", Dollars(130)).overshoot_kind, OvershootKind::kSoft);
  EXPECT_EQ(wallet_.Record("ann", Dollars(2)).overshoot_kind, OvershootKind::kUnadmitted);
  EXPECT_EQ(wallet_.header().totals.overshoot_soft, Dollars(5));
  EXPECT_EQ(wallet_.header().totals.overshoot_unadmitted, Dollars(2));
  EXPECT_EQ(wallet_.header().totals.overshoot_held, Amount());
}

// Rules: N3
TEST_F(PostpaidHolds, NeitherOpenNorEndAnEpisode) {
  wallet_.Record("ann", Dollars(25));  // All that is included.
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(100));
  EXPECT_FALSE(wallet_.Check("ann").admitted);
  EXPECT_FALSE(wallet_.header().episode.has_value());
  wallet_.Record("ann", Dollars(100));
  EXPECT_FALSE(wallet_.Check("ann").admitted);
  ASSERT_TRUE(wallet_.header().episode.has_value());
  ASSERT_TRUE(wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{hold}).ok());
  EXPECT_TRUE(wallet_.header().episode.has_value());
}

}  // namespace
}  // namespace bursar
