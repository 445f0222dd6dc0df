// Signatures of webhooks.
#include "server/notify/webhook_signature.h"

#include <gtest/gtest.h>

#include <map>

#include "server/base/sha256.h"
#include "server/notify/retry_schedule.h"

namespace bursar {
namespace {

// What libraries of the scheme are tested with.
constexpr char kSecret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr char kId[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr char kBody[] = "{\"test\": 2432232314}";
constexpr char kSignature[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::map<std::string, std::string> Sign(const std::vector<std::string>& secrets) {
  const auto headers = SignWebhook(kId, absl::FromUnixSeconds(1614265330), kBody, secrets);
  return {headers.begin(), headers.end()};
}

// Rules: N2
TEST(WebhookSignature, IsThatOfTheStandardsOwnExample) {
  const auto headers = Sign({kSecret});
  EXPECT_EQ(headers.at("webhook-id"), kId);
  EXPECT_EQ(headers.at("webhook-timestamp"), "1614265330");
  EXPECT_EQ(headers.at("webhook-signature"), kSignature);
}

// Rules: N2
TEST(WebhookSignature, TwoSecretsSignBesideEachOther) {
  const std::string both = Sign({kSecret, "whsec_c2Vjb25k"}).at("webhook-signature");
  EXPECT_EQ(both.find(std::string(kSignature) + " v1,"), 0u);
  EXPECT_EQ(Sign({"no secret"}).at("webhook-signature"), "");
}

// Rules: N2
TEST(HmacSha256, IsThatOfRfc4231) {
  const std::string code = HmacSha256("Jefe", "what do ya want for nothing?");
  std::string hex;
  for (const char c : code) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(c));
    hex += digits;
  }
  EXPECT_EQ(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// Rules: N1
TEST(RetrySchedule, DoublesUpToItsLongestAndVariesByHalf) {
  const RetrySchedule schedule = {absl::Seconds(10), absl::Hours(1)};
  for (const uint64_t random : {uint64_t{0}, uint64_t{1} << 19, UINT64_MAX}) {
    absl::Duration whole = absl::Seconds(10);
    for (int failures = 1; failures < 200; ++failures) {
      const absl::Duration delay = schedule.DelayAfter(failures, random);
      EXPECT_GE(delay, whole / 2) << failures;
      EXPECT_LE(delay, whole) << failures;
      whole = std::min(whole * 2, absl::Hours(1));
    }
  }
  EXPECT_EQ(schedule.DelayAfter(1, 0), absl::Seconds(5));
  EXPECT_EQ(schedule.DelayAfter(1, 1 << 19), absl::Milliseconds(7500));
}

}  // namespace
}  // namespace bursar
