// A directory that is made whole before it takes its name.
//
// DIR is made in DIR.partial/store and renamed at the end: what failed or was interrupted never
// looks like a store that could be served, under either name. One run at a time makes a directory:
// DIR.partial is locked while it is, and what an interrupted run left in it is removed by the next.
//
// Thread rule: an object belongs to one thread.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bursar {

class PartialDirectory {
 public:
  // FAILED_PRECONDITION where `final_path` is there already and is anything but an empty directory
  // of its own (a link and a mount point cannot be renamed over), where another run is making it,
  // or where DIR.partial holds what is not of such a run; UNAVAILABLE where the disk refuses.
  static absl::StatusOr<PartialDirectory> Begin(const std::string& final_path);

  PartialDirectory(PartialDirectory&& other) noexcept;
  PartialDirectory& operator=(PartialDirectory&&) = delete;
  // Removes what was not finished.
  ~PartialDirectory();

  // What takes the name at the end; not made yet.
  std::string store() const { return (work_ / "store").string(); }
  // A place that goes again; not made yet.
  std::string scratch() const { return (work_ / "scratch").string(); }

  // The store is whole and closed: it takes its name, which outlives a power cut once this is OK.
  absl::Status Finish();

 private:
  PartialDirectory(std::filesystem::path final_path, std::filesystem::path work, int lock)
      : final_(std::move(final_path)), work_(std::move(work)), lock_(lock) {}
  absl::Status Clear() const;

  std::filesystem::path final_;
  std::filesystem::path work_;
  int lock_ = -1;  // The descriptor of `work_` that holds the lock; -1: moved from.
};

}  // namespace bursar
