// Organizations and extra usage: creation, settings, what waits for a boundary, next steps.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

absl::StatusOr<Decision<AdministrationOutcome>> Create(OrganizationSettings settings) {
  return Decide(CreateOrganizationCommand{"acme", std::move(settings)},
                DecisionContext{Start(), &TestPlans(), &TestZones()});
}

OrganizationSettings SettingsOf(const std::string& plan) {
  OrganizationSettings settings;
  settings.plan_id = plan;
  settings.billing_anchor = absl::InfinitePast();
  return settings;
}

// Rules: O2, T4, M4
TEST(Organization, TakesDefaults) {
  const auto decision = Create(SettingsOf("team"));
  ASSERT_TRUE(decision.ok());
  const auto& created = std::get<OrganizationCreated>(decision->bodies.at(0));
  EXPECT_EQ(created.organization_id, "acme");
  EXPECT_EQ(created.settings.display_name, "acme");
  EXPECT_EQ(created.settings.currency_code, "USD");
  EXPECT_EQ(created.settings.time_zone, "UTC");
  EXPECT_EQ(created.settings.billing_anchor, Start());
  EXPECT_EQ(created.settings.included_scope, IncludedScope::kSeat);
}

// Rules: O2, M2, M4, T4
TEST(Organization, IsRefusedWithEachFieldThatIsWrong) {
  struct {
    void (*spoil)(OrganizationSettings& settings);
    const char* field;
  } const kCases[] = {
      {[](auto& s) { s.plan_id = ""; }, "organization.plan"},
      {[](auto& s) { s.plan_id = "gold"; }, "organization.plan"},
      {[](auto& s) { s.currency_code = "EUR"; }, "organization.currency_code"},
      {[](auto& s) { s.currency_code = "JPY"; }, "organization.currency_code"},
      {[](auto& s) { s.currency_code = "usd"; }, "organization.currency_code"},
      {[](auto& s) { s.time_zone = "Mars/Olympus"; }, "organization.time_zone"},
      {[](auto& s) { s.time_zone = "localtime"; }, "organization.time_zone"},
      {[](auto& s) { s.billing_anchor = At("1969-12-31T23:59:59Z"); },
       "organization.billing_anchor"},
      {[](auto& s) { s.billing_anchor = At("2200-01-01T00:00:00Z"); },
       "organization.billing_anchor"},
      {[](auto& s) { s.status = AccountStatus::kRemoved; }, "organization.status"},
      {[](auto& s) { s.max_seats = -1; }, "organization.max_seats"},
  };
  for (const auto& spoiled : kCases) {
    OrganizationSettings settings = SettingsOf("team");
    spoiled.spoil(settings);
    const auto refused = Create(settings);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{spoiled.field}));
  }
}

// Rules: O2, A4
TEST(Organization, ChangesOnlyWhatIsNamedAndSaysBeforeAndAfter) {
  TestWallet wallet("team");
  UpdateOrganizationCommand command;
  command.display_name = "Acme Corp";
  command.max_seats = 7;
  command.auto_provision_members = true;
  command.settings_url = "https://acme.example";
  command.status = AccountStatus::kSuspended;
  wallet.Do(command);
  const OrganizationSettings& settings = wallet.header().settings;
  EXPECT_EQ(settings.display_name, "Acme Corp");
  EXPECT_EQ(settings.max_seats, 7);
  EXPECT_TRUE(settings.auto_provision_members);
  EXPECT_EQ(settings.plan_id, "team");
  EXPECT_EQ(wallet.Bodies<OrganizationUpdated>().at(0).changes,
            (std::vector<FieldChange>{{"display_name", "Acme", "Acme Corp"},
                                      {"status", "active", "suspended"},
                                      {"settings_url", "", "https://acme.example"},
                                      {"auto_provision_members", "no", "yes"},
                                      {"max_seats", "0", "7"}}));
  wallet.Do(command);
  EXPECT_EQ(wallet.Count<OrganizationUpdated>(), 1) << "nothing changed the second time";
}

// Rules: O2
TEST(OrganizationEtag, MismatchIsAbortedAndUsageNeverChangesIt) {
  TestWallet wallet("usage");
  wallet.AddMember("ann").Record("ann", Dollars(1));
  UpdateOrganizationCommand command;
  command.display_name = "Acme Corp";
  command.expected_version = 1;
  EXPECT_TRUE(wallet.Administer(command).ok());
  const auto refused = wallet.Administer(command);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(RefusalReason(refused), "ETAG_MISMATCH");
}

// Rules: O2, M2, T4
TEST(Organization, UpdateIsRefusedWithEachFieldThatIsWrong) {
  TestWallet wallet("team");
  UpdateOrganizationCommand command;
  command.display_name = "";
  command.status = AccountStatus::kRemoved;
  command.time_zone = "Nowhere";
  command.billing_anchor = At("2200-01-01T00:00:00Z");
  command.max_seats = -1;
  const auto refused = wallet.Administer(command);
  EXPECT_EQ(RefusedFields(refused.status()),
            (std::vector<std::string>{"organization.billing_anchor", "organization.display_name",
                                      "organization.max_seats", "organization.status",
                                      "organization.time_zone"}));
  EXPECT_EQ(wallet.entries().size(), 1u);
}

UpdateOrganizationCommand ZoneChange(const std::string& zone) {
  UpdateOrganizationCommand command;
  command.time_zone = zone;
  return command;
}

// Rules: T4, T3
TEST(PendingSettings, ActWhenTheCurrentWindowAndMonthHaveEnded) {
  TestWallet wallet("seats");  // Windows from 1 November, 10:00; months from the first, 00:00.
  wallet.AddMember("ann");
  wallet.Do(ZoneChange("Asia/Kolkata"));
  const absl::Time boundary = At("2026-12-01T10:00:00Z");
  ASSERT_TRUE(wallet.header().pending_settings.has_value());
  EXPECT_EQ(wallet.header().pending_settings->effective_at, boundary);
  EXPECT_EQ(wallet.header().NextDue(), boundary);
  wallet.MoveTo(boundary - absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(wallet.header().settings.time_zone, "UTC");
  const int64_t version = wallet.header().settings_version;
  wallet.MoveTo(boundary).WriteDues();
  EXPECT_EQ(wallet.header().settings.time_zone, "Asia/Kolkata");
  EXPECT_FALSE(wallet.header().pending_settings.has_value());
  EXPECT_EQ(wallet.header().settings_version, version + 1);
}

// Rules: T4, B5
TEST(PendingSettings, NeverActInTheMiddleOfAWindow) {
  // The window ends on 15 November, the month on 30 November, the next window on 15 December: to
  // act on 1 December would give the allowance twice.
  OrganizationSettings settings;
  settings.billing_anchor = At("2026-10-15T00:00:00Z");
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann");
  UpdateOrganizationCommand command;
  command.included_scope = IncludedScope::kOrganization;
  wallet.Do(command);
  EXPECT_EQ(wallet.header().pending_settings->effective_at, At("2026-12-15T00:00:00Z"));
  wallet.MoveTo(At("2026-12-14T00:00:00Z")).Record("ann", Dollars(25));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  // Without included usage there are no windows to wait for.
  TestWallet metered("usage", settings);
  metered.Do(ZoneChange("Asia/Kolkata"));
  EXPECT_EQ(metered.header().pending_settings->effective_at, At("2026-12-01T00:00:00Z"));
  // A window that ends with the month.
  settings.billing_anchor = At("2026-10-01T00:00:00Z");
  TestWallet aligned("seats", settings);
  aligned.Do(ZoneChange("Asia/Kolkata"));
  EXPECT_EQ(aligned.header().pending_settings->effective_at, At("2026-12-01T00:00:00Z"));
}

// Rules: T4
TEST(PendingSettings, AskedForAgainAreNotPutOffAndTakenBackAreGone) {
  TestWallet wallet("seats");
  wallet.Do(ZoneChange("Asia/Kolkata"));
  const PendingSettings waiting = *wallet.header().pending_settings;
  wallet.MoveTo(At("2026-11-30T23:00:00Z"));
  wallet.Do(ZoneChange("Asia/Kolkata"));
  EXPECT_EQ(*wallet.header().pending_settings, waiting);
  UpdateOrganizationCommand rename;
  rename.display_name = "Other";
  wallet.Do(rename);
  EXPECT_EQ(*wallet.header().pending_settings, waiting) << "another change leaves it waiting";
  wallet.Do(ZoneChange("UTC"));
  EXPECT_FALSE(wallet.header().pending_settings.has_value());
}

// Rules: T4
TEST(PendingSettings, OfSeveralKindsWaitTogether) {
  TestWallet wallet("seats");
  wallet.Do(ZoneChange("Asia/Kolkata"));
  UpdateOrganizationCommand command;
  command.included_scope = IncludedScope::kOrganization;
  command.billing_anchor = At("2026-11-15T00:00:00Z");
  wallet.Do(command);
  const PendingSettings& waiting = *wallet.header().pending_settings;
  EXPECT_EQ(waiting.time_zone, "Asia/Kolkata");
  EXPECT_EQ(waiting.included_scope, IncludedScope::kOrganization);
  EXPECT_EQ(waiting.billing_anchor, At("2026-11-15T00:00:00Z"));
  const OrganizationUpdated updated = wallet.Bodies<OrganizationUpdated>().back();
  ASSERT_EQ(updated.changes.size(), 1u);
  EXPECT_EQ(updated.changes[0].field, "pending");
  EXPECT_EQ(updated.changes[0].after,
            "from 2026-12-01T10:00:00+00:00: zone Asia/Kolkata, anchor 2026-11-15T00:00:00+00:00, "
            "included usage per organization");
}

// Rules: T4, B4, B5
TEST(PendingSettings, LeaveOpenedWindowsAloneAndNewOnesFollowOn) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(1));
  UpdateOrganizationCommand command;
  command.billing_anchor = At("2026-11-15T00:00:00Z");
  wallet.Do(command);
  wallet.Advance(absl::Hours(1)).Record("ann", Dollars(1));
  EXPECT_EQ(wallet.Count<WindowOpened>(), 1) << "the opened one keeps its bounds";
  wallet.MoveTo(At("2026-12-02T00:00:00Z")).Record("ann", Dollars(1));
  const WindowOpened opened = wallet.Bodies<WindowOpened>().back();
  EXPECT_EQ(opened.window, (Window{At("2026-12-01T10:00:00Z"), At("2026-12-15T00:00:00Z")}))
      << "from the end of the one before to the new anchor's next boundary";
}

// Rules: T4, J2
TEST(PendingSettings, NeverGiveScopesOfOneMonthDifferentBounds) {
  // A week longer than the month's rest: the new zone acts in the middle of December, when ann has
  // opened December and bob has not.
  OrganizationSettings settings;
  settings.billing_anchor = At("2026-11-27T00:00:00Z");
  TestWallet wallet("team", settings);
  wallet.AddMember("ann").AddMember("bob").ExtraForEveryone().Grant(Dollars(100));
  wallet.MoveTo(At("2026-11-28T00:00:00Z")).Do(ZoneChange("Asia/Kolkata"));
  EXPECT_EQ(wallet.header().pending_settings->effective_at, At("2026-12-04T00:00:00Z"));
  wallet.MoveTo(At("2026-12-02T00:00:00Z")).Record("ann", Dollars(6));
  wallet.MoveTo(At("2026-12-05T00:00:00Z")).Record("bob", Dollars(7));
  EXPECT_EQ(wallet.header().settings.time_zone, "Asia/Kolkata");
  EXPECT_EQ(wallet.member("ann").month.month, wallet.member("bob").month.month);
  EXPECT_EQ(wallet.header().month.extra, Dollars(3));
  wallet.MoveTo(At("2027-01-02T00:00:00Z")).Record("bob", Dollars(1));
  EXPECT_EQ(wallet.header().month.month,
            (Window{At("2027-01-01T00:00:00Z"), At("2027-01-31T18:30:00Z")}))
      << "December ended as it was opened; January ends in the new zone";
}

// Rules: B2, T4
TEST(PendingSettings, TurnSeatsIntoAPool) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob");
  UpdateOrganizationCommand command;
  command.included_scope = IncludedScope::kOrganization;
  wallet.Do(command);
  EXPECT_FALSE(wallet.Check("ann", Dollars(26)).admitted);
  wallet.MoveTo(At("2026-12-01T10:00:00Z"));
  EXPECT_TRUE(wallet.Check("ann", Dollars(50)).admitted);
  wallet.Record("ann", Dollars(50));
  EXPECT_FALSE(wallet.Check("bob").admitted);
}

// Rules: X1
TEST(ExtraUsage, IsOffByDefault) {
  TestWallet wallet("team");
  EXPECT_FALSE(wallet.header().extra_enabled);
}

// Rules: X1, X5
TEST(ExtraUsage, IsForEveryoneOrForSelectedMembers) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob").Record("ann", Dollars(25));
  wallet.Record("bob", Dollars(25));
  wallet.ExtraFor({"ann"});
  EXPECT_TRUE(wallet.Check("ann").admitted);
  EXPECT_EQ(wallet.Check("bob").denial->reason, DenialReason::kMemberNotSelected);
  wallet.ExtraFor({"bob"});
  EXPECT_EQ(wallet.Check("ann").denial->reason, DenialReason::kMemberNotSelected);
  EXPECT_TRUE(wallet.Check("bob").admitted);
  wallet.ExtraForEveryone();
  EXPECT_TRUE(wallet.Check("ann").admitted);
  wallet.ExtraOff();
  EXPECT_EQ(wallet.Check("bob").denial->reason, DenialReason::kExtraUsageDisabled);
  // The selection stays while it is not in force.
  wallet.Do(UpdateExtraUsageCommand{true, ExtraUsageAudience::kSelected, std::nullopt});
  EXPECT_FALSE(wallet.Check("ann").admitted);
  EXPECT_TRUE(wallet.Check("bob").admitted);
  EXPECT_EQ(wallet.header().selected_count, 1);
}

// Rules: X1
TEST(ExtraUsage, KeepsGrantsWhileItIsOff) {
  TestWallet wallet("team");
  wallet.ExtraForEveryone().Grant(Dollars(5)).ExtraOff();
  EXPECT_EQ(wallet.header().Balance(), Dollars(5));
}

// Rules: X1
TEST(ExtraUsage, SetAgainToTheSameLeavesNoEntry) {
  TestWallet wallet("team");
  wallet.AddMember("ann").AddMember("bob").ExtraFor({"ann", "bob"});
  const size_t entries = wallet.entries().size();
  wallet.ExtraFor({"bob", "ann"});
  wallet.Do(UpdateExtraUsageCommand{true, std::nullopt, std::nullopt});
  EXPECT_EQ(wallet.entries().size(), entries);
  wallet.ExtraFor({"ann"});
  EXPECT_EQ(wallet.entries().size(), entries + 1);
  wallet.ExtraFor({});
  EXPECT_EQ(wallet.header().selected_count, 0);
  EXPECT_EQ(wallet.Bodies<ExtraUsageUpdated>().back().changes,
            (std::vector<FieldChange>{
                {"extra_usage", "on for 1 selected members", "on for 0 selected members"}}));
}

// Rules: X1
TEST(ExtraUsage, IsRefusedForAWrongSelection) {
  TestWallet wallet("team");
  wallet.AddMember("ann");
  auto refused = wallet.Administer(UpdateExtraUsageCommand{
      true, ExtraUsageAudience::kSelected, std::vector<std::string>{"ann", "nobody", "ann"}});
  EXPECT_EQ(RefusedFields(refused.status()),
            (std::vector<std::string>{"selected_member_ids[1]", "selected_member_ids[2]"}));
  refused = wallet.Administer(UpdateExtraUsageCommand{true, ExtraUsageAudience::kEveryone,
                                                      std::vector<std::string>{"ann"}});
  EXPECT_EQ(RefusedFields(refused.status()), (std::vector<std::string>{"selected_member_ids"}));
  EXPECT_FALSE(wallet.header().extra_enabled);
}

// Rules: O1, X1
TEST(ExtraUsage, DoesNotApplyToMeteredPlans) {
  TestWallet wallet("usage");
  const auto refused = wallet.Administer(UpdateExtraUsageCommand{true, std::nullopt, std::nullopt});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(refused), "EXTRA_USAGE_NOT_APPLICABLE");
}

// How many of the steps hold each word: pay, limit, for whom.
std::vector<bool> StepsMention(const std::vector<std::string>& steps) {
  std::vector<bool> mentioned;
  for (const char* word : {"Buy credit", "spend limit", "elect members"}) {
    bool found = false;
    for (const std::string& step : steps) found = found || step.find(word) != std::string::npos;
    mentioned.push_back(found);
  }
  return mentioned;
}

// Rules: X0
TEST(ExtraUsageNextSteps, FollowThePlan) {
  using Steps = std::vector<bool>;
  const UpdateExtraUsageCommand enable{true, ExtraUsageAudience::kEveryone, std::nullopt};
  TestWallet team("team");
  EXPECT_EQ(StepsMention(team.Do(enable).next_steps), (Steps{true, true, true}));
  team.Grant(Dollars(5)).LimitOrganization(Dollars(5));
  EXPECT_EQ(StepsMention(team.Do(enable).next_steps), (Steps{false, false, true}));
  TestWallet seats("seats");
  EXPECT_EQ(StepsMention(seats.Do(enable).next_steps), (Steps{false, true, false}))
      << "limits, no payment";
  seats.LimitOrganization(std::nullopt);
  EXPECT_TRUE(seats.Do(enable).next_steps.empty()) << "unlimited is a choice too";
  const UpdateExtraUsageCommand nobody{true, ExtraUsageAudience::kSelected, std::nullopt};
  EXPECT_EQ(StepsMention(seats.Do(nobody).next_steps), (Steps{false, false, true}));
  EXPECT_TRUE(
      seats.Do(UpdateExtraUsageCommand{false, std::nullopt, std::nullopt}).next_steps.empty());
}

std::vector<DenialReason> BlockersOf(const TestWallet& wallet) {
  std::vector<DenialReason> reasons;
  for (const Blocker& blocker : OrganizationBlockers(wallet.header(), wallet.context())) {
    EXPECT_FALSE(blocker.message.empty());
    EXPECT_EQ(blocker.scope, Scope::kOrganization);
    reasons.push_back(blocker.reason);
  }
  return reasons;
}

// Rules: X6
TEST(Blockers, ListEverythingThatIsStillInTheWay) {
  using Reasons = std::vector<DenialReason>;
  TestWallet wallet("solo");
  wallet.AddMember("ann").ExtraForEveryone().Record("ann", Dollars(25));
  wallet.LimitOrganization(Dollars(5)).ExtraOff();
  UpdateOrganizationCommand command;
  command.status = AccountStatus::kSuspended;
  wallet.Do(command);
  EXPECT_EQ(BlockersOf(wallet),
            (Reasons{DenialReason::kOrganizationSuspended, DenialReason::kExtraUsageDisabled,
                     DenialReason::kOrganizationLimitReached, DenialReason::kBalanceExhausted}));
  command.status = AccountStatus::kActive;
  wallet.Do(command);
  wallet.ExtraForEveryone().Grant(Dollars(50));
  EXPECT_EQ(BlockersOf(wallet), (Reasons{DenialReason::kOrganizationLimitReached}))
      << "a top-up that a limit still blocks";
  wallet.MoveTo(At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(BlockersOf(wallet), Reasons()) << "a new month";
}

// Rules: X6, X3
TEST(Blockers, OfAPostpaidWalletAreNeverTheBalance) {
  TestWallet wallet("usage");
  EXPECT_EQ(BlockersOf(wallet), std::vector<DenialReason>());
  wallet.LimitOrganization(Nanos());
  EXPECT_EQ(BlockersOf(wallet),
            (std::vector<DenialReason>{DenialReason::kOrganizationLimitReached}));
}

}  // namespace
}  // namespace bursar
