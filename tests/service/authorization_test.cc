// The table of who may call what.
#include "server/service/authorization.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/operator_service.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "google/protobuf/descriptor.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace bursar {
namespace {

using google::protobuf::FileDescriptor;

std::set<std::string> PathsOfProtos() {
  const FileDescriptor* const files[] = {
      v1::CheckAdmissionRequest::descriptor()->file(),
      v1::ListHoldsRequest::descriptor()->file(),
      v1::GetServerInfoRequest::descriptor()->file(),
      grpc::health::v1::HealthCheckRequest::descriptor()->file(),
      grpc::reflection::v1::ServerReflectionRequest::descriptor()->file(),
      grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()};
  std::set<std::string> paths;
  for (const FileDescriptor* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        paths.insert("/" + file->service(s)->full_name() + "/" +
                     file->service(s)->method(m)->name());
      }
    }
  }
  return paths;
}

// Rules: A1
TEST(Authorization, EveryRpcHasExactlyOneRow) {
  std::set<std::string> rows;
  for (const RpcRule& rule : AuthorizationTable()) {
    EXPECT_TRUE(rows.insert(rule.path).second) << rule.path;
  }
  EXPECT_EQ(rows, PathsOfProtos());
  EXPECT_EQ(FindRpcRule("/bursar.v1.QuotaService/Nothing"), nullptr);
}

// Rules: A1
TEST(Authorization, OnlyHealthIsOpen) {
  for (const RpcRule& rule : AuthorizationTable()) {
    EXPECT_EQ(rule.is_open, std::string(rule.path).find("/grpc.health.") == 0) << rule.path;
  }
}

// Rules: A2
TEST(Authorization, RolesMayCallWhatTheirNameSays) {
  const struct {
    ServiceRole role;
    const char* method;
    bool is_allowed;
  } rows[] = {
      {ServiceRole::kFrontend, "QuotaService/CheckAdmission", true},
      {ServiceRole::kFrontend, "QuotaService/RecordConsumption", true},
      {ServiceRole::kFrontend, "QuotaService/GetMemberUsage", true},
      {ServiceRole::kFrontend, "QuotaService/CreateIncreaseRequest", true},
      {ServiceRole::kFrontend, "QuotaService/CancelIncreaseRequest", true},
      {ServiceRole::kFrontend, "AdminService/ApproveIncreaseRequest", false},
      {ServiceRole::kAdmin, "AdminService/ApproveIncreaseRequest", true},
      {ServiceRole::kAdmin, "AdminService/AnswerEpisode", true},
      {ServiceRole::kAdmin, "QuotaService/CreateIncreaseRequest", false},
      {ServiceRole::kViewer, "AdminService/ListIncreaseRequests", true},
      {ServiceRole::kViewer, "AdminService/DenyIncreaseRequest", false},
      {ServiceRole::kFrontend, "AdminService/GetWallet", false},
      {ServiceRole::kFrontend, "AdminService/GrantCredit", false},
      {ServiceRole::kAdmin, "AdminService/UpdateExtraUsage", true},
      {ServiceRole::kAdmin, "AdminService/GrantCredit", false},
      {ServiceRole::kAdmin, "AdminService/CreateOrganization", false},
      {ServiceRole::kAdmin, "QuotaService/RecordConsumption", false},
      {ServiceRole::kPayments, "AdminService/GrantCredit", true},
      {ServiceRole::kPayments, "AdminService/SetSpendLimit", false},
      {ServiceRole::kViewer, "AdminService/GetWallet", true},
      {ServiceRole::kViewer, "AdminService/ListJournalEntries", true},
      {ServiceRole::kViewer, "AdminService/UpdateOrganization", false},
      {ServiceRole::kViewer, "QuotaService/CheckAdmission", false},
      {ServiceRole::kViewer, "OperatorService/GetServerInfo", false},
  };
  for (const auto& row : rows) {
    const RpcRule* rule = FindRpcRule(std::string("/bursar.v1.") + row.method);
    ASSERT_NE(rule, nullptr) << row.method;
    Credential credential;
    credential.role = row.role;
    EXPECT_EQ(AuthorizeRpc(*rule, credential).ok(), row.is_allowed)
        << ServiceRoleName(row.role) << " " << row.method;
  }
}

// Rules: A2
TEST(Authorization, OperatorMayCallEverythingAndOnlyItTheOperationPlane) {
  for (const RpcRule& rule : AuthorizationTable()) {
    for (const ServiceRole role : {ServiceRole::kFrontend, ServiceRole::kAdmin,
                                   ServiceRole::kPayments, ServiceRole::kViewer}) {
      Credential credential;
      credential.role = role;
      if (std::string(rule.path).find("OperatorService") != std::string::npos) {
        EXPECT_EQ(AuthorizeRpc(rule, credential).code(), absl::StatusCode::kPermissionDenied);
      }
    }
    Credential operator_credential;
    operator_credential.role = ServiceRole::kOperator;
    EXPECT_TRUE(AuthorizeRpc(rule, operator_credential).ok()) << rule.path;
  }
}

// Rules: A2, O7
TEST(Authorization, TokenCoversItsOrganizationsAndNoOther) {
  Credential credential;
  credential.organization_ids = {"acme", "zeta"};
  EXPECT_TRUE(AuthorizeOrganization(credential, "acme").ok());
  EXPECT_EQ(AuthorizeOrganization(credential, "acm").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(AuthorizeOrganization(credential, "").code(), absl::StatusCode::kPermissionDenied);
  credential.all_organizations = true;
  EXPECT_TRUE(AuthorizeOrganization(credential, "anything").ok());
}

}  // namespace
}  // namespace bursar
