// Tokens: who is calling.
#include "server/service/credentials.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bursar {
namespace {

// Keeps tokens in memory; writes fail on demand.
class FakeTokenStore final : public TokenStore {
 public:
  absl::StatusOr<std::vector<StoredToken>> List() const override {
    std::vector<StoredToken> tokens;
    for (const auto& [id, token] : tokens_) tokens.push_back(token);
    return tokens;
  }
  absl::Status Put(const StoredToken& token) override {
    if (!write_status.ok()) return write_status;
    tokens_[token.credential.token_id] = token;
    return absl::OkStatus();
  }
  absl::Status Delete(const std::string& token_id) override {
    if (!write_status.ok()) return write_status;
    tokens_.erase(token_id);
    return absl::OkStatus();
  }

  absl::Status write_status;

 private:
  std::map<std::string, StoredToken> tokens_;
};

// A file that is removed with the test.
class TokenFile {
 public:
  explicit TokenFile(const std::string& contents) {
    char name[] = "/tmp/bursar-credentials-XXXXXX";
    const int descriptor = mkstemp(name);
    EXPECT_GE(descriptor, 0);
    close(descriptor);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << contents;
  }
  ~TokenFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Credential FrontendFor(const std::vector<std::string>& organization_ids) {
  Credential credential;
  credential.name = "chat-backend";
  credential.role = ServiceRole::kFrontend;
  credential.organization_ids = organization_ids;
  return credential;
}

// Rules: A1
TEST(Credentials, WithoutAnyNobodyIsServed) {
  const Credentials credentials(nullptr);
  EXPECT_EQ(credentials.Find(""), nullptr);
  EXPECT_EQ(credentials.Find("anything"), nullptr);
  EXPECT_EQ(credentials.FindByHeader("Bearer anything"), nullptr);
  EXPECT_EQ(credentials.Identify(std::nullopt, [] { return std::vector<std::string>{"x"}; }),
            nullptr);
}

// Rules: A1, A2
TEST(Credentials, OperatorTokenFileIsTrimmedAndCoversEverything) {
  const TokenFile file("  correct-horse-battery-staple\r\n");
  Credentials credentials(nullptr);
  ASSERT_TRUE(credentials.LoadOperatorTokenFile(file.path()).ok());
  const auto credential = credentials.FindByHeader("bearer correct-horse-battery-staple");
  ASSERT_NE(credential, nullptr);
  EXPECT_EQ(credential->role, ServiceRole::kOperator);
  EXPECT_EQ(credential->name, "operator");
  EXPECT_TRUE(credential->Covers("acme"));
  EXPECT_EQ(credentials.FindByHeader("correct-horse-battery-staple"), nullptr);
  EXPECT_EQ(credentials.FindByHeader("Basic correct-horse-battery-staple"), nullptr);
  EXPECT_EQ(credentials.FindByHeader("Bearer correct-horse-battery-stapl"), nullptr);
  EXPECT_EQ(credentials.FindByHeader("Bearer correct-horse-battery-staplf"), nullptr);
  EXPECT_EQ(credentials.FindByHeader("Bearer "), nullptr);
}

// Rules: A1
TEST(Credentials, PoorOperatorTokenIsRefusedWithoutRepeatingIt) {
  for (const std::string& contents :
       {std::string(), std::string("\n"), std::string(23, 'x'), std::string(513, 'x'),
        std::string("two words that are long enough"),
        std::string("line-one-is-long\nline-two-too"),
        std::string("with\0a-zero-inside-of-it-somewhere", 33)}) {
    const TokenFile file(contents);
    Credentials credentials(nullptr);
    const absl::Status status = credentials.LoadOperatorTokenFile(file.path());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << contents;
    EXPECT_EQ(status.message().find("words"), absl::string_view::npos);
  }
  Credentials credentials(nullptr);
  EXPECT_EQ(credentials.LoadOperatorTokenFile("/nonexistent/token").code(),
            absl::StatusCode::kNotFound);
}

// Rules: A2
TEST(Credentials, CreatedTokenWorksAtOnceAndOnlyItsHashIsKept) {
  FakeTokenStore store;
  Credentials credentials(&store);
  const auto created = credentials.CreateToken(FrontendFor({"zeta", "acme"}));
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->credential->token_id.substr(0, 4), "tok_");
  const auto credential = credentials.FindByHeader("Bearer " + created->secret);
  ASSERT_NE(credential, nullptr);
  EXPECT_EQ(credential->name, "chat-backend");
  EXPECT_TRUE(credential->Covers("acme"));
  EXPECT_TRUE(credential->Covers("zeta"));
  EXPECT_FALSE(credential->Covers("other"));
  const auto stored = store.List();
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ((*stored)[0].hash, HashToken(created->secret));

  const auto second = credentials.CreateToken(FrontendFor({"acme"}));
  EXPECT_NE(second->secret, created->secret);
  EXPECT_EQ(credentials.ListTokens().size(), 2U);
}

// Rules: A2
TEST(Credentials, RevokedTokenIsRefusedFromTheNextCallOn) {
  FakeTokenStore store;
  Credentials credentials(&store);
  const auto created = credentials.CreateToken(FrontendFor({"acme"}));
  ASSERT_TRUE(credentials.RevokeToken(created->credential->token_id).ok());
  EXPECT_EQ(credentials.Find(created->secret), nullptr);
  EXPECT_TRUE(store.List()->empty());
  EXPECT_EQ(credentials.RevokeToken(created->credential->token_id).code(),
            absl::StatusCode::kNotFound);
}

// Rules: A2
TEST(Credentials, WhatTheStoreDidNotTakeIsNotInForce) {
  FakeTokenStore store;
  Credentials credentials(&store);
  const auto kept = credentials.CreateToken(FrontendFor({"acme"}));
  ASSERT_TRUE(kept.ok());
  store.write_status = absl::UnavailableError("latched");
  EXPECT_EQ(credentials.CreateToken(FrontendFor({"acme"})).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(credentials.RevokeToken(kept->credential->token_id).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(credentials.ListTokens().size(), 1U);
  EXPECT_NE(credentials.Find(kept->secret), nullptr);
}

// Rules: A2
TEST(Credentials, StoredTokensComeBackAtStart) {
  FakeTokenStore store;
  std::string secret;
  {
    Credentials credentials(&store);
    secret = credentials.CreateToken(FrontendFor({"acme"}))->secret;
  }
  Credentials credentials(&store);
  EXPECT_EQ(credentials.Find(secret), nullptr);
  ASSERT_TRUE(credentials.LoadStoredTokens().ok());
  ASSERT_NE(credentials.Find(secret), nullptr);
  EXPECT_TRUE(credentials.Find(secret)->Covers("acme"));
}

// Rules: A2
TEST(Credentials, AreListedWhileTheyChange) {
  FakeTokenStore store;
  Credentials credentials(&store);
  std::atomic<bool> done = false;
  std::thread lister([&] {
    while (!done) credentials.ListTokens();
  });
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(credentials.CreateToken(FrontendFor({"acme"})).ok());
  done = true;
  lister.join();
  EXPECT_EQ(credentials.ListTokens().size(), 100U);
}

// Rules: A1
TEST(Credentials, InsecureModeMakesEverybodyTheOperator) {
  Credentials credentials(nullptr);
  credentials.AllowEveryone();
  const auto credential = credentials.FindByHeader("");
  ASSERT_NE(credential, nullptr);
  EXPECT_EQ(credential->name, "insecure");
  EXPECT_EQ(credential->role, ServiceRole::kOperator);
  EXPECT_EQ(credentials.Identify(std::nullopt, [] { return std::vector<std::string>(); }),
            credential);
}

// Rules: A1
TEST(Credentials, TokensExpireAndAreSucceeded) {
  FakeTokenStore store;
  Credentials credentials(&store);
  Credential over = FrontendFor({"acme"});
  over.expire_time = absl::Now() - absl::Hours(1);
  const auto expired = credentials.CreateToken(over);
  ASSERT_TRUE(expired.ok());
  EXPECT_EQ(credentials.Find(expired->secret), nullptr);
  const auto old = credentials.CreateToken(FrontendFor({"acme"}));
  ASSERT_TRUE(old.ok());
  const absl::Time tomorrow = absl::Now() + absl::Hours(24);
  ASSERT_TRUE(credentials.ExpireToken(old->credential->token_id, tomorrow).ok());
  ASSERT_NE(credentials.Find(old->secret), nullptr) << "until then beside the next one";
  EXPECT_EQ(credentials.Find(old->secret)->expire_time, tomorrow);
  ASSERT_TRUE(credentials.ExpireToken(old->credential->token_id, tomorrow + absl::Hours(1)).ok());
  EXPECT_EQ(credentials.Find(old->secret)->expire_time, tomorrow) << "never later";
  // It is kept with the token.
  Credentials again(&store);
  ASSERT_TRUE(again.LoadStoredTokens().ok());
  EXPECT_EQ(again.Find(old->secret)->expire_time, tomorrow);
  ASSERT_TRUE(credentials.ExpireToken(old->credential->token_id, absl::Now()).ok());
  EXPECT_EQ(credentials.Find(old->secret), nullptr);
  EXPECT_EQ(credentials.ExpireToken("tok_nobody", tomorrow).code(), absl::StatusCode::kNotFound);
}

// Rules: A1
TEST(Credentials, AnOperatorLearnsWhyACallIsNobodys) {
  FakeTokenStore store;
  Credentials credentials(&store);
  Credential over = FrontendFor({"acme"});
  over.expire_time = absl::FromUnixSeconds(1'790'000'000);
  const auto expired = credentials.CreateToken(over);
  ASSERT_TRUE(expired.ok());
  const auto revoked = credentials.CreateToken(FrontendFor({"acme"}));
  ASSERT_TRUE(revoked.ok());
  ASSERT_TRUE(credentials.RevokeToken(revoked->credential->token_id).ok());
  EXPECT_EQ(credentials.WhyNobody(std::nullopt), "it shows no token");
  for (const std::string header : {"", "Basic b2xnYQ==", "Bearer "}) {
    EXPECT_EQ(credentials.WhyNobody(header),
              "its authorization is not one header \"Bearer TOKEN\"");
  }
  EXPECT_EQ(credentials.WhyNobody("Bearer " + expired->secret),
            "its token, " + expired->credential->token_id +
                " \"chat-backend\", expired at 2026-09-21T14:13:20+00:00");
  for (const std::string& token : {revoked->secret, std::string("a.b.c")}) {
    EXPECT_EQ(credentials.WhyNobody("Bearer " + token),
              "its token is none of this server's: mistyped, revoked, or another server's");
  }
  EXPECT_EQ(credentials.WhyNobody("Bearer " + std::string(10'000, 'a')),
            "its token is too long for one");
  credentials.AcceptPeers(std::make_shared<const PeerIdentities>());
  EXPECT_EQ(credentials.WhyNobody(std::nullopt),
            "it shows no token, and no certificate in force whose names are in the table");
}

// Rules: A1
TEST(Credentials, AnOperatorsTokenMayLookLikeAnIssuers) {
  JwtPolicy policy;
  policy.issuer = "https://login.example";
  policy.audience = "bursar";
  Credentials credentials(nullptr);
  credentials.AcceptJwt(*JwtVerifier::Make(policy));
  const std::string token = "ops.2026.correct-horse-battery";
  ASSERT_TRUE(credentials.LoadOperatorTokenFile(TokenFile(token).path()).ok());
  ASSERT_NE(credentials.Find(token), nullptr);
  EXPECT_EQ(credentials.Find(token)->name, "operator");
  EXPECT_EQ(credentials.Find("ops.2026.correct-horse-batterx"), nullptr);
}

}  // namespace
}  // namespace bursar
