#include "server/service/peer_identities.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxIdentities = 10'000;
constexpr size_t kMaxNameBytes = 1024;

std::string Text(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->get<std::string>() : "";
}

void ReadOrganizations(const Json& row, const std::string& field, Credential& credential,
                       FieldViolations& violations) {
  const auto list = row.find("organizations");
  if (list == row.end() || !list->is_array() || list->empty()) {
    violations.Add(field, "is required: a list of ids, or [\"*\"] for all");
    return;
  }
  for (const Json& one : *list) {
    const std::string id = one.is_string() ? one.get<std::string>() : "";
    if (id == "*" && list->size() == 1) {
      credential.all_organizations = true;
    } else if (IsValidId(id)) {
      credential.organization_ids.push_back(id);
    } else {
      violations.Add(field, "must hold ids, or \"*\" alone");
    }
  }
  std::sort(credential.organization_ids.begin(), credential.organization_ids.end());
}

Credential ReadRow(const Json& row, const std::string& path, FieldViolations& violations) {
  Credential credential;
  const std::string name = Text(row, "name");
  if (!IsValidId(name)) violations.Add(path + ".name", "must be 1-128 of [A-Za-z0-9._:@-]");
  credential.name = absl::StrCat("cert:", name);
  const std::optional<ServiceRole> role = ParseServiceRole(Text(row, "role"));
  if (role.has_value()) {
    credential.role = *role;
  } else {
    violations.Add(path + ".role", "must be frontend, admin, payments, operator or viewer");
  }
  ReadOrganizations(row, path + ".organizations", credential, violations);
  if (credential.role == ServiceRole::kOperator && !credential.all_organizations) {
    violations.Add(path + ".organizations", "must be [\"*\"] for the role operator");
  }
  return credential;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PeerIdentities>> PeerIdentities::Parse(
    const std::string& text) {
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool is_table = document.is_object() && document.contains("identities") &&
                        document["identities"].is_array() &&
                        document["identities"].size() <= kMaxIdentities;
  if (!is_table) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it must be an object with a list \"identities\" of at most ", kMaxIdentities));
  }
  auto table = std::make_shared<PeerIdentities>();
  FieldViolations violations;
  size_t index = 0;
  for (const Json& row : document["identities"]) {
    const std::string path = absl::StrCat("identities[", index++, "]");
    if (!row.is_object()) {
      violations.Add(path, "must be an object");
      continue;
    }
    const std::string name = Text(row, "san");
    if (name.empty() || name.size() > kMaxNameBytes) {
      violations.Add(path + ".san", "is required: a subject alternative name, exactly");
    }
    auto credential = std::make_shared<const Credential>(ReadRow(row, path, violations));
    if (!table->by_name_.try_emplace(name, std::move(credential)).second) {
      violations.Add(path + ".san", "is in the table already");
    }
  }
  if (absl::Status s = violations.ToStatus(); !s.ok()) return s;
  return std::shared_ptr<const PeerIdentities>(std::move(table));
}

std::shared_ptr<const Credential> PeerIdentities::Find(
    const std::vector<std::string>& names) const {
  std::shared_ptr<const Credential> credential;
  for (const std::string& name : names) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) continue;
    if (credential != nullptr && credential != found->second) return nullptr;
    credential = found->second;
  }
  return credential;
}

}  // namespace bursar
