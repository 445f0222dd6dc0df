// Setting channels, and the notices that changed settings make.
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/notify/deliverer_fixture.h"

namespace bursar {
namespace {

class ChannelsTest : public DelivererTest {
 protected:
  absl::Status Set(SetNotificationChannelsCommand command) {
    return Administer("acme", std::move(command)).status();
  }
  NotificationChannels Channels() {
    NotificationChannels channels;
    EXPECT_TRUE(engine()
                    .Read("acme", {},
                          [&](const Wallet& wallet, const Position&, const DecisionContext&) {
                            channels = wallet.header.channels;
                            return absl::OkStatus();
                          })
                    .ok());
    return channels;
  }
};
BURSAR_ENGINE_SUITE(ChannelsTest);

SetNotificationChannelsCommand OneTarget(const std::string& url) {
  SetNotificationChannelsCommand command;
  WebhookTarget& target = command.channels.webhooks.emplace_back();
  target.target_id = "main";
  target.url = url;
  return command;
}

// Rules: N2, A4
TEST_P(ChannelsTest, AreJournaledWithBeforeAndAfterAndSurviveARestart) {
  SetUpAcme("team");
  ASSERT_TRUE(Set(OneTarget("https://a.example/")).ok());
  const Entry entry = Journal("acme").back();
  const auto* set = std::get_if<NotificationChannelsSet>(&entry.body);
  ASSERT_NE(set, nullptr);
  ASSERT_EQ(set->changes.size(), 1u);
  EXPECT_EQ(set->changes[0],
            (FieldChange{"webhook main", "none", "https://a.example, every event"}));
  EXPECT_EQ(Channels().webhooks[0].secret_sequence, entry.sequence);
  // The same again changes nothing; another address keeps the secret.
  const size_t entries = Journal("acme").size();
  ASSERT_TRUE(Set(OneTarget("https://a.example/")).ok());
  EXPECT_EQ(Journal("acme").size(), entries);
  ASSERT_TRUE(Set(OneTarget("https://b.example/")).ok());
  EXPECT_EQ(Channels().webhooks[0].secret_sequence, entry.sequence);
  if (GetParam() == StoreKind::kRocksDb) {
    const NotificationChannels before = Channels();
    const std::string secret = engine().webhook_secrets().Secret("acme", "main", entry.sequence);
    Restart();
    EXPECT_EQ(Channels(), before);
    EXPECT_EQ(engine().webhook_secrets().Secret("acme", "main", entry.sequence), secret);
  }
  ExpectVerified();
}

// Rules: N2
TEST_P(ChannelsTest, ATargetThatIsMadeAgainGetsAnotherSecret) {
  SetUpAcme("team");
  ASSERT_TRUE(Set(OneTarget("https://a.example/")).ok());
  const int64_t first = Channels().webhooks[0].secret_sequence;
  ASSERT_TRUE(Set({}).ok());
  ASSERT_TRUE(Set(OneTarget("https://a.example/")).ok());
  const int64_t second = Channels().webhooks[0].secret_sequence;
  EXPECT_NE(first, second);
  const WebhookSecrets& secrets = engine().webhook_secrets();
  EXPECT_NE(secrets.Secret("acme", "main", first), secrets.Secret("acme", "main", second));
  EXPECT_NE(secrets.Secret("acme", "main", first), secrets.Secret("acme2", "main", first));
  EXPECT_EQ(secrets.Secret("acme", "main", first).substr(0, 6), "whsec_");
}

// Rules: N2
TEST_P(ChannelsTest, WhatIsMalformedIsNamedFieldByFieldAndChangesNothing) {
  SetUpAcme("team");
  const size_t entries = Journal("acme").size();
  SetNotificationChannelsCommand command = OneTarget("https://a.example/");
  command.channels.mail_events = {"extra_usage.exhausted", "Extra", "*", "a..b", "a.*.b"};
  command.channels.webhooks.push_back(command.channels.webhooks[0]);
  command.rotated_ids = {"main"};
  const absl::Status refused = Set(command);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(refused)) fields.push_back(violation.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"channels.mail.events[1]", "channels.mail.events[2]",
                                              "channels.mail.events[3]", "channels.mail.events[4]",
                                              "channels.webhooks[1].target_id",
                                              "rotate_secret_target_ids[0]"}));
  SetNotificationChannelsCommand many;
  for (int i = 0; i < 6; ++i) {
    WebhookTarget& target = many.channels.webhooks.emplace_back();
    target.target_id = absl::StrCat("t", i);
    target.url = "https://a.example/";
  }
  EXPECT_EQ(Set(many).code(), absl::StatusCode::kInvalidArgument);
  SetNotificationChannelsCommand stale;
  stale.expected_version = 7;
  EXPECT_EQ(Reason(Set(stale)), "ETAG_MISMATCH");
  EXPECT_EQ(Journal("acme").size(), entries);
}

// Rules: N4
TEST_P(ChannelsTest, ChangedSettingsAreToldOnceForEachCommandWhereAChannelCarriesThem) {
  SetUpAcme("team");
  EXPECT_TRUE(Left().empty()) << "nobody could be told";
  ASSERT_TRUE(Set(OneTarget("https://a.example/")).ok());
  UpsertMembersCommand roles;
  for (const char* member_id : {"ann", "bob"}) {
    MemberChange& change = roles.members.emplace_back();
    change.member_id = member_id;
    change.role = MemberRole::kAdmin;
  }
  ASSERT_TRUE(Administer("acme", std::move(roles)).ok());
  SetSpendLimitCommand limit;
  limit.scope = Scope::kMember;
  limit.scope_id = "ann";
  limit.limit.amount = Nanos(5'000'000'000);
  ASSERT_TRUE(Administer("acme", std::move(limit)).ok());
  SetEmail("ann", "ann@example.com");
  std::vector<std::vector<FieldChange>> told;
  for (const Outbox::Item& item : Left()) {
    EXPECT_EQ(item.notice.kind, NoticeKind::kSettingsChanged);
    told.push_back(item.notice.changes);
  }
  ASSERT_EQ(told.size(), 3u) << "the webhook, the roles, the limit; not the address";
  EXPECT_EQ(told[1], (std::vector<FieldChange>{{"role of ann", "member", "admin"},
                                               {"role of bob", "member", "admin"}}));
  EXPECT_EQ(told[2], (std::vector<FieldChange>{{"spend_limit of ann", "not set", "5.00"}}));
  Begin(false);
  RunDue();
  EXPECT_EQ(webhooks_.arrivals().size(), 3u);
  EXPECT_TRUE(Left().empty());
  ExpectVerified();
}

// Rules: N4
TEST_P(ChannelsTest, ATargetThatFiltersChangedSettingsOutMakesNoSuchNotice) {
  SetUpAcme("team");
  SetNotificationChannelsCommand command = OneTarget("https://a.example/");
  command.channels.webhooks[0].events = {"payment.*"};
  ASSERT_TRUE(Set(command).ok());
  EXPECT_TRUE(Left().empty());
}

}  // namespace
}  // namespace bursar
