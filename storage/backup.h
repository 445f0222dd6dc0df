// Backups of the embedded store: made while it serves, incremental, verified, and restored into a
// directory of their own.
//
// A directory of backups is RocksDB's own (BackupEngine): table files are shared by the backups
// that need them, so a further backup copies only what is new; each backup is a whole state of the
// store at one moment. With each goes the watermark of the last group that was durable before it
// began, so that a restored store proves by its chain of hashes that nothing of that is missing.
//
// Store::BackUp makes them. What is here needs no open store.
//
// Thread rule: pure functions of the disk; only one at a time writes to a directory of backups,
// which is locked while it does.
//
// Source: rule J3 (docs/rules.md); docs/operations.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/key_schema.h"
#include "storage/store.h"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace bursar {

// What a backup is of.
struct BackupSource {
  rocksdb::Env* env = nullptr;
  rocksdb::DB* database = nullptr;
  std::string store_id;
  GroupId vouched;  // The last durable group.
};

// Makes a backup in `directory`, which is created where it is missing, then reads all of it back
// and compares checksums, then deletes all but the newest `keep` (0: none). FAILED_PRECONDITION
// where the directory has the backups of another store, whose newest would no longer be its own, or
// another process is making one in it; UNAVAILABLE when a disk fails; DATA_LOSS when what was
// written does not read back.
absl::StatusOr<BackupInfo> CreateBackup(const BackupSource& source, const std::string& directory,
                                        uint32_t keep);

// The backups in a directory, oldest first. NOT_FOUND when there are none. `env`: null = the
// machine's.
absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& directory,
                                                    rocksdb::Env* env = nullptr);

// What to restore, and where to.
struct RestoreBackupOptions {
  std::string backups;          // The directory of backups.
  uint32_t backup_id = 0;       // Which; 0 = the newest.
  std::string directory;        // The new store's; missing or empty.
  rocksdb::Env* env = nullptr;  // Null = the machine's.
};

// Checks the backup file by file, copies it, and makes the directory a store: last of all, so that
// one that was interrupted is refused by every open. Opening the store then proves the rest.
//
// NOT_FOUND: no such backup. FAILED_PRECONDITION: the directory is not empty. DATA_LOSS: a file of
// the backup is missing or damaged; another backup may be whole. UNAVAILABLE: the disk.
absl::StatusOr<BackupInfo> RestoreBackup(const RestoreBackupOptions& options);

}  // namespace bursar
