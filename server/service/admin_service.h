// AdminService: what consoles and backends call for the people who own a wallet.
//
// Plain synchronous handlers: they may block. Writes go through the engine and answer when they are
// durable; lists and sums read snapshots of the store (admin_reads.h). The reply of a write is kept
// with its request id, and a repetition gets the same bytes.
//
// Thread rule: gRPC calls it from its own threads.
//
// Source: rules X5, X6, A3, A4, R2 (docs/rules.md).
#pragma once

#include "bursar/v1/admin_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/service/rpc/gate.h"

namespace bursar {

class AdminService final : public v1::AdminService::Service {
 public:
  // Both outlive the service.
  AdminService(Engine* engine, const Gate* gate) : engine_(engine), gate_(gate) {}

  grpc::Status CreateOrganization(grpc::ServerContext* context,
                                  const v1::CreateOrganizationRequest* request,
                                  v1::CreateOrganizationResponse* response) override;
  grpc::Status GetOrganization(grpc::ServerContext* context,
                               const v1::GetOrganizationRequest* request,
                               v1::GetOrganizationResponse* response) override;
  grpc::Status ListOrganizations(grpc::ServerContext* context,
                                 const v1::ListOrganizationsRequest* request,
                                 v1::ListOrganizationsResponse* response) override;
  grpc::Status UpdateOrganization(grpc::ServerContext* context,
                                  const v1::UpdateOrganizationRequest* request,
                                  v1::UpdateOrganizationResponse* response) override;
  grpc::Status BatchUpsertMembers(grpc::ServerContext* context,
                                  const v1::BatchUpsertMembersRequest* request,
                                  v1::BatchUpsertMembersResponse* response) override;
  grpc::Status ListMembers(grpc::ServerContext* context, const v1::ListMembersRequest* request,
                           v1::ListMembersResponse* response) override;
  grpc::Status GetWallet(grpc::ServerContext* context, const v1::GetWalletRequest* request,
                         v1::GetWalletResponse* response) override;
  grpc::Status UpdateExtraUsage(grpc::ServerContext* context,
                                const v1::UpdateExtraUsageRequest* request,
                                v1::UpdateExtraUsageResponse* response) override;
  grpc::Status SetSpendLimit(grpc::ServerContext* context, const v1::SetSpendLimitRequest* request,
                             v1::SetSpendLimitResponse* response) override;
  grpc::Status ListSpendLimits(grpc::ServerContext* context,
                               const v1::ListSpendLimitsRequest* request,
                               v1::ListSpendLimitsResponse* response) override;
  grpc::Status ReverseEntry(grpc::ServerContext* context, const v1::ReverseEntryRequest* request,
                            v1::ReverseEntryResponse* response) override;
  grpc::Status GrantCredit(grpc::ServerContext* context, const v1::GrantCreditRequest* request,
                           v1::GrantCreditResponse* response) override;
  grpc::Status ListHolds(grpc::ServerContext* context, const v1::ListHoldsRequest* request,
                         v1::ListHoldsResponse* response) override;
  grpc::Status ListCredits(grpc::ServerContext* context, const v1::ListCreditsRequest* request,
                           v1::ListCreditsResponse* response) override;
  grpc::Status QueryUsage(grpc::ServerContext* context, const v1::QueryUsageRequest* request,
                          v1::QueryUsageResponse* response) override;
  grpc::Status ListJournalEntries(grpc::ServerContext* context,
                                  const v1::ListJournalEntriesRequest* request,
                                  v1::ListJournalEntriesResponse* response) override;
  grpc::Status ListNotices(grpc::ServerContext* context, const v1::ListNoticesRequest* request,
                           v1::ListNoticesResponse* response) override;
  grpc::Status GetNotificationChannels(grpc::ServerContext* context,
                                       const v1::GetNotificationChannelsRequest* request,
                                       v1::GetNotificationChannelsResponse* response) override;
  grpc::Status SetNotificationChannels(grpc::ServerContext* context,
                                       const v1::SetNotificationChannelsRequest* request,
                                       v1::SetNotificationChannelsResponse* response) override;
  grpc::Status ListDeliveries(grpc::ServerContext* context,
                              const v1::ListDeliveriesRequest* request,
                              v1::ListDeliveriesResponse* response) override;
  grpc::Status ResendNotice(grpc::ServerContext* context, const v1::ResendNoticeRequest* request,
                            v1::ResendNoticeResponse* response) override;
  grpc::Status SendTestNotice(grpc::ServerContext* context,
                              const v1::SendTestNoticeRequest* request,
                              v1::SendTestNoticeResponse* response) override;
  grpc::Status ListStatements(grpc::ServerContext* context,
                              const v1::ListStatementsRequest* request,
                              v1::ListStatementsResponse* response) override;
  grpc::Status GetStatement(grpc::ServerContext* context, const v1::GetStatementRequest* request,
                            v1::GetStatementResponse* response) override;
  grpc::Status ListDenials(grpc::ServerContext* context, const v1::ListDenialsRequest* request,
                           v1::ListDenialsResponse* response) override;
  grpc::Status ExplainDecision(grpc::ServerContext* context,
                               const v1::ExplainDecisionRequest* request,
                               v1::ExplainDecisionResponse* response) override;
  grpc::Status ListIncreaseRequests(grpc::ServerContext* context,
                                    const v1::ListIncreaseRequestsRequest* request,
                                    v1::ListIncreaseRequestsResponse* response) override;
  grpc::Status ApproveIncreaseRequest(grpc::ServerContext* context,
                                      const v1::ApproveIncreaseRequestRequest* request,
                                      v1::ApproveIncreaseRequestResponse* response) override;
  grpc::Status DenyIncreaseRequest(grpc::ServerContext* context,
                                   const v1::DenyIncreaseRequestRequest* request,
                                   v1::DenyIncreaseRequestResponse* response) override;
  grpc::Status AnswerEpisode(grpc::ServerContext* context, const v1::AnswerEpisodeRequest* request,
                             v1::AnswerEpisodeResponse* response) override;
  // Payments and auto-reload (payment_handlers.cc).
  grpc::Status PurchaseCredit(grpc::ServerContext* context,
                              const v1::PurchaseCreditRequest* request,
                              v1::PurchaseCreditResponse* response) override;
  grpc::Status UpdateAutoReload(grpc::ServerContext* context,
                                const v1::UpdateAutoReloadRequest* request,
                                v1::UpdateAutoReloadResponse* response) override;
  grpc::Status CompletePayment(grpc::ServerContext* context,
                               const v1::CompletePaymentRequest* request,
                               v1::CompletePaymentResponse* response) override;
  grpc::Status RecordChargeback(grpc::ServerContext* context,
                                const v1::RecordChargebackRequest* request,
                                v1::RecordChargebackResponse* response) override;
  grpc::Status ListPayments(grpc::ServerContext* context, const v1::ListPaymentsRequest* request,
                            v1::ListPaymentsResponse* response) override;
  grpc::Status GetPayment(grpc::ServerContext* context, const v1::GetPaymentRequest* request,
                          v1::GetPaymentResponse* response) override;

 private:
  Engine* const engine_;
  const Gate* const gate_;
};

}  // namespace bursar
