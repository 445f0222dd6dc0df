// The memory of denied checks (rule D6): «why was Ann denied at 02:40?»
//
// A denial is noted in memory and written to the store with many others, once a sweep (a second, as
// shipped), before anybody lists them, and when the engine stops; so a check never waits for it. A
// crash loses the denials of the last second: they changed no money, and no answer rests on them.
//
// The same member denied again from the same place for the same reason within a minute of the first
// counts on that one, so that a client that tries again and again fills nothing. The store keeps
// the newest kMaxDenialsKept of each organization.
//
// Thread rule: every method may be called from any thread; Note never waits for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/denial_codec.h"
#include "storage/store.h"

namespace bursar {

// How many an organization's ring keeps.
inline constexpr size_t kMaxDenialsKept = 1000;
// How many different ones are remembered at once before they are written: of one organization, and
// of all. What is beyond is counted and not kept.
inline constexpr size_t kMaxDenialsNoted = 256;
inline constexpr size_t kMaxDenialsNotedOfAll = 8192;
// Repetitions within that time of the first count on it.
inline constexpr absl::Duration kDenialFold = absl::Minutes(1);

class DenialLog {
 public:
  // Where and when a check was denied.
  struct Moment {
    absl::Time now;
    int64_t revision = 0;
    std::string request_id;
  };
  // Requires: the outcome has a denial.
  void Note(const std::string& organization_id, const Moment& moment,
            const CheckAdmissionCommand& command, const CheckAdmissionOutcome& outcome);
  // Writes what is not in the store yet, and forgets what can count no further at `now`. Errors:
  // the store's; what could not be written is tried again with the next.
  absl::Status Save(Store& store, absl::Time now);
  // How many were not kept because too many different ones came at once.
  int64_t not_kept() const;

 private:
  struct Noted {
    DeniedCheck check;
    bool changed = true;  // The store does not have it as it is.
  };
  // One organization's denials of the last minute.
  struct Recent {
    absl::flat_hash_map<std::string, Noted> by_cause;
    int64_t last_number = 0;
  };

  // What is being written: organizations and causes.
  using Taken = std::vector<std::pair<std::string, std::string>>;

  std::vector<std::string> OrganizationIds() const;
  std::vector<DeniedCheck> TakeChanged(const std::string& organization_id, absl::Time now,
                                       Taken& taken);
  void ForgetSaved(Recent& recent);
  absl::Status TrimRings(Store& store, std::vector<AsideChange>& changes);

  mutable std::mutex mutex_;  // Guards these.
  absl::flat_hash_map<std::string, Recent> recent_;
  size_t noted_count_ = 0;  // Over all organizations.
  int64_t not_kept_ = 0;

  std::mutex save_mutex_;  // One save at a time; taken before mutex_. Guards the next.
  // What each organization's ring holds, oldest first, once it was read.
  std::map<std::string, std::deque<std::string>> rings_;
};

// An organization's ring, newest first. There are at most kMaxDenialsKept.
absl::StatusOr<std::vector<DeniedCheck>> ReadDenials(const Reader& reader,
                                                     const std::string& organization_id);

}  // namespace bursar
