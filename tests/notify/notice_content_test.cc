// What notices look like: every kind renders, and what people typed stays text.
#include "server/notify/notice_content.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "server/engine/notice_events.h"

namespace bursar {
namespace {

const NoticeName kName = {"acme", "ntc_ab_000000000012"};

StoredNotice Exhausted(bool balance) {
  StoredNotice notice;
  notice.balance = balance;
  notice.created_at = absl::FromUnixSeconds(1'772'442'000);
  notice.sequence = 12;
  notice.member_id = "ann";
  notice.organization_name = "Acme <& Sons>";
  notice.facts = {WordsFact("currency_code", "USD"),
                  WordsFact("time_zone", "Europe/Berlin"),
                  WordsFact("settings_url", "https://acme.example/wallet?a=1&b=2"),
                  WordsFact("bucket", "extra usage"),
                  MoneyFact("spent", Nanos(25'000'000'000)),
                  CountFact("count", 3),
                  SwitchFact("switch", true),
                  TimeFact("period_end", absl::FromUnixSeconds(1'775'001'600))};
  if (!balance) notice.facts.push_back(TimeFact("until", absl::FromUnixSeconds(1'775'001'600)));
  Delivery delivery;
  delivery.shares = {{false, "claude-code", "20.00", "5.00", 80, 20},
                     {false, "chat", "5.00", "20.00", 20, 80},
                     {true, "ann", "25.00", "0", 100, 0}};
  notice.delivery = delivery;
  return notice;
}

// Rules: N3
TEST(NoticeContent, TheMailOfAnExhaustedPoolSaysAllThatIsNeeded) {
  const MailContent mail = RenderMail(kName, Exhausted(false));
  EXPECT_EQ(mail.subject, "Your workspace has run out of extra usage");
  for (const char* words :
       {"has reached its spend limit", "the first to meet it was ann", "Bucket: extra usage",
        "Spent this month: 25.00 USD", "Wednesday, 01 April 2026, 02:00 CEST",
        "- claude-code: 20.00 USD (80 %), before 5.00 USD (20 %)",
        "- chat: 5.00 USD (20 %), before 20.00 USD (80 %)", "- ann: 25.00 USD (100 %)",
        "Raise or remove the organization's spend limit", "Wait until",
        "Open the settings: https://acme.example/wallet?a=1&b=2", "Notice ntc_ab_000000000012"}) {
    EXPECT_NE(mail.text.find(words), std::string::npos) << words << "\n" << mail.text;
  }
  EXPECT_NE(mail.html.find("href=\"https://acme.example/wallet?a=1&amp;b=2\""), std::string::npos);
  EXPECT_NE(mail.html.find("Acme &lt;&amp; Sons&gt;"), std::string::npos);
  EXPECT_EQ(mail.html.find("Acme <"), std::string::npos);
}

// Rules: N3
TEST(NoticeContent, AnEmptyBalanceLastsUntilCreditIsAdded) {
  const MailContent mail = RenderMail(kName, Exhausted(true));
  EXPECT_NE(mail.text.find("has used up its prepaid balance"), std::string::npos);
  EXPECT_NE(mail.text.find("It does not end by itself"), std::string::npos);
  EXPECT_NE(mail.text.find("Buy credit"), std::string::npos);
  EXPECT_EQ(mail.text.find("Wait until"), std::string::npos);
}

// Rules: N3, N4
TEST(NoticeContent, EveryKindHasItsNameItsTextAndBothForms) {
  std::set<std::string> names;
  for (const NoticeEvent& event : AllNoticeEvents()) {
    EXPECT_TRUE(names.insert(event.name).second) << event.name;
    EXPECT_TRUE(IsEventFilter(event.name)) << event.name;
    StoredNotice notice = Exhausted(false);
    notice.kind = event.kind;
    notice.changes = {{"role of bob", "member", "owner"}};
    const MailContent mail = RenderMail(kName, notice);
    EXPECT_EQ(mail.subject, SubjectOf(notice));
    EXPECT_EQ(mail.text.find("{{"), std::string::npos) << mail.text;
    EXPECT_EQ(mail.html.find("{{"), std::string::npos) << mail.html;
    EXPECT_NE(mail.text.find("Acme"), std::string::npos);
    const auto json = nlohmann::json::parse(RenderWebhook(kName, notice));
    EXPECT_EQ(json["type"], event.name);
  }
}

// Rules: Q4
TEST(NoticeContent, TheDigestListsWhoAsksForWhatAndHowManyMore) {
  StoredNotice notice = Exhausted(false);
  notice.kind = NoticeKind::kRequestsDigest;
  notice.facts.push_back(CountFact("outstanding", 5));
  notice.delivery->waiting = {
      {"ann", "a higher limit of 50.00 USD", "the <release>", absl::FromUnixSeconds(1'772'442'000)},
      {"bob", "extra usage", "", absl::FromUnixSeconds(1'772'442'060)}};
  notice.delivery->more_waiting = 3;
  const MailContent mail = RenderMail(kName, notice);
  EXPECT_NE(mail.text.find("5 requests of members of Acme <& Sons> wait"), std::string::npos);
  EXPECT_NE(
      mail.text.find("- ann asks for a higher limit of 50.00 USD since Monday, 02 March 2026, "
                     "10:00 CET: the <release>\n- bob asks for extra usage since Monday, 02 "
                     "March 2026, 10:01 CET\n- and 3 more\n"),
      std::string::npos)
      << mail.text;
  EXPECT_NE(mail.html.find("<td>the &lt;release&gt;</td>"), std::string::npos) << mail.html;
  EXPECT_NE(mail.html.find("and 3 more"), std::string::npos);
  const auto json = nlohmann::json::parse(RenderWebhook(kName, notice));
  EXPECT_EQ(json["data"]["waiting"][0]["asks_for"], "a higher limit of 50.00 USD");
  EXPECT_EQ(json["data"]["waiting"][1]["member_id"], "bob");
  EXPECT_EQ(json["data"]["more_waiting"], 3);
}

// Rules: Q3, X4
TEST(NoticeContent, RequestsAndPaymentsAreToldInOneSentence) {
  StoredNotice notice = Exhausted(false);
  notice.organization_name = "Acme";
  notice.kind = NoticeKind::kIncreaseRequested;
  notice.facts.push_back(WordsFact("kind_words", "a higher limit"));
  notice.facts.push_back(WordsFact("asks_for", "a higher limit of 50.00 USD"));
  notice.facts.push_back(WordsFact("reason", "the release\n* is near"));
  EXPECT_EQ(SubjectOf(notice), "ann asks for a higher limit");
  EXPECT_EQ(SummaryOf(notice),
            "ann asks for a higher limit of 50.00 USD at Acme: the release * is near");
  notice.kind = NoticeKind::kIncreaseDecided;
  notice.facts.push_back(WordsFact("state", "approved"));
  notice.facts.push_back(MoneyFact("granted", Nanos::Units(40)));
  notice.facts.push_back(WordsFact("note", "this once"));
  EXPECT_EQ(SubjectOf(notice), "Your request for a higher limit was approved");
  EXPECT_EQ(
      SummaryOf(notice),
      "Your request for a higher limit of 50.00 USD at Acme was approved with 40.00 USD: this "
      "once");
  EXPECT_NE(RenderMail(kName, notice).text.find("because of your request"), std::string::npos);
  notice.kind = NoticeKind::kReloadPaused;
  notice.SetFact(WordsFact("kind", "reload"));
  notice.SetFact(MoneyFact("amount", Nanos::Units(25)));
  notice.SetFact(WordsFact("code", "card_declined"));
  EXPECT_EQ(SummaryOf(notice),
            "The reload of 25.00 USD for Acme failed (card_declined), as others before it. "
            "Auto-reload is paused until an owner resumes it.");
}

// Rules: N4
TEST(NoticeContent, AKindOfANewerProgramIsToldInGeneralWords) {
  StoredNotice notice = Exhausted(false);
  notice.kind = NoticeKind{4711};
  notice.facts.push_back(WordsFact("summary", "Something new happened at Acme."));
  EXPECT_NE(RenderMail(kName, notice).text.find("Something new happened at Acme."),
            std::string::npos);
  const auto json = nlohmann::json::parse(RenderWebhook(kName, notice));
  EXPECT_EQ(json["type"], "notice.other");
  EXPECT_EQ(json["data"]["facts"]["count"], 3);
}

// Rules: N2
TEST(NoticeContent, TheWebhookCarriesTheSameFigures) {
  const auto json = nlohmann::json::parse(RenderWebhook(kName, Exhausted(false)));
  EXPECT_EQ(json["type"], "extra_usage.exhausted");
  EXPECT_EQ(json["id"], kName.notice_id);
  EXPECT_EQ(json["timestamp"], "2026-03-02T09:00:00Z");
  const auto& data = json["data"];
  EXPECT_EQ(data["organization_id"], "acme");
  EXPECT_EQ(data["organization_name"], "Acme <& Sons>");
  EXPECT_EQ(data["member_id"], "ann");
  EXPECT_EQ(data["sequence"], 12);
  EXPECT_EQ(data["facts"]["spent"]["amount"], "25.00");
  EXPECT_EQ(data["facts"]["spent"]["currency_code"], "USD");
  EXPECT_EQ(data["facts"]["until"], "2026-04-01T00:00:00Z");
  EXPECT_EQ(data["facts"]["switch"], true);
  EXPECT_EQ(data["drawn_by_surface"].size(), 2u);
  EXPECT_EQ(data["drawn_by_surface"][0]["name"], "claude-code");
  EXPECT_EQ(data["drawn_by_surface"][0]["before_percent"], 20);
  EXPECT_EQ(data["drawn_by_member"][0]["name"], "ann");
}

// Rules: N2
TEST(NoticeContent, NothingBreaksOutOfJsonAndOnlyLinksAreLinks) {
  EXPECT_EQ(nlohmann::json::parse(JsonString("\"\\\n\x01 \xe2\x82\xac")).get<std::string>(),
            "\"\\\n\x01 \xe2\x82\xac");
  StoredNotice notice = Exhausted(false);
  for (NoticeFact& fact : notice.facts) {
    if (fact.name == "settings_url") fact.text = "javascript:alert(1)";
  }
  const MailContent mail = RenderMail(kName, notice);
  EXPECT_EQ(mail.html.find("javascript"), std::string::npos);
  EXPECT_EQ(mail.html.find("<a "), std::string::npos);
}

// Rules: N1
TEST(NoticeContent, TheSameNoticeAlwaysLooksTheSame) {
  EXPECT_EQ(RenderWebhook(kName, Exhausted(true)), RenderWebhook(kName, Exhausted(true)));
}

}  // namespace
}  // namespace bursar
