#include "server/service/rpc/gate.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/freer.h"
#include "server/base/status.h"
#include "server/service/errors.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

// When a certificate in PEM ends; the past where it cannot be read.
absl::Time EndOfCertificate(const std::string& pem) {
  const std::unique_ptr<BIO, Freer<BIO_free_all>> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Freer<X509_free>> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::tm end = {};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return absl::InfinitePast();
  }
  return absl::FromTimeT(timegm(&end));
}

// Whether the caller's certificate is still in force. The transport looks at that in a full
// handshake alone: not when a session is resumed, nor while a connection lives.
bool IsInForce(const grpc::AuthContext& peer) {
  constexpr size_t kMaxRemembered = 256;
  thread_local absl::flat_hash_map<std::string, absl::Time> ends;
  const std::vector<grpc::string_ref> found =
      peer.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (found.size() != 1) return false;
  std::string pem(found[0].data(), found[0].size());
  const auto known = ends.find(pem);
  if (known != ends.end()) return absl::Now() < known->second;
  const absl::Time end = EndOfCertificate(pem);
  if (ends.size() >= kMaxRemembered) ends.clear();
  ends.emplace(std::move(pem), end);
  return absl::Now() < end;
}

// The subject alternative names, URI and DNS, of a caller's certificate that the transport
// verified and that is in force. Each must look like its kind: authorities bind the kinds by
// different rules.
std::vector<std::string> NamesOfPeer(const grpc::ServerContextBase& context) {
  std::vector<std::string> names;
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated() || !IsInForce(*peer)) return names;
  const auto add = [&](const char* property, bool has_scheme) {
    for (const grpc::string_ref& found : peer->FindPropertyValues(property)) {
      std::string name(found.data(), found.size());
      if ((name.find(':') != std::string::npos) == has_scheme) names.push_back(std::move(name));
    }
  };
  add(GRPC_PEER_URI_PROPERTY_NAME, /*has_scheme=*/true);
  add(GRPC_PEER_DNS_PROPERTY_NAME, /*has_scheme=*/false);
  return names;
}

// The value of the call's authorization header; empty where there are several, nothing without one.
std::optional<std::string_view> AuthorizationOf(const grpc::ServerContextBase& context) {
  const auto [first, end] = context.client_metadata().equal_range("authorization");
  if (first == end) return std::nullopt;
  const bool is_one = std::next(first) == end;
  return std::string_view(first->second.data(), is_one ? first->second.size() : 0);
}

}  // namespace

std::shared_ptr<const Credential> FindCredential(const Credentials& credentials,
                                                 const grpc::ServerContextBase& context) {
  return credentials.Identify(AuthorizationOf(context),
                              [&context] { return NamesOfPeer(context); });
}

absl::Status Gate::AdmitMessage(const grpc::ServerContextBase& context, const RpcRule& rule,
                                CallContext* call) const {
  if (rule.is_open) return absl::OkStatus();
  call->credential = FindCredential(*credentials_, context);
  if (call->credential == nullptr) {
    if (log_ != nullptr) {
      log_->RefusedCredential(rule.path, [&] {
        return absl::StrCat("from ", context.peer(), ": ",
                            credentials_->WhyNobody(AuthorizationOf(context)));
      });
    }
    return UnauthenticatedError();
  }
  if (witness_ != nullptr && witness_->is_watching()) witness_->SawCredential(context.peer());
  return AuthorizeRpc(rule, *call->credential);
}

absl::Status Gate::Admit(const grpc::ServerContextBase& context, const RpcRule& rule,
                         ActorUse actor_use, CallContext* call) const {
  if (rule.is_open) return absl::OkStatus();
  if (absl::Status status = AdmitMessage(context, rule, call); !status.ok()) return status;
  if (rate_ != nullptr) {
    if (absl::Status status = rate_->Take(*call->credential); !status.ok()) return status;
  }
  if (actor_use == ActorUse::kIgnored) return absl::OkStatus();
  const auto [actor, end] = context.client_metadata().equal_range(kActorMetadataKey);
  if (actor == end) return absl::OkStatus();
  if (std::next(actor) != end) return InvalidField(kActorMetadataKey, "must be sent once");
  call->actor.assign(actor->second.data(), actor->second.size());
  if (!call->actor.empty() && !IsValidId(call->actor)) {
    return InvalidField(kActorMetadataKey, "must be a member id: 1-128 of [A-Za-z0-9._:@-]");
  }
  return absl::OkStatus();
}

absl::Status Gate::AdmitActor(const CallContext& call, const RpcRule& rule,
                              const std::string& organization_id,
                              const std::string& member_id) const {
  if (rule.actor == ActorNeed::kNothing || call.credential == nullptr ||
      call.credential->role != ServiceRole::kAdmin) {
    return absl::OkStatus();
  }
  if (actors_ == nullptr) return PermissionDeniedError();
  return actors_->Judge(call, rule.actor, organization_id, member_id);
}

grpc::Status Gate::Answer(const RpcRule& rule, const absl::Status& status) const {
  grpc::Status answer = ToGrpcStatus(status);
  stats_->Count(rule, answer.error_code());
  const bool is_hidden = answer.error_code() == grpc::StatusCode::INTERNAL ||
                         answer.error_code() == grpc::StatusCode::DATA_LOSS;
  if (is_hidden && log_ != nullptr) log_->HiddenError(rule.path, status);
  return answer;
}

}  // namespace bursar
