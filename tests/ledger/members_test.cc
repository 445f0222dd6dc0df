// Members: seats, roles, automatic provisioning, upgrades and downgrades.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

MemberChange WithRole(const std::string& member_id, MemberRole role) {
  MemberChange change = ChangeOf(member_id);
  change.role = role;
  return change;
}

MemberChange WithStatus(const std::string& member_id, AccountStatus status) {
  MemberChange change = ChangeOf(member_id);
  change.status = status;
  return change;
}

// Rules: O3
TEST(Members, StartOnTheDefaultTierWithTheirIdAsName) {
  TestWallet wallet("seats");
  const AdministrationOutcome outcome =
      wallet.Do(UpsertMembersCommand{{ChangeOf("ann"), ChangeOf("bob")}});
  EXPECT_EQ(outcome.created_count, 2);
  EXPECT_EQ(outcome.updated_count, 0);
  const Member& ann = wallet.member("ann");
  EXPECT_EQ(ann.display_name, "ann");
  EXPECT_EQ(ann.tier_id, "standard");
  EXPECT_EQ(ann.role, MemberRole::kMember);
  EXPECT_EQ(ann.status, AccountStatus::kActive);
  EXPECT_EQ(ann.settings_version, 1);
  EXPECT_EQ(wallet.header().member_count, 2);
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, 2);
}

// Rules: O3, A4
TEST(Members, ChangeOnlyWhatIsNamed) {
  TestWallet wallet("seats");
  MemberChange change = ChangeOf("ann");
  change.email = "ann@acme.example";
  change.display_name = "Ann";
  change.time_zone = "Europe/Berlin";
  wallet.Do(UpsertMembersCommand{{change}});
  MemberChange rename = ChangeOf("ann");
  rename.display_name = "Ann B.";
  const AdministrationOutcome outcome = wallet.Do(UpsertMembersCommand{{rename}});
  EXPECT_EQ(outcome.updated_count, 1);
  EXPECT_EQ(wallet.member("ann").email, "ann@acme.example");
  EXPECT_EQ(wallet.member("ann").time_zone, "Europe/Berlin");
  EXPECT_EQ(wallet.member("ann").settings_version, 2);
  const MemberUpserted last = wallet.Bodies<MemberUpserted>().back();
  EXPECT_FALSE(last.created);
  EXPECT_EQ(last.changes, (std::vector<FieldChange>{{"display_name", "Ann", "Ann B."}}));
}

// Rules: O3
TEST(Members, ThatStayAsTheyAreLeaveNoEntry) {
  TestWallet wallet("seats");
  wallet.AddMember("ann");
  const AdministrationOutcome outcome =
      wallet.Do(UpsertMembersCommand{{WithRole("ann", MemberRole::kMember)}});
  EXPECT_EQ(outcome.created_count + outcome.updated_count, 0);
  EXPECT_EQ(wallet.Count<MemberUpserted>(), 1);
}

// Rules: O3, M2
TEST(Members, AreRefusedTogetherWithEveryFieldNamed) {
  TestWallet wallet("seats");
  MemberChange bad = ChangeOf("bob");
  bad.email = "bob at acme";
  bad.display_name = "";
  bad.tier_id = "gold";
  bad.time_zone = "Mars/Olympus";
  const auto refused =
      wallet.Administer(UpsertMembersCommand{{ChangeOf("ann"), bad, ChangeOf("ann")}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RefusedFields(refused.status()),
            (std::vector<std::string>{"members[1].display_name", "members[1].email",
                                      "members[1].seat_tier", "members[1].time_zone",
                                      "members[2].member_id"}));
  EXPECT_TRUE(wallet.wallet().members.empty()) << "nothing half-written";
}

// Rules: O3
TEST(Members, MailAddressesAreCheckedForTheirForm) {
  TestWallet wallet("seats");
  const std::vector<std::pair<std::string, bool>> addresses = {
      {"", true},
      {"a@b", true},
      {"@b", false},
      {"a@", false},
      {"a@b@c", false},
      {"a b@c", false},
      {"a\n@c", false},
      {"ab", false},
      {std::string(250, 'a') + "@b.c", true},
      {std::string(251, 'a') + "@b.c", false}};
  for (const auto& [address, fine] : addresses) {
    MemberChange change = ChangeOf("ann");
    change.email = address;
    EXPECT_EQ(wallet.Administer(UpsertMembersCommand{{change}}).ok(), fine) << address;
  }
}

// Rules: O3
TEST(MemberEtag, MismatchIsAbortedAndUsageNeverChangesIt) {
  TestWallet wallet("seats");
  MemberChange create = ChangeOf("ann");
  create.expected_version = 1;
  EXPECT_EQ(wallet.Administer(UpsertMembersCommand{{create}}).status().code(),
            absl::StatusCode::kAborted);
  create.expected_version = 0;
  EXPECT_TRUE(wallet.Administer(UpsertMembersCommand{{create}}).ok());
  wallet.Record("ann", Dollars(30));
  MemberChange rename = ChangeOf("ann");
  rename.display_name = "Ann";
  rename.expected_version = 1;
  EXPECT_TRUE(wallet.Administer(UpsertMembersCommand{{rename}}).ok());
  const auto refused = wallet.Administer(UpsertMembersCommand{{rename}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(RefusalReason(refused), "ETAG_MISMATCH");
}

// Rules: O4
TEST(PrimaryOwner, IsExactlyOne) {
  TestWallet wallet("seats");
  wallet.Do(UpsertMembersCommand{{WithRole("ann", MemberRole::kPrimaryOwner), ChangeOf("bob")}});
  EXPECT_EQ(wallet.header().primary_owner_id, "ann");
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithRole("bob", MemberRole::kPrimaryOwner)}})),
            "PRIMARY_OWNER_NOT_UNIQUE");
  EXPECT_EQ(
      RefusalReason(wallet.Administer(UpsertMembersCommand{{WithRole("ann", MemberRole::kOwner)}})),
      "NO_PRIMARY_OWNER");
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("ann", AccountStatus::kRemoved)}})),
            "NO_PRIMARY_OWNER");
  EXPECT_EQ(
      RefusalReason(wallet.Administer(UpsertMembersCommand{
          {WithRole("cyd", MemberRole::kPrimaryOwner), WithRole("dan", MemberRole::kPrimaryOwner),
           WithRole("ann", MemberRole::kOwner)}})),
      "PRIMARY_OWNER_NOT_UNIQUE");
}

// Rules: O4
TEST(PrimaryOwner, IsHandedOverInOneCallInEitherOrder) {
  TestWallet wallet("seats");
  wallet.Do(UpsertMembersCommand{{WithRole("ann", MemberRole::kPrimaryOwner), ChangeOf("bob")}});
  wallet.Do(UpsertMembersCommand{
      {WithRole("ann", MemberRole::kOwner), WithRole("bob", MemberRole::kPrimaryOwner)}});
  EXPECT_EQ(wallet.header().primary_owner_id, "bob");
  wallet.Do(UpsertMembersCommand{
      {WithRole("ann", MemberRole::kPrimaryOwner), WithStatus("bob", AccountStatus::kRemoved)}});
  EXPECT_EQ(wallet.header().primary_owner_id, "ann");
  EXPECT_EQ(wallet.header().owner_count, 1);
  EXPECT_EQ(wallet.member("bob").role, MemberRole::kOwner) << "history says what it was";
}

// Rules: O4
TEST(LastOwner, CannotBeRemovedOrDemoted) {
  TestWallet wallet("seats");
  wallet.Do(UpsertMembersCommand{
      {WithRole("ann", MemberRole::kOwner), WithRole("bob", MemberRole::kOwner)}});
  wallet.SetStatus("bob", AccountStatus::kRemoved);
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("ann", AccountStatus::kRemoved)}})),
            "LAST_OWNER");
  EXPECT_EQ(
      RefusalReason(wallet.Administer(UpsertMembersCommand{{WithRole("ann", MemberRole::kAdmin)}})),
      "LAST_OWNER");
  wallet.Do(UpsertMembersCommand{
      {WithRole("ann", MemberRole::kAdmin), WithRole("cyd", MemberRole::kOwner)}});
  EXPECT_EQ(wallet.header().owner_count, 1);
}

// Rules: O4
TEST(LastOwner, CannotBeSuspendedBecauseNobodyCouldLiftIt) {
  TestWallet wallet("seats");
  wallet.Do(UpsertMembersCommand{
      {WithRole("ann", MemberRole::kPrimaryOwner), WithRole("bob", MemberRole::kOwner)}});
  // While another is active, either may be, the primary one included.
  wallet.SetStatus("ann", AccountStatus::kSuspended);
  EXPECT_EQ(wallet.header().owner_count, 1);
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("bob", AccountStatus::kSuspended)}})),
            "LAST_OWNER");
  // A suspended owner does not stand in for the one who leaves.
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("bob", AccountStatus::kRemoved)}})),
            "LAST_OWNER");
  wallet.Do(UpsertMembersCommand{
      {WithStatus("ann", AccountStatus::kActive), WithStatus("bob", AccountStatus::kSuspended)}});
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("ann", AccountStatus::kSuspended)}})),
            "LAST_OWNER");
}

// Rules: O4, R1
TEST(RemovedMember, KeepsItsHistoryAndItsLateRecordsAreRecorded) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(3));
  wallet.SetStatus("ann", AccountStatus::kRemoved);
  EXPECT_EQ(wallet.header().member_count, 0);
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, 0);
  const UsageCharged late = wallet.Record("ann", Dollars(4));
  EXPECT_TRUE(late.unadmitted);
  EXPECT_EQ(wallet.member("ann").month.included, Dollars(7));
  wallet.SetStatus("ann", AccountStatus::kActive);
  EXPECT_EQ(wallet.header().member_count, 1);
  EXPECT_TRUE(wallet.Check("ann", Dollars(18)).admitted);
  EXPECT_FALSE(wallet.Check("ann", Dollars(19)).admitted);
}

// Rules: O1, O3
TEST(Members, StopAtThePlansMaximum) {
  TestWallet wallet("solo");
  wallet.AddMember("ann");
  const auto refused = wallet.Administer(UpsertMembersCommand{{ChangeOf("bob")}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RefusalReason(refused), "TOO_MANY_MEMBERS");
  // One leaves and another comes in the same call.
  wallet.Do(UpsertMembersCommand{{ChangeOf("bob"), WithStatus("ann", AccountStatus::kRemoved)}});
  EXPECT_EQ(wallet.header().member_count, 1);
  EXPECT_EQ(RefusalReason(wallet.Administer(
                UpsertMembersCommand{{WithStatus("ann", AccountStatus::kActive)}})),
            "TOO_MANY_MEMBERS");
}

// Rules: O1, O3
TEST(Members, BeyondAMaximumThatCameLaterStayAndChangeButDoNotGrow) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").AddMember("bob");
  PlanCatalog smaller = TestPlans();
  for (Plan& plan : smaller.plans) plan.max_members = 1;
  DecisionContext context = wallet.context();
  context.plans = &smaller;
  MemberChange rename = ChangeOf("ann");
  rename.display_name = "Ann";
  EXPECT_TRUE(Decide(wallet.wallet(), UpsertMembersCommand{{rename}}, context).ok());
  EXPECT_EQ(
      RefusalReason(Decide(wallet.wallet(), UpsertMembersCommand{{ChangeOf("cyd")}}, context)),
      "TOO_MANY_MEMBERS");
}

// Rules: O6
TEST(Provisioning, CreatesTheMemberAtItsFirstRecord) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  TestWallet wallet("seats", settings);
  const UsageCharged charge = wallet.Record("new", Dollars(5));
  EXPECT_EQ(charge.included, Dollars(5));
  EXPECT_FALSE(charge.unseated);
  EXPECT_FALSE(charge.unadmitted);
  const MemberUpserted created = wallet.Bodies<MemberUpserted>().front();
  EXPECT_TRUE(created.created);
  EXPECT_TRUE(created.automatic);
  EXPECT_EQ(wallet.member("new").tier_id, "standard");
  EXPECT_EQ(wallet.header().member_count, 1);
  wallet.Record("new", Dollars(5));
  EXPECT_EQ(wallet.Count<MemberUpserted>(), 1);
}

// Rules: O6
TEST(Provisioning, StopsSeatingAtTheMaximumButRecordsOn) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  settings.max_seats = 2;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann");
  EXPECT_TRUE(wallet.Check("bob").admitted) << "a seat is left";
  wallet.Record("bob", Dollars(1));
  EXPECT_FALSE(wallet.Check("cyd").admitted) << "no seat, no included usage";
  const UsageCharged charge = wallet.Record("cyd", Dollars(1));
  EXPECT_TRUE(charge.unseated);
  EXPECT_TRUE(charge.unadmitted);
  EXPECT_TRUE(wallet.member("cyd").unseated);
  EXPECT_EQ(wallet.header().member_count, 2);
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, 2);
  // Giving it a seat is an administrator's decision; then included usage is there.
  wallet.MoveToTier("cyd", "standard");
  EXPECT_FALSE(wallet.member("cyd").unseated);
  EXPECT_EQ(wallet.header().member_count, 3);
  EXPECT_EQ(wallet.Check("cyd").bucket, Bucket::kIncluded);
}

// Rules: O6
TEST(Provisioning, TakesTheSmallerOfTheTwoMaxima) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  settings.max_seats = 5;
  TestWallet wallet("solo", settings);
  EXPECT_FALSE(wallet.Record("ann", Dollars(1)).unseated);
  EXPECT_FALSE(wallet.Check("bob").admitted);
  EXPECT_TRUE(wallet.Record("bob", Dollars(1)).unseated);
}

// Rules: O6
TEST(Provisioning, UnseatedMembersMayUseExtraWhereItIsOn) {
  OrganizationSettings settings;
  settings.auto_provision_members = true;
  settings.max_seats = 1;
  TestWallet wallet("seats", settings);
  wallet.AddMember("ann").ExtraForEveryone();
  EXPECT_EQ(wallet.Check("late").bucket, Bucket::kExtra);
  const UsageCharged charge = wallet.Record("late", Dollars(2));
  EXPECT_EQ(charge.extra, Dollars(2));
  EXPECT_FALSE(charge.unadmitted);
}

// Rules: O5, X5
TEST(SeatUpgrade, TakesEffectAtOnce) {
  TestWallet wallet("seats");
  wallet.AddMember("ann").Record("ann", Dollars(25));
  EXPECT_FALSE(wallet.Check("ann").admitted);
  wallet.MoveToTier("ann", "premium");
  EXPECT_EQ(wallet.member("ann").tier_id, "premium");
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, 0);
  EXPECT_EQ(wallet.header().FindTier("premium")->seats, 1);
  EXPECT_TRUE(wallet.Check("ann", Dollars(100)).admitted);
}

// Rules: O5, T3
TEST(SeatDowngrade, WaitsForTheNextOfThePlansLongestWindows) {
  TestWallet wallet("team");
  wallet.AddMember("ann", "premium").Advance(absl::Hours(30)).Record("ann", Dollars(20));
  wallet.MoveToTier("ann", "standard");
  const absl::Time next_week = Start() + absl::Hours(7 * 24);
  ASSERT_TRUE(wallet.member("ann").pending_seat.has_value());
  EXPECT_EQ(wallet.member("ann").pending_seat->effective_at, next_week);
  EXPECT_EQ(wallet.member("ann").tier_id, "premium");
  EXPECT_EQ(wallet.header().NextDue(), next_week);
  EXPECT_EQ(MembersDue(wallet.wallet(), next_week), (std::vector<std::string>{"ann"}));
  EXPECT_TRUE(MembersDue(wallet.wallet(), next_week - absl::Nanoseconds(1)).empty());

  wallet.MoveTo(next_week - absl::Nanoseconds(1)).WriteDues();
  EXPECT_EQ(wallet.member("ann").tier_id, "premium");
  const int64_t version = wallet.member("ann").settings_version;
  wallet.MoveTo(next_week).WriteDues();
  EXPECT_EQ(wallet.member("ann").tier_id, "standard");
  EXPECT_FALSE(wallet.member("ann").pending_seat.has_value());
  EXPECT_EQ(wallet.member("ann").settings_version, version + 1) << "its settings changed";
  EXPECT_EQ(wallet.header().FindTier("premium")->seats, 0);
  EXPECT_EQ(wallet.header().FindTier("standard")->seats, 1);
  EXPECT_TRUE(wallet.header().pending_seats.empty());
  EXPECT_FALSE(wallet.Check("ann", Dollars(6)).admitted);
}

// Rules: O5
TEST(SeatDowngrade, IsCancelledByAskingForTheTierInForce) {
  TestWallet wallet("seats");
  wallet.AddMember("ann", "premium").MoveToTier("ann", "standard");
  EXPECT_EQ(wallet.header().pending_seats.size(), 1u);
  wallet.MoveToTier("ann", "premium");
  EXPECT_TRUE(wallet.header().pending_seats.empty());
  EXPECT_FALSE(wallet.member("ann").pending_seat.has_value());
  wallet.MoveTo(At("2027-02-01T00:00:00Z")).WriteDues();
  EXPECT_EQ(wallet.member("ann").tier_id, "premium");
}

// Rules: O5
TEST(SeatDowngrade, AskedForAgainIsNotPutOff) {
  TestWallet wallet("seats");
  wallet.AddMember("ann", "premium").MoveToTier("ann", "standard");
  const size_t entries = wallet.entries().size();
  wallet.Advance(absl::Hours(24)).MoveToTier("ann", "standard");
  EXPECT_EQ(wallet.entries().size(), entries);
}

// Rules: O4, O5
TEST(SeatDowngrade, EndsWithTheMembersRemoval) {
  TestWallet wallet("seats");
  wallet.AddMember("ann", "premium").MoveToTier("ann", "standard");
  wallet.SetStatus("ann", AccountStatus::kRemoved);
  EXPECT_TRUE(wallet.header().pending_seats.empty());
  EXPECT_EQ(wallet.header().NextDue(), absl::InfiniteFuture());
}

// Rules: O5
TEST(SeatDowngrade, WithinSessionsOnlyWaitsForTheDay) {
  TestWallet wallet("sessions");
  wallet.AddMember("ann", "large").Advance(absl::Hours(1)).MoveToTier("ann", "small");
  EXPECT_EQ(wallet.member("ann").pending_seat->effective_at, Start() + absl::Hours(24));
}

// Rules: O3, O4
TEST(Members, ThatNeverWereCannotBeRemoved) {
  TestWallet wallet("seats");
  EXPECT_EQ(
      RefusedFields(
          wallet.Administer(UpsertMembersCommand{{WithStatus("typo", AccountStatus::kRemoved)}})
              .status()),
      std::vector<std::string>{"members[0].member_id"});
  EXPECT_EQ(wallet.wallet().FindMember("typo"), nullptr);
}

}  // namespace
}  // namespace bursar
