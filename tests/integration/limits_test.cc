// Spend limits and changes of plan over gRPC: set, listed, raised, raced for, noticed once.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using Quota = v1::QuotaService::Stub;
using Admin = v1::AdminService::Stub;

constexpr int kCallers = 64;

class Limits : public ServerTest {
 protected:
  Limits() {
    EXPECT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
    EXPECT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
    EXPECT_TRUE(AddMember("acme", "adam", v1::MEMBER_ROLE_ADMIN).ok());
    EXPECT_TRUE(AddMember("acme", "ann").ok());
  }

  static v1::SetSpendLimitRequest Limit(int64_t units) {
    v1::SetSpendLimitRequest request;
    request.set_organization_id("acme");
    request.mutable_amount()->set_units(units);
    return request;
  }
  static v1::SetSpendLimitRequest SurfaceLimit(const std::string& surface, int64_t units,
                                               v1::LimitPeriod period = v1::LIMIT_PERIOD_MONTH) {
    v1::SetSpendLimitRequest request = Limit(units);
    request.set_surface(surface);
    request.set_period(period);
    return request;
  }

  grpc::Status TrySet(const v1::SetSpendLimitRequest& request, v1::SetSpendLimitResponse* reply,
                      const std::string& token = kOperatorToken, const std::string& actor = "") {
    return Call(admin_.get(), &Admin::SetSpendLimit, request, reply, token, actor);
  }
  v1::SpendLimit Set(const v1::SetSpendLimitRequest& request) {
    v1::SetSpendLimitResponse reply;
    const grpc::Status status = TrySet(request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply.limit();
  }

  std::vector<v1::SpendLimit> List(int page_size) {
    std::vector<v1::SpendLimit> limits;
    v1::ListSpendLimitsRequest request;
    request.set_organization_id("acme");
    request.set_page_size(page_size);
    do {
      v1::ListSpendLimitsResponse reply;
      const grpc::Status status = Call(admin_.get(), &Admin::ListSpendLimits, request, &reply);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) break;
      EXPECT_LE(reply.limits_size(), page_size);
      limits.insert(limits.end(), reply.limits().begin(), reply.limits().end());
      request.set_page_token(reply.next_page_token());
    } while (!request.page_token().empty());
    return limits;
  }

  v1::CheckAdmissionResponse CheckOn(const std::string& surface, int64_t units,
                                     v1::AdmissionMode mode = v1::ADMISSION_MODE_CHECK_ONLY,
                                     const std::string& request_id = "") {
    v1::CheckAdmissionRequest request;
    request.set_organization_id("acme");
    request.set_member_id("ann");
    request.set_surface(surface);
    request.set_mode(mode);
    request.mutable_estimate()->mutable_cost()->set_units(units);
    request.set_request_id(request_id);
    v1::CheckAdmissionResponse reply;
    const grpc::Status status = Call(quota_.get(), &Quota::CheckAdmission, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }

  void Record(int64_t units, const std::string& request_id) {
    v1::RecordConsumptionResponse reply;
    const grpc::Status status = RecordCost("acme", "ann", units, request_id, &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  std::vector<v1::Notice> Notices() {
    v1::ListNoticesRequest request;
    request.set_organization_id("acme");
    request.set_page_size(1000);
    v1::ListNoticesResponse reply;
    EXPECT_TRUE(Call(admin_.get(), &Admin::ListNotices, request, &reply).ok());
    return {reply.notices().begin(), reply.notices().end()};
  }

  // Runs `work(i)` on as many threads as callers.
  template <class Work>
  static void Together(const Work& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kCallers; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  }
};

// Rules: H6, L1
TEST_F(Limits, OfASurfaceAdmitExactlyWhatFitsUnderSixtyFourCallers) {
  for (const v1::LimitPeriod period :
       {v1::LIMIT_PERIOD_MONTH, v1::LIMIT_PERIOD_WEEK, v1::LIMIT_PERIOD_DAY}) {
    const std::string surface = absl::StrCat("surface-", static_cast<int>(period));
    Set(SurfaceLimit(surface, 10, period));
    std::vector<int> admitted(kCallers);
    Together([&](int i) {
      const auto reply = CheckOn(surface, 1, v1::ADMISSION_MODE_HOLD, absl::StrCat(surface, i));
      admitted[i] = reply.decision() == v1::DECISION_ADMITTED ? 1 : 0;
      if (admitted[i] == 0) {
        EXPECT_EQ(reply.denial().scope(), v1::SCOPE_SURFACE);
      }
    });
    int count = 0;
    for (const int one : admitted) count += one;
    EXPECT_EQ(count, 10);
    EXPECT_EQ(CheckOn("chat", 1).decision(), v1::DECISION_ADMITTED) << "another surface";
  }
}

// Rules: L5, N1
TEST_F(Limits, ReachingAThresholdIsNoticedOnceUnderSixtyFourCallers) {
  v1::SetSpendLimitRequest request = Limit(kCallers);
  request.set_organization(true);
  Set(request);
  Together([&](int i) {
    v1::RecordConsumptionResponse reply;
    EXPECT_TRUE(RecordCost("acme", "ann", 1, absl::StrCat("r", i), &reply).ok());
  });
  std::vector<int> percents;
  for (const v1::Notice& notice : Notices()) {
    if (notice.kind() != v1::NOTICE_KIND_THRESHOLD) continue;
    percents.push_back(notice.threshold_percent());
    EXPECT_EQ(notice.scope(), v1::SCOPE_ORGANIZATION);
    EXPECT_EQ(notice.limit_amount().units(), kCallers);
  }
  EXPECT_EQ(percents, (std::vector<int>{50, 75, 90, 100}));
}

// Rules: L6, N1
TEST_F(Limits, OfAnHourPauseTheMemberAndSayThatItRunsAway) {
  v1::SetSpendLimitRequest request = Limit(5);
  request.set_organization(true);
  request.set_period(v1::LIMIT_PERIOD_HOUR);
  Set(request);
  Record(5, "r");
  const v1::CheckAdmissionResponse denied = CheckOn("chat", 1);
  ASSERT_EQ(denied.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(denied.denial().reason(), v1::DENIAL_REASON_MEMBER_LIMIT_REACHED);
  EXPECT_EQ(denied.denial().period(), v1::LIMIT_PERIOD_HOUR);
  EXPECT_EQ(denied.evaluations(0).period(), v1::LIMIT_PERIOD_HOUR);
  const std::vector<v1::Notice> notices = Notices();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].kind(), v1::NOTICE_KIND_RUNAWAY);
  EXPECT_EQ(notices[0].member_id(), "ann");
}

// Rules: L1, L2
TEST_F(Limits, OfSeveralPeriodsAreListedPageByPageWithWhatIsLeft) {
  Record(3, "r");
  for (const v1::LimitPeriod period :
       {v1::LIMIT_PERIOD_MONTH, v1::LIMIT_PERIOD_WEEK, v1::LIMIT_PERIOD_DAY}) {
    Set(SurfaceLimit("chat", 10, period));
    v1::SetSpendLimitRequest of_member = Limit(20);
    of_member.set_member_id("ann");
    of_member.set_period(period);
    Set(of_member);
    of_member.set_member_id("adam");
    Set(of_member);
    v1::SetSpendLimitRequest of_all = Limit(30);
    of_all.set_organization(true);
    of_all.set_period(period);
    Set(of_all);
  }
  for (const int page_size : {1, 2, 5, 100}) {
    const std::vector<v1::SpendLimit> limits = List(page_size);
    ASSERT_EQ(limits.size(), 12u);
    EXPECT_EQ(limits[0].scope(), v1::SCOPE_ORGANIZATION);
    EXPECT_EQ(limits[0].remaining().units(), 27);
    EXPECT_EQ(limits[3].scope(), v1::SCOPE_SURFACE);
    EXPECT_EQ(limits[3].spent().units(), 3);
    EXPECT_EQ(limits[6].scope_id(), "adam");
    EXPECT_EQ(limits[6].spent().units(), 0);
    EXPECT_EQ(limits[11].scope_id(), "ann");
    EXPECT_EQ(limits[11].period(), v1::LIMIT_PERIOD_DAY);
    EXPECT_EQ(limits[11].remaining().units(), 17);
  }
}

// Rules: L4
TEST_F(Limits, MayBeRaisedForATime) {
  v1::SetSpendLimitRequest request = Limit(10);
  request.set_member_id("ann");
  Set(request);
  request.mutable_amount()->set_units(25);
  request.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(2)));
  const v1::SpendLimit raised = Set(request);
  EXPECT_EQ(raised.amount().units(), 25);
  EXPECT_EQ(raised.base_amount().units(), 10);
  EXPECT_TRUE(raised.has_expire_time());
  EXPECT_EQ(CheckOn("chat", 20).decision(), v1::DECISION_ADMITTED);
  request.mutable_expire_time()->set_seconds(1);
  v1::SetSpendLimitResponse reply;
  EXPECT_EQ(FieldsOf(TrySet(request, &reply)), (std::vector<std::string>{"expire_time"}));
}

// Rules: A3, L1
TEST_F(Limits, OfMembersAreSetByAdminsWithinTheOrganizationsOfThePeriod) {
  const std::string token = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  v1::SetSpendLimitRequest of_all = Limit(10);
  of_all.set_organization(true);
  of_all.set_period(v1::LIMIT_PERIOD_DAY);
  Set(of_all);
  v1::SetSpendLimitRequest request = Limit(10);
  request.set_member_id("ann");
  request.set_period(v1::LIMIT_PERIOD_DAY);
  v1::SetSpendLimitResponse reply;
  EXPECT_TRUE(TrySet(request, &reply, token, "adam").ok());
  request.mutable_amount()->set_units(11);
  EXPECT_EQ(ReasonOf(TrySet(request, &reply, token, "adam")), "ABOVE_ORGANIZATION_LIMIT");
  EXPECT_TRUE(TrySet(request, &reply, token, "olga").ok());
  EXPECT_EQ(TrySet(SurfaceLimit("chat", 1), &reply, token, "adam").error_code(),
            grpc::StatusCode::PERMISSION_DENIED)
      << "surfaces are the owners'";
  EXPECT_TRUE(TrySet(SurfaceLimit("chat", 1), &reply, token, "olga").ok());
}

// Rules: L1, M2
TEST_F(Limits, ThatAreMalformedNameTheField) {
  v1::SetSpendLimitResponse reply;
  EXPECT_EQ(FieldsOf(TrySet(SurfaceLimit("Not A Word", 1), &reply)),
            (std::vector<std::string>{"surface"}));
  EXPECT_EQ(FieldsOf(TrySet(SurfaceLimit("chat", 1, v1::LIMIT_PERIOD_HOUR), &reply)),
            (std::vector<std::string>{"period"}));
  EXPECT_EQ(FieldsOf(TrySet(SurfaceLimit("chat", 1, static_cast<v1::LimitPeriod>(9)), &reply)),
            (std::vector<std::string>{"period"}));
  v1::SetSpendLimitRequest model = Limit(1);
  model.set_model("maker/");
  EXPECT_EQ(FieldsOf(TrySet(model, &reply)), (std::vector<std::string>{"model"}));
  EXPECT_TRUE(List(100).empty());
}

// Rules: O8, A3
TEST_F(Limits, APlanIsChangedByOwnersAtOnce) {
  const std::string token = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  v1::UpdateOrganizationRequest request;
  request.mutable_organization()->set_organization_id("acme");
  request.mutable_organization()->set_plan("api");
  request.mutable_update_mask()->add_paths("plan");
  v1::UpdateOrganizationResponse reply;
  EXPECT_EQ(
      Call(admin_.get(), &Admin::UpdateOrganization, request, &reply, token, "adam").error_code(),
      grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(Call(admin_.get(), &Admin::UpdateOrganization, request, &reply, token, "olga").ok());
  EXPECT_EQ(reply.organization().plan(), "api");
  ASSERT_EQ(reply.still_blocked_by_size(), 1);
  EXPECT_EQ(reply.still_blocked_by(0).reason(), v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  EXPECT_EQ(CheckOn("chat", 1).denial().reason(), v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  request.mutable_organization()->set_plan("max");
  const grpc::Status refused =
      Call(admin_.get(), &Admin::UpdateOrganization, request, &reply, token, "olga");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(refused), "TOO_MANY_MEMBERS");

  v1::ListJournalEntriesRequest entries;
  entries.set_organization_id("acme");
  entries.set_kind(v1::JOURNAL_ENTRY_KIND_PLAN_CHANGED);
  v1::ListJournalEntriesResponse journal;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListJournalEntries, entries, &journal).ok());
  ASSERT_EQ(journal.entries_size(), 1);
  EXPECT_EQ(journal.entries(0).actor(), "olga");
  EXPECT_EQ(journal.entries(0).changes(0).before(), "enterprise_usage");
  EXPECT_EQ(journal.entries(0).changes(0).after(), "api");
}

// Rules: X0, J1
TEST_F(Limits, AreStillThereAfterARestartAndTheLedgerVerifies) {
  ASSERT_TRUE(CreateOrganization("team", "team").ok());
  v1::UpdateExtraUsageRequest enable;
  enable.set_organization_id("team");
  enable.set_enabled(true);
  enable.mutable_limit_amount()->set_units(50);
  v1::UpdateExtraUsageResponse enabled;
  ASSERT_TRUE(Call(admin_.get(), &Admin::UpdateExtraUsage, enable, &enabled).ok());
  EXPECT_EQ(enabled.next_steps_size(), 3) << "buy credit, auto-reload, for whom";
  Set(SurfaceLimit("chat", 10, v1::LIMIT_PERIOD_WEEK));
  Record(7, "r");
  Stop();
  Start();
  const auto denied = CheckOn("chat", 4);
  EXPECT_EQ(denied.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(denied.denial().period(), v1::LIMIT_PERIOD_WEEK);
  EXPECT_EQ(CheckOn("chat", 3).decision(), v1::DECISION_ADMITTED);
  v1::VerifyLedgerRequest verify;
  v1::VerifyLedgerResponse verified;
  ASSERT_TRUE(
      Call(operator_.get(), &v1::OperatorService::Stub::VerifyLedger, verify, &verified).ok());
  EXPECT_EQ(verified.violation_count(), 0);
}

}  // namespace
}  // namespace bursar
