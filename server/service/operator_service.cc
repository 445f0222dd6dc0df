#include "server/service/operator_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/queries.h"
#include "server/service/conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr size_t kMaxTokenNameBytes = 64;
constexpr int kMaxTokenOrganizations = 1000;
constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 1000;

absl::Status RequireBackups(const ServerFacts& facts) {
  if (!facts.backup_directory.empty()) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(
                        "this server has no directory for backups: start it with --backups DIR"),
                    "BACKUPS_NOT_CONFIGURED");
}

void WriteBackup(const BackupInfo& backup, v1::Backup* proto) {
  proto->set_backup_id(backup.backup_id);
  WriteTimestamp(backup.created_at, proto->mutable_create_time());
  proto->set_size_bytes(backup.bytes);
  proto->set_file_count(backup.file_count);
  proto->set_group(backup.group);
}

bool IsTokenName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxTokenNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// An instant that lies ahead.
absl::Time ReadExpiry(const google::protobuf::Timestamp& timestamp, FieldViolations* violations) {
  const std::optional<absl::Time> expire_time = ReadTimestamp("expire_time", timestamp, violations);
  if (expire_time.has_value() && *expire_time <= absl::Now()) {
    violations->Add("expire_time", "must lie in the future");
  }
  return expire_time.value_or(absl::InfiniteFuture());
}

absl::StatusOr<Credential> ReadToken(const v1::CreateServiceTokenRequest& request) {
  FieldViolations violations;
  if (!IsTokenName(request.name())) violations.Add("name", "must be 1-64 of [A-Za-z0-9._-]");
  // The journal would not tell them from the server's own.
  if (request.name() == "operator" || request.name() == "insecure") {
    violations.Add("name", "is reserved: choose another than operator and insecure");
  }
  if (!v1::ServiceRole_IsValid(request.role()) || request.role() == v1::SERVICE_ROLE_UNSPECIFIED) {
    violations.Add("role", "is required");
  }
  if (request.organization_ids().empty() != request.all_organizations()) {
    violations.Add("organization_ids",
                   "either these or all_organizations is required, and not both");
  }
  if (request.organization_ids_size() > kMaxTokenOrganizations) {
    violations.Add("organization_ids", "must be at most 1000");
  }
  if (request.role() == v1::SERVICE_ROLE_OPERATOR && !request.all_organizations()) {
    violations.Add("all_organizations", "must be true for the role operator");
  }
  Credential credential;
  for (int i = 0; i < std::min(request.organization_ids_size(), kMaxTokenOrganizations); ++i) {
    CheckRequiredId(absl::StrCat("organization_ids[", i, "]"), request.organization_ids(i),
                    &violations);
    credential.organization_ids.push_back(request.organization_ids(i));
  }
  if (request.has_expire_time()) {
    credential.expire_time = ReadExpiry(request.expire_time(), &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  credential.name = request.name();
  credential.role = FromProtoEnum<ServiceRole>(request.role());
  credential.all_organizations = request.all_organizations();
  return credential;
}

void WriteToken(const Credential& credential, v1::ServiceToken* token) {
  token->set_token_id(credential.token_id);
  token->set_name(credential.name);
  token->set_role(ToProtoEnum<v1::ServiceRole>(credential.role));
  for (const std::string& id : credential.organization_ids) token->add_organization_ids(id);
  token->set_all_organizations(credential.all_organizations);
  WriteTimestamp(credential.create_time, token->mutable_create_time());
  if (credential.expire_time != absl::InfiniteFuture()) {
    WriteTimestamp(credential.expire_time, token->mutable_expire_time());
  }
}

}  // namespace

OperatorService::OperatorService(Engine* engine, Credentials* credentials, ServerFacts facts)
    : engine_(engine), credentials_(credentials), facts_(std::move(facts)) {
  if (facts_.backup_directory.empty()) return;
  const auto backups = engine_->store().ListBackups(facts_.backup_directory);
  if (!backups.ok() || backups->empty()) return;
  last_backup_seconds_ = absl::ToUnixSeconds(backups->back().created_at);
}

void OperatorService::AddTo(PlainRpcs* rpcs) {
  rpcs->Add("/bursar.v1.OperatorService/PublishPriceBook", this,
            &OperatorService::PublishPriceBook);
  rpcs->Add("/bursar.v1.OperatorService/GetPriceBook", this, &OperatorService::GetPriceBook);
  rpcs->Add("/bursar.v1.OperatorService/PublishPlanCatalog", this,
            &OperatorService::PublishPlanCatalog);
  rpcs->Add("/bursar.v1.OperatorService/GetPlanCatalog", this, &OperatorService::GetPlanCatalog);
  rpcs->Add("/bursar.v1.OperatorService/CreateServiceToken", this,
            &OperatorService::CreateServiceToken);
  rpcs->Add("/bursar.v1.OperatorService/ListServiceTokens", this,
            &OperatorService::ListServiceTokens);
  rpcs->Add("/bursar.v1.OperatorService/RevokeServiceToken", this,
            &OperatorService::RevokeServiceToken);
  rpcs->Add("/bursar.v1.OperatorService/VerifyLedger", this, &OperatorService::VerifyLedger);
  rpcs->Add("/bursar.v1.OperatorService/CreateBackup", this, &OperatorService::CreateBackup);
  rpcs->Add("/bursar.v1.OperatorService/ListBackups", this, &OperatorService::ListBackups);
  rpcs->Add("/bursar.v1.OperatorService/GetServerInfo", this, &OperatorService::GetServerInfo);
}

std::optional<int64_t> OperatorService::last_backup_seconds() const {
  if (facts_.backup_directory.empty()) return std::nullopt;
  return last_backup_seconds_.load();
}

absl::Status OperatorService::PublishPriceBook(const v1::PublishPriceBookRequest& request,
                                               v1::PublishPriceBookResponse* response) {
  if (!request.has_book()) return InvalidField("book", "is required");
  const auto published =
      engine_->catalogs().PublishPriceBook(request.book(), engine_->Now(), request.validate_only());
  if (!published.ok()) return published.status();
  response->set_version(request.book().version());
  WriteTimestamp(*published, response->mutable_publish_time());
  return absl::OkStatus();
}

absl::Status OperatorService::GetPriceBook(const v1::GetPriceBookRequest& request,
                                           v1::GetPriceBookResponse* response) {
  auto published = engine_->catalogs().PriceBookDocument(request.version());
  if (!published.ok()) return published.status();
  response->mutable_book()->Swap(&published->document);
  WriteTimestamp(published->published_at, response->mutable_publish_time());
  return absl::OkStatus();
}

absl::Status OperatorService::PublishPlanCatalog(const v1::PublishPlanCatalogRequest& request,
                                                 v1::PublishPlanCatalogResponse* response) {
  if (!request.has_catalog()) return InvalidField("catalog", "is required");
  const auto published = engine_->catalogs().PublishPlanCatalog(request.catalog(), engine_->Now(),
                                                                request.validate_only());
  if (!published.ok()) return published.status();
  response->set_version(request.catalog().version());
  WriteTimestamp(*published, response->mutable_publish_time());
  return absl::OkStatus();
}

absl::Status OperatorService::GetPlanCatalog(const v1::GetPlanCatalogRequest& /*request*/,
                                             v1::GetPlanCatalogResponse* response) {
  auto published = engine_->catalogs().PlanCatalogDocument();
  response->mutable_catalog()->Swap(&published.document);
  WriteTimestamp(published.published_at, response->mutable_publish_time());
  return absl::OkStatus();
}

absl::Status OperatorService::CreateServiceToken(const v1::CreateServiceTokenRequest& request,
                                                 v1::CreateServiceTokenResponse* response) {
  auto credential = ReadToken(request);
  if (!credential.ok()) return credential.status();
  const auto created = credentials_->CreateToken(*std::move(credential));
  if (!created.ok()) return created.status();
  WriteToken(*created->credential, response->mutable_token());
  response->set_secret(created->secret);
  return absl::OkStatus();
}

absl::Status OperatorService::ListServiceTokens(const v1::ListServiceTokensRequest& request,
                                                v1::ListServiceTokensResponse* response) {
  FieldViolations violations;
  const size_t size =
      ReadPageSize("page_size", request.page_size(), kDefaultPage, kLargestPage, &violations);
  const std::string after =
      ReadPageToken("page_token", "ListServiceTokens", request.page_token(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  for (const auto& credential : credentials_->ListTokens()) {
    if (credential->token_id <= after) continue;
    if (static_cast<size_t>(response->tokens_size()) == size) {
      const std::string& last = response->tokens(response->tokens_size() - 1).token_id();
      response->set_next_page_token(MakePageToken("ListServiceTokens", last));
      break;
    }
    WriteToken(*credential, response->add_tokens());
  }
  return absl::OkStatus();
}

absl::Status OperatorService::RevokeServiceToken(const v1::RevokeServiceTokenRequest& request,
                                                 v1::RevokeServiceTokenResponse* /*response*/) {
  FieldViolations violations;
  CheckRequiredId("token_id", request.token_id(), &violations);
  absl::Time expire_time = absl::InfinitePast();
  if (request.has_expire_time()) {
    expire_time = ReadExpiry(request.expire_time(), &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return request.has_expire_time() ? credentials_->ExpireToken(request.token_id(), expire_time)
                                   : credentials_->RevokeToken(request.token_id());
}

absl::Status OperatorService::VerifyLedger(const v1::VerifyLedgerRequest& request,
                                           v1::VerifyLedgerResponse* response) {
  FieldViolations violations;
  CheckOptionalId("organization_id", request.organization_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto report =
      bursar::VerifyLedger(engine_->store(), request.organization_id(), engine_->Now());
  if (!report.ok()) return report.status();
  response->set_organization_count(report->organization_count);
  response->set_entry_count(report->entry_count);
  response->set_charge_count(report->charge_count);
  response->set_violation_count(report->violation_count);
  for (const VerifyReport::Item& item : report->violations) {
    v1::LedgerViolation* violation = response->add_violations();
    violation->set_organization_id(item.organization_id);
    violation->set_rule(item.rule);
    violation->set_message(item.message);
    violation->set_sequence(item.sequence);
  }
  return absl::OkStatus();
}

absl::Status OperatorService::CreateBackup(const v1::CreateBackupRequest& request,
                                           v1::CreateBackupResponse* response) {
  FieldViolations violations;
  if (request.keep() < 0) violations.Add("keep", "must be zero (all) or more");
  if (absl::Status s = violations.ToStatus(); !s.ok()) return s;
  if (absl::Status s = RequireBackups(facts_); !s.ok()) return s;
  const absl::StatusOr<BackupInfo> made =
      engine_->store().BackUp(facts_.backup_directory, static_cast<uint32_t>(request.keep()));
  if (!made.ok()) return made.status();
  last_backup_seconds_ = absl::ToUnixSeconds(made->created_at);
  WriteBackup(*made, response->mutable_backup());
  response->set_directory(facts_.backup_directory);
  return absl::OkStatus();
}

absl::Status OperatorService::ListBackups(const v1::ListBackupsRequest& /*request*/,
                                          v1::ListBackupsResponse* response) {
  if (absl::Status s = RequireBackups(facts_); !s.ok()) return s;
  response->set_directory(facts_.backup_directory);
  const auto backups = engine_->store().ListBackups(facts_.backup_directory);
  if (!backups.ok()) return backups.status();
  for (const BackupInfo& one : *backups) WriteBackup(one, response->add_backups());
  return absl::OkStatus();
}

absl::Status OperatorService::GetServerInfo(const v1::GetServerInfoRequest& /*request*/,
                                            v1::GetServerInfoResponse* response) {
  const auto book = engine_->catalogs().PriceBookDocument("");
  if (!book.ok()) return book.status();
  response->set_version(facts_.version);
  response->set_store(facts_.store);
  WriteTimestamp(facts_.start_time, response->mutable_start_time());
  response->set_store_report(facts_.store_report);
  response->set_price_book_version(book->document.version());
  response->set_plan_catalog_version(engine_->catalogs().PlanCatalogDocument().document.version());
  response->set_zone_data_version(engine_->zones().version());
  response->set_epoch(engine_->epoch());
  return absl::OkStatus();
}

}  // namespace bursar
