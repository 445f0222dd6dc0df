// What a JSON object says a caller may do: its service role, and for which organizations. A table
// of certificates and the claims of a token say it alike.
//
// Thread rule: pure functions.
//
// Source: rules A1 and A2 (docs/rules.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "server/base/status.h"
#include "server/service/authorization.h"

namespace bursar {

// The text that an object has under a name; nothing where it is missing or no text.
std::optional<std::string> TextOf(const nlohmann::json& object, const std::string& name);

// The names under which the powers stand.
struct PowerNames {
  std::string role = "role";                    // One of the words of ParseServiceRole.
  std::string organizations = "organizations";  // A list of ids, or ["*"] for all.
};

// Fills in the role and the organizations. What is missing or malformed is noted under its name
// with `prefix` before it: no role, no organizations, an id that is none, "*" beside ids, or an
// operator of some organizations only.
void ReadPowers(const nlohmann::json& object, const PowerNames& names, const std::string& prefix,
                Credential& credential, FieldViolations& violations);

}  // namespace bursar
