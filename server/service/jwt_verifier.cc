#include "server/service/jwt_verifier.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/freer.h"
#include "server/base/strings.h"
#include "server/service/credential_json.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxKeys = 100;
constexpr size_t kMaxRemembered = 10'000;
constexpr int kMinRsaBits = 2048;
constexpr absl::Duration kLeeway = absl::Seconds(30);           // For clocks that differ.
constexpr absl::Duration kLongestLife = absl::Hours(24);        // From now to `exp`.
constexpr char kRoleClaim[] = "bursar_role";                    // "frontend", "viewer" …
constexpr char kOrganizationsClaim[] = "bursar_organizations";  // A list of ids, or ["*"].

template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedNumber = Owned<BIGNUM, BN_free>;

std::optional<std::string> Bytes(const Json& object, const char* name) {
  const std::optional<std::string> text = TextOf(object, name);
  std::string bytes;
  if (!text.has_value() || !absl::WebSafeBase64Unescape(*text, &bytes) || bytes.empty()) {
    return std::nullopt;
  }
  return bytes;
}

OwnedNumber Number(const std::string& bytes) {
  return OwnedNumber(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                               static_cast<int>(bytes.size()), nullptr));
}

OwnedKey FromParameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  OwnedKey owned(key);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return owned;
}

OwnedKey RsaKey(const Json& jwk) {
  const auto modulus = Bytes(jwk, "n"), exponent = Bytes(jwk, "e");
  if (!modulus.has_value() || !exponent.has_value()) return nullptr;
  const OwnedNumber n = Number(*modulus), e = Number(*exponent);
  if (n == nullptr || e == nullptr || BN_num_bits(n.get()) < kMinRsaBits) return nullptr;
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return FromParameters("RSA", builder.get());
}

OwnedKey EcKey(const Json& jwk, const char* group, size_t coordinate_bytes) {
  const auto x = Bytes(jwk, "x"), y = Bytes(jwk, "y");
  if (!x.has_value() || !y.has_value() || x->size() != coordinate_bytes ||
      y->size() != coordinate_bytes) {
    return nullptr;
  }
  const std::string point = absl::StrCat("\x04", *x, *y);  // Uncompressed.
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  return FromParameters("EC", builder.get());
}

std::string ToPem(EVP_PKEY* key) {
  const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || PEM_write_bio_PUBKEY(out.get(), key) != 1) return "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// Base64 for addresses without padding, as RFC 7515 writes the parts of a token: there is one way
// to write each.
bool IsPart(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

// The JSON of a part of a token; discarded where it is none, or says something twice.
Json Part(std::string_view part) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(ToAbsl(part), &text)) return Json(Json::value_t::discarded);
  std::vector<std::set<std::string>> open;  // The names in each object that is open.
  bool is_repeated = false;
  const auto look = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      is_repeated |= !open.back().insert(parsed.get<std::string>()).second;
    }
    return true;
  };
  Json json = Json::parse(text, look, /*allow_exceptions=*/false);
  return is_repeated ? Json(Json::value_t::discarded) : json;
}

bool Contains(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

// A NumericDate, which may have a fraction (RFC 7519, 2), cut to whole seconds; nothing where it is
// absent; an error where it is no such thing.
absl::StatusOr<std::optional<absl::Time>> Instant(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  constexpr double kLatest = int64_t{1} << 40;
  const double seconds = found->is_number() ? found->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kLatest)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no instant"));
  }
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

bool HasAudience(const Json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return found->get<std::string>() == audience;
  return found->is_array() && std::any_of(found->begin(), found->end(), [&](const Json& one) {
           return one.is_string() && one.get<std::string>() == audience;
         });
}

std::string InWords(absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); }

absl::Status No(const std::string& why) { return absl::UnauthenticatedError(why); }

// Fills in what the claims let the caller do.
absl::Status FillPowers(const Json& claims, Credential& credential) {
  FieldViolations violations;
  ReadPowers(claims, {kRoleClaim, kOrganizationsClaim}, "", credential, violations);
  if (!violations.empty()) return No("it does not say what its bearer may do");
  const std::optional<std::string> subject = TextOf(claims, "sub");
  if (!subject.has_value() || !IsValidId(*subject)) return No("its subject is no name");
  credential.name = absl::StrCat("jwt:", *subject);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<JwtVerifier>> JwtVerifier::Make(JwtPolicy policy) {
  if (policy.issuer.empty() || policy.audience.empty()) {
    return absl::InvalidArgumentError("an issuer and an audience are required");
  }
  const std::vector<std::string> allowed = {"RS256", "RS384", "RS512", "ES256", "ES384"};
  for (const std::string& algorithm : policy.algorithms) {
    if (!Contains(allowed, algorithm)) {
      return absl::InvalidArgumentError(absl::StrCat("algorithm \"", algorithm,
                                                     "\" is none of RS256, RS384, RS512, ES256, "
                                                     "ES384"));
    }
  }
  if (policy.algorithms.empty()) return absl::InvalidArgumentError("no algorithm is allowed");
  return std::unique_ptr<JwtVerifier>(new JwtVerifier(std::move(policy)));
}

absl::StatusOr<JwtVerifier::Keys> JwtVerifier::ReadKeys(const std::string& text) const {
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto list = document.is_object() ? document.find("keys") : document.end();
  if (!document.is_object() || list == document.end() || !list->is_array() ||
      list->size() > kMaxKeys) {
    return absl::InvalidArgumentError("it is no JSON Web Key Set: an object with a list \"keys\"");
  }
  Keys keys;
  for (const Json& jwk : *list) {
    if (!jwk.is_object()) continue;
    const std::optional<std::string> kid = TextOf(jwk, "kid"), type = TextOf(jwk, "kty");
    if (!kid.has_value() || kid->empty() || !type.has_value()) continue;
    if (TextOf(jwk, "use").value_or("sig") != "sig") continue;
    OwnedKey key;
    Key made;
    const std::string curve = TextOf(jwk, "crv").value_or("");
    if (*type == "RSA") {
      key = RsaKey(jwk);
      made.algorithms = {"RS256", "RS384", "RS512"};
    } else if (*type == "EC" && curve == "P-256") {
      key = EcKey(jwk, "P-256", 32);
      made.algorithms = {"ES256"};
    } else if (*type == "EC" && curve == "P-384") {
      key = EcKey(jwk, "P-384", 48);
      made.algorithms = {"ES384"};
    }
    if (key == nullptr) continue;
    // A key that is for one algorithm is for no other.
    if (const auto only = TextOf(jwk, "alg"); only.has_value()) {
      if (!Contains(made.algorithms, *only)) continue;
      made.algorithms = {*only};
    }
    std::erase_if(made.algorithms, [&](const std::string& algorithm) {
      return !Contains(policy_.algorithms, algorithm);
    });
    if (made.algorithms.empty()) continue;
    made.pem = ToPem(key.get());
    if (!keys.try_emplace(*kid, std::move(made)).second) {
      return absl::InvalidArgumentError(absl::StrCat("two keys are called \"", *kid, "\""));
    }
  }
  if (!keys.empty()) return keys;
  return absl::InvalidArgumentError(
      "it has no usable key: RSA of 2048 bits and more, or EC on P-256 or P-384, with a \"kid\", "
      "for "
      "an algorithm that is allowed");
}

absl::Status JwtVerifier::SetKeys(const std::string& text) {
  absl::StatusOr<Keys> keys = ReadKeys(text);
  if (!keys.ok()) return keys.status();
  std::lock_guard lock(mutex_);
  keys_ = std::make_shared<const Keys>(*std::move(keys));
  // A key that is gone takes its tokens with it.
  verified_.clear();
  return absl::OkStatus();
}

std::string JwtVerifier::WhyNobody(std::string_view token, absl::Time now) {
  std::shared_ptr<const Keys> keys;
  {
    std::lock_guard lock(mutex_);
    keys = keys_;
  }
  return std::string(VerifyAnew(*keys, std::string(token), now).status().message());
}

std::shared_ptr<const Credential> JwtVerifier::Verify(std::string_view token, const TokenHash& hash,
                                                      absl::Time now) {
  std::shared_ptr<const Keys> keys;
  {
    std::lock_guard lock(mutex_);
    const auto found = verified_.find(hash);
    if (found != verified_.end() && now < found->second.expires_at) return found->second.credential;
    keys = keys_;
  }
  absl::StatusOr<Verified> verified = VerifyAnew(*keys, std::string(token), now);
  if (!verified.ok()) return nullptr;
  std::lock_guard lock(mutex_);
  // Decided on keys that are gone: right for this call, which began before, and for no other.
  if (keys != keys_) return verified->credential;
  if (verified_.size() >= kMaxRemembered) verified_.clear();
  verified_.insert_or_assign(hash, *verified);
  return verified->credential;
}

absl::StatusOr<JwtVerifier::Verified> JwtVerifier::VerifyAnew(const Keys& keys,
                                                              const std::string& token,
                                                              absl::Time now) const {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3 || token.size() > kMaxJwtBytes) return No("it does not look like one");
  if (!std::all_of(parts.begin(), parts.end(), IsPart)) return No("it is not written as it should");
  const Json header = Part(parts[0]);
  if (!header.is_object() || header.contains("crit")) return No("its header is not understood");
  const std::optional<std::string> algorithm = TextOf(header, "alg"), kid = TextOf(header, "kid");
  if (!algorithm.has_value() || !Contains(policy_.algorithms, *algorithm)) {
    return No("its algorithm is not allowed");
  }
  const auto key = keys.find(kid.value_or(""));
  // The key says what it is for, not the token: a public key is never taken for a shared secret.
  if (key == keys.end() || !Contains(key->second.algorithms, *algorithm)) {
    return No("its key is none of the issuer's, or not for its algorithm");
  }
  jwt_t* raw = nullptr;
  const int decoded = jwt_decode(&raw, token.c_str(),
                                 reinterpret_cast<const unsigned char*>(key->second.pem.data()),
                                 static_cast<int>(key->second.pem.size()));
  const Owned<jwt_t, jwt_free> jwt(raw);
  if (decoded != 0 || *algorithm != jwt_alg_str(jwt_get_alg(jwt.get()))) {
    return No("its signature is not its key's");
  }

  const Json claims = Part(parts[1]);
  if (!claims.is_object() || TextOf(claims, "iss") != policy_.issuer) {
    return No("it is of another issuer");
  }
  if (!HasAudience(claims, policy_.audience)) return No("it is for another audience");
  const auto expires = Instant(claims, "exp"), not_before = Instant(claims, "nbf"),
             issued = Instant(claims, "iat");
  if (!expires.ok() || !not_before.ok() || !issued.ok() || !expires->has_value()) {
    return No("it does not say when it expires");
  }
  const absl::Time expires_at = **expires + kLeeway;
  if (now >= expires_at) return No(absl::StrCat("it expired at ", InWords(**expires)));
  if (**expires - now > kLongestLife + kLeeway) {
    return No(absl::StrCat("it is valid for longer than ", absl::FormatDuration(kLongestLife)));
  }
  const absl::Time begin = std::max(not_before->value_or(now), issued->value_or(now));
  if (begin > now + kLeeway) return No(absl::StrCat("it is not valid before ", InWords(begin)));
  auto credential = std::make_shared<Credential>();
  if (absl::Status s = FillPowers(claims, *credential); !s.ok()) return s;
  return Verified{std::move(credential), expires_at};
}

}  // namespace bursar
