// Payments and auto-reload through the public interface: who may, what is answered, what is shown.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using Admin = v1::AdminService::Stub;

class PaymentsTest : public ServerTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateOrganization("acme", "team").ok());
    ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
    ASSERT_TRUE(AddMember("acme", "bill", v1::MEMBER_ROLE_BILLING).ok());
    ASSERT_TRUE(AddMember("acme", "adam", v1::MEMBER_ROLE_ADMIN).ok());
    ASSERT_TRUE(AddMember("acme", "ann").ok());
    admin_token_ = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
    payments_token_ = CreateToken(v1::SERVICE_ROLE_PAYMENTS, {"acme"});
  }

  grpc::Status Buy(int64_t units, const std::string& request_id, const std::string& actor,
                   v1::PurchaseCreditResponse* response) {
    v1::PurchaseCreditRequest request;
    request.set_organization_id("acme");
    request.mutable_amount()->set_units(units);
    request.set_reference("order-7");
    request.set_request_id(request_id);
    return Call(admin_.get(), &Admin::PurchaseCredit, request, response, admin_token_, actor);
  }
  grpc::Status Complete(const std::string& payment_id, bool succeeded,
                        v1::CompletePaymentResponse* response) {
    v1::CompletePaymentRequest request;
    request.set_organization_id("acme");
    request.set_payment_id(payment_id);
    request.set_result(succeeded ? v1::CompletePaymentRequest::RESULT_SUCCEEDED
                                 : v1::CompletePaymentRequest::RESULT_FAILED);
    if (!succeeded) request.set_code("card_declined");
    request.set_reference("psp-9");
    return Call(admin_.get(), &Admin::CompletePayment, request, response, payments_token_);
  }
  v1::GetWalletResponse Wallet() {
    v1::GetWalletRequest request;
    request.set_organization_id("acme");
    v1::GetWalletResponse response;
    EXPECT_TRUE(Call(admin_.get(), &Admin::GetWallet, request, &response).ok());
    return response;
  }
  // Switches extra usage on together with auto-reload of 25 at or below 5, as its owner.
  v1::UpdateExtraUsageResponse EnableWithReload() {
    v1::UpdateExtraUsageRequest request;
    request.set_organization_id("acme");
    request.set_enabled(true);
    request.mutable_auto_reload()->set_enabled(true);
    request.mutable_auto_reload()->mutable_threshold()->set_units(5);
    request.mutable_auto_reload()->mutable_amount()->set_units(25);
    v1::UpdateExtraUsageResponse response;
    const grpc::Status status =
        Call(admin_.get(), &Admin::UpdateExtraUsage, request, &response, admin_token_, "olga");
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::string admin_token_;
  std::string payments_token_;
};

// Rules: X5, X6, X7, A4
TEST_F(PaymentsTest, APurchaseIsCreditedByItsVerdictAndAdmitsTheNextCheck) {
  ASSERT_TRUE(EnableExtra("acme").ok());
  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 25, "r1", &receipt).ok());
  v1::PurchaseCreditResponse bought;
  ASSERT_TRUE(Buy(10, "b1", "bill", &bought).ok());
  EXPECT_EQ(bought.payment().state(), v1::PAYMENT_STATE_REQUESTED);
  EXPECT_EQ(bought.payment().requested_by(), "bill");
  ASSERT_EQ(bought.still_blocked_by_size(), 1);
  EXPECT_EQ(Wallet().open_purchases_size(), 1);
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  EXPECT_EQ(check.decision(), v1::DECISION_DENIED);

  v1::CompletePaymentResponse completed;
  ASSERT_TRUE(Complete(bought.payment().payment_id(), true, &completed).ok());
  EXPECT_TRUE(completed.credited());
  EXPECT_EQ(completed.balance().units(), 10);
  EXPECT_EQ(completed.grant().reference(), "psp-9");
  EXPECT_EQ(completed.still_blocked_by_size(), 0);
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  EXPECT_EQ(check.decision(), v1::DECISION_ADMITTED);

  v1::CompletePaymentResponse again;
  ASSERT_TRUE(Complete(bought.payment().payment_id(), true, &again).ok());
  EXPECT_FALSE(again.credited());
  EXPECT_EQ(again.balance().units(), 10);
  EXPECT_EQ(ReasonOf(Complete(bought.payment().payment_id(), false, &again)), "PAYMENT_SUCCEEDED");

  v1::ListJournalEntriesRequest journal;
  journal.set_organization_id("acme");
  journal.set_kind(v1::JOURNAL_ENTRY_KIND_PAYMENT_FINISHED);
  v1::ListJournalEntriesResponse entries;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListJournalEntries, journal, &entries).ok());
  ASSERT_EQ(entries.entries_size(), 1);
  EXPECT_EQ(entries.entries(0).summary(), "The purchase of 10.00 USD succeeded.");
  EXPECT_EQ(entries.entries(0).payment_sequence(), bought.payment().sequence());
}

// Rules: A2, A3, X7
TEST_F(PaymentsTest, OwnersAndBillingBuyOnlyOwnersSetAutoReloadOnlyPaymentsJudge) {
  v1::PurchaseCreditResponse bought;
  EXPECT_TRUE(Buy(5, "b1", "olga", &bought).ok());
  EXPECT_TRUE(Buy(5, "b2", "bill", &bought).ok());
  for (const char* actor : {"adam", "ann", "nobody", ""}) {
    EXPECT_EQ(Buy(5, "b3", actor, &bought).error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << actor;
  }
  v1::UpdateAutoReloadRequest reload;
  reload.set_organization_id("acme");
  reload.mutable_auto_reload()->mutable_threshold()->set_units(1);
  v1::UpdateAutoReloadResponse set;
  for (const char* actor : {"bill", "adam", "ann"}) {
    EXPECT_EQ(Call(admin_.get(), &Admin::UpdateAutoReload, reload, &set, admin_token_, actor)
                  .error_code(),
              grpc::StatusCode::PERMISSION_DENIED)
        << actor;
  }
  EXPECT_TRUE(
      Call(admin_.get(), &Admin::UpdateAutoReload, reload, &set, admin_token_, "olga").ok());
  v1::CompletePaymentRequest verdict;
  verdict.set_organization_id("acme");
  verdict.set_payment_id(bought.payment().payment_id());
  verdict.set_result(v1::CompletePaymentRequest::RESULT_SUCCEEDED);
  v1::CompletePaymentResponse completed;
  EXPECT_EQ(Call(admin_.get(), &Admin::CompletePayment, verdict, &completed, admin_token_, "olga")
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED)
      << "who buys does not say that it is paid";
  v1::RecordChargebackRequest chargeback;
  chargeback.set_organization_id("acme");
  chargeback.set_payment_id(bought.payment().payment_id());
  chargeback.set_request_id("c1");
  v1::RecordChargebackResponse charged;
  EXPECT_EQ(Call(admin_.get(), &Admin::RecordChargeback, chargeback, &charged, admin_token_, "olga")
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(
      ReasonOf(Call(admin_.get(), &Admin::RecordChargeback, chargeback, &charged, payments_token_)),
      "PAYMENT_NOT_SUCCEEDED");
}

// Rules: X0, X1, X4, S1, N4
TEST_F(PaymentsTest, TheWalletShowsWhatAutoReloadDoesAndWhy) {
  EXPECT_EQ(Wallet().auto_reload().state(), v1::AUTO_RELOAD_STATE_OFF);
  const v1::UpdateExtraUsageResponse enabled = EnableWithReload();
  EXPECT_EQ(enabled.auto_reload().state(), v1::AUTO_RELOAD_STATE_IN_FLIGHT);
  EXPECT_EQ(enabled.auto_reload().settings().monthly_cap().units(), 250);
  const v1::Payment pending = Wallet().auto_reload().pending();
  EXPECT_EQ(pending.kind(), v1::PAYMENT_KIND_RELOAD);
  EXPECT_EQ(pending.amount().units(), 25);

  v1::CompletePaymentResponse completed;
  ASSERT_TRUE(Complete(pending.payment_id(), false, &completed).ok());
  EXPECT_EQ(completed.payment().state(), v1::PAYMENT_STATE_FAILED);
  EXPECT_EQ(Wallet().auto_reload().state(), v1::AUTO_RELOAD_STATE_BACKING_OFF);
  EXPECT_TRUE(Wallet().auto_reload().has_next_attempt_time());
  ASSERT_TRUE(Complete(pending.payment_id(), true, &completed).ok()) << "after all";
  EXPECT_TRUE(completed.credited());
  EXPECT_EQ(Wallet().auto_reload().state(), v1::AUTO_RELOAD_STATE_ARMED);
  EXPECT_EQ(Wallet().auto_reload().month_to_date().units(), 25);

  v1::RecordChargebackRequest chargeback;
  chargeback.set_organization_id("acme");
  chargeback.set_payment_id(pending.payment_id());
  chargeback.set_reason("disputed");
  chargeback.set_request_id("c1");
  v1::RecordChargebackResponse charged;
  ASSERT_TRUE(
      Call(admin_.get(), &Admin::RecordChargeback, chargeback, &charged, payments_token_).ok());
  EXPECT_EQ(charged.taken_from_credit().units(), 25);
  EXPECT_EQ(charged.balance().units(), 0);
  EXPECT_EQ(Wallet().auto_reload().state(), v1::AUTO_RELOAD_STATE_PAUSED);

  v1::ListNoticesRequest request;
  request.set_organization_id("acme");
  v1::ListNoticesResponse notices;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListNotices, request, &notices).ok());
  std::vector<v1::NoticeKind> kinds;
  for (const v1::Notice& notice : notices.notices()) {
    const bool is_request = notice.kind() == v1::NOTICE_KIND_PAYMENT_REQUESTED;
    EXPECT_EQ(notice.recipients_size(), is_request ? 0 : 3);
    // What asked for a payment that has ended goes, in its own time.
    if (!is_request) kinds.push_back(notice.kind());
  }
  EXPECT_EQ(kinds, (std::vector<v1::NoticeKind>{
                       v1::NOTICE_KIND_PAYMENT_FAILED, v1::NOTICE_KIND_PAYMENT_SUCCEEDED,
                       v1::NOTICE_KIND_PAYMENT_CHARGED_BACK, v1::NOTICE_KIND_LOW_BALANCE}));
}

// Rules: X4, X7, M2
TEST_F(PaymentsTest, BadInputNamesTheFieldsAndChangesNothing) {
  v1::CompletePaymentRequest verdict;
  verdict.set_organization_id("acme");
  verdict.set_code(std::string(200, 'x'));
  v1::CompletePaymentResponse completed;
  EXPECT_EQ(FieldsOf(Call(admin_.get(), &Admin::CompletePayment, verdict, &completed)),
            (std::vector<std::string>{"code", "payment_id", "result"}));
  for (const char* id : {"pay_1", "adm_1", "pay_00000000000000000000_000000000002"}) {
    EXPECT_EQ(Complete(id, true, &completed).error_code(), grpc::StatusCode::NOT_FOUND) << id;
    EXPECT_EQ(ReasonOf(Complete(id, true, &completed)), "PAYMENT_NOT_FOUND");
  }
  v1::PurchaseCreditRequest purchase;
  v1::PurchaseCreditResponse bought;
  EXPECT_EQ(FieldsOf(Call(admin_.get(), &Admin::PurchaseCredit, purchase, &bought)),
            (std::vector<std::string>{"amount", "organization_id", "request_id"}));
  v1::UpdateAutoReloadRequest reload;
  reload.set_organization_id("acme");
  reload.mutable_auto_reload()->mutable_amount()->set_units(-1);
  reload.mutable_auto_reload()->mutable_threshold()->set_currency_code("EUR");
  reload.mutable_auto_reload()->mutable_monthly_cap()->set_currency_code("USD");
  v1::UpdateAutoReloadResponse set;
  EXPECT_EQ(Call(admin_.get(), &Admin::UpdateAutoReload, reload, &set).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Wallet().auto_reload().settings().amount().units(), 0);

  ASSERT_TRUE(CreateOrganization("big", "enterprise_seat").ok());
  purchase.set_organization_id("big");
  purchase.set_request_id("b1");
  purchase.mutable_amount()->set_units(1);
  EXPECT_EQ(ReasonOf(Call(admin_.get(), &Admin::PurchaseCredit, purchase, &bought)),
            "PLAN_IS_POSTPAID");
}

// Rules: X7, A1
TEST_F(PaymentsTest, ListsAndSinglePaymentsShowTheSame) {
  v1::PurchaseCreditResponse first, second;
  ASSERT_TRUE(Buy(1, "b1", "olga", &first).ok());
  ASSERT_TRUE(Buy(2, "b2", "olga", &second).ok());
  v1::CompletePaymentResponse completed;
  ASSERT_TRUE(Complete(first.payment().payment_id(), true, &completed).ok());
  v1::ListPaymentsRequest list;
  list.set_organization_id("acme");
  list.set_page_size(1);
  v1::ListPaymentsResponse page;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListPayments, list, &page, admin_token_, "bill").ok());
  ASSERT_EQ(page.payments_size(), 1);
  EXPECT_EQ(page.payments(0).payment_id(), second.payment().payment_id());
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListPayments, list, &page, admin_token_, "bill").ok());
  ASSERT_EQ(page.payments_size(), 1);
  EXPECT_EQ(page.payments(0).payment_id(), first.payment().payment_id());
  EXPECT_TRUE(page.next_page_token().empty());
  v1::GetPaymentRequest get;
  get.set_organization_id("acme");
  get.set_payment_id(first.payment().payment_id());
  v1::GetPaymentResponse one;
  ASSERT_TRUE(Call(admin_.get(), &Admin::GetPayment, get, &one, admin_token_, "adam").ok());
  EXPECT_EQ(one.payment().SerializeAsString(), page.payments(0).SerializeAsString());
  EXPECT_EQ(Call(admin_.get(), &Admin::GetPayment, get, &one, admin_token_, "ann").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace bursar
