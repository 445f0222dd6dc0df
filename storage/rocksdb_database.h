// RocksDB opened the way the store wants it: families, tables, checksums, recovery and memory.
//
// Thread rule: opening and destroying is one thread's affair; the handles may be used by any.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/rocksdb_store.h"
#include "storage/rocksdb_view.h"

namespace bursar {

// An open database with its families; closes them when destroyed.
class RocksDbDatabase {
 public:
  // Opens the database in `path`, creating it and its families when missing (unless read-only).
  static absl::StatusOr<std::unique_ptr<RocksDbDatabase>> Open(const RocksDbStoreOptions& options,
                                                               const std::string& path);
  // Reads the group row without changing anything; the row of group 0 when there is none yet.
  static absl::StatusOr<GroupRow> PeekGroupRow(const RocksDbStoreOptions& options,
                                               const std::string& path);
  ~RocksDbDatabase();
  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  const RocksDbHandles& handles() const { return handles_; }

 private:
  RocksDbDatabase() = default;

  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
  RocksDbHandles handles_;
};

}  // namespace bursar
