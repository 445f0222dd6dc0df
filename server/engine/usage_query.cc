#include "server/engine/usage_query.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/engine/record_codec.h"
#include "server/engine/statement_codec.h"
#include "server/engine/usage_adder.h"

namespace bursar {
namespace {

// How many statements are looked at together: more than most organizations ever have.
constexpr size_t kStatementPage = 256;

bool ComesBefore(const UsageSum& a, const UsageSum& b) {
  if (a.month.start != b.month.start) return a.month.start < b.month.start;
  if (a.period.start != b.period.start) return a.period.start < b.period.start;
  if (a.cost != b.cost) return a.cost > b.cost;
  return std::tie(a.member_id, a.surface, a.provider, a.model, a.tier_id, a.meter) <
         std::tie(b.member_id, b.surface, b.provider, b.model, b.tier_id, b.meter);
}

// The first entry that may be recorded at `start` or later: that behind the last statement which
// ended by then, so that a report of this month does not read the years before it.
absl::StatusOr<int64_t> FirstSequenceAt(const Reader& reader, const std::string& organization_id,
                                        absl::Time start) {
  int64_t first = 1;
  if (start == absl::InfinitePast()) return first;
  std::string after;
  while (true) {
    absl::StatusOr<std::vector<RecordRow>> rows =
        reader.ScanRecords(organization_id, RecordKind::kStatement, after, kStatementPage);
    if (!rows.ok()) return rows.status();
    for (const RecordRow& row : *rows) {
      absl::StatusOr<StoredStatement> statement = DecodeStatement(row.value);
      if (!statement.ok()) return statement.status();
      if (statement->statement.period.end > start) return first;
      first = statement->sequence + 1;
    }
    if (rows->size() < kStatementPage) return first;
    after = rows->back().id;
  }
}

absl::Status TooLarge(size_t max_rows) {
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("the answer has more than ", max_rows,
                                     " rows; ask for a shorter time, filter, or group by less")),
                    "USAGE_QUERY_TOO_LARGE");
}

absl::Status AddJournal(const Reader& reader, const std::string& organization_id,
                        const UsageQuery& query, UsageReport& report) {
  absl::StatusOr<int64_t> first = FirstSequenceAt(reader, organization_id, query.start);
  if (!first.ok()) return first.status();
  absl::StatusOr<std::unique_ptr<JournalCursor>> cursor = reader.ReadJournal(
      organization_id, std::max(*first, query.first_sequence), Direction::kForward);
  if (!cursor.ok()) return cursor.status();
  UsageAdder adder(query, report);
  while (true) {
    absl::StatusOr<std::optional<JournalRecord>> record = (*cursor)->Next();
    if (!record.ok()) return record.status();
    if (!record->has_value() || (*record)->first_sequence > query.last_sequence) break;
    // A record is dated as its last entry is.
    if ((*record)->committed_at < query.start) continue;
    absl::StatusOr<DecodedJournal> journal = DecodeJournal((*record)->record);
    if (!journal.ok()) return journal.status();
    if (journal->entries.front().recorded_at >= query.end) break;
    for (const Entry& entry : journal->entries) {
      if (entry.recorded_at < query.start || entry.recorded_at >= query.end) continue;
      if (entry.sequence < query.first_sequence || entry.sequence > query.last_sequence) continue;
      adder.Add(entry);
      if (adder.IsFull()) return TooLarge(query.max_rows);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UsageReport> QueryUsage(const Reader& reader, const std::string& organization_id,
                                       const UsageQuery& query) {
  BURSAR_CHECK((!query.by_meter && query.meters.empty()) || query.split != nullptr);
  absl::StatusOr<std::vector<LoadedValue>> header =
      reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!header.ok()) return header.status();
  if (header->front().state != LoadState::kFound) {
    return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
  }
  absl::StatusOr<StoredHeader> stored = DecodeHeader(header->front().value);
  if (!stored.ok()) return stored.status();
  UsageReport report;
  report.revision = std::min(stored->header.revision, query.last_sequence);
  report.as_of = stored->header.last_entry_at;
  if (absl::Status s = AddJournal(reader, organization_id, query, report); !s.ok()) return s;
  std::sort(report.rows.begin(), report.rows.end(), ComesBefore);
  return report;
}

absl::StatusOr<UsageReport> QueryUsage(Store& store, const std::string& organization_id,
                                       const UsageQuery& query) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  return QueryUsage(**snapshot, organization_id, query);
}

}  // namespace bursar
