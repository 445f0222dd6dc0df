#include "server/app/token_records.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bursar/storage/v1/token.pb.h"

namespace bursar {
namespace {

constexpr char kKeyPrefix[] = "token/";

bool IsKnownRole(int role) {
  return role >= static_cast<int>(ServiceRole::kFrontend) &&
         role <= static_cast<int>(ServiceRole::kViewer);
}

}  // namespace

absl::StatusOr<std::vector<StoredToken>> TokenRecords::List() const {
  const auto rows = store_->ScanSystem(kKeyPrefix);
  if (!rows.ok()) return rows.status();
  std::vector<StoredToken> tokens;
  for (const SystemRow& row : *rows) {
    storage::v1::ServiceTokenRecord record;
    if (!record.ParseFromString(row.value) || record.token_sha256().size() != sizeof(TokenHash) ||
        !IsKnownRole(record.role())) {
      return absl::DataLossError(absl::StrCat("the record ", row.key, " cannot be read"));
    }
    StoredToken& token = tokens.emplace_back();
    std::copy(record.token_sha256().begin(), record.token_sha256().end(), token.hash.begin());
    token.credential.token_id = record.token_id();
    token.credential.name = record.name();
    token.credential.role = static_cast<ServiceRole>(record.role());
    token.credential.all_organizations = record.all_organizations();
    token.credential.organization_ids.assign(record.organization_ids().begin(),
                                             record.organization_ids().end());
    token.credential.create_time = absl::FromUnixNanos(record.create_unix_nanos());
    if (record.expire_unix_nanos() != 0) {
      token.credential.expire_time = absl::FromUnixNanos(record.expire_unix_nanos());
    }
  }
  return tokens;
}

absl::Status TokenRecords::Put(const StoredToken& token) {
  storage::v1::ServiceTokenRecord record;
  record.set_token_id(token.credential.token_id);
  record.set_token_sha256(token.hash.data(), token.hash.size());
  record.set_name(token.credential.name);
  record.set_role(static_cast<int>(token.credential.role));
  for (const std::string& id : token.credential.organization_ids) record.add_organization_ids(id);
  record.set_all_organizations(token.credential.all_organizations);
  record.set_create_unix_nanos(absl::ToUnixNanos(token.credential.create_time));
  if (token.credential.expire_time != absl::InfiniteFuture()) {
    record.set_expire_unix_nanos(absl::ToUnixNanos(token.credential.expire_time));
  }
  return store_->PutSystem(
      {{absl::StrCat(kKeyPrefix, token.credential.token_id), record.SerializeAsString()}});
}

absl::Status TokenRecords::Delete(const std::string& token_id) {
  return store_->PutSystem({{absl::StrCat(kKeyPrefix, token_id), std::nullopt}});
}

}  // namespace bursar
