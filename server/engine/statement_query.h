// Statements, read from a snapshot of the store (rule S4).
//
// A final statement is a record beside its journal entry; the draft of the running month is what
// the wallet's header counts. Lines are added up from the journal between the statement's entries.
//
// Thread rule: free functions; each call takes its own snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/usage_query.h"
#include "server/ledger/entry.h"
#include "storage/store.h"

namespace bursar {

struct StatementView {
  StatementFinalized statement;
  int64_t last_sequence = 0;
  int64_t finalized_sequence = 0;  // Zero of a draft.
  absl::Time finalized_at;
};

// "2026-11-01", in the zone; the instant where the period does not begin a local month.
std::string StatementId(const Window& period, const Zone& zone);

struct StatementList {
  std::vector<StatementView> statements;  // Newest first, the draft before all.
  std::string currency_code;
  std::string time_zone;
  int64_t revision = 0;
  absl::Time as_of;  // When the wallet's last entry was recorded.
};
// All of an organization's statements: one for each month in which something counted. NOT_FOUND for
// an unknown organization.
absl::StatusOr<StatementList> ListStatements(const Reader& reader,
                                             const std::string& organization_id);

// The lines of a statement: the query's grouping, over the statement's entries. DATA_LOSS where
// they do not add up to it. Errors as QueryUsage.
absl::StatusOr<UsageReport> StatementLines(const Reader& reader, const std::string& organization_id,
                                           const StatementView& view, UsageQuery query);

}  // namespace bursar
