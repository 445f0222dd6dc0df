// What every call passes before anything else: who is it, may it call this RPC.
//
// Thread rule: every method may be called from any thread. CallContext is a plain value.
//
// Source: rules A1 to A3 (docs/rules.md).
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "server/service/authorization.h"
#include "server/service/credentials.h"
#include "server/service/event_log.h"
#include "server/service/rpc/stats.h"

namespace bursar {

// The metadata key that names the acting person.
inline constexpr char kActorMetadataKey[] = "bursar-actor";

// Who is behind a call.
struct CallContext {
  // The calling service; nullptr for open RPCs only.
  std::shared_ptr<const Credential> credential;
  // The acting person's member id, from `bursar-actor`; empty where none was named.
  std::string actor;
};

// Whether the RPC cares who acts. Reading metadata costs; the request path does not ask for it.
enum class ActorUse { kIgnored, kRead };

class Gate {
 public:
  // All outlive the gate. `log` may be nullptr.
  Gate(const Credentials* credentials, RpcStats* stats, EventLog* log = nullptr)
      : credentials_(credentials), stats_(stats), log_(log) {}

  // Fills `call` and returns OK when the call may go on. UNAUTHENTICATED without a valid token,
  // PERMISSION_DENIED when its role may not call the RPC, INVALID_ARGUMENT for a malformed actor.
  absl::Status Admit(const grpc::ServerContextBase& context, const RpcRule& rule,
                     ActorUse actor_use, CallContext* call) const;

  // What the caller gets for the handler's status: the one way out of every RPC, where answers are
  // counted and errors that callers do not get to see are logged.
  grpc::Status Answer(const RpcRule& rule, const absl::Status& status) const;

 private:
  const Credentials* const credentials_;
  RpcStats* const stats_;
  EventLog* const log_;
};

// OK when the request names no organization (the RPC's own validation speaks to that), or one that
// the caller's token is for.
template <class Request>
absl::Status AuthorizeRequest(const CallContext& call, const Request& request) {
  if (call.credential == nullptr) return absl::OkStatus();
  if constexpr (requires { std::string(request.organization_id()); }) {
    if (request.organization_id().empty()) return absl::OkStatus();
    return AuthorizeOrganization(*call.credential, request.organization_id());
  } else if constexpr (requires { std::string(request.organization().organization_id()); }) {
    const std::string& organization_id = request.organization().organization_id();
    if (organization_id.empty()) return absl::OkStatus();
    return AuthorizeOrganization(*call.credential, organization_id);
  } else {
    return absl::OkStatus();
  }
}

}  // namespace bursar
