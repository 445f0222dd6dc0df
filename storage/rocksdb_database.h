// RocksDB opened the way the store wants it: families, tables, checksums, recovery and memory.
//
// Thread rule: opening and destroying is one thread's affair; the handles may be used by any.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/file_view.h"
#include "storage/rocksdb_store.h"
#include "storage/rocksdb_view.h"

namespace bursar {

// What the tables hold, apart from the log.
struct StoredGroups {
  GroupRow row;             // Of group 0 when there is none.
  FamilyGroups families{};  // The groups that the families themselves say last changed them.
};

// An open database with its families; closes them when destroyed.
class RocksDbDatabase {
 public:
  // Opens the database in `path`, creating it and its families when missing (unless read-only).
  // Read-only, an unfinished manifest is read as if it were cut.
  static absl::StatusOr<std::unique_ptr<RocksDbDatabase>> Open(
      const RocksDbStoreOptions& options, const std::string& path,
      const std::optional<UnfinishedFile>& manifest);
  // Looks at the tables without the log, and without changing anything.
  static absl::StatusOr<StoredGroups> PeekTables(const RocksDbStoreOptions& options,
                                                 const std::string& path,
                                                 const std::optional<UnfinishedFile>& manifest);
  ~RocksDbDatabase();
  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  const RocksDbHandles& handles() const { return handles_; }

  // The group row and the families' marks, as they are now. DATA_LOSS when they are unreadable.
  absl::StatusOr<StoredGroups> ReadGroups() const;

 private:
  RocksDbDatabase() = default;

  // Opens the families named by `families`, which begin with those of Families() in that order.
  absl::Status OpenWith(const rocksdb::DBOptions& database, bool read_only, const std::string& path,
                        const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

  std::unique_ptr<rocksdb::Env> view_;  // Outlives the database.
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
  RocksDbHandles handles_;
};

}  // namespace bursar
