#include "tests/notify/deliverer_fixture.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bursar {

AttemptResult FakeMailServer::Send(const OutgoingMail& mail) {
  ++attempts_;
  if (down_) return AttemptResult::Retry("nobody listens");
  if (refused_.count(mail.recipient) > 0) return AttemptResult::Refused("550 no such person");
  const std::string head = "\r\nMessage-ID: <";
  const size_t begin = mail.message.find(head) + head.size();
  arrivals_.push_back({mail.message.substr(begin, mail.message.find('@', begin) - begin),
                       mail.recipient, mail.message});
  return AttemptResult::Delivered();
}

std::map<std::string, int> FakeMailServer::Counts() const {
  std::map<std::string, int> counts;
  for (const Arrival& arrival : arrivals_) {
    ++counts[absl::StrCat(arrival.message_id, " ", arrival.recipient)];
  }
  return counts;
}

AttemptResult FakeWebhooks::Post(const OutgoingPost& post) {
  if (on_post_) on_post_(post);
  ++attempts_[post.url];
  const auto found = answers_.find(post.url);
  const int status = found == answers_.end() ? 200 : found->second;
  if (status == 410) return AttemptResult::Refused("answered 410");
  if (status >= 300) return AttemptResult::Retry(absl::StrCat("answered ", status));
  arrivals_.push_back(post);
  return AttemptResult::Delivered();
}

std::string FakeWebhooks::HeaderOf(const OutgoingPost& post, const std::string& name) {
  for (const auto& [key, value] : post.headers) {
    if (key == name) return value;
  }
  return "";
}

DelivererTest::DelivererTest() { delivery_options_.sender = {"Bursar", "bursar@example.com"}; }

void DelivererTest::SetEmail(const std::string& member_id, const std::string& email) {
  UpsertMembersCommand command;
  MemberChange& change = command.members.emplace_back();
  change.member_id = member_id;
  change.email = email;
  ASSERT_TRUE(Administer("acme", std::move(command)).ok());
}

void DelivererTest::SetUpExhausted() {
  // Where nothing is included nobody crosses into extra usage, so the pool is all there is to tell.
  SetUpAcme("metered");
  AddMember("acme", "bill", MemberRole::kBilling);
  SetEmail("olga", "olga@example.com");
  SetEmail("bill", "bill@example.com");
  ExhaustPool();
}

void DelivererTest::ExhaustPool() {
  Grant("acme", 1);
  const std::string id = absl::StrCat("spend-", ++request_count_);
  ASSERT_TRUE(Record("acme", "ann", Nanos(500'000'000'000), id).ok());
  ASSERT_TRUE(Check("acme", "ann").ok());
}

void DelivererTest::SetWebhooks(const std::vector<std::string>& targets,
                                const std::vector<std::string>& events) {
  SetNotificationChannelsCommand command;
  for (const std::string& text : targets) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    WebhookTarget& target = command.channels.webhooks.emplace_back();
    target.target_id = parts[0];
    target.url = parts[1];
    target.events = events;
  }
  ASSERT_TRUE(Administer("acme", std::move(command)).ok());
}

void DelivererTest::Begin(bool with_mail) {
  deliverer_ = std::make_unique<Deliverer>(
      &engine(), &clock_, with_mail ? &mail_ : nullptr, &webhooks_, [] { return uint64_t{0}; },
      &log_, delivery_options_);
  Outbox::News all;
  all.missed = true;
  ASSERT_TRUE(deliverer_->Learn(all).ok());
  static_cast<void>(engine().outbox().WaitForNews(absl::ZeroDuration()));
}

void DelivererTest::RunDue() {
  const Outbox::News news = engine().outbox().WaitForNews(absl::ZeroDuration());
  ASSERT_TRUE(deliverer_->Learn(news).ok());
  while (deliverer_->RunOne()) {
  }
}

void DelivererTest::RunFor(absl::Duration span) {
  const absl::Time end = clock_.Now() + span;
  while (true) {
    RunDue();
    const absl::Time next = std::min(deliverer_->NextAt(), end);
    clock_.Advance(next - clock_.Now());
    if (clock_.Now() >= end) break;
  }
  RunDue();
}

std::vector<Outbox::Item> DelivererTest::Left() {
  const auto page = engine().outbox().List("", {}, 1000);
  EXPECT_TRUE(page.ok()) << page.status();
  return page.ok() ? page->items : std::vector<Outbox::Item>();
}

}  // namespace bursar
