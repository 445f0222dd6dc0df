// docs/roles.md is the server's own table of who may call what, in words.
//
// Where it differs the test prints what the file should hold; BURSAR_WRITE_DOCS=1 writes it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/actor_policy.h"
#include "server/service/authorization.h"

namespace bursar {
namespace {

constexpr char kHead[] =
    "# Who may call what\n\n"
    "Made from the table by which the server decides (`server/service/authorization.cc`,\n"
    "`actor_policy.cc`); a test compares them. ✓: a credential of that role may call it, for its\n"
    "organizations. Of the role `admin` the person's role in the organization decides besides: "
    "the\n"
    "last column says whose. Health is served to everybody, everything else to nobody without a\n"
    "credential ([credentials.md](credentials.md)).\n\n"
    "| RPC | frontend | admin | payments | viewer | operator | persons that an admin token acts "
    "for "
    "|\n|---|:-:|:-:|:-:|:-:|:-:|---|\n";

std::string PersonsOf(ActorNeed need) {
  const std::pair<MemberRole, const char*> kRoles[] = {{MemberRole::kPrimaryOwner, "primary owner"},
                                                       {MemberRole::kOwner, "owner"},
                                                       {MemberRole::kAdmin, "admin"},
                                                       {MemberRole::kBilling, "billing"},
                                                       {MemberRole::kMember, "member"}};
  std::string persons;
  for (const auto& [role, name] : kRoles) {
    const bool may = RoleMay(role, need, /*is_own=*/false);
    if (!may && !RoleMay(role, need, /*is_own=*/true)) continue;
    absl::StrAppend(&persons, persons.empty() ? "" : ", ", name, may ? "" : " (of itself)");
  }
  return persons;
}

std::string RowOf(const RpcRule& rule) {
  std::string name(rule.path);
  name = name.substr(name.rfind('.', name.find('/', 1)) + 1);
  std::string row = absl::StrCat("| `", name, "` |");
  bool admin_may = false;
  for (const ServiceRole role :
       {ServiceRole::kFrontend, ServiceRole::kAdmin, ServiceRole::kPayments, ServiceRole::kViewer,
        ServiceRole::kOperator}) {
    Credential credential;
    credential.role = role;
    const bool may = rule.is_open || AuthorizeRpc(rule, credential).ok();
    if (role == ServiceRole::kAdmin) admin_may = may && !rule.is_open;
    absl::StrAppend(&row, may ? " ✓ |" : " |");
  }
  const bool asks = admin_may && rule.actor != ActorNeed::kNothing;
  return absl::StrCat(row, asks ? absl::StrCat(" ", PersonsOf(rule.actor)) : "", " |\n");
}

// Rules: A2, A3
TEST(RoleTable, IsDocumentedAsItIs) {
  std::string expected = kHead;
  for (const RpcRule& rule : AuthorizationTable()) expected += RowOf(rule);
  if (std::getenv("BURSAR_WRITE_DOCS") != nullptr) std::ofstream(BURSAR_ROLES_FILE) << expected;
  std::ifstream file(BURSAR_ROLES_FILE);
  const std::string documented{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace bursar
