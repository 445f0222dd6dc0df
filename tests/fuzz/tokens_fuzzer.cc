// Whatever callers show to say who they are, and the files that say who they may be.
//
// Claims: a token is somebody's only if all that jwt_verifier.h asks holds, as this program reads
// the claims for itself; a file is good or refused with INVALID_ARGUMENT; nobody is let in by a
// token that was not given out.
//
// Input: a byte that chooses, and the text. 'c' signs the text as claims with the issuer's key, so
// that what comes behind the signature is reached too.
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/strings.h"
#include "server/service/credentials.h"
#include "server/service/jwt_verifier.h"
#include "server/service/peer_identities.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/parts.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {
namespace {

using Json = nlohmann::json;

constexpr int64_t kNow = 1'790'000'000;
constexpr char kIssuer[] = "https://login.example";
constexpr char kAudience[] = "bursar";
constexpr char kOperatorToken[] = "correct-horse-battery-staple-0123";

// An issuer with one key.
class Issuer {
 public:
  Issuer() : key_(EVP_EC_gen("P-256")) { Require(key_ != nullptr, "a key can be made"); }

  std::string Jwks() const {
    return Json{{"keys",
                 {{{"kid", "k1"},
                   {"kty", "EC"},
                   {"use", "sig"},
                   {"crv", "P-256"},
                   {"x", Number(OSSL_PKEY_PARAM_EC_PUB_X)},
                   {"y", Number(OSSL_PKEY_PARAM_EC_PUB_Y)}}}}}
        .dump();
  }

  // Empty where the claims are none that libjwt signs.
  std::string Sign(const std::string& claims) const {
    jwt_t* jwt = nullptr;
    Require(jwt_new(&jwt) == 0, "a token can be made");
    static const std::string* const pem = new std::string(Pem());
    char* text = nullptr;
    if (jwt_add_grants_json(jwt, claims.c_str()) == 0 && jwt_add_header(jwt, "kid", "k1") == 0 &&
        jwt_set_alg(jwt, JWT_ALG_ES256, reinterpret_cast<const unsigned char*>(pem->data()),
                    static_cast<int>(pem->size())) == 0) {
      text = jwt_encode_str(jwt);
    }
    const std::string token = text == nullptr ? "" : text;
    std::free(text);
    jwt_free(jwt);
    return token;
  }

 private:
  std::string Number(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_, name, &number);
    std::string text(32, '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), 32);
    BN_free(number);
    return absl::WebSafeBase64Escape(text);
  }
  std::string Pem() const {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key_, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const int64_t size = BIO_get_mem_data(out, &data);
    std::string pem(data, static_cast<size_t>(size));
    BIO_free(out);
    return pem;
  }

  EVP_PKEY* const key_;
};

// Without keys.
std::unique_ptr<JwtVerifier> NewVerifier() {
  JwtPolicy policy;
  policy.issuer = kIssuer;
  policy.audience = kAudience;
  auto made = JwtVerifier::Make(std::move(policy));
  Require(made.ok(), "the issuer is accepted", made.status().ToString());
  return *std::move(made);
}

// What there is of callers; never destroyed.
struct World {
  World() {
    Require(verifier->SetKeys(issuer.Jwks()).ok(), "the issuer's keys are taken");
    other.Write(std::string(kOperatorToken) + "\n");
    Require(credentials.LoadOperatorTokenFile(other.path()).ok(), "the operator is known");
    auto known = NewVerifier();
    Require(known->SetKeys(issuer.Jwks()).ok(), "the issuer's keys are taken");
    credentials.AcceptJwt(std::move(known));
  }

  Issuer issuer;
  MemoryFile other;
  const std::unique_ptr<JwtVerifier> verifier = NewVerifier();
  Credentials credentials{nullptr};
};

World& TheWorld() {
  static World* const world = new World();
  return *world;
}

// The claims of a token, as anybody reads them.
Json ClaimsOf(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string text;
  Require(parts.size() == 3 && absl::WebSafeBase64Unescape(parts[1], &text),
          "a token that is taken has claims", token);
  return Json::parse(text, nullptr, false);
}

bool IsTime(const Json& claims, const char* name) {
  return claims.contains(name) && claims[name].is_number();
}

void CheckTaken(const std::string& token, const Credential& credential) {
  const Json claims = ClaimsOf(token);
  Require(claims.is_object(), "the claims of a token that is taken are an object", token);
  const std::string told = claims.dump(-1, ' ', false, Json::error_handler_t::replace);
  Require(claims.value("iss", Json()) == kIssuer, "it is the issuer's", told);
  const Json audience = claims.value("aud", Json());
  Require(audience == kAudience ||
              (audience.is_array() &&
               std::find(audience.begin(), audience.end(), Json(kAudience)) != audience.end()),
          "it is for us", told);
  Require(IsTime(claims, "exp"), "it ends", told);
  const double expires = claims["exp"].get<double>();
  Require(expires > kNow - 31 && expires <= kNow + 24 * 3600 + 31, "it ends soon, and has not",
          told);
  for (const char* name : {"nbf", "iat"}) {
    if (IsTime(claims, name)) Require(claims[name].get<double>() <= kNow + 31, "it began", told);
  }
  Require(claims.value("bursar_role", Json()) == std::string(ServiceRoleName(credential.role)),
          "its role is the one it says", told);
  const Json organizations = claims.value("bursar_organizations", Json());
  Require(organizations.is_array(), "it names organizations", told);
  for (const std::string& id : credential.organization_ids) {
    Require(std::find(organizations.begin(), organizations.end(), Json(id)) != organizations.end(),
            "it is for no others", told);
  }
  if (credential.all_organizations) {
    Require(organizations == Json::array({"*"}), "it is for all where it says so", told);
  }
}

void CheckToken(const std::string& token) {
  const auto credential =
      TheWorld().verifier->Verify(token, HashToken(token), absl::FromUnixSeconds(kNow));
  if (credential != nullptr) CheckTaken(token, *credential);
}

void CheckClaims(const std::string& text) {
  const std::string token = TheWorld().issuer.Sign(std::string(text));
  if (!token.empty()) CheckToken(token);
}

void CheckKeys(const std::string& text) {
  const absl::Status status = NewVerifier()->SetKeys(text);
  Require(status.ok() || status.code() == absl::StatusCode::kInvalidArgument,
          "a set of keys is good or refused", status.ToString());
}

void CheckPeers(const std::string& text) {
  const auto peers = PeerIdentities::Parse(text);
  if (!peers.ok()) {
    return Require(peers.status().code() == absl::StatusCode::kInvalidArgument,
                   "a table of identities is good or refused", peers.status().ToString());
  }
  Require((*peers)->Find({}) == nullptr, "no name is nobody");
  Require((*peers)->Find({""}) == nullptr, "an empty name is nobody");
}

void CheckHeader(const std::string& text) {
  if (text.find(kOperatorToken) != std::string::npos) return;
  const auto credential = TheWorld().credentials.FindByHeader(text);
  Require(credential == nullptr, "nobody is let in by a token that was not given out", text);
}

void CheckTokenFile(const std::string& text) {
  TheWorld().other.Write(text);
  Credentials credentials(nullptr);
  const absl::Status status = credentials.LoadOperatorTokenFile(TheWorld().other.path());
  if (!status.ok()) {
    return Require(status.code() == absl::StatusCode::kInvalidArgument,
                   "a token's file is good or refused", status.ToString());
  }
  const std::string token(absl::StripAsciiWhitespace(ToAbsl(text)));
  Require(credentials.FindByHeader("Bearer " + token) != nullptr, "a good token is the operator's");
  Require(credentials.FindByHeader("Bearer " + token + "x") == nullptr, "another is nobody's");
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  return RunPart(data, size,
                 {{'c', CheckClaims},
                  {'k', CheckKeys},
                  {'p', CheckPeers},
                  {'h', CheckHeader},
                  {'o', CheckTokenFile},
                  {'t', CheckToken}});
}
