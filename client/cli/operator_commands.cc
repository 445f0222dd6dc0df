// bursar tokens …, bursar verify, bursar health, bursar info
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/server_program.h"
#include "client/cli/table.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace bursar::cli {
namespace {

using Operator = v1::OperatorService::Stub;
using Health = grpc::health::v1::Health::Stub;

struct TokenOptions {
  std::string name;
  std::string role;
  std::vector<std::string> organizations;
  bool all_organizations = false;
  std::string expires;
};

struct TokenIdOptions {
  std::string id;
  std::string at;
};

struct VerifyOptions {
  std::string organization;
  std::string data;
};

struct HealthOptions {
  std::string service;
};

struct NoOptions {};

std::string OrganizationsInWords(const v1::ServiceToken& token) {
  if (token.all_organizations()) return "all";
  return absl::StrJoin(token.organization_ids(), ", ");
}

absl::StatusOr<ExitStatus> RunCreateToken(Session& session, const TokenOptions& options) {
  v1::CreateServiceTokenRequest request;
  request.set_name(options.name);
  const auto role = ParseWord<v1::ServiceRole>(options.role, "--role");
  if (!role.ok()) return role.status();
  request.set_role(*role);
  for (const std::string& id : options.organizations) request.add_organization_ids(id);
  request.set_all_organizations(options.all_organizations);
  if (options.organizations.empty() != options.all_organizations) {
    return UsageError("Say for which organizations: --org A,B or --all-organizations.");
  }
  if (!options.expires.empty()) {
    const absl::StatusOr<absl::Time> expires = ParseInstant(options.expires, "--expires");
    if (!expires.ok()) return expires.status();
    *request.mutable_expire_time() = ToProto(*expires);
  }
  const auto reply = session.Call(&Operator::CreateServiceToken, request, RetrySafety::kNever);
  return Show(session, reply, [&](const v1::CreateServiceTokenResponse& created) {
    session.err() << "Token " << created.token().token_id() << " (" << Word(created.token().role())
                  << ", organizations: " << OrganizationsInWords(created.token())
                  << "). Its secret is shown this once and kept nowhere:\n";
    session.out() << created.secret() << "\n";
  });
}

absl::StatusOr<ExitStatus> RunListTokens(Session& session, const Paging& paging) {
  const auto reply =
      CallPaged(session, &Operator::ListServiceTokens, v1::ListServiceTokensRequest(), paging);
  return Show(session, reply, [&](const v1::ListServiceTokensResponse& list) {
    Table table({{"TOKEN"}, {"NAME"}, {"ROLE"}, {"ORGANIZATIONS"}, {"CREATED"}, {"EXPIRES"}});
    for (const v1::ServiceToken& token : list.tokens()) {
      table.Add({token.token_id(), token.name(), Word(token.role()), OrganizationsInWords(token),
                 FormatTimeField(token, "create_time"), FormatTimeField(token, "expire_time")});
    }
    session.out() << (table.empty() ? "No service tokens.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

absl::StatusOr<ExitStatus> RunRevokeToken(Session& session, const TokenIdOptions& options) {
  v1::RevokeServiceTokenRequest request;
  request.set_token_id(options.id);
  if (!options.at.empty()) {
    const absl::StatusOr<absl::Time> at = ParseInstant(options.at, "--at");
    if (!at.ok()) return at.status();
    *request.mutable_expire_time() = ToProto(*at);
  }
  const auto reply = session.Call(&Operator::RevokeServiceToken, request, RetrySafety::kNever);
  return Show(session, reply, [&](const auto&) {
    session.out() << "Token " << options.id << " is revoked"
                  << (options.at.empty() ? ""
                                         : " from " + options.at + " on, if it does not end before")
                  << ".\n";
  });
}

// Verifies a store that no server has open, by the server program's own verification.
absl::StatusOr<ExitStatus> VerifyOffline(Session& session, const VerifyOptions& options) {
  if (!options.organization.empty()) {
    return UsageError("--data verifies every organization of the directory.");
  }
  return RunServerProgram(session, "bursard", {"--verify-ledger", options.data});
}

void PrintVerification(const v1::VerifyLedgerResponse& reply, std::ostream& out) {
  out << FormatCount(reply.organization_count())
      << (reply.organization_count() == 1 ? " organization, " : " organizations, ")
      << FormatCount(reply.entry_count()) << " journal entries, "
      << FormatCount(reply.charge_count()) << " of them charges: ";
  if (reply.violation_count() == 0) {
    out << "every rule holds.\n";
    return;
  }
  out << FormatCount(reply.violation_count()) << " VIOLATIONS\n\n";
  Table table({{"RULE"}, {"ORGANIZATION"}, {"ENTRY", Align::kRight}, {"WHAT"}});
  for (const v1::LedgerViolation& violation : reply.violations()) {
    table.Add({violation.rule(), violation.organization_id(),
               violation.sequence() == 0 ? "-" : absl::StrCat(violation.sequence()),
               violation.message()});
  }
  out << table.Text();
}

absl::StatusOr<ExitStatus> RunVerify(Session& session, const VerifyOptions& options) {
  if (!options.data.empty()) return VerifyOffline(session, options);
  session.set_default_deadline(absl::Hours(1));
  v1::VerifyLedgerRequest request;
  request.set_organization_id(options.organization);
  const auto reply = session.Call(&Operator::VerifyLedger, request);
  const auto shown = Show(session, reply, [&](const auto& verification) {
    PrintVerification(verification, session.out());
  });
  if (!shown.ok()) return shown;
  return reply->violation_count() == 0 ? ExitStatus::kDone : ExitStatus::kFailed;
}

absl::StatusOr<ExitStatus> RunHealth(Session& session, const HealthOptions& options) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(options.service);
  // One try: whoever asks wants to know how it is now.
  const auto reply = session.Call(&Health::Check, request, RetrySafety::kNever);
  const auto shown = Show(session, reply, [&](const auto& health) {
    session.out() << grpc::health::v1::HealthCheckResponse::ServingStatus_Name(health.status())
                  << "\n";
  });
  if (!shown.ok()) return shown;
  return reply->status() == grpc::health::v1::HealthCheckResponse::SERVING ? ExitStatus::kDone
                                                                           : ExitStatus::kFailed;
}

absl::StatusOr<ExitStatus> RunInfo(Session& session, const NoOptions&) {
  const auto reply = session.Call(&Operator::GetServerInfo, v1::GetServerInfoRequest());
  return Show(session, reply, [&](const v1::GetServerInfoResponse& info) {
    Table table({{""}, {""}});
    table.Add({"version", info.version()});
    table.Add({"running since", FormatTimeField(info, "start_time")});
    table.Add({"store", info.store()});
    table.Add({"store at start", info.store_report()});
    table.Add({"price book", info.price_book_version()});
    table.Add({"plan catalog", info.plan_catalog_version()});
    table.Add({"zone data", info.zone_data_version()});
    table.Add({"epoch", info.epoch()});
    session.out() << table.Text();
  });
}

void AddTokens(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "tokens", "Service tokens: create, list, revoke");
  const auto create = AddCommand(*group, "create", "Create a token; prints its secret once", action,
                                 &RunCreateToken);
  create.app->add_option("name", create.options->name, "Who calls with it")
      ->required()
      ->type_name("NAME");
  create.app
      ->add_option("--role", create.options->role, "frontend, admin, payments, operator or viewer")
      ->required();
  create.app->add_option("--org", create.options->organizations, "Its organizations: a,b,c")
      ->delimiter(',');
  create.app->add_flag("--all-organizations", create.options->all_organizations,
                       "For all organizations");
  create.app->add_option("--expires", create.options->expires,
                         "From when it is refused, such as 2027-01-31T10:00:00Z; default never");
  const auto list =
      AddCommand(*group, "list", "List tokens, without secrets", action, &RunListTokens);
  AddPagingOptions(list.app, list.options.get());
  const auto revoke =
      AddCommand(*group, "revoke", "Revoke a token at once", action, &RunRevokeToken);
  revoke.app->add_option("id", revoke.options->id, "The token, tok_…")
      ->required()
      ->type_name("TOKEN");
  revoke.app->add_option("--at", revoke.options->at,
                         "From that instant on, so that callers have another one before; default "
                         "at once");
}

}  // namespace

void AddOperatorCommands(CLI::App& root, Action* action) {
  AddTokens(root, action);
  const auto verify = AddCommand(
      root, "verify", "Check every journal, its chain and what it adds up to", action, &RunVerify);
  verify.app->add_option("organization", verify.options->organization, "Only this organization")
      ->type_name("ORG");
  verify.app
      ->add_option("--data", verify.options->data,
                   "Verify a data directory offline, with bursard stopped")
      ->type_name("DIR");
  const auto health = AddCommand(root, "health", "Whether the server serves", action, &RunHealth);
  health.app->add_option("--service", health.options->service, "One service of it");
  AddCommand(root, "info", "What runs: versions, store, uptime", action, &RunInfo);
}

}  // namespace bursar::cli
