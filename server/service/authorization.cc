#include "server/service/authorization.h"

#include <algorithm>

#include "server/service/errors.h"

namespace bursar {
namespace {

constexpr uint8_t kOperators = RoleBit(ServiceRole::kOperator);
constexpr uint8_t kDataPlane = kOperators | RoleBit(ServiceRole::kFrontend);
constexpr uint8_t kAdministrators = kOperators | RoleBit(ServiceRole::kAdmin);
constexpr uint8_t kReaders = kAdministrators | RoleBit(ServiceRole::kViewer);
constexpr uint8_t kMoneyReaders = kReaders | RoleBit(ServiceRole::kPayments);
constexpr uint8_t kPayers = kOperators | RoleBit(ServiceRole::kPayments);
constexpr uint8_t kEveryone =
    kReaders | RoleBit(ServiceRole::kFrontend) | RoleBit(ServiceRole::kPayments);

using enum ActorNeed;
constexpr RpcRule kRules[] = {
    {"/bursar.v1.QuotaService/CheckAdmission", kDataPlane},
    {"/bursar.v1.QuotaService/RecordConsumption", kDataPlane},
    {"/bursar.v1.QuotaService/ExtendAdmission", kDataPlane},
    {"/bursar.v1.QuotaService/ReleaseAdmission", kDataPlane},
    {"/bursar.v1.QuotaService/GetMemberUsage", kReaders | kDataPlane, kSeeMember},
    {"/bursar.v1.QuotaService/ConfirmExtraUsage", kDataPlane},
    {"/bursar.v1.QuotaService/BatchRecordConsumption", kDataPlane},
    {"/bursar.v1.QuotaService/StreamConsumption", kDataPlane},
    {"/bursar.v1.QuotaService/WatchWallet", kReaders | kDataPlane, kSeeSpend},
    {"/bursar.v1.QuotaService/CreateIncreaseRequest", kDataPlane},
    {"/bursar.v1.QuotaService/GetIncreaseRequest", kReaders | kDataPlane, kSeeMember},
    {"/bursar.v1.QuotaService/CancelIncreaseRequest", kDataPlane},

    {"/bursar.v1.AdminService/CreateOrganization", kOperators},
    {"/bursar.v1.AdminService/GetOrganization", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListOrganizations", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/UpdateOrganization", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/BatchUpsertMembers", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/ListMembers", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/GetWallet", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/UpdateExtraUsage", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/SetSpendLimit", kAdministrators, kSetLimits},
    {"/bursar.v1.AdminService/ListSpendLimits", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/GrantCredit", kPayers},
    {"/bursar.v1.AdminService/ReverseEntry", kPayers},
    {"/bursar.v1.AdminService/ListHolds", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListCredits", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/QueryUsage", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListJournalEntries", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListNotices", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/GetNotificationChannels", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/SetNotificationChannels", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/ListDeliveries", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ResendNotice", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/SendTestNotice", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/ListStatements", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/GetStatement", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListDenials", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ExplainDecision", kReaders, kSeeSpend},
    {"/bursar.v1.AdminService/ListIncreaseRequests", kReaders, kReviewRequests},
    {"/bursar.v1.AdminService/ApproveIncreaseRequest", kAdministrators, kReviewRequests},
    {"/bursar.v1.AdminService/DenyIncreaseRequest", kAdministrators, kReviewRequests},
    {"/bursar.v1.AdminService/AnswerEpisode", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/PurchaseCredit", kAdministrators, kBuyCredit},
    {"/bursar.v1.AdminService/UpdateAutoReload", kAdministrators, kChangeSettings},
    {"/bursar.v1.AdminService/CompletePayment", kPayers},
    {"/bursar.v1.AdminService/RecordChargeback", kPayers},
    {"/bursar.v1.AdminService/ListPayments", kMoneyReaders, kSeeSpend},
    {"/bursar.v1.AdminService/GetPayment", kMoneyReaders, kSeeSpend},

    {"/bursar.v1.OperatorService/PublishPriceBook", kOperators},
    {"/bursar.v1.OperatorService/GetPriceBook", kOperators},
    {"/bursar.v1.OperatorService/PublishPlanCatalog", kOperators},
    {"/bursar.v1.OperatorService/GetPlanCatalog", kOperators},
    {"/bursar.v1.OperatorService/CreateServiceToken", kOperators},
    {"/bursar.v1.OperatorService/ListServiceTokens", kOperators},
    {"/bursar.v1.OperatorService/RevokeServiceToken", kOperators},
    {"/bursar.v1.OperatorService/VerifyLedger", kOperators},
    {"/bursar.v1.OperatorService/CreateBackup", kOperators},
    {"/bursar.v1.OperatorService/ListBackups", kOperators},
    {"/bursar.v1.OperatorService/GetServerInfo", kOperators},

    {"/grpc.health.v1.Health/Check", 0, kNothing, true},
    {"/grpc.health.v1.Health/Watch", 0, kNothing, true},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", kEveryone},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kEveryone},
};

}  // namespace

std::string_view ServiceRoleName(ServiceRole role) {
  switch (role) {
    case ServiceRole::kFrontend:
      return "frontend";
    case ServiceRole::kAdmin:
      return "admin";
    case ServiceRole::kPayments:
      return "payments";
    case ServiceRole::kOperator:
      return "operator";
    case ServiceRole::kViewer:
      return "viewer";
  }
  return "unknown";
}

std::optional<ServiceRole> ParseServiceRole(std::string_view word) {
  for (const ServiceRole role :
       {ServiceRole::kFrontend, ServiceRole::kAdmin, ServiceRole::kPayments, ServiceRole::kOperator,
        ServiceRole::kViewer}) {
    if (ServiceRoleName(role) == word) return role;
  }
  return std::nullopt;
}

bool Credential::Covers(std::string_view organization_id) const {
  return all_organizations ||
         std::binary_search(organization_ids.begin(), organization_ids.end(), organization_id);
}

std::span<const RpcRule> AuthorizationTable() { return kRules; }

const RpcRule* FindRpcRule(std::string_view path) {
  for (const RpcRule& rule : kRules) {
    if (path == rule.path) return &rule;
  }
  return nullptr;
}

absl::Status AuthorizeRpc(const RpcRule& rule, const Credential& credential) {
  if (rule.is_open || (rule.roles & RoleBit(credential.role)) != 0) return absl::OkStatus();
  return PermissionDeniedError();
}

absl::Status AuthorizeOrganization(const Credential& credential, std::string_view organization_id) {
  return credential.Covers(organization_id) ? absl::OkStatus() : PermissionDeniedError();
}

}  // namespace bursar
