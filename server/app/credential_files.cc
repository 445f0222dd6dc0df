#include "server/app/credential_files.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/files.h"
#include "server/base/strings.h"
#include "server/service/jwt_verifier.h"
#include "server/service/peer_identities.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

constexpr absl::Duration kRefreshInterval = absl::Seconds(5);

}  // namespace

CredentialFiles::CredentialFiles(const Options& options, Credentials* credentials)
    : options_(options), credentials_(credentials) {
  Watch("the issuer's keys", [this] { return credentials_->RefreshJwtKeys(); });
  Watch("the table of certificates", [this] { return LoadIdentities(); });
}

void CredentialFiles::Watch(std::string what, std::function<absl::Status()> refresh) {
  watched_.push_back({std::move(what), std::move(refresh), absl::OkStatus()});
}

absl::Status CredentialFiles::Load() {
  if (options_.is_insecure) {
    credentials_->AllowEveryone();
    return absl::OkStatus();
  }
  if (absl::Status s = LoadIdentities(); !s.ok()) return s;
  if (absl::Status s = LoadIssuer(); !s.ok()) return s;
  return credentials_->LoadOperatorTokenFile(options_.operator_token_file);
}

absl::Status CredentialFiles::LoadIdentities() {
  if (options_.client_identities_file.empty()) return absl::OkStatus();
  absl::StatusOr<std::string> text = ReadFile(options_.client_identities_file);
  if (!text.ok()) return text.status();
  if (*text == identities_text_) return absl::OkStatus();
  auto peers = PeerIdentities::Parse(*text);
  if (!peers.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options_.client_identities_file, ": ", peers.status().message()));
  }
  credentials_->AcceptPeers(*std::move(peers));
  identities_text_ = *std::move(text);
  return absl::OkStatus();
}

absl::Status CredentialFiles::LoadIssuer() {
  if (options_.jwt_issuer.empty()) return absl::OkStatus();
  JwtPolicy policy;
  policy.issuer = options_.jwt_issuer;
  policy.audience = options_.jwt_audience;
  policy.jwks_file = options_.jwt_keys_file;
  policy.algorithms = options_.jwt_algorithms;
  absl::StatusOr<std::unique_ptr<JwtVerifier>> verifier = JwtVerifier::Start(std::move(policy));
  if (!verifier.ok()) return verifier.status();
  credentials_->AcceptJwt(*std::move(verifier));
  return absl::OkStatus();
}

void CredentialFiles::Refresh() {
  if (options_.is_insecure || absl::Now() < next_refresh_) return;
  next_refresh_ = absl::Now() + kRefreshInterval;
  for (Watched& file : watched_) {
    const absl::Status status = file.refresh();
    // Said once for each outcome.
    if (status == file.status) continue;
    file.status = status;
    if (status.ok()) {
      spdlog::info("{}: read again", file.what);
    } else {
      spdlog::error("{}: stays as it was: {}", file.what, ToStd(status.message()));
    }
  }
}

}  // namespace bursar
