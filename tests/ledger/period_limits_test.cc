// Spend limits of days, weeks, hours, surfaces and models, and temporary ones.
#include <gtest/gtest.h>

#include "server/ledger/limits.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

SetSpendLimitCommand PeriodLimitOf(Scope scope, const std::string& scope_id, PeriodKind period,
                                   std::optional<Nanos> amount,
                                   LimitBasis basis = LimitBasis::kEachMember) {
  SetSpendLimitCommand command = LimitOf(scope, scope_id, amount, basis);
  command.period = period;
  return command;
}

SetSpendLimitCommand RaiseOf(Scope scope, const std::string& scope_id, std::optional<Nanos> amount,
                             absl::Time expires_at, PeriodKind period = PeriodKind::kMonth) {
  SetSpendLimitCommand command = PeriodLimitOf(scope, scope_id, period, amount);
  command.expires_at = expires_at;
  return command;
}

CheckAdmissionOutcome CheckOn(TestWallet& wallet, const std::string& member_id,
                              const std::string& surface, const std::string& model,
                              std::optional<Nanos> estimate = std::nullopt) {
  CheckAdmissionCommand command = CheckOf(member_id, surface, model);
  command.estimate = estimate;
  return wallet.Check(command);
}

// A scope, and what names it.
struct Scoped {
  Scope scope;
  std::string id;
  LimitBasis basis = LimitBasis::kEachMember;
  DenialReason reason;
};

std::vector<Scoped> EveryScope() {
  return {
      {Scope::kMember, "ann", LimitBasis::kEachMember, DenialReason::kMemberLimitReached},
      {Scope::kSeatTier, "basic", LimitBasis::kEachMember, DenialReason::kSeatTierLimitReached},
      {Scope::kSeatTier, "basic", LimitBasis::kTierTotal, DenialReason::kSeatTierLimitReached},
      {Scope::kSurface, "chat", LimitBasis::kEachMember, DenialReason::kOrganizationLimitReached},
      {Scope::kModel, "claude-opus-4-5", LimitBasis::kEachMember,
       DenialReason::kOrganizationLimitReached},
      {Scope::kOrganization, "", LimitBasis::kEachMember, DenialReason::kOrganizationLimitReached}};
}

// Start() is a Sunday at ten; the first Monday after it is the second of November.
absl::Time EndOf(PeriodKind period) {
  switch (period) {
    case PeriodKind::kMonth:
      return At("2026-12-01T00:00:00Z");
    case PeriodKind::kWeek:
      return At("2026-11-09T00:00:00Z");
    case PeriodKind::kDay:
      return At("2026-11-05T00:00:00Z");
    case PeriodKind::kHour:
      return At("2026-11-04T11:00:00Z");
  }
  return absl::Time();
}

// Rules: L1, B5
TEST(PeriodLimit, CountsWhatWasSpentBeforeItWasSetAndRollsAtItsBoundary) {
  for (const Scoped& scoped : EveryScope()) {
    for (const PeriodKind period : {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay}) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(scoped.scope) << " for a " << PeriodWord(period));
      TestWallet wallet("usage");
      wallet.AddMember("ann").MoveTo(At("2026-11-04T10:30:00Z"));
      wallet.Record("ann", Dollars(3));
      wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, period, Dollars(5), scoped.basis));
      EXPECT_FALSE(wallet.Check("ann", Cents(201)).admitted) << "three of the five are spent";
      EXPECT_TRUE(wallet.Check("ann", Dollars(2)).admitted);
      wallet.Record("ann", Dollars(2));
      const CheckAdmissionOutcome denied = wallet.Check("ann");
      ASSERT_TRUE(denied.denial.has_value());
      EXPECT_EQ(denied.denial->reason, scoped.reason);
      EXPECT_EQ(denied.denial->scope, scoped.scope);
      EXPECT_EQ(denied.denial->period, period);
      EXPECT_EQ(denied.denial->ends_at, EndOf(period));
      EXPECT_EQ(denied.evaluations.front().bound.spent, Dollars(5));
      wallet.MoveTo(EndOf(period) - absl::Nanoseconds(1));
      EXPECT_FALSE(wallet.Check("ann").admitted);
      wallet.MoveTo(EndOf(period));
      EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
      EXPECT_FALSE(wallet.Check("ann", Cents(501)).admitted);
    }
  }
}

// Rules: L1, T4
TEST(PeriodLimit, FollowsTheOrganizationsZone) {
  OrganizationSettings settings;
  settings.time_zone = "America/New_York";
  TestWallet wallet("usage", settings);
  wallet.AddMember("ann").MoveTo(At("2026-11-05T04:59:00Z")).Record("ann", Dollars(5));
  wallet.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.MoveTo(At("2026-11-05T05:00:00Z"));
  EXPECT_TRUE(wallet.Check("ann").admitted) << "midnight in New York";
  wallet.Record("ann", Dollars(1));
  const PeriodsOpened opened = wallet.Bodies<PeriodsOpened>().back();
  EXPECT_EQ(opened.day, (Window{At("2026-11-05T05:00:00Z"), At("2026-11-06T05:00:00Z")}));
  EXPECT_EQ(opened.previous_day, Dollars(5));
  EXPECT_FALSE(opened.week.has_value()) << "the week goes on";
}

// Rules: B5
TEST(PeriodLimit, OpensItsPeriodsOnceAndLeavesUntouchedOnesAlone) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").AddMember("bob").Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<PeriodsOpened>(), 1);
  wallet.Record("bob", Dollars(1));
  EXPECT_EQ(wallet.Count<PeriodsOpened>(), 1) << "bounds are the organization's";
  wallet.MoveTo(At("2026-11-20T12:00:00Z")).Check("ann");
  EXPECT_EQ(wallet.Count<PeriodsOpened>(), 1);
  wallet.Record("ann", Nanos());
  EXPECT_EQ(wallet.Count<PeriodsOpened>(), 1) << "nothing is counted";
  wallet.Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<PeriodsOpened>(), 2);
}

// Rules: L2
TEST(PeriodLimit, StandsWithOthersAndTheLeastRemainingDecides) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").MoveTo(At("2026-11-04T10:30:00Z"));
  wallet.LimitOrganization(Dollars(100)).LimitMember("ann", Dollars(20));
  wallet.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kWeek, Dollars(10)));
  wallet.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(4)));
  const auto least = [&] {
    const AdmissionState state = Evaluate(wallet.header(), &wallet.member("ann"),
                                          {"ann", "chat", "claude-opus-4-5"}, wallet.context());
    return LeastLimit(state)->period;
  };
  EXPECT_EQ(least(), PeriodKind::kDay);
  EXPECT_TRUE(wallet.Check("ann", Dollars(4)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Cents(401)).admitted);
  for (int day = 4; day < 7; ++day) {
    wallet.MoveTo(At("2026-11-0" + std::to_string(day) + "T12:00:00Z"));
    wallet.Record("ann", Dollars(3));
  }
  EXPECT_EQ(least(), PeriodKind::kWeek) << "nine of ten are spent, three of today's four";
  EXPECT_FALSE(wallet.Check("ann", Cents(101)).admitted);
  // The week ends; the month holds eleven more.
  wallet.MoveTo(At("2026-11-09T00:00:00Z"));
  EXPECT_EQ(least(), PeriodKind::kDay);
  wallet.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, std::nullopt));
  wallet.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kWeek, std::nullopt));
  EXPECT_TRUE(wallet.Check("ann", Dollars(11)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Cents(1101)).admitted);
}

// Rules: L1, L2
TEST(NamedLimit, OfZeroForbidsASurfaceAndKeepsThePoolForTheOthers) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(50));
  wallet.Do(LimitOf(Scope::kSurface, "claude-code", Nanos()));
  EXPECT_TRUE(CheckOn(wallet, "ann", "claude-code", "m").admitted)
      << "included usage is open to it";
  wallet.Record("ann", Dollars(5));
  const CheckAdmissionOutcome denied = CheckOn(wallet, "ann", "claude-code", "m");
  ASSERT_TRUE(denied.denial.has_value());
  EXPECT_EQ(denied.denial->reason, DenialReason::kOrganizationLimitReached);
  EXPECT_EQ(denied.denial->scope, Scope::kSurface);
  EXPECT_EQ(denied.denial->scope_id, "claude-code");
  EXPECT_EQ(denied.denial->message, "Your org does not use extra usage for claude-code.");
  EXPECT_FALSE(wallet.header().episode.has_value()) << "the pool is not out";
  EXPECT_TRUE(CheckOn(wallet, "ann", "chat", "m").admitted);
  // What is not permitted overshoots included usage (rule B8).
  const UsageCharged charge = wallet.Record(RecordOf("ann", Dollars(2), "claude-code"));
  EXPECT_EQ(charge.included, Dollars(2));
  EXPECT_EQ(charge.extra, Nanos());
}

// Rules: L1
TEST(NamedLimit, KnowsAModelWithAndWithoutItsProvider) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record(RecordOf("ann", Dollars(3), "chat", "anthropic/claude-opus-4-5"));
  wallet.Do(LimitOf(Scope::kModel, "anthropic/claude-opus-4-5", Dollars(5)));
  EXPECT_FALSE(CheckOn(wallet, "ann", "chat", "claude-opus-4-5", Cents(201)).admitted);
  EXPECT_TRUE(CheckOn(wallet, "ann", "chat", "claude-opus-4-5", Dollars(2)).admitted);
  EXPECT_TRUE(CheckOn(wallet, "ann", "chat", "claude-haiku-4-5", Dollars(9)).admitted);
  EXPECT_EQ(wallet.Bodies<SpendLimitSet>().back().scope_id, "claude-opus-4-5");
}

// Rules: L1, B5
TEST(NamedLimit, HasABoundedNumberAndForgetsNamesThatAreOver) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  for (size_t i = 0; i < kMaxCountedNames; ++i) {
    wallet.Record(RecordOf("ann", Cents(1), "chat", "model-" + std::to_string(i)));
  }
  EXPECT_EQ(wallet.header().named_scopes.size(), kMaxCountedNames);
  EXPECT_EQ(wallet.header().FindNamed(Scope::kModel, "one-too-many"), nullptr);
  wallet.Record(RecordOf("ann", Cents(1), "chat", "one-too-many"));
  EXPECT_EQ(wallet.header().FindNamed(Scope::kModel, "one-too-many"), nullptr);
  wallet.Do(LimitOf(Scope::kModel, "one-too-many", Dollars(1)));
  wallet.Record(RecordOf("ann", Cents(1), "chat", "one-too-many"));
  EXPECT_EQ(wallet.header().FindNamed(Scope::kModel, "one-too-many")->month.extra, Cents(1))
      << "counted from when the limit was set";
  wallet.MoveTo(At("2026-12-10T00:00:00Z")).Record("ann", Cents(1));
  EXPECT_EQ(wallet.header().named_scopes.size(), 3u) << "the limit's, and the charge's two";

  for (int64_t i = 1; i < kMaxNamedLimits; ++i) {
    wallet.Do(LimitOf(Scope::kModel, "limited-" + std::to_string(i), Dollars(1)));
  }
  const auto refused = wallet.Administer(LimitOf(Scope::kSurface, "cursor", Dollars(1)));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(refused), "TOO_MANY_LIMITS");
  wallet.Do(LimitOf(Scope::kModel, "limited-1", std::nullopt));
  wallet.Do(LimitOf(Scope::kSurface, "cursor", Dollars(1)));
}

// Rules: L1
TEST(NamedLimit, IsRefusedWhereThePlanHasNone) {
  TestWallet wallet("solo");
  for (const Scope scope : {Scope::kSurface, Scope::kModel, Scope::kSeatTier}) {
    const auto refused = wallet.Administer(LimitOf(scope, "person", Dollars(1)));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(RefusalReason(refused), "LIMIT_SCOPE_NOT_IN_PLAN");
  }
}

// Rules: H3, H6, L1
TEST(PeriodLimit, CountsHoldsExactlyInEveryScope) {
  for (const Scoped& scoped : EveryScope()) {
    for (const PeriodKind period : {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay}) {
      TestWallet wallet("usage");
      wallet.AddMember("ann").MoveTo(At("2026-11-04T23:55:00Z"));
      const int64_t early = wallet.PlaceHold("ann", Dollars(1));
      wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, period, Dollars(5), scoped.basis));
      std::vector<int64_t> placed;
      for (int i = 0; i < 10; ++i) {
        const CheckAdmissionOutcome outcome = wallet.CheckToHold("ann", Dollars(1));
        if (outcome.admitted) placed.push_back(outcome.hold->sequence);
      }
      EXPECT_EQ(placed.size(), 4u) << "and the one from before the limit";
      wallet.Settle(placed[0], Dollars(1));
      EXPECT_FALSE(wallet.CheckToHold("ann", Dollars(1)).admitted);
      EXPECT_TRUE(wallet.Try<HoldOutcome>(ReleaseAdmissionCommand{placed[1]}).ok());
      EXPECT_TRUE(wallet.CheckToHold("ann", Dollars(1)).admitted);
      EXPECT_FALSE(wallet.CheckToHold("ann", Dollars(1)).admitted);
      // Holds carry over a boundary, spend does not.
      if (period != PeriodKind::kDay) continue;
      wallet.MoveTo(At("2026-11-05T00:00:00Z"));
      EXPECT_TRUE(wallet.CheckToHold("ann", Dollars(1)).admitted);
      EXPECT_FALSE(wallet.CheckToHold("ann", Dollars(1)).admitted);
      wallet.Settle(early, Dollars(1));
    }
  }
}

// Rules: R7
TEST(PeriodLimit, FallsByARefundWhileItsPeriodIsTheCharges) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").MoveTo(At("2026-11-04T10:30:00Z")).Record("ann", Dollars(5));
  const int64_t charge = wallet.LastCharge();
  for (const Scoped& scoped : EveryScope()) {
    wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, PeriodKind::kDay, Dollars(5), scoped.basis));
    EXPECT_FALSE(wallet.Check("ann").admitted);
    wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, PeriodKind::kDay, std::nullopt));
  }
  wallet.Reverse(charge, Dollars(2));
  for (const Scoped& scoped : EveryScope()) {
    for (const PeriodKind period : {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay}) {
      wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, period, Dollars(5), scoped.basis));
      EXPECT_TRUE(wallet.Check("ann", Dollars(2)).admitted);
      EXPECT_FALSE(wallet.Check("ann", Cents(201)).admitted);
      wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, period, std::nullopt));
    }
  }
  EXPECT_EQ(wallet.member("ann").hour.extra, Dollars(3));
  wallet.MoveTo(At("2026-11-05T09:00:00Z")).Record("ann", Dollars(1));
  wallet.Reverse(charge, Dollars(3));
  EXPECT_EQ(wallet.header().recent.day.extra, Dollars(1)) << "yesterday's charge";
  EXPECT_EQ(wallet.header().recent.week.extra, Dollars(1)) << "this week's";
  EXPECT_EQ(wallet.member("ann").hour.extra, Dollars(1));
}

// Rules: L4, T3
TEST(TemporaryLimit, ReturnsToItsBaseAtItsInstant) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(10)).Record("ann", Dollars(10));
  const absl::Time expires_at = At("2026-11-10T12:00:00Z");
  wallet.Do(RaiseOf(Scope::kMember, "ann", Dollars(15), expires_at));
  EXPECT_EQ(wallet.header().NextDue(), expires_at);
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Cents(501)).admitted);
  wallet.MoveTo(expires_at - absl::Nanoseconds(1));
  EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
  wallet.MoveTo(expires_at);
  EXPECT_FALSE(wallet.Check("ann").admitted);
  const std::vector<LimitRaiseExpired> expired = wallet.Bodies<LimitRaiseExpired>();
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].changes.at(0).before, "15.00 until 2026-11-10T12:00:00+00:00, then 10.00");
  EXPECT_EQ(expired[0].changes.at(0).after, "10.00");
  EXPECT_TRUE(wallet.header().raises.empty());
}

// Rules: L4
TEST(TemporaryLimit, IsEndedByAPermanentOneAndReplacedByAnother) {
  for (const Scoped& scoped : EveryScope()) {
    TestWallet wallet("usage");
    wallet.AddMember("ann");
    wallet.Do(LimitOf(scoped.scope, scoped.id, Dollars(10), scoped.basis));
    SetSpendLimitCommand raise =
        RaiseOf(scoped.scope, scoped.id, Dollars(20), At("2026-11-05T00:00:00Z"));
    raise.limit.basis = scoped.basis;
    wallet.Do(raise);
    EXPECT_TRUE(wallet.Check("ann", Dollars(20)).admitted);
    raise.limit.amount = Dollars(30);
    raise.expires_at = At("2026-11-08T00:00:00Z");
    wallet.Do(raise);
    wallet.MoveTo(At("2026-11-06T00:00:00Z"));
    EXPECT_TRUE(wallet.Check("ann", Dollars(30)).admitted) << "the later one replaced it";
    wallet.Do(LimitOf(scoped.scope, scoped.id, Dollars(12), scoped.basis));
    EXPECT_TRUE(wallet.header().raises.empty());
    EXPECT_FALSE(wallet.Check("ann", Dollars(13)).admitted);
    wallet.MoveTo(At("2026-11-09T00:00:00Z"));
    EXPECT_TRUE(wallet.Check("ann", Dollars(12)).admitted) << "the new base stays";
    EXPECT_EQ(wallet.Count<LimitRaiseExpired>(), 0);
  }
}

// Rules: L4
TEST(TemporaryLimit, WithoutABaseReturnsToUnlimited) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  for (const PeriodKind period : {PeriodKind::kMonth, PeriodKind::kDay}) {
    wallet.Do(RaiseOf(Scope::kOrganization, "", Dollars(1), wallet.now() + absl::Hours(1), period));
    EXPECT_FALSE(wallet.Check("ann", Dollars(2)).admitted);
    wallet.Advance(absl::Hours(1));
    EXPECT_TRUE(wallet.Check("ann", Dollars(2000)).admitted);
    EXPECT_TRUE(wallet.header().period_limits.empty());
  }
}

// Rules: L4, N3
TEST(TemporaryLimit, ThatExpiresKeepsAnEpisodeOpenPastThePeriodThatWouldHaveEndedIt) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Dollars(3));
  // Until the evening the month has room; the day has not.
  wallet.Do(RaiseOf(Scope::kOrganization, "", Dollars(100), At("2026-11-01T22:00:00Z")));
  wallet.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  wallet.Record("ann", Dollars(5)).member_id.size();
  EXPECT_FALSE(wallet.Check("ann").admitted);
  ASSERT_TRUE(wallet.header().episode.has_value());
  wallet.MoveTo(At("2026-11-02T08:00:00Z"));
  wallet.WriteDues();
  EXPECT_TRUE(wallet.header().episode.has_value()) << "the month's limit returned and is reached";
  wallet.MoveTo(At("2026-12-01T00:00:00Z"));
  wallet.WriteDues();
  EXPECT_FALSE(wallet.header().episode.has_value());
}

// Rules: N3
TEST(PeriodLimit, OfTheOrganizationOpensAnEpisodeThatEndsWithTheDay) {
  TestWallet wallet("usage");
  wallet.AddMember("ann");
  wallet.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  wallet.Record("ann", Dollars(5));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.Count<EpisodeOpened>(), 1);
  EXPECT_EQ(wallet.header().NextDue(), At("2026-11-02T00:00:00Z"));
  wallet.MoveTo(At("2026-11-02T00:00:00Z"));
  wallet.WriteDues();
  ASSERT_EQ(wallet.Count<EpisodeEnded>(), 1);
  EXPECT_EQ(wallet.Bodies<EpisodeEnded>()[0].cause, "period");
}

// Rules: L4
TEST(TemporaryLimit, HasABoundedNumberAndAnInstantInTheFuture) {
  TestWallet wallet("usage");
  EXPECT_EQ(
      RefusedFields(
          wallet.Administer(RaiseOf(Scope::kOrganization, "", Dollars(1), wallet.now())).status()),
      (std::vector<std::string>{"expire_time"}));
  UpsertMembersCommand members;
  for (size_t i = 0; i <= kMaxRaises; ++i) members.members.push_back(ChangeOf(std::to_string(i)));
  wallet.Do(members);
  const absl::Time expires_at = wallet.now() + absl::Hours(1);
  for (size_t i = 0; i < kMaxRaises; ++i) {
    wallet.Do(RaiseOf(Scope::kMember, std::to_string(i), Dollars(1), expires_at));
  }
  EXPECT_EQ(RefusalReason(wallet.Administer(
                RaiseOf(Scope::kMember, std::to_string(kMaxRaises), Dollars(1), expires_at))),
            "TOO_MANY_TEMPORARY_LIMITS");
  wallet.MoveTo(expires_at);
  wallet.WriteDues();
  EXPECT_EQ(wallet.Count<LimitRaiseExpired>(), static_cast<int>(kMaxRaises));
}

// Rules: L6
TEST(VelocityLimit, PausesTheMemberUntilTheHourIsOver) {
  const std::vector<Scoped> scopes = {
      {Scope::kMember, "ann", LimitBasis::kEachMember, DenialReason::kNone},
      {Scope::kSeatTier, "basic", LimitBasis::kEachMember, DenialReason::kNone},
      {Scope::kOrganization, "", LimitBasis::kEachMember, DenialReason::kNone}};
  for (const Scoped& scoped : scopes) {
    TestWallet wallet("usage");
    wallet.AddMember("ann").AddMember("bob").MoveTo(At("2026-11-04T10:30:00Z"));
    wallet.Do(PeriodLimitOf(scoped.scope, scoped.id, PeriodKind::kHour, Dollars(5)));
    wallet.Record("ann", Dollars(5));
    const CheckAdmissionOutcome denied = wallet.Check("ann");
    ASSERT_TRUE(denied.denial.has_value());
    EXPECT_EQ(denied.denial->reason, DenialReason::kMemberLimitReached);
    EXPECT_EQ(denied.denial->period, PeriodKind::kHour);
    EXPECT_EQ(denied.denial->ends_at, At("2026-11-04T11:00:00Z"));
    EXPECT_EQ(denied.denial->message.substr(0, 38), "Your hourly spend limit of 5.00 USD is");
    EXPECT_FALSE(wallet.header().episode.has_value());
    EXPECT_TRUE(wallet.Check("bob", Dollars(5)).admitted) << "each member alone";
    wallet.MoveTo(At("2026-11-04T11:00:00Z"));
    EXPECT_TRUE(wallet.Check("ann", Dollars(5)).admitted);
    EXPECT_FALSE(wallet.Check("ann", Cents(501)).admitted);
  }
}

// Rules: L6
TEST(VelocityLimit, IsRefusedForSurfacesModelsAndTiersTogether) {
  TestWallet wallet("usage");
  EXPECT_EQ(
      RefusedFields(
          wallet.Administer(PeriodLimitOf(Scope::kSurface, "chat", PeriodKind::kHour, Dollars(1)))
              .status()),
      (std::vector<std::string>{"period"}));
  EXPECT_EQ(
      RefusedFields(wallet
                        .Administer(PeriodLimitOf(Scope::kSeatTier, "basic", PeriodKind::kHour,
                                                  Dollars(1), LimitBasis::kTierTotal))
                        .status()),
      (std::vector<std::string>{"basis"}));
}

}  // namespace
}  // namespace bursar
