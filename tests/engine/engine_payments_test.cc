// Payments through the engine: durable, once under many callers, and after a restart.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/notice_events.h"
#include "server/engine/payment_delivery.h"
#include "server/engine/payment_query.h"
#include "server/engine/scoped_id.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EnginePayments : public EngineTest {
 protected:
  // "acme", metered and prepaid, with that credit; auto-reload of 25 at or below 5.
  void SetUpReload(int64_t credit) {
    SetUpAcme("metered");
    if (credit > 0) Grant("acme", credit);
    UpdateAutoReloadCommand command;
    command.enabled = true;
    command.threshold = Nanos::Units(5);
    command.amount = Nanos::Units(25);
    ASSERT_TRUE(Administer("acme", command).ok());
  }
  std::vector<Payment> Payments(bool open_only = false) {
    const auto page = ListPayments(store(), "acme", 0, open_only, 1000);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->payments : std::vector<Payment>();
  }
  absl::StatusOr<AdministrationReply> Complete(int64_t payment, bool succeeded) {
    CompletePaymentCommand command;
    command.sequence = payment;
    command.succeeded = succeeded;
    command.reference = "psp-1";
    if (!succeeded) command.code = "card_declined";
    return Administer("acme", command);
  }
  absl::StatusOr<AdministrationReply> Buy(int64_t units, const std::string& request_id) {
    PurchaseCreditCommand command;
    command.amount = Nanos::Units(units);
    command.requested_by = "olga";
    return Administer("acme", command, request_id);
  }
  // Notices by what they tell.
  std::map<NoticeKind, std::vector<StoredNotice>> Notices() {
    std::map<NoticeKind, std::vector<StoredNotice>> notices;
    const auto page = ListNotices(store(), "acme", "", 1000);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return notices;
    for (const PendingNotice& notice : page->notices) {
      notices[notice.stored.kind].push_back(notice.stored);
    }
    return notices;
  }
};

// Rules: X4, N1, N4
TEST_P(EnginePayments, SixtyFourParallelCallersDrainIntoExactlyOneReload) {
  SetUpReload(64);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 64; ++caller) {
    callers.emplace_back([this, caller] {
      const auto reply = Record("acme", caller % 2 == 0 ? "ann" : "bob", Nanos::Units(1),
                                absl::StrCat("r", caller));
      EXPECT_TRUE(reply.ok()) << reply.status();
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(CountOf<PaymentRequested>(Journal("acme")), 1);
  const auto notices = Notices();
  ASSERT_EQ(notices.at(NoticeKind::kPaymentRequested).size(), 1u);
  EXPECT_EQ(notices.at(NoticeKind::kLowBalance).size(), 1u);
  const StoredNotice& asked = notices.at(NoticeKind::kPaymentRequested)[0];
  const Payment payment = Payments().at(0);
  EXPECT_EQ(FactText(asked, "payment_id"), PaymentId(engine().epoch(), "acme", payment.sequence));
  EXPECT_EQ(FactText(asked, "amount"), "25.00 USD");
  EXPECT_EQ(FactText(asked, "kind"), "reload");
  EXPECT_EQ(FactText(asked, "attempt"), "1");
  EXPECT_EQ(FactText(asked, "cause"), "low_balance");
  EXPECT_EQ(asked.FindFact("times_out_at")->number, absl::ToUnixNanos(payment.times_out_at));
  EXPECT_EQ(asked.FindFact("balance"), nullptr) << "what the wallet holds is not its affair";
  ExpectVerified();
}

// Rules: X4, X7
TEST_P(EnginePayments, AVerdictThatWasReadWhileAnotherCommittedSeesIt) {
  SetUpReload(0);
  const int64_t payment = Payments().at(0).sequence;
  clock_.Advance(absl::Hours(24 * 31));
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(Payments().back().state, PaymentState::kLost);
  EngineOptions options;
  options.loader_threads = 2;  // One can load while the other waits.
  RestartWith(options);
  ASSERT_TRUE(Check("acme", "ann").ok());
  bool between = false;
  store().AfterNextBlockingLoad([&] {
    between = true;
    EXPECT_TRUE(Complete(payment, true).ok());
  });
  EXPECT_TRUE(Complete(payment, true).ok());
  // The others mostly have it at hand, and then never read while somebody else decides.
  if (IsCold()) {
    EXPECT_TRUE(between);
  }
  store().AfterNextBlockingLoad(nullptr);
  int credits = 0;
  for (const Entry& entry : Journal("acme")) {
    const auto* granted = std::get_if<CreditGranted>(&entry.body);
    credits += granted != nullptr && granted->payment_sequence == payment ? 1 : 0;
  }
  EXPECT_EQ(credits, 1);
  ExpectVerified();
}

// Rules: X4, X7
TEST_P(EnginePayments, ManyParallelVerdictsCreditOnce) {
  SetUpReload(0);
  const int64_t payment = Payments().at(0).sequence;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 16; ++caller) {
    callers.emplace_back([this, payment] { EXPECT_TRUE(Complete(payment, true).ok()); });
  }
  for (std::thread& caller : callers) caller.join();
  int credits = 0;
  for (const Entry& entry : Journal("acme")) {
    const auto* granted = std::get_if<CreditGranted>(&entry.body);
    credits += granted != nullptr && granted->payment_sequence == payment ? 1 : 0;
  }
  EXPECT_EQ(credits, 1);
  ExpectVerified();
}

// Rules: X5, X7, R2
TEST_P(EnginePayments, TheNextCheckAfterTheVerdictIsAdmitted) {
  SetUpAcme("metered");
  ASSERT_TRUE(Buy(25, "b1").ok());
  const auto again = Buy(25, "b1");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  ASSERT_EQ(Payments().size(), 1u);
  EXPECT_FALSE(Check("acme", "ann")->outcome.admitted) << "buying is not granting";
  ASSERT_TRUE(Complete(Payments()[0].sequence, true).ok());
  EXPECT_TRUE(Check("acme", "ann")->outcome.admitted);
  const std::vector<StoredNotice> told = Notices().at(NoticeKind::kPaymentSucceeded);
  ASSERT_EQ(told.size(), 1u);
  ASSERT_NE(told[0].FindFact("balance"), nullptr);
  EXPECT_EQ(*told[0].FindFact("balance"), MoneyFact("balance", Nanos(25'000'000'000)))
      << "with the credit that came of it";
  ExpectVerified();
}

// Rules: X4, R3, J1
TEST_P(EnginePayments, RestartsInBetweenKeepThem) {
  SetUpReload(0);
  const int64_t first = Payments().at(0).sequence;
  ASSERT_TRUE(Administer("acme", MarkPaymentSentCommand{first}).ok());
  Restart();
  EXPECT_EQ(Payments().at(0).state, PaymentState::kSent);
  ASSERT_TRUE(Complete(first, false).ok());
  Restart();
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(core().SweepNow().ok());
  ASSERT_EQ(Payments().size(), 2u) << "the second attempt follows its back-off, after the restart";
  EXPECT_EQ(Payments()[0].attempt, 2);
  Restart();
  ASSERT_TRUE(Complete(first, true).ok()) << "a failure that was none, read from the store";
  EXPECT_EQ(Payments().at(1).state, PaymentState::kSucceeded);
  Restart();
  ASSERT_TRUE(Complete(first, true).ok());
  EXPECT_EQ(Reason(Complete(first, false).status()), "PAYMENT_SUCCEEDED");
  EXPECT_TRUE(Check("acme", "ann")->outcome.admitted);
  RecordChargebackCommand chargeback;
  chargeback.sequence = first;
  ASSERT_TRUE(Administer("acme", chargeback, "c1").ok());
  const auto found = FindPayment(store(), "acme", first);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->payments[0].charged_back, Nanos::Units(25));
  EXPECT_EQ(Notices().at(NoticeKind::kChargedBack).size(), 1u);
  ExpectVerified();
}

// Rules: X4, T3, N4
TEST_P(EnginePayments, LostAttemptsPauseAndTellOwnersWithoutAnyTraffic) {
  SetUpReload(0);
  for (int attempt = 0; attempt < 3; ++attempt) {
    clock_.Advance(kShippedPaymentTimeout);
    ASSERT_TRUE(core().SweepNow().ok());
    clock_.Advance(absl::Minutes(30));
    ASSERT_TRUE(core().SweepNow().ok());
  }
  EXPECT_EQ(Payments().size(), 3u);
  EXPECT_TRUE(Payments(true).empty());
  const auto notices = Notices();
  EXPECT_EQ(notices.at(NoticeKind::kPaymentLost).size(), 2u);
  EXPECT_EQ(notices.at(NoticeKind::kReloadPaused).size(), 1u);
  ExpectVerified();
}

// Rules: X1, X4
TEST_P(EnginePayments, WhatEndedDoesNotLeaveForThePaymentSystem) {
  SetUpReload(0);
  const int64_t withdrawn = Payments().at(0).sequence;
  UpdateAutoReloadCommand command;
  command.enabled = false;
  ASSERT_TRUE(Administer("acme", command).ok());
  const auto leaves = [this](int64_t payment) {
    return MarkPaymentSent(engine(), "acme", PaymentId(engine().epoch(), "acme", payment));
  };
  EXPECT_EQ(*leaves(withdrawn), false);
  ASSERT_TRUE(Buy(10, "b1").ok());
  const int64_t bought = Payments().at(0).sequence;
  EXPECT_EQ(*leaves(bought), true);
  EXPECT_EQ(*leaves(bought), true) << "a delivery that is repeated";
  ASSERT_TRUE(Complete(bought, true).ok());
  EXPECT_EQ(*leaves(bought), false);
  EXPECT_TRUE(absl::IsNotFound(leaves(1).status()));
  EXPECT_TRUE(absl::IsNotFound(MarkPaymentSent(engine(), "acme", "pay_1").status()));
}

// Rules: X7
TEST_P(EnginePayments, AreListedNewestFirstPageByPage) {
  SetUpAcme("metered");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Buy(i + 1, absl::StrCat("b", i)).ok());
  const std::vector<Payment> all = Payments();
  ASSERT_EQ(all.size(), 5u);
  ASSERT_TRUE(Complete(all[1].sequence, false).ok());
  ASSERT_TRUE(Complete(all[4].sequence, true).ok());
  std::vector<int64_t> units;
  int64_t before = 0;
  for (bool more = true; more;) {
    const auto page = ListPayments(store(), "acme", before, false, 2);
    ASSERT_TRUE(page.ok()) << page.status();
    ASSERT_LE(page->payments.size(), 2u);
    for (const Payment& payment : page->payments) {
      units.push_back(payment.amount.value / kNanosPerUnit);
      before = payment.sequence;
    }
    more = page->more;
  }
  EXPECT_EQ(units, (std::vector<int64_t>{5, 4, 3, 2, 1}));
  EXPECT_EQ(Payments(true).size(), 3u);
  EXPECT_EQ(Reason(FindPayment(store(), "acme", 1).status()), "PAYMENT_NOT_FOUND");
  EXPECT_TRUE(absl::IsNotFound(ListPayments(store(), "nobody", 0, false, 1).status()));
}

// Rules: X7
TEST(PaymentIds, NameAnEntryOfTheirOwnOrganization) {
  const std::string id = PaymentId("e1", "acme", 42);
  EXPECT_EQ(id.substr(0, 4), "pay_");
  EXPECT_EQ(ParsePaymentId("e1", "acme", id), 42);
  EXPECT_EQ(ParsePaymentId("e1", "other", id), std::nullopt);
  EXPECT_EQ(ParsePaymentId("e2", "acme", id), std::nullopt);
  for (const std::string& text : {std::string(), std::string("pay_42"), "adm" + id.substr(3)}) {
    EXPECT_EQ(ParsePaymentId("e1", "acme", text), std::nullopt) << text;
  }
}

BURSAR_ENGINE_SUITE(EnginePayments);

}  // namespace
}  // namespace bursar
