#include "server/app/credential_files.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/service/jwt_verifier.h"
#include "server/service/peer_identities.h"

namespace bursar {
namespace {

absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::Status FollowIdentities(const std::string& path, Credentials* credentials,
                              FollowedFiles* files) {
  return files->Follow("the table of certificates", {path},
                       [path, credentials](const std::vector<std::string>& texts) {
                         auto peers = PeerIdentities::Parse(texts[0]);
                         if (!peers.ok()) return InFile(path, peers.status());
                         credentials->AcceptPeers(*std::move(peers));
                         return absl::OkStatus();
                       });
}

absl::Status FollowIssuer(const Options& options, Credentials* credentials, FollowedFiles* files) {
  JwtPolicy policy;
  policy.issuer = options.jwt_issuer;
  policy.audience = options.jwt_audience;
  policy.algorithms = options.jwt_algorithms;
  absl::StatusOr<std::unique_ptr<JwtVerifier>> made = JwtVerifier::Make(std::move(policy));
  if (!made.ok()) return made.status();
  JwtVerifier* const verifier = made->get();
  credentials->AcceptJwt(*std::move(made));
  return files->Follow(
      "the issuer's keys", {options.jwt_keys_file},
      [verifier, path = options.jwt_keys_file](const std::vector<std::string>& texts) {
        return InFile(path, verifier->SetKeys(texts[0]));
      });
}

}  // namespace

absl::Status LoadCredentialFiles(const Options& options, Credentials* credentials,
                                 FollowedFiles* files) {
  if (options.is_insecure) {
    credentials->AllowEveryone();
    return absl::OkStatus();
  }
  if (!options.client_identities_file.empty()) {
    absl::Status status = FollowIdentities(options.client_identities_file, credentials, files);
    if (!status.ok()) return status;
  }
  if (!options.jwt_issuer.empty()) {
    if (absl::Status s = FollowIssuer(options, credentials, files); !s.ok()) return s;
  }
  return credentials->LoadOperatorTokenFile(options.operator_token_file);
}

}  // namespace bursar
