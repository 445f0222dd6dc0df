#include "server/notify/delivery_planner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/engine/increase_notices.h"
#include "server/engine/notice_events.h"
#include "server/engine/payment_query.h"
#include "server/engine/queries.h"
#include "server/engine/request_query.h"
#include "server/engine/usage_shares.h"
#include "server/notify/mail_message.h"

namespace bursar {
namespace {

constexpr int kMembersPage = 1000;

bool IsTold(const NoticeEvent& event, const StoredNotice& notice, const Member& member) {
  if (member.status != AccountStatus::kActive || member.email.empty()) return false;
  if (event.tells_member && member.member_id == notice.member_id) return true;
  return std::find(event.roles.begin(), event.roles.end(), member.role) != event.roles.end();
}

// Addresses of people, each once.
class MailList {
 public:
  explicit MailList(absl::Time now) : now_(now) {}

  void Add(const Member& member, std::vector<Recipient>& recipients) {
    if (count_ == kMaxMailRecipients) return;
    for (const Recipient& recipient : recipients) {
      if (recipient.address == member.email) return;
    }
    Recipient& recipient = recipients.emplace_back();
    recipient.channel = RecipientChannel::kMail;
    recipient.address = member.email;
    recipient.member_id = member.member_id;
    recipient.next_attempt_at = now_;
    if (!IsMailAddress(member.email)) {
      recipient.state = RecipientState::kDead;
      recipient.last_error = "this is no address that mail can go to";
    }
    ++count_;
  }

 private:
  const absl::Time now_;
  size_t count_ = 0;
};

// Whether the payment that the notice asks for waits for nothing any more.
absl::StatusOr<bool> HasEnded(Engine& engine, const NoticeName& name, const StoredNotice& notice) {
  if (notice.kind != NoticeKind::kPaymentRequested) return false;
  // A payment is named by the entry that requested it, which is the notice's cause.
  const absl::StatusOr<PaymentPage> found =
      FindPayment(engine.store(), name.organization_id, notice.sequence);
  // What is unknown is for the attempt to find out.
  if (absl::IsNotFound(found.status())) return false;
  if (!found.ok()) return found.status();
  return !found->payments[0].IsOpen();
}

void AddWebhooks(const NotificationChannels& channels, const NoticeEvent& event, absl::Time now,
                 DeliveryPlan& plan) {
  for (const WebhookTarget& target : channels.webhooks) {
    if (!target.enabled || (event.needs_subscription && target.events.empty())) continue;
    const bool passes = event.ignores_filters || EventPasses(target.events, event.name);
    // Where nobody subscribed it waits for somebody who does.
    if (!passes && event.needs_subscription) continue;
    plan.has_channel = true;
    if (!passes) continue;
    plan.is_wanted = true;
    Recipient& recipient = plan.delivery.recipients.emplace_back();
    recipient.channel = RecipientChannel::kWebhook;
    recipient.address = target.target_id;
    recipient.next_attempt_at = now;
  }
}

// What a digest lists.
absl::Status AddWaiting(Engine& engine, const std::string& organization_id, Delivery& delivery) {
  RequestFilter filter;
  filter.limit = kMaxDigestLines;
  const absl::StatusOr<RequestPage> page = ListRequests(engine.store(), organization_id, filter);
  if (!page.ok()) return page.status();
  for (const RequestPage::Item& item : page->items) {
    const IncreaseRequest& request = item.request;
    delivery.waiting.push_back({request.member_id,
                                AskedWords(request, page->header.settings.currency_code),
                                request.reason, request.created_at});
    for (char& c : delivery.waiting.back().reason) {
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
  }
  delivery.more_waiting =
      page->header.open_request_count - static_cast<int64_t>(delivery.waiting.size());
  return absl::OkStatus();
}

// What belongs to a notice that somebody is told.
absl::Status AddLongReads(Engine& engine, const NoticeName& name, const StoredNotice& notice,
                          Delivery& delivery) {
  if (delivery.recipients.empty()) return absl::OkStatus();
  if (notice.kind == NoticeKind::kRequestsDigest) {
    return AddWaiting(engine, name.organization_id, delivery);
  }
  if (!EventOf(notice.kind).shows_shares) return absl::OkStatus();
  absl::StatusOr<std::vector<UsageShare>> shares =
      UsageSharesOf(engine.store(), engine.zones(), name.organization_id, notice);
  if (!shares.ok()) return shares.status();
  delivery.shares = *std::move(shares);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NotificationChannels> ReadChannels(Engine& engine,
                                                  const std::string& organization_id) {
  absl::StatusOr<MemberPage> page = ListMembers(engine.store(), organization_id, "", 1);
  if (!page.ok()) return page.status();
  return std::move(page->header.channels);
}

absl::StatusOr<DeliveryPlan> PlanDelivery(Engine& engine, const NoticeName& name,
                                          const StoredNotice& notice, bool has_mail,
                                          absl::Time now) {
  const NoticeEvent& event = EventOf(notice.kind);
  absl::StatusOr<MemberPage> page =
      ListMembers(engine.store(), name.organization_id, "", kMembersPage);
  if (!page.ok()) return page.status();
  const NotificationChannels channels = page->header.channels;
  DeliveryPlan plan;
  plan.delivery.started_at = now;
  const absl::StatusOr<bool> has_ended = HasEnded(engine, name, notice);
  if (!has_ended.ok()) return has_ended.status();
  plan.has_ended = *has_ended;
  if (plan.has_ended) return plan;
  AddWebhooks(channels, event, now, plan);
  const bool is_mailed = !event.roles.empty() || event.tells_member;
  plan.is_switched_off = is_mailed && !channels.mail_enabled && channels.webhooks.empty();
  const bool mail_wants = is_mailed && channels.mail_enabled &&
                          (event.ignores_filters || EventPasses(channels.mail_events, event.name));
  // Also where this server has no mail server yet: it waits for one, and is not dropped because a
  // webhook wants something else.
  if (mail_wants) plan.is_wanted = true;
  if (has_mail && is_mailed && channels.mail_enabled) plan.has_channel = true;
  if (has_mail && mail_wants) {
    MailList mails(now);
    while (true) {
      for (const Member& member : page->members) {
        if (IsTold(event, notice, member)) mails.Add(member, plan.delivery.recipients);
      }
      if (!page->more) break;
      page = ListMembers(engine.store(), name.organization_id, page->members.back().member_id,
                         kMembersPage);
      if (!page.ok()) return page.status();
    }
  }
  if (absl::Status s = AddLongReads(engine, name, notice, plan.delivery); !s.ok()) return s;
  return plan;
}

}  // namespace bursar
