// ListStatements and GetStatement (seeing_reads.h).
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/statement_query.h"
#include "server/service/conversion.h"
#include "server/service/read_page.h"
#include "server/service/seeing_reads.h"

namespace bursar {
namespace {

void WriteTotals(const StatementTotals& totals, const std::string& currency_code,
                 v1::Statement* proto) {
  const auto write = [&](Amount amount, v1::Money* money) {
    WriteMoney(amount, currency_code, money);
  };
  proto->set_charge_count(totals.charge_count);
  write(totals.included, proto->mutable_included());
  write(totals.extra, proto->mutable_extra());
  write(totals.metered, proto->mutable_metered());
  proto->set_refund_count(totals.reversal_count);
  write(totals.reversed_included, proto->mutable_refunded_included());
  write(totals.reversed_extra, proto->mutable_refunded_extra());
  write(totals.reversed_metered, proto->mutable_refunded_metered());
  write(totals.NetCost(), proto->mutable_net_cost());
  write(totals.extra + totals.metered - totals.reversed_extra - totals.reversed_metered,
        proto->mutable_net_beyond_included());
  write(totals.purchased, proto->mutable_purchased());
  write(totals.auto_reloaded, proto->mutable_auto_reloaded());
  write(totals.promotional, proto->mutable_promotional());
  write(totals.adjusted, proto->mutable_adjusted());
  write(totals.refunded_credit, proto->mutable_refunded_credit());
  write(totals.repaid_overdraft, proto->mutable_repaid_overdraft());
  write(totals.drawn, proto->mutable_drawn());
  write(totals.overdrawn, proto->mutable_overdrawn());
  write(totals.expired, proto->mutable_expired());
  write(totals.paid_back, proto->mutable_paid_back());
  write(totals.billed_overdraft, proto->mutable_billed_overdraft());
  write(totals.Owed(), proto->mutable_owed());
}

void WriteStatement(const StatementView& view, const Zone& zone, const std::string& currency_code,
                    v1::Statement* proto) {
  const StatementFinalized& statement = view.statement;
  const bool is_final = view.finalized_sequence != 0;
  proto->set_statement_id(StatementId(statement.period, zone));
  proto->set_state(is_final ? v1::STATEMENT_STATE_FINAL : v1::STATEMENT_STATE_DRAFT);
  WriteTimestamp(statement.period.start, proto->mutable_start_time());
  WriteTimestamp(statement.period.end, proto->mutable_end_time());
  proto->set_first_sequence(statement.first_sequence);
  proto->set_last_sequence(view.last_sequence);
  if (is_final) {
    proto->set_finalized_sequence(view.finalized_sequence);
    WriteTimestamp(view.finalized_at, proto->mutable_finalize_time());
  }
  WriteTotals(statement.totals, currency_code, proto);
  WriteMoney(statement.opening_balance, currency_code, proto->mutable_opening_balance());
  WriteMoney(statement.opening_overdraft, currency_code, proto->mutable_opening_overdraft());
  WriteMoney(statement.closing_balance, currency_code, proto->mutable_closing_balance());
  WriteMoney(statement.closing_overdraft, currency_code, proto->mutable_closing_overdraft());
}

// What lines are by where the request does not say.
void ReadStatementDimensions(const v1::GetStatementRequest& request, UsageQuery* query,
                             FieldViolations* violations) {
  ReadDimensions(request.group_by(), true, query, violations);
  if (!request.group_by().empty()) return;
  query->by_member = query->by_tier = query->by_surface = query->by_model = true;
}

// The draft changes from page to page; a page token keeps what the first page showed of it.
std::string StatementScope(const v1::GetStatementRequest& request, const UsageQuery& query) {
  return absl::StrCat("GetStatement|", request.organization_id(), "|", request.statement_id(), "|",
                      DimensionKey(query));
}

}  // namespace

absl::Status SeeingReads::ListStatements(const v1::ListStatementsRequest& request,
                                         v1::ListStatementsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  const Page page = ReadPage(request, absl::StrCat("ListStatements|", request.organization_id()),
                             kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  // Journals what is due, so that a month that is over is final.
  if (const auto basics = BasicsOf(request.organization_id()); !basics.ok()) return basics.status();
  const auto snapshot = engine_.store().NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto list = bursar::ListStatements(**snapshot, request.organization_id());
  if (!list.ok()) return list.status();
  const auto zone = engine_.zones().Find(list->time_zone);
  if (!zone.ok()) return zone.status();
  // Positions: the first entry of the last statement shown.
  const int64_t before = NumberIn(page.position);
  for (const StatementView& view : list->statements) {
    if (before != 0 && view.statement.first_sequence >= before) continue;
    const int shown = response->statements_size();
    if (static_cast<size_t>(shown) == page.size) {
      response->set_next_page_token(MakePageToken(
          page.scope, absl::StrCat(response->statements(shown - 1).first_sequence())));
      break;
    }
    WriteStatement(view, *zone, list->currency_code, response->add_statements());
  }
  WritePosition({list->revision, list->as_of}, engine_.epoch(), response->mutable_position());
  return absl::OkStatus();
}

absl::Status SeeingReads::GetStatement(const v1::GetStatementRequest& request,
                                       v1::GetStatementResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckText("statement_id", request.statement_id(), 64, &violations);
  UsageQuery query;
  ReadStatementDimensions(request, &query, &violations);
  const Page page = ReadPage(request, StatementScope(request, query), kDefaultUsagePage,
                             kLargestUsagePage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (const auto basics = BasicsOf(request.organization_id()); !basics.ok()) return basics.status();
  const auto snapshot = engine_.store().NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto list = bursar::ListStatements(**snapshot, request.organization_id());
  if (!list.ok()) return list.status();
  const auto zone = engine_.zones().Find(list->time_zone);
  if (!zone.ok()) return zone.status();
  query.zone = *zone;
  const auto view =
      std::find_if(list->statements.begin(), list->statements.end(), [&](const StatementView& one) {
        return request.statement_id().empty() ||
               StatementId(one.statement.period, *zone) == request.statement_id();
      });
  if (view == list->statements.end()) {
    return WithReason(absl::NotFoundError("there is no such statement: nothing counted in it"),
                      "STATEMENT_NOT_FOUND");
  }
  const auto lines = StatementLines(**snapshot, request.organization_id(), *view, query);
  if (!lines.ok()) return lines.status();
  // A draft that went on since the first page has other lines: the pages would not add up.
  const RowPage rows = ReadRowPage(page.position);
  if (rows.revision != 0 && rows.revision != view->last_sequence) {
    return WithReason(absl::AbortedError("the draft has changed since the first page; begin again"),
                      "STATEMENT_CHANGED");
  }
  WriteStatement(*view, *zone, list->currency_code, response->mutable_statement());
  const size_t begin = std::min(rows.begin, lines->rows.size());
  const size_t end = std::min(begin + page.size, lines->rows.size());
  for (size_t i = begin; i < end; ++i) {
    WriteUsageSum(lines->rows[i], query, list->currency_code, response->add_lines());
  }
  WriteUsageSum(lines->total, query, list->currency_code, response->mutable_line_total());
  if (end < lines->rows.size()) {
    response->set_next_page_token(MakePageToken(page.scope, MakeRowPage(end, view->last_sequence)));
  }
  WritePosition({list->revision, list->as_of}, engine_.epoch(), response->mutable_position());
  return absl::OkStatus();
}

}  // namespace bursar
