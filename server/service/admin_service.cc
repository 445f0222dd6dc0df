#include "server/service/admin_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/actor_policy.h"
#include "server/service/admin_reads.h"
#include "server/service/administer.h"
#include "server/service/conversion.h"
#include "server/service/delivery_handlers.h"
#include "server/service/increase_requests.h"
#include "server/service/payment_conversion.h"
#include "server/service/request_reader.h"
#include "server/service/spend_limits.h"

namespace bursar {

void AdminService::AddTo(PlainRpcs* rpcs) {
  rpcs->Add("/bursar.v1.AdminService/CreateOrganization", this, &AdminService::CreateOrganization);
  rpcs->Add("/bursar.v1.AdminService/GetOrganization", &reads_, &AdminReads::GetOrganization);
  rpcs->Add("/bursar.v1.AdminService/ListOrganizations", &reads_, &AdminReads::ListOrganizations);
  rpcs->Add("/bursar.v1.AdminService/UpdateOrganization", this, &AdminService::UpdateOrganization);
  rpcs->Add("/bursar.v1.AdminService/BatchUpsertMembers", this, &AdminService::BatchUpsertMembers);
  rpcs->Add("/bursar.v1.AdminService/ListMembers", &seeing_, &SeeingReads::ListMembers);
  rpcs->Add("/bursar.v1.AdminService/GetWallet", &reads_, &AdminReads::GetWallet);
  rpcs->Add("/bursar.v1.AdminService/UpdateExtraUsage", this, &AdminService::UpdateExtraUsage);
  rpcs->Add("/bursar.v1.AdminService/SetSpendLimit", this, &AdminService::SetSpendLimit);
  rpcs->Add("/bursar.v1.AdminService/ListSpendLimits", &reads_, &AdminReads::ListSpendLimits);
  rpcs->Add("/bursar.v1.AdminService/GrantCredit", this, &AdminService::GrantCredit);
  rpcs->Add("/bursar.v1.AdminService/ReverseEntry", this, &AdminService::ReverseEntry);
  rpcs->Add("/bursar.v1.AdminService/ListHolds", &reads_, &AdminReads::ListHolds);
  rpcs->Add("/bursar.v1.AdminService/ListCredits", &reads_, &AdminReads::ListCredits);
  rpcs->Add("/bursar.v1.AdminService/QueryUsage", &seeing_, &SeeingReads::QueryUsage);
  rpcs->Add("/bursar.v1.AdminService/ListJournalEntries", &reads_, &AdminReads::ListJournalEntries);
  rpcs->Add("/bursar.v1.AdminService/ListStatements", &seeing_, &SeeingReads::ListStatements);
  rpcs->Add("/bursar.v1.AdminService/GetStatement", &seeing_, &SeeingReads::GetStatement);
  rpcs->Add("/bursar.v1.AdminService/ListDenials", &seeing_, &SeeingReads::ListDenials);
  rpcs->Add("/bursar.v1.AdminService/ExplainDecision", &seeing_, &SeeingReads::ExplainDecision);
  rpcs->Add("/bursar.v1.AdminService/ListNotices", &reads_, &AdminReads::ListNotices);
  rpcs->Add("/bursar.v1.AdminService/GetNotificationChannels", &delivery_,
            &DeliveryHandlers::GetNotificationChannels);
  rpcs->Add("/bursar.v1.AdminService/SetNotificationChannels", &delivery_,
            &DeliveryHandlers::SetNotificationChannels);
  rpcs->Add("/bursar.v1.AdminService/ListDeliveries", &delivery_,
            &DeliveryHandlers::ListDeliveries);
  rpcs->Add("/bursar.v1.AdminService/ResendNotice", &delivery_, &DeliveryHandlers::ResendNotice);
  rpcs->Add("/bursar.v1.AdminService/SendTestNotice", &delivery_,
            &DeliveryHandlers::SendTestNotice);
  rpcs->Add("/bursar.v1.AdminService/ListIncreaseRequests", this,
            &AdminService::ListIncreaseRequests);
  rpcs->Add("/bursar.v1.AdminService/ApproveIncreaseRequest", this,
            &AdminService::ApproveIncreaseRequest);
  rpcs->Add("/bursar.v1.AdminService/DenyIncreaseRequest", this,
            &AdminService::DenyIncreaseRequest);
  rpcs->Add("/bursar.v1.AdminService/AnswerEpisode", this, &AdminService::AnswerEpisode);
  rpcs->Add("/bursar.v1.AdminService/PurchaseCredit", this, &AdminService::PurchaseCredit);
  rpcs->Add("/bursar.v1.AdminService/UpdateAutoReload", this, &AdminService::UpdateAutoReload);
  rpcs->Add("/bursar.v1.AdminService/CompletePayment", this, &AdminService::CompletePayment);
  rpcs->Add("/bursar.v1.AdminService/RecordChargeback", this, &AdminService::RecordChargeback);
  rpcs->Add("/bursar.v1.AdminService/ListPayments", this, &AdminService::ListPayments);
  rpcs->Add("/bursar.v1.AdminService/GetPayment", this, &AdminService::GetPayment);
}
absl::Status AdminService::CreateOrganization(const CallContext& call,
                                              const v1::CreateOrganizationRequest& request,
                                              v1::CreateOrganizationResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization().organization_id(), request,
                    *std::move(command), response,
                    [](const Rendering& rendering, v1::CreateOrganizationResponse* reply) {
                      WriteOrganization(rendering.wallet.header, reply->mutable_organization());
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::UpdateOrganization(const CallContext& call,
                                              const v1::UpdateOrganizationRequest& request,
                                              v1::UpdateOrganizationResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const std::string& organization_id = request.organization().organization_id();
  return Administer(*engine_, call, organization_id, request, *std::move(command), response,
                    [](const Rendering& rendering, v1::UpdateOrganizationResponse* reply) {
                      WriteOrganization(rendering.wallet.header, reply->mutable_organization());
                      rendering.WriteBlockers(reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::BatchUpsertMembers(const CallContext& call,
                                              const v1::BatchUpsertMembersRequest& request,
                                              v1::BatchUpsertMembersResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response,
                    [&request](const Rendering& rendering, v1::BatchUpsertMembersResponse* reply) {
                      for (const v1::Member& asked : request.members()) {
                        const Member* member = rendering.wallet.FindMember(asked.member_id());
                        if (member != nullptr) {
                          WriteMember(rendering.wallet.header, *member, reply->add_members());
                        }
                      }
                      reply->set_created_count(rendering.outcome.created_count);
                      reply->set_updated_count(rendering.outcome.updated_count);
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::UpdateExtraUsage(const CallContext& call,
                                            const v1::UpdateExtraUsageRequest& request,
                                            v1::UpdateExtraUsageResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::UpdateExtraUsageResponse* reply) {
                      WriteExtraUsage(rendering.wallet.header, reply->mutable_extra_usage());
                      for (const std::string& step : rendering.outcome.next_steps) {
                        reply->add_next_steps(step);
                      }
                      if (IsPrepaid(rendering.wallet.header, rendering.context)) {
                        WriteAutoReloadStatus(rendering.wallet.header, rendering.epoch,
                                              rendering.context, reply->mutable_auto_reload());
                      }
                      rendering.WriteBlockers(reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

namespace {

void WriteSetLimit(const Rendering& rendering, const SetSpendLimitCommand& command,
                   v1::SpendLimit* limit) {
  const std::optional<LimitLine> line = FindLimit(
      rendering.wallet, {command.scope, command.scope_id, command.period}, rendering.context);
  if (line.has_value()) WriteLimit(rendering.wallet.header, *line, rendering.context.now, limit);
}

}  // namespace

absl::Status AdminService::SetSpendLimit(const CallContext& call,
                                         const v1::SetSpendLimitRequest& request,
                                         v1::SetSpendLimitResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const absl::Status authorized =
      AuthorizeLimit(*engine_, call, request.organization_id(), *command);
  if (!authorized.ok()) return authorized;
  return Administer(*engine_, call, request.organization_id(), request, *command, response,
                    [&command](const Rendering& rendering, v1::SetSpendLimitResponse* reply) {
                      WriteSetLimit(rendering, *command, reply->mutable_limit());
                      reply->set_spend_predates_limit(rendering.outcome.spend_predates_limit);
                      rendering.WriteBlockers(reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::GrantCredit(const CallContext& call,
                                       const v1::GrantCreditRequest& request,
                                       v1::GrantCreditResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::GrantCreditResponse* reply) {
                      const WalletHeader& header = rendering.wallet.header;
                      const std::string& currency_code = header.settings.currency_code;
                      WriteCreditGrant(rendering.outcome.granted, currency_code,
                                       reply->mutable_grant());
                      WriteMoney(rendering.outcome.repaid_overdraft, currency_code,
                                 reply->mutable_repaid_overdraft());
                      WriteMoney(header.Balance(), currency_code, reply->mutable_balance());
                      rendering.WriteBlockers(reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status AdminService::ReverseEntry(const CallContext& call,
                                        const v1::ReverseEntryRequest& request,
                                        v1::ReverseEntryResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::ReverseEntryResponse* reply) {
                      reply->set_sequence(rendering.outcome.first_sequence);
                      WriteReversal(rendering.wallet.header, *rendering.outcome.reversal, reply);
                      rendering.WriteWalletPosition(reply);
                    });
}

// ---- Reads (admin_reads.h) ----

// ---- Requests for more (increase_requests.h) ----

absl::Status AdminService::ListIncreaseRequests(const v1::ListIncreaseRequestsRequest& request,
                                                v1::ListIncreaseRequestsResponse* response) {
  return bursar::ListIncreaseRequests(*engine_, request, response);
}

absl::Status AdminService::ApproveIncreaseRequest(const CallContext& call,
                                                  const v1::ApproveIncreaseRequestRequest& request,
                                                  v1::ApproveIncreaseRequestResponse* response) {
  return bursar::ApproveIncreaseRequest(*engine_, call, request, response);
}

absl::Status AdminService::DenyIncreaseRequest(const CallContext& call,
                                               const v1::DenyIncreaseRequestRequest& request,
                                               v1::DenyIncreaseRequestResponse* response) {
  return bursar::DenyIncreaseRequest(*engine_, call, request, response);
}

absl::Status AdminService::AnswerEpisode(const CallContext& call,
                                         const v1::AnswerEpisodeRequest& request,
                                         v1::AnswerEpisodeResponse* response) {
  return bursar::AnswerEpisode(*engine_, call, request, response);
}

}  // namespace bursar
