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
#include "server/service/rpc/caller_rate.h"
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

// Knows the people of organizations: whether the one whom a call acts for may do what the RPC asks
// (actor_policy.h).
class ActorJudge {
 public:
  virtual ~ActorJudge() = default;
  // `organization_id` is empty where the request names none. `member_id`: whom it is about, or "".
  virtual absl::Status Judge(const CallContext& call, ActorNeed need,
                             const std::string& organization_id,
                             const std::string& member_id) const = 0;
};

// Wants to know, at times, which connections valid credentials come from.
class ConnectionWitness {
 public:
  virtual ~ConnectionWitness() = default;
  // Whether it wants to know now. Asked for each call: must be next to free.
  virtual bool is_watching() const = 0;
  // A valid credential came from that peer, in gRPC's words ("ipv4:127.0.0.1:41234").
  virtual void SawCredential(const std::string& peer) = 0;
};

// The credential that a call shows: its token, or without any its certificate where certificates
// are asked for; everybody's in insecure mode. Null where it shows none that is valid, or two
// tokens: which of two a front meant nobody knows.
std::shared_ptr<const Credential> FindCredential(const Credentials& credentials,
                                                 const grpc::ServerContextBase& context);

class Gate {
 public:
  // All outlive the gate. `log` may be nullptr; without `actors` nobody may act for a person.
  Gate(const Credentials* credentials, RpcStats* stats, EventLog* log = nullptr,
       const ActorJudge* actors = nullptr)
      : credentials_(credentials), stats_(stats), log_(log), actors_(actors) {}

  // Both outlive the gate; before the first call. Without them nobody is told whose connections
  // they are, and callers call as fast as they like.
  void SetWitness(ConnectionWitness* witness) { witness_ = witness; }
  void SetCallerRate(CallerRate* rate) { rate_ = rate; }

  // Fills `call` and returns OK when the call may go on. UNAUTHENTICATED without a valid token,
  // PERMISSION_DENIED when its role may not call the RPC, INVALID_ARGUMENT for a malformed actor,
  // RESOURCE_EXHAUSTED above the caller's rate.
  absl::Status Admit(const grpc::ServerContextBase& context, const RpcRule& rule,
                     ActorUse actor_use, CallContext* call) const;

  // The same for a further message of a stream that was admitted: the credential is looked at
  // again, but a message is not another call of the caller's rate.
  absl::Status AdmitMessage(const grpc::ServerContextBase& context, const RpcRule& rule,
                            CallContext* call) const;

  // OK where the RPC asks nothing of an acting person, the caller acts for itself, or the person
  // may. Otherwise PERMISSION_DENIED.
  absl::Status AdmitActor(const CallContext& call, const RpcRule& rule,
                          const std::string& organization_id, const std::string& member_id) const;

  // What the caller gets for the handler's status: the one way out of every RPC, where answers are
  // counted and errors that callers do not get to see are logged.
  grpc::Status Answer(const RpcRule& rule, const absl::Status& status) const;

 private:
  const Credentials* const credentials_;
  RpcStats* const stats_;
  EventLog* const log_;
  const ActorJudge* const actors_;
  ConnectionWitness* witness_ = nullptr;
  CallerRate* rate_ = nullptr;
};

// The organization that a request names; empty where it names none.
template <class Request>
const std::string& OrganizationOf(const Request& request) {
  if constexpr (requires { std::string(request.organization_id()); }) {
    return request.organization_id();
  } else if constexpr (requires { std::string(request.organization().organization_id()); }) {
    return request.organization().organization_id();
  } else {
    static const std::string kNone;
    return kNone;
  }
}

// The member whom a request names; empty where it names none.
template <class Request>
const std::string& MemberOf(const Request& request) {
  if constexpr (requires { std::string(request.member_id()); }) {
    return request.member_id();
  } else {
    static const std::string kNone;
    return kNone;
  }
}

// OK when the request names no organization (the RPC's own validation speaks to that), or one that
// the caller's token is for.
template <class Request>
absl::Status AuthorizeRequest(const CallContext& call, const Request& request) {
  if (call.credential == nullptr) return absl::OkStatus();
  const std::string& organization_id = OrganizationOf(request);
  if (organization_id.empty()) return absl::OkStatus();
  return AuthorizeOrganization(*call.credential, organization_id);
}

}  // namespace bursar
