#include "server/service/credential_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/service/validation.h"

namespace bursar {
namespace {

using Json = nlohmann::json;

void ReadOrganizations(const Json& object, const std::string& name, const std::string& field,
                       Credential& credential, FieldViolations& violations) {
  const auto list = object.find(name);
  if (list == object.end() || !list->is_array() || list->empty()) {
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

}  // namespace

std::optional<std::string> TextOf(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

void ReadPowers(const Json& object, const PowerNames& names, const std::string& prefix,
                Credential& credential, FieldViolations& violations) {
  const std::optional<ServiceRole> role = ParseServiceRole(TextOf(object, names.role).value_or(""));
  if (role.has_value()) {
    credential.role = *role;
  } else {
    violations.Add(prefix + names.role, "must be frontend, admin, payments, operator or viewer");
  }
  const std::string organizations = prefix + names.organizations;
  ReadOrganizations(object, names.organizations, organizations, credential, violations);
  if (credential.role == ServiceRole::kOperator && !credential.all_organizations) {
    violations.Add(organizations, "must be [\"*\"] for the role operator");
  }
}

}  // namespace bursar
