// Remembers, from one run of a replay to the next, to which instant a trace's last row was moved,
// so that running it again repeats the very same requests.
//
// One small file a trace and organization, under $XDG_STATE_HOME/bursar (~/.local/state/bursar).
// Written whole or not at all, and durable before Fix returns; of two first runs at once the first
// to finish decides for both.
//
// Thread rule: any thread, any number of processes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/session.h"

namespace bursar::cli {

// What a remembered instant belongs to.
struct ReplayKey {
  std::string trace_name;
  std::string trace_content_id;
  std::string organization;
  // When the organization was created: another one of the same name starts afresh.
  std::string organization_created;
};

// The folder for this program's state. A usage error where neither XDG_STATE_HOME (an absolute
// path) nor HOME is set.
absl::StatusOr<std::string> StateFolder(const Environment& environment);

// The file in `folder` that belongs to a key.
std::string ReplayStateFile(const std::string& folder, const ReplayKey& key);

// The instant remembered for the key or, at the first run, `now`, which is then remembered. Folders
// are made as needed. FAILED_PRECONDITION for a file that cannot be read as one of ours, INTERNAL
// when the disk does not take it.
absl::StatusOr<absl::Time> FixReplayEnd(const std::string& folder, const ReplayKey& key,
                                        absl::Time now);

}  // namespace bursar::cli
