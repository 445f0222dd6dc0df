// Callers that show a JSON Web Token of a configured issuer (RFC 7519) instead of a token of ours.
//
// A token is taken only if all of this holds: its algorithm is one of those that are allowed, and
// belongs to the type of the key that its `kid` names; its signature is that key's; `iss` is the
// issuer, `aud` has the audience; it has an `exp` that lies ahead and not further than the longest
// life, and no `nbf` or `iat` ahead; its role claim is a role of ours, and its organizations claim
// names organizations, or "*" for all. Everything else is nobody's, and is refused alike.
//
// Keys are public ones, of a JWKS file (RFC 7517): RSA of at least 2048 bits, and EC on P-256 and
// P-384. The file is read again when it changes, so that keys rotate without a restart; one that
// cannot be used is left aside, and the keys before it stay.
//
// Thread rule: every method may be called from any thread.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/service/authorization.h"
#include "server/service/token_hash.h"

namespace bursar {

// What is asked of a token.
struct JwtPolicy {
  std::string issuer;    // `iss`, exactly.
  std::string audience;  // One of `aud`.
  // Of RS256, RS384, RS512, ES256, ES384; never a symmetric one, never "none".
  std::vector<std::string> algorithms = {"RS256", "ES256"};
};

// The longest token that is looked at.
inline constexpr size_t kMaxJwtBytes = 8192;

class JwtVerifier {
 public:
  // One without keys, for which every token is nobody's. INVALID_ARGUMENT for a policy that names
  // no issuer, no audience or an algorithm that is not allowed.
  static absl::StatusOr<std::unique_ptr<JwtVerifier>> Make(JwtPolicy policy);

  // The credential of a token, of that hash, at an instant: named "jwt:" and its `sub`; null where
  // it is nobody's. What was verified is remembered until it expires or the keys change.
  std::shared_ptr<const Credential> Verify(std::string_view token, const TokenHash& hash,
                                           absl::Time now);

  // Why Verify makes it nobody's, in words for an operator that repeat nothing of the token.
  std::string WhyNobody(std::string_view token, absl::Time now);

  // From now on the issuer's keys are those of a JSON Web Key Set. INVALID_ARGUMENT where it has no
  // usable key: those before stay.
  absl::Status SetKeys(const std::string& text);

 private:
  // A public key as PEM, and the algorithms that belong to its type.
  struct Key {
    std::string pem;
    std::vector<std::string> algorithms;
  };
  using Keys = std::map<std::string, Key>;  // By `kid`.
  struct Verified {
    std::shared_ptr<const Credential> credential;
    absl::Time expires_at;
  };
  explicit JwtVerifier(JwtPolicy policy) : policy_(std::move(policy)) {}
  absl::StatusOr<Keys> ReadKeys(const std::string& text) const;
  absl::StatusOr<Verified> VerifyAnew(const Keys& keys, const std::string& token,
                                      absl::Time now) const;

  const JwtPolicy policy_;
  std::mutex mutex_;
  std::shared_ptr<const Keys> keys_ =
      std::make_shared<Keys>();  // Guarded by mutex_, as what follows.
  absl::flat_hash_map<TokenHash, Verified> verified_;
};

}  // namespace bursar
