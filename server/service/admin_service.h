// AdminService: what consoles and backends call for the people who own a wallet.
//
// Plain handlers (rpc/plain_rpcs.h): they may block. Writes go through the engine and answer when
// they are durable; lists and sums read snapshots of the store (admin_reads.h, seeing_reads.h). The
// reply of a write is kept with its request id, and a repetition gets the same bytes.
//
// Thread rule: AddTo belongs to whoever builds it; the RPCs are called from any thread.
//
// Source: rules X5, X6, A3, A4, R2 (docs/rules.md).
#pragma once

#include "bursar/v1/admin_service.pb.h"
#include "server/engine/engine.h"
#include "server/service/admin_reads.h"
#include "server/service/delivery_handlers.h"
#include "server/service/rpc/plain_rpcs.h"
#include "server/service/seeing_reads.h"

namespace bursar {

class AdminService {
 public:
  // `engine` outlives the service.
  explicit AdminService(Engine* engine)
      : engine_(engine), reads_(*engine), seeing_(*engine), delivery_(*engine) {}
  AdminService(const AdminService&) = delete;
  AdminService& operator=(const AdminService&) = delete;

  // Adds every RPC of the service. It outlives the table.
  void AddTo(PlainRpcs* rpcs);

 private:
  // Each is the RPC of its name.
  absl::Status CreateOrganization(const CallContext& call,
                                  const v1::CreateOrganizationRequest& request,
                                  v1::CreateOrganizationResponse* response);
  absl::Status UpdateOrganization(const CallContext& call,
                                  const v1::UpdateOrganizationRequest& request,
                                  v1::UpdateOrganizationResponse* response);
  absl::Status BatchUpsertMembers(const CallContext& call,
                                  const v1::BatchUpsertMembersRequest& request,
                                  v1::BatchUpsertMembersResponse* response);
  absl::Status UpdateExtraUsage(const CallContext& call, const v1::UpdateExtraUsageRequest& request,
                                v1::UpdateExtraUsageResponse* response);
  absl::Status SetSpendLimit(const CallContext& call, const v1::SetSpendLimitRequest& request,
                             v1::SetSpendLimitResponse* response);
  absl::Status GrantCredit(const CallContext& call, const v1::GrantCreditRequest& request,
                           v1::GrantCreditResponse* response);
  absl::Status ReverseEntry(const CallContext& call, const v1::ReverseEntryRequest& request,
                            v1::ReverseEntryResponse* response);
  absl::Status ListIncreaseRequests(const v1::ListIncreaseRequestsRequest& request,
                                    v1::ListIncreaseRequestsResponse* response);
  absl::Status ApproveIncreaseRequest(const CallContext& call,
                                      const v1::ApproveIncreaseRequestRequest& request,
                                      v1::ApproveIncreaseRequestResponse* response);
  absl::Status DenyIncreaseRequest(const CallContext& call,
                                   const v1::DenyIncreaseRequestRequest& request,
                                   v1::DenyIncreaseRequestResponse* response);
  absl::Status AnswerEpisode(const CallContext& call, const v1::AnswerEpisodeRequest& request,
                             v1::AnswerEpisodeResponse* response);
  absl::Status PurchaseCredit(const CallContext& call, const v1::PurchaseCreditRequest& request,
                              v1::PurchaseCreditResponse* response);
  absl::Status UpdateAutoReload(const CallContext& call, const v1::UpdateAutoReloadRequest& request,
                                v1::UpdateAutoReloadResponse* response);
  absl::Status CompletePayment(const CallContext& call, const v1::CompletePaymentRequest& request,
                               v1::CompletePaymentResponse* response);
  absl::Status RecordChargeback(const CallContext& call, const v1::RecordChargebackRequest& request,
                                v1::RecordChargebackResponse* response);
  absl::Status ListPayments(const v1::ListPaymentsRequest& request,
                            v1::ListPaymentsResponse* response);
  absl::Status GetPayment(const v1::GetPaymentRequest& request, v1::GetPaymentResponse* response);

  Engine* const engine_;
  AdminReads reads_;
  SeeingReads seeing_;
  DeliveryHandlers delivery_;
};

}  // namespace bursar
