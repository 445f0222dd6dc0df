// The synchronous unary path: what every plain handler does before and after its own work.
//
// Thread rule: pure functions; called on gRPC's threads.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "server/service/errors.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Lets the gate decide, then runs `body(const CallContext&) -> absl::Status`, and answers with what
// it returns. Requires: `rule` is the RPC's row of the authorization table.
template <class Request, class Body>
grpc::Status RunCall(const Gate& gate, const RpcRule* rule, const grpc::ServerContext& context,
                     const Request& request, Body&& body) {
  CallContext call;
  absl::Status status = rule == nullptr ? PermissionDeniedError()
                                        : gate.Admit(context, *rule, ActorUse::kRead, &call);
  if (status.ok()) status = AuthorizeRequest(call, request);
  if (status.ok()) {
    status = gate.AdmitActor(call, *rule, OrganizationOf(request), MemberOf(request));
  }
  if (status.ok()) status = body(call);
  return rule == nullptr ? ToGrpcStatus(status) : gate.Answer(*rule, status);
}

}  // namespace bursar
