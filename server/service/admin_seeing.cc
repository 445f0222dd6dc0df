// The methods of AdminService that add up or explain (seeing_reads.h).
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/admin_service.h"
#include "server/service/rpc/sync_call.h"
#include "server/service/seeing_reads.h"

namespace bursar {
namespace {

const RpcRule* RuleOf(std::string_view method) {
  return FindRpcRule(absl::StrCat("/bursar.v1.AdminService/", ToAbsl(method)));
}

}  // namespace

grpc::Status AdminService::ListMembers(grpc::ServerContext* context,
                                       const v1::ListMembersRequest* request,
                                       v1::ListMembersResponse* response) {
  return RunCall(*gate_, RuleOf("ListMembers"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).ListMembers(*request, response);
  });
}

grpc::Status AdminService::QueryUsage(grpc::ServerContext* context,
                                      const v1::QueryUsageRequest* request,
                                      v1::QueryUsageResponse* response) {
  return RunCall(*gate_, RuleOf("QueryUsage"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).QueryUsage(*request, response);
  });
}

grpc::Status AdminService::ListStatements(grpc::ServerContext* context,
                                          const v1::ListStatementsRequest* request,
                                          v1::ListStatementsResponse* response) {
  return RunCall(*gate_, RuleOf("ListStatements"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).ListStatements(*request, response);
  });
}

grpc::Status AdminService::GetStatement(grpc::ServerContext* context,
                                        const v1::GetStatementRequest* request,
                                        v1::GetStatementResponse* response) {
  return RunCall(*gate_, RuleOf("GetStatement"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).GetStatement(*request, response);
  });
}

grpc::Status AdminService::ListDenials(grpc::ServerContext* context,
                                       const v1::ListDenialsRequest* request,
                                       v1::ListDenialsResponse* response) {
  return RunCall(*gate_, RuleOf("ListDenials"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).ListDenials(*request, response);
  });
}

grpc::Status AdminService::ExplainDecision(grpc::ServerContext* context,
                                           const v1::ExplainDecisionRequest* request,
                                           v1::ExplainDecisionResponse* response) {
  return RunCall(*gate_, RuleOf("ExplainDecision"), *context, *request, [&](const CallContext&) {
    return SeeingReads(*engine_).ExplainDecision(*request, response);
  });
}

}  // namespace bursar
