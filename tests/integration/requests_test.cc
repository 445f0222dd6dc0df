// Requests for more through the public interface: who may do what, what the next check says, what
// is listed, told and kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using Quota = v1::QuotaService::Stub;
using Admin = v1::AdminService::Stub;

// "acme" on a postpaid plan with tier seats: the organization's limit is 100; ann has a limit of 10
// and is blocked by it.
class Requests : public ServerTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateOrganization("acme", "enterprise_seat").ok());
    ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
    ASSERT_TRUE(AddMember("acme", "adam", v1::MEMBER_ROLE_ADMIN).ok());
    ASSERT_TRUE(AddMember("acme", "bill", v1::MEMBER_ROLE_BILLING).ok());
    ASSERT_TRUE(AddMember("acme", "ann").ok());
    ASSERT_TRUE(EnableExtra("acme").ok());
    SetLimit("", 100);
    SetLimit("ann", 10);
    v1::RecordConsumptionResponse receipt;
    ASSERT_TRUE(RecordCost("acme", "ann", 35, "r1", &receipt).ok());
    frontend_ = CreateToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});
    console_ = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  }

  // Of a member, or of the organization.
  void SetLimit(const std::string& member_id, int64_t units) {
    v1::SetSpendLimitRequest request;
    request.set_organization_id("acme");
    if (member_id.empty()) {
      request.set_organization(true);
    } else {
      request.set_member_id(member_id);
    }
    request.mutable_amount()->set_units(units);
    v1::SetSpendLimitResponse response;
    const auto status = Call(admin_.get(), &Admin::SetSpendLimit, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  grpc::Status Ask(v1::CreateIncreaseRequestResponse* response,
                   v1::IncreaseKind kind = v1::INCREASE_KIND_HIGHER_LIMIT, int64_t units = 50,
                   const std::string& request_id = "") {
    v1::CreateIncreaseRequestRequest request;
    request.set_organization_id("acme");
    request.set_member_id("ann");
    request.set_kind(kind);
    if (units > 0) request.mutable_amount()->set_units(units);
    request.set_reason("the release is tomorrow");
    request.set_surface("claude-code");
    request.set_request_id(request_id);
    return Call(quota_.get(), &Quota::CreateIncreaseRequest, request, response, frontend_);
  }

  // The id of a new request for a limit of 50.
  std::string Asked() {
    v1::CreateIncreaseRequestResponse response;
    const grpc::Status status = Ask(&response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.request().increase_request_id();
  }

  grpc::Status Approve(const std::string& id, const std::string& actor, int64_t units,
                       v1::ApproveIncreaseRequestResponse* response) {
    v1::ApproveIncreaseRequestRequest request;
    request.set_organization_id("acme");
    request.set_increase_request_id(id);
    if (units > 0) request.mutable_amount()->set_units(units);
    request.set_note("fine");
    return Call(admin_.get(), &Admin::ApproveIncreaseRequest, request, response, console_, actor);
  }

  grpc::Status Deny(const std::string& id, const std::string& actor,
                    v1::DenyIncreaseRequestResponse* response) {
    v1::DenyIncreaseRequestRequest request;
    request.set_organization_id("acme");
    request.set_increase_request_id(id);
    request.set_note("not this month");
    return Call(admin_.get(), &Admin::DenyIncreaseRequest, request, response, console_, actor);
  }

  grpc::Status Get(const std::string& id, const std::string& member_id,
                   v1::GetIncreaseRequestResponse* response) {
    v1::GetIncreaseRequestRequest request;
    request.set_organization_id("acme");
    request.set_member_id(member_id);
    request.set_increase_request_id(id);
    return Call(quota_.get(), &Quota::GetIncreaseRequest, request, response, frontend_);
  }

  v1::IncreaseRequestState StateOf(const std::string& id) {
    v1::GetIncreaseRequestResponse response;
    const grpc::Status status = Get(id, "ann", &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.request().state();
  }

  v1::ListIncreaseRequestsResponse List(const v1::ListIncreaseRequestsRequest& filter = {},
                                        const std::string& actor = "adam") {
    v1::ListIncreaseRequestsRequest request = filter;
    request.set_organization_id("acme");
    v1::ListIncreaseRequestsResponse response;
    const grpc::Status status =
        Call(admin_.get(), &Admin::ListIncreaseRequests, request, &response, console_, actor);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::Decision DecisionOf(const std::string& member_id) {
    v1::CheckAdmissionResponse check;
    EXPECT_TRUE(Check("acme", member_id, &check, frontend_).ok());
    return check.decision();
  }

  void ExpectVerified() {
    v1::VerifyLedgerResponse verified;
    ASSERT_TRUE(Call(operator_.get(), &v1::OperatorService::Stub::VerifyLedger,
                     v1::VerifyLedgerRequest(), &verified)
                    .ok());
    EXPECT_EQ(verified.violation_count(), 0) << verified.DebugString();
  }

  std::string frontend_;
  std::string console_;
};

// Rules: Q1, Q2, X5, A4
TEST_F(Requests, AreAskedListedApprovedAndTheVeryNextCheckIsAdmitted) {
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_DENIED);
  v1::CreateIncreaseRequestResponse created;
  ASSERT_TRUE(Ask(&created).ok());
  EXPECT_FALSE(created.existing());
  const std::string id = created.request().increase_request_id();
  EXPECT_EQ(id.substr(0, 4), "inc_");
  EXPECT_EQ(created.request().state(), v1::INCREASE_REQUEST_STATE_PENDING);

  const v1::ListIncreaseRequestsResponse list = List();
  ASSERT_EQ(list.reviews_size(), 1);
  const v1::IncreaseRequestReview& review = list.reviews(0);
  EXPECT_EQ(review.request().reason(), "the release is tomorrow");
  EXPECT_EQ(review.request().asked_amount().units(), 50);
  EXPECT_EQ(review.requester().member().seat_tier(), "standard");
  EXPECT_EQ(review.requester().month_to_date().units(), 10);
  EXPECT_EQ(review.requester().effective_limit().units(), 10);
  EXPECT_EQ(list.open_count(), 1);

  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check, frontend_).ok());
  const auto& remedies = check.denial().remedies();
  const auto ask = std::find_if(remedies.begin(), remedies.end(), [](const v1::Remedy& remedy) {
    return remedy.kind() == v1::REMEDY_KIND_ASK_ADMIN;
  });
  ASSERT_NE(ask, remedies.end());
  EXPECT_EQ(ask->increase_request_id(), id);
  EXPECT_EQ(ask->increase_request_state(), v1::INCREASE_REQUEST_STATE_PENDING);
  EXPECT_EQ(ask->description().rfind("Request sent to admin", 0), 0u) << ask->description();

  v1::ApproveIncreaseRequestResponse approved;
  ASSERT_TRUE(Approve(id, "adam", 0, &approved).ok());
  EXPECT_EQ(approved.request().state(), v1::INCREASE_REQUEST_STATE_APPROVED);
  EXPECT_EQ(approved.request().granted_amount().units(), 50);
  EXPECT_EQ(approved.request().decided_by(), "adam");
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_ADMITTED);
  EXPECT_EQ(List().reviews_size(), 0);

  v1::GetIncreaseRequestResponse got;
  ASSERT_TRUE(Get(id, "ann", &got).ok());
  EXPECT_EQ(got.request().SerializeAsString(), approved.request().SerializeAsString());
  ExpectVerified();
}

// Rules: Q2, A3
TEST_F(Requests, BeyondAnAdminsPowersAreEscalatedToAnOwner) {
  const std::string id = Asked();
  v1::ApproveIncreaseRequestResponse response;
  ASSERT_TRUE(Approve(id, "adam", 101, &response).ok());
  EXPECT_EQ(response.request().state(), v1::INCREASE_REQUEST_STATE_ESCALATED);
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_DENIED);
  ASSERT_TRUE(Approve(id, "olga", 0, &response).ok());
  EXPECT_EQ(response.request().granted_amount().units(), 101);
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_ADMITTED);
}

// Rules: A3, Q2
TEST_F(Requests, AreDecidedByNobodyBelowAdmin) {
  const std::string id = Asked();
  v1::ApproveIncreaseRequestResponse approved;
  v1::DenyIncreaseRequestResponse denied;
  for (const char* actor : {"bill", "ann", "stranger"}) {
    EXPECT_EQ(Approve(id, actor, 50, &approved).error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Deny(id, actor, &denied).error_code(), grpc::StatusCode::PERMISSION_DENIED);
    v1::ListIncreaseRequestsRequest list;
    list.set_organization_id("acme");
    v1::ListIncreaseRequestsResponse listed;
    EXPECT_EQ(Call(admin_.get(), &Admin::ListIncreaseRequests, list, &listed, console_, actor)
                  .error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  EXPECT_EQ(StateOf(id), v1::INCREASE_REQUEST_STATE_PENDING);
}

// Rules: Q1, R2
TEST_F(Requests, ThatAreAskedBySixtyFourAtOnceAreOne) {
  constexpr int kCallers = 64;
  std::vector<std::string> ids(kCallers);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([this, i, &ids] {
      v1::CreateIncreaseRequestResponse response;
      const grpc::Status status =
          Ask(&response, v1::INCREASE_KIND_HIGHER_LIMIT, 50, "ask-" + std::to_string(i));
      EXPECT_TRUE(status.ok()) << status.error_message();
      ids[static_cast<size_t>(i)] = response.request().increase_request_id();
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ids[0]), kCallers);
  EXPECT_EQ(List().open_count(), 1);
  v1::ListNoticesRequest list;
  list.set_organization_id("acme");
  v1::ListNoticesResponse notices;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListNotices, list, &notices).ok());
  const auto told = std::count_if(
      notices.notices().begin(), notices.notices().end(),
      [](const v1::Notice& one) { return one.kind() == v1::NOTICE_KIND_INCREASE_REQUESTED; });
  EXPECT_EQ(told, 1);
  ExpectVerified();
}

// Rules: Q2
TEST_F(Requests, ThatAreDecidedCannotBeDecidedAgain) {
  const std::string id = Asked();
  v1::ApproveIncreaseRequestResponse approved;
  ASSERT_TRUE(Approve(id, "adam", 0, &approved).ok());
  const grpc::Status again = Approve(id, "olga", 60, &approved);
  EXPECT_EQ(again.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(again), "INCREASE_REQUEST_DECIDED");
  v1::DenyIncreaseRequestResponse denied;
  EXPECT_EQ(ReasonOf(Deny(id, "olga", &denied)), "INCREASE_REQUEST_DECIDED");
  v1::CancelIncreaseRequestRequest cancel;
  cancel.set_organization_id("acme");
  cancel.set_member_id("ann");
  cancel.set_increase_request_id(id);
  v1::CancelIncreaseRequestResponse cancelled;
  EXPECT_EQ(
      ReasonOf(Call(quota_.get(), &Quota::CancelIncreaseRequest, cancel, &cancelled, frontend_)),
      "INCREASE_REQUEST_DECIDED");
}

// Rules: Q3
TEST_F(Requests, ThatAreDeniedSayWhenToAskAgainAndTheMemberIsTold) {
  const std::string id = Asked();
  v1::DenyIncreaseRequestResponse denied;
  ASSERT_TRUE(Deny(id, "adam", &denied).ok());
  EXPECT_EQ(denied.request().note(), "not this month");
  EXPECT_EQ(denied.ask_again_time().seconds() - denied.request().decide_time().seconds(),
            30 * 24 * 3600);
  v1::CreateIncreaseRequestResponse again;
  const grpc::Status refused = Ask(&again);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(refused), "REQUEST_COOL_DOWN");
  v1::ListNoticesRequest list;
  list.set_organization_id("acme");
  v1::ListNoticesResponse notices;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListNotices, list, &notices).ok());
  const auto& all = notices.notices();
  const auto told = std::find_if(all.begin(), all.end(), [](const v1::Notice& one) {
    return one.kind() == v1::NOTICE_KIND_INCREASE_DECIDED;
  });
  ASSERT_NE(told, all.end());
  EXPECT_EQ(told->recipient_member_id(), "ann");
  EXPECT_EQ(told->recipients_size(), 0);
  EXPECT_EQ(told->subject(), "Your request for a higher limit was declined");

  v1::UpdateOrganizationRequest update;
  update.mutable_organization()->set_organization_id("acme");
  update.mutable_organization()->mutable_request_cool_down()->set_seconds(0);
  update.mutable_update_mask()->add_paths("request_cool_down");
  v1::UpdateOrganizationResponse updated;
  ASSERT_TRUE(Call(admin_.get(), &Admin::UpdateOrganization, update, &updated).ok());
  EXPECT_TRUE(Ask(&again).ok());
}

// Rules: Q2
TEST_F(Requests, AreSupersededByADirectRaise) {
  const std::string id = Asked();
  SetLimit("ann", 60);
  EXPECT_EQ(StateOf(id), v1::INCREASE_REQUEST_STATE_SUPERSEDED);
  SetLimit("ann", 10);
  const std::string second = Asked();
  EXPECT_GT(second, id);
  // A raise for everybody reaches requests that are not in memory.
  Stop();
  Start();
  v1::SetSpendLimitRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  request.set_unlimited(true);
  v1::SetSpendLimitResponse response;
  ASSERT_TRUE(Call(admin_.get(), &Admin::SetSpendLimit, request, &response).ok());
  EXPECT_EQ(StateOf(second), v1::INCREASE_REQUEST_STATE_SUPERSEDED);
  SetLimit("", 10);
  v1::CreateIncreaseRequestResponse third;
  ASSERT_TRUE(Ask(&third).ok());
  Stop();
  Start();
  SetLimit("", 20);
  EXPECT_EQ(StateOf(third.request().increase_request_id()), v1::INCREASE_REQUEST_STATE_SUPERSEDED);
  ExpectVerified();
}

// Rules: Q1, R3
TEST_F(Requests, SurviveARestartInEveryState) {
  const std::string open = Asked();
  Stop();
  Start();
  EXPECT_EQ(StateOf(open), v1::INCREASE_REQUEST_STATE_PENDING);
  v1::CreateIncreaseRequestResponse again;
  ASSERT_TRUE(Ask(&again).ok());
  EXPECT_TRUE(again.existing());
  EXPECT_EQ(again.request().increase_request_id(), open);
  v1::ApproveIncreaseRequestResponse approved;
  ASSERT_TRUE(Approve(open, "adam", 101, &approved).ok());
  Stop();
  Start();
  EXPECT_EQ(StateOf(open), v1::INCREASE_REQUEST_STATE_ESCALATED);
  ASSERT_TRUE(Approve(open, "olga", 0, &approved).ok());
  Stop();
  Start();
  EXPECT_EQ(StateOf(open), v1::INCREASE_REQUEST_STATE_APPROVED);
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_ADMITTED);
  EXPECT_EQ(ReasonOf(Approve(open, "olga", 200, &approved)), "INCREASE_REQUEST_DECIDED");
  ExpectVerified();
}

// Rules: Q1, A3
TEST_F(Requests, AreTheMembersOwn) {
  const std::string id = Asked();
  v1::GetIncreaseRequestResponse got;
  EXPECT_EQ(Get(id, "bill", &got).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Get("inc_nonsense", "ann", &got).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::CancelIncreaseRequestRequest cancel;
  cancel.set_organization_id("acme");
  cancel.set_member_id("bill");
  cancel.set_increase_request_id(id);
  v1::CancelIncreaseRequestResponse cancelled;
  EXPECT_EQ(
      Call(quota_.get(), &Quota::CancelIncreaseRequest, cancel, &cancelled, frontend_).error_code(),
      grpc::StatusCode::NOT_FOUND);
  cancel.set_member_id("ann");
  ASSERT_TRUE(
      Call(quota_.get(), &Quota::CancelIncreaseRequest, cancel, &cancelled, frontend_).ok());
  EXPECT_EQ(cancelled.request().state(), v1::INCREASE_REQUEST_STATE_CANCELLED);
}

// Rules: Q4
TEST_F(Requests, AreListedByStateAndInPages) {
  ASSERT_TRUE(AddMember("acme", "dan").ok());
  const std::string first = Asked();
  v1::CreateIncreaseRequestRequest seat;
  seat.set_organization_id("acme");
  seat.set_member_id("dan");
  seat.set_kind(v1::INCREASE_KIND_HIGHER_SEAT);
  v1::CreateIncreaseRequestResponse created;
  ASSERT_TRUE(Call(quota_.get(), &Quota::CreateIncreaseRequest, seat, &created, frontend_).ok());
  EXPECT_EQ(created.request().asked_seat_tier(), "premium");
  v1::ListIncreaseRequestsRequest filter;
  filter.set_page_size(1);
  v1::ListIncreaseRequestsResponse page = List(filter);
  ASSERT_EQ(page.reviews_size(), 1);
  EXPECT_EQ(page.reviews(0).request().increase_request_id(), first);
  EXPECT_EQ(page.open_count(), 2);
  filter.set_page_token(page.next_page_token());
  page = List(filter);
  ASSERT_EQ(page.reviews_size(), 1);
  EXPECT_EQ(page.reviews(0).request().member_id(), "dan");
  EXPECT_EQ(page.next_page_token(), "");
  v1::DenyIncreaseRequestResponse denied;
  ASSERT_TRUE(Deny(first, "adam", &denied).ok());
  filter.Clear();
  filter.add_states(v1::INCREASE_REQUEST_STATE_DENIED);
  page = List(filter);
  ASSERT_EQ(page.reviews_size(), 1);
  EXPECT_EQ(page.reviews(0).request().increase_request_id(), first);
  filter.add_states(v1::INCREASE_REQUEST_STATE_PENDING);
  EXPECT_EQ(List(filter).reviews_size(), 2);
  filter.set_member_id("dan");
  EXPECT_EQ(List(filter).reviews_size(), 1);
  v1::GetWalletRequest wallet;
  wallet.set_organization_id("acme");
  v1::GetWalletResponse shown;
  ASSERT_TRUE(Call(admin_.get(), &Admin::GetWallet, wallet, &shown).ok());
  EXPECT_EQ(shown.open_request_count(), 1);
}

// Rules: Q1, O4
TEST_F(Requests, OfARemovedMemberAreCancelled) {
  const std::string id = Asked();
  v1::BatchUpsertMembersRequest request;
  request.set_organization_id("acme");
  request.add_members()->set_member_id("ann");
  request.mutable_members(0)->set_status(v1::ACCOUNT_STATUS_REMOVED);
  v1::BatchUpsertMembersResponse response;
  ASSERT_TRUE(Call(admin_.get(), &Admin::BatchUpsertMembers, request, &response).ok());
  EXPECT_EQ(StateOf(id), v1::INCREASE_REQUEST_STATE_CANCELLED);
  EXPECT_EQ(List().open_count(), 0);
  ExpectVerified();
}

// Rules: Q1, Q2, M2
TEST_F(Requests, NameEveryFieldThatIsWrong) {
  v1::CreateIncreaseRequestRequest create;
  create.mutable_amount()->set_units(-1);
  create.set_reason(std::string(501, 'x'));
  create.set_surface("Not A Surface");
  v1::CreateIncreaseRequestResponse created;
  grpc::Status status = Call(quota_.get(), &Quota::CreateIncreaseRequest, create, &created);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  std::vector<std::string> fields = FieldsOf(status);
  std::sort(fields.begin(), fields.end());
  EXPECT_EQ(fields, (std::vector<std::string>{"amount", "kind", "member_id", "organization_id",
                                              "reason", "surface"}));
  const std::string id = Asked();
  v1::ApproveIncreaseRequestRequest approve;
  approve.set_organization_id("acme");
  approve.set_increase_request_id(id);
  approve.mutable_amount()->set_units(50);
  approve.mutable_amount()->set_currency_code("EUR");
  v1::ApproveIncreaseRequestResponse approved;
  status = Call(admin_.get(), &Admin::ApproveIncreaseRequest, approve, &approved, console_, "olga");
  EXPECT_EQ(FieldsOf(status), std::vector<std::string>{"amount.currency_code"});
}

// Rules: N6, A3
TEST_F(Requests, AnEpisodeIsAnsweredByOwnersAndEveryDenialSaysSo) {
  SetLimit("", 10);
  v1::SetSpendLimitRequest unlimited;
  unlimited.set_organization_id("acme");
  unlimited.set_member_id("ann");
  unlimited.set_unlimited(true);
  v1::SetSpendLimitResponse set;
  ASSERT_TRUE(Call(admin_.get(), &Admin::SetSpendLimit, unlimited, &set).ok());
  v1::AnswerEpisodeRequest request;
  request.set_organization_id("acme");
  request.set_answer(v1::EPISODE_ANSWER_KIND_WORKING_ON_IT);
  v1::AnswerEpisodeResponse response;
  const auto answer = [&](const std::string& actor) {
    return Call(admin_.get(), &Admin::AnswerEpisode, request, &response, console_, actor);
  };
  EXPECT_EQ(ReasonOf(answer("olga")), "NO_OPEN_EPISODE");
  EXPECT_EQ(DecisionOf("ann"), v1::DECISION_DENIED);
  EXPECT_EQ(answer("adam").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(answer("olga").ok());
  EXPECT_EQ(response.admin_answer(), "We are working on it.");
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check, frontend_).ok());
  EXPECT_EQ(check.denial().admin_answer(), "We are working on it.");
  Stop();
  Start();
  ASSERT_TRUE(Check("acme", "ann", &check, frontend_).ok());
  EXPECT_EQ(check.denial().admin_answer(), "We are working on it.");
  ExpectVerified();
}

}  // namespace
}  // namespace bursar
