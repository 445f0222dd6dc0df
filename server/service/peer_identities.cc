#include "server/service/peer_identities.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/service/credential_json.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxIdentities = 10'000;
constexpr size_t kMaxNameBytes = 1024;

Credential ReadRow(const Json& row, const std::string& path, FieldViolations& violations) {
  Credential credential;
  const std::string name = TextOf(row, "name").value_or("");
  if (!IsValidId(name)) violations.Add(path + ".name", "must be 1-128 of [A-Za-z0-9._:@-]");
  credential.name = absl::StrCat("cert:", name);
  ReadPowers(row, {}, path + ".", credential, violations);
  for (const auto& [key, value] : row.items()) {
    const bool is_known = key == "name" || key == "san" || key == "role" || key == "organizations";
    if (!is_known) violations.Add(path + "." + key, "is unknown: name, san, role, organizations");
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
    const std::string name = TextOf(row, "san").value_or("");
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
