// The whole server in this process, on a directory of its own, with real clients on loopback.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/app/server.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {

class ServerTest : public testing::Test {
 protected:
  static constexpr char kOperatorToken[] = "correct-horse-battery-staple-0123";

  // `configure` changes settings before every start; `clock` is what the server goes by, where it
  // is not the system's.
  explicit ServerTest(std::function<void(Options*)> configure = nullptr,
                      const Clock* clock = nullptr)
      : configure_(std::move(configure)), clock_(clock) {
    std::ofstream(token_file()) << kOperatorToken << "\n";
    Start();
  }
  ~ServerTest() override { Stop(); }

  std::string token_file() const { return directory_.path() + "/token"; }

  void Start() {
    Options options;
    options.listen = {*ListenAddress::Parse("127.0.0.1:0")};
    options.data_directory = directory_.path() + "/data";
    options.operator_token_file = token_file();
    if (configure_) configure_(&options);
    auto server = Server::Start(options, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = server_->Addresses();
    address_ = address_.substr(address_.find('=') + 1);
    address_ = address_.substr(0, address_.find(' '));
    channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    quota_ = v1::QuotaService::NewStub(channel_);
    admin_ = v1::AdminService::NewStub(channel_);
    operator_ = v1::OperatorService::NewStub(channel_);
  }

  void Stop() {
    if (server_ != nullptr) server_->Drain(absl::Seconds(30));
    server_ = nullptr;
  }

  // Calls `(stub->*method)` with a token (the operator's unless said otherwise) and an actor.
  template <class Stub, class Request, class Response>
  grpc::Status Call(Stub* stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response,
                    const std::string& token = kOperatorToken, const std::string& actor = "") {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    if (!actor.empty()) context.AddMetadata("bursar-actor", actor);
    return (stub->*method)(&context, request, response);
  }

  // A new token; for all organizations where none is named.
  v1::CreateServiceTokenResponse NewToken(v1::ServiceRole role,
                                          const std::vector<std::string>& organizations) {
    v1::CreateServiceTokenRequest request;
    request.set_name("test");
    request.set_role(role);
    request.set_all_organizations(organizations.empty());
    for (const std::string& id : organizations) request.add_organization_ids(id);
    v1::CreateServiceTokenResponse response;
    const grpc::Status status =
        Call(operator_.get(), &v1::OperatorService::Stub::CreateServiceToken, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Its secret alone.
  std::string CreateToken(v1::ServiceRole role, const std::vector<std::string>& organizations) {
    return NewToken(role, organizations).secret();
  }
  void Revoke(const v1::CreateServiceTokenResponse& token) {
    v1::RevokeServiceTokenRequest request;
    request.set_token_id(token.token().token_id());
    v1::RevokeServiceTokenResponse response;
    const grpc::Status status =
        Call(operator_.get(), &v1::OperatorService::Stub::RevokeServiceToken, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  grpc::Status CreateOrganization(const std::string& id, const std::string& plan) {
    v1::CreateOrganizationRequest request;
    request.mutable_organization()->set_organization_id(id);
    request.mutable_organization()->set_plan(plan);
    v1::CreateOrganizationResponse response;
    return Call(admin_.get(), &v1::AdminService::Stub::CreateOrganization, request, &response);
  }

  grpc::Status AddMember(const std::string& organization_id, const std::string& member_id,
                         v1::MemberRole role = v1::MEMBER_ROLE_MEMBER) {
    v1::BatchUpsertMembersRequest request;
    request.set_organization_id(organization_id);
    v1::Member* member = request.add_members();
    member->set_member_id(member_id);
    member->set_role(role);
    v1::BatchUpsertMembersResponse response;
    return Call(admin_.get(), &v1::AdminService::Stub::BatchUpsertMembers, request, &response);
  }

  grpc::Status EnableExtra(const std::string& organization_id) {
    v1::UpdateExtraUsageRequest request;
    request.set_organization_id(organization_id);
    request.set_enabled(true);
    v1::UpdateExtraUsageResponse response;
    return Call(admin_.get(), &v1::AdminService::Stub::UpdateExtraUsage, request, &response);
  }

  grpc::Status Check(const std::string& organization_id, const std::string& member_id,
                     v1::CheckAdmissionResponse* response,
                     const std::string& token = kOperatorToken) {
    v1::CheckAdmissionRequest request;
    request.set_organization_id(organization_id);
    request.set_member_id(member_id);
    return Call(quota_.get(), &v1::QuotaService::Stub::CheckAdmission, request, response, token);
  }

  // Records a cost in whole units.
  grpc::Status RecordCost(const std::string& organization_id, const std::string& member_id,
                          int64_t units, const std::string& request_id,
                          v1::RecordConsumptionResponse* response) {
    v1::RecordConsumptionRequest request;
    request.set_organization_id(organization_id);
    request.set_member_id(member_id);
    request.set_surface("chat");
    request.mutable_cost()->set_units(units);
    request.set_request_id(request_id);
    return Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, request, response);
  }

  template <class Detail>
  static bool FindDetail(const grpc::Status& status, Detail* detail) {
    google::rpc::Status rich;
    if (!rich.ParseFromString(status.error_details())) return false;
    for (const auto& any : rich.details()) {
      if (any.UnpackTo(detail)) return true;
    }
    return false;
  }

  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::ErrorInfo info;
    return FindDetail(status, &info) ? info.reason() : "";
  }

  static std::vector<std::string> FieldsOf(const grpc::Status& status) {
    google::rpc::BadRequest bad_request;
    std::vector<std::string> fields;
    if (!FindDetail(status, &bad_request)) return fields;
    for (const auto& violation : bad_request.field_violations()) {
      fields.push_back(violation.field());
    }
    return fields;
  }

  const std::function<void(Options*)> configure_;
  const Clock* const clock_;
  TemporaryDirectory directory_;
  std::string address_;  // Of gRPC: host and port.
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::QuotaService::Stub> quota_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::OperatorService::Stub> operator_;
};

}  // namespace bursar
