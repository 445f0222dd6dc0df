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

namespace bursar {

// What is asked of a token.
struct JwtPolicy {
  std::string issuer;    // `iss`, exactly.
  std::string audience;  // One of `aud`.
  std::string jwks_file;
  // Of RS256, RS384, RS512, ES256, ES384; never a symmetric one, never "none".
  std::vector<std::string> algorithms = {"RS256", "ES256"};
  std::string role_claim = "bursar_role";                    // "frontend", "viewer" …
  std::string organizations_claim = "bursar_organizations";  // A list of ids, or ["*"].
  absl::Duration leeway = absl::Seconds(30);                 // For clocks that differ.
  absl::Duration longest_life = absl::Hours(24);             // From now to `exp`.
};

// The longest token that is looked at.
inline constexpr size_t kMaxJwtBytes = 8192;

class JwtVerifier {
 public:
  // Reads the keys. INVALID_ARGUMENT for a policy that names no issuer, no audience or an algorithm
  // that is not allowed; NOT_FOUND, INVALID_ARGUMENT for a file that is missing or has no usable
  // key.
  static absl::StatusOr<std::unique_ptr<JwtVerifier>> Start(JwtPolicy policy);

  // Whether a text has the shape of such a token: three parts with points between.
  static bool LooksLikeOne(std::string_view token);

  // The credential of a token at an instant, named "jwt:" and its `sub`; null where it is nobody's.
  // What was verified is remembered until it expires or the keys change.
  std::shared_ptr<const Credential> Verify(std::string_view token, absl::Time now);

  // Reads the keys again where the file has changed. The error of a file that is left aside.
  absl::Status Refresh();

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
  using TokenHash = std::array<uint8_t, 32>;

  explicit JwtVerifier(JwtPolicy policy) : policy_(std::move(policy)) {}
  static absl::StatusOr<Keys> ReadKeys(const std::string& text);
  absl::StatusOr<Verified> VerifyAnew(const Keys& keys, const std::string& token,
                                      absl::Time now) const;

  const JwtPolicy policy_;
  std::mutex mutex_;
  std::string keys_text_;             // Guarded by mutex_, like all below.
  std::shared_ptr<const Keys> keys_;  // Never null once started.
  absl::flat_hash_map<TokenHash, Verified> verified_;
};

}  // namespace bursar
