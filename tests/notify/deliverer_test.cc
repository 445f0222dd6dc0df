// Delivery: everybody is told, once where nothing breaks, under one id whatever breaks.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/engine/delivery_control.h"
#include "server/engine/usage_shares.h"
#include "server/notify/webhook_signature.h"
#include "tests/notify/deliverer_fixture.h"

namespace bursar {
namespace {

BURSAR_ENGINE_SUITE(DelivererTest);

// Rules: N1, N3
TEST_P(DelivererTest, AnExhaustedPoolIsMailedOnceToOwnersAndBilling) {
  SetUpExhausted();
  Begin();
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 2u);
  EXPECT_EQ(mail_.arrivals()[0].recipient, "bill@example.com");
  EXPECT_EQ(mail_.arrivals()[1].recipient, "olga@example.com");
  for (const auto& arrival : mail_.arrivals()) {
    EXPECT_TRUE(absl::StrContains(arrival.message,
                                  "Subject: Your workspace has run out of extra usage\r\n"));
    EXPECT_EQ(arrival.message_id, mail_.arrivals()[0].message_id);
  }
  EXPECT_TRUE(Left().empty());
  // Nothing more is said until the episode ends, and then once.
  ASSERT_TRUE(Check("acme", "ann").ok());
  RunFor(absl::Hours(1));
  EXPECT_EQ(mail_.arrivals().size(), 2u);
  Grant("acme", 1000);
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 4u);
  EXPECT_TRUE(absl::StrContains(mail_.arrivals()[2].message,
                                "Subject: Your workspace has extra usage again\r\n"));
  EXPECT_EQ(deliverer_->Stats().mails_delivered, 4);
  ExpectVerified();
}

// Rules: N1
TEST_P(DelivererTest, OneRefusedRecipientHoldsUpNoOther) {
  SetUpExhausted();
  mail_.Refuse("bill@example.com");
  Begin();
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 1u);
  EXPECT_EQ(mail_.arrivals()[0].recipient, "olga@example.com");
  // The refusal is final, listed, logged, and can be sent again.
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_TRUE(Left()[0].notice.delivery->IsDead());
  ASSERT_EQ(log_.dead.size(), 1u);
  EXPECT_EQ(log_.dead[0], "extra_usage.exhausted mail of bill: 550 no such person");
  RunFor(absl::Hours(24));
  EXPECT_EQ(mail_.attempts(), 2);
  mail_.Accept("bill@example.com");
  ASSERT_TRUE(ResendNotice(engine(), Left()[0].name).ok());
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 2u);
  EXPECT_EQ(mail_.arrivals()[1].recipient, "bill@example.com");
  EXPECT_EQ(mail_.arrivals()[1].message_id, mail_.arrivals()[0].message_id);
  EXPECT_TRUE(Left().empty());
}

// Rules: N1
TEST_P(DelivererTest, AMailServerThatIsDownForAnHourLosesNothing) {
  SetUpExhausted();
  mail_.set_down(true);
  Begin();
  const absl::Time start = clock_.Now();
  RunFor(absl::Minutes(20));
  Grant("acme", 1000);
  RunFor(absl::Minutes(20));
  // A restart in between: attempts are kept, and it goes on.
  int64_t attempts = 0;
  for (const auto& item : Left()) attempts += item.notice.delivery->recipients[0].attempts;
  EXPECT_GT(attempts, 0);
  if (GetParam() == StoreKind::kRocksDb) Restart();
  Begin();
  int64_t kept = 0;
  for (const auto& item : Left()) kept += item.notice.delivery->recipients[0].attempts;
  EXPECT_EQ(kept, attempts);
  RunFor(absl::Hours(1) - (clock_.Now() - start));
  EXPECT_TRUE(mail_.arrivals().empty());
  // Patiently: not once a second for each recipient.
  EXPECT_LT(mail_.attempts(), 60);
  mail_.set_down(false);
  RunFor(absl::Hours(1));
  EXPECT_EQ(mail_.Counts().size(), 4u);
  for (const auto& [name, count] : mail_.Counts()) EXPECT_EQ(count, 1) << name;
  EXPECT_TRUE(Left().empty());
  EXPECT_TRUE(log_.dead.empty());
}

// Rules: N1
TEST_P(DelivererTest, ACrashBetweenSendingAndNotingRepeatsTheIdAndMintsNone) {
  SetUpExhausted();
  const std::string id = Left()[0].name.notice_id;
  Begin();
  // What a crash leaves: the mail is out, the outbox knows nothing of it.
  const StoredNotice before = Left()[0].notice;
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 2u);
  ASSERT_TRUE(store().ChangeOutbox({{"acme", id, EncodeNotice(before)}}).ok());
  Begin();
  RunDue();
  ASSERT_EQ(mail_.arrivals().size(), 4u);
  for (const auto& arrival : mail_.arrivals()) EXPECT_EQ(arrival.message_id, id);
  for (const auto& [name, count] : mail_.Counts()) EXPECT_EQ(count, 2) << name;
  EXPECT_TRUE(Left().empty());
}

// Rules: N1, N2
TEST_P(DelivererTest, ATargetThatAnswers500ForADayIsTriedAndGetsEverything) {
  SetUpExhausted();
  SetWebhooks({"main=https://hooks.example/a", "other=https://hooks.example/b"}, {"extra_usage.*"});
  webhooks_.Answer("https://hooks.example/a", 500);
  Begin(false);
  RunFor(absl::Hours(24));
  // The other target has it long since.
  ASSERT_EQ(webhooks_.arrivals().size(), 1u);
  EXPECT_EQ(webhooks_.arrivals()[0].url, "https://hooks.example/b");
  EXPECT_GT(webhooks_.attempts("https://hooks.example/a"), 20);
  EXPECT_LT(webhooks_.attempts("https://hooks.example/a"), 400);
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_EQ(Left()[0].notice.delivery->recipients[0].last_error, "answered 500");
  EXPECT_EQ(deliverer_->Stats().backlog, 1);
  webhooks_.Answer("https://hooks.example/a", 204);
  RunFor(absl::Hours(2));
  ASSERT_EQ(webhooks_.arrivals().size(), 2u);
  const OutgoingPost& first = webhooks_.arrivals()[0];
  const OutgoingPost& second = webhooks_.arrivals()[1];
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(FakeWebhooks::HeaderOf(first, "webhook-id"),
            FakeWebhooks::HeaderOf(second, "webhook-id"));
  EXPECT_TRUE(Left().empty());
}

// Rules: N1
TEST_P(DelivererTest, WhatFailsForTooLongIsADeadLetterUntilItIsSentAgainOrVeryOld) {
  SetUpExhausted();
  delivery_options_.max_age = absl::Hours(2);
  mail_.set_down(true);
  Begin();
  RunFor(absl::Hours(3));
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_TRUE(Left()[0].notice.delivery->IsDead());
  EXPECT_EQ(log_.dead.size(), 2u);
  EXPECT_EQ(deliverer_->Stats().dead, 2);
  EXPECT_EQ(deliverer_->Stats().backlog, 0);
  const int attempts = mail_.attempts();
  RunFor(absl::Hours(48));
  EXPECT_EQ(mail_.attempts(), attempts);
  // Still tried is not dead.
  ASSERT_TRUE(ResendNotice(engine(), Left()[0].name).ok());
  EXPECT_EQ(ResendNotice(engine(), Left()[0].name).status().code(),
            absl::StatusCode::kFailedPrecondition);
  RunFor(absl::Hours(3));
  EXPECT_GT(mail_.attempts(), attempts);
  EXPECT_EQ(log_.dead.size(), 4u);
  clock_.Advance(absl::Hours(24 * 31));
  Begin();
  EXPECT_TRUE(Left().empty());
  EXPECT_EQ(ResendNotice(engine(), {"acme", "ntc_gone"}).status().code(),
            absl::StatusCode::kNotFound);
}

// Rules: N1
TEST_P(DelivererTest, TooManyAttemptsAreADeadLetterToo) {
  SetUpExhausted();
  delivery_options_.max_attempts = 3;
  mail_.set_down(true);
  Begin();
  RunFor(absl::Hours(3));
  const std::vector<Outbox::Item> left = Left();
  ASSERT_EQ(left.size(), 1u);
  for (const Recipient& recipient : left[0].notice.delivery->recipients) {
    EXPECT_EQ(recipient.attempts, 3);
    EXPECT_EQ(recipient.state, RecipientState::kDead);
  }
}

// Rules: N1, N2
TEST_P(DelivererTest, ANoticeWaitsForAChannelAndIsThenADeadLetterOfNobody) {
  SetUpExhausted();
  Begin(false);
  RunFor(absl::Hours(5));
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_TRUE(Left()[0].notice.delivery->recipients.empty());
  // A channel that comes in time gets it at once.
  SetWebhooks({"main=https://hooks.example/a"}, {"extra_usage.*"});
  RunDue();
  EXPECT_EQ(webhooks_.arrivals().size(), 1u);
  EXPECT_TRUE(Left().empty());
  SetWebhooks({});
  Grant("acme", 1000);
  RunFor(absl::Hours(80));
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_TRUE(Left()[0].notice.delivery->IsDead());
  ASSERT_EQ(log_.dead.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(log_.dead[0], "extra_usage.resolved nobody")) << log_.dead[0];
}

// Rules: N2
TEST_P(DelivererTest, WhatFiltersKeepOutIsToldNobodyAndLeavesTheOutbox) {
  SetUpExhausted();
  SetNotificationChannelsCommand command;
  command.channels.mail_events = {"payment.*"};
  ASSERT_TRUE(Administer("acme", std::move(command)).ok());
  Begin();
  RunDue();
  EXPECT_TRUE(mail_.arrivals().empty());
  EXPECT_TRUE(Left().empty());
  EXPECT_TRUE(log_.dead.empty());
}

// Rules: N1, N2
TEST_P(DelivererTest, WhatMailWantsWaitsForAMailServerWhateverTheWebhooksWant) {
  SetUpExhausted();
  SetWebhooks({"payments=https://pay.example/a"}, {"payment.requested"});
  Begin(false);
  RunDue();
  EXPECT_TRUE(webhooks_.arrivals().empty());
  EXPECT_FALSE(Left().empty());
  Begin();
  clock_.Advance(absl::Hours(1));
  RunDue();
  EXPECT_FALSE(mail_.arrivals().empty());
  EXPECT_TRUE(Left().empty());
  EXPECT_TRUE(log_.dead.empty());
}

// Rules: N2
TEST_P(DelivererTest, AnAddressThatMailCannotGoToIsInPlainSight) {
  SetUpExhausted();
  SetEmail("bill", "b\xc3\xa4r@example.com");
  Begin();
  RunDue();
  EXPECT_EQ(mail_.arrivals().size(), 1u);
  ASSERT_EQ(Left().size(), 1u);
  EXPECT_TRUE(Left()[0].notice.delivery->IsDead());
}

// Rules: N2
TEST_P(DelivererTest, WebhooksAreSignedWithBothSecretsWhileOneIsReplaced) {
  SetUpExhausted();
  SetWebhooks({"main=https://hooks.example/a"}, {"extra_usage.*"});
  const int64_t old_sequence = Journal("acme").back().sequence;
  SetNotificationChannelsCommand rotate;
  rotate.channels.webhooks = {
      {"main", "https://hooks.example/a", true, {"extra_usage.*"}, 0, 0, absl::InfinitePast()}};
  rotate.rotated_ids = {"main"};
  ASSERT_TRUE(Administer("acme", rotate).ok());
  const int64_t new_sequence = Journal("acme").back().sequence;
  const WebhookSecrets& secrets = engine().webhook_secrets();
  const std::string old_secret = secrets.Secret("acme", "main", old_sequence);
  const std::string new_secret = secrets.Secret("acme", "main", new_sequence);
  EXPECT_NE(old_secret, new_secret);
  Begin(false);
  RunDue();
  Grant("acme", 1000);
  clock_.Advance(absl::Hours(25));
  RunDue();
  ASSERT_EQ(webhooks_.arrivals().size(), 2u);
  const auto signature = [&](const OutgoingPost& post, std::vector<std::string> with) {
    int64_t seconds = 0;
    EXPECT_TRUE(absl::SimpleAtoi(FakeWebhooks::HeaderOf(post, "webhook-timestamp"), &seconds));
    return SignWebhook(FakeWebhooks::HeaderOf(post, "webhook-id"), absl::FromUnixSeconds(seconds),
                       post.body, with)[2]
        .second;
  };
  const OutgoingPost& during = webhooks_.arrivals()[0];
  EXPECT_EQ(FakeWebhooks::HeaderOf(during, "webhook-signature"),
            signature(during, {new_secret, old_secret}));
  const OutgoingPost& after = webhooks_.arrivals()[1];
  EXPECT_EQ(FakeWebhooks::HeaderOf(after, "webhook-signature"), signature(after, {new_secret}));
}

// Rules: N3
TEST_P(DelivererTest, WhatDrewThePoolDownIsComparedWithTheMonthBefore) {
  SetUpAcme("metered");
  SetEmail("olga", "olga@example.com");
  Grant("acme", 100);
  const auto record = [&](const std::string& surface, int64_t units) {
    RecordConsumptionCommand command = MakeRecord("ann", Nanos(units * 1'000'000'000));
    command.surface = surface;
    PromisedRecord done;
    engine().RecordConsumption(
        "acme", std::move(command), {absl::StrCat("r", ++request_count_), "content"}, {},
        [&done](absl::StatusOr<RecordReply> reply) { done.Set(std::move(reply)); });
    ASSERT_TRUE(done.Wait().ok());
  };
  record("chat", 40);
  record("claude-code", 10);
  clock_.Advance(absl::Hours(24 * 31));
  record("chat", 10);
  record("claude-code", 40);
  ASSERT_TRUE(Check("acme", "ann").ok());
  const std::vector<Outbox::Item> left = Left();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].notice.kind, NoticeKind::kLowBalance);
  const Outbox::Item& item = left[1];
  ASSERT_EQ(item.notice.kind, NoticeKind::kExhausted);
  const auto shares = UsageSharesOf(store(), zones_, "acme", item.notice);
  ASSERT_TRUE(shares.ok()) << shares.status();
  const std::vector<UsageShare> expected = {{false, "claude-code", "40.00", "10.00", 80, 20},
                                            {false, "chat", "10.00", "40.00", 20, 80},
                                            {true, "ann", "50.00", "50.00", 100, 100}};
  EXPECT_EQ(*shares, expected);
  Begin();
  RunDue();
  EXPECT_EQ(mail_.arrivals().size(), 2u);
}

// Rules: N1, N2
TEST_P(DelivererTest, ATestGoesToEveryChannelThatIsOnOncePerRequest) {
  SetUpExhausted();
  SetWebhooks({"main=https://hooks.example/a"}, {"payment.*"});
  Begin();
  RunDue();
  const size_t mails = mail_.arrivals().size();
  const auto first = SendTestNotice(engine(), "acme", "try-1", "olga");
  const auto again = SendTestNotice(engine(), "acme", "try-1", "olga");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, *again);
  RunDue();
  EXPECT_EQ(webhooks_.arrivals().size(), 1u);
  EXPECT_EQ(mail_.arrivals().size(), mails + 1);
  EXPECT_EQ(SendTestNotice(engine(), "nobody", "try-1", "").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bursar
