// Who is calling: bearer tokens, known only by their SHA-256.
//
// The table maps the hash of a token to its credential and is replaced as a whole, so a revoked
// token is refused from the next call on. Looking up by hash makes the comparison's time
// independent of how much of a guessed token is right. Tokens themselves are never kept and never
// logged.
//
// Thread rule: every method may be called from any thread.
//
// Source: rules A1 and A2 (docs/rules.md).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/service/authorization.h"
#include "server/service/jwt_verifier.h"
#include "server/service/peer_identities.h"
#include "server/service/token_hash.h"

namespace bursar {

// The shortest operator token that is accepted, after blanks around it are taken off.
inline constexpr size_t kMinOperatorTokenBytes = 24;
// The longest token that is looked at; a longer one is nobody's.
inline constexpr size_t kMaxTokenBytes = 512;

// A token as it is kept.
struct StoredToken {
  TokenHash hash = {};
  Credential credential;
};

// Where tokens are kept. The server's records, or a fake in tests.
//
// Thread rule: every method may be called from any thread.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  // All tokens, by token id. DATA_LOSS where a record cannot be read.
  virtual absl::StatusOr<std::vector<StoredToken>> List() const = 0;
  // Keeps a token; durable on return.
  virtual absl::Status Put(const StoredToken& token) = 0;
  // Forgets a token; durable on return. One that is not there is normal.
  virtual absl::Status Delete(const std::string& token_id) = 0;
};

// A token that was just created, with its secret for this once.
struct CreatedToken {
  std::shared_ptr<const Credential> credential;
  std::string secret;
};

class Credentials {
 public:
  // Tokens are kept in `store`, which outlives this; nullptr keeps none (CreateToken then fails).
  explicit Credentials(TokenStore* store);

  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // From now on everybody is the operator named "insecure". Only for loopback; see options.
  void AllowEveryone();

  // Makes the token in a file an operator's, named "operator". Blanks around it are taken off.
  // INVALID_ARGUMENT when it is shorter than kMinOperatorTokenBytes, longer than kMaxTokenBytes or
  // has characters that cannot travel in a header; NOT_FOUND when the file cannot be read.
  absl::Status LoadOperatorTokenFile(const std::string& path);

  // Reads the tokens that the store keeps. Errors as TokenStore::List.
  absl::Status LoadStoredTokens();

  // From now on tokens of that issuer are taken beside ours. Before the first call.
  void AcceptJwt(std::unique_ptr<JwtVerifier> verifier);

  // From now on callers with a certificate in that table are taken. May be called again: the table
  // is in force for the next call.
  void AcceptPeers(std::shared_ptr<const PeerIdentities> peers);

  // The credential behind a call: of its `authorization` header; where it has none, of a verified
  // certificate with the subject alternative names that `peer_names` gives, which is asked only
  // where there is a table of such; in insecure mode everybody's. Otherwise nullptr.
  std::shared_ptr<const Credential> Identify(
      std::optional<std::string_view> authorization,
      absl::FunctionRef<std::vector<std::string>()> peer_names) const;

  // The credential of a token, ours or the issuer's, or nullptr.
  std::shared_ptr<const Credential> Find(std::string_view token) const;

  // The credential behind the value of an `authorization` header ("Bearer TOKEN", the scheme in any
  // case), or nullptr. In insecure mode the header is not looked at.
  std::shared_ptr<const Credential> FindByHeader(std::string_view authorization) const;

  // Why Identify finds nobody behind such a header, in words for an operator: never the token nor a
  // part of it.
  std::string WhyNobody(std::optional<std::string_view> authorization) const;

  // Creates a token for the template's name, role and organizations; its id, secret and time are
  // made here. Durable and in force on return. FAILED_PRECONDITION without a store; store errors.
  absl::StatusOr<CreatedToken> CreateToken(Credential credential);

  // The tokens that the store keeps, by id.
  std::vector<std::shared_ptr<const Credential>> ListTokens() const;

  // Revokes a token: durable and refused from now on. NOT_FOUND when there is none of that id.
  absl::Status RevokeToken(const std::string& token_id);
  // The same from an instant on, so that callers have the token that follows it before. A token
  // that expires earlier anyway stays as it is.
  absl::Status ExpireToken(const std::string& token_id, absl::Time expire_time);

 private:
  struct Table;
  std::shared_ptr<const Credential> FindIn(const Table& table, std::string_view token) const;
  std::shared_ptr<const Credential> FindByHeaderIn(const Table& table,
                                                   std::string_view authorization) const;
  std::string WhyNobodysToken(const Table& table, std::string_view token) const;
  std::shared_ptr<const Table> table() const;
  void Replace(std::shared_ptr<const Table> table);

  TokenStore* const store_;
  std::unique_ptr<JwtVerifier> jwt_;  // Null where no issuer is configured.
  std::mutex change_mutex_;           // One change at a time; held across the store's writes.
  mutable std::mutex mutex_;          // Guards table_, for the length of a pointer copy.
  std::shared_ptr<const Table> table_;
};

}  // namespace bursar
