// bursar org …
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

// Settings that both creation and change take. Empty text means: not given.
struct OrganizationOptions {
  std::string id;
  std::string plan;
  std::string anchor;
  std::string time_zone;
  std::string currency;
  std::string display_name;
  std::string settings_url;
  std::string included_scope;
  std::string auto_provision;
  std::string max_seats;
  std::string hold_expiry_policy;
  std::string default_hold_ttl;
  std::string max_hold;
  std::string crossing_policy;
  std::string request_cool_down;
  std::string status;
  std::string etag;
  std::string request_id;
};

struct IdOptions {
  std::string id;
};

void AddSettings(CLI::App* app, OrganizationOptions* options) {
  app->add_option("id", options->id, "The organization")->required()->type_name("ORG");
  app->add_option("--anchor", options->anchor,
                  "When the subscription began; included windows are counted from it")
      ->type_name("INSTANT");
  app->add_option("--time-zone", options->time_zone, "IANA time zone, for example Europe/Berlin")
      ->type_name("ZONE");
  app->add_option("--name", options->display_name, "Name for people");
  app->add_option("--settings-url", options->settings_url,
                  "https address of the wallet's settings, shown with every denial");
  app->add_option("--included-scope", options->included_scope,
                  "Whether included usage is per seat or one pool: seat, organization");
  app->add_option("--auto-provision", options->auto_provision,
                  "Whether unknown members are created by their first record")
      ->check(CLI::IsMember({"on", "off"}));
  app->add_option("--max-seats", options->max_seats, "Most seats provisioned so; 0 is no maximum")
      ->transform(WholeNumber());
  app->add_option("--hold-expiry-policy", options->hold_expiry_policy,
                  "What becomes of holds that nobody settles in time: release, capture");
  app->add_option("--default-hold-ttl", options->default_hold_ttl,
                  "How long holds live where the check does not say, for example 10m");
  app->add_option("--max-hold", options->max_hold, "The largest single hold, for example 100.00");
  app->add_option("--crossing-policy", options->crossing_policy,
                  "Whether members go on into extra usage by themselves: auto, confirm");
  app->add_option("--request-cool-down", options->request_cool_down,
                  "How long a member waits after a denied request, 0 to 8760h")
      ->type_name("DURATION");
  app->add_option("--request-id", options->request_id, "Names this call for retries");
}

// The settings about holds and the crossing into extra usage; `given` as in FillSettings.
template <class Given>
absl::Status FillHoldPolicy(const OrganizationOptions& options, const Given& given,
                            v1::Organization* organization) {
  if (given(options.hold_expiry_policy, "hold_expiry_policy")) {
    const auto policy =
        ParseWord<v1::HoldExpiryPolicy>(options.hold_expiry_policy, "--hold-expiry-policy");
    if (!policy.ok()) return policy.status();
    organization->set_hold_expiry_policy(*policy);
  }
  if (given(options.default_hold_ttl, "default_hold_ttl")) {
    const absl::StatusOr<absl::Duration> ttl =
        ParseSpan(options.default_hold_ttl, "--default-hold-ttl");
    if (!ttl.ok()) return ttl.status();
    *organization->mutable_default_hold_ttl() = ToProto(*ttl);
  }
  if (given(options.max_hold, "max_hold")) {
    const absl::StatusOr<v1::Money> max_hold = ParseAmount(options.max_hold, "--max-hold");
    if (!max_hold.ok()) return max_hold.status();
    *organization->mutable_max_hold() = *max_hold;
  }
  if (given(options.crossing_policy, "crossing_policy")) {
    const auto policy = ParseWord<v1::CrossingPolicy>(options.crossing_policy, "--crossing-policy");
    if (!policy.ok()) return policy.status();
    organization->set_crossing_policy(*policy);
  }
  return absl::OkStatus();
}

// Puts what was given into `organization`; the names of those fields into `mask` where there is
// one.
absl::Status FillSettings(const OrganizationOptions& options, v1::Organization* organization,
                          google::protobuf::FieldMask* mask) {
  const auto given = [&](const std::string& value, const char* path) {
    if (value.empty()) return false;
    if (mask != nullptr) mask->add_paths(path);
    return true;
  };
  organization->set_organization_id(options.id);
  if (given(options.display_name, "display_name")) {
    organization->set_display_name(options.display_name);
  }
  if (given(options.time_zone, "time_zone")) organization->set_time_zone(options.time_zone);
  if (given(options.settings_url, "settings_url")) {
    organization->set_settings_url(options.settings_url);
  }
  if (given(options.auto_provision, "auto_provision_members")) {
    organization->set_auto_provision_members(options.auto_provision == "on");
  }
  if (given(options.max_seats, "max_seats")) {
    organization->set_max_seats(std::stoll(options.max_seats));
  }
  if (given(options.anchor, "billing_anchor")) {
    const absl::StatusOr<absl::Time> anchor = ParseInstant(options.anchor, "--anchor");
    if (!anchor.ok()) return anchor.status();
    *organization->mutable_billing_anchor() = ToProto(*anchor);
  }
  if (given(options.included_scope, "included_scope")) {
    const auto scope = ParseWord<v1::IncludedScope>(options.included_scope, "--included-scope");
    if (!scope.ok()) return scope.status();
    organization->set_included_scope(*scope);
  }
  const absl::Status holds = FillHoldPolicy(options, given, organization);
  if (!holds.ok()) return holds;
  if (given(options.request_cool_down, "request_cool_down")) {
    absl::StatusOr<absl::Duration> cool_down = absl::ZeroDuration();
    if (options.request_cool_down != "0") {
      cool_down = ParseSpan(options.request_cool_down, "--request-cool-down");
    }
    if (!cool_down.ok()) return cool_down.status();
    *organization->mutable_request_cool_down() = ToProto(*cool_down);
  }
  if (given(options.status, "status")) {
    const auto status = ParseWord<v1::AccountStatus>(options.status, "--status");
    if (!status.ok()) return status.status();
    organization->set_status(*status);
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> RunCreate(Session& session, const OrganizationOptions& options) {
  v1::CreateOrganizationRequest request;
  v1::Organization* organization = request.mutable_organization();
  const absl::Status filled = FillSettings(options, organization, nullptr);
  if (!filled.ok()) return filled;
  organization->set_plan(options.plan);
  organization->set_currency_code(options.currency);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::CreateOrganization, request),
              [&](const auto& reply) { PrintOrganization(reply.organization(), session.out()); });
}

absl::StatusOr<ExitStatus> RunUpdate(Session& session, const OrganizationOptions& options) {
  v1::UpdateOrganizationRequest request;
  const absl::Status filled =
      FillSettings(options, request.mutable_organization(), request.mutable_update_mask());
  if (!filled.ok()) return filled;
  if (request.update_mask().paths().empty()) {
    return UsageError("Nothing to change: give at least one setting, for example --name NAME.");
  }
  request.set_etag(options.etag);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::UpdateOrganization, request), [&](const auto& reply) {
    PrintOrganization(reply.organization(), session.out());
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunSuspend(Session& session, const OrganizationOptions& options) {
  OrganizationOptions change = options;
  change.status = "suspended";
  return RunUpdate(session, change);
}

absl::StatusOr<ExitStatus> RunActivate(Session& session, const OrganizationOptions& options) {
  OrganizationOptions change = options;
  change.status = "active";
  return RunUpdate(session, change);
}

absl::StatusOr<ExitStatus> RunGet(Session& session, const IdOptions& options) {
  v1::GetOrganizationRequest request;
  request.set_organization_id(options.id);
  return Show(session, session.Call(&Admin::GetOrganization, request),
              [&](const auto& reply) { PrintOrganization(reply.organization(), session.out()); });
}

absl::StatusOr<ExitStatus> RunList(Session& session, const Paging& paging) {
  const auto reply =
      CallPaged(session, &Admin::ListOrganizations, v1::ListOrganizationsRequest(), paging);
  return Show(session, reply, [&](const v1::ListOrganizationsResponse& list) {
    Table table({{"ORGANIZATION"}, {"NAME"}, {"PLAN"}, {"STATUS"}, {"TIME ZONE"}, {"CURRENCY"}});
    for (const v1::Organization& one : list.organizations()) {
      table.Add({one.organization_id(), one.display_name(), one.plan(), Word(one.status()),
                 one.time_zone(), one.currency_code()});
    }
    session.out() << (table.empty() ? "No organizations.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

}  // namespace

void AddOrganizationCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "org", "Organizations: create, list, get, update, suspend");

  const auto create = AddCommand(*group, "create", "Create an organization", action, &RunCreate);
  AddSettings(create.app, create.options.get());
  create.app->add_option("--plan", create.options->plan, "Plan, for example team")->required();
  create.app->add_option("--currency", create.options->currency, "ISO 4217; default the plan's");

  const auto update = AddCommand(*group, "update", "Change settings", action, &RunUpdate);
  AddSettings(update.app, update.options.get());
  update.app->add_option("--status", update.options->status, "active or suspended");
  update.app->add_option("--etag", update.options->etag, "Change only this version");

  const auto suspend = AddCommand(*group, "suspend", "Deny every check", action, &RunSuspend);
  const auto activate = AddCommand(*group, "activate", "End a suspension", action, &RunActivate);
  for (const auto& command : {suspend, activate}) {
    command.app->add_option("id", command.options->id, "The organization")
        ->required()
        ->type_name("ORG");
    command.app->add_option("--request-id", command.options->request_id,
                            "Names this call for retries");
  }

  const auto get = AddCommand(*group, "get", "Show an organization", action, &RunGet);
  get.app->add_option("id", get.options->id, "The organization")->required()->type_name("ORG");

  const auto list = AddCommand(*group, "list", "List organizations", action, &RunList);
  AddPagingOptions(list.app, list.options.get());
}

}  // namespace bursar::cli
