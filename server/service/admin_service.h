// AdminService: plain synchronous handlers, one method an RPC. Each validates its request, asks the
// engine, and converts the answer; what is allowed is the ledger's affair.
//
// Thread rule: called on gRPC's threads, any number at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bursar/v1/admin_service.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/engine/queries.h"
#include "server/service/rpc/sync_call.h"

namespace bursar {

class AdminServiceHandlers final : public v1::AdminService::Service {
 public:
  // Both outlive the service.
  AdminServiceHandlers(Engine* engine, const Gate* gate) : engine_(*engine), gate_(*gate) {}

  // Organizations and members: admin_organizations.cc.
  grpc::Status CreateOrganization(grpc::ServerContext* context,
                                  const v1::CreateOrganizationRequest* request,
                                  v1::CreateOrganizationResponse* reply) override;
  grpc::Status GetOrganization(grpc::ServerContext* context,
                               const v1::GetOrganizationRequest* request,
                               v1::GetOrganizationResponse* reply) override;
  grpc::Status ListOrganizations(grpc::ServerContext* context,
                                 const v1::ListOrganizationsRequest* request,
                                 v1::ListOrganizationsResponse* reply) override;
  grpc::Status UpdateOrganization(grpc::ServerContext* context,
                                  const v1::UpdateOrganizationRequest* request,
                                  v1::UpdateOrganizationResponse* reply) override;
  grpc::Status BatchUpsertMembers(grpc::ServerContext* context,
                                  const v1::BatchUpsertMembersRequest* request,
                                  v1::BatchUpsertMembersResponse* reply) override;
  grpc::Status ListMembers(grpc::ServerContext* context, const v1::ListMembersRequest* request,
                           v1::ListMembersResponse* reply) override;

  // Money: admin_money.cc.
  grpc::Status GetWallet(grpc::ServerContext* context, const v1::GetWalletRequest* request,
                         v1::GetWalletResponse* reply) override;
  grpc::Status UpdateExtraUsage(grpc::ServerContext* context,
                                const v1::UpdateExtraUsageRequest* request,
                                v1::UpdateExtraUsageResponse* reply) override;
  grpc::Status SetSpendLimit(grpc::ServerContext* context,
                             const v1::SetSpendLimitRequest* request,
                             v1::SetSpendLimitResponse* reply) override;
  grpc::Status ListSpendLimits(grpc::ServerContext* context,
                               const v1::ListSpendLimitsRequest* request,
                               v1::ListSpendLimitsResponse* reply) override;
  grpc::Status GrantCredit(grpc::ServerContext* context, const v1::GrantCreditRequest* request,
                           v1::GrantCreditResponse* reply) override;
  grpc::Status ListCredits(grpc::ServerContext* context, const v1::ListCreditsRequest* request,
                           v1::ListCreditsResponse* reply) override;

  // Reports: admin_reports.cc.
  grpc::Status QueryUsage(grpc::ServerContext* context, const v1::QueryUsageRequest* request,
                          v1::QueryUsageResponse* reply) override;
  grpc::Status ListJournalEntries(grpc::ServerContext* context,
                                  const v1::ListJournalEntriesRequest* request,
                                  v1::ListJournalEntriesResponse* reply) override;
  grpc::Status ListNotices(grpc::ServerContext* context, const v1::ListNoticesRequest* request,
                           v1::ListNoticesResponse* reply) override;

 private:
  // Runs a change and parses the reply that was rendered, or remembered, into `reply`. `replayed`
  // says which of the two, where it is wanted.
  absl::Status Administer(const CallContext& call, const std::string& organization_id,
                          AdministrationCommand command, const google::protobuf::MessageLite& request,
                          const std::string& request_id, const RenderReply& render,
                          google::protobuf::MessageLite* reply, bool* replayed = nullptr);
  // Fills `position` with where a read on a snapshot was made.
  void WriteSnapshotPosition(int64_t revision, absl::Time as_of, v1::WalletPosition* position);

  Engine& engine_;
  const Gate& gate_;
};

}  // namespace bursar
