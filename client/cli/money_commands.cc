// bursar extra …, bursar credit …, bursar limits …
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct ExtraOptions {
  std::string organization;
  std::string audience;
  std::vector<std::string> members;
  std::string request_id;
};

struct CreditOptions {
  std::string organization;
  std::string amount;
  std::string kind;
  std::string expires;
  std::string reference;
  std::string request_id;
};

struct LimitOptions {
  std::string organization;
  std::string value;
  std::string scope;
  std::string id;
  std::string basis;
  std::string request_id;
};

struct ListOptions {
  std::string organization;
  Paging paging;
};

absl::StatusOr<ExitStatus> SwitchExtra(Session& session, const ExtraOptions& options,
                                       bool enabled) {
  v1::UpdateExtraUsageRequest request;
  request.set_organization_id(options.organization);
  request.set_enabled(enabled);
  if (!options.audience.empty()) {
    const auto audience = ParseWord<v1::ExtraUsageAudience>(options.audience, "--for");
    if (!audience.ok()) return audience.status();
    request.set_audience(*audience);
  } else if (!options.members.empty()) {
    request.set_audience(v1::EXTRA_USAGE_AUDIENCE_SELECTED);
  }
  for (const std::string& member : options.members) request.add_selected_member_ids(member);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::UpdateExtraUsage, request), [&](const auto& reply) {
    const v1::ExtraUsage& extra = reply.extra_usage();
    session.out() << "Extra usage is " << (extra.enabled() ? "on" : "off");
    if (extra.enabled() && extra.audience() == v1::EXTRA_USAGE_AUDIENCE_SELECTED) {
      session.out() << " for " << FormatCount(extra.selected_count()) << " selected members";
    } else if (extra.enabled()) {
      session.out() << " for everyone";
    }
    session.out() << ".\n";
    for (const std::string& step : reply.next_steps()) session.out() << "  next: " << step << "\n";
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunEnable(Session& session, const ExtraOptions& options) {
  return SwitchExtra(session, options, true);
}

absl::StatusOr<ExitStatus> RunDisable(Session& session, const ExtraOptions& options) {
  return SwitchExtra(session, options, false);
}

absl::StatusOr<ExitStatus> RunGrant(Session& session, const CreditOptions& options) {
  v1::GrantCreditRequest request;
  request.set_organization_id(options.organization);
  absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "amount");
  if (!amount.ok()) return amount.status();
  *request.mutable_amount() = *std::move(amount);
  if (!options.kind.empty()) {
    const auto kind = ParseWord<v1::CreditKind>(options.kind, "--kind");
    if (!kind.ok()) return kind.status();
    request.set_kind(*kind);
  }
  if (!options.expires.empty()) {
    const absl::StatusOr<absl::Time> expires = ParseInstant(options.expires, "--expires");
    if (!expires.ok()) return expires.status();
    *request.mutable_expire_time() = ToProto(*expires);
  }
  request.set_reference(options.reference);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::GrantCredit, request), [&](const auto& reply) {
    session.out() << (reply.replayed() ? "Granted before: " : "Granted: ")
                  << FormatMoney(reply.grant().amount()) << " as " << reply.grant().grant_id()
                  << ", expires " << FormatTimeField(reply.grant(), "expire_time") << ".\n";
    if (NanosOf(reply.repaid_overdraft()) != 0) {
      session.out() << FormatMoney(reply.repaid_overdraft()) << " of it repaid overdraft.\n";
    }
    session.out() << "Balance: " << FormatMoney(reply.balance()) << ".\n";
    PrintBlockers(reply.still_blocked_by(), session.out());
  });
}

absl::StatusOr<ExitStatus> RunCreditList(Session& session, const ListOptions& options) {
  v1::ListCreditsRequest request;
  request.set_organization_id(options.organization);
  const auto reply = CallPaged(session, &Admin::ListCredits, request, options.paging);
  return Show(session, reply, [&](const v1::ListCreditsResponse& list) {
    Table table({{"GRANT"},
                 {"KIND"},
                 {"AMOUNT", Align::kRight},
                 {"LEFT", Align::kRight},
                 {"EXPIRES"},
                 {"GRANTED"},
                 {"REFERENCE"}});
    for (const v1::CreditGrant& grant : list.grants()) {
      table.Add({grant.grant_id(), Spaced(Word(grant.kind())), FormatMoney(grant.amount()),
                 FormatMoney(grant.remaining()), FormatTimeField(grant, "expire_time"),
                 FormatTimeField(grant, "grant_time"), grant.reference()});
    }
    session.out() << (table.empty() ? "No credit that can be drawn.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

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
  if (!options.basis.empty()) {
    const auto basis = ParseWord<v1::LimitBasis>(options.basis, "--basis");
    if (!basis.ok()) return basis.status();
    request->set_basis(*basis);
  }
  return absl::OkStatus();
}

void AddLimitRow(const v1::SpendLimit& limit, Table* table) {
  table->Add({ScopeInWords(limit.scope(), limit.scope_id()),
              FormatMoneyField(limit, "amount", "unlimited"), Word(limit.period()),
              limit.scope() == v1::SCOPE_SEAT_TIER ? Spaced(Word(limit.basis())) : "-",
              FormatMoneyField(limit, "spent", "-"), FormatTimeField(limit, "reset_time")});
}

Table LimitTable() {
  return Table({{"WHOSE"},
                {"LIMIT", Align::kRight},
                {"PERIOD"},
                {"BASIS"},
                {"SPENT", Align::kRight},
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

void AddExtra(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "extra", "Extra usage: enable, disable");
  const auto enable = AddCommand(*group, "enable", "Switch extra usage on", action, &RunEnable);
  enable.app->add_option("--for", enable.options->audience, "everyone or selected");
  enable.app->add_option("--members", enable.options->members, "The selected members: a,b,c")
      ->delimiter(',');
  const auto disable = AddCommand(*group, "disable", "Switch it off", action, &RunDisable);
  for (const auto& command : {enable, disable}) {
    AddOrganization(command.app, &command.options->organization);
    command.app->add_option("--request-id", command.options->request_id,
                            "Names this call for retries");
  }
}

void AddCredit(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(
      root, "credit", "Prepaid credit: grant, list, buy, complete, chargeback, payments, reload");
  const auto grant = AddCommand(*group, "grant", "Add credit", action, &RunGrant);
  CreditOptions* options = grant.options.get();
  AddOrganization(grant.app, &options->organization);
  grant.app->add_option("amount", options->amount, "How much, for example 25.00")
      ->required()
      ->type_name("AMOUNT");
  grant.app->add_option("--kind", options->kind, "purchase (default), promotion, adjustment …");
  grant.app->add_option("--expires", options->expires, "Default: one year from now")
      ->type_name("INSTANT");
  grant.app->add_option("--reference", options->reference, "For example an invoice number");
  grant.app->add_option("--request-id", options->request_id, "Names this credit for ever");

  const auto list = AddCommand(*group, "list", "Credit that can be drawn, in the order of drawing",
                               action, &RunCreditList);
  AddOrganization(list.app, &list.options->organization);
  AddPagingOptions(list.app, &list.options->paging);
  AddPaymentCommands(*group, action);
}

void AddLimits(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "limits", "Spend limits: set, list");
  const auto set = AddCommand(*group, "set", "Set a spend limit, or lift it", action, &RunLimitSet);
  LimitOptions* options = set.options.get();
  AddOrganization(set.app, &options->organization);
  set.app->add_option("value", options->value, "An amount such as 50.00, or unlimited")
      ->required()
      ->type_name("AMOUNT|unlimited");
  set.app->add_option("--scope", options->scope, "organization, tier (or seat-tier), or member")
      ->required()
      ->check(CLI::IsMember({"organization", "tier", "seat-tier", "seat_tier", "member"})
                  .description(""));
  set.app->add_option("--id", options->id, "Which tier or member");
  set.app->add_option("--basis", options->basis, "For tiers: each_member (default) or tier_total");
  set.app->add_option("--request-id", options->request_id, "Names this call for retries");

  const auto list =
      AddCommand(*group, "list", "The spend limits that are set", action, &RunLimitList);
  AddOrganization(list.app, &list.options->organization);
  AddPagingOptions(list.app, &list.options->paging);
}

}  // namespace

void AddMoneyCommands(CLI::App& root, Action* action) {
  AddExtra(root, action);
  AddCredit(root, action);
  AddLimits(root, action);
}

}  // namespace bursar::cli
