// The directory of a RocksDB store: what lies in it, whose it is, and that only one process uses
// it. Everything here is decided before RocksDB is started, and a directory that is refused is left
// as it was found.
//
//   FORMAT      "bursar-store 1": whose directory this is, and in which format
//   LOCK        locked while a process has the store open
//   WATERMARK   see watermark.h
//   db/         RocksDB's own directory
//
// Thread rule: an object is used by one thread at a time.
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/file_view.h"
#include "storage/key_schema.h"
#include "storage/wal_inspector.h"

namespace bursar {

inline constexpr char kFormatFile[] = "FORMAT";
inline constexpr char kLockFile[] = "LOCK";
inline constexpr char kWatermarkFile[] = "WATERMARK";
inline constexpr char kDatabaseDirectory[] = "db";
// Ends the name of a file that is being written and will be renamed.
inline constexpr char kTemporarySuffix[] = ".tmp";

// Makes a directory for the owner alone; one that is there stays as it is.
absl::Status CreatePrivateDirectory(rocksdb::Env* env, const std::string& directory);

// Makes the directory's entries durable.
absl::Status SyncDirectory(rocksdb::Env* env, const std::string& directory);

// The lock of a directory, until the object ends or the process does.
class DirectoryLock {
 public:
  // FAILED_PRECONDITION where another process has it, or it cannot be locked.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Take(rocksdb::Env* env,
                                                             const std::string& directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  DirectoryLock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}

  rocksdb::Env* const env_;
  rocksdb::FileLock* const lock_;
};

// Says, durably, that a directory is a store of the present format.
absl::Status WriteFormat(rocksdb::Env* env, const std::string& directory);

// One log file as it was found.
struct WalFile {
  std::string path;
  int64_t bytes = 0;
  WalContents contents;
};

// A store's directory, locked for as long as the object lives.
class StoreDirectory {
 public:
  // Looks at the directory and locks it. A missing or empty one is made ours when `may_create`.
  //
  // NOT_FOUND: missing or empty, and it may not be created. FAILED_PRECONDITION: it is not empty
  // and not ours, is of a newer format, or is in use. UNAVAILABLE: the disk. Nothing is touched.
  static absl::StatusOr<std::unique_ptr<StoreDirectory>> Open(rocksdb::Env* env, std::string path,
                                                              bool may_create);
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string database_path() const { return path_ + "/" + kDatabaseDirectory; }

  // True when RocksDB has made its database (which the creation of a store does last but one).
  bool HasDatabase() const;

  // The watermark; none when there is no such file. DATA_LOSS when it is damaged.
  absl::StatusOr<std::optional<GroupId>> ReadWatermark() const;

  // Every log file, oldest first, each one read to its end. DATA_LOSS when one is damaged. Changes
  // nothing. A whole log that is missing is for RocksDB to notice, which keeps a list of those that
  // it needs; others may be left over in any number.
  absl::StatusOr<std::vector<WalFile>> InspectLog() const;

  // The manifest, when the end of it was never finished, as a crash may leave it: a part of a
  // sector that was never written. (One that merely ends early is none: RocksDB understands that.)
  // Whether the tables miss what is lost with it is for JoinTablesAndLog to see. Changes nothing.
  absl::StatusOr<std::optional<UnfinishedFile>> InspectManifest() const;

  // Cuts an unfinished end off a file of the database, all at once: after a crash it is either cut
  // or as before.
  absl::Status CutUnfinished(const UnfinishedFile& file);

 private:
  StoreDirectory(rocksdb::Env* env, std::string path) : env_(env), path_(std::move(path)) {}

  absl::Status Lock();
  absl::Status CheckFormat() const;
  absl::Status Create();

  rocksdb::Env* const env_;
  const std::string path_;
  std::unique_ptr<DirectoryLock> lock_;
};

}  // namespace bursar
