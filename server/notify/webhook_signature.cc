#include "server/notify/webhook_signature.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

}  // namespace

std::vector<std::pair<std::string, std::string>> SignWebhook(
    std::string_view id, absl::Time now, std::string_view body,
    const std::vector<std::string>& secrets) {
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(now));
  const std::string content = absl::StrCat(ToAbsl(id), ".", timestamp, ".", ToAbsl(body));
  std::string signatures;
  for (const std::string& secret : secrets) {
    std::string key;
    if (secret.compare(0, kSecretPrefix.size(), kSecretPrefix) != 0 ||
        !absl::Base64Unescape(ToAbsl(std::string_view(secret).substr(kSecretPrefix.size())),
                              &key)) {
      continue;
    }
    absl::StrAppend(&signatures, signatures.empty() ? "" : " ", "v1,",
                    absl::Base64Escape(HmacSha256(key, content)));
  }
  return {{"webhook-id", std::string(id)},
          {"webhook-timestamp", timestamp},
          {"webhook-signature", signatures}};
}

}  // namespace bursar
