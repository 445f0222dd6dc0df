// Requests for more: those who decide are told of them, and whoever asked of what became of it.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/notify/delivery_planner.h"
#include "tests/notify/deliverer_fixture.h"

namespace bursar {
namespace {

class RequestDelivery : public DelivererTest {
 protected:
  // "acme" on seats, extra usage off: olga owns it, adam is its admin.
  void SetUpOffice() {
    CreateOrganization("acme", "team");
    AddMember("acme", "olga", MemberRole::kPrimaryOwner);
    AddMember("acme", "adam", MemberRole::kAdmin);
    for (const char* member : {"ann", "bob"}) AddMember("acme", member);
    for (const char* member : {"olga", "adam", "ann", "bob"}) {
      SetEmail(member, absl::StrCat(member, "@example.com"));
    }
    Begin();
    RunDue();
    seen_ = mail_.arrivals().size();
  }
  // Asks for extra usage; the request's entry.
  int64_t Ask(const std::string& member_id, const std::string& reason = "the release is near") {
    CreateIncreaseRequestCommand command;
    command.member_id = member_id;
    command.surface = "chat";
    command.reason = reason;
    EXPECT_TRUE(Administer("acme", command).ok());
    for (const Entry& entry : Journal("acme")) {
      const auto* asked = std::get_if<IncreaseRequested>(&entry.body);
      if (asked != nullptr && asked->request.member_id == member_id) return entry.sequence;
    }
    return 0;
  }
  // Who was mailed that event since last asked, and the mails.
  std::set<std::string> Told(const std::string& event) {
    RunDue();
    std::set<std::string> told;
    for (; seen_ < mail_.arrivals().size(); ++seen_) {
      const auto& mail = mail_.arrivals()[seen_];
      if (!absl::StrContains(mail.message, absl::StrCat("X-Bursar-Event: ", event, "\r\n"))) {
        continue;
      }
      told.insert(mail.recipient);
      last_ = mail.message;
    }
    return told;
  }

  size_t seen_ = 0;
  std::string last_;
};

using People = std::set<std::string>;

// Rules: Q1, Q2, N4
TEST_P(RequestDelivery, GoesToAdminsAndAboveAndWhatIsBeyondThemToOwners) {
  SetUpOffice();
  const int64_t request = Ask("ann");
  EXPECT_EQ(Told("request.created"), (People{"adam@example.com", "olga@example.com"}));
  EXPECT_TRUE(absl::StrContains(last_, "Subject: ann asks for extra usage\r\n"));
  ApproveIncreaseRequestCommand approval;
  approval.sequence = request;
  approval.reviewer = {"adam"};
  ASSERT_TRUE(Administer("acme", approval).ok());
  EXPECT_EQ(Told("request.escalated"), (People{"olga@example.com"}));
}

// Rules: Q3, N4, A3
TEST_P(RequestDelivery, TheOutcomeIsToldToTheMemberAloneWithoutTheWalletsFigures) {
  SetUpOffice();
  const int64_t request = Ask("ann");
  Told("request.created");
  ASSERT_TRUE(Administer("acme", DenyIncreaseRequestCommand{request, {"olga"}, "not now"}).ok());
  ASSERT_EQ(Left().size(), 1u);
  for (const char* figure : {"spent", "limit", "balance", "overdraft"}) {
    EXPECT_EQ(Left()[0].notice.FindFact(figure), nullptr) << figure;
  }
  EXPECT_EQ(Told("request.decided"), (People{"ann@example.com"}));
  EXPECT_TRUE(absl::StrContains(last_, "Subject: Your request for extra usage was declined\r\n"));
  ExpectVerified();
}

// Rules: Q4, T3
TEST_P(RequestDelivery, TheDigestComesEachMorningWhileAnyIsOpenAndListsThem) {
  SetUpOffice();
  const int64_t ann = Ask("ann");
  const int64_t bob = Ask("bob", "");
  Told("request.created");
  for (int morning = 0; morning < 2; ++morning) {
    // Past nine: the sweeper journals it without anybody's traffic.
    clock_.Advance(absl::Hours(24));
    ASSERT_TRUE(core().SweepNow().ok());
    EXPECT_EQ(Told("request.digest"), (People{"adam@example.com", "olga@example.com"}));
  }
  ASSERT_TRUE(Administer("acme", DenyIncreaseRequestCommand{ann, {"olga"}, ""}).ok());
  clock_.Advance(absl::Hours(24));
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(Told("request.digest"), (People{"adam@example.com", "olga@example.com"}));
  ASSERT_TRUE(Administer("acme", DenyIncreaseRequestCommand{bob, {"olga"}, ""}).ok());
  clock_.Advance(absl::Hours(24));
  ASSERT_TRUE(core().SweepNow().ok());
  EXPECT_EQ(Told("request.digest"), People());
  ExpectVerified();
}

// Rules: Q4
TEST_P(RequestDelivery, TheDigestListsAFewAndCountsTheRest) {
  SetUpOffice();
  constexpr int kAsking = kMaxDigestLines + 5;
  for (int i = 0; i < kAsking; ++i) {
    AddMember("acme", absl::StrCat("m", i));
    Ask(absl::StrCat("m", i));
  }
  Outbox::Item digest;
  clock_.Advance(absl::Hours(24));
  ASSERT_TRUE(core().SweepNow().ok());
  for (const Outbox::Item& item : Left()) {
    if (item.notice.kind == NoticeKind::kRequestsDigest) digest = item;
  }
  ASSERT_FALSE(digest.name.notice_id.empty());
  const auto plan = PlanDelivery(engine(), digest.name, digest.notice, true, clock_.Now());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->delivery.waiting.size(), static_cast<size_t>(kMaxDigestLines));
  EXPECT_EQ(plan->delivery.waiting[0].member_id, "m0") << "oldest first";
  EXPECT_EQ(plan->delivery.waiting[0].asks_for, "extra usage");
  EXPECT_EQ(plan->delivery.waiting[0].reason, "the release is near");
  EXPECT_EQ(plan->delivery.more_waiting, 5);
}

BURSAR_ENGINE_SUITE(RequestDelivery);

}  // namespace
}  // namespace bursar
