// A wallet's life through the public interface: from the first member to an empty balance and back.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using WalletStory = ServerTest;

// Rules: B1, B8, X2, X5, D1, D3, R2
TEST_F(WalletStory, IncludedDrainsExtraFollowsTheBalanceRunsOutAndCreditBringsItBack) {
  ASSERT_TRUE(CreateOrganization("acme", "team").ok());
  ASSERT_TRUE(AddMember("acme", "ann", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());

  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  EXPECT_EQ(check.decision(), v1::DECISION_ADMITTED);
  EXPECT_EQ(check.bucket(), v1::BUCKET_INCLUDED);

  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 25, "r1", &receipt).ok());
  EXPECT_EQ(receipt.cost().units(), 25);
  EXPECT_EQ(receipt.cost().currency_code(), "USD");
  ASSERT_EQ(receipt.draws_size(), 1);
  EXPECT_EQ(receipt.draws(0).bucket(), v1::BUCKET_INCLUDED);

  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  ASSERT_EQ(check.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(check.denial().reason(), v1::DENIAL_REASON_EXTRA_USAGE_DISABLED);

  ASSERT_TRUE(EnableExtra("acme").ok());
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  ASSERT_EQ(check.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(check.denial().reason(), v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  EXPECT_EQ(check.denial().message(), "Your org is out of extra usage. We let your admin know.");
  EXPECT_NE(check.denial().explanation().find("No card was declined and no session is lost."),
            std::string::npos)
      << check.denial().explanation();
  EXPECT_EQ(check.denial().http_status(), 402);
  // The ready status is a google.rpc.Status, byte for byte.
  google::rpc::Status forwarded;
  ASSERT_TRUE(forwarded.ParseFromString(check.denial().status().SerializeAsString()));
  EXPECT_EQ(forwarded.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(forwarded.details(1).UnpackTo(&failure));
  EXPECT_EQ(failure.violations(0).subject(), "organization:acme");

  v1::GrantCreditRequest grant;
  grant.set_organization_id("acme");
  grant.mutable_amount()->set_units(10);
  grant.set_request_id("g1");
  v1::GrantCreditResponse granted;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GrantCredit, grant, &granted).ok());
  EXPECT_EQ(granted.balance().units(), 10);
  EXPECT_FALSE(granted.replayed());
  EXPECT_EQ(granted.still_blocked_by_size(), 0);

  // The very next check is decided on it.
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  EXPECT_EQ(check.decision(), v1::DECISION_ADMITTED);
  EXPECT_EQ(check.bucket(), v1::BUCKET_EXTRA);

  // The same credit again is the same credit.
  v1::GrantCreditResponse again;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GrantCredit, grant, &again).ok());
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.grant().grant_id(), granted.grant().grant_id());
}

// Rules: R2, R3, J2
TEST_F(WalletStory, RecordsAndTheirRepetitionsSurviveARestart) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_seat").ok());
  ASSERT_TRUE(AddMember("acme", "ann").ok());
  v1::RecordConsumptionRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  request.set_surface("chat");
  request.set_model("claude-opus-4-5");
  request.mutable_usage()->set_input_tokens(1000);
  request.mutable_usage()->set_output_tokens(100);
  request.set_request_id("r1");
  (*request.mutable_labels())["team"] = "search";
  v1::RecordConsumptionResponse first;
  ASSERT_TRUE(Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, &first).ok());
  EXPECT_GT(first.cost().nanos(), 0);
  EXPECT_FALSE(first.price_fallback());
  EXPECT_FALSE(first.price_card().empty());
  const std::string token = CreateToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});

  Stop();
  Start();
  v1::RecordConsumptionResponse repeated;
  ASSERT_TRUE(
      Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, &repeated, token)
          .ok());
  EXPECT_TRUE(repeated.replayed());
  EXPECT_EQ(repeated.sequence(), first.sequence());
  EXPECT_EQ(repeated.cost().nanos(), first.cost().nanos());

  request.mutable_usage()->set_output_tokens(101);
  const grpc::Status reused =
      Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, &repeated);
  EXPECT_EQ(reused.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");

  v1::VerifyLedgerResponse verified;
  ASSERT_TRUE(Call(operator_.get(), &v1::OperatorService::Stub::VerifyLedger,
                   v1::VerifyLedgerRequest(), &verified)
                  .ok());
  EXPECT_EQ(verified.violation_count(), 0);
  EXPECT_EQ(verified.charge_count(), 1);
}

// Two members, ann beyond her included usage and her limit.
class Reports : public ServerTest {
 protected:
  Reports() {
    EXPECT_TRUE(CreateOrganization("acme", "enterprise_seat").ok());
    EXPECT_TRUE(AddMember("acme", "ann", v1::MEMBER_ROLE_OWNER).ok());
    EXPECT_TRUE(AddMember("acme", "bob").ok());
    EXPECT_TRUE(EnableExtra("acme").ok());
    v1::RecordConsumptionResponse receipt;
    EXPECT_TRUE(RecordCost("acme", "ann", 30, "r1", &receipt).ok());
    EXPECT_TRUE(RecordCost("acme", "bob", 5, "r2", &receipt).ok());
    v1::SetSpendLimitRequest limit;
    limit.set_organization_id("acme");
    limit.set_member_id("ann");
    limit.mutable_amount()->set_units(4);
    EXPECT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set_limit_,
                     kOperatorToken, "ann")
                    .ok());
  }

  v1::SetSpendLimitResponse set_limit_;
};

// Rules: S1, D5, L3
TEST_F(Reports, WalletAndMemberViewAgreeWithTheGate) {
  EXPECT_TRUE(set_limit_.spend_predates_limit());
  EXPECT_EQ(set_limit_.limit().spent().units(), 5);

  v1::GetWalletRequest wallet_request;
  wallet_request.set_organization_id("acme");
  v1::GetWalletResponse wallet;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GetWallet, wallet_request, &wallet).ok());
  EXPECT_EQ(wallet.funding(), v1::FUNDING_POSTPAID);
  EXPECT_EQ(wallet.month_to_date().units(), 5);
  EXPECT_EQ(wallet.included_month_to_date().units(), 30);
  EXPECT_EQ(wallet.burn_rate().last_hour().units(), 5);
  EXPECT_FALSE(wallet.has_balance());
  EXPECT_FALSE(wallet.position().epoch().empty());

  v1::GetMemberUsageRequest member_request;
  member_request.set_organization_id("acme");
  member_request.set_member_id("ann");
  v1::GetMemberUsageResponse member;
  ASSERT_TRUE(
      Call(quota_.get(), &v1::QuotaService::Stub::GetMemberUsage, member_request, &member).ok());
  EXPECT_EQ(member.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(member.denial().reason(), v1::DENIAL_REASON_MEMBER_LIMIT_REACHED);
  EXPECT_EQ(member.month_to_date().units(), 5);
  EXPECT_EQ(member.included_month_to_date().units(), 25);
  EXPECT_EQ(member.seat_tier(), "standard");
}

// Rules: S2, S3, L2
TEST_F(Reports, UsageAndMembersAreListedPageByPage) {
  v1::QueryUsageRequest usage_request;
  usage_request.set_organization_id("acme");
  usage_request.add_group_by(v1::USAGE_DIMENSION_MEMBER);
  usage_request.set_page_size(1);
  v1::QueryUsageResponse usage;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::QueryUsage, usage_request, &usage).ok());
  ASSERT_EQ(usage.rows_size(), 1);
  EXPECT_EQ(usage.rows(0).member_id(), "ann");
  EXPECT_EQ(usage.total().cost().units(), 35);
  usage_request.set_page_token(usage.next_page_token());
  v1::QueryUsageResponse second;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::QueryUsage, usage_request, &second).ok());
  ASSERT_EQ(second.rows_size(), 1);
  EXPECT_EQ(second.rows(0).member_id(), "bob");
  EXPECT_EQ(second.next_page_token(), "");

  v1::ListMembersRequest members_request;
  members_request.set_organization_id("acme");
  v1::ListMembersResponse members;
  ASSERT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::ListMembers, members_request, &members).ok());
  ASSERT_EQ(members.members_size(), 2);
  EXPECT_EQ(members.members(0).effective_limit().units(), 4);
  EXPECT_EQ(members.members(0).limit_source(), v1::SCOPE_MEMBER);
  EXPECT_FALSE(members.members(1).has_effective_limit());
}

// Rules: A4, J1
TEST_F(Reports, JournalTellsWhoDidWhatInOrder) {
  v1::ListJournalEntriesRequest request;
  request.set_organization_id("acme");
  request.set_ascending(true);
  request.set_page_size(3);
  std::vector<v1::JournalEntry> entries;
  do {
    v1::ListJournalEntriesResponse page;
    ASSERT_TRUE(
        Call(admin_.get(), &v1::AdminService::Stub::ListJournalEntries, request, &page).ok());
    entries.insert(entries.end(), page.entries().begin(), page.entries().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_GT(entries.size(), 5U);
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].sequence(), static_cast<int64_t>(i) + 1);
    EXPECT_EQ(entries[i].chain_hash().size(), 64U);
    EXPECT_FALSE(entries[i].summary().empty());
  }
  EXPECT_EQ(entries.back().kind(), v1::JOURNAL_ENTRY_KIND_SPEND_LIMIT_SET);
  EXPECT_EQ(entries.back().actor(), "ann");
  EXPECT_EQ(entries.back().caller(), "operator");

  v1::ListJournalEntriesRequest charges;
  charges.set_organization_id("acme");
  charges.set_kind(v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED);
  v1::ListJournalEntriesResponse page;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::ListJournalEntries, charges, &page).ok());
  ASSERT_EQ(page.entries_size(), 2);
  EXPECT_EQ(page.entries(0).member_id(), "bob");
  EXPECT_EQ(page.entries(1).amount().units(), 30);
  EXPECT_EQ(page.entries(1).draws_size(), 2);
}

// Rules: L1, L2
TEST_F(Reports, SpendLimitsAreListedOnceEachWhateverThePage) {
  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  limit.mutable_amount()->set_units(50);
  v1::SetSpendLimitResponse set;
  limit.set_organization(true);
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).ok());
  limit.set_seat_tier("standard");
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).ok());
  limit.set_member_id("bob");
  limit.set_unlimited(true);
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).ok());
  for (int page_size = 1; page_size <= 5; ++page_size) {
    v1::ListSpendLimitsRequest request;
    request.set_organization_id("acme");
    request.set_page_size(page_size);
    std::vector<std::string> seen;
    do {
      v1::ListSpendLimitsResponse page;
      ASSERT_TRUE(
          Call(admin_.get(), &v1::AdminService::Stub::ListSpendLimits, request, &page).ok());
      EXPECT_LE(page.limits_size(), page_size);
      for (const v1::SpendLimit& shown : page.limits()) seen.push_back(shown.scope_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seen, (std::vector<std::string>{"acme", "standard", "ann", "bob"})) << page_size;
  }
}

// Rules: L5
TEST_F(WalletStory, AThresholdIsToldInWordsThatAreTrue) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_usage").ok());
  ASSERT_TRUE(AddMember("acme", "ann").ok());
  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  limit.set_organization(true);
  limit.mutable_amount()->set_units(10);
  v1::SetSpendLimitResponse set;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).ok());
  const auto warning_after = [&](int64_t units, const std::string& request_id) {
    v1::RecordConsumptionResponse receipt;
    EXPECT_TRUE(RecordCost("acme", "ann", units, request_id, &receipt).ok());
    v1::CheckAdmissionResponse check;
    EXPECT_TRUE(Check("acme", "ann", &check).ok());
    return check.warnings_size() == 1 ? check.warnings(0).message() : "";
  };
  EXPECT_EQ(warning_after(5, "r1"), "Your org has used 50 % of its spend limit.");
  EXPECT_EQ(warning_after(1, "r2"), "Your org has used more than 50 % of its spend limit.");
}

// Rules: X2, N1, N3
TEST_F(WalletStory, CreditsAreListedAsTheyAreDrawnAndTheNoticeWaits) {
  ASSERT_TRUE(CreateOrganization("acme", "api").ok());
  ASSERT_TRUE(AddMember("acme", "ann").ok());
  for (int i = 1; i <= 3; ++i) {
    v1::GrantCreditRequest grant;
    grant.set_organization_id("acme");
    grant.mutable_amount()->set_units(i);
    grant.set_request_id("g" + std::to_string(i));
    // The later it is granted, the earlier it expires.
    grant.mutable_expire_time()->set_seconds(4'000'000'000 - i);
    v1::GrantCreditResponse granted;
    ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GrantCredit, grant, &granted).ok());
  }
  v1::ListCreditsRequest request;
  request.set_organization_id("acme");
  request.set_page_size(1);
  std::vector<int64_t> amounts;
  do {
    v1::ListCreditsResponse page;
    ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::ListCredits, request, &page).ok());
    for (const v1::CreditGrant& grant : page.grants()) amounts.push_back(grant.amount().units());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(amounts, (std::vector<int64_t>{3, 2, 1}));

  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 6, "r1", &receipt).ok());
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "ann", &check).ok());
  EXPECT_EQ(check.denial().reason(), v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  v1::ListNoticesResponse notices;
  ASSERT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::ListNotices, v1::ListNoticesRequest(), &notices)
          .ok());
  ASSERT_EQ(notices.notices_size(), 1);
  EXPECT_EQ(notices.notices(0).subject(), "Your workspace has run out of extra usage");
  EXPECT_EQ(notices.notices(0).organization_id(), "acme");
}

// Rules: A2
TEST_F(WalletStory, ServerSaysWhatRuns) {
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(Call(operator_.get(), &v1::OperatorService::Stub::GetServerInfo,
                   v1::GetServerInfoRequest(), &info)
                  .ok());
  EXPECT_EQ(info.store(), "rocksdb");
  EXPECT_FALSE(info.version().empty());
  EXPECT_FALSE(info.price_book_version().empty());
  EXPECT_EQ(info.plan_catalog_version(), "shipped-1");
  EXPECT_FALSE(info.epoch().empty());
}

}  // namespace
}  // namespace bursar
