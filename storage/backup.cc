#include "storage/backup.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"
#include "storage/rocksdb_status.h"
#include "storage/store_directory.h"
#include "storage/watermark.h"

namespace bursar {
namespace {

rocksdb::Env* OrDefault(rocksdb::Env* env) {
  return env != nullptr ? env : rocksdb::Env::Default();
}

rocksdb::BackupEngineOptions EngineOptions(const std::string& directory) {
  rocksdb::BackupEngineOptions options(directory);
  options.share_table_files = true;
  // By checksum, so that a file is shared only with itself, whatever its name says.
  options.share_files_with_checksum = true;
  options.sync = true;
  options.max_background_operations = 1;  // Beside a server that has better things to do.
  return options;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenForReading(
    rocksdb::Env* env, const std::string& directory) {
  if (env->FileExists(directory + "/meta").IsNotFound()) {
    return absl::NotFoundError(absl::StrCat("backup: there are no backups in ", directory));
  }
  rocksdb::BackupEngineReadOnly* raw = nullptr;
  const rocksdb::IOStatus opened =
      rocksdb::BackupEngineReadOnly::Open(EngineOptions(directory), env, &raw);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(raw);
  if (!opened.ok()) return FromRocksDb(opened, absl::StrCat("opening the backups in ", directory));
  return engine;
}

// What goes with each backup: the watermark, then the store that it is of, with a checksum.
constexpr std::string_view kStoreLine = "store ";

struct Metadata {
  std::string watermark;
  std::string store_id;  // Empty in those that do not say.
};

std::string FormatMetadata(const Metadata& metadata) {
  const std::string check = Sha256({metadata.watermark, metadata.store_id});
  return absl::StrCat(metadata.watermark, ToAbsl(kStoreLine), metadata.store_id, " ",
                      absl::BytesToHexString(check), "\n");
}

// What is damaged is left whole as the watermark, which is then none.
Metadata ParseMetadata(const std::string& text) {
  const size_t line = text.rfind(absl::StrCat("\n", ToAbsl(kStoreLine)));
  if (line == std::string::npos) return {text, ""};
  const size_t id = line + 1 + kStoreLine.size();
  const Metadata metadata = {text.substr(0, line + 1), text.substr(id, text.find(' ', id) - id)};
  return FormatMetadata(metadata) == text ? metadata : Metadata{text, ""};
}

absl::StatusOr<BackupInfo> FromEngine(const rocksdb::BackupInfo& found) {
  const absl::StatusOr<GroupId> vouched =
      ParseWatermark(ParseMetadata(found.app_metadata).watermark);
  if (!vouched.ok()) {
    return absl::DataLossError(
        absl::StrCat("backup ", found.backup_id,
                     " does not say up to which group it is whole: ", vouched.status().message()));
  }
  BackupInfo info;
  info.backup_id = found.backup_id;
  info.created_at = absl::FromUnixSeconds(found.timestamp);
  info.bytes = static_cast<int64_t>(found.size);
  info.file_count = found.number_files;
  info.group = vouched->group;
  return info;
}

// The newest, or the one of that id.
absl::StatusOr<rocksdb::BackupInfo> Find(const rocksdb::BackupEngineReadOnlyBase& engine,
                                         const std::string& directory, uint32_t backup_id) {
  std::vector<rocksdb::BackupInfo> found;
  engine.GetBackupInfo(&found);
  std::vector<rocksdb::BackupID> damaged;
  engine.GetCorruptedBackups(&damaged);
  if (backup_id == 0 && !damaged.empty() &&
      (found.empty() ||
       *std::max_element(damaged.begin(), damaged.end()) > found.back().backup_id)) {
    // An older one in its place would lose what came after it, without a word.
    return absl::DataLossError(
        absl::StrCat("backup ", *std::max_element(damaged.begin(), damaged.end()), " in ",
                     directory, ", the newest, is damaged; name another one to restore that"));
  }
  if (backup_id == 0 && !found.empty()) return found.back();
  const auto match = std::find_if(found.begin(), found.end(),
                                  [&](const auto& one) { return one.backup_id == backup_id; });
  if (match != found.end()) return *match;
  if (std::find(damaged.begin(), damaged.end(), backup_id) != damaged.end()) {
    return absl::DataLossError(
        absl::StrCat("backup ", backup_id, " in ", directory, " is damaged; restore another one"));
  }
  return absl::NotFoundError(
      backup_id == 0 ? absl::StrCat("backup: there are no backups in ", directory)
                     : absl::StrCat("backup: there is no backup ", backup_id, " in ", directory));
}

absl::Status Verify(const rocksdb::BackupEngineReadOnlyBase& engine, const std::string& directory,
                    uint32_t backup_id) {
  const rocksdb::IOStatus verified = engine.VerifyBackup(backup_id, /*verify_with_checksum=*/true);
  if (verified.ok()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("backup ", backup_id, " in ", directory, " is damaged: ", verified.ToString()));
}

absl::Status RequireOwn(const rocksdb::BackupEngineReadOnlyBase& engine,
                        const std::string& store_id, const std::string& directory) {
  std::vector<rocksdb::BackupInfo> found;
  engine.GetBackupInfo(&found);
  for (const rocksdb::BackupInfo& one : found) {
    const std::string owner = ParseMetadata(one.app_metadata).store_id;
    if (owner.empty() || owner == store_id) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("backup: ", directory, " has the backups of another store (backup ",
                     one.backup_id, " is of store ", owner, "); name a directory of its own"));
  }
  return absl::OkStatus();
}

absl::Status RequireEmpty(rocksdb::Env* env, const std::string& directory) {
  std::vector<std::string> names;
  const rocksdb::Status listed = env->GetChildren(directory, &names);
  if (listed.IsNotFound() || listed.IsPathNotFound()) return absl::OkStatus();
  if (!listed.ok()) return FromRocksDb(listed, absl::StrCat("listing the directory ", directory));
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  if (names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("restore: the directory ", directory,
                   " is not empty; name a new one, and move it into place once it is verified"));
}

}  // namespace

absl::StatusOr<BackupInfo> CreateBackup(const BackupSource& source, const std::string& directory,
                                        uint32_t keep) {
  if (absl::Status s = CreatePrivateDirectory(source.env, directory); !s.ok()) return s;
  const auto lock = DirectoryLock::Take(source.env, directory);
  if (!lock.ok()) return lock.status();
  rocksdb::BackupEngine* raw = nullptr;
  const rocksdb::IOStatus opened =
      rocksdb::BackupEngine::Open(EngineOptions(directory), source.env, &raw);
  const std::unique_ptr<rocksdb::BackupEngine> engine(raw);
  if (!opened.ok()) return FromRocksDb(opened, absl::StrCat("opening the backups in ", directory));
  if (absl::Status s = RequireOwn(*engine, source.store_id, directory); !s.ok()) return s;
  rocksdb::CreateBackupOptions create;
  // Tables are shared with the next backup, the log is not.
  create.flush_before_backup = true;
  create.decrease_background_thread_cpu_priority = true;
  rocksdb::BackupID backup_id = 0;
  const rocksdb::IOStatus created = engine->CreateNewBackupWithMetadata(
      create, source.database, FormatMetadata({FormatWatermark(source.vouched), source.store_id}),
      &backup_id);
  if (!created.ok()) return FromRocksDb(created, absl::StrCat("making a backup in ", directory));
  if (absl::Status s = Verify(*engine, directory, backup_id); !s.ok()) return s;
  const absl::StatusOr<rocksdb::BackupInfo> made = Find(*engine, directory, backup_id);
  if (!made.ok()) return made.status();
  if (keep > 0) {
    const rocksdb::IOStatus purged = engine->PurgeOldBackups(keep);
    if (!purged.ok()) return FromRocksDb(purged, "deleting old backups");
  }
  return FromEngine(*made);
}

absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& directory,
                                                    rocksdb::Env* env) {
  const auto engine = OpenForReading(OrDefault(env), directory);
  if (!engine.ok()) return engine.status();
  std::vector<rocksdb::BackupInfo> found;
  (*engine)->GetBackupInfo(&found);
  std::vector<BackupInfo> backups;
  for (const rocksdb::BackupInfo& one : found) {
    absl::StatusOr<BackupInfo> info = FromEngine(one);
    if (!info.ok()) return info.status();
    backups.push_back(*std::move(info));
  }
  return backups;
}

absl::StatusOr<BackupInfo> RestoreBackup(const RestoreBackupOptions& options) {
  rocksdb::Env* const env = OrDefault(options.env);
  const auto engine = OpenForReading(env, options.backups);
  if (!engine.ok()) return engine.status();
  const absl::StatusOr<rocksdb::BackupInfo> found =
      Find(**engine, options.backups, options.backup_id);
  if (!found.ok()) return found.status();
  const absl::StatusOr<BackupInfo> info = FromEngine(*found);
  if (!info.ok()) return info.status();
  if (absl::Status s = RequireEmpty(env, options.directory); !s.ok()) return s;
  if (absl::Status s = Verify(**engine, options.backups, info->backup_id); !s.ok()) return s;
  if (absl::Status s = CreatePrivateDirectory(env, options.directory); !s.ok()) return s;
  const std::string database = absl::StrCat(options.directory, "/", kDatabaseDirectory);
  const rocksdb::IOStatus restored = (*engine)->RestoreDBFromBackup(
      rocksdb::RestoreOptions(), info->backup_id, database, database);
  if (!restored.ok()) {
    return FromRocksDb(restored, absl::StrCat("restoring backup ", info->backup_id));
  }
  if (absl::Status s = SyncDirectory(env, database); !s.ok()) return s;
  absl::Status written = ReplaceFile(env, options.directory, kWatermarkFile,
                                     ParseMetadata(found->app_metadata).watermark);
  if (!written.ok()) return written;
  if (absl::Status s = WriteFormat(env, options.directory); !s.ok()) return s;
  return info;
}

}  // namespace bursar
