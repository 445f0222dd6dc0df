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
#include "server/service/rpc/sync_call.h"
#include "server/service/spend_limits.h"

namespace bursar {
namespace {

const RpcRule* RuleOf(std::string_view method) {
  return FindRpcRule(absl::StrCat("/bursar.v1.AdminService/", ToAbsl(method)));
}

}  // namespace

grpc::Status AdminService::CreateOrganization(grpc::ServerContext* context,
                                              const v1::CreateOrganizationRequest* request,
                                              v1::CreateOrganizationResponse* response) {
  const RpcRule* const rule = RuleOf("CreateOrganization");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    return Administer(*engine_, call, request->organization().organization_id(), *request,
                      *std::move(command), response,
                      [](const Rendering& rendering, v1::CreateOrganizationResponse* reply) {
                        WriteOrganization(rendering.wallet.header, reply->mutable_organization());
                        rendering.WriteWalletPosition(reply);
                      });
  });
}

grpc::Status AdminService::UpdateOrganization(grpc::ServerContext* context,
                                              const v1::UpdateOrganizationRequest* request,
                                              v1::UpdateOrganizationResponse* response) {
  const RpcRule* const rule = RuleOf("UpdateOrganization");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    const std::string& organization_id = request->organization().organization_id();
    return Administer(*engine_, call, organization_id, *request, *std::move(command), response,
                      [](const Rendering& rendering, v1::UpdateOrganizationResponse* reply) {
                        WriteOrganization(rendering.wallet.header, reply->mutable_organization());
                        rendering.WriteBlockers(reply);
                        rendering.WriteWalletPosition(reply);
                      });
  });
}

grpc::Status AdminService::BatchUpsertMembers(grpc::ServerContext* context,
                                              const v1::BatchUpsertMembersRequest* request,
                                              v1::BatchUpsertMembersResponse* response) {
  const RpcRule* const rule = RuleOf("BatchUpsertMembers");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    return Administer(*engine_, call, request->organization_id(), *request, *std::move(command),
                      response,
                      [request](const Rendering& rendering, v1::BatchUpsertMembersResponse* reply) {
                        for (const v1::Member& asked : request->members()) {
                          const Member* member = rendering.wallet.FindMember(asked.member_id());
                          if (member != nullptr) {
                            WriteMember(rendering.wallet.header, *member, reply->add_members());
                          }
                        }
                        reply->set_created_count(rendering.outcome.created_count);
                        reply->set_updated_count(rendering.outcome.updated_count);
                        rendering.WriteWalletPosition(reply);
                      });
  });
}

grpc::Status AdminService::UpdateExtraUsage(grpc::ServerContext* context,
                                            const v1::UpdateExtraUsageRequest* request,
                                            v1::UpdateExtraUsageResponse* response) {
  const RpcRule* const rule = RuleOf("UpdateExtraUsage");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    return Administer(*engine_, call, request->organization_id(), *request, *std::move(command),
                      response,
                      [](const Rendering& rendering, v1::UpdateExtraUsageResponse* reply) {
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

grpc::Status AdminService::SetSpendLimit(grpc::ServerContext* context,
                                         const v1::SetSpendLimitRequest* request,
                                         v1::SetSpendLimitResponse* response) {
  const RpcRule* const rule = RuleOf("SetSpendLimit");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    const absl::Status authorized =
        AuthorizeLimit(*engine_, call, request->organization_id(), *command);
    if (!authorized.ok()) return authorized;
    return Administer(*engine_, call, request->organization_id(), *request, *command, response,
                      [&command](const Rendering& rendering, v1::SetSpendLimitResponse* reply) {
                        WriteSetLimit(rendering, *command, reply->mutable_limit());
                        reply->set_spend_predates_limit(rendering.outcome.spend_predates_limit);
                        rendering.WriteBlockers(reply);
                        rendering.WriteWalletPosition(reply);
                      });
  });
}

grpc::Status AdminService::GrantCredit(grpc::ServerContext* context,
                                       const v1::GrantCreditRequest* request,
                                       v1::GrantCreditResponse* response) {
  const RpcRule* const rule = RuleOf("GrantCredit");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    return Administer(*engine_, call, request->organization_id(), *request, *std::move(command),
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
  });
}

grpc::Status AdminService::ReverseEntry(grpc::ServerContext* context,
                                        const v1::ReverseEntryRequest* request,
                                        v1::ReverseEntryResponse* response) {
  const RpcRule* const rule = RuleOf("ReverseEntry");
  return RunCall(*gate_, rule, *context, *request, [&](const CallContext& call) -> absl::Status {
    auto command = ReadCommand(*request);
    if (!command.ok()) return command.status();
    return Administer(*engine_, call, request->organization_id(), *request, *std::move(command),
                      response, [](const Rendering& rendering, v1::ReverseEntryResponse* reply) {
                        reply->set_sequence(rendering.outcome.first_sequence);
                        WriteReversal(rendering.wallet.header, *rendering.outcome.reversal, reply);
                        rendering.WriteWalletPosition(reply);
                      });
  });
}

// ---- Reads (admin_reads.h) ----

grpc::Status AdminService::GetOrganization(grpc::ServerContext* context,
                                           const v1::GetOrganizationRequest* request,
                                           v1::GetOrganizationResponse* response) {
  return RunCall(*gate_, RuleOf("GetOrganization"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).GetOrganization(*request, response);
  });
}

grpc::Status AdminService::ListOrganizations(grpc::ServerContext* context,
                                             const v1::ListOrganizationsRequest* request,
                                             v1::ListOrganizationsResponse* response) {
  return RunCall(*gate_, RuleOf("ListOrganizations"), *context, *request,
                 [&](const CallContext& call) {
                   return AdminReads(*engine_).ListOrganizations(call, *request, response);
                 });
}

grpc::Status AdminService::GetWallet(grpc::ServerContext* context,
                                     const v1::GetWalletRequest* request,
                                     v1::GetWalletResponse* response) {
  return RunCall(*gate_, RuleOf("GetWallet"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).GetWallet(*request, response);
  });
}

grpc::Status AdminService::ListSpendLimits(grpc::ServerContext* context,
                                           const v1::ListSpendLimitsRequest* request,
                                           v1::ListSpendLimitsResponse* response) {
  return RunCall(*gate_, RuleOf("ListSpendLimits"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).ListSpendLimits(*request, response);
  });
}

grpc::Status AdminService::ListHolds(grpc::ServerContext* context,
                                     const v1::ListHoldsRequest* request,
                                     v1::ListHoldsResponse* response) {
  return RunCall(*gate_, RuleOf("ListHolds"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).ListHolds(*request, response);
  });
}

grpc::Status AdminService::ListCredits(grpc::ServerContext* context,
                                       const v1::ListCreditsRequest* request,
                                       v1::ListCreditsResponse* response) {
  return RunCall(*gate_, RuleOf("ListCredits"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).ListCredits(*request, response);
  });
}

grpc::Status AdminService::ListJournalEntries(grpc::ServerContext* context,
                                              const v1::ListJournalEntriesRequest* request,
                                              v1::ListJournalEntriesResponse* response) {
  return RunCall(*gate_, RuleOf("ListJournalEntries"), *context, *request, [&](const CallContext&) {
    return AdminReads(*engine_).ListJournalEntries(*request, response);
  });
}

grpc::Status AdminService::ListNotices(grpc::ServerContext* context,
                                       const v1::ListNoticesRequest* request,
                                       v1::ListNoticesResponse* response) {
  return RunCall(*gate_, RuleOf("ListNotices"), *context, *request, [&](const CallContext& call) {
    return AdminReads(*engine_).ListNotices(call, *request, response);
  });
}

// ---- Notices on their way (delivery_handlers.h) ----

grpc::Status AdminService::GetNotificationChannels(
    grpc::ServerContext* context, const v1::GetNotificationChannelsRequest* request,
    v1::GetNotificationChannelsResponse* response) {
  return RunCall(*gate_, RuleOf("GetNotificationChannels"), *context, *request,
                 [&](const CallContext&) {
                   return DeliveryHandlers(*engine_).GetNotificationChannels(*request, response);
                 });
}

grpc::Status AdminService::SetNotificationChannels(
    grpc::ServerContext* context, const v1::SetNotificationChannelsRequest* request,
    v1::SetNotificationChannelsResponse* response) {
  return RunCall(
      *gate_, RuleOf("SetNotificationChannels"), *context, *request, [&](const CallContext& call) {
        return DeliveryHandlers(*engine_).SetNotificationChannels(call, *request, response);
      });
}

grpc::Status AdminService::ListDeliveries(grpc::ServerContext* context,
                                          const v1::ListDeliveriesRequest* request,
                                          v1::ListDeliveriesResponse* response) {
  return RunCall(*gate_, RuleOf("ListDeliveries"), *context, *request,
                 [&](const CallContext& call) {
                   return DeliveryHandlers(*engine_).ListDeliveries(call, *request, response);
                 });
}

grpc::Status AdminService::ResendNotice(grpc::ServerContext* context,
                                        const v1::ResendNoticeRequest* request,
                                        v1::ResendNoticeResponse* response) {
  return RunCall(*gate_, RuleOf("ResendNotice"), *context, *request, [&](const CallContext&) {
    return DeliveryHandlers(*engine_).ResendNotice(*request, response);
  });
}

grpc::Status AdminService::SendTestNotice(grpc::ServerContext* context,
                                          const v1::SendTestNoticeRequest* request,
                                          v1::SendTestNoticeResponse* response) {
  return RunCall(*gate_, RuleOf("SendTestNotice"), *context, *request,
                 [&](const CallContext& call) {
                   return DeliveryHandlers(*engine_).SendTestNotice(call, *request, response);
                 });
}

// ---- Requests for more (increase_requests.h) ----

grpc::Status AdminService::ListIncreaseRequests(grpc::ServerContext* context,
                                                const v1::ListIncreaseRequestsRequest* request,
                                                v1::ListIncreaseRequestsResponse* response) {
  return RunCall(*gate_, RuleOf("ListIncreaseRequests"), *context, *request,
                 [&](const CallContext&) {
                   return bursar::ListIncreaseRequests(*engine_, *request, response);
                 });
}

grpc::Status AdminService::ApproveIncreaseRequest(grpc::ServerContext* context,
                                                  const v1::ApproveIncreaseRequestRequest* request,
                                                  v1::ApproveIncreaseRequestResponse* response) {
  return RunCall(*gate_, RuleOf("ApproveIncreaseRequest"), *context, *request,
                 [&](const CallContext& call) {
                   return bursar::ApproveIncreaseRequest(*engine_, call, *request, response);
                 });
}

grpc::Status AdminService::DenyIncreaseRequest(grpc::ServerContext* context,
                                               const v1::DenyIncreaseRequestRequest* request,
                                               v1::DenyIncreaseRequestResponse* response) {
  return RunCall(*gate_, RuleOf("DenyIncreaseRequest"), *context, *request,
                 [&](const CallContext& call) {
                   return bursar::DenyIncreaseRequest(*engine_, call, *request, response);
                 });
}

grpc::Status AdminService::AnswerEpisode(grpc::ServerContext* context,
                                         const v1::AnswerEpisodeRequest* request,
                                         v1::AnswerEpisodeResponse* response) {
  return RunCall(*gate_, RuleOf("AnswerEpisode"), *context, *request, [&](const CallContext& call) {
    return bursar::AnswerEpisode(*engine_, call, *request, response);
  });
}

}  // namespace bursar
