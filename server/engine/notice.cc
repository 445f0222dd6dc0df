#include "server/engine/notice.h"

#include <algorithm>
#include <utility>

#include "bursar/storage/v1/outbox.pb.h"
#include "server/engine/record_parts.h"

namespace bursar {
namespace {

namespace record = storage::v1;

void ToRecord(const Recipient& recipient, record::RecipientRecord* out) {
  out->set_channel(static_cast<uint32_t>(recipient.channel));
  out->set_address(recipient.address);
  out->set_member_id(recipient.member_id);
  out->set_state(static_cast<uint32_t>(recipient.state));
  out->set_attempts(recipient.attempts);
  out->set_next_attempt_unix_nanos(TimeToRecord(recipient.next_attempt_at));
  if (recipient.last_attempt_at != absl::InfinitePast()) {
    out->set_last_attempt_unix_nanos(TimeToRecord(recipient.last_attempt_at));
  }
  out->set_last_error(recipient.last_error);
}

Recipient FromRecord(const record::RecipientRecord& in, Damage& damage) {
  Recipient recipient;
  recipient.channel =
      EnumFromRecord(in.channel(), RecipientChannel::kMail, RecipientChannel::kWebhook, damage);
  recipient.address = in.address();
  recipient.member_id = in.member_id();
  recipient.state =
      EnumFromRecord(in.state(), RecipientState::kPending, RecipientState::kDead, damage);
  recipient.attempts = in.attempts();
  recipient.next_attempt_at = TimeFromRecord(in.next_attempt_unix_nanos());
  if (in.has_last_attempt_unix_nanos()) {
    recipient.last_attempt_at = TimeFromRecord(in.last_attempt_unix_nanos());
  }
  recipient.last_error = in.last_error();
  return recipient;
}

void ToRecord(const Delivery& delivery, record::DeliveryRecord* out) {
  for (const Recipient& recipient : delivery.recipients) ToRecord(recipient, out->add_recipients());
  for (const UsageShare& share : delivery.shares) {
    record::UsageShareRecord* row = out->add_shares();
    row->set_is_member(share.is_member);
    row->set_name(share.name);
    row->set_now(share.now);
    row->set_before(share.before);
    row->set_now_percent(share.now_percent);
    row->set_before_percent(share.before_percent);
  }
  out->set_started_unix_nanos(TimeToRecord(delivery.started_at));
  if (delivery.replan_at != absl::InfiniteFuture()) {
    out->set_replan_unix_nanos(TimeToRecord(delivery.replan_at));
  }
  out->set_nobody(delivery.nobody);
  for (const WaitingRequest& request : delivery.waiting) {
    record::WaitingRequestRecord* row = out->add_waiting();
    row->set_member_id(request.member_id);
    row->set_asks_for(request.asks_for);
    row->set_reason(request.reason);
    row->set_asked_unix_nanos(TimeToRecord(request.asked_at));
  }
  out->set_more_waiting(delivery.more_waiting);
}

Delivery FromRecord(const record::DeliveryRecord& in, Damage& damage) {
  Delivery delivery;
  for (const auto& row : in.recipients()) delivery.recipients.push_back(FromRecord(row, damage));
  for (const auto& row : in.shares()) {
    delivery.shares.push_back({row.is_member(), row.name(), row.now(), row.before(),
                               row.now_percent(), row.before_percent()});
  }
  delivery.started_at = TimeFromRecord(in.started_unix_nanos());
  if (in.has_replan_unix_nanos()) delivery.replan_at = TimeFromRecord(in.replan_unix_nanos());
  delivery.nobody = in.nobody();
  for (const auto& row : in.waiting()) {
    delivery.waiting.push_back(
        {row.member_id(), row.asks_for(), row.reason(), TimeFromRecord(row.asked_unix_nanos())});
  }
  delivery.more_waiting = in.more_waiting();
  return delivery;
}

}  // namespace

NoticeFact WordsFact(std::string name, std::string text) {
  return {std::move(name), FactKind::kWords, 0, std::move(text)};
}
NoticeFact MoneyFact(std::string name, Amount amount) {
  return {std::move(name), FactKind::kMoney, 0, FormatAmount(amount)};
}
NoticeFact TimeFact(std::string name, absl::Time time) {
  return {std::move(name), FactKind::kTime, absl::ToUnixNanos(time), ""};
}
NoticeFact CountFact(std::string name, int64_t count) {
  return {std::move(name), FactKind::kCount, count, ""};
}
NoticeFact SwitchFact(std::string name, bool value) {
  return {std::move(name), FactKind::kSwitch, value ? 1 : 0, ""};
}

bool Delivery::IsDead() const {
  if (nobody) return true;
  bool any_dead = false;
  for (const Recipient& recipient : recipients) {
    if (recipient.state == RecipientState::kPending) return false;
    any_dead = any_dead || recipient.state == RecipientState::kDead;
  }
  return any_dead;
}

bool Delivery::IsDone() const {
  return !recipients.empty() &&
         std::all_of(recipients.begin(), recipients.end(), [](const Recipient& recipient) {
           return recipient.state == RecipientState::kDelivered;
         });
}

absl::Time Delivery::NextAt() const {
  if (nobody) return absl::InfiniteFuture();
  absl::Time next = recipients.empty() ? replan_at : absl::InfiniteFuture();
  for (const Recipient& recipient : recipients) {
    if (recipient.state != RecipientState::kPending) continue;
    next = std::min(next, recipient.next_attempt_at);
  }
  return next;
}

const NoticeFact* StoredNotice::FindFact(std::string_view name) const {
  for (const NoticeFact& fact : facts) {
    if (fact.name == name) return &fact;
  }
  return nullptr;
}

void StoredNotice::SetFact(NoticeFact fact) {
  for (NoticeFact& known : facts) {
    if (known.name == fact.name) {
      known = std::move(fact);
      return;
    }
  }
  facts.push_back(std::move(fact));
}

std::string EncodeNotice(const StoredNotice& notice) {
  record::NoticeRecord out;
  out.set_kind(static_cast<record::NoticeKind>(notice.kind));
  out.set_balance(notice.balance);
  out.set_created_at_unix_nanos(TimeToRecord(notice.created_at));
  out.set_sequence(notice.sequence);
  out.set_member_id(notice.member_id);
  out.set_organization_name(notice.organization_name);
  for (const NoticeFact& fact : notice.facts) {
    record::NoticeFactRecord* row = out.add_facts();
    row->set_name(fact.name);
    row->set_kind(static_cast<uint32_t>(fact.kind));
    row->set_number(fact.number);
    row->set_text(fact.text);
  }
  for (const FieldChange& change : notice.changes) {
    record::NoticeChangeRecord* row = out.add_changes();
    row->set_field(change.field);
    row->set_before(change.before);
    row->set_after(change.after);
  }
  if (notice.delivery.has_value()) ToRecord(*notice.delivery, out.mutable_delivery());
  return out.SerializeAsString();
}

absl::StatusOr<StoredNotice> DecodeNotice(std::string_view bytes) {
  Damage damage("a notice");
  record::NoticeRecord in;
  ParseRecord(bytes, in, damage);
  if (in.kind() <= 0) damage.Note("it is of no kind");
  if (damage.found()) return damage.ToStatus();
  StoredNotice notice;
  notice.kind = static_cast<NoticeKind>(in.kind());
  notice.balance = in.balance();
  notice.created_at = TimeFromRecord(in.created_at_unix_nanos());
  notice.sequence = in.sequence();
  notice.member_id = in.member_id();
  notice.organization_name = in.organization_name();
  for (const auto& row : in.facts()) {
    notice.facts.push_back({row.name(),
                            EnumFromRecord(row.kind(), FactKind::kWords, FactKind::kSwitch, damage),
                            row.number(), row.text()});
  }
  for (const auto& row : in.changes()) {
    notice.changes.push_back({row.field(), row.before(), row.after()});
  }
  if (in.has_delivery()) notice.delivery = FromRecord(in.delivery(), damage);
  if (damage.found()) return damage.ToStatus();
  return notice;
}

}  // namespace bursar
