// Holds over gRPC: many callers race for one balance, settle, extend, release, refund, confirm.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using Quota = v1::QuotaService::Stub;
using Admin = v1::AdminService::Stub;

class Holds : public ServerTest {
 protected:
  Holds() {
    EXPECT_TRUE(CreateOrganization("acme", "api").ok());
    EXPECT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
    EXPECT_TRUE(AddMember("acme", "ann").ok());
    EXPECT_TRUE(AddMember("acme", "bob").ok());
  }

  void Grant(int64_t units) {
    v1::GrantCreditRequest request;
    request.set_organization_id("acme");
    request.mutable_amount()->set_units(units);
    request.set_request_id(absl::StrCat("grant-", ++grants_));
    v1::GrantCreditResponse response;
    const grpc::Status status = Call(admin_.get(), &Admin::GrantCredit, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  static v1::CheckAdmissionRequest HoldRequest(const std::string& member_id, int64_t units,
                                               const std::string& request_id,
                                               v1::AdmissionMode mode = v1::ADMISSION_MODE_HOLD) {
    v1::CheckAdmissionRequest request;
    request.set_organization_id("acme");
    request.set_member_id(member_id);
    request.set_surface("claude-code");
    request.set_mode(mode);
    if (units > 0) request.mutable_estimate()->mutable_cost()->set_units(units);
    request.set_request_id(request_id);
    return request;
  }

  v1::CheckAdmissionResponse Hold(const std::string& member_id, int64_t units,
                                  const std::string& request_id) {
    v1::CheckAdmissionResponse response;
    const grpc::Status status = Call(quota_.get(), &Quota::CheckAdmission,
                                     HoldRequest(member_id, units, request_id), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  static v1::RecordConsumptionRequest SettleRequest(const std::string& admission_id, int64_t units,
                                                    const std::string& request_id) {
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    request.set_admission_id(admission_id);
    request.mutable_cost()->set_units(units);
    request.set_request_id(request_id);
    return request;
  }

  v1::RecordConsumptionResponse Record(const v1::RecordConsumptionRequest& request) {
    v1::RecordConsumptionResponse response;
    const grpc::Status status = Call(quota_.get(), &Quota::RecordConsumption, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::ListHoldsResponse OpenHolds() {
    v1::ListHoldsRequest request;
    request.set_organization_id("acme");
    request.set_page_size(1000);
    v1::ListHoldsResponse response;
    EXPECT_TRUE(Call(admin_.get(), &Admin::ListHolds, request, &response).ok());
    return response;
  }

  // Sends all of them at once over four connections, and waits for the answers in their order.
  template <class Request, class Response>
  std::vector<Response> CallAll(std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (
                                    Quota::*start)(grpc::ClientContext*, const Request&,
                                                   grpc::CompletionQueue*),
                                const std::vector<Request>& requests) {
    constexpr int kConnections = 4;
    std::vector<std::unique_ptr<Quota>> stubs;
    for (int i = 0; i < kConnections; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt("test.connection", i);
      stubs.push_back(v1::QuotaService::NewStub(
          grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments)));
    }
    struct InFlight {
      grpc::ClientContext context;
      Response response;
      grpc::Status status;
      std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    };
    grpc::CompletionQueue queue;
    std::vector<std::unique_ptr<InFlight>> calls;
    for (const Request& request : requests) {
      auto call = std::make_unique<InFlight>();
      call->context.AddMetadata("authorization", absl::StrCat("Bearer ", kOperatorToken));
      Quota* stub = stubs[calls.size() % kConnections].get();
      call->reader = (stub->*start)(&call->context, request, &queue);
      call->reader->Finish(&call->response, &call->status, call.get());
      calls.push_back(std::move(call));
    }
    void* tag = nullptr;
    bool ok = false;
    for (size_t i = 0; i < calls.size(); ++i) EXPECT_TRUE(queue.Next(&tag, &ok));
    std::vector<Response> responses;
    for (const auto& call : calls) {
      EXPECT_TRUE(call->status.ok()) << call->status.error_message();
      responses.push_back(call->response);
    }
    return responses;
  }

  struct RaceResult {
    int admitted = 0;
    int64_t held = 0;     // In units.
    int64_t charged = 0;  // Likewise.
  };

  // `callers` ask at once for `asked` units each; those admitted then use `used` each.
  RaceResult Race(int callers, int64_t asked, int64_t used, v1::AdmissionMode mode,
                  const std::string& name) {
    std::vector<v1::CheckAdmissionRequest> checks;
    for (int i = 0; i < callers; ++i) {
      checks.push_back(
          HoldRequest(i % 2 == 0 ? "ann" : "bob", asked, absl::StrCat(name, "-", i), mode));
      if (mode == v1::ADMISSION_MODE_CHECK_ONLY) checks.back().clear_estimate();
    }
    RaceResult result;
    std::vector<v1::RecordConsumptionRequest> records;
    const auto answers = CallAll(&Quota::AsyncCheckAdmission, checks);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].decision() != v1::DECISION_ADMITTED) continue;
      ++result.admitted;
      result.held += answers[i].hold().amount().units();
      v1::RecordConsumptionRequest record =
          SettleRequest(answers[i].admission_id(), used, checks[i].request_id());
      record.set_member_id(checks[i].member_id());
      record.set_surface("claude-code");
      records.push_back(record);
    }
    for (const auto& receipt : CallAll(&Quota::AsyncRecordConsumption, records)) {
      result.charged += receipt.cost().units();
    }
    return result;
  }

  int grants_ = 0;
};

// Rules: H6, H7
TEST_F(Holds, ExactlyAsManyAreAdmittedAsFitAndSoftChecksShowWhy) {
  constexpr int kUnits = 10;
  constexpr int kRounds = 50;
  std::printf("%8s  %-24s %9s %9s %9s\n", "callers", "mode", "admitted", "charged", "overshoot");
  for (const int callers : {8, 64, 512}) {
    for (int round = 0; round < kRounds; ++round) {
      const int fit = std::min(callers, kUnits);
      Grant(kUnits);
      const std::string name = absl::StrCat("n", callers, "-", round);
      const RaceResult hold = Race(callers, 1, 1, v1::ADMISSION_MODE_HOLD, name + "-hold");
      EXPECT_EQ(hold.admitted, fit);
      EXPECT_EQ(hold.charged, fit);
      if (fit < kUnits) {  // The rest of the credit, so that every race begins with ten.
        Record(SettleRequest(Hold("ann", kUnits - fit, name + "-rest").admission_id(), kUnits - fit,
                             name + "-rest"));
      }
      Grant(kUnits);
      const RaceResult available =
          Race(callers, 4, 4, v1::ADMISSION_MODE_HOLD_UP_TO_AVAILABLE, name + "-available");
      // At most the sum of (actual - held) over what was admitted.
      EXPECT_LE(available.charged - kUnits, 4 * available.admitted - available.held);
      EXPECT_EQ(available.held, kUnits);
      Grant(available.charged);
      const RaceResult soft = Race(callers, 1, 1, v1::ADMISSION_MODE_CHECK_ONLY, name + "-soft");
      EXPECT_GE(soft.admitted, fit);
      if (round == 0) {
        std::printf("%8d  %-24s %9d %9lld %9lld\n", callers, "HOLD", hold.admitted,
                    static_cast<long long>(hold.charged), 0LL);
        std::printf("%8d  %-24s %9d %9lld %9lld\n", callers, "HOLD_UP_TO_AVAILABLE",
                    available.admitted, static_cast<long long>(available.charged),
                    static_cast<long long>(available.charged - kUnits));
        std::printf("%8d  %-24s %9d %9lld %9lld\n", callers, "CHECK_ONLY", soft.admitted,
                    static_cast<long long>(soft.charged),
                    static_cast<long long>(std::max<int64_t>(0, soft.charged - kUnits)));
      }
      // What was overdrawn is repaid, so that the next race begins with nothing.
      v1::GetWalletRequest get;
      get.set_organization_id("acme");
      v1::GetWalletResponse wallet;
      ASSERT_TRUE(Call(admin_.get(), &Admin::GetWallet, get, &wallet).ok());
      if (wallet.overdraft().units() > 0) Grant(wallet.overdraft().units());
      const int64_t left = wallet.balance().units();
      if (left > 0) {
        Record(
            SettleRequest(Hold("ann", left, name + "-last").admission_id(), left, name + "-last"));
      }
    }
  }
  EXPECT_EQ(OpenHolds().holds_size(), 0);
}

// Rules: H3, H4, H9, R4
TEST_F(Holds, LiveThroughTheirWholeLifeOverTheWire) {
  Grant(20);
  const v1::CheckAdmissionResponse placed = Hold("ann", 5, "h1");
  ASSERT_EQ(placed.decision(), v1::DECISION_ADMITTED);
  EXPECT_EQ(placed.hold().amount().units(), 5);
  EXPECT_EQ(placed.admission_id().rfind("adm_", 0), 0U);
  const v1::CheckAdmissionResponse again = Hold("ann", 5, "h1");
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.admission_id(), placed.admission_id());
  ASSERT_EQ(OpenHolds().holds_size(), 1);
  EXPECT_EQ(OpenHolds().held_extra().units(), 5);

  v1::ExtendAdmissionRequest extend;
  extend.set_organization_id("acme");
  extend.set_admission_id(placed.admission_id());
  extend.mutable_hold_ttl()->set_seconds(7200);
  v1::ExtendAdmissionResponse extended;
  ASSERT_TRUE(Call(quota_.get(), &Quota::ExtendAdmission, extend, &extended).ok());
  EXPECT_GT(extended.hold().expire_time().seconds(), placed.hold().expire_time().seconds());

  v1::RecordConsumptionRequest part = SettleRequest(placed.admission_id(), 2, "r1");
  part.set_partial(true);
  const v1::RecordConsumptionResponse parted = Record(part);
  EXPECT_EQ(parted.admission_status(), v1::ADMISSION_STATUS_SETTLED);
  EXPECT_EQ(parted.hold().amount().units(), 3);
  EXPECT_EQ(parted.hold().expire_time().seconds(), extended.hold().expire_time().seconds());
  EXPECT_EQ(OpenHolds().held_extra().units(), 3);
  Stop();
  Start();
  const v1::RecordConsumptionResponse last = Record(SettleRequest(placed.admission_id(), 4, "r2"));
  EXPECT_EQ(last.admission_status(), v1::ADMISSION_STATUS_SETTLED);
  EXPECT_FALSE(last.has_hold());
  EXPECT_EQ(last.overshoot().units(), 1);
  EXPECT_EQ(last.overshoot_kind(), v1::OVERSHOOT_KIND_HELD);
  EXPECT_EQ(OpenHolds().holds_size(), 0);
  EXPECT_EQ(Record(SettleRequest(placed.admission_id(), 1, "r3")).admission_status(),
            v1::ADMISSION_STATUS_FINAL);

  const v1::CheckAdmissionResponse second = Hold("bob", 3, "h2");
  v1::RecordConsumptionRequest other = SettleRequest(second.admission_id(), 1, "r4");
  other.set_member_id("ann");
  v1::RecordConsumptionResponse refused;
  EXPECT_EQ(FieldsOf(Call(quota_.get(), &Quota::RecordConsumption, other, &refused)),
            (std::vector<std::string>{"member_id"}));
  v1::ReleaseAdmissionRequest release;
  release.set_organization_id("acme");
  release.set_admission_id(second.admission_id());
  v1::ReleaseAdmissionResponse released;
  ASSERT_TRUE(Call(quota_.get(), &Quota::ReleaseAdmission, release, &released).ok());
  EXPECT_EQ(released.released().units(), 3);
  EXPECT_EQ(ReasonOf(Call(quota_.get(), &Quota::ReleaseAdmission, release, &released)),
            "ADMISSION_NOT_LIVE");
  EXPECT_EQ(ReasonOf(Call(quota_.get(), &Quota::ExtendAdmission, extend, &extended)),
            "ADMISSION_NOT_LIVE");
}

// Rules: D1, D2, D4, N3
TEST_F(Holds, ThatAreInTheWayAreSaidToBeAndTellNobody) {
  Grant(10);
  const v1::CheckAdmissionResponse placed = Hold("ann", 10, "h1");
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("acme", "bob", &check).ok());
  EXPECT_EQ(check.denial().reason(), v1::DENIAL_REASON_BALANCE_EXHAUSTED);
  EXPECT_TRUE(check.denial().held());
  EXPECT_TRUE(check.denial().retry_helps());
  EXPECT_EQ(check.denial().http_status(), 429);
  EXPECT_EQ(check.denial().reset_time().seconds(), placed.hold().expire_time().seconds());
  EXPECT_EQ(check.denial().message().find("out of extra usage"), std::string::npos);
  v1::GetWalletRequest get;
  get.set_organization_id("acme");
  v1::GetWalletResponse wallet;
  ASSERT_TRUE(Call(admin_.get(), &Admin::GetWallet, get, &wallet).ok());
  EXPECT_FALSE(wallet.exhausted_episode_open());
  EXPECT_FALSE(wallet.burn_rate().has_projected_exhaustion_time());
  v1::ListNoticesRequest list;
  list.set_organization_id("acme");
  v1::ListNoticesResponse notices;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListNotices, list, &notices).ok());
  EXPECT_EQ(notices.notices_size(), 0);
  // Really used up: now they are told.
  Record(SettleRequest(placed.admission_id(), 10, "r1"));
  ASSERT_TRUE(Check("acme", "bob", &check).ok());
  EXPECT_FALSE(check.denial().held());
  EXPECT_EQ(check.denial().http_status(), 402);
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListNotices, list, &notices).ok());
  EXPECT_EQ(notices.notices_size(), 1);
}

// Rules: R5, H3
TEST_F(Holds, CanBeFollowedThroughTheJournalByTheirAdmission) {
  Grant(20);
  const std::string admission = Hold("ann", 5, "h1").admission_id();
  Hold("bob", 1, "h2");
  v1::RecordConsumptionRequest part = SettleRequest(admission, 2, "r1");
  part.set_partial(true);
  Record(part);
  Record(SettleRequest(admission, 2, "r2"));
  EXPECT_EQ(Record(SettleRequest(admission, 1, "late")).admission_status(),
            v1::ADMISSION_STATUS_FINAL);
  v1::ListJournalEntriesRequest request;
  request.set_organization_id("acme");
  request.set_admission_id(admission);
  request.set_ascending(true);
  v1::ListJournalEntriesResponse journal;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListJournalEntries, request, &journal).ok());
  std::vector<std::string> requests;
  for (const v1::JournalEntry& entry : journal.entries()) {
    EXPECT_EQ(entry.admission_id(), admission);
    requests.push_back(entry.request_id());
  }
  EXPECT_EQ(requests, (std::vector<std::string>{"h1", "r1", "r2", "late"}));
  request.set_admission_id("adm_nobody");
  EXPECT_EQ(FieldsOf(Call(admin_.get(), &Admin::ListJournalEntries, request, &journal)),
            (std::vector<std::string>{"admission_id"}));
  v1::ListHoldsRequest one;
  one.set_organization_id("acme");
  one.set_admission_id(admission);
  v1::ListHoldsResponse holds;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListHolds, one, &holds).ok());
  EXPECT_EQ(holds.holds_size(), 0);
  one.clear_admission_id();
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListHolds, one, &holds).ok());
  ASSERT_EQ(holds.holds_size(), 1);
  EXPECT_EQ(holds.holds(0).request_id(), "h2");
}

// Rules: H3, D5
TEST_F(Holds, OfIncludedUsageAreShownToo) {
  ASSERT_TRUE(CreateOrganization("duo", "demo").ok());
  ASSERT_TRUE(AddMember("duo", "ann").ok());
  v1::CheckAdmissionRequest request = HoldRequest("ann", 1, "h1");
  request.set_organization_id("duo");
  v1::CheckAdmissionResponse placed;
  ASSERT_TRUE(Call(quota_.get(), &Quota::CheckAdmission, request, &placed).ok());
  ASSERT_EQ(placed.decision(), v1::DECISION_ADMITTED) << placed.denial().message();
  v1::GetWalletRequest get;
  get.set_organization_id("duo");
  v1::GetWalletResponse wallet;
  ASSERT_TRUE(Call(admin_.get(), &Admin::GetWallet, get, &wallet).ok());
  EXPECT_EQ(wallet.held_included().units(), 1);
  EXPECT_EQ(wallet.held().units(), 0);
  v1::ListHoldsRequest list;
  list.set_organization_id("duo");
  v1::ListHoldsResponse holds;
  ASSERT_TRUE(Call(admin_.get(), &Admin::ListHolds, list, &holds).ok());
  EXPECT_EQ(holds.held_included().units(), 1);
}

// Rules: H2, H3
TEST_F(Holds, WhatIsWrongWithAHoldIsNamed) {
  Grant(20);
  v1::CheckAdmissionResponse response;
  const auto fields = [&](const v1::CheckAdmissionRequest& request) {
    return FieldsOf(Call(quota_.get(), &Quota::CheckAdmission, request, &response));
  };
  EXPECT_EQ(fields(HoldRequest("ann", 0, "")),
            (std::vector<std::string>{"estimate", "request_id"}));
  v1::CheckAdmissionRequest request = HoldRequest("ann", 1, "h1");
  for (const int64_t seconds : {0, -5, 86'401}) {
    request.mutable_hold_ttl()->set_seconds(seconds);
    EXPECT_EQ(fields(request), (std::vector<std::string>{"hold_ttl"})) << seconds;
  }
  request.mutable_hold_ttl()->set_seconds(60);
  request.set_mode(static_cast<v1::AdmissionMode>(9));
  EXPECT_EQ(fields(request), (std::vector<std::string>{"mode"}));
  // Above the largest hold: a denial that says so.
  Grant(1000);
  const v1::CheckAdmissionResponse large = Hold("ann", 101, "h2");
  EXPECT_EQ(large.decision(), v1::DECISION_DENIED);
  EXPECT_EQ(large.denial().reason(), v1::DENIAL_REASON_HOLD_DOES_NOT_FIT);
  EXPECT_FALSE(large.denial().message().empty());
  v1::ExtendAdmissionRequest extend;
  extend.set_organization_id("acme");
  extend.set_admission_id("not-ours");
  v1::ExtendAdmissionResponse extended;
  EXPECT_EQ(ReasonOf(Call(quota_.get(), &Quota::ExtendAdmission, extend, &extended)),
            "ADMISSION_NOT_FOUND");
  v1::RecordConsumptionRequest partial = SettleRequest("", 1, "r1");
  partial.set_member_id("ann");
  partial.set_partial(true);
  v1::RecordConsumptionResponse receipt;
  EXPECT_EQ(FieldsOf(Call(quota_.get(), &Quota::RecordConsumption, partial, &receipt)),
            (std::vector<std::string>{"partial"}));
  EXPECT_EQ(OpenHolds().holds_size(), 0);
}

// Rules: R7
TEST_F(Holds, ARefundIsForPaymentsAndGivesCreditBack) {
  Grant(20);
  const v1::RecordConsumptionResponse charge =
      Record(SettleRequest(Hold("ann", 8, "h1").admission_id(), 8, "r1"));
  v1::ReverseEntryRequest refund;
  refund.set_organization_id("acme");
  refund.set_sequence(charge.sequence());
  refund.mutable_amount()->set_units(3);
  refund.set_reason("the answer never came");
  refund.set_request_id("refund-1");
  v1::ReverseEntryResponse refunded;
  const std::string frontend = CreateToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});
  EXPECT_EQ(Call(admin_.get(), &Admin::ReverseEntry, refund, &refunded, frontend).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  for (const bool replayed : {false, true}) {
    ASSERT_TRUE(Call(admin_.get(), &Admin::ReverseEntry, refund, &refunded).ok());
    EXPECT_EQ(refunded.replayed(), replayed);
    EXPECT_EQ(refunded.left().units(), 5);
    EXPECT_EQ(refunded.returned_credit().units(), 3);
    ASSERT_EQ(refunded.draws_size(), 1);
    EXPECT_EQ(refunded.draws(0).bucket(), v1::BUCKET_METERED);
  }
  refund.set_request_id("refund-2");
  refund.mutable_amount()->set_units(6);
  EXPECT_EQ(FieldsOf(Call(admin_.get(), &Admin::ReverseEntry, refund, &refunded)),
            (std::vector<std::string>{"amount"}));
}

// Rules: B9
TEST_F(Holds, WhereAskedForAMemberConfirmsExtraUsageFirst) {
  ASSERT_TRUE(CreateOrganization("duo", "demo").ok());
  ASSERT_TRUE(AddMember("duo", "ann").ok());
  ASSERT_TRUE(EnableExtra("duo").ok());
  v1::UpdateOrganizationRequest update;
  update.mutable_organization()->set_organization_id("duo");
  update.mutable_organization()->set_crossing_policy(v1::CROSSING_POLICY_CONFIRM);
  update.mutable_update_mask()->add_paths("crossing_policy");
  v1::UpdateOrganizationResponse updated;
  ASSERT_TRUE(Call(admin_.get(), &Admin::UpdateOrganization, update, &updated).ok());
  EXPECT_EQ(updated.organization().crossing_policy(), v1::CROSSING_POLICY_CONFIRM);
  v1::GrantCreditRequest grant;
  grant.set_organization_id("duo");
  grant.mutable_amount()->set_units(1000);
  grant.set_request_id("g1");
  v1::GrantCreditResponse granted;
  ASSERT_TRUE(Call(admin_.get(), &Admin::GrantCredit, grant, &granted).ok());
  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("duo", "ann", 500, "r1", &receipt).ok());
  v1::CheckAdmissionResponse check;
  ASSERT_TRUE(Check("duo", "ann", &check).ok());
  EXPECT_EQ(check.denial().reason(), v1::DENIAL_REASON_CONFIRMATION_REQUIRED);
  v1::ConfirmExtraUsageRequest confirm;
  confirm.set_organization_id("duo");
  confirm.set_member_id("ann");
  v1::ConfirmExtraUsageResponse confirmed;
  ASSERT_TRUE(Call(quota_.get(), &Quota::ConfirmExtraUsage, confirm, &confirmed).ok());
  EXPECT_GT(confirmed.confirmed_until().seconds(), absl::ToUnixSeconds(absl::Now()));
  ASSERT_TRUE(Check("duo", "ann", &check).ok());
  EXPECT_EQ(check.decision(), v1::DECISION_ADMITTED);
}

}  // namespace
}  // namespace bursar
