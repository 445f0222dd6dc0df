// bursar statement (and bursar statements)
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/csv.h"
#include "client/cli/format.h"
#include "client/cli/table.h"
#include "client/cli/usage_csv.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct StatementListOptions {
  std::string organization;
  Paging paging;
};

struct StatementOptions {
  std::string organization;
  std::string statement;
  std::vector<std::string> group_by;
  bool csv = false;
  Paging paging;
};

// What is left of a bucket after its refunds: as the lines show it.
std::string Less(const v1::Money& charged, const v1::Money& refunded) {
  return absl::StrCat(FormatNanos(NanosOf(charged) - NanosOf(refunded)), " ",
                      charged.currency_code());
}

absl::StatusOr<ExitStatus> RunList(Session& session, const StatementListOptions& options) {
  v1::ListStatementsRequest request;
  request.set_organization_id(options.organization);
  const auto reply = CallPaged(session, &Admin::ListStatements, request, options.paging);
  return Show(session, reply, [&](const v1::ListStatementsResponse& list) {
    Table table({{"STATEMENT"},
                 {"STATE"},
                 {"UNTIL"},
                 {"CHARGES", Align::kRight},
                 {"INCLUDED", Align::kRight},
                 {"EXTRA", Align::kRight},
                 {"METERED", Align::kRight},
                 {"REFUNDS", Align::kRight},
                 {"NET", Align::kRight}});
    for (const v1::Statement& one : list.statements()) {
      table.Add({one.statement_id(), Word(one.state()), FormatTimeField(one, "end_time"),
                 FormatCount(one.charge_count()), Less(one.included(), one.refunded_included()),
                 Less(one.extra(), one.refunded_extra()),
                 Less(one.metered(), one.refunded_metered()), FormatCount(one.refund_count()),
                 FormatMoney(one.net_cost())});
    }
    session.out() << (table.empty() ? "No statements: nothing counted yet.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

void AddUnlessZero(Table* facts, const char* name, const v1::Money& money) {
  if (NanosOf(money) != 0) facts->Add({name, FormatMoney(money)});
}

void PrintStatement(const v1::Statement& statement, std::ostream& out) {
  Table facts({{""}, {"", Align::kRight}});
  facts.Add({"statement", absl::StrCat(statement.statement_id(), ", ", Word(statement.state()))});
  facts.Add({"from", FormatTimeField(statement, "start_time")});
  facts.Add({"until", FormatTimeField(statement, "end_time")});
  facts.Add({"journal entries",
             absl::StrCat(statement.first_sequence(), " to ", statement.last_sequence())});
  facts.Add({"charges", FormatCount(statement.charge_count())});
  facts.Add({"charged, included", FormatMoney(statement.included())});
  facts.Add({"charged, extra", FormatMoney(statement.extra())});
  facts.Add({"charged, metered", FormatMoney(statement.metered())});
  AddUnlessZero(&facts, "refunded, included", statement.refunded_included());
  AddUnlessZero(&facts, "refunded, extra", statement.refunded_extra());
  AddUnlessZero(&facts, "refunded, metered", statement.refunded_metered());
  facts.Add({"net", FormatMoney(statement.net_cost())});
  facts.Add({"net beyond included", FormatMoney(statement.net_beyond_included())});
  AddUnlessZero(&facts, "credit at the beginning", statement.opening_balance());
  AddUnlessZero(&facts, "overdraft at the beginning", statement.opening_overdraft());
  AddUnlessZero(&facts, "credit bought", statement.purchased());
  AddUnlessZero(&facts, "credit of reloads", statement.auto_reloaded());
  AddUnlessZero(&facts, "promotional credit", statement.promotional());
  AddUnlessZero(&facts, "adjustments", statement.adjusted());
  AddUnlessZero(&facts, "credit of refunds", statement.refunded_credit());
  AddUnlessZero(&facts, "of it repaid overdraft", statement.repaid_overdraft());
  AddUnlessZero(&facts, "paid from credit", statement.drawn());
  AddUnlessZero(&facts, "overdrawn", statement.overdrawn());
  AddUnlessZero(&facts, "credit expired", statement.expired());
  AddUnlessZero(&facts, "paid back", statement.paid_back());
  AddUnlessZero(&facts, "overdraft billed", statement.billed_overdraft());
  facts.Add({"owed for the month", FormatMoney(statement.owed())});
  AddUnlessZero(&facts, "credit at the end", statement.closing_balance());
  AddUnlessZero(&facts, "overdraft at the end", statement.closing_overdraft());
  out << facts.Text();
}

void PrintLines(const v1::GetStatementResponse& reply, std::ostream& out) {
  Table table({{"DAY"},
               {"MEMBER"},
               {"SEAT"},
               {"SURFACE"},
               {"PROVIDER"},
               {"MODEL"},
               {"RECORDS", Align::kRight},
               {"INCLUDED", Align::kRight},
               {"EXTRA", Align::kRight},
               {"METERED", Align::kRight},
               {"REFUNDED", Align::kRight},
               {"NET", Align::kRight}});
  const auto add = [&](const v1::UsageRow& row, const std::string& first) {
    table.Add({first, row.member_id(), row.seat_tier(), row.surface(), row.provider(), row.model(),
               FormatCount(row.record_count()), FormatMoney(row.included()),
               FormatMoney(row.extra()), FormatMoney(row.metered()), FormatMoney(row.refunded()),
               FormatMoney(row.cost())});
  };
  for (const v1::UsageRow& row : reply.lines()) {
    add(row, row.period());
  }
  add(reply.line_total(), "total");
  out << "\n" << table.Text();
}

std::string LinesAsCsv(const v1::GetStatementResponse& reply) {
  std::string text =
      CsvLine({"statement", "state", "day", "member", "seat_tier", "surface", "provider", "model",
               "records", "included", "extra", "metered", "refunded", "net", "currency"});
  for (const v1::UsageRow& row : reply.lines()) {
    text +=
        CsvLine({reply.statement().statement_id(), Word(reply.statement().state()), row.period(),
                 row.member_id(), row.seat_tier(), row.surface(), row.provider(), row.model(),
                 absl::StrCat(row.record_count()), PlainAmount(row.included()),
                 PlainAmount(row.extra()), PlainAmount(row.metered()), PlainAmount(row.refunded()),
                 PlainAmount(row.cost()), row.cost().currency_code()});
  }
  return text;
}

// The statement with the lines of one page, or of all: a statement's own fields are the same on
// every page, so only lines are joined.
absl::StatusOr<v1::GetStatementResponse> CallStatement(Session& session,
                                                       v1::GetStatementRequest request,
                                                       const Paging& paging) {
  request.set_page_size(paging.page_size);
  request.set_page_token(paging.page_token);
  absl::StatusOr<v1::GetStatementResponse> joined = session.Call(&Admin::GetStatement, request);
  while (paging.all && joined.ok() && !joined->next_page_token().empty()) {
    request.set_page_token(joined->next_page_token());
    const auto page = session.Call(&Admin::GetStatement, request);
    if (!page.ok()) return page.status();
    joined->mutable_lines()->MergeFrom(page->lines());
    joined->set_next_page_token(page->next_page_token());
  }
  return joined;
}

// Whether it has the shape of 2026-11 or 2026-11-30; empty is the newest.
bool NamesAMonth(const std::string& statement) {
  const std::string shape = statement.size() == 7 ? "dddd-dd" : "dddd-dd-dd";
  return statement.empty() ||
         (statement.size() == shape.size() &&
          std::equal(shape.begin(), shape.end(), statement.begin(), [](char kind, char is) {
            return kind == 'd' ? absl::ascii_isdigit(static_cast<unsigned char>(is)) : is == kind;
          }));
}

absl::StatusOr<ExitStatus> RunShow(Session& session, const StatementOptions& options) {
  v1::GetStatementRequest request;
  request.set_organization_id(options.organization);
  if (!NamesAMonth(options.statement)) {
    return UsageError(absl::StrCat("a statement is named by its month, such as 2026-11, not \"",
                                   options.statement, "\": see `bursar statements list ",
                                   options.organization, "`"));
  }
  // A month is short for its first day.
  request.set_statement_id(options.statement.size() == 7 ? options.statement + "-01"
                                                         : options.statement);
  for (const std::string& word : options.group_by) {
    const auto dimension = ParseWord<v1::UsageDimension>(word, "--group-by");
    if (!dimension.ok()) return dimension.status();
    request.add_group_by(*dimension);
  }
  Paging paging = options.paging;
  paging.all = paging.all || options.csv;
  const auto reply = CallStatement(session, request, paging);
  if (options.csv && reply.ok()) {
    session.out() << LinesAsCsv(*reply);
    return ExitStatus::kDone;
  }
  return Show(session, reply, [&](const v1::GetStatementResponse& statement) {
    PrintStatement(statement.statement(), session.out());
    PrintLines(statement, session.out());
    TellOfFurtherPages(session, statement.next_page_token());
  });
}

void AddCommandsTo(CLI::App* group, Action* action) {
  const auto list = AddCommand(*group, "list", "Statements, newest first", action, &RunList);
  list.app->add_option("organization", list.options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  AddPagingOptions(list.app, &list.options->paging);

  const auto show = AddCommand(*group, "show", "One statement with its lines", action, &RunShow);
  StatementOptions* options = show.options.get();
  show.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  show.app->add_option("statement", options->statement, "Its month (default the newest)")
      ->type_name("2026-11");
  show.app
      ->add_option("--group-by", options->group_by,
                   "Any of member,seat_tier,surface,model,provider,day (default the first four)")
      ->delimiter(',');
  show.app->add_flag("--csv", options->csv, "All lines as comma-separated values");
  AddPagingOptions(show.app, &options->paging);
}

}  // namespace

void AddStatementCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "statement", "Statements of each month: list, show");
  group->alias("statements");
  AddCommandsTo(group, action);
}

}  // namespace bursar::cli
