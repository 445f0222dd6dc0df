#include "server/engine/statement_query.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/engine/record_codec.h"
#include "server/engine/statement_codec.h"
#include "server/ledger/statements.h"

namespace bursar {
namespace {

constexpr size_t kPage = 512;

}  // namespace

std::string StatementId(const Window& period, const Zone& zone) {
  const absl::TimeZone::CivilInfo local = zone.time_zone().At(period.start);
  const bool begins_month = local.cs == absl::CivilSecond(absl::CivilMonth(local.cs)) &&
                            local.subsecond == absl::ZeroDuration();
  return begins_month ? absl::FormatCivilTime(absl::CivilDay(local.cs))
                      : absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", period.start, absl::UTCTimeZone());
}

absl::StatusOr<StatementList> ListStatements(const Reader& reader,
                                             const std::string& organization_id) {
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) {
    return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
  }
  absl::StatusOr<StoredHeader> stored = DecodeHeader(loaded->front().value);
  if (!stored.ok()) return stored.status();
  const WalletHeader& header = stored->header;
  StatementList list;
  list.currency_code = header.settings.currency_code;
  list.time_zone = header.settings.time_zone;
  list.revision = header.revision;
  list.as_of = header.last_entry_at;
  std::string after;
  while (true) {
    absl::StatusOr<std::vector<RecordRow>> rows =
        reader.ScanRecords(organization_id, RecordKind::kStatement, after, kPage);
    if (!rows.ok()) return rows.status();
    for (const RecordRow& row : *rows) {
      absl::StatusOr<StoredStatement> statement = DecodeStatement(row.value);
      if (!statement.ok()) return statement.status();
      list.statements.push_back({statement->statement, statement->sequence - 1, statement->sequence,
                                 statement->finalized_at});
    }
    if (rows->size() < kPage) break;
    after = rows->back().id;
  }
  if (header.statement.IsOpen()) {
    list.statements.push_back({FinalizeStatement(header), header.revision, 0, {}});
  }
  std::reverse(list.statements.begin(), list.statements.end());
  return list;
}

absl::StatusOr<UsageReport> StatementLines(const Reader& reader, const std::string& organization_id,
                                           const StatementView& view, UsageQuery query) {
  query.first_sequence = view.statement.first_sequence;
  query.last_sequence = view.last_sequence;
  absl::StatusOr<UsageReport> report = QueryUsage(reader, organization_id, query);
  if (!report.ok()) return report;
  const StatementTotals& totals = view.statement.totals;
  const UsageSum& sum = report->total;
  if (sum.cost != totals.NetCost() || sum.included != totals.included - totals.reversed_included ||
      sum.extra != totals.extra - totals.reversed_extra ||
      sum.metered != totals.metered - totals.reversed_metered) {
    return absl::DataLossError(absl::StrCat("the statement that begins with entry ",
                                            view.statement.first_sequence, " says ",
                                            FormatAmount(totals.NetCost()), ", its entries ",
                                            FormatAmount(sum.cost), ": run `bursar verify`"));
  }
  return report;
}

}  // namespace bursar
