// The handlers of AdminService that are about payments and auto-reload.
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/payment_query.h"
#include "server/engine/scoped_id.h"
#include "server/service/admin_service.h"
#include "server/service/administer.h"
#include "server/service/conversion.h"
#include "server/service/payment_conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 1000;

absl::Status UnknownPayment() {
  return WithReason(absl::NotFoundError("there is no such payment in this organization"),
                    "PAYMENT_NOT_FOUND");
}

PaymentNaming NamingOf(const Rendering& rendering) {
  const WalletHeader& header = rendering.wallet.header;
  return {rendering.epoch, header.organization_id, header.settings.currency_code};
}

void WriteReloadStatus(const Rendering& rendering, v1::UpdateAutoReloadResponse* reply) {
  WriteAutoReloadStatus(rendering.wallet.header, rendering.epoch, rendering.context,
                        reply->mutable_auto_reload());
  rendering.WriteBlockers(reply);
  rendering.WriteWalletPosition(reply);
}

void WriteCompleted(const Rendering& rendering, v1::CompletePaymentResponse* reply) {
  const PaymentOutcome& outcome = *rendering.outcome.payment;
  const PaymentNaming naming = NamingOf(rendering);
  WritePayment(outcome.payment, naming, reply->mutable_payment());
  reply->set_credited(outcome.credited);
  if (outcome.granted.has_value()) {
    WriteCreditGrant(*outcome.granted, naming.currency_code, reply->mutable_grant());
  }
  WriteMoney(outcome.repaid_overdraft, naming.currency_code, reply->mutable_repaid_overdraft());
  WriteMoney(rendering.wallet.header.Balance(), naming.currency_code, reply->mutable_balance());
  rendering.WriteBlockers(reply);
  rendering.WriteWalletPosition(reply);
}

void WriteChargedBack(const Rendering& rendering, v1::RecordChargebackResponse* reply) {
  const PaymentOutcome& outcome = *rendering.outcome.payment;
  const PaymentNaming naming = NamingOf(rendering);
  const WalletHeader& header = rendering.wallet.header;
  WritePayment(outcome.payment, naming, reply->mutable_payment());
  WriteMoney(outcome.taken_from_credit, naming.currency_code, reply->mutable_taken_from_credit());
  WriteMoney(outcome.taken_as_overdraft, naming.currency_code, reply->mutable_taken_as_overdraft());
  WriteMoney(outcome.billed, naming.currency_code, reply->mutable_billed());
  WriteMoney(header.Balance(), naming.currency_code, reply->mutable_balance());
  WriteMoney(header.overdraft, naming.currency_code, reply->mutable_overdraft());
  rendering.WriteBlockers(reply);
  rendering.WriteWalletPosition(reply);
}

absl::Status ReadPayments(Engine& engine, const v1::ListPaymentsRequest& request,
                          v1::ListPaymentsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  const size_t size =
      ReadPageSize("page_size", request.page_size(), kDefaultPage, kLargestPage, &violations);
  const std::string scope =
      absl::StrCat("ListPayments|", request.organization_id(), "|", request.open_only());
  const std::string position =
      ReadPageToken("page_token", scope, request.page_token(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  int64_t before = 0;
  if (!position.empty() && !absl::SimpleAtoi(position, &before)) before = 0;
  const auto page = bursar::ListPayments(engine.store(), request.organization_id(), before,
                                         request.open_only(), static_cast<int>(size));
  if (!page.ok()) return page.status();
  const PaymentNaming naming = {engine.epoch(), request.organization_id(), page->currency_code};
  for (const Payment& payment : page->payments) {
    WritePayment(payment, naming, response->add_payments());
  }
  if (page->more && !page->payments.empty()) {
    response->set_next_page_token(
        MakePageToken(scope, absl::StrCat(page->payments.back().sequence)));
  }
  WritePosition({page->revision, page->as_of}, engine.epoch(), response->mutable_position());
  return absl::OkStatus();
}

absl::Status ReadPayment(Engine& engine, const v1::GetPaymentRequest& request,
                         v1::GetPaymentResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("payment_id", request.payment_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto sequence =
      ParsePaymentId(engine.epoch(), request.organization_id(), request.payment_id());
  if (!sequence.has_value()) return UnknownPayment();
  const auto page = FindPayment(engine.store(), request.organization_id(), *sequence);
  if (!page.ok()) return page.status();
  WritePayment(page->payments.front(),
               {engine.epoch(), request.organization_id(), page->currency_code},
               response->mutable_payment());
  WritePosition({page->revision, page->as_of}, engine.epoch(), response->mutable_position());
  return absl::OkStatus();
}

}  // namespace

absl::Status AdminService::PurchaseCredit(const CallContext& call,
                                          const v1::PurchaseCreditRequest& request,
                                          v1::PurchaseCreditResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  command->requested_by = call.actor;
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::PurchaseCreditResponse* reply) {
                      WritePayment(rendering.outcome.payment->payment, NamingOf(rendering),
                                   reply->mutable_payment());
                      rendering.WriteBlockers(reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::UpdateAutoReload(const CallContext& call,
                                            const v1::UpdateAutoReloadRequest& request,
                                            v1::UpdateAutoReloadResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, WriteReloadStatus);
}

absl::Status AdminService::CompletePayment(const CallContext& call,
                                           const v1::CompletePaymentRequest& request,
                                           v1::CompletePaymentResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const auto sequence =
      ParsePaymentId(engine_->epoch(), request.organization_id(), request.payment_id());
  if (!sequence.has_value()) return UnknownPayment();
  command->sequence = *sequence;
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, WriteCompleted);
}

absl::Status AdminService::RecordChargeback(const CallContext& call,
                                            const v1::RecordChargebackRequest& request,
                                            v1::RecordChargebackResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const auto sequence =
      ParsePaymentId(engine_->epoch(), request.organization_id(), request.payment_id());
  if (!sequence.has_value()) return UnknownPayment();
  command->sequence = *sequence;
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, WriteChargedBack);
}

absl::Status AdminService::ListPayments(const v1::ListPaymentsRequest& request,
                                        v1::ListPaymentsResponse* response) {
  return ReadPayments(*engine_, request, response);
}

absl::Status AdminService::GetPayment(const v1::GetPaymentRequest& request,
                                      v1::GetPaymentResponse* response) {
  return ReadPayment(*engine_, request, response);
}

}  // namespace bursar
