// Usage, members, statements, denials and explanations through the public interface, with a clock
// that the test moves over the month's end.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

// Goes on by itself, and further when it is told to.
class MovedClock final : public Clock {
 public:
  absl::Time Now() const override { return system_.Now() + absl::Nanoseconds(ahead_.load()); }
  absl::Duration Monotonic() const override {
    return system_.Monotonic() + absl::Nanoseconds(ahead_.load());
  }
  void Advance(absl::Duration duration) { ahead_ += absl::ToInt64Nanoseconds(duration); }

 private:
  SystemClock system_;
  std::atomic<int64_t> ahead_{0};
};

struct HasMovedClock {
  MovedClock moved_clock;
};

class SeeingTest : public HasMovedClock, public ServerTest {
 protected:
  SeeingTest() : ServerTest(nullptr, &moved_clock) {}

  template <class Request, class Response>
  grpc::Status Ask(grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                   const Request& request, Response* response,
                   const std::string& token = kOperatorToken, const std::string& actor = "") {
    return Call(admin_.get(), method, request, response, token, actor);
  }
  static int64_t Nano(const v1::Money& money) {
    return money.units() * 1'000'000'000 + money.nanos();
  }
};

// Rules: S2, S4, T3
TEST_F(SeeingTest, AStatementIsADraftUntilItsMonthIsOverAndThenFinal) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
  ASSERT_TRUE(AddMember("acme", "ann").ok());
  ASSERT_TRUE(AddMember("acme", "bob").ok());
  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 3, "r1", &receipt).ok());
  ASSERT_TRUE(RecordCost("acme", "bob", 4, "r2", &receipt).ok());
  v1::GetStatementRequest ask;
  ask.set_organization_id("acme");
  v1::GetStatementResponse shown;
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::GetStatement, ask, &shown).ok());
  EXPECT_EQ(shown.statement().state(), v1::STATEMENT_STATE_DRAFT);
  ASSERT_EQ(shown.lines_size(), 2);
  EXPECT_EQ(shown.lines(0).member_id(), "bob") << "dearest first";
  EXPECT_EQ(shown.lines(0).surface(), "chat");
  EXPECT_EQ(Nano(shown.statement().net_cost()), 7'000'000'000);
  EXPECT_EQ(Nano(shown.line_total().cost()), 7'000'000'000);

  moved_clock.Advance(absl::Hours(24 * 32));
  v1::ListStatementsRequest list;
  list.set_organization_id("acme");
  v1::ListStatementsResponse listed;
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListStatements, list, &listed).ok());
  ASSERT_EQ(listed.statements_size(), 1);
  EXPECT_EQ(listed.statements(0).state(), v1::STATEMENT_STATE_FINAL);
  EXPECT_EQ(Nano(listed.statements(0).metered()), 7'000'000'000);
  EXPECT_EQ(listed.statements(0).charge_count(), 2);

  ASSERT_TRUE(RecordCost("acme", "ann", 9, "r3", &receipt).ok());
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListStatements, list, &listed).ok());
  ASSERT_EQ(listed.statements_size(), 2);
  EXPECT_EQ(listed.statements(0).state(), v1::STATEMENT_STATE_DRAFT);
  list.set_page_size(1);
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListStatements, list, &listed).ok());
  EXPECT_FALSE(listed.next_page_token().empty());
  list.set_page_token(listed.next_page_token());
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListStatements, list, &listed).ok());
  ASSERT_EQ(listed.statements_size(), 1);
  EXPECT_EQ(listed.statements(0).state(), v1::STATEMENT_STATE_FINAL);
  EXPECT_TRUE(listed.next_page_token().empty());

  ask.set_statement_id("1999-01-01");
  const grpc::Status missing = Ask(&v1::AdminService::Stub::GetStatement, ask, &shown);
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(missing), "STATEMENT_NOT_FOUND");
}

// Rules: S2, S3
TEST_F(SeeingTest, UsageAndMembersComeInPagesThatAddUp) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
  v1::RecordConsumptionResponse receipt;
  for (int i = 0; i < 9; ++i) {
    const std::string member = absl::StrCat("member-", i);
    ASSERT_TRUE(AddMember("acme", member).ok());
    ASSERT_TRUE(RecordCost("acme", member, (i * 5) % 9 + 1, absl::StrCat("r", i), &receipt).ok());
  }
  v1::QueryUsageRequest query;
  query.set_organization_id("acme");
  query.add_group_by(v1::USAGE_DIMENSION_MEMBER);
  query.add_group_by(v1::USAGE_DIMENSION_DAY);
  query.set_page_size(2);
  int64_t sum = 0;
  int pages = 0;
  v1::QueryUsageResponse usage;
  do {
    ASSERT_TRUE(Ask(&v1::AdminService::Stub::QueryUsage, query, &usage).ok());
    for (const v1::UsageRow& row : usage.rows()) sum += Nano(row.cost());
    EXPECT_EQ(Nano(usage.total().cost()), 45'000'000'000);
    if (++pages == 1) {
      // What is recorded meanwhile is on no page.
      ASSERT_TRUE(RecordCost("acme", "member-0", 100, "late", &receipt).ok());
    }
    query.set_page_token(usage.next_page_token());
  } while (!usage.next_page_token().empty());
  EXPECT_EQ(pages, 5);
  EXPECT_EQ(sum, 45'000'000'000);

  v1::ListMembersRequest list;
  list.set_organization_id("acme");
  list.set_order(v1::MEMBER_ORDER_SPEND);
  list.set_page_size(4);
  v1::ListMembersResponse members;
  std::vector<int64_t> spent;
  do {
    ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListMembers, list, &members).ok());
    for (const v1::MemberSummary& one : members.members()) {
      spent.push_back(Nano(one.month_to_date()));
    }
    list.set_page_token(members.next_page_token());
  } while (!members.next_page_token().empty());
  ASSERT_EQ(spent.size(), 9u);
  EXPECT_EQ(spent[0], 101'000'000'000);
  EXPECT_TRUE(std::is_sorted(spent.rbegin(), spent.rend()));
}

// Rules: S2, M2
TEST_F(SeeingTest, MalformedQuestionsNameEveryField) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
  v1::QueryUsageRequest query;
  query.set_organization_id("acme");
  query.add_group_by(v1::USAGE_DIMENSION_DAY);
  query.add_group_by(v1::USAGE_DIMENSION_DAY);
  query.set_time_zone("Mars/Phobos");
  v1::QueryUsageResponse usage;
  const grpc::Status status = Ask(&v1::AdminService::Stub::QueryUsage, query, &usage);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"group_by[1]", "time_zone"}));
  v1::ExplainDecisionRequest explain;
  explain.set_organization_id("acme");
  v1::ExplainDecisionResponse explained;
  EXPECT_EQ(FieldsOf(Ask(&v1::AdminService::Stub::ExplainDecision, explain, &explained)),
            (std::vector<std::string>{"decision"}));
  explain.mutable_moment()->set_member_id("ann");
  explain.mutable_moment()->mutable_time()->set_seconds(9'000'000'000);
  EXPECT_EQ(FieldsOf(Ask(&v1::AdminService::Stub::ExplainDecision, explain, &explained)),
            (std::vector<std::string>{"moment.time"}));
}

// Rules: D6, S5, A3
TEST_F(SeeingTest, ADenialIsListedFilteredAndExplainedToThoseWhoSeeSpend) {
  ASSERT_TRUE(CreateOrganization("acme", "team").ok());
  ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
  ASSERT_TRUE(AddMember("acme", "ann").ok());
  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 25, "r1", &receipt).ok());
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  ASSERT_EQ(check.decision(), v1::DECISION_DENIED);
  v1::ListDenialsRequest list;
  list.set_organization_id("acme");
  list.set_member_id("ann");
  list.set_reason(check.denial().reason());
  v1::ListDenialsResponse denials;
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListDenials, list, &denials).ok());
  ASSERT_EQ(denials.denials_size(), 1);
  const v1::DeniedCheck& denied = denials.denials(0);
  EXPECT_EQ(denied.denial().message(), check.denial().message());
  EXPECT_EQ(denied.evaluations_size(), check.evaluations_size());
  EXPECT_EQ(denied.revision(), check.revision());

  ASSERT_TRUE(EnableExtra("acme").ok());
  v1::ExplainDecisionRequest explain;
  explain.set_organization_id("acme");
  explain.set_denial_id(denied.denial_id());
  v1::ExplainDecisionResponse explained;
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ExplainDecision, explain, &explained).ok());
  EXPECT_EQ(explained.kind(), v1::EXPLAINED_KIND_DENIAL);
  EXPECT_TRUE(explained.reproduced());
  EXPECT_EQ(explained.denial().reason(), check.denial().reason());
  explain.set_sequence(receipt.sequence());
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ExplainDecision, explain, &explained).ok());
  EXPECT_EQ(explained.kind(), v1::EXPLAINED_KIND_CHARGE);
  EXPECT_TRUE(explained.reproduced());
  ASSERT_EQ(explained.draws_size(), 1);
  EXPECT_EQ(explained.draws(0).amount().units(), 25);

  const std::string token = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  EXPECT_TRUE(Ask(&v1::AdminService::Stub::ListDenials, list, &denials, token, "olga").ok());
  EXPECT_EQ(Ask(&v1::AdminService::Stub::ListDenials, list, &denials, token, "ann").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  list.set_reason(v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  ASSERT_TRUE(Ask(&v1::AdminService::Stub::ListDenials, list, &denials).ok());
  EXPECT_EQ(denials.denials_size(), 0);
}

}  // namespace
}  // namespace bursar
