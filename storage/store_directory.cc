#include "storage/store_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "server/base/strings.h"
#include "storage/rocksdb_status.h"
#include "storage/watermark.h"

namespace bursar {
namespace {

constexpr std::string_view kFormatWord = "bursar-store ";

// Names that a creation may have left behind when it was interrupted before FORMAT was there.
bool IsLeftOfCreation(const std::string& name) {
  return name == "." || name == ".." || name == kLockFile ||
         name == std::string(kFormatFile) + kTemporarySuffix;
}

// The directory that holds `path`, to sync after creating it.
std::string ParentOf(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The number of a log file's name ("000123.log").
std::optional<int64_t> LogNumber(const std::string& name) {
  constexpr std::string_view kSuffix = ".log";
  if (name.size() <= kSuffix.size() || !std::string_view(name).ends_with(kSuffix)) {
    return std::nullopt;
  }
  int64_t number = 0;
  const std::string digits = name.substr(0, name.size() - kSuffix.size());
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  if (!absl::SimpleAtoi(digits, &number)) return std::nullopt;
  return number;
}

}  // namespace

absl::Status CreatePrivateDirectory(rocksdb::Env* env, const std::string& directory) {
  const bool is_there = env->FileExists(directory).ok();
  const rocksdb::Status made = env->CreateDirIfMissing(directory);
  if (!made.ok()) return FromRocksDb(made, "creating the directory " + directory);
  // RocksDB knows no modes. What is in it is closed by this too.
  if (is_there || chmod(directory.c_str(), S_IRWXU) == 0) return absl::OkStatus();
  return absl::UnavailableError("closing the directory " + directory +
                                " to others: " + std::strerror(errno));
}

absl::Status SyncDirectory(rocksdb::Env* env, const std::string& directory) {
  std::unique_ptr<rocksdb::Directory> handle;
  rocksdb::Status status = env->NewDirectory(directory, &handle);
  if (status.ok()) status = handle->Fsync();
  return FromRocksDb(status, "syncing the directory " + directory);
}

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(rocksdb::Env* env,
                                                                   const std::string& directory) {
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status locked = env->LockFile(directory + "/" + kLockFile, &lock);
  if (locked.ok()) return std::unique_ptr<DirectoryLock>(new DirectoryLock(env, lock));
  return absl::FailedPreconditionError(
      "store: the directory " + directory +
      " is in use by another process, or cannot be locked: " + locked.ToString());
}

DirectoryLock::~DirectoryLock() {
  // Nothing can be done about a failure, and the process's end frees the lock too.
  const rocksdb::Status unlocked = env_->UnlockFile(lock_);
  static_cast<void>(unlocked.ok());
}

absl::StatusOr<std::unique_ptr<StoreDirectory>> StoreDirectory::Open(rocksdb::Env* env,
                                                                     std::string path,
                                                                     bool may_create) {
  std::unique_ptr<StoreDirectory> directory(new StoreDirectory(env, std::move(path)));
  const std::string& where = directory->path_;
  std::vector<std::string> names;
  const rocksdb::Status listed = env->GetChildren(where, &names);
  if (!listed.ok() && !listed.IsNotFound()) {
    return FromRocksDb(listed, "listing the directory " + where);
  }
  const bool ours = std::find(names.begin(), names.end(), kFormatFile) != names.end();
  if (!ours) {
    if (!std::all_of(names.begin(), names.end(), IsLeftOfCreation)) {
      return absl::FailedPreconditionError("store: the directory " + where +
                                           " is not empty and is not a Bursar store");
    }
    if (!may_create) return absl::NotFoundError("store: there is no store in " + where);
    if (absl::Status s = directory->Create(); !s.ok()) return s;
    return directory;
  }
  // The format is looked at first, since a newer program may lock otherwise.
  if (absl::Status s = directory->CheckFormat(); !s.ok()) return s;
  if (absl::Status s = directory->Lock(); !s.ok()) return s;
  return directory;
}

absl::Status StoreDirectory::Lock() {
  absl::StatusOr<std::unique_ptr<DirectoryLock>> lock = DirectoryLock::Take(env_, path_);
  if (lock.ok()) lock_ = *std::move(lock);
  return lock.status();
}

absl::Status StoreDirectory::CheckFormat() const {
  std::string text;
  const rocksdb::Status status = rocksdb::ReadFileToString(env_, path_ + "/" + kFormatFile, &text);
  if (!status.ok()) return FromRocksDb(status, "reading " + path_ + "/" + kFormatFile);
  int format = 0;
  if (!std::string_view(text).starts_with(kFormatWord) ||
      !absl::SimpleAtoi(text.substr(kFormatWord.size()), &format) || format < 1) {
    return absl::FailedPreconditionError("store: the directory " + path_ +
                                         " is not a Bursar store: its file FORMAT says \"" +
                                         text.substr(0, 40) + "\"");
  }
  if (format > kStoreFormat) {
    return absl::FailedPreconditionError(
        "store: the store in " + path_ + " has format " + std::to_string(format) +
        ", and this program knows formats up to " + std::to_string(kStoreFormat) +
        ": use the newer program that wrote it");
  }
  return absl::OkStatus();
}

absl::Status WriteFormat(rocksdb::Env* env, const std::string& directory) {
  return ReplaceFile(env, directory, kFormatFile,
                     std::string(kFormatWord) + std::to_string(kStoreFormat) + "\n");
}

absl::Status StoreDirectory::Create() {
  if (absl::Status s = CreatePrivateDirectory(env_, path_); !s.ok()) return s;
  if (absl::Status s = SyncDirectory(env_, ParentOf(path_)); !s.ok()) return s;
  if (absl::Status s = Lock(); !s.ok()) return s;
  return WriteFormat(env_, path_);
}

bool StoreDirectory::HasDatabase() const {
  return env_->FileExists(database_path() + "/CURRENT").ok();
}

absl::StatusOr<std::optional<GroupId>> StoreDirectory::ReadWatermark() const {
  const std::string path = path_ + "/" + kWatermarkFile;
  const rocksdb::Status exists = env_->FileExists(path);
  if (exists.IsNotFound()) return std::nullopt;
  std::string text;
  const rocksdb::Status status = rocksdb::ReadFileToString(env_, path, &text);
  if (!status.ok()) return FromRocksDb(status, "reading " + path);
  absl::StatusOr<GroupId> row = ParseWatermark(text);
  if (!row.ok()) return row.status();
  return *row;
}

absl::StatusOr<std::vector<WalFile>> StoreDirectory::InspectLog() const {
  std::vector<std::string> names;
  const rocksdb::Status listed = env_->GetChildren(database_path(), &names);
  if (!listed.ok()) return FromRocksDb(listed, "listing the directory " + database_path());
  std::vector<std::pair<int64_t, std::string>> logs;
  for (const std::string& name : names) {
    if (std::optional<int64_t> number = LogNumber(name)) logs.emplace_back(*number, name);
  }
  std::sort(logs.begin(), logs.end());
  std::vector<WalFile> files;
  for (const auto& [number, name] : logs) {
    WalFile file;
    file.path = database_path() + "/" + name;
    std::string bytes;
    const rocksdb::Status status = rocksdb::ReadFileToString(env_, file.path, &bytes);
    if (!status.ok()) return FromRocksDb(status, "reading " + file.path);
    file.bytes = static_cast<int64_t>(bytes.size());
    file.contents = InspectWal(bytes);
    const std::string refusal =
        ". Nothing was changed; acknowledged writes are at stake: restore from a backup";
    if (file.contents.end == WalEnd::kDamaged) {
      return absl::DataLossError("store: the log " + file.path +
                                 " is damaged: " + file.contents.damage + refusal);
    }
    // A torn tail is cut off before anything else is written, so only the newest log can have one.
    if (!files.empty() && files.back().contents.end == WalEnd::kTorn) {
      return absl::DataLossError("store: the log " + files.back().path +
                                 " ends in an unfinished write, and there is a later log" +
                                 refusal);
    }
    files.push_back(std::move(file));
  }
  return files;
}

absl::StatusOr<std::optional<UnfinishedFile>> StoreDirectory::InspectManifest() const {
  std::string name;
  rocksdb::Status status = rocksdb::ReadFileToString(env_, database_path() + "/CURRENT", &name);
  if (!status.ok()) return FromRocksDb(status, "reading " + database_path() + "/CURRENT");
  if (!name.empty() && name.back() == '\n') name.pop_back();
  // A pointer that makes no sense is for RocksDB to refuse.
  if (!std::string_view(name).starts_with("MANIFEST-") || name.find('/') != std::string::npos) {
    return std::nullopt;
  }
  UnfinishedFile file;
  file.path = database_path() + "/" + name;
  std::string bytes;
  status = rocksdb::ReadFileToString(env_, file.path, &bytes);
  if (status.IsNotFound() || status.IsPathNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocksDb(status, "reading " + file.path);
  const std::optional<int64_t> whole = FindUnwrittenTail(bytes);
  if (!whole.has_value()) return std::nullopt;
  file.whole_bytes = *whole;
  return file;
}

absl::Status StoreDirectory::CutUnfinished(const UnfinishedFile& file) {
  std::string bytes;
  const rocksdb::Status status = rocksdb::ReadFileToString(env_, file.path, &bytes);
  if (!status.ok()) return FromRocksDb(status, "reading " + file.path);
  bytes.resize(static_cast<size_t>(file.whole_bytes));
  const std::string directory = database_path();
  return ReplaceFile(env_, directory, file.path.substr(directory.size() + 1), bytes);
}

}  // namespace bursar
