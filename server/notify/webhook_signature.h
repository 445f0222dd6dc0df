// Signatures of the Standard Webhooks scheme (https://www.standardwebhooks.com): HMAC-SHA256 over
// "id.timestamp.body" under the bytes of a secret that is written as "whsec_" and base64.
//
// Thread rule: pure functions.
//
// Source: rule N2 (docs/rules.md).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace bursar {

// The headers webhook-id, webhook-timestamp and webhook-signature of a body sent at `now`, with one
// signature for each secret, separated by blanks. Secrets that are not well formed sign nothing.
std::vector<std::pair<std::string, std::string>> SignWebhook(
    std::string_view id, absl::Time now, std::string_view body,
    const std::vector<std::string>& secrets);

}  // namespace bursar
