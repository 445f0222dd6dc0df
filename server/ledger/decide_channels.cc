// Setting where notices go.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"
#include "server/ledger/ledger.h"

namespace bursar {
namespace {

std::string FiltersText(const std::vector<std::string>& filters) {
  return filters.empty() ? "every event" : absl::StrJoin(filters, ", ");
}

std::string MailText(const NotificationChannels& channels) {
  return channels.mail_enabled ? FiltersText(channels.mail_events) : "off";
}

// The address without its path, which is a secret of many a receiver: more people read the journal
// than set channels.
std::string PlaceText(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(0, url.find_first_of("/?", host));
}

std::string TargetText(const WebhookTarget* target) {
  if (target == nullptr) return "none";
  return absl::StrCat(PlaceText(target->url), target->enabled ? "" : " (off)", ", ",
                      FiltersText(target->events));
}

void ValidateFilters(const std::string& field, const std::vector<std::string>& filters,
                     FieldViolations& violations) {
  if (filters.size() > kMaxEventFilters) {
    violations.Add(field, absl::StrCat("must be at most ", kMaxEventFilters));
  }
  for (size_t i = 0; i < filters.size() && i < kMaxEventFilters; ++i) {
    if (!IsEventFilter(filters[i])) {
      violations.Add(absl::StrCat(field, "[", i, "]"),
                     "must be an event such as extra_usage.exhausted, or all of a kind such as "
                     "extra_usage.*");
    }
  }
}

absl::Status Validate(const NotificationChannels& before,
                      const SetNotificationChannelsCommand& command) {
  FieldViolations violations;
  const NotificationChannels& channels = command.channels;
  ValidateFilters("channels.mail.events", channels.mail_events, violations);
  if (channels.webhooks.size() > kMaxWebhookTargets) {
    violations.Add("channels.webhooks", absl::StrCat("must be at most ", kMaxWebhookTargets));
  }
  std::set<std::string> seen;
  for (size_t i = 0; i < channels.webhooks.size() && i < kMaxWebhookTargets; ++i) {
    const WebhookTarget& target = channels.webhooks[i];
    const std::string field = absl::StrCat("channels.webhooks[", i, "]");
    if (!seen.insert(target.target_id).second) {
      violations.Add(field + ".target_id", "is there twice");
    }
    if (target.url.size() > kMaxWebhookUrlBytes) {
      violations.Add(field + ".url", absl::StrCat("must be at most ", kMaxWebhookUrlBytes));
    }
    ValidateFilters(field + ".events", target.events, violations);
  }
  for (size_t i = 0; i < command.rotated_ids.size(); ++i) {
    const std::string& id = command.rotated_ids[i];
    if (before.Find(id) == nullptr || channels.Find(id) == nullptr) {
      violations.Add(absl::StrCat("rotate_secret_target_ids[", i, "]"),
                     "must be a target that there was and still is");
    }
  }
  return violations.ToStatus();
}

bool IsRotated(const SetNotificationChannelsCommand& command, const std::string& target_id) {
  return std::find(command.rotated_ids.begin(), command.rotated_ids.end(), target_id) !=
         command.rotated_ids.end();
}

// Gives each target its secrets: those it had, or one that this entry brings.
void AssignSecrets(const NotificationChannels& before,
                   const SetNotificationChannelsCommand& command, absl::Time now,
                   NotificationChannels& after) {
  for (WebhookTarget& target : after.webhooks) {
    const WebhookTarget* old = before.Find(target.target_id);
    target.secret_sequence = 0;
    target.previous_secret_sequence = 0;
    target.previous_secret_until = absl::InfinitePast();
    if (old == nullptr) continue;
    if (IsRotated(command, target.target_id)) {
      target.previous_secret_sequence = old->secret_sequence;
      target.previous_secret_until = now + kSecretRotationPeriod;
    } else {
      target.secret_sequence = old->secret_sequence;
      target.previous_secret_sequence = old->previous_secret_sequence;
      target.previous_secret_until = old->previous_secret_until;
    }
  }
}

std::vector<FieldChange> Describe(const NotificationChannels& before,
                                  const NotificationChannels& after) {
  std::vector<FieldChange> changes;
  const auto add = [&changes](const std::string& field, std::string from, std::string to) {
    if (from != to) changes.push_back({field, std::move(from), std::move(to)});
  };
  add("mail", MailText(before), MailText(after));
  for (const WebhookTarget& target : before.webhooks) {
    add(absl::StrCat("webhook ", target.target_id), TargetText(&target),
        TargetText(after.Find(target.target_id)));
  }
  for (const WebhookTarget& target : after.webhooks) {
    const WebhookTarget* old = before.Find(target.target_id);
    const std::string name = absl::StrCat("webhook ", target.target_id);
    if (old == nullptr) {
      add(name, "none", TargetText(&target));
      continue;
    }
    if (target.url != old->url && PlaceText(target.url) == PlaceText(old->url)) {
      changes.push_back({name, "path", "another path"});
    }
    if (target.secret_sequence == 0) changes.push_back({name, "secret", "new secret"});
  }
  return changes;
}

}  // namespace

absl::StatusOr<Decision<AdministrationOutcome>> Decide(
    const Wallet& wallet, const SetNotificationChannelsCommand& command,
    const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (command.expected_version.has_value() &&
      *command.expected_version != header.channels_version) {
    return WithReason(absl::AbortedError("the channels were changed meanwhile; read them again and "
                                         "repeat with their etag"),
                      "ETAG_MISMATCH");
  }
  if (absl::Status s = Validate(header.channels, command); !s.ok()) return s;
  NotificationChannelsSet set;
  set.channels = command.channels;
  AssignSecrets(header.channels, command, context.now, set.channels);
  Decision<AdministrationOutcome> decision;
  if (set.channels == header.channels) return decision;
  set.changes = Describe(header.channels, set.channels);
  decision.bodies.push_back(std::move(set));
  return decision;
}

}  // namespace bursar
