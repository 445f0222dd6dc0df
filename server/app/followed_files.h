// Files that are in force as they are now: read at the start, and again whenever they have changed.
//
// Thread rule: an object belongs to one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace bursar {

class FollowedFiles {
 public:
  // Puts what the files hold in force, each text in the place of its path. An error changes
  // nothing.
  using Apply = std::function<absl::Status(const std::vector<std::string>& texts)>;

  // Reads and applies the files now, and with the others from now on; `what` they are goes before
  // the words about them. NOT_FOUND where one cannot be read, or what `apply` says: then they are
  // not followed.
  absl::Status Follow(std::string what, std::vector<std::string> paths, Apply apply);

  // Applies what has changed; cheap, call it every second or so: it looks every five. Files that
  // cannot be used are left aside and logged once: what was in force stays.
  void Refresh();

 private:
  struct Followed {
    std::string what;
    std::vector<std::string> paths;
    Apply apply;
    std::vector<std::string> texts;  // In force.
    absl::Status status;             // What came of them last.
  };

  static absl::Status Read(Followed& followed);

  absl::Duration next_look_;  // Of the monotonic clock.
  std::vector<Followed> files_;
};

}  // namespace bursar
