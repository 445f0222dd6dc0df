// bursar wallet, bursar usage
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;
using Quota = v1::QuotaService::Stub;

struct WalletOptions {
  std::string organization;
};

struct UsageQueryOptions {
  std::string organization;
  std::string member;
  std::vector<std::string> group_by;
  std::string start;
  std::string end;
  Paging paging;
};

void PrintWallet(const v1::GetWalletResponse& wallet, std::ostream& out) {
  const v1::Organization& organization = wallet.organization();
  Table facts({{""}, {""}});
  facts.Add({"organization", organization.display_name().empty()
                                 ? organization.organization_id()
                                 : absl::StrCat(organization.display_name(), " (",
                                                organization.organization_id(), ")")});
  facts.Add({"plan", absl::StrCat(organization.plan(), ", ", Word(wallet.funding()))});
  facts.Add({"status", Word(organization.status())});
  if (wallet.has_extra_usage()) {
    const v1::ExtraUsage& extra = wallet.extra_usage();
    std::string state = "off";
    if (extra.enabled()) {
      state =
          extra.audience() == v1::EXTRA_USAGE_AUDIENCE_SELECTED
              ? absl::StrCat("on for ", FormatCount(extra.selected_count()), " selected members")
              : "on for everyone";
    }
    facts.Add({"extra usage", state});
  }
  if (wallet.has_balance()) facts.Add({"balance", FormatMoney(wallet.balance())});
  if (NanosOf(wallet.overdraft()) != 0) {
    facts.Add({"overdraft", FormatMoney(wallet.overdraft())});
  }
  if (NanosOf(wallet.held()) != 0) facts.Add({"held", FormatMoney(wallet.held())});
  if (NanosOf(wallet.held_included()) != 0) {
    facts.Add({"held, included", FormatMoney(wallet.held_included())});
  }
  if (wallet.has_auto_reload()) {
    facts.Add({"auto-reload", absl::StrCat(Spaced(Word(wallet.auto_reload().state())), ": ",
                                           wallet.auto_reload().explanation())});
  }
  for (const v1::Payment& payment : wallet.open_purchases()) {
    facts.Add({"purchase", absl::StrCat(FormatMoney(payment.amount()), " waits for its verdict (",
                                        payment.payment_id(), ")")});
  }
  facts.Add({"month began", FormatTimeField(wallet, "month_start")});
  facts.Add({"included, month", FormatMoneyField(wallet, "included_month_to_date", "-")});
  facts.Add({"extra or metered, month", FormatMoneyField(wallet, "month_to_date", "-")});
  if (wallet.has_burn_rate()) {
    const v1::BurnRate& rate = wallet.burn_rate();
    facts.Add({"burn rate per hour",
               absl::StrCat(FormatMoney(rate.last_hour()), " (1 h), ", FormatMoney(rate.last_day()),
                            " (24 h), ", FormatMoney(rate.last_week()), " (7 d)")});
    facts.Add({"runs out at this rate", rate.has_projected_exhaustion_time()
                                            ? FormatTimeField(rate, "projected_exhaustion_time")
                                            : "not foreseen"});
  }
  for (const v1::SeatCount& seat : wallet.seats()) {
    facts.Add({absl::StrCat("seats, ", seat.seat_tier()), FormatCount(seat.count())});
  }
  facts.Add(
      {"pool", wallet.exhausted_episode_open() ? "RAN OUT; administrators are told" : "open"});
  AddHoldPolicy(organization, &facts);
  if (wallet.open_request_count() != 0) {
    facts.Add({"open requests", FormatCount(wallet.open_request_count())});
  }
  facts.Add({"revision", absl::StrCat(wallet.position().revision(), " as of ",
                                      FormatTimeField(wallet.position(), "as_of"))});
  out << facts.Text();
  if (!wallet.evaluations().empty()) out << "\n";
  PrintEvaluations(wallet.evaluations(), out);
}

absl::StatusOr<ExitStatus> RunWallet(Session& session, const WalletOptions& options) {
  v1::GetWalletRequest request;
  request.set_organization_id(options.organization);
  return Show(session, session.Call(&Admin::GetWallet, request),
              [&](const auto& wallet) { PrintWallet(wallet, session.out()); });
}

absl::StatusOr<ExitStatus> ShowMemberUsage(Session& session, const UsageQueryOptions& options) {
  if (!options.group_by.empty() || !options.start.empty() || !options.end.empty()) {
    return UsageError(
        "--member shows a member's own state; it goes with no other option. For sums by member use "
        "--group-by member.");
  }
  v1::GetMemberUsageRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  return Show(session, session.Call(&Quota::GetMemberUsage, request), [&](const auto& usage) {
    Table facts({{""}, {""}});
    facts.Add({"member", options.member});
    facts.Add({"seat", usage.seat_tier()});
    facts.Add({"now", usage.decision() == v1::DECISION_ADMITTED ? "ADMITTED" : "DENIED"});
    facts.Add({"included, month", FormatMoneyField(usage, "included_month_to_date", "-")});
    facts.Add({"extra or metered, month", FormatMoneyField(usage, "month_to_date", "-")});
    session.out() << facts.Text() << "\n";
    if (usage.has_denial()) {
      PrintDenial(usage.denial(), session.out());
      session.out() << "\n";
    }
    PrintEvaluations(usage.evaluations(), session.out());
  });
}

std::vector<std::string> UsageCells(const v1::UsageRow& row) {
  const v1::Usage& usage = row.usage();
  return {FormatCount(row.record_count()),
          FormatCount(usage.input_tokens()),
          FormatCount(usage.output_tokens()),
          FormatCount(usage.cache_read_tokens()),
          FormatCount(usage.cache_write_5m_tokens() + usage.cache_write_1h_tokens()),
          FormatMoneyField(row, "cost", "-"),
          FormatMoneyField(row, "included", "-"),
          FormatMoneyField(row, "extra", "-"),
          FormatMoneyField(row, "metered", "-")};
}

void PrintUsage(const v1::QueryUsageRequest& request, const v1::QueryUsageResponse& reply,
                std::ostream& out) {
  std::vector<Column> columns;
  for (const int dimension : request.group_by()) {
    if (dimension == v1::USAGE_DIMENSION_MODEL) columns.push_back({"PROVIDER"});
    columns.push_back({dimension == v1::USAGE_DIMENSION_MEMBER    ? "MEMBER"
                       : dimension == v1::USAGE_DIMENSION_SURFACE ? "SURFACE"
                                                                  : "MODEL"});
  }
  const size_t key_count = columns.size();
  if (key_count == 0) columns.push_back({""});
  for (const char* title : {"RECORDS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "COST",
                            "INCLUDED", "EXTRA", "METERED"}) {
    columns.push_back({title, Align::kRight});
  }
  Table table(columns);
  const auto add = [&](std::vector<std::string> cells, const v1::UsageRow& row) {
    for (std::string& cell : UsageCells(row)) cells.push_back(std::move(cell));
    table.Add(std::move(cells));
  };
  for (const v1::UsageRow& row : reply.rows()) {
    std::vector<std::string> keys;
    for (const int dimension : request.group_by()) {
      if (dimension == v1::USAGE_DIMENSION_MEMBER) keys.push_back(row.member_id());
      if (dimension == v1::USAGE_DIMENSION_SURFACE) keys.push_back(row.surface());
      if (dimension == v1::USAGE_DIMENSION_MODEL) {
        keys.push_back(row.provider());
        keys.push_back(row.model());
      }
    }
    if (key_count > 0) add(std::move(keys), row);
  }
  std::vector<std::string> keys(columns.size() - 9);
  keys[0] = "total";
  add(std::move(keys), reply.total());
  out << table.Text();
}

absl::StatusOr<ExitStatus> RunUsage(Session& session, const UsageQueryOptions& options) {
  if (!options.member.empty()) return ShowMemberUsage(session, options);
  v1::QueryUsageRequest request;
  request.set_organization_id(options.organization);
  for (const std::string& word : options.group_by) {
    const auto dimension = ParseWord<v1::UsageDimension>(word, "--group-by");
    if (!dimension.ok()) return dimension.status();
    request.add_group_by(*dimension);
  }
  if (!options.start.empty()) {
    const absl::StatusOr<absl::Time> start = ParseInstant(options.start, "--start");
    if (!start.ok()) return start.status();
    *request.mutable_start_time() = ToProto(*start);
  }
  if (!options.end.empty()) {
    const absl::StatusOr<absl::Time> end = ParseInstant(options.end, "--end");
    if (!end.ok()) return end.status();
    *request.mutable_end_time() = ToProto(*end);
  }
  const auto reply = CallPaged(session, &Admin::QueryUsage, request, options.paging);
  return Show(session, reply, [&](const v1::QueryUsageResponse& usage) {
    PrintUsage(request, usage, session.out());
    TellOfFurtherPages(session, usage.next_page_token());
  });
}

}  // namespace

void AddReportCommands(CLI::App& root, Action* action) {
  const auto wallet = AddCommand(root, "wallet", "The whole wallet: buckets, balance, limits, burn",
                                 action, &RunWallet);
  wallet.app->add_option("organization", wallet.options->organization, "The organization")
      ->required()
      ->type_name("ORG");

  const auto usage = AddCommand(root, "usage", "What was used, summed; or one member's own state",
                                action, &RunUsage);
  UsageQueryOptions* options = usage.options.get();
  usage.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  usage.app->add_option("--group-by", options->group_by, "Any of member,surface,model")
      ->delimiter(',');
  usage.app->add_option("--member", options->member, "One member's windows, limits and month");
  usage.app->add_option("--start", options->start, "Recorded from then on")->type_name("INSTANT");
  usage.app->add_option("--end", options->end, "Recorded before then")->type_name("INSTANT");
  AddPagingOptions(usage.app, &options->paging);
}

}  // namespace bursar::cli
