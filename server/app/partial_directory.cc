#include "server/app/partial_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/store_directory.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;

// Without a slash at its end, so that a name can be appended.
fs::path Normal(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path ParentOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool IsMountPoint(const fs::path& directory) {
  struct stat own = {};
  struct stat parent = {};
  return stat(directory.c_str(), &own) == 0 && stat((directory / "..").c_str(), &parent) == 0 &&
         own.st_dev != parent.st_dev;
}

absl::Status CheckFinal(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return absl::OkStatus();
  if (status.type() != fs::file_type::directory) {
    return absl::FailedPreconditionError(
        absl::StrCat(path.string(), " is there already, and no directory: name a new one"));
  }
  if (!fs::is_empty(path, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path.string(), " is there already, and not empty: name a new directory"));
  }
  if (IsMountPoint(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path.string(),
                     " is a mount point, which cannot be replaced: name a new "
                     "directory in it"));
  }
  return absl::OkStatus();
}

absl::Status DiskError(std::string_view what, const fs::path& path, const std::string& why) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", std::string(what), " ", path.string(), ": ", why));
}

}  // namespace

absl::StatusOr<PartialDirectory> PartialDirectory::Begin(const std::string& final_path) {
  const fs::path path = Normal(final_path);
  if (absl::Status s = CheckFinal(path); !s.ok()) return s;
  const fs::path work = path.string() + ".partial";
  if (mkdir(work.c_str(), 0700) != 0 && errno != EEXIST) {
    return DiskError("make", work, std::strerror(errno));
  }
  const int lock = open(work.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0) return DiskError("open", work, std::strerror(errno));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return absl::FailedPreconditionError(
        absl::StrCat("another run is making ", path.string(), " in ", work.string()));
  }
  PartialDirectory partial(path, work, lock);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(work, error)) {
    if (entry.path() == partial.store() || entry.path() == partial.scratch()) continue;
    close(std::exchange(partial.lock_, -1));  // Not ours to remove.
    return absl::FailedPreconditionError(absl::StrCat(work.string(),
                                                      " holds what no interrupted run left there (",
                                                      entry.path().string(), "): move it away"));
  }
  if (absl::Status s = partial.Clear(); !s.ok()) return s;
  return partial;
}

PartialDirectory::PartialDirectory(PartialDirectory&& other) noexcept
    : final_(std::move(other.final_)),
      work_(std::move(other.work_)),
      lock_(std::exchange(other.lock_, -1)) {}

PartialDirectory::~PartialDirectory() {
  if (lock_ < 0) return;
  if (Clear().ok()) {
    std::error_code error;
    fs::remove(work_, error);
  }
  close(lock_);
}

absl::Status PartialDirectory::Clear() const {
  for (const std::string& path : {store(), scratch()}) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return DiskError("remove", path, error.message());
  }
  return absl::OkStatus();
}

absl::Status PartialDirectory::Finish() {
  // Once more: somebody may have put something there meanwhile.
  if (absl::Status s = CheckFinal(final_); !s.ok()) return s;
  std::error_code error;
  fs::rename(store(), final_, error);  // Over an empty directory too.
  if (error) {
    return DiskError("rename", store(),
                     absl::StrCat("to ", final_.string(), ": ", error.message()));
  }
  return SyncDirectory(rocksdb::Env::Default(), ParentOf(final_).string());
}

}  // namespace bursar
