#include "server/service/operator_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/queries.h"
#include "server/service/validation.h"

namespace bursar {

namespace {

constexpr int kMaxTokenOrganizations = 1000;
constexpr size_t kMaxTokenNameBytes = 64;
constexpr size_t kMaxPageSize = 1000;
constexpr size_t kDefaultPageSize = 100;

void WriteToken(const Credential& credential, v1::ServiceToken* proto) {
  proto->set_token_id(credential.token_id);
  proto->set_name(credential.name);
  proto->set_role(static_cast<v1::ServiceRole>(credential.role));
  for (const std::string& organization_id : credential.organization_ids) {
    proto->add_organization_ids(organization_id);
  }
  proto->set_all_organizations(credential.all_organizations);
  WriteTimestamp(credential.create_time, proto->mutable_create_time());
}

bool IsTokenName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxTokenNameBytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

absl::StatusOr<Credential> ReadToken(const v1::CreateServiceTokenRequest& request) {
  FieldViolations violations;
  if (!IsTokenName(request.name())) {
    violations.Add("name", "is required: 1-64 of [A-Za-z0-9._-]");
  }
  if (request.role() <= v1::SERVICE_ROLE_UNSPECIFIED || request.role() > v1::SERVICE_ROLE_VIEWER) {
    violations.Add("role", "is required: frontend, admin, payments, operator or viewer");
  }
  if (request.all_organizations() == (request.organization_ids_size() > 0)) {
    violations.Add("organization_ids", "name organizations, or set all_organizations; one of them");
  }
  if (request.organization_ids_size() > kMaxTokenOrganizations) {
    violations.Add("organization_ids", absl::StrCat("must be at most ", kMaxTokenOrganizations));
  }
  for (int i = 0; i < std::min(request.organization_ids_size(), kMaxTokenOrganizations); ++i) {
    CheckRequiredId(absl::StrCat("organization_ids[", i, "]"), request.organization_ids(i),
                    &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  Credential credential;
  credential.name = request.name();
  credential.role = static_cast<ServiceRole>(request.role());
  credential.all_organizations = request.all_organizations();
  credential.organization_ids.assign(request.organization_ids().begin(),
                                     request.organization_ids().end());
  std::sort(credential.organization_ids.begin(), credential.organization_ids.end());
  credential.organization_ids.erase(
      std::unique(credential.organization_ids.begin(), credential.organization_ids.end()),
      credential.organization_ids.end());
  return credential;
}

}  // namespace

grpc::Status OperatorServiceHandlers::PublishPriceBook(grpc::ServerContext* context,
                                                       const v1::PublishPriceBookRequest* request,
                                                       v1::PublishPriceBookResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/PublishPriceBook");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    if (!request->has_book()) return InvalidField("book", "is required");
    absl::StatusOr<absl::Time> published = engine_.catalogs().PublishPriceBook(
        request->book(), engine_.Now(), request->validate_only());
    if (!published.ok()) return published.status();
    reply->set_version(request->book().version());
    if (!request->validate_only()) WriteTimestamp(*published, reply->mutable_publish_time());
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::GetPriceBook(grpc::ServerContext* context,
                                                   const v1::GetPriceBookRequest* request,
                                                   v1::GetPriceBookResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/GetPriceBook");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    absl::StatusOr<Published<v1::PriceBook>> published =
        engine_.catalogs().PriceBookDocument(request->version());
    if (!published.ok()) return published.status();
    *reply->mutable_book() = std::move(published->document);
    WriteTimestamp(published->published_at, reply->mutable_publish_time());
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::PublishPlanCatalog(
    grpc::ServerContext* context, const v1::PublishPlanCatalogRequest* request,
    v1::PublishPlanCatalogResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/PublishPlanCatalog");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    if (!request->has_catalog()) return InvalidField("catalog", "is required");
    absl::StatusOr<absl::Time> published = engine_.catalogs().PublishPlanCatalog(
        request->catalog(), engine_.Now(), request->validate_only());
    if (!published.ok()) return published.status();
    reply->set_version(request->catalog().version());
    if (!request->validate_only()) WriteTimestamp(*published, reply->mutable_publish_time());
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::GetPlanCatalog(grpc::ServerContext* context,
                                                     const v1::GetPlanCatalogRequest* request,
                                                     v1::GetPlanCatalogResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/GetPlanCatalog");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    Published<v1::PlanCatalog> published = engine_.catalogs().PlanCatalogDocument();
    *reply->mutable_catalog() = std::move(published.document);
    WriteTimestamp(published.published_at, reply->mutable_publish_time());
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::CreateServiceToken(
    grpc::ServerContext* context, const v1::CreateServiceTokenRequest* request,
    v1::CreateServiceTokenResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/CreateServiceToken");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    absl::StatusOr<Credential> credential = ReadToken(*request);
    if (!credential.ok()) return credential.status();
    absl::StatusOr<CreatedToken> created = credentials_.CreateToken(*std::move(credential));
    if (!created.ok()) return created.status();
    WriteToken(*created->credential, reply->mutable_token());
    reply->set_secret(created->secret);
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::ListServiceTokens(
    grpc::ServerContext* context, const v1::ListServiceTokensRequest* request,
    v1::ListServiceTokensResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/ListServiceTokens");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    const std::string after =
        ReadPageToken("page_token", "tokens", request->page_token(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    for (const std::shared_ptr<const Credential>& credential : credentials_.ListTokens()) {
      if (credential->token_id <= after) continue;
      if (reply->tokens_size() == static_cast<int>(limit)) {
        reply->set_next_page_token(
            MakePageToken("tokens", reply->tokens(reply->tokens_size() - 1).token_id()));
        break;
      }
      WriteToken(*credential, reply->add_tokens());
    }
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::RevokeServiceToken(
    grpc::ServerContext* context, const v1::RevokeServiceTokenRequest* request,
    v1::RevokeServiceTokenResponse*) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/RevokeServiceToken");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    if (request->token_id().empty()) return InvalidField("token_id", "is required");
    return credentials_.RevokeToken(request->token_id());
  });
}

grpc::Status OperatorServiceHandlers::VerifyLedger(grpc::ServerContext* context,
                                                   const v1::VerifyLedgerRequest* request,
                                                   v1::VerifyLedgerResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/VerifyLedger");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckOptionalId("organization_id", request->organization_id(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    absl::StatusOr<VerifyReport> report =
        bursar::VerifyLedger(engine_.store(), request->organization_id());
    if (!report.ok()) return report.status();
    reply->set_organization_count(report->organization_count);
    reply->set_entry_count(report->entry_count);
    reply->set_charge_count(report->charge_count);
    reply->set_violation_count(report->violation_count);
    for (const VerifyReport::Item& item : report->violations) {
      v1::LedgerViolation* violation = reply->add_violations();
      violation->set_organization_id(item.organization_id);
      violation->set_rule(item.rule);
      violation->set_message(item.message);
      violation->set_sequence(item.sequence);
    }
    return absl::OkStatus();
  });
}

grpc::Status OperatorServiceHandlers::GetServerInfo(grpc::ServerContext* context,
                                                    const v1::GetServerInfoRequest* request,
                                                    v1::GetServerInfoResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.OperatorService/GetServerInfo");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    reply->set_version(facts_.version);
    reply->set_store(facts_.store_kind);
    reply->set_store_report(facts_.store_report);
    WriteTimestamp(facts_.start_time, reply->mutable_start_time());
    absl::StatusOr<Published<v1::PriceBook>> book = engine_.catalogs().PriceBookDocument("");
    if (book.ok()) reply->set_price_book_version(book->document.version());
    reply->set_plan_catalog_version(engine_.catalogs().plans()->version);
    reply->set_zone_data_version(engine_.zones().version());
    reply->set_epoch(engine_.epoch());
    return absl::OkStatus();
  });
}

}  // namespace bursar
