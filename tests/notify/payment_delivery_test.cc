// Requests to the payment system: they leave only once the wallet knows it, and never for what has
// ended.
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/engine/payment_query.h"
#include "server/engine/scoped_id.h"
#include "tests/notify/deliverer_fixture.h"

namespace bursar {
namespace {

constexpr char kUrl[] = "https://psp.example/pay";

class PaymentDelivery : public DelivererTest {
 protected:
  // "acme", metered and prepaid, whose payment system listens to payments alone.
  void SetUpPayments() {
    SetUpAcme("metered");
    SetWebhooks({absl::StrCat("psp=", kUrl)}, {"payment.requested"});
  }
  // A purchase; its id.
  std::string Buy(int64_t units) {
    PurchaseCreditCommand command;
    command.amount = Nanos::Units(units);
    command.requested_by = "olga";
    EXPECT_TRUE(Administer("acme", command, absl::StrCat("buy-", ++request_count_)).ok());
    return PaymentId(engine().epoch(), "acme", Newest().sequence);
  }
  void SetReload(bool enabled) {
    UpdateAutoReloadCommand command;
    command.enabled = enabled;
    command.threshold = Nanos::Units(5);
    command.amount = Nanos::Units(25);
    ASSERT_TRUE(Administer("acme", command).ok());
  }
  void Complete(int64_t payment, bool succeeded) {
    CompletePaymentCommand command;
    command.sequence = payment;
    command.succeeded = succeeded;
    ASSERT_TRUE(Administer("acme", command).ok());
  }
  // As it is stored.
  Payment Newest() {
    const auto page = ListPayments(store(), "acme", 0, false, 1);
    EXPECT_TRUE(page.ok() && !page->payments.empty());
    return page.ok() && !page->payments.empty() ? page->payments[0] : Payment();
  }
  bool IsLeft(NoticeKind kind) {
    for (const Outbox::Item& item : Left()) {
      if (item.notice.kind == kind) return true;
    }
    return false;
  }
  static nlohmann::json FactsOf(const OutgoingPost& post) {
    return nlohmann::json::parse(post.body)["data"]["facts"];
  }
};

// Rules: X4, N1, N2
TEST_P(PaymentDelivery, TheFirstByteLeavesWhenTheWalletDurablyKnows) {
  SetUpPayments();
  const std::string id = Buy(25);
  EXPECT_EQ(Newest().state, PaymentState::kRequested);
  std::vector<PaymentState> at_post;
  webhooks_.OnPost([&](const OutgoingPost&) { at_post.push_back(Newest().state); });
  Begin();
  RunDue();
  EXPECT_EQ(at_post, std::vector<PaymentState>{PaymentState::kSent});
  ASSERT_EQ(webhooks_.arrivals().size(), 1u);
  const auto json = nlohmann::json::parse(webhooks_.arrivals()[0].body);
  EXPECT_EQ(json["type"], "payment.requested");
  EXPECT_EQ(json["data"]["organization_id"], "acme");
  const auto facts = FactsOf(webhooks_.arrivals()[0]);
  EXPECT_EQ(facts["payment_id"], id);
  EXPECT_EQ(facts["kind"], "purchase");
  EXPECT_EQ(facts["amount"]["amount"], "25.00");
  EXPECT_EQ(facts["amount"]["currency_code"], "USD");
  EXPECT_TRUE(facts.contains("times_out_at"));
  EXPECT_FALSE(facts.contains("balance")) << "what the wallet holds is not its affair";
  EXPECT_TRUE(mail_.arrivals().empty());
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
  ExpectVerified();
}

// Rules: X1, X4
TEST_P(PaymentDelivery, WhatWasWithdrawnBeforeItWasSentIsNeverPosted) {
  SetUpPayments();
  SetReload(true);
  ASSERT_EQ(Newest().state, PaymentState::kRequested);
  SetReload(false);
  ASSERT_EQ(Newest().state, PaymentState::kCancelled);
  Begin();
  RunFor(absl::Hours(2));
  EXPECT_EQ(webhooks_.attempts(kUrl), 0);
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
  EXPECT_TRUE(log_.dead.empty());
}

// Rules: X1, X4
TEST_P(PaymentDelivery, WhatIsWithdrawnBetweenItsPlanAndItsFirstAttemptIsNeverPosted) {
  SetUpPayments();
  SetReload(true);
  Begin();
  ASSERT_TRUE(deliverer_->RunOne()) << "planned: it has its recipient now";
  ASSERT_EQ(Left().size(), 1u);
  ASSERT_EQ(Left()[0].notice.delivery->recipients.size(), 1u);
  SetReload(false);
  RunDue();
  EXPECT_EQ(webhooks_.attempts(kUrl), 0);
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
}

// Rules: X4
TEST_P(PaymentDelivery, WhatEndsBetweenTwoAttemptsIsNotAskedForAgain) {
  SetUpPayments();
  Buy(25);
  webhooks_.Answer(kUrl, 500);
  Begin();
  RunDue();
  ASSERT_EQ(webhooks_.attempts(kUrl), 1);
  // It answered badly and yet had heard.
  Complete(Newest().sequence, true);
  webhooks_.Answer(kUrl, 200);
  RunFor(absl::Hours(2));
  EXPECT_EQ(webhooks_.attempts(kUrl), 1);
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
}

// Rules: X4, N1
TEST_P(PaymentDelivery, EveryAttemptHasTheSameIdempotencyKeyAlsoAfterACrash) {
  SetUpPayments();
  const std::string id = Buy(25);
  std::vector<OutgoingPost> posts;
  webhooks_.OnPost([&](const OutgoingPost& post) { posts.push_back(post); });
  webhooks_.Answer(kUrl, 500);
  Begin();
  RunDue();
  const Outbox::Item before = Left().at(0);
  webhooks_.Answer(kUrl, 200);
  RunFor(absl::Minutes(1));
  ASSERT_EQ(posts.size(), 2u);
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
  // The crash came between sending and noting.
  ASSERT_TRUE(
      store().ChangeOutbox({{"acme", before.name.notice_id, EncodeNotice(before.notice)}}).ok());
  Restart();
  Begin();
  RunFor(absl::Minutes(1));
  ASSERT_EQ(posts.size(), 3u);
  for (const OutgoingPost& post : posts) {
    EXPECT_EQ(FactsOf(post)["payment_id"], id);
    EXPECT_EQ(post.body, posts[0].body);
    EXPECT_EQ(FakeWebhooks::HeaderOf(post, "webhook-id"), before.name.notice_id);
  }
  EXPECT_EQ(Newest().state, PaymentState::kSent);
}

// Rules: X4, N2
TEST_P(PaymentDelivery, OnlyATargetThatNamesPaymentsIsAskedAndUntilThenItWaits) {
  SetUpAcme("metered");
  SetEmail("olga", "olga@example.com");
  SetWebhooks({"chat=https://chat.example/all"});
  Buy(25);
  Begin();
  RunDue();
  EXPECT_EQ(Newest().state, PaymentState::kRequested);
  EXPECT_TRUE(IsLeft(NoticeKind::kPaymentRequested));
  for (const OutgoingPost& post : webhooks_.arrivals()) {
    EXPECT_FALSE(absl::StrContains(post.body, "payment.requested"));
  }
  for (const auto& mail : mail_.arrivals()) {
    EXPECT_FALSE(absl::StrContains(mail.message, "X-Bursar-Event: payment.requested"));
  }
  SetWebhooks({"chat=https://chat.example/all", absl::StrCat("psp=", kUrl)}, {"payment.*"});
  RunDue();
  EXPECT_EQ(webhooks_.attempts(kUrl), 1);
  EXPECT_EQ(Newest().state, PaymentState::kSent);
}

// Rules: X4
TEST_P(PaymentDelivery, WhatNobodyCouldBeAskedForIsLostAndItsRequestGoesAway) {
  SetUpAcme("metered");
  Buy(25);
  Begin();
  RunDue();
  EXPECT_TRUE(IsLeft(NoticeKind::kPaymentRequested));
  clock_.Advance(kShippedPaymentTimeout);
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(Newest().state, PaymentState::kLost);
  RunFor(absl::Hours(2));
  EXPECT_FALSE(IsLeft(NoticeKind::kPaymentRequested));
}

// Rules: N4
TEST_P(PaymentDelivery, VerdictsAreMailedToOwnersAndBilling) {
  SetUpPayments();
  AddMember("acme", "bill", MemberRole::kBilling);
  AddMember("acme", "adam", MemberRole::kAdmin);
  for (const char* member : {"olga", "bill", "adam", "ann"}) {
    SetEmail(member, absl::StrCat(member, "@example.com"));
  }
  Buy(25);
  Complete(Newest().sequence, true);
  Begin();
  RunDue();
  std::set<std::string> told;
  for (const auto& mail : mail_.arrivals()) {
    if (absl::StrContains(mail.message, "Subject: Your workspace bought credit\r\n")) {
      told.insert(mail.recipient);
    }
  }
  EXPECT_EQ(told, (std::set<std::string>{"bill@example.com", "olga@example.com"}));
}

BURSAR_ENGINE_SUITE(PaymentDelivery);

}  // namespace
}  // namespace bursar
