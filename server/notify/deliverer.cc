#include "server/notify/deliverer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/notice_events.h"
#include "server/engine/payment_delivery.h"
#include "server/notify/delivery_planner.h"
#include "server/notify/notice_content.h"
#include "server/notify/webhook_signature.h"

namespace bursar {
namespace {

constexpr size_t kPage = 256;
// How soon a step is tried again that the store would not let be done.
constexpr absl::Duration kStoreRetry = absl::Seconds(30);

// All mail goes by one server; a target is one organization's.
std::string DestinationOf(const NoticeName& name, const Recipient& recipient) {
  if (recipient.channel == RecipientChannel::kMail) return "mail";
  return absl::StrCat("webhook/", name.organization_id, "/", recipient.address);
}

std::string RecipientWords(const Recipient* recipient) {
  if (recipient == nullptr) return "nobody";
  if (recipient->channel == RecipientChannel::kWebhook) {
    return absl::StrCat("webhook ", recipient->address);
  }
  // An address is personal; whose it is says enough.
  return absl::StrCat("mail of ", recipient->member_id);
}

}  // namespace

Deliverer::Deliverer(Engine* engine, const Clock* clock, MailTransport* mail,
                     WebhookTransport* webhooks, std::function<uint64_t()> random, DeliveryLog* log,
                     DelivererOptions options)
    : engine_(engine),
      clock_(clock),
      mail_(mail),
      webhooks_(webhooks),
      random_(std::move(random)),
      log_(log),
      options_(std::move(options)),
      schedule_({options_.retry.first, std::min(options_.retry.longest, options_.longest_pause)}) {}

absl::Status Deliverer::Learn(const Outbox::News& news) {
  for (const NoticeName& name : news.notices) {
    absl::StatusOr<std::optional<StoredNotice>> notice = engine_->outbox().Find(name);
    if (absl::IsDataLoss(notice.status())) continue;
    if (!notice.ok()) return notice.status();
    if (notice->has_value()) Schedule(name, **notice);
  }
  if (!news.missed) return absl::OkStatus();
  const absl::Time now = clock_->Now();
  NoticeName after;
  while (true) {
    absl::StatusOr<Outbox::Page> page = engine_->outbox().List("", after, kPage);
    if (!page.ok()) return page.status();
    for (Outbox::Item& item : page->items) {
      std::optional<Delivery>& delivery = item.notice.delivery;
      const bool is_dead = delivery.has_value() && delivery->IsDead();
      if (is_dead && now - delivery->started_at > options_.dead_letter_age) {
        const absl::Status removed = engine_->outbox().Change(
            item.name, [](StoredNotice&) { return Outbox::Fate::kRemove; });
        if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
        continue;
      }
      // A notice that waits for somebody to be there may have somebody now.
      if (delivery.has_value() && delivery->recipients.empty() && !is_dead) {
        delivery->replan_at = now;
      }
      Schedule(item.name, item.notice);
    }
    if (!page->more) return absl::OkStatus();
    after = page->last;
  }
}

void Deliverer::Schedule(const NoticeName& name, const StoredNotice& notice) {
  const absl::Time now = clock_->Now();
  const std::lock_guard lock(mutex_);
  if (!notice.delivery.has_value() || notice.delivery->recipients.empty()) {
    const absl::Time due = notice.delivery.has_value() ? notice.delivery->NextAt() : now;
    if (due == absl::InfiniteFuture()) return;
    schedule_.Add(
        {name, DeliveryStep::kPlan, absl::StrCat("plan/", name.organization_id), notice.created_at},
        due);
    return;
  }
  const std::vector<Recipient>& recipients = notice.delivery->recipients;
  for (size_t i = 0; i < recipients.size(); ++i) {
    if (recipients[i].state != RecipientState::kPending) continue;
    schedule_.Add(
        {name, static_cast<int>(i), DestinationOf(name, recipients[i]), notice.created_at},
        recipients[i].next_attempt_at);
  }
}

bool Deliverer::RunOne() {
  std::optional<DeliveryStep> step;
  {
    const std::lock_guard lock(mutex_);
    step = schedule_.Take(clock_->Now());
  }
  if (!step.has_value()) return false;
  const StepEnd end = Run(*step);
  const absl::Time now = clock_->Now();
  const uint64_t random = random_();
  {
    const std::lock_guard lock(mutex_);
    schedule_.Finish(*step, now, end.delivered, end.destination_failed, random);
  }
  // What is kept says what comes next.
  absl::StatusOr<std::optional<StoredNotice>> notice = engine_->outbox().Find(step->name);
  if (notice.ok()) {
    if (notice->has_value()) Schedule(step->name, **notice);
  } else if (!absl::IsDataLoss(notice.status())) {
    const std::lock_guard lock(mutex_);
    schedule_.Add(*step, now + kStoreRetry);
  }
  return true;
}

Deliverer::StepEnd Deliverer::Run(const DeliveryStep& step) {
  StepEnd end;
  const absl::Status status =
      step.recipient == DeliveryStep::kPlan ? Plan(step.name) : Attempt(step, end);
  if (status.ok() || absl::IsNotFound(status)) return end;
  log_->Failure(status);
  end.delivered = false;
  // Whatever the destination is: with a store that fails nothing is sent again and again.
  end.destination_failed = true;
  return end;
}

absl::Status Deliverer::Plan(const NoticeName& name) {
  const absl::Time now = clock_->Now();
  // The long reads are done before, so that no other change waits for them.
  absl::StatusOr<std::optional<StoredNotice>> found = engine_->outbox().Find(name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return absl::OkStatus();
  absl::StatusOr<DeliveryPlan> plan = PlanDelivery(*engine_, name, **found, mail_ != nullptr, now);
  if (!plan.ok()) return plan.status();
  StoredNotice planned;
  const absl::Status changed =
      engine_->outbox().Change(name, [&](StoredNotice& notice) -> absl::StatusOr<Outbox::Fate> {
        if (notice.delivery.has_value() && !notice.delivery->recipients.empty()) {
          return Outbox::Fate::kKeep;
        }
        if (plan->delivery.recipients.empty() && plan->IsUnwanted()) return Outbox::Fate::kRemove;
        notice.delivery = plan->delivery;
        if (notice.delivery->recipients.empty()) SettleNobody(notice, now);
        planned = notice;
        return Outbox::Fate::kKeep;
      });
  if (!changed.ok()) return changed;
  if (!planned.delivery.has_value()) return absl::OkStatus();
  if (planned.delivery->nobody) TellDead(name, planned, nullptr);
  for (const Recipient& recipient : planned.delivery->recipients) {
    if (recipient.state == RecipientState::kDead) TellDead(name, planned, &recipient);
  }
  return absl::OkStatus();
}

void Deliverer::SettleNobody(StoredNotice& notice, absl::Time now) const {
  notice.delivery->nobody = now - notice.created_at >= options_.max_age;
  if (!notice.delivery->nobody) notice.delivery->replan_at = now + options_.replan_interval;
}

absl::Status Deliverer::Attempt(const DeliveryStep& step, StepEnd& end) {
  absl::StatusOr<std::optional<StoredNotice>> found = engine_->outbox().Find(step.name);
  if (!found.ok()) return found.status();
  if (!found->has_value() || !(*found)->delivery.has_value()) return absl::OkStatus();
  const StoredNotice& notice = **found;
  const auto index = static_cast<size_t>(step.recipient);
  if (index >= notice.delivery->recipients.size()) return absl::OkStatus();
  const Recipient& recipient = notice.delivery->recipients[index];
  if (recipient.state != RecipientState::kPending) return absl::OkStatus();
  absl::StatusOr<Passage> passage = AskPassage(step.name, notice);
  if (!passage.ok()) return passage.status();
  if (!passage->leaves && !passage->result.has_value()) return absl::OkStatus();
  const AttemptResult result =
      passage->leaves ? Send(step.name, notice, recipient) : *std::move(passage->result);
  end.delivered = result.outcome != AttemptResult::Outcome::kRetry || !result.destination_fails;
  end.destination_failed = !end.delivered;
  Count(recipient.channel, result);
  return Note(step, result);
}

absl::StatusOr<Deliverer::Passage> Deliverer::AskPassage(const NoticeName& name,
                                                         const StoredNotice& notice) {
  if (notice.kind != NoticeKind::kPaymentRequested) return Passage{};
  const absl::StatusOr<bool> leaves =
      MarkPaymentSent(*engine_, name.organization_id, FactText(notice, "payment_id"));
  if (absl::IsNotFound(leaves.status())) {
    // Of a store before a restore, for example: whether it was asked for is for people to find out.
    return Passage{false, AttemptResult::Refused(std::string(leaves.status().message()))};
  }
  if (!leaves.ok()) {
    return Passage{false, AttemptResult::Retry(std::string(leaves.status().message()), false)};
  }
  if (*leaves) return Passage{};
  const absl::Status removed =
      engine_->outbox().Change(name, [](StoredNotice&) { return Outbox::Fate::kRemove; });
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  return Passage{false, std::nullopt};
}

AttemptResult Deliverer::Send(const NoticeName& name, const StoredNotice& notice,
                              const Recipient& recipient) {
  return recipient.channel == RecipientChannel::kMail ? SendMail(name, notice, recipient)
                                                      : PostWebhook(name, notice, recipient);
}

AttemptResult Deliverer::SendMail(const NoticeName& name, const StoredNotice& notice,
                                  const Recipient& recipient) {
  if (mail_ == nullptr) return AttemptResult::Retry("this server has no mail server");
  MailContent content = RenderMail(name, notice);
  MailParts parts;
  parts.from = options_.sender;
  parts.to = recipient.address;
  parts.subject = std::move(content.subject);
  parts.message_id = name.notice_id;
  parts.event = EventOf(notice.kind).name;
  parts.date = notice.created_at;
  parts.text = std::move(content.text);
  parts.html = std::move(content.html);
  return mail_->Send({recipient.address, ComposeMail(parts)});
}

AttemptResult Deliverer::PostWebhook(const NoticeName& name, const StoredNotice& notice,
                                     const Recipient& recipient) {
  const absl::StatusOr<NotificationChannels> channels =
      ReadChannels(*engine_, name.organization_id);
  if (!channels.ok()) {
    return AttemptResult::Retry(std::string(channels.status().message()), false);
  }
  const WebhookTarget* target = channels->Find(recipient.address);
  if (target == nullptr || !target->enabled) {
    return AttemptResult::Refused("the target was removed or switched off");
  }
  OutgoingPost post;
  post.url = target->url;
  post.body = RenderWebhook(name, notice);
  const absl::Time now = clock_->Now();
  post.headers =
      SignWebhook(name.notice_id, now, post.body,
                  engine_->webhook_secrets().InForce(name.organization_id, *target, now));
  return webhooks_->Post(post);
}

void Deliverer::Count(RecipientChannel channel, const AttemptResult& result) {
  const bool delivered = result.outcome == AttemptResult::Outcome::kDelivered;
  const std::lock_guard lock(mutex_);
  if (channel == RecipientChannel::kMail) {
    ++(delivered ? stats_.mails_delivered : stats_.mails_failed);
  } else {
    ++(delivered ? stats_.webhooks_delivered : stats_.webhooks_failed);
  }
}

absl::Status Deliverer::Note(const DeliveryStep& step, const AttemptResult& result) {
  const absl::Time now = clock_->Now();
  const auto index = static_cast<size_t>(step.recipient);
  StoredNotice after;
  bool died = false;
  const absl::Status noted = engine_->outbox().Change(
      step.name, [&](StoredNotice& notice) -> absl::StatusOr<Outbox::Fate> {
        if (!notice.delivery.has_value() || index >= notice.delivery->recipients.size()) {
          return Outbox::Fate::kKeep;
        }
        Recipient& recipient = notice.delivery->recipients[index];
        Settle(result, now, *notice.delivery, recipient);
        died = recipient.state == RecipientState::kDead;
        after = notice;
        return notice.delivery->IsDone() ? Outbox::Fate::kRemove : Outbox::Fate::kKeep;
      });
  if (noted.ok() && died) TellDead(step.name, after, &after.delivery->recipients[index]);
  return noted;
}

void Deliverer::Settle(const AttemptResult& result, absl::Time now, const Delivery& delivery,
                       Recipient& recipient) {
  ++recipient.attempts;
  recipient.last_attempt_at = now;
  recipient.last_error = result.error;
  switch (result.outcome) {
    case AttemptResult::Outcome::kDelivered:
      recipient.state = RecipientState::kDelivered;
      return;
    case AttemptResult::Outcome::kRefused:
      recipient.state = RecipientState::kDead;
      return;
    case AttemptResult::Outcome::kRetry:
      recipient.next_attempt_at = now + options_.retry.DelayAfter(recipient.attempts, random_());
      if (recipient.attempts >= options_.max_attempts ||
          recipient.next_attempt_at - delivery.started_at > options_.max_age) {
        recipient.state = RecipientState::kDead;
      }
      return;
  }
}

void Deliverer::TellDead(const NoticeName& name, const StoredNotice& notice,
                         const Recipient* recipient) {
  {
    const std::lock_guard lock(mutex_);
    ++stats_.dead;
  }
  log_->DeadLetter(name, EventOf(notice.kind).name, RecipientWords(recipient),
                   recipient == nullptr ? "there is no channel, or nobody with an address"
                                        : recipient->last_error);
}

absl::Time Deliverer::NextAt() const {
  const std::lock_guard lock(mutex_);
  return schedule_.NextAt();
}

bool Deliverer::TakeMissed() {
  const std::lock_guard lock(mutex_);
  return schedule_.TakeMissed();
}

DeliveryStats Deliverer::Stats() const {
  const std::lock_guard lock(mutex_);
  DeliveryStats stats = stats_;
  stats.backlog = schedule_.notice_count();
  stats.oldest_at = schedule_.oldest();
  return stats;
}

}  // namespace bursar
