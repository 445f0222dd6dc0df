// Statements as records: on the header, in the journal, and each final one by itself.
//
// Decoding takes any bytes: what is no record of ours is DATA_LOSS.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/storage/v1/journal.pb.h"
#include "server/engine/record_parts.h"
#include "server/ledger/entry.h"

namespace bursar {

void ToRecord(const OpenStatement& statement, storage::v1::OpenStatementRecord* record);
OpenStatement FromRecord(const storage::v1::OpenStatementRecord& record, Damage& damage);

void ToRecord(const StatementFinalized& statement, storage::v1::StatementFinalizedRecord* record);
StatementFinalized FromRecord(const storage::v1::StatementFinalizedRecord& record, Damage& damage);

// Writes a body into its field.
void BodyToRecord(const StatementOpened& body, storage::v1::EntryRecord* record);
void BodyToRecord(const StatementFinalized& body, storage::v1::EntryRecord* record);
// The body, where the record holds one of these.
std::optional<EntryBody> TakeStatementBody(const storage::v1::EntryRecord& record, Damage& damage);

// A final statement as it is kept beside its entry, named by it.
struct StoredStatement {
  StatementFinalized statement;
  int64_t sequence = 0;  // The entry.
  absl::Time finalized_at;
};
std::string EncodeStatement(const StoredStatement& statement);
absl::StatusOr<StoredStatement> DecodeStatement(std::string_view bytes);

}  // namespace bursar
