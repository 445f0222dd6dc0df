// Tokens of a configured issuer: which are taken, and that everything else is nobody's.
#include "server/service/jwt_verifier.h"

#include <gtest/gtest.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

using Json = nlohmann::json;

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

// A key pair, as an issuer has one.
class Issuer {
 public:
  explicit Issuer(const std::string& kid, bool rsa = true) : kid_(kid), rsa_(rsa) {
    key_ = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  }
  Issuer(const Issuer&) = delete;
  ~Issuer() { EVP_PKEY_free(key_); }

  Json Jwk() const {
    Json jwk = {{"kid", kid_}, {"kty", rsa_ ? "RSA" : "EC"}, {"use", "sig"}};
    if (rsa_) {
      jwk["n"] = Number(OSSL_PKEY_PARAM_RSA_N);
      jwk["e"] = Number(OSSL_PKEY_PARAM_RSA_E);
    } else {
      jwk["crv"] = "P-256";
      jwk["x"] = Number(OSSL_PKEY_PARAM_EC_PUB_X, 32);
      jwk["y"] = Number(OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    }
    return jwk;
  }

  // Signed with the private key, or with `secret` where one is given.
  std::string Sign(const Json& claims, jwt_alg_t algorithm, const std::string& kid,
                   const std::string& secret = "") const {
    jwt_t* jwt = nullptr;
    EXPECT_EQ(jwt_new(&jwt), 0);
    EXPECT_EQ(jwt_add_grants_json(jwt, claims.dump().c_str()), 0);
    EXPECT_EQ(jwt_add_header(jwt, "kid", kid.c_str()), 0);
    const std::string key = secret.empty() ? Pem(true) : secret;
    if (algorithm == JWT_ALG_NONE) {
      EXPECT_EQ(jwt_set_alg(jwt, algorithm, nullptr, 0), 0);
    } else {
      EXPECT_EQ(jwt_set_alg(jwt, algorithm, reinterpret_cast<const unsigned char*>(key.data()),
                            static_cast<int>(key.size())),
                0);
    }
    char* text = jwt_encode_str(jwt);
    EXPECT_NE(text, nullptr);
    const std::string token = text == nullptr ? "" : text;
    std::free(text);
    jwt_free(jwt);
    return token;
  }
  std::string Sign(const Json& claims) const {
    return Sign(claims, rsa_ ? JWT_ALG_RS256 : JWT_ALG_ES256, kid_);
  }

  std::string Pem(bool is_private) const {
    BIO* out = BIO_new(BIO_s_mem());
    if (is_private) {
      PEM_write_bio_PrivateKey(out, key_, nullptr, nullptr, 0, nullptr, nullptr);
    } else {
      PEM_write_bio_PUBKEY(out, key_);
    }
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string pem(data, static_cast<size_t>(size));
    BIO_free(out);
    return pem;
  }

 private:
  std::string Number(const char* name, int bytes = 0) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_, name, &number);
    std::string text(static_cast<size_t>(std::max(bytes, BN_num_bytes(number))), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()),
                 static_cast<int>(text.size()));
    BN_free(number);
    return absl::WebSafeBase64Escape(text);
  }

  const std::string kid_;
  const bool rsa_;
  EVP_PKEY* key_ = nullptr;
};

Json GoodClaims() {
  const int64_t now = absl::ToUnixSeconds(kNow);
  return {{"iss", "https://login.example"},
          {"aud", {"other", "bursar"}},
          {"sub", "chat-backend"},
          {"iat", now - 10},
          {"exp", now + 600},
          {"bursar_role", "frontend"},
          {"bursar_organizations", {"zeta", "acme"}}};
}

std::shared_ptr<const Credential> Verify(JwtVerifier& verifier, const std::string& token,
                                         absl::Time now) {
  return verifier.Verify(token, HashToken(token), now);
}

class JwtVerifierTest : public testing::Test {
 protected:
  static std::string SetOf(const std::vector<Json>& keys) { return Json({{"keys", keys}}).dump(); }
  JwtPolicy Policy() const {
    JwtPolicy policy;
    policy.issuer = "https://login.example";
    policy.audience = "bursar";
    return policy;
  }
  std::unique_ptr<JwtVerifier> Start() {
    auto verifier = JwtVerifier::Make(Policy());
    EXPECT_TRUE(verifier.ok()) << verifier.status();
    EXPECT_EQ((*verifier)->SetKeys(SetOf({rsa_.Jwk(), ec_.Jwk()})), absl::OkStatus());
    return *std::move(verifier);
  }

  const Issuer rsa_{"rsa-1"};
  const Issuer ec_{"ec-1", /*rsa=*/false};
};

// Rules: A1, A2
TEST_F(JwtVerifierTest, TakesTokensOfEitherKindOfKey) {
  const auto verifier = Start();
  for (const Issuer* issuer : {&rsa_, &ec_}) {
    const std::string token = issuer->Sign(GoodClaims());
    const auto credential = Verify(*verifier, token, kNow);
    ASSERT_NE(credential, nullptr);
    EXPECT_EQ(credential->name, "jwt:chat-backend");
    EXPECT_EQ(credential->role, ServiceRole::kFrontend);
    EXPECT_TRUE(credential->Covers("acme"));
    EXPECT_TRUE(credential->Covers("zeta"));
    EXPECT_FALSE(credential->Covers("other"));
    EXPECT_EQ(Verify(*verifier, token, kNow), credential) << "remembered";
  }
  Json claims = GoodClaims();
  claims["aud"] = "bursar";
  claims["bursar_role"] = "operator";
  claims["bursar_organizations"] = {"*"};
  const auto credential = Verify(*verifier, rsa_.Sign(claims), kNow);
  ASSERT_NE(credential, nullptr);
  EXPECT_TRUE(credential->all_organizations);
}

// RFC 7519: a NumericDate may have a fraction.
//
// Rules: A1
TEST_F(JwtVerifierTest, TakesInstantsWithAFraction) {
  const auto verifier = Start();
  Json claims = GoodClaims();
  claims["exp"] = static_cast<double>(absl::ToUnixSeconds(kNow)) + 60.75;
  claims["iat"] = static_cast<double>(absl::ToUnixSeconds(kNow)) - 0.25;
  const std::string token = rsa_.Sign(claims);
  EXPECT_NE(Verify(*verifier, token, kNow), nullptr);
  // 60 s and the leeway of 30.
  EXPECT_NE(Verify(*verifier, token, kNow + absl::Seconds(89)), nullptr);
  EXPECT_EQ(Verify(*verifier, token, kNow + absl::Seconds(90)), nullptr);
}

// Rules: A1
TEST_F(JwtVerifierTest, TellsAnOperatorWhyATokenIsNobodys) {
  const auto verifier = Start();
  const int64_t now = absl::ToUnixSeconds(kNow);
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> wrongs = {
      {"it expired at 2026-09-21T13:23:20+00:00", [&](Json& c) { c["exp"] = now - 3000; }},
      {"it is valid for longer than 24h", [&](Json& c) { c["exp"] = now + 90'000; }},
      {"it is not valid before 2026-09-21T15:03:20+00:00", [&](Json& c) { c["nbf"] = now + 3000; }},
      {"it is of another issuer", [](Json& c) { c["iss"] = "https://other.example"; }},
      {"it is for another audience", [](Json& c) { c["aud"] = "other"; }},
      {"it does not say what its bearer may do", [](Json& c) { c.erase("bursar_role"); }},
  };
  for (const auto& [why, spoil] : wrongs) {
    Json claims = GoodClaims();
    spoil(claims);
    EXPECT_EQ(verifier->WhyNobody(rsa_.Sign(claims), kNow), why);
  }
  EXPECT_EQ(verifier->WhyNobody(Issuer("rsa-1").Sign(GoodClaims()), kNow),
            "its signature is not its key's");
  EXPECT_EQ(verifier->WhyNobody(Issuer("rsa-2").Sign(GoodClaims()), kNow),
            "its key is none of the issuer's, or not for its algorithm");
}

// Rules: A1, A2
TEST_F(JwtVerifierTest, RefusesClaimsThatAreNotAllRight) {
  const auto verifier = Start();
  const int64_t now = absl::ToUnixSeconds(kNow);
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> wrongs = {
      {"another issuer", [](Json& c) { c["iss"] = "https://login.example.evil"; }},
      {"no issuer", [](Json& c) { c.erase("iss"); }},
      {"another audience", [](Json& c) { c["aud"] = "other"; }},
      {"no audience", [](Json& c) { c.erase("aud"); }},
      {"expired", [&](Json& c) { c["exp"] = now - 31; }},
      {"no expiry", [](Json& c) { c.erase("exp"); }},
      {"expiry as text", [&](Json& c) { c["exp"] = absl::StrCat(now + 60); }},
      {"an expiry far beyond any", [](Json& c) { c["exp"] = 1e300; }},
      {"negative expiry", [](Json& c) { c["exp"] = -5; }},
      {"an endless life", [&](Json& c) { c["exp"] = now + 90'000; }},
      {"not valid yet", [&](Json& c) { c["nbf"] = now + 31; }},
      {"issued in the future", [&](Json& c) { c["iat"] = now + 31; }},
      {"no role", [](Json& c) { c.erase("bursar_role"); }},
      {"an unknown role", [](Json& c) { c["bursar_role"] = "root"; }},
      {"a list of roles", [](Json& c) { c["bursar_role"] = {"viewer"}; }},
      {"no organizations", [](Json& c) { c.erase("bursar_organizations"); }},
      {"an empty list", [](Json& c) { c["bursar_organizations"] = Json::array(); }},
      {"organizations as text", [](Json& c) { c["bursar_organizations"] = "acme"; }},
      {"all among others",
       [](Json& c) {
         c["bursar_organizations"] = {"*", "acme"};
       }},
      {"a malformed id", [](Json& c) { c["bursar_organizations"] = {"ac/me"}; }},
      {"an operator of some", [](Json& c) { c["bursar_role"] = "operator"; }},
      {"no subject", [](Json& c) { c.erase("sub"); }},
      {"a subject with blanks", [](Json& c) { c["sub"] = "a b"; }},
  };
  for (const auto& [what, spoil] : wrongs) {
    Json claims = GoodClaims();
    spoil(claims);
    EXPECT_EQ(Verify(*verifier, rsa_.Sign(claims), kNow), nullptr) << what;
  }
}

// Rules: A1
TEST_F(JwtVerifierTest, RefusesSignaturesThatAreNotTheKeys) {
  const auto verifier = Start();
  const Issuer stranger("rsa-1");
  EXPECT_EQ(Verify(*verifier, stranger.Sign(GoodClaims()), kNow), nullptr) << "another's key";
  EXPECT_EQ(Verify(*verifier, rsa_.Sign(GoodClaims(), JWT_ALG_RS256, "rsa-2"), kNow), nullptr)
      << "an unknown kid";
  EXPECT_EQ(Verify(*verifier, rsa_.Sign(GoodClaims(), JWT_ALG_RS256, "ec-1"), kNow), nullptr)
      << "the kid of a key of another type";
  EXPECT_EQ(Verify(*verifier, rsa_.Sign(GoodClaims(), JWT_ALG_RS512, "rsa-1"), kNow), nullptr)
      << "an algorithm that is not allowed";
  EXPECT_EQ(Verify(*verifier, rsa_.Sign(GoodClaims(), JWT_ALG_NONE, "rsa-1"), kNow), nullptr)
      << "no signature at all";
  EXPECT_EQ(
      Verify(*verifier, rsa_.Sign(GoodClaims(), JWT_ALG_HS256, "rsa-1", rsa_.Pem(false)), kNow),
      nullptr)
      << "the public key taken for a shared secret";
}

// Rules: A1
TEST_F(JwtVerifierTest, RefusesATokenThatIsChangedAnywhere) {
  const auto verifier = Start();
  const std::string token = rsa_.Sign(GoodClaims());
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    // Not the next letter: the last bits of a part may mean nothing.
    changed[i] = changed[i] == 'Q' ? 'g' : 'Q';
    const auto credential = Verify(*verifier, changed, kNow);
    const bool is_padding = changed.size() > i + 1 ? changed[i + 1] == '.' : true;
    if (!is_padding) {
      EXPECT_EQ(credential, nullptr) << "at " << i;
    }
  }
  for (const char* nonsense : {"", ".", "..", "a.b.c", "e30.e30.", "e30.e30.e30", "{}.{}.{}"}) {
    EXPECT_EQ(Verify(*verifier, nonsense, kNow), nullptr) << nonsense;
  }
  EXPECT_EQ(Verify(*verifier, token + ".x", kNow), nullptr);
  EXPECT_EQ(Verify(*verifier, std::string(kMaxJwtBytes, 'a') + ".b.c", kNow), nullptr);
}

// Signed by hand, so that the claims may be any text.
std::string SignText(const std::string& private_pem, const std::string& claims) {
  const auto encoded = [](const std::string& text) {
    std::string part = absl::WebSafeBase64Escape(text);
    while (!part.empty() && part.back() == '=') part.pop_back();
    return part;
  };
  const std::string header = "{\"alg\":\"RS256\",\"kid\":\"rsa-1\"}";
  const std::string text = absl::StrCat(encoded(header), ".", encoded(claims));
  BIO* const in = BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  EVP_MD_CTX* const signer = EVP_MD_CTX_new();
  EXPECT_EQ(EVP_DigestSignInit(signer, nullptr, EVP_sha256(), nullptr, key), 1);
  std::string signature(512, '\0');
  size_t bytes = signature.size();
  EXPECT_EQ(EVP_DigestSign(signer, reinterpret_cast<unsigned char*>(signature.data()), &bytes,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()),
            1);
  signature.resize(bytes);
  EVP_MD_CTX_free(signer);
  EVP_PKEY_free(key);
  BIO_free(in);
  return absl::StrCat(text, ".", encoded(signature));
}

// Rules: A1
TEST_F(JwtVerifierTest, RefusesATokenThatSaysSomethingTwice) {
  const auto verifier = Start();
  const std::string claims = GoodClaims().dump();
  EXPECT_NE(Verify(*verifier, SignText(rsa_.Pem(true), claims), kNow), nullptr);
  const std::string rest = claims.substr(1);
  for (const char* first : {R"({"bursar_role":"viewer",)", R"({"x":{"a":1,"a":2},)"}) {
    EXPECT_EQ(Verify(*verifier, SignText(rsa_.Pem(true), first + rest), kNow), nullptr) << first;
  }
  EXPECT_NE(Verify(*verifier, SignText(rsa_.Pem(true), R"({"x":{"sub":1},)" + rest), kNow), nullptr)
      << "the same name elsewhere";
}

// Rules: A1
TEST_F(JwtVerifierTest, RefusesATokenThatIsWrittenInAnotherWay) {
  const auto verifier = Start();
  const std::string token = rsa_.Sign(GoodClaims());
  ASSERT_NE(Verify(*verifier, token, kNow), nullptr);
  for (const std::string& other :
       {token + "=", token + "==", token + " ", " " + token, token + "\n",
        std::string(token).insert(token.rfind('.') + 5, " "),
        std::string(token).insert(token.find('.'), "=")}) {
    EXPECT_EQ(Verify(*verifier, other, kNow), nullptr) << other;
  }
}

// Rules: A1
TEST_F(JwtVerifierTest, ForgetsWhatItVerifiedWhenItExpires) {
  const auto verifier = Start();
  const std::string token = rsa_.Sign(GoodClaims());
  EXPECT_NE(Verify(*verifier, token, kNow), nullptr);
  EXPECT_NE(Verify(*verifier, token, kNow + absl::Seconds(629)), nullptr) << "within the leeway";
  EXPECT_EQ(Verify(*verifier, token, kNow + absl::Seconds(630)), nullptr);
}

// Rules: A1
TEST_F(JwtVerifierTest, KeysRotateWithTheFile) {
  const auto verifier = Start();
  const Issuer next("rsa-2");
  const std::string old_token = rsa_.Sign(GoodClaims());
  const std::string new_token = next.Sign(GoodClaims());
  EXPECT_NE(Verify(*verifier, old_token, kNow), nullptr);
  EXPECT_EQ(Verify(*verifier, new_token, kNow), nullptr);
  ASSERT_TRUE(verifier->SetKeys(SetOf({rsa_.Jwk(), next.Jwk()})).ok());
  EXPECT_NE(Verify(*verifier, old_token, kNow), nullptr) << "both are valid for a while";
  EXPECT_NE(Verify(*verifier, new_token, kNow), nullptr);
  ASSERT_TRUE(verifier->SetKeys(SetOf({next.Jwk()})).ok());
  EXPECT_EQ(Verify(*verifier, old_token, kNow), nullptr) << "at once, remembered or not";
  EXPECT_NE(Verify(*verifier, new_token, kNow), nullptr);
  // A set that is of no use is left aside.
  EXPECT_EQ(verifier->SetKeys("{\"keys\": [").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(Verify(*verifier, new_token, kNow), nullptr);
}

// Rules: A1
TEST_F(JwtVerifierTest, DoesNotStartOnWhatItCannotRelyOn) {
  const auto verifier = *JwtVerifier::Make(Policy());
  EXPECT_EQ(Verify(*verifier, rsa_.Sign(GoodClaims()), kNow), nullptr) << "without keys";
  const auto refused = [&](const std::vector<Json>& keys) {
    return verifier->SetKeys(SetOf(keys)).code();
  };
  Json without_kid = rsa_.Jwk();
  without_kid.erase("kid");
  Json for_encryption = rsa_.Jwk();
  for_encryption["use"] = "enc";
  Json symmetric = {{"kid", "s"}, {"kty", "oct"}, {"k", "c2VjcmV0"}};
  Json off_the_curve = ec_.Jwk();
  off_the_curve["x"] = off_the_curve["y"];
  Json for_another_algorithm = rsa_.Jwk();
  for_another_algorithm["alg"] = "RS512";
  for (const Json& bad :
       {for_another_algorithm, without_kid, for_encryption, symmetric, off_the_curve}) {
    EXPECT_EQ(refused({bad}), absl::StatusCode::kInvalidArgument) << bad.dump();
  }
  EXPECT_EQ(refused({rsa_.Jwk(), rsa_.Jwk()}), absl::StatusCode::kInvalidArgument) << "one kid";
  for (const char* algorithm : {"none", "HS256", "rs256"}) {
    JwtPolicy policy = Policy();
    policy.algorithms = {algorithm};
    EXPECT_EQ(JwtVerifier::Make(policy).status().code(), absl::StatusCode::kInvalidArgument);
  }
  JwtPolicy policy = Policy();
  policy.audience.clear();
  EXPECT_EQ(JwtVerifier::Make(policy).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bursar
