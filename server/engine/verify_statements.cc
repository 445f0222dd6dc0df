#include "server/engine/verify_statements.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/engine/record_codec.h"
#include "server/engine/statement_codec.h"
#include "server/ledger/statements.h"

namespace bursar {
namespace {

constexpr size_t kPage = 512;

}  // namespace

void StatementVerifier::Visit(const Entry& entry) {
  if (const auto* statement = std::get_if<StatementFinalized>(&entry.body)) {
    return Check(entry, *statement);
  }
  const StatementTotals before = since_;
  AddToTotals(entry.body, since_);
  if (since_ == before) return;
  earliest_counted_ = std::min(earliest_counted_, entry.recorded_at);
  latest_counted_ = std::max(latest_counted_, entry.recorded_at);
}

void StatementVerifier::Check(const Entry& entry, const StatementFinalized& statement) {
  if (!(since_ == statement.totals)) {
    violate_(entry.sequence,
             absl::StrCat("a final statement says ", FormatAmount(statement.totals.NetCost()),
                          " where the journal adds up to ", FormatAmount(since_.NetCost()),
                          ", or differs in what it was made of"));
  }
  if (earliest_counted_ < statement.period.start || latest_counted_ >= statement.period.end) {
    violate_(entry.sequence, "a final statement counts what was recorded outside its period");
  }
  if (statement.period.start < covered_until_ || statement.period.end <= statement.period.start) {
    violate_(entry.sequence, "a final statement overlaps the one before it");
  }
  if (statement.opening_balance - statement.opening_overdraft + statement.totals.CreditChange() !=
      statement.closing_balance - statement.closing_overdraft) {
    violate_(entry.sequence,
             "the credit of a final statement does not lead to its closing balance");
  }
  covered_until_ = statement.period.end;
  since_ = StatementTotals();
  earliest_counted_ = absl::InfiniteFuture();
  latest_counted_ = absl::InfinitePast();
  records_[SequenceKey(entry.sequence)] =
      EncodeStatement({statement, entry.sequence, entry.recorded_at});
}

absl::Status StatementVerifier::CompareRecords(const Reader& reader,
                                               const std::string& organization_id) {
  std::string after;
  size_t count = 0;
  while (true) {
    absl::StatusOr<std::vector<RecordRow>> rows =
        reader.ScanRecords(organization_id, RecordKind::kStatement, after, kPage);
    if (!rows.ok()) return rows.status();
    for (const RecordRow& row : *rows) {
      const auto expected = records_.find(row.id);
      absl::StatusOr<StoredStatement> stored = DecodeStatement(row.value);
      // Encoded again, so that another order of the same fields is no difference.
      if (expected == records_.end() || !stored.ok() ||
          EncodeStatement(*stored) != expected->second) {
        violate_(stored.ok() ? stored->sequence : 0,
                 "the stored record of a statement is not what the journal says");
      }
    }
    count += rows->size();
    if (rows->size() < kPage) break;
    after = rows->back().id;
  }
  if (count != records_.size()) {
    violate_(0, absl::StrCat(count, " statements are stored, the journal has ", records_.size()));
  }
  return absl::OkStatus();
}

}  // namespace bursar
