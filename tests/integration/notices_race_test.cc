// Every kind of notice is written once for its cause, however many callers cause it at once.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using Admin = v1::AdminService::Stub;
using Quota = v1::QuotaService::Stub;

constexpr int kCallers = 64;

// The system's clocks, moved ahead together: nothing jumps.
class MovableClock final : public Clock {
 public:
  absl::Time Now() const override { return system_.Now() + absl::Seconds(ahead_seconds_.load()); }
  absl::Duration Monotonic() const override {
    return system_.Monotonic() + absl::Seconds(ahead_seconds_.load());
  }
  void Advance(absl::Duration by) { ahead_seconds_ += absl::ToInt64Seconds(by); }

 private:
  SystemClock system_;
  std::atomic<int64_t> ahead_seconds_{0};
};

struct HasMovableClock {
  MovableClock movable_clock;
};

class NoticesRace : public HasMovableClock, public ServerTest {
 protected:
  NoticesRace() : ServerTest(nullptr, &movable_clock) {}

  void SetUp() override {
    ASSERT_TRUE(CreateOrganization("acme", "team").ok());
    ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
    ASSERT_TRUE(AddMember("acme", "adam", v1::MEMBER_ROLE_ADMIN).ok());
    for (const char* member : {"ann", "bob", "cyd", "dan"}) {
      ASSERT_TRUE(AddMember("acme", member).ok());
    }
    // A target for everything that is told, at which nothing arrives: what is written stays to be
    // counted.
    v1::SetNotificationChannelsRequest request;
    request.set_organization_id("acme");
    request.mutable_channels()->mutable_mail();
    v1::WebhookTarget* target = request.mutable_channels()->add_webhooks();
    target->set_target_id("all");
    target->set_url("https://10.0.0.1/hook");
    v1::SetNotificationChannelsResponse response;
    ASSERT_TRUE(Call(admin_.get(), &Admin::SetNotificationChannels, request, &response).ok());
    ASSERT_TRUE(EnableExtra("acme").ok());
    console_ = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
    counted_ = Count();
  }

  // Runs `work(i)` on as many threads as callers; each must say whether it was served.
  template <class Work>
  static int Together(const Work& work) {
    std::atomic<int> served = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kCallers; ++i) {
      threads.emplace_back([&, i] {
        if (work(i).ok()) ++served;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return served;
  }

  std::vector<v1::Notice> Notices() {
    v1::ListNoticesRequest request;
    request.set_organization_id("acme");
    request.set_page_size(1000);
    v1::ListNoticesResponse response;
    EXPECT_TRUE(Call(admin_.get(), &Admin::ListNotices, request, &response).ok());
    return {response.notices().begin(), response.notices().end()};
  }
  // Notices by kind, but those that ask for a payment: these go with it.
  std::map<v1::NoticeKind, int> Count() {
    std::map<v1::NoticeKind, int> count;
    for (const v1::Notice& notice : Notices()) {
      if (notice.kind() != v1::NOTICE_KIND_PAYMENT_REQUESTED) ++count[notice.kind()];
    }
    return count;
  }
  // Expects these kinds to have come, once each, and no other.
  void ExpectNew(const std::vector<v1::NoticeKind>& kinds) {
    for (const v1::NoticeKind kind : kinds) ++counted_[kind];
    const std::map<v1::NoticeKind, int> count = Count();
    for (const auto& [kind, expected] : counted_) {
      const auto found = count.find(kind);
      EXPECT_EQ(found == count.end() ? 0 : found->second, expected) << v1::NoticeKind_Name(kind);
    }
    EXPECT_EQ(count.size(), counted_.size());
    counted_ = count;
  }

  // 64 charges of 1: the first 25 of a member are included.
  int Spend(const std::string& member) {
    return Together([&](int i) {
      v1::RecordConsumptionResponse receipt;
      return RecordCost("acme", member, 1, absl::StrCat(member, "-", ++records_, "-", i), &receipt);
    });
  }
  int CheckAll(const std::string& member) {
    return Together([&](int) {
      v1::CheckAdmissionResponse response;
      return Check("acme", member, &response);
    });
  }
  grpc::Status SetReload(const v1::AutoReloadChange& change) {
    v1::UpdateAutoReloadRequest request;
    request.set_organization_id("acme");
    *request.mutable_auto_reload() = change;
    v1::UpdateAutoReloadResponse response;
    return Call(admin_.get(), &Admin::UpdateAutoReload, request, &response);
  }
  // The one payment that is open; the payment system is asked for it once.
  std::string OpenPayment() {
    const std::string open = FindOpenPayment();
    int asked = 0;
    for (const v1::Notice& notice : Notices()) {
      const bool asks = notice.kind() == v1::NOTICE_KIND_PAYMENT_REQUESTED;
      if (asks && notice.payment_id() == open) ++asked;
    }
    EXPECT_EQ(asked, 1);
    return open;
  }
  std::string FindOpenPayment() {
    v1::ListPaymentsRequest request;
    request.set_organization_id("acme");
    v1::ListPaymentsResponse response;
    EXPECT_TRUE(Call(admin_.get(), &Admin::ListPayments, request, &response).ok());
    for (const v1::Payment& payment : response.payments()) {
      if (payment.state() == v1::PAYMENT_STATE_REQUESTED) return payment.payment_id();
    }
    ADD_FAILURE() << "no payment is open";
    return "";
  }
  int CompleteAll(const std::string& payment_id, bool succeeded) {
    return Together([&](int) {
      v1::CompletePaymentRequest request;
      request.set_organization_id("acme");
      request.set_payment_id(payment_id);
      request.set_result(succeeded ? v1::CompletePaymentRequest::RESULT_SUCCEEDED
                                   : v1::CompletePaymentRequest::RESULT_FAILED);
      v1::CompletePaymentResponse response;
      return Call(admin_.get(), &Admin::CompletePayment, request, &response);
    });
  }
  grpc::Status SetLimit(const std::string& member_id, int64_t units, v1::LimitPeriod period) {
    v1::SetSpendLimitRequest request;
    request.set_organization_id("acme");
    request.set_member_id(member_id);
    request.mutable_amount()->set_units(units);
    request.set_period(period);
    v1::SetSpendLimitResponse response;
    return Call(admin_.get(), &Admin::SetSpendLimit, request, &response);
  }
  // The id of the request that all of them asked for.
  std::string AskAll(const std::string& member_id, v1::IncreaseKind kind, int64_t units) {
    std::vector<std::string> ids(kCallers);
    EXPECT_EQ(Together([&](int i) {
                v1::CreateIncreaseRequestRequest request;
                request.set_organization_id("acme");
                request.set_member_id(member_id);
                request.set_kind(kind);
                if (units > 0) request.mutable_amount()->set_units(units);
                v1::CreateIncreaseRequestResponse response;
                const grpc::Status status =
                    Call(quota_.get(), &Quota::CreateIncreaseRequest, request, &response);
                EXPECT_TRUE(status.ok()) << status.error_message();
                ids[static_cast<size_t>(i)] = response.request().increase_request_id();
                return status;
              }),
              kCallers);
    for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
    return ids[0];
  }
  int ApproveAll(const std::string& id, const std::string& actor, int64_t units) {
    return Together([&](int) {
      v1::ApproveIncreaseRequestRequest request;
      request.set_organization_id("acme");
      request.set_increase_request_id(id);
      request.mutable_amount()->set_units(units);
      v1::ApproveIncreaseRequestResponse response;
      return Call(admin_.get(), &Admin::ApproveIncreaseRequest, request, &response, console_,
                  actor);
    });
  }
  void Buy(int64_t units) {
    EXPECT_EQ(Together([&](int) {
                v1::PurchaseCreditRequest request;
                request.set_organization_id("acme");
                request.mutable_amount()->set_units(units);
                request.set_request_id(absl::StrCat("buy-", units));
                v1::PurchaseCreditResponse response;
                return Call(admin_.get(), &Admin::PurchaseCredit, request, &response);
              }),
              kCallers);
  }

  std::string console_;
  std::atomic<int> records_ = 0;
  std::map<v1::NoticeKind, int> counted_;
};

// Rules: B9, N1, N3, N4, X7
TEST_F(NoticesRace, OfThePoolAndItsPaymentsComeOnceEach) {
  Buy(100);
  const std::string bought = OpenPayment();
  EXPECT_EQ(CompleteAll(bought, true), kCallers);
  ExpectNew({v1::NOTICE_KIND_PAYMENT_SUCCEEDED});

  EXPECT_EQ(Spend("ann"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_CROSSED});
  EXPECT_EQ(Spend("bob"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_CROSSED});
  EXPECT_EQ(Spend("cyd"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_CROSSED, v1::NOTICE_KIND_LOW_BALANCE});
  EXPECT_EQ(CheckAll("cyd"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_EXHAUSTED});

  v1::AutoReloadChange reload;
  reload.set_enabled(true);
  reload.mutable_threshold()->set_units(5);
  reload.mutable_amount()->set_units(25);
  reload.set_failures_before_pause(2);
  EXPECT_EQ(Together([&](int) { return SetReload(reload); }), kCallers);
  ExpectNew({v1::NOTICE_KIND_SETTINGS_CHANGED});
  EXPECT_EQ(CompleteAll(OpenPayment(), false), kCallers);
  ExpectNew({v1::NOTICE_KIND_PAYMENT_FAILED});
  movable_clock.Advance(absl::Hours(2));
  EXPECT_EQ(CheckAll("cyd"), kCallers);
  EXPECT_EQ(CompleteAll(OpenPayment(), false), kCallers);
  ExpectNew({v1::NOTICE_KIND_AUTO_RELOAD_PAUSED});

  Buy(200);
  EXPECT_EQ(CompleteAll(OpenPayment(), true), kCallers);
  ExpectNew({v1::NOTICE_KIND_PAYMENT_SUCCEEDED, v1::NOTICE_KIND_EXTRA_USAGE_RESOLVED});
  Buy(300);
  EXPECT_NE(OpenPayment(), "");
  movable_clock.Advance(absl::Hours(49));
  EXPECT_EQ(CheckAll("cyd"), kCallers);
  ExpectNew({v1::NOTICE_KIND_PAYMENT_LOST});
  EXPECT_EQ(Together([&](int i) {
              v1::RecordChargebackRequest request;
              request.set_organization_id("acme");
              request.set_payment_id(bought);
              request.set_reason("disputed");
              request.set_request_id(absl::StrCat("dispute-", i));
              v1::RecordChargebackResponse response;
              return Call(admin_.get(), &Admin::RecordChargeback, request, &response);
            }),
            1);
  ExpectNew({v1::NOTICE_KIND_PAYMENT_CHARGED_BACK});

  reload.mutable_threshold()->set_units(90);
  reload.set_resume(true);
  ASSERT_TRUE(SetReload(reload).ok());
  ExpectNew({v1::NOTICE_KIND_SETTINGS_CHANGED});
  EXPECT_NE(OpenPayment(), "");
  v1::AutoReloadChange off;
  off.set_enabled(false);
  EXPECT_EQ(Together([&](int) { return SetReload(off); }), kCallers);
  ExpectNew({v1::NOTICE_KIND_SETTINGS_CHANGED, v1::NOTICE_KIND_PAYMENT_CANCELLED});
}

// Rules: L5, L6, N1, N4, Q1, Q3, Q4
TEST_F(NoticesRace, OfLimitsAndRequestsComeOnceEach) {
  EXPECT_EQ(Together([&](int) { return SetLimit("ann", 4, v1::LIMIT_PERIOD_HOUR); }), kCallers);
  ExpectNew({v1::NOTICE_KIND_SETTINGS_CHANGED});
  v1::GrantCreditRequest grant;
  grant.set_organization_id("acme");
  grant.mutable_amount()->set_units(1000);
  grant.set_request_id("grant");
  EXPECT_EQ(Together([&](int) {
              v1::GrantCreditResponse response;
              return Call(admin_.get(), &Admin::GrantCredit, grant, &response);
            }),
            kCallers);
  ExpectNew({});
  EXPECT_EQ(Spend("ann"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_CROSSED, v1::NOTICE_KIND_RUNAWAY});

  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  limit.set_organization(true);
  limit.mutable_amount()->set_units(400);
  v1::SetSpendLimitResponse set;
  ASSERT_TRUE(Call(admin_.get(), &Admin::SetSpendLimit, limit, &set).ok());
  ASSERT_TRUE(SetLimit("bob", 39, v1::LIMIT_PERIOD_MONTH).ok());
  ExpectNew({v1::NOTICE_KIND_SETTINGS_CHANGED, v1::NOTICE_KIND_SETTINGS_CHANGED});
  EXPECT_EQ(Spend("bob"), kCallers);
  ExpectNew({v1::NOTICE_KIND_EXTRA_USAGE_CROSSED, v1::NOTICE_KIND_THRESHOLD,
             v1::NOTICE_KIND_THRESHOLD, v1::NOTICE_KIND_THRESHOLD, v1::NOTICE_KIND_THRESHOLD});

  const std::string asked = AskAll("bob", v1::INCREASE_KIND_HIGHER_LIMIT, 60);
  ExpectNew({v1::NOTICE_KIND_INCREASE_REQUESTED});
  EXPECT_GE(ApproveAll(asked, "adam", 5000), 1);
  ExpectNew({v1::NOTICE_KIND_INCREASE_ESCALATED});
  movable_clock.Advance(absl::Hours(24));
  EXPECT_EQ(CheckAll("bob"), kCallers);
  ExpectNew({v1::NOTICE_KIND_REQUESTS_DIGEST});
  EXPECT_GE(ApproveAll(asked, "olga", 60), 1);
  ExpectNew({v1::NOTICE_KIND_INCREASE_DECIDED, v1::NOTICE_KIND_SETTINGS_CHANGED});

  v1::SendTestNoticeRequest test;
  test.set_organization_id("acme");
  test.set_request_id("try");
  EXPECT_EQ(Together([&](int) {
              v1::SendTestNoticeResponse response;
              return Call(admin_.get(), &Admin::SendTestNotice, test, &response);
            }),
            kCallers);
  ExpectNew({v1::NOTICE_KIND_TEST});
}

}  // namespace
}  // namespace bursar
