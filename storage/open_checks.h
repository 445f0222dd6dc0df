// What an open decides from the files alone, before RocksDB is let at them: whether everything that
// was acknowledged is still there.
//
// Tables and log must join without a gap: for every family, the tables hold all groups up to the
// first one that the log can give back. RocksDB itself would not notice that its manifest forgot a
// table, or that a log is missing that it forgot it needs.
//
// Thread rule: pure functions.
//
// Source: rule R3 (docs/rules.md); docs/storage_format.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/key_schema.h"
#include "storage/rocksdb_database.h"
#include "storage/store_directory.h"

namespace bursar {

// The last group that tables and log give together. DATA_LOSS when they do not join. `log` is in
// the order of the files' age; old logs that are no longer needed may be among them.
absl::StatusOr<GroupId> JoinTablesAndLog(const StoredGroups& tables,
                                         const std::vector<WalFile>& log);

// Compares the last group found with the watermark. DATA_LOSS when acknowledged writes are missing
// or are not those that were acknowledged. `where` names the store.
absl::Status CheckWatermark(const std::string& where, const std::optional<GroupId>& vouched,
                            const GroupId& found);

}  // namespace bursar
