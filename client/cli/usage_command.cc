// bursar usage
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/cli/usage_csv.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;
using Quota = v1::QuotaService::Stub;

// The word that may stand before the organization: `bursar usage query acme`.
constexpr char kQueryWord[] = "query";

struct UsageQueryOptions {
  std::vector<std::string> words;  // The organization, perhaps behind kQueryWord.
  std::string organization;
  std::string member;
  std::vector<std::string> group_by;
  std::vector<std::string> members;
  std::vector<std::string> surfaces;
  std::vector<std::string> providers;
  std::vector<std::string> models;
  std::vector<std::string> seats;
  std::vector<std::string> meters;
  std::string time_zone;
  std::string start;
  std::string end;
  bool csv = false;
  bool focus = false;
  Paging paging;
};

absl::StatusOr<ExitStatus> ShowMemberUsage(Session& session, const UsageQueryOptions& options) {
  if (!options.group_by.empty() || !options.start.empty() || !options.end.empty() || options.csv ||
      options.focus) {
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

struct UsageColumn {
  const char* title;
  std::string (*cell)(const v1::UsageRow&);
};

// What is summed. By meter, each row has its quantity beside the meter instead of tokens by kind.
std::vector<UsageColumn> SumColumns(bool by_meter) {
  std::vector<UsageColumn> columns = {
      {"RECORDS", [](const v1::UsageRow& row) { return FormatCount(row.record_count()); }}};
  if (!by_meter) {
    columns.insert(
        columns.end(),
        {{"INPUT", [](const v1::UsageRow& row) { return FormatCount(row.usage().input_tokens()); }},
         {"OUTPUT",
          [](const v1::UsageRow& row) { return FormatCount(row.usage().output_tokens()); }},
         {"CACHE READ",
          [](const v1::UsageRow& row) { return FormatCount(row.usage().cache_read_tokens()); }},
         {"CACHE WRITE", [](const v1::UsageRow& row) {
            return FormatCount(row.usage().cache_write_5m_tokens() +
                               row.usage().cache_write_1h_tokens());
          }}});
  }
  columns.insert(
      columns.end(),
      {{"COST", [](const v1::UsageRow& row) { return FormatMoneyField(row, "cost", "-"); }},
       {"INCLUDED", [](const v1::UsageRow& row) { return FormatMoneyField(row, "included", "-"); }},
       {"EXTRA", [](const v1::UsageRow& row) { return FormatMoneyField(row, "extra", "-"); }},
       {"METERED", [](const v1::UsageRow& row) { return FormatMoneyField(row, "metered", "-"); }}});
  return columns;
}

std::vector<UsageColumn> ColumnsOf(int dimension) {
  switch (dimension) {
    case v1::USAGE_DIMENSION_MEMBER:
      return {{"MEMBER", [](const v1::UsageRow& row) { return row.member_id(); }}};
    case v1::USAGE_DIMENSION_SURFACE:
      return {{"SURFACE", [](const v1::UsageRow& row) { return row.surface(); }}};
    case v1::USAGE_DIMENSION_MODEL:
      return {{"PROVIDER", [](const v1::UsageRow& row) { return row.provider(); }},
              {"MODEL", [](const v1::UsageRow& row) { return row.model(); }}};
    case v1::USAGE_DIMENSION_PROVIDER:
      return {{"PROVIDER", [](const v1::UsageRow& row) { return row.provider(); }}};
    case v1::USAGE_DIMENSION_SEAT_TIER:
      return {{"SEAT", [](const v1::UsageRow& row) { return row.seat_tier(); }}};
    case v1::USAGE_DIMENSION_METER:
      return {{"METER", [](const v1::UsageRow& row) { return row.meter(); }},
              {"QUANTITY", [](const v1::UsageRow& row) { return FormatCount(row.quantity()); }}};
    case v1::USAGE_DIMENSION_MONTH:
      return {{"MONTH", [](const v1::UsageRow& row) { return row.month(); }}};
    case v1::USAGE_DIMENSION_HOUR:
      return {{"HOUR", [](const v1::UsageRow& row) { return row.period(); }}};
    default:
      return {{"DAY", [](const v1::UsageRow& row) { return row.period(); }}};
  }
}

void PrintUsage(const v1::QueryUsageRequest& request, const v1::QueryUsageResponse& reply,
                std::ostream& out) {
  std::vector<UsageColumn> keys;
  for (const int dimension : request.group_by()) {
    for (const UsageColumn& column : ColumnsOf(dimension)) keys.push_back(column);
  }
  std::vector<Column> columns;
  for (const UsageColumn& key : keys) columns.push_back({key.title});
  if (keys.empty()) columns.push_back({""});
  const size_t key_count = columns.size();
  const auto& group_by = request.group_by();
  const std::vector<UsageColumn> sums = SumColumns(
      std::find(group_by.begin(), group_by.end(), v1::USAGE_DIMENSION_METER) != group_by.end());
  for (const UsageColumn& sum : sums) columns.push_back({sum.title, Align::kRight});
  Table table(columns);
  const auto add = [&](std::vector<std::string> cells, const v1::UsageRow& row) {
    for (const UsageColumn& sum : sums) cells.push_back(sum.cell(row));
    table.Add(std::move(cells));
  };
  for (const v1::UsageRow& row : reply.rows()) {
    std::vector<std::string> cells;
    for (const UsageColumn& key : keys) cells.push_back(key.cell(row));
    if (!keys.empty()) add(std::move(cells), row);
  }
  std::vector<std::string> cells(key_count);
  cells[0] = "total";
  add(std::move(cells), reply.total());
  out << table.Text();
}

absl::Status ReadRange(const UsageQueryOptions& options, v1::QueryUsageRequest* request) {
  if (!options.start.empty()) {
    const absl::StatusOr<absl::Time> start = ParseInstant(options.start, "--start");
    if (!start.ok()) return start.status();
    *request->mutable_start_time() = ToProto(*start);
  }
  if (!options.end.empty()) {
    const absl::StatusOr<absl::Time> end = ParseInstant(options.end, "--end");
    if (!end.ok()) return end.status();
    *request->mutable_end_time() = ToProto(*end);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::QueryUsageRequest> MakeRequest(const UsageQueryOptions& options) {
  v1::QueryUsageRequest request;
  request.set_organization_id(options.organization);
  bool by_hour = false;
  for (const std::string& word : options.group_by) {
    const auto dimension = ParseWord<v1::UsageDimension>(word, "--group-by");
    if (!dimension.ok()) return dimension.status();
    request.add_group_by(*dimension);
    by_hour = by_hour || *dimension == v1::USAGE_DIMENSION_HOUR;
  }
  if (options.focus) AskForFocus(by_hour, &request);
  const auto filter = [](const std::vector<std::string>& names, auto* field) {
    for (const std::string& name : names) *field->Add() = name;
  };
  filter(options.members, request.mutable_member_ids());
  filter(options.surfaces, request.mutable_surfaces());
  filter(options.providers, request.mutable_providers());
  filter(options.models, request.mutable_models());
  filter(options.seats, request.mutable_seat_tiers());
  filter(options.meters, request.mutable_meters());
  request.set_time_zone(options.time_zone);
  if (absl::Status range = ReadRange(options, &request); !range.ok()) return range;
  return request;
}

// A file must be whole: exports fetch every page.
absl::StatusOr<ExitStatus> ExportUsage(Session& session, const UsageQueryOptions& options,
                                       const v1::QueryUsageRequest& request) {
  Paging whole = options.paging;
  whole.all = true;
  const auto usage = CallPaged(session, &Admin::QueryUsage, request, whole);
  if (!usage.ok()) return usage.status();
  if (!options.focus) {
    session.out() << UsageAsCsv(request, *usage);
    return ExitStatus::kDone;
  }
  v1::GetOrganizationRequest organization_request;
  organization_request.set_organization_id(options.organization);
  const auto organization = session.Call(&Admin::GetOrganization, organization_request);
  if (!organization.ok()) return organization.status();
  session.out() << UsageAsFocus(organization->organization(), *usage);
  return ExitStatus::kDone;
}

absl::StatusOr<ExitStatus> RunUsage(Session& session, const UsageQueryOptions& typed) {
  UsageQueryOptions options = typed;
  if (typed.words.size() > 2 || (typed.words.size() == 2 && typed.words[0] != kQueryWord)) {
    return UsageError("Name one organization: bursar usage acme, or bursar usage query acme.");
  }
  options.organization = typed.words.back();
  if (!options.member.empty()) return ShowMemberUsage(session, options);
  if (options.focus && !options.meters.empty()) {
    return UsageError("--focus has no column for parts of a record: leave --meters out.");
  }
  const absl::StatusOr<v1::QueryUsageRequest> request = MakeRequest(options);
  if (!request.ok()) return request.status();
  if (options.csv || options.focus) return ExportUsage(session, options, *request);
  const auto reply = CallPaged(session, &Admin::QueryUsage, *request, options.paging);
  return Show(session, reply, [&](const v1::QueryUsageResponse& usage) {
    PrintUsage(*request, usage, session.out());
    TellOfFurtherPages(session, usage.next_page_token());
  });
}

}  // namespace

void AddUsageCommand(CLI::App& root, Action* action) {
  const auto usage = AddCommand(root, "usage", "What was used, summed; or one member's own state",
                                action, &RunUsage);
  UsageQueryOptions* options = usage.options.get();
  usage.app->add_option("organization", options->words, "The organization")
      ->required()
      ->expected(1, 2)
      ->type_name("[query] ORG");
  usage.app
      ->add_option("--group-by", options->group_by,
                   "Any of month,day,hour,member,seat_tier,surface,provider,model,meter")
      ->delimiter(',');
  const auto filter = [&](const char* name, std::vector<std::string>* names, const char* what) {
    usage.app->add_option(name, *names, what)->delimiter(',');
  };
  filter("--members", &options->members, "Of these members only");
  filter("--surfaces", &options->surfaces, "On these surfaces only");
  filter("--providers", &options->providers, "Of these providers only");
  filter("--models", &options->models, "Of these models only");
  filter("--seats", &options->seats, "Charged in these seat tiers only");
  filter("--meters", &options->meters, "These meters' part only, for example output");
  usage.app->add_option("--time-zone", options->time_zone,
                        "Whose days and hours (default the organization's)");
  usage.app->add_option("--member", options->member, "One member's windows, limits and month");
  usage.app->add_option("--start", options->start, "Recorded from then on")->type_name("INSTANT");
  usage.app->add_option("--end", options->end, "Recorded before then")->type_name("INSTANT");
  usage.app->add_flag("--csv", options->csv, "All rows as comma-separated values");
  usage.app->add_flag("--focus", options->focus,
                      "All rows in the columns of FOCUS (docs/seeing.md), by day, or by hour with "
                      "--group-by hour");
  AddPagingOptions(usage.app, &options->paging);
}

}  // namespace bursar::cli
