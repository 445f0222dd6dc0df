// Checks and administration: what a check waits for, what the next one sees, and notices.
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class EnginePolicy : public EngineTest {
 protected:
  bool SaysAdminKnows(const absl::StatusOr<CheckReply>& reply) {
    return reply.ok() && reply->outcome.denial.has_value() &&
           absl::StrContains(reply->outcome.denial->message, kAdminNotifiedSentence);
  }
  std::vector<PendingNotice> Notices() {
    const auto page = ListNotices(store(), "", "", 100);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->notices : std::vector<PendingNotice>();
  }
};
BURSAR_ENGINE_SUITE(EnginePolicy);

// Rules: J1
TEST_P(EnginePolicy, AnEntryThatNoReaderWouldTakeIsNotWritten) {
  SetUpAcme("team");
  UpdateOrganizationCommand command;
  command.status = static_cast<AccountStatus>(0);
  EXPECT_EQ(Administer("acme", command).status().code(), absl::StatusCode::kInternal);
  // The wallet goes on, now and after a restart.
  EXPECT_TRUE(Record("acme", "ann", Nanos::Units(1), "r1").ok());
  Restart();
  EXPECT_TRUE(Record("acme", "ann", Nanos::Units(1), "r2").ok());
  ExpectVerified();
}

// Rules: X5
TEST_P(EnginePolicy, TheVeryNextCheckAfterAGrantIsAdmitted) {
  SetUpAcme("metered");
  for (int round = 0; round < 20; ++round) {
    const auto denied = Check("acme", "ann");
    ASSERT_TRUE(denied.ok()) << denied.status();
    ASSERT_FALSE(denied->outcome.admitted);
    std::thread administrator([&] { Grant("acme", 1); });
    administrator.join();
    const auto admitted = Check("acme", "ann");
    ASSERT_TRUE(admitted.ok()) << admitted.status();
    ASSERT_TRUE(admitted->outcome.admitted);
    ASSERT_TRUE(Record("acme", "ann", Nanos::Units(1), absl::StrCat("r", round)).ok());
  }
  ExpectVerified();
}

// Rules: X5
TEST_P(EnginePolicy, ACheckWaitsForACreditThatIsNotDurableYet) {
  SetUpAcme("metered");
  ASSERT_FALSE(Check("acme", "ann")->outcome.admitted);
  store().CloseGate();
  std::thread administrator([&] { Grant("acme", 1); });
  store().AwaitCommitAtGate();
  const auto check = StartCheck("acme", "ann");
  EXPECT_FALSE(check->IsSet());
  store().OpenGate();
  const auto reply = check->Wait();
  administrator.join();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->outcome.admitted);
}

// Rules: X5, R3
TEST_P(EnginePolicy, ACheckDoesNotWaitForUsageThatIsNotDurableYet) {
  SetUpAcme("team");
  const auto durable = Record("acme", "ann", Nanos(1), "r0");
  ASSERT_TRUE(durable.ok()) << durable.status();
  store().CloseGate();
  const auto record = StartRecord("acme", "ann", Nanos::Units(4), "r1");
  store().AwaitCommitAtGate();
  const auto check = Check("acme", "ann");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->outcome.admitted);
  // It is decided on what is applied already.
  EXPECT_GT(check->position.revision, durable->revision);
  EXPECT_FALSE(record->IsSet());
  store().OpenGate();
  EXPECT_TRUE(record->Wait().ok());
}

// Rules: X5
TEST_P(EnginePolicy, ACheckThatWaitedForACreditThatFailedIsRefused) {
  SetUpAcme("metered");
  ASSERT_TRUE(Check("acme", "ann").ok());
  store().CloseGate();
  store().FailNextCommit(absl::UnavailableError("gone"), false);
  std::thread administrator([&] {
    GrantCreditCommand grant;
    grant.amount = Nanos::Units(1);
    EXPECT_FALSE(Administer("acme", grant).ok());
  });
  store().AwaitCommitAtGate();
  const auto check = StartCheck("acme", "ann");
  store().OpenGate();
  administrator.join();
  EXPECT_EQ(Reason(check->Wait().status()), "STORE_FAILED");
}

// Rules: D3, N1, N3
TEST_P(EnginePolicy, TheFirstDenialOfAnEmptyPoolOpensOneEpisodeWithOneNotice) {
  SetUpAcme("metered");
  std::vector<std::shared_ptr<PromisedCheck>> checks;
  store().CloseGate();
  checks.push_back(StartCheck("acme", "ann"));
  store().AwaitCommitAtGate();
  checks.push_back(StartCheck("acme", "bob"));
  checks.push_back(StartCheck("acme", "ann"));
  for (const auto& check : checks) EXPECT_FALSE(check->IsSet());
  store().OpenGate();
  for (const auto& check : checks) EXPECT_TRUE(SaysAdminKnows(check->Wait()));
  EXPECT_TRUE(SaysAdminKnows(Check("acme", "bob")));
  EXPECT_EQ(CountOf<EpisodeOpened>(Journal("acme")), 1);
  const std::vector<PendingNotice> notices = Notices();
  ASSERT_EQ(notices.size(), 1);
  EXPECT_EQ(notices[0].stored.kind, NoticeKind::kExhausted);
  EXPECT_TRUE(notices[0].stored.balance);
  EXPECT_EQ(notices[0].stored.member_id, "ann");
  EXPECT_EQ(notices[0].organization_id, "acme");
  EXPECT_EQ(notices[0].stored.organization_name, "The acme company");
  EXPECT_EQ(notices[0].stored.created_at, clock_.Now());
  EXPECT_TRUE(absl::StartsWith(notices[0].notice_id, "ntc_"));
  ExpectVerified();
}

// Rules: D3
TEST_P(EnginePolicy, ADenialWhoseEpisodeIsNotDurableHasTheFirstSentenceOnly) {
  SetUpAcme("metered");
  store().FailNextCommit(absl::UnavailableError("gone"), false);
  const auto check = Check("acme", "ann");
  ASSERT_TRUE(check.ok()) << check.status();
  ASSERT_TRUE(check->outcome.denial.has_value());
  EXPECT_FALSE(SaysAdminKnows(check));
  EXPECT_FALSE(check->outcome.denial->message.empty());
}

// Rules: N1, N3
TEST_P(EnginePolicy, AGrantEndsTheEpisodeAndSaysSoOnce) {
  SetUpAcme("metered");
  ASSERT_TRUE(Check("acme", "ann").ok());
  Grant("acme", 5);
  Grant("acme", 5);
  const std::vector<Entry> journal = Journal("acme");
  EXPECT_EQ(CountOf<EpisodeEnded>(journal), 1);
  const std::vector<PendingNotice> notices = Notices();
  ASSERT_EQ(notices.size(), 2);
  EXPECT_EQ(notices[0].stored.kind, NoticeKind::kExhausted);
  EXPECT_EQ(notices[1].stored.kind, NoticeKind::kResolved);
  EXPECT_TRUE(notices[1].stored.balance);
  EXPECT_NE(notices[0].notice_id, notices[1].notice_id);
  EXPECT_EQ(journal[static_cast<size_t>(notices[1].stored.sequence) - 1].body.index(),
            EntryBody(EpisodeEnded()).index());
  ExpectVerified();
  Restart();
  ExpectVerified();
}

// Rules: H8
TEST_P(EnginePolicy, ValidatingOnlyOpensNoEpisode) {
  SetUpAcme("metered");
  CheckAdmissionCommand command;
  command.member_id = "ann";
  command.surface = "chat";
  command.validate_only = true;
  PromisedCheck promised;
  engine().CheckAdmission("acme", command, {}, {},
                          [&](absl::StatusOr<CheckReply> reply) { promised.Set(reply); });
  ASSERT_TRUE(promised.Wait().ok());
  EXPECT_FALSE(promised.Wait()->outcome.admitted);
  EXPECT_EQ(CountOf<EpisodeOpened>(Journal("acme")), 0);
  EXPECT_TRUE(Notices().empty());
}

// Rules: R2, A4
TEST_P(EnginePolicy, AnAdministratorsRepeatGetsTheFirstReply) {
  SetUpAcme("metered");
  GrantCreditCommand grant;
  grant.amount = Nanos::Units(5);
  const auto first = Administer("acme", grant, "grant-1", "five");
  ASSERT_TRUE(first.ok()) << first.status();
  Grant("acme", 1);
  for (int round = 0; round < 2; ++round) {
    const auto again = Administer("acme", grant, "grant-1", "five");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->bytes, first->bytes);
    EXPECT_EQ(Reason(Administer("acme", grant, "grant-1", "six").status()), "REQUEST_ID_REUSED");
    Restart();
  }
  const std::vector<Entry> journal = Journal("acme");
  EXPECT_EQ(CountOf<CreditGranted>(journal), 2);
  for (const Entry& entry : journal) {
    if (!std::holds_alternative<CreditGranted>(entry.body)) continue;
    EXPECT_EQ(entry.cause.actor, "olga");
    EXPECT_EQ(entry.cause.caller, "console");
  }
}

// Rules: R2
TEST_P(EnginePolicy, ARepeatOfWhatChangedNothingUndoesNothing) {
  SetUpAcme("team");
  UpdateExtraUsageCommand off;
  off.enabled = false;
  UpdateExtraUsageCommand on;
  on.enabled = true;
  ASSERT_TRUE(Administer("acme", off, "e0", "off").ok());
  const size_t entries = Journal("acme").size();
  const auto nothing = Administer("acme", off, "e1", "off");
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_FALSE(nothing->replayed);
  EXPECT_EQ(Journal("acme").size(), entries);
  ASSERT_TRUE(Administer("acme", on, "e2", "on").ok());
  for (int round = 0; round < 2; ++round) {
    const auto again = Administer("acme", off, "e1", "off");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->bytes, nothing->bytes);
    EXPECT_EQ(Reason(Administer("acme", on, "e1", "on").status()), "REQUEST_ID_REUSED");
    EXPECT_EQ(Journal("acme").size(), entries + 1);
    Restart();
  }
  ExpectVerified();
}

// Rules: R2, L2
TEST_P(EnginePolicy, ALimitSetTwiceAndThenChangedKeepsTheChangeWhenTheSecondIsRepeated) {
  SetUpAcme("team");
  const auto set = [&](int64_t units, const std::string& request_id) {
    SetSpendLimitCommand limit;
    limit.scope = Scope::kOrganization;
    limit.limit.amount = Nanos::Units(units);
    return Administer("acme", limit, request_id, absl::StrCat(units));
  };
  ASSERT_TRUE(set(10, "a").ok());
  ASSERT_TRUE(set(10, "b").ok());
  ASSERT_TRUE(set(99, "c").ok());
  EXPECT_TRUE(set(10, "b")->replayed);
  EXPECT_EQ(CountOf<SpendLimitSet>(Journal("acme")), 2);
  ExpectVerified();
}

// Rules: R2, R3
TEST_P(EnginePolicy, WhatChangedNothingIsAnsweredWhenItsRequestIdIsDurable) {
  SetUpAcme("team");
  UpdateExtraUsageCommand on;
  on.enabled = true;
  store().CloseGate();
  std::vector<std::thread> administrators;
  std::atomic<int> replayed = 0;
  for (int i = 0; i < 3; ++i) {
    administrators.emplace_back([&] {
      const auto reply = Administer("acme", on, "e1", "on");
      if (reply.ok() && reply->replayed) ++replayed;
    });
  }
  store().AwaitCommitAtGate();
  // Nothing of the wallet changes: neither checks nor records are held up, and records join in.
  EXPECT_TRUE(Check("acme", "ann").ok());
  const auto record = StartRecord("acme", "ann", Nanos::Units(1), "r1");
  store().OpenGate();
  for (std::thread& administrator : administrators) administrator.join();
  EXPECT_EQ(replayed, 2);
  EXPECT_TRUE(record->Wait().ok());
  ExpectVerified();
}

// Rules: O2, R2
TEST_P(EnginePolicy, AnOrganizationIsCreatedOnce) {
  CreateOrganization("acme", "team");
  CreateOrganization("acme", "team");  // The same request id and content: replayed.
  CreateOrganizationCommand command;
  command.organization_id = "acme";
  command.settings.plan_id = "team";
  command.settings.billing_anchor = absl::InfinitePast();
  const auto other = Administer("acme", command, "another-id");
  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Reason(other.status()), "ORGANIZATION_EXISTS");
  EXPECT_EQ(CountOf<OrganizationCreated>(Journal("acme")), 1);
}

// Rules: M4
TEST_P(EnginePolicy, AnOrganizationNeedsAPriceBookInItsCurrency) {
  v1::PlanCatalog plans = TestCatalogs().plan_catalog;
  plans.set_version("plans-2");
  *plans.add_plans() = plans.plans(0);
  plans.mutable_plans(3)->set_id("team_eur");
  plans.mutable_plans(3)->set_currency_code("EUR");
  ASSERT_TRUE(engine().catalogs().PublishPlanCatalog(plans, clock_.Now(), false).ok());
  CreateOrganizationCommand command;
  command.organization_id = "acme";
  command.settings.plan_id = "team_eur";
  command.settings.billing_anchor = absl::InfinitePast();
  EXPECT_EQ(Reason(Administer("acme", command).status()), "NO_PRICE_BOOK");
  EXPECT_TRUE(ListOrganizations(store(), "", 10)->empty());
}

// Rules: X6, R3
TEST_P(EnginePolicy, AdministrationIsAnsweredWhenItIsDurable) {
  SetUpAcme("team");
  store().CloseGate();
  Promised<bool> done;
  std::thread administrator([&] {
    Grant("acme", 5);
    done.Set(true);
  });
  store().AwaitCommitAtGate();
  EXPECT_FALSE(done.IsSet());
  store().OpenGate();
  administrator.join();
  EXPECT_EQ(CountOf<CreditGranted>(Journal("acme")), 1);
}

// Rules: S1, R3
TEST_P(EnginePolicy, AReadShowsWhatIsDurableOfTheNamedMembers) {
  SetUpAcme("team");
  ASSERT_TRUE(Record("acme", "ann", Nanos::Units(2), "r1").ok());
  Restart();
  Position seen;
  const absl::Status status = engine().Read(
      "acme", {"ann", "nobody"},
      [&](const Wallet& wallet, const Position& position, const DecisionContext& context) {
        seen = position;
        EXPECT_EQ(context.now, clock_.Now());
        EXPECT_EQ(wallet.FindMember("nobody"), nullptr);
        const Member* ann = wallet.FindMember("ann");
        if (ann == nullptr) return absl::InternalError("ann is missing");
        EXPECT_EQ(ann->month.included, Amount(Nanos::Units(2)));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen.revision, Journal("acme").back().sequence);
  const auto unread = [](const Wallet&, const Position&, const DecisionContext&) {
    return absl::FailedPreconditionError("no");
  };
  EXPECT_EQ(engine().Read("acme", {}, unread).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine().Read("nobody", {}, unread).code(), absl::StatusCode::kNotFound);
}

// Rules: O3, O4
TEST_P(EnginePolicy, MembersNamedByACommandAreLoadedFirst) {
  SetUpAcme("team");
  Restart();
  UpdateExtraUsageCommand selected;
  selected.enabled = true;
  selected.audience = ExtraUsageAudience::kSelected;
  selected.selected_member_ids = std::vector<std::string>{"ann", "bob"};
  ASSERT_TRUE(Administer("acme", selected).ok());
  Restart();
  SetSpendLimitCommand limit;
  limit.scope = Scope::kMember;
  limit.scope_id = "bob";
  limit.limit.amount = Nanos::Units(3);
  ASSERT_TRUE(Administer("acme", limit).ok());
  Restart();
  MemberChange heir;
  heir.member_id = "ann";
  heir.role = MemberRole::kPrimaryOwner;
  // A second primary owner is refused, although the present one is not named.
  EXPECT_FALSE(Administer("acme", UpsertMembersCommand{{heir}}).ok());
  Restart();
  MemberChange olga;
  olga.member_id = "olga";
  olga.role = MemberRole::kOwner;
  ASSERT_TRUE(Administer("acme", UpsertMembersCommand{{heir, olga}}).ok());
  ExpectVerified();
  const auto page = ListMembers(store(), "acme", "", 10);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->header.primary_owner_id, "ann");
  EXPECT_EQ(page->header.selected_count, 2);
}

}  // namespace
}  // namespace bursar
