// Which service role may call which RPC, as one table, and for which organizations.
//
// Every RPC that the server registers has a row here; a test compares the table with the protos.
// An RPC without a row is refused to everyone.
//
// Thread rule: pure functions over a constant table.
//
// Source: rules A1 and A2 (docs/rules.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace bursar {

// What a calling service may do. PERSISTED in token records and equal to
// bursar.v1.ServiceRole: never renumber.
enum class ServiceRole : uint8_t {
  kFrontend = 1,  // Admission, recording, a member's own view.
  kAdmin = 2,     // Acts for a named actor whose role in the organization decides.
  kPayments = 3,  // Adds credit.
  kOperator = 4,  // Everything, across organizations.
  kViewer = 5,    // Reads.
};

// "frontend", "admin" …; for messages and logs.
std::string_view ServiceRoleName(ServiceRole role);
// The role of such a word, or nothing.
std::optional<ServiceRole> ParseServiceRole(std::string_view word);

// A caller that has shown a credential. Immutable once shared.
struct Credential {
  std::string token_id;  // "tok_…"; empty for the operator token and in insecure mode.
  std::string name;      // Goes into the journal as `caller`.
  ServiceRole role = ServiceRole::kViewer;
  bool all_organizations = false;
  std::vector<std::string> organization_ids;  // Sorted; used unless all_organizations.
  absl::Time create_time;
  absl::Time expire_time = absl::InfiniteFuture();  // From then on it is nobody's.
  bool is_insecure = false;  // Everybody's, on a server that asks for no credentials.

  // Whether the credential is for that organization.
  bool Covers(std::string_view organization_id) const;
};

// What an RPC asks of the person whom a caller of service role `admin` acts for: a member of the
// organization, whose role there decides (RoleMay in actor_policy.h).
enum class ActorNeed : uint8_t {
  kNothing,         // Such callers may not call it, or it is of no organization.
  kChangeSettings,  // Money settings, seats, roles: primary owner and owner.
  kSetLimits,       // Also admin, for limits of members within the organization's own.
  kReviewRequests,  // Also admin.
  kSeeSpend,        // Also admin and billing.
  kBuyCredit,       // Primary owner, owner and billing.
  kSeeMember,       // Who may see spend, and every member its own.
};

// Who may call.
struct RpcRule {
  const char* path;   // "/bursar.v1.QuotaService/CheckAdmission".
  uint8_t roles = 0;  // Bits of RoleBit.
  ActorNeed actor = ActorNeed::kNothing;
  bool is_open = false;  // Served without any credential: health, nothing else.
};

constexpr uint8_t RoleBit(ServiceRole role) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(role));
}

// The whole table, for tests.
std::span<const RpcRule> AuthorizationTable();

// The row of an RPC, or nullptr. The pointer is good for ever. Look it up once, not per request.
const RpcRule* FindRpcRule(std::string_view path);

// OK when the credential's role may call the RPC, otherwise PERMISSION_DENIED.
absl::Status AuthorizeRpc(const RpcRule& rule, const Credential& credential);

// OK when the credential is for that organization, otherwise PERMISSION_DENIED, whether or not the
// organization exists.
absl::Status AuthorizeOrganization(const Credential& credential, std::string_view organization_id);

}  // namespace bursar
