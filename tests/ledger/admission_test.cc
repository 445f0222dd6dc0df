// Admission: estimates, evaluations, virtual members, thresholds.
#include "server/ledger/admission.h"

#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Rules: H2
TEST(Estimate, IsAdmittedExactlyWhileAllOfItFits) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(10));
  // Five of included and ten of credit.
  EXPECT_TRUE(wallet.Check("ann", Dollars(15)).admitted);
  EXPECT_EQ(wallet.Check("ann", Dollars(15)).bucket, Bucket::kIncluded) << "drawn from first";
  EXPECT_FALSE(wallet.Check("ann", Nanos(Dollars(15).value + 1)).admitted);
  wallet.Record("ann", Dollars(5));
  EXPECT_TRUE(wallet.Check("ann", Dollars(10)).admitted);
  EXPECT_EQ(wallet.Check("ann", Dollars(10)).bucket, Bucket::kExtra);
  EXPECT_FALSE(wallet.Check("ann", Nanos(Dollars(10).value + 1)).admitted);
}

// Rules: H2
TEST(Estimate, MustFitEveryScope) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(25));
  wallet.LimitMember("ann", Dollars(3))
      .LimitTier("standard", Dollars(4))
      .LimitOrganization(Dollars(5));
  const auto blocking_scope = [&](Nanos estimate) {
    const CheckAdmissionOutcome outcome = wallet.Check("ann", estimate);
    return outcome.denial.has_value() ? std::optional<Scope>(outcome.denial->scope) : std::nullopt;
  };
  EXPECT_EQ(blocking_scope(Dollars(3)), std::nullopt);
  EXPECT_EQ(blocking_scope(Dollars(6)), Scope::kMember);
  wallet.LimitMember("ann", std::nullopt);
  EXPECT_EQ(blocking_scope(Dollars(6)), Scope::kSeatTier);
  wallet.LimitTier("standard", std::nullopt);
  EXPECT_EQ(blocking_scope(Dollars(6)), Scope::kOrganization);
}

// Rules: H2
TEST(Estimate, OfNothingIsLikeNone) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  EXPECT_TRUE(wallet.Check("ann", Nanos()).admitted);
  wallet.Record("ann", Dollars(25));
  EXPECT_FALSE(wallet.Check("ann", Nanos()).admitted);
}

// Rules: H2
TEST(Estimate, ThatIncludedUsageCoversNeedsNoExtra) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  EXPECT_TRUE(wallet.Check("ann", Dollars(25)).admitted);
  EXPECT_EQ(wallet.Check("ann", Dollars(26)).denial->reason, DenialReason::kExtraUsageDisabled);
}

// Rules: H2
TEST(SoftLimit, AdmitsWhileAnyHeadroomIsLeft) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Nanos(1'000));
  wallet.Record("ann", Nanos(999));
  EXPECT_TRUE(wallet.Check("ann").admitted) << "one nano is left";
  wallet.Record("ann", Nanos(1));
  EXPECT_FALSE(wallet.Check("ann").admitted);
}

// Rules: H1, D5
TEST(Evaluations, ReportEveryScopeAndBothBuckets) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob").ExtraForEveryone();
  wallet.LimitMember("ann", Dollars(10))
      .LimitTier("standard", Dollars(20))
      .LimitOrganization(Dollars(7));
  wallet.Record("ann", Dollars(27));
  wallet.Record("bob", Dollars(30));
  CheckAdmissionCommand command = CheckOf("ann");
  command.full_view = true;
  const CheckAdmissionOutcome outcome = wallet.Check(command);
  ASSERT_EQ(outcome.evaluations.size(), 4u);
  const EvaluationLine& blocking = outcome.evaluations[0];
  EXPECT_EQ(blocking.bound.scope, Scope::kOrganization) << "the blocking one comes first";
  EXPECT_TRUE(blocking.bound.blocking);
  EXPECT_EQ(blocking.scope_id, "acme");
  EXPECT_EQ(blocking.bound.limit, Amount(Dollars(7)));
  EXPECT_EQ(blocking.bound.spent, Dollars(7));
  EXPECT_EQ(blocking.bound.resets_at, At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(blocking.changeable_by,
            (std::vector<MemberRole>{MemberRole::kPrimaryOwner, MemberRole::kOwner}));

  const EvaluationLine& included = outcome.evaluations[1];
  EXPECT_EQ(included.bound.bucket, Bucket::kIncluded);
  EXPECT_EQ(included.bound.source, BoundSource::kIncludedMonth);
  EXPECT_EQ(included.bound.spent, Dollars(25));
  EXPECT_EQ(included.bound.resets_at, At("2026-12-01T10:00:00Z"));

  const EvaluationLine& own = outcome.evaluations[2];
  EXPECT_EQ(own.bound.scope, Scope::kMember);
  EXPECT_EQ(own.scope_id, "ann");
  EXPECT_EQ(own.bound.spent, Dollars(2));
  EXPECT_EQ(own.changeable_by.size(), 3u) << "admins too";

  const EvaluationLine& tier = outcome.evaluations[3];
  EXPECT_EQ(tier.bound.scope, Scope::kSeatTier);
  EXPECT_EQ(tier.scope_id, "standard");
  EXPECT_EQ(tier.bound.spent, Dollars(2)) << "each member by itself";
}

// Rules: H1
TEST(Evaluations, OfAnAdmittedPlainCheckAreLeftOutUnlessAskedFor) {
  TestWallet wallet("team");
  wallet.AddMember("ann").ExtraForEveryone().Grant(Dollars(3));
  EXPECT_TRUE(wallet.Check("ann").evaluations.empty());
  EXPECT_FALSE(wallet.Check("ann", Dollars(1)).evaluations.empty());
  CheckAdmissionCommand command = CheckOf("ann");
  command.full_view = true;
  const CheckAdmissionOutcome outcome = wallet.Check(command);
  ASSERT_EQ(outcome.evaluations.size(), 5u) << "two windows, member, organization, balance";
  const EvaluationLine& balance = outcome.evaluations.back();
  EXPECT_EQ(balance.bound.source, BoundSource::kBalance);
  EXPECT_EQ(balance.bound.limit, Amount(Dollars(3)));
  EXPECT_EQ(balance.bound.resets_at, absl::InfiniteFuture());
  EXPECT_EQ(balance.changeable_by,
            (std::vector<MemberRole>{MemberRole::kPrimaryOwner, MemberRole::kOwner,
                                     MemberRole::kBilling}));
}

// Rules: B1
TEST(Headroom, SubtractsWhatIsHeldInEveryScope) {
  // Nothing places holds yet; the wallet's shape carries them.
  TestWallet wallet("seats");
  wallet.AddMember("ann").ExtraForEveryone().LimitOrganization(Dollars(10));
  WalletHeader header = wallet.header();
  Member ann = wallet.member("ann");
  ann.held_included = Dollars(20);
  header.held_extra = Dollars(8);
  const AdmissionState state = Evaluate(header, &ann, {"ann", "chat", "m"}, wallet.context());
  EXPECT_EQ(state.included_headroom, Dollars(5));
  EXPECT_EQ(state.extra_headroom, std::optional<Amount>(Dollars(2)));
  ann.held_included = Dollars(30);
  EXPECT_EQ(Evaluate(header, &ann, {"ann", "chat", "m"}, wallet.context()).included_headroom,
            Amount())
      << "floored at zero";
}

// Rules: O6
TEST(VirtualMember, IsEvaluatedAsADefaultSeatAndLeavesNothing) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  const CheckAdmissionOutcome outcome = wallet.Check("new", Dollars(25));
  EXPECT_TRUE(outcome.admitted);
  EXPECT_EQ(outcome.bucket, Bucket::kIncluded);
  EXPECT_EQ(wallet.Check("new", Dollars(26)).denial->reason, DenialReason::kExtraUsageDisabled);
  wallet.ExtraFor({});
  EXPECT_EQ(wallet.Check("new", Dollars(26)).denial->reason, DenialReason::kMemberNotSelected);
  EXPECT_TRUE(wallet.wallet().members.empty());
  EXPECT_EQ(wallet.entries().size(), 2u) << "created, and extra usage switched";
}

// Rules: O6
TEST(VirtualMember, IsNotFoundWithoutAutomaticProvisioning) {
  TestWallet wallet("seats");
  const auto check = wallet.Try<CheckAdmissionOutcome>(CheckOf("new"));
  EXPECT_EQ(check.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RefusalReason(check), "MEMBER_NOT_FOUND");
  const auto record = wallet.Try<RecordConsumptionOutcome>(RecordOf("new", Dollars(1)));
  EXPECT_EQ(record.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(wallet.entries().size(), 1u);
}

// Rules: O6, L1
TEST(VirtualMember, StaysUnderTierAndOrganizationLimits) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("usage", settings);
  wallet.LimitTier("basic", Dollars(2));
  EXPECT_TRUE(wallet.Check("new", Dollars(2)).admitted);
  EXPECT_FALSE(wallet.Check("new", Dollars(3)).admitted);
}

// The share of the organization's limit that is reported as reached; zero for none.
int ReachedPercent(const CheckAdmissionOutcome& outcome) {
  for (const ThresholdReached& threshold : outcome.thresholds) {
    if (threshold.scope == Scope::kOrganization) return threshold.percent;
  }
  return 0;
}

// Rules: L5
TEST(Thresholds, ReportTheHighestThatIsReached) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Nanos(1'000));
  const std::vector<std::pair<int64_t, int>> spend_and_percent = {
      {499, 0}, {1, 50}, {249, 50}, {1, 75}, {149, 75}, {1, 90}, {99, 90}, {1, 100}, {500, 100}};
  for (const auto& [spend, percent] : spend_and_percent) {
    wallet.Record("ann", Nanos(spend));
    EXPECT_EQ(ReachedPercent(wallet.Check("ann")), percent)
        << FormatAmount(wallet.header().month.extra);
  }
}

// Rules: L5
TEST(Thresholds, SayWhetherMoreIsSpent) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitOrganization(Nanos(1'000));
  for (const auto& [spend, exceeded] :
       std::vector<std::pair<int64_t, bool>>{{500, false}, {1, true}, {499, false}, {1, true}}) {
    wallet.Record("ann", Nanos(spend));
    const CheckAdmissionOutcome outcome = wallet.Check("ann");
    ASSERT_EQ(outcome.thresholds.size(), 1u);
    EXPECT_EQ(outcome.thresholds[0].exceeded, exceeded)
        << FormatAmount(wallet.header().month.extra);
  }
}

// Rules: L5
TEST(Thresholds, AreByScopeAndNeverOfUnlimitedOrZeroLimits) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").LimitMember("ann", Dollars(10)).LimitTier("basic", std::nullopt);
  wallet.LimitOrganization(Nanos());
  wallet.Record("ann", Dollars(8));
  const CheckAdmissionOutcome outcome = wallet.Check("ann");
  ASSERT_EQ(outcome.thresholds.size(), 1u);
  EXPECT_EQ(outcome.thresholds[0].scope, Scope::kMember);
  EXPECT_EQ(outcome.thresholds[0].scope_id, "ann");
  EXPECT_EQ(outcome.thresholds[0].percent, 75);
}

// Rules: B3, O5
TEST(Plans, LongestWindowIsTheLongestOfAnyTier) {
  EXPECT_EQ(TestPlans().Find("team")->LongestWindow(), WindowKind::kWeek);
  EXPECT_EQ(TestPlans().Find("seats")->LongestWindow(), WindowKind::kMonth);
  EXPECT_EQ(TestPlans().Find("usage")->LongestWindow(), WindowKind::kMonth) << "none has any";
  EXPECT_EQ(TestPlans().Find("sessions")->LongestWindow(), WindowKind::kDay)
      << "a session has no boundary to wait for";
  Plan daily = *TestPlans().Find("sessions");
  daily.seat_tiers[0].windows.push_back({WindowKind::kDay, Dollars(9)});
  EXPECT_EQ(daily.LongestWindow(), WindowKind::kDay);
  EXPECT_EQ(TestPlans().Find("nothing"), nullptr);
}

// Rules: B3, D2
TEST(IncludedDay, IsNamedInItsDenial) {
  PlanCatalog plans = TestPlans();
  plans.plans[1].seat_tiers[0].windows = {{WindowKind::kDay, Dollars(1)}};
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  Member ann = wallet.member("ann");
  ann.windows.push_back({WindowKind::kDay, {Start(), Start() + absl::Hours(24)}, Dollars(1)});
  DecisionContext context = wallet.context();
  context.plans = &plans;
  const AdmissionQuery query{"ann", "chat", "m"};
  const AdmissionState state = Evaluate(wallet.header(), &ann, query, context);
  const Verdict verdict = Judge(state, {});
  const Denial denial =
      BuildDenial(wallet.wallet(), &ann, query, state, {}, verdict, context, false);
  EXPECT_EQ(denial.message,
            "You used up your daily included usage (1.00 USD) until 2 Nov 2026, 10:00 (UTC), and "
            "extra usage is off.");
}

}  // namespace
}  // namespace bursar
