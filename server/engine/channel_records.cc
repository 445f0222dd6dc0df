#include "server/engine/channel_records.h"

namespace bursar {

void ToRecord(const NotificationChannels& channels, storage::v1::NotificationChannelsRecord* out) {
  out->set_mail_disabled(!channels.mail_enabled);
  for (const std::string& event : channels.mail_events) out->add_mail_events(event);
  for (const WebhookTarget& target : channels.webhooks) {
    storage::v1::WebhookTargetRecord* row = out->add_webhooks();
    row->set_target_id(target.target_id);
    row->set_url(target.url);
    row->set_disabled(!target.enabled);
    for (const std::string& event : target.events) row->add_events(event);
    row->set_secret_sequence(target.secret_sequence);
    row->set_previous_secret_sequence(target.previous_secret_sequence);
    if (target.previous_secret_until != absl::InfinitePast()) {
      row->set_previous_secret_until_unix_nanos(TimeToRecord(target.previous_secret_until));
    }
  }
}

NotificationChannels FromRecord(const storage::v1::NotificationChannelsRecord& in, Damage& damage) {
  NotificationChannels channels;
  channels.mail_enabled = !in.mail_disabled();
  channels.mail_events.assign(in.mail_events().begin(), in.mail_events().end());
  for (const auto& row : in.webhooks()) {
    WebhookTarget& target = channels.webhooks.emplace_back();
    target.target_id = row.target_id();
    target.url = row.url();
    target.enabled = !row.disabled();
    target.events.assign(row.events().begin(), row.events().end());
    target.secret_sequence = row.secret_sequence();
    target.previous_secret_sequence = row.previous_secret_sequence();
    if (row.has_previous_secret_until_unix_nanos()) {
      target.previous_secret_until = TimeFromRecord(row.previous_secret_until_unix_nanos());
    }
    if (target.target_id.empty()) damage.Note("a webhook target has no name");
  }
  return channels;
}

void BodyToRecord(const NotificationChannelsSet& body, storage::v1::EntryRecord* out) {
  auto* to = out->mutable_notification_channels_set();
  ToRecord(body.channels, to->mutable_channels());
  for (const FieldChange& change : body.changes) {
    storage::v1::FieldChangeRecord* row = to->add_changes();
    row->set_field(change.field);
    row->set_before(change.before);
    row->set_after(change.after);
  }
}

void BodyToRecord(const DigestScheduled& body, storage::v1::EntryRecord* out) {
  auto* to = out->mutable_digest_scheduled();
  if (body.next != absl::InfiniteFuture()) to->set_next_unix_nanos(TimeToRecord(body.next));
  to->set_outstanding(body.outstanding);
  to->set_is_due(body.is_due);
}

std::optional<EntryBody> TakeDeliveryBody(const storage::v1::EntryRecord& in, Damage& damage) {
  if (in.has_notification_channels_set()) {
    const auto& from = in.notification_channels_set();
    NotificationChannelsSet body;
    body.channels = FromRecord(from.channels(), damage);
    for (const auto& row : from.changes()) {
      body.changes.push_back({row.field(), row.before(), row.after()});
    }
    return body;
  }
  if (!in.has_digest_scheduled()) return std::nullopt;
  const auto& from = in.digest_scheduled();
  DigestScheduled body;
  if (from.has_next_unix_nanos()) body.next = TimeFromRecord(from.next_unix_nanos());
  body.outstanding = from.outstanding();
  body.is_due = from.is_due();
  return body;
}

}  // namespace bursar
