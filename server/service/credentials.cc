#include "server/service/credentials.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/check.h"
#include "server/base/files.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

// A SHA-256 is uniform already: any eight bytes of it are a good hash.
struct FirstBytes {
  size_t operator()(const TokenHash& hash) const {
    size_t value;
    std::memcpy(&value, hash.data(), sizeof(value));
    return value;
  }
};

std::string RandomHex(size_t bytes) {
  std::string random(bytes, '\0');
  BURSAR_CHECK(
      RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) == 1);
  return absl::BytesToHexString(random);
}

bool IsHeaderSafe(std::string_view token) {
  return std::all_of(token.begin(), token.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

// The token in the value of an `authorization` header; empty where it is of another scheme.
std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size() ||
      !absl::EqualsIgnoreCase(ToAbsl(authorization.substr(0, kScheme.size())), ToAbsl(kScheme))) {
    return "";
  }
  return authorization.substr(kScheme.size());
}

// HashToken for the request path: a few backends call with the same few tokens. They are compared
// without telling by the time it takes where two differ.
const TokenHash& RecentTokenHash(std::string_view token) {
  struct Recent {
    std::string token;
    TokenHash hash = {};
  };
  thread_local std::array<Recent, 16> recent;
  Recent& place = recent[std::hash<std::string_view>()(token) % recent.size()];
  if (place.token.size() != token.size() ||
      CRYPTO_memcmp(place.token.data(), token.data(), token.size()) != 0) {
    place.token = token;
    place.hash = HashToken(token);
  }
  return place.hash;
}

}  // namespace

struct Credentials::Table {
  std::unordered_map<TokenHash, std::shared_ptr<const Credential>, FirstBytes> by_hash;
  // Stored tokens only, by id.
  std::map<std::string, std::pair<TokenHash, std::shared_ptr<const Credential>>> by_id;
  std::shared_ptr<const Credential> everyone;   // Set in insecure mode.
  std::shared_ptr<const PeerIdentities> peers;  // Null where no certificates are asked for.
};

TokenHash HashToken(std::string_view token) { return Sha256Digest({token}); }

Credentials::Credentials(TokenStore* store)
    : store_(store), table_(std::make_shared<const Table>()) {}

std::shared_ptr<const Credentials::Table> Credentials::table() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

void Credentials::Replace(std::shared_ptr<const Table> table) {
  const std::lock_guard lock(mutex_);
  table_.swap(table);
}

void Credentials::AllowEveryone() {
  const std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Table>(*table());
  auto everyone = std::make_shared<Credential>();
  everyone->name = "insecure";
  everyone->is_insecure = true;
  everyone->role = ServiceRole::kOperator;
  everyone->all_organizations = true;
  next->everyone = std::move(everyone);
  Replace(std::move(next));
}

absl::Status Credentials::LoadOperatorTokenFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::string_view token = absl::StripAsciiWhitespace(*text);
  if (token.size() < kMinOperatorTokenBytes || token.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the operator token in ", path, " must have ",
                                                   kMinOperatorTokenBytes, " to ", kMaxTokenBytes,
                                                   " characters"));
  }
  if (!IsHeaderSafe(ToStd(token))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the operator token in ", path, " must be one line of printable ASCII without blanks"));
  }
  const std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Table>(*table());
  auto credential = std::make_shared<Credential>();
  credential->name = "operator";
  credential->role = ServiceRole::kOperator;
  credential->all_organizations = true;
  next->by_hash[HashToken(ToStd(token))] = std::move(credential);
  Replace(std::move(next));
  return absl::OkStatus();
}

absl::Status Credentials::LoadStoredTokens() {
  if (store_ == nullptr) return absl::OkStatus();
  const std::lock_guard change(change_mutex_);
  const auto tokens = store_->List();
  if (!tokens.ok()) return tokens.status();
  auto next = std::make_shared<Table>(*table());
  for (const auto& [id, stored] : next->by_id) next->by_hash.erase(stored.first);
  next->by_id.clear();
  for (const StoredToken& token : *tokens) {
    auto credential = std::make_shared<Credential>(token.credential);
    std::sort(credential->organization_ids.begin(), credential->organization_ids.end());
    next->by_hash.emplace(token.hash, credential);
    next->by_id[token.credential.token_id] = {token.hash, std::move(credential)};
  }
  Replace(std::move(next));
  return absl::OkStatus();
}

void Credentials::AcceptJwt(std::unique_ptr<JwtVerifier> verifier) { jwt_ = std::move(verifier); }

void Credentials::AcceptPeers(std::shared_ptr<const PeerIdentities> peers) {
  const std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Table>(*table());
  next->peers = std::move(peers);
  Replace(std::move(next));
}

std::shared_ptr<const Credential> Credentials::FindIn(const Table& table,
                                                      std::string_view token) const {
  if (table.everyone != nullptr) return table.everyone;
  if (token.empty() || token.size() > std::max(kMaxTokenBytes, kMaxJwtBytes)) return nullptr;
  // Ours first: an operator's token may have points in it as an issuer's has.
  const TokenHash& hash = RecentTokenHash(token);
  const auto found = table.by_hash.find(hash);
  if (found == table.by_hash.end()) {
    return jwt_ == nullptr ? nullptr : jwt_->Verify(token, hash, absl::Now());
  }
  const bool never = found->second->expire_time == absl::InfiniteFuture();
  return never || absl::Now() < found->second->expire_time ? found->second : nullptr;
}

std::shared_ptr<const Credential> Credentials::FindByHeaderIn(
    const Table& table, std::string_view authorization) const {
  return FindIn(table, BearerToken(authorization));
}

std::string Credentials::WhyNobodysToken(const Table& table, std::string_view token) const {
  if (token.empty()) return "its authorization is not one header \"Bearer TOKEN\"";
  if (token.size() > std::max(kMaxTokenBytes, kMaxJwtBytes)) return "its token is too long for one";
  const TokenHash hash = HashToken(token);
  if (const auto found = table.by_hash.find(hash); found != table.by_hash.end()) {
    const Credential& credential = *found->second;
    return absl::StrCat("its token, ", credential.token_id, " \"", credential.name,
                        "\", expired at ",
                        absl::FormatTime(credential.expire_time, absl::UTCTimeZone()));
  }
  if (jwt_ != nullptr && std::count(token.begin(), token.end(), '.') == 2) {
    return absl::StrCat("its JSON Web Token: ", jwt_->WhyNobody(token, absl::Now()));
  }
  return "its token is none of this server's: mistyped, revoked, or another server's";
}

std::string Credentials::WhyNobody(std::optional<std::string_view> authorization) const {
  const std::shared_ptr<const Table> current = table();
  if (authorization.has_value()) return WhyNobodysToken(*current, BearerToken(*authorization));
  return current->peers == nullptr
             ? "it shows no token"
             : "it shows no token, and no certificate in force whose names are in the table";
}

std::shared_ptr<const Credential> Credentials::Find(std::string_view token) const {
  return FindIn(*table(), token);
}

std::shared_ptr<const Credential> Credentials::FindByHeader(std::string_view authorization) const {
  return FindByHeaderIn(*table(), authorization);
}

std::shared_ptr<const Credential> Credentials::Identify(
    std::optional<std::string_view> authorization,
    absl::FunctionRef<std::vector<std::string>()> peer_names) const {
  const std::shared_ptr<const Table> current = table();
  if (authorization.has_value()) return FindByHeaderIn(*current, *authorization);
  if (current->everyone != nullptr) return current->everyone;
  return current->peers == nullptr ? nullptr : current->peers->Find(peer_names());
}

absl::StatusOr<CreatedToken> Credentials::CreateToken(Credential credential) {
  if (store_ == nullptr) {
    return absl::FailedPreconditionError("this server keeps no tokens");
  }
  CreatedToken created;
  // Sortable by age (the time in front), and never guessable from it.
  credential.create_time = absl::Now();
  credential.token_id =
      absl::StrCat("tok_", absl::Hex(absl::ToUnixMicros(credential.create_time), absl::kZeroPad14),
                   RandomHex(4));
  std::sort(credential.organization_ids.begin(), credential.organization_ids.end());
  created.secret = absl::StrCat("bursar_", RandomHex(32));
  const StoredToken stored{HashToken(created.secret), std::move(credential)};

  const std::lock_guard change(change_mutex_);
  if (const absl::Status status = store_->Put(stored); !status.ok()) return status;
  created.credential = std::make_shared<const Credential>(stored.credential);
  auto next = std::make_shared<Table>(*table());
  next->by_hash.emplace(stored.hash, created.credential);
  next->by_id[stored.credential.token_id] = {stored.hash, created.credential};
  Replace(std::move(next));
  return created;
}

std::vector<std::shared_ptr<const Credential>> Credentials::ListTokens() const {
  std::vector<std::shared_ptr<const Credential>> credentials;
  // Kept while it is walked through: a change replaces it.
  const std::shared_ptr<const Table> current = table();
  for (const auto& [id, stored] : current->by_id) credentials.push_back(stored.second);
  return credentials;
}

absl::Status Credentials::RevokeToken(const std::string& token_id) {
  const std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Table>(*table());
  const auto found = next->by_id.find(token_id);
  if (found == next->by_id.end()) return absl::NotFoundError("no such token");
  if (const absl::Status status = store_->Delete(token_id); !status.ok()) return status;
  next->by_hash.erase(found->second.first);
  next->by_id.erase(found);
  Replace(std::move(next));
  return absl::OkStatus();
}

absl::Status Credentials::ExpireToken(const std::string& token_id, absl::Time expire_time) {
  const std::lock_guard change(change_mutex_);
  auto next = std::make_shared<Table>(*table());
  const auto found = next->by_id.find(token_id);
  if (found == next->by_id.end()) return absl::NotFoundError("no such token");
  if (found->second.second->expire_time <= expire_time) return absl::OkStatus();
  auto credential = std::make_shared<Credential>(*found->second.second);
  credential->expire_time = expire_time;
  const TokenHash hash = found->second.first;
  if (const absl::Status s = store_->Put({hash, *credential}); !s.ok()) return s;
  next->by_hash[hash] = credential;
  found->second.second = std::move(credential);
  Replace(std::move(next));
  return absl::OkStatus();
}

}  // namespace bursar
