// Bad input through the public interface: each is refused with the right code, naming each field,
// and nothing is written.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

class BadInput : public ServerTest {
 protected:
  BadInput() {
    EXPECT_TRUE(CreateOrganization("acme", "team").ok());
    EXPECT_TRUE(AddMember("acme", "ann").ok());
  }

  static v1::RecordConsumptionRequest GoodRecord() {
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    request.set_member_id("ann");
    request.set_surface("chat");
    request.set_model("claude-opus-4-5");
    request.mutable_usage()->set_input_tokens(10);
    request.set_request_id("bad-input");
    return request;
  }

  grpc::Status Record(const v1::RecordConsumptionRequest& request) {
    v1::RecordConsumptionResponse response;
    return Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, &response);
  }

  int64_t Revision() {
    v1::GetWalletRequest request;
    request.set_organization_id("acme");
    v1::GetWalletResponse response;
    EXPECT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GetWallet, request, &response).ok());
    return response.position().revision();
  }
};

// Rules: M2, R1, R5, T2
TEST_F(BadInput, RecordIsRefusedNamingTheFieldAndWritesNothing) {
  using Request = v1::RecordConsumptionRequest;
  const struct {
    std::function<void(Request*)> spoil;
    std::vector<std::string> fields;
  } rows[] = {
      {[](Request* r) { r->set_organization_id("a b"); }, {"organization_id"}},
      {[](Request* r) { r->clear_organization_id(); }, {"organization_id"}},
      {[](Request* r) { r->set_member_id(std::string(129, 'x')); }, {"member_id"}},
      {[](Request* r) { r->clear_request_id(); }, {"request_id"}},
      {[](Request* r) { r->set_surface("Chat!"); }, {"surface"}},
      {[](Request* r) { r->clear_model(); }, {"model"}},
      {[](Request* r) { r->clear_value(); }, {"usage"}},
      {[](Request* r) { r->mutable_usage()->set_input_tokens(-1); }, {"usage.input_tokens"}},
      {[](Request* r) { r->mutable_usage()->set_output_tokens(1'000'000'000'001); },
       {"usage.output_tokens"}},
      {[](Request* r) { r->mutable_cost()->set_nanos(1'000'000'000); }, {"cost.nanos"}},
      {[](Request* r) {
         r->mutable_cost()->set_units(1);
         r->mutable_cost()->set_nanos(-1);
       },
       {"cost.nanos"}},
      {[](Request* r) { r->mutable_cost()->set_units(-1); }, {"cost"}},
      {[](Request* r) { r->mutable_cost()->set_units(INT64_MAX); }, {"cost.units"}},
      {[](Request* r) {
         r->mutable_cost()->set_units(1);
         r->mutable_cost()->set_currency_code("EUR");
       },
       {"cost.currency_code"}},
      {[](Request* r) { r->mutable_occurred_at()->set_seconds(4'000'000'000); }, {"occurred_at"}},
      {[](Request* r) { r->mutable_occurred_at()->set_seconds(1'000'000'000); }, {"occurred_at"}},
      {[](Request* r) { r->mutable_occurred_at()->set_nanos(-1); }, {"occurred_at.nanos"}},
      {[](Request* r) { (*r->mutable_labels())["k"] = std::string(257, 'x'); }, {"labels[\"k\"]"}},
      {[](Request* r) {
         r->set_surface("Chat!");
         r->clear_request_id();
         r->mutable_usage()->set_web_searches(-5);
       },
       {"request_id", "surface", "usage.web_searches"}},
  };
  const int64_t revision = Revision();
  for (const auto& row : rows) {
    Request request = GoodRecord();
    row.spoil(&request);
    const grpc::Status status = Record(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << request.ShortDebugString() << ": " << status.error_message();
    EXPECT_EQ(FieldsOf(status), row.fields) << request.ShortDebugString();
  }
  EXPECT_EQ(Revision(), revision);
  EXPECT_TRUE(Record(GoodRecord()).ok());
}

// Rules: O6, R1, P6
TEST_F(BadInput, UnknownNamesAreNotFoundButUnknownModelsAndAdmissionsAreRecorded) {
  v1::RecordConsumptionRequest request = GoodRecord();
  request.set_organization_id("nobody");
  EXPECT_EQ(Record(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request = GoodRecord();
  request.set_member_id("nobody");
  EXPECT_EQ(Record(request).error_code(), grpc::StatusCode::NOT_FOUND);

  request = GoodRecord();
  request.set_model("a-model-that-nobody-knows");
  request.set_admission_id("adm_long-gone");
  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(
      Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, &receipt).ok());
  EXPECT_TRUE(receipt.price_fallback());
  EXPECT_TRUE(receipt.unadmitted());
  EXPECT_EQ(receipt.admission_status(), v1::ADMISSION_STATUS_UNKNOWN);
  EXPECT_GT(receipt.cost().nanos() + receipt.cost().units(), 0);
}

// Rules: M4, T4, O1, L1, L2, X7
TEST_F(BadInput, AdministrationIsRefusedNamingTheField) {
  const int64_t revision = Revision();
  v1::CreateOrganizationRequest create;
  create.mutable_organization()->set_organization_id("new");
  create.mutable_organization()->set_plan("no-such-plan");
  create.mutable_organization()->set_time_zone("Mars/Olympus");
  v1::CreateOrganizationResponse created;
  grpc::Status status =
      Call(admin_.get(), &v1::AdminService::Stub::CreateOrganization, create, &created);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_FALSE(FieldsOf(status).empty());
  create.mutable_organization()->set_organization_id("acme");
  create.mutable_organization()->set_plan("team");
  create.mutable_organization()->clear_time_zone();
  EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::CreateOrganization, create, &created)
                .error_code(),
            grpc::StatusCode::ALREADY_EXISTS);

  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  v1::SetSpendLimitResponse set;
  status = Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"scope", "value"}));
  limit.set_seat_tier("standard");
  limit.set_unlimited(true);
  EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);

  v1::GrantCreditRequest grant;
  grant.set_organization_id("acme");
  v1::GrantCreditResponse granted;
  status = Call(admin_.get(), &v1::AdminService::Stub::GrantCredit, grant, &granted);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"amount", "request_id"}));

  v1::UpdateExtraUsageRequest extra;
  extra.set_organization_id("acme");
  v1::UpdateExtraUsageResponse updated;
  status = Call(admin_.get(), &v1::AdminService::Stub::UpdateExtraUsage, extra, &updated);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"enabled"}));

  v1::CreateServiceTokenRequest token;
  token.set_name("two words");
  v1::CreateServiceTokenResponse made;
  status = Call(operator_.get(), &v1::OperatorService::Stub::CreateServiceToken, token, &made);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"name", "organization_ids", "role"}));
  EXPECT_EQ(Revision(), revision);
}

// Rules: O1, J1
TEST_F(BadInput, AnUpdateOfAnOrganizationIsRefusedNamingTheField) {
  const int64_t revision = Revision();
  v1::UpdateOrganizationRequest update;
  update.mutable_organization()->set_organization_id("acme");
  update.mutable_update_mask()->add_paths("currency_code");
  v1::UpdateOrganizationResponse changed;
  grpc::Status status =
      Call(admin_.get(), &v1::AdminService::Stub::UpdateOrganization, update, &changed);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"update_mask"}));
  update.mutable_update_mask()->set_paths(0, "display_name");
  update.set_etag("not-ours");
  EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::UpdateOrganization, update, &changed)
                .error_code(),
            grpc::StatusCode::ABORTED);

  // A status that is named in the mask and not given would be an entry that nobody can read.
  update.clear_etag();
  for (const int unknown : {0, 77}) {
    update.mutable_update_mask()->set_paths(0, "status");
    update.mutable_organization()->set_status(static_cast<v1::AccountStatus>(unknown));
    status = Call(admin_.get(), &v1::AdminService::Stub::UpdateOrganization, update, &changed);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"organization.status"}));
  }
  for (const char* url :
       {"http://example.com", "https://", "https:///path", "https://?q", "https://a.example/x y",
        "https://a.example/\"onclick=", "https://a.example/<script>", "https://a.example/\n"}) {
    update.mutable_update_mask()->set_paths(0, "settings_url");
    update.mutable_organization()->set_settings_url(url);
    status = Call(admin_.get(), &v1::AdminService::Stub::UpdateOrganization, update, &changed);
    EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"organization.settings_url"})) << url;
  }
  EXPECT_EQ(Revision(), revision);
}

// Rules: S3
TEST_F(BadInput, AQueryIsRefusedNamingTheField) {
  v1::QueryUsageRequest query;
  query.set_organization_id("acme");
  query.add_group_by(v1::USAGE_DIMENSION_MODEL);
  query.add_group_by(v1::USAGE_DIMENSION_MODEL);
  v1::QueryUsageResponse queried;
  grpc::Status status = Call(admin_.get(), &v1::AdminService::Stub::QueryUsage, query, &queried);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"group_by[1]"}));

  v1::ListMembersRequest list;
  list.set_organization_id("acme");
  list.set_page_size(1001);
  list.set_page_token("made-up");
  v1::ListMembersResponse listed;
  status = Call(admin_.get(), &v1::AdminService::Stub::ListMembers, list, &listed);
  EXPECT_EQ(FieldsOf(status), (std::vector<std::string>{"page_size", "page_token"}));
}

}  // namespace
}  // namespace bursar
