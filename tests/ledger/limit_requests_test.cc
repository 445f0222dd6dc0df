// Requests for more where limits are of other periods, surfaces and models, or for a time.
#include <gtest/gtest.h>

#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

SetSpendLimitCommand PeriodLimitOf(Scope scope, const std::string& scope_id, PeriodKind period,
                                   std::optional<Nanos> amount) {
  SetSpendLimitCommand command = LimitOf(scope, scope_id, amount);
  command.period = period;
  return command;
}

// "usage" with an owner, and ann, who asks on chat.
class LimitRequests : public testing::Test {
 protected:
  LimitRequests() : wallet_("usage") {
    MemberChange owner = ChangeOf("olga");
    owner.role = MemberRole::kPrimaryOwner;
    MemberChange admin = ChangeOf("adam");
    admin.role = MemberRole::kAdmin;
    wallet_.Do(UpsertMembersCommand{{owner, admin, ChangeOf("ann")}});
  }
  int64_t AskForALimit(std::optional<Nanos> amount = std::nullopt) {
    CreateIncreaseRequestCommand command;
    command.member_id = "ann";
    command.kind = IncreaseKind::kHigherLimit;
    command.amount = amount;
    command.surface = "chat";
    return wallet_.Do(command).request->sequence;
  }
  static ApproveIncreaseRequestCommand ApprovalOf(int64_t request, const std::string& reviewer) {
    ApproveIncreaseRequestCommand approval;
    approval.sequence = request;
    approval.reviewer = {reviewer};
    return approval;
  }
  IncreaseState StateOf(int64_t request) const {
    return wallet_.wallet().requests.at(request).state;
  }

  TestWallet wallet_;
};

// Rules: Q2, L4
TEST_F(LimitRequests, AreGrantedForATime) {
  wallet_.LimitMember("ann", Dollars(10)).Record("ann", Dollars(10));
  const int64_t request = AskForALimit(Dollars(50));
  ApproveIncreaseRequestCommand approval;
  approval.sequence = request;
  approval.reviewer = {"olga"};
  approval.expires_at = At("2026-11-03T09:00:00Z");
  const AdministrationOutcome approved = wallet_.Do(approval);
  EXPECT_EQ(approved.request->state, IncreaseState::kApproved);
  EXPECT_EQ(approved.request->granted_until, At("2026-11-03T09:00:00Z"));
  EXPECT_TRUE(wallet_.Check("ann", Dollars(40)).admitted);
  wallet_.MoveTo(At("2026-11-03T09:00:00Z"));
  EXPECT_FALSE(wallet_.Check("ann").admitted) << "ten are allowed again";
}

// Rules: Q2, L4
TEST_F(LimitRequests, AreNotGrantedUntilAnInstantThatIsOver) {
  wallet_.LimitMember("ann", Dollars(10));
  ApproveIncreaseRequestCommand approval;
  approval.sequence = AskForALimit(Dollars(50));
  approval.reviewer = {"olga"};
  approval.expires_at = wallet_.now();
  EXPECT_EQ(RefusedFields(wallet_.Administer(approval).status()),
            std::vector<std::string>{"expire_time"});
}

// Rules: Q1, L1, L6
TEST_F(LimitRequests, AreForLimitsOfEveryPeriodAndSurface) {
  CreateIncreaseRequestCommand command;
  command.member_id = "ann";
  command.kind = IncreaseKind::kHigherLimit;
  command.surface = "chat";
  EXPECT_EQ(RefusalReason(wallet_.Administer(command)), "NOTHING_TO_ASK");
  wallet_.Do(PeriodLimitOf(Scope::kSurface, "editor", PeriodKind::kDay, Dollars(5)));
  EXPECT_EQ(RefusalReason(wallet_.Administer(command)), "NOTHING_TO_ASK") << "asks on chat";
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kHour, Dollars(5)));
  EXPECT_EQ(RefusalReason(wallet_.Administer(command)), "OK");
}

// Rules: Q1, Q2, L1, L2
TEST_F(LimitRequests, RaiseTheLimitThatHasTheLeastLeft) {
  wallet_.LimitOrganization(Dollars(100)).LimitMember("ann", Dollars(40));
  wallet_.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(5)));
  wallet_.Record("ann", Dollars(5));
  const int64_t request = AskForALimit(Dollars(9));
  EXPECT_EQ(wallet_.wallet().requests.at(request).limit,
            (LimitKey{Scope::kMember, "ann", PeriodKind::kDay}));
  EXPECT_FALSE(wallet_.Check("ann").admitted);
  const AdministrationOutcome approved = wallet_.Do(ApprovalOf(request, "adam"));
  EXPECT_EQ(approved.request->state, IncreaseState::kApproved);
  EXPECT_TRUE(wallet_.Check("ann", Dollars(4)).admitted) << "the very next check";
  EXPECT_FALSE(wallet_.Check("ann", Dollars(5)).admitted);
}

// Rules: Q1, Q2, A3
TEST_F(LimitRequests, ForALimitThatIsNotTheMembersGoToTheOwners) {
  wallet_.LimitMember("ann", Dollars(40));
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(5)));
  wallet_.Record("ann", Dollars(5));
  const int64_t request = AskForALimit(Dollars(9));
  EXPECT_EQ(wallet_.wallet().requests.at(request).limit,
            (LimitKey{Scope::kOrganization, "", PeriodKind::kDay}));
  EXPECT_EQ(wallet_.Do(ApprovalOf(request, "adam")).request->state, IncreaseState::kEscalated);
  EXPECT_FALSE(wallet_.Check("ann").admitted);
  EXPECT_EQ(wallet_.Do(ApprovalOf(request, "olga")).request->state, IncreaseState::kApproved);
  EXPECT_TRUE(wallet_.Check("ann", Dollars(4)).admitted);
  EXPECT_FALSE(wallet_.Check("ann", Dollars(5)).admitted);
}

// Rules: Q2, A3
TEST_F(LimitRequests, OfADayAreGrantedByAnAdminWithinTheOrganizationsDay) {
  wallet_.Do(PeriodLimitOf(Scope::kOrganization, "", PeriodKind::kDay, Dollars(30)));
  wallet_.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(5)));
  wallet_.Record("ann", Dollars(5));
  const int64_t request = AskForALimit(Dollars(31));
  EXPECT_EQ(wallet_.Do(ApprovalOf(request, "adam")).request->state, IncreaseState::kEscalated);
  ApproveIncreaseRequestCommand less = ApprovalOf(request, "adam");
  less.amount = Dollars(30);
  EXPECT_EQ(wallet_.Do(less).request->state, IncreaseState::kApproved);
}

// Rules: Q1, L1
TEST_F(LimitRequests, NameTheLimitOfTheModelThatBlocked) {
  wallet_.LimitMember("ann", Dollars(40));
  wallet_.Do(PeriodLimitOf(Scope::kModel, "haiku", PeriodKind::kWeek, Dollars(5)));
  CreateIncreaseRequestCommand command;
  command.member_id = "ann";
  command.kind = IncreaseKind::kHigherLimit;
  command.amount = Dollars(5);
  command.surface = "chat";
  command.model = "anthropic/haiku";
  EXPECT_EQ(RefusedFields(wallet_.Administer(command).status()),
            std::vector<std::string>{"amount"});
  command.amount = Dollars(6);
  EXPECT_EQ(wallet_.Do(command).request->limit,
            (LimitKey{Scope::kModel, "haiku", PeriodKind::kWeek}));
}

// Rules: Q2
TEST_F(LimitRequests, AreSupersededOnceTheLimitIsLifted) {
  wallet_.LimitMember("ann", Dollars(40));
  wallet_.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(5)));
  const int64_t request = AskForALimit(Dollars(9));
  wallet_.LimitMember("ann", Dollars(50));
  EXPECT_EQ(StateOf(request), IncreaseState::kPending) << "asked for the day's";
  wallet_.Do(PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, std::nullopt));
  EXPECT_EQ(StateOf(request), IncreaseState::kSuperseded);
}

// Rules: Q2, L4
TEST_F(LimitRequests, AreNotGrantedOnceTheLimitIsGone) {
  // A temporary limit on a member that has none for good: time alone lifts it.
  SetSpendLimitCommand limit = PeriodLimitOf(Scope::kMember, "ann", PeriodKind::kDay, Dollars(5));
  limit.expires_at = At("2026-11-03T09:00:00Z");
  wallet_.Do(limit);
  const int64_t request = AskForALimit(Dollars(9));
  wallet_.MoveTo(At("2026-11-03T09:00:00Z"));
  EXPECT_EQ(RefusalReason(wallet_.Administer(ApprovalOf(request, "olga"))), "NOTHING_TO_ASK");
  EXPECT_EQ(StateOf(request), IncreaseState::kPending);
}

// Rules: Q2, L1
TEST_F(LimitRequests, AreSupersededByARaiseOfTheLimitThatBlocks) {
  wallet_.LimitOrganization(Dollars(20));
  wallet_.Do(PeriodLimitOf(Scope::kSurface, "chat", PeriodKind::kDay, Dollars(5)));
  wallet_.Do(PeriodLimitOf(Scope::kModel, "haiku", PeriodKind::kDay, Dollars(5)));
  wallet_.Record("ann", Dollars(5));
  const int64_t request = AskForALimit();
  wallet_.Do(PeriodLimitOf(Scope::kModel, "haiku", PeriodKind::kDay, Dollars(50)));
  EXPECT_EQ(StateOf(request), IncreaseState::kPending) << "another model was in nobody's way";
  wallet_.Do(PeriodLimitOf(Scope::kSurface, "chat", PeriodKind::kDay, Dollars(8)));
  EXPECT_EQ(StateOf(request), IncreaseState::kSuperseded);
}

// Rules: Q2, L4
TEST_F(LimitRequests, AreSupersededByARaiseForATime) {
  wallet_.LimitMember("ann", Dollars(5)).Record("ann", Dollars(5));
  const int64_t request = AskForALimit();
  SetSpendLimitCommand raise = LimitOf(Scope::kMember, "ann", Dollars(9));
  raise.expires_at = At("2026-11-03T09:00:00Z");
  wallet_.Do(raise);
  EXPECT_EQ(StateOf(request), IncreaseState::kSuperseded);
}

// Rules: Q2, O8
TEST_F(LimitRequests, ForExtraUsageAreNotGrantedOnceEverythingIsMetered) {
  UpdateOrganizationCommand move;
  move.plan_id = "seats";
  wallet_.Do(move);
  CreateIncreaseRequestCommand command;
  command.member_id = "ann";
  command.kind = IncreaseKind::kExtraUsage;
  const int64_t request = wallet_.Do(command).request->sequence;
  move.plan_id = "usage";
  wallet_.Do(move);
  ApproveIncreaseRequestCommand approval;
  approval.sequence = request;
  approval.reviewer = {"olga"};
  EXPECT_EQ(RefusalReason(wallet_.Administer(approval)), "EXTRA_USAGE_NOT_APPLICABLE");
  EXPECT_EQ(StateOf(request), IncreaseState::kPending);
}

}  // namespace
}  // namespace bursar
