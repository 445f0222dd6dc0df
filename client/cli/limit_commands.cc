// bursar limits …
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct LimitOptions {
  std::string organization;
  std::string value;
  std::string scope;
  std::string id;
  std::string period;
  std::string until;
  std::string basis;
  std::string request_id;
};

struct ListOptions {
  std::string organization;
  Paging paging;
};

absl::Status FillScope(const LimitOptions& options, v1::SetSpendLimitRequest* request) {
  if (options.scope == "organization") {
    if (!options.id.empty() && options.id != options.organization) {
      return UsageError("--id has no meaning with --scope organization.");
    }
    request->set_organization(true);
    return absl::OkStatus();
  }
  if (options.id.empty()) {
    return UsageError(
        absl::StrCat("--scope ", options.scope, " needs --id: which ", options.scope, "?"));
  }
  if (options.scope == "member") {
    request->set_member_id(options.id);
  } else if (options.scope == "surface") {
    request->set_surface(options.id);
  } else if (options.scope == "model") {
    request->set_model(options.id);
  } else {
    request->set_seat_tier(options.id);
  }
  return absl::OkStatus();
}

absl::Status FillValue(const LimitOptions& options, v1::SetSpendLimitRequest* request) {
  if (options.value == "unlimited") {
    request->set_unlimited(true);
  } else {
    absl::StatusOr<v1::Money> amount = ParseAmount(options.value, "value");
    if (!amount.ok()) return amount.status();
    *request->mutable_amount() = *std::move(amount);
  }
  if (!options.period.empty()) {
    const auto period = ParseWord<v1::LimitPeriod>(options.period, "--period");
    if (!period.ok()) return period.status();
    request->set_period(*period);
  }
  if (!options.until.empty()) {
    const absl::StatusOr<absl::Time> until = ParseInstant(options.until, "--until");
    if (!until.ok()) return until.status();
    *request->mutable_expire_time() = ToProto(*until);
  }
  if (!options.basis.empty()) {
    const auto basis = ParseWord<v1::LimitBasis>(options.basis, "--basis");
    if (!basis.ok()) return basis.status();
    request->set_basis(*basis);
  }
  return absl::OkStatus();
}

// "50.00 USD", or with what returns: "80.00 USD until 2026-…, then 50.00 USD".
std::string LimitInWords(const v1::SpendLimit& limit) {
  const std::string amount = FormatMoneyField(limit, "amount", "unlimited");
  if (!limit.has_expire_time()) return amount;
  return absl::StrCat(amount, " until ", FormatTimeField(limit, "expire_time"), ", then ",
                      FormatMoneyField(limit, "base_amount", "unlimited"));
}

void AddLimitRow(const v1::SpendLimit& limit, Table* table) {
  table->Add({ScopeInWords(limit.scope(), limit.scope_id()), LimitInWords(limit),
              Word(limit.period()),
              limit.scope() == v1::SCOPE_SEAT_TIER ? Spaced(Word(limit.basis())) : "-",
              FormatMoneyField(limit, "spent", "-"), FormatMoneyField(limit, "held", "-"),
              FormatMoneyField(limit, "remaining", "-"), FormatTimeField(limit, "reset_time")});
}

Table LimitTable() {
  return Table({{"WHOSE"},
                {"LIMIT", Align::kRight},
                {"PERIOD"},
                {"BASIS"},
                {"SPENT", Align::kRight},
                {"HELD", Align::kRight},
                {"LEFT", Align::kRight},
                {"STARTS ANEW"}});
}

absl::StatusOr<ExitStatus> RunLimitSet(Session& session, const LimitOptions& options) {
  v1::SetSpendLimitRequest request;
  request.set_organization_id(options.organization);
  const absl::Status scoped = FillScope(options, &request);
  if (!scoped.ok()) return scoped;
  const absl::Status valued = FillValue(options, &request);
  if (!valued.ok()) return valued;
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::SetSpendLimit, request), [&](const auto& reply) {
    Table table = LimitTable();
    AddLimitRow(reply.limit(), &table);
    session.out() << table.Text();
    if (reply.spend_predates_limit()) {
      session.out() << "More than that is spent already; the spend predates the limit.\n";
    }
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunLimitList(Session& session, const ListOptions& options) {
  v1::ListSpendLimitsRequest request;
  request.set_organization_id(options.organization);
  const auto reply = CallPaged(session, &Admin::ListSpendLimits, request, options.paging);
  return Show(session, reply, [&](const v1::ListSpendLimitsResponse& list) {
    Table table = LimitTable();
    for (const v1::SpendLimit& limit : list.limits()) AddLimitRow(limit, &table);
    session.out() << (table.empty() ? "No spend limits are set.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

void AddOrganization(CLI::App* app, std::string* organization) {
  app->add_option("organization", *organization, "The organization")->required()->type_name("ORG");
}

}  // namespace

void AddLimitCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "limits", "Spend limits: set, list");
  const auto set = AddCommand(*group, "set", "Set a spend limit, or lift it", action, &RunLimitSet);
  LimitOptions* options = set.options.get();
  AddOrganization(set.app, &options->organization);
  set.app->add_option("value", options->value, "An amount such as 50.00, or unlimited")
      ->required()
      ->type_name("AMOUNT|unlimited");
  set.app
      ->add_option("--scope", options->scope,
                   "organization, tier (or seat-tier), member, surface or model")
      ->required()
      ->check(CLI::IsMember(
                  {"organization", "tier", "seat-tier", "seat_tier", "member", "surface", "model"})
                  .description(""));
  set.app->add_option("--id", options->id, "Which tier, member, surface or model");
  set.app->add_option("--period", options->period,
                      "month (default), week or day; hour pauses each member that reaches it");
  set.app
      ->add_option("--until", options->until,
                   "A temporary limit, until then; what was set before returns")
      ->type_name("INSTANT");
  set.app->add_option("--basis", options->basis, "For tiers: each_member (default) or tier_total");
  set.app->add_option("--request-id", options->request_id, "Names this call for retries");

  const auto list =
      AddCommand(*group, "list", "The spend limits that are set", action, &RunLimitList);
  AddOrganization(list.app, &list.options->organization);
  AddPagingOptions(list.app, &list.options->paging);
}

}  // namespace bursar::cli
