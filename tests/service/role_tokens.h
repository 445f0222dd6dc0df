// Tokens of every service role, for tests.
//
// Thread rule: pure functions.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "server/service/credentials.h"

namespace bursar {

inline constexpr std::array kServiceRoles = {ServiceRole::kFrontend, ServiceRole::kAdmin,
                                             ServiceRole::kPayments, ServiceRole::kOperator,
                                             ServiceRole::kViewer};

// The secret of a role's token.
inline std::string TokenOf(ServiceRole role) {
  return "token-of-" + std::string(ServiceRoleName(role)) + "-0123456789";
}

// The token as it is kept: for these organizations, the operator's for all.
inline StoredToken StoredTokenOf(ServiceRole role, std::vector<std::string> organization_ids) {
  StoredToken token;
  token.hash = HashToken(TokenOf(role));
  token.credential.token_id = "tok_" + std::string(ServiceRoleName(role));
  token.credential.name = ServiceRoleName(role);
  token.credential.role = role;
  token.credential.all_organizations = role == ServiceRole::kOperator;
  token.credential.organization_ids = std::move(organization_ids);
  return token;
}

}  // namespace bursar
