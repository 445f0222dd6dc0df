// Where an organization's notices go: mail to its people, and webhooks.
//
// No secret is in here: what signs a webhook is derived, when it is needed, from a key that only
// the server has and from the entry that gave the target its secret.
//
// Thread rule: plain values.
//
// Source: rule N2 (docs/rules.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace bursar {

inline constexpr size_t kMaxWebhookTargets = 5;
inline constexpr size_t kMaxEventFilters = 20;
inline constexpr size_t kMaxEventFilterBytes = 64;
inline constexpr size_t kMaxWebhookUrlBytes = 512;
// A rotated secret signs beside its successor for that long.
inline constexpr absl::Duration kSecretRotationPeriod = absl::Hours(24);

// One address that notices are posted to.
struct WebhookTarget {
  std::string target_id;  // Unique in the organization.
  std::string url;
  bool enabled = true;
  // Names of events, or all that begin with "word." as "word.*"; empty: every event.
  std::vector<std::string> events;
  // The entry that gave it its secret, and that of the secret before, which signs too until then.
  // In an entry's body zero means that entry itself.
  int64_t secret_sequence = 0;
  int64_t previous_secret_sequence = 0;  // Zero: none.
  absl::Time previous_secret_until = absl::InfinitePast();

  friend bool operator==(const WebhookTarget&, const WebhookTarget&) = default;
};

// An organization's channels. As made: mail about everything, no webhooks.
struct NotificationChannels {
  bool mail_enabled = true;
  std::vector<std::string> mail_events;  // As WebhookTarget::events.
  std::vector<WebhookTarget> webhooks;   // In the order in which they were given.

  const WebhookTarget* Find(const std::string& target_id) const {
    for (const WebhookTarget& target : webhooks) {
      if (target.target_id == target_id) return &target;
    }
    return nullptr;
  }
  friend bool operator==(const NotificationChannels&, const NotificationChannels&) = default;
};

// Whether a list of filters lets an event through.
bool EventPasses(const std::vector<std::string>& filters, const std::string& event);
// Whether a filter is well formed: lower-case words joined by dots, or such a word and ".*".
bool IsEventFilter(const std::string& filter);

}  // namespace bursar
