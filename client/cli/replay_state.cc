#include "client/cli/replay_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/trace.h"
#include "client/lib/request_id.h"

namespace bursar::cli {
namespace {

namespace fs = std::filesystem;

absl::Status DiskError(const std::string& what, const std::string& path, int error) {
  return absl::InternalError(absl::StrCat("Cannot ", what, " ", path, ": ", std::strerror(error),
                                          ". (--shift-to INSTANT needs no file.)"));
}

// Forces a file's or folder's content to the disk.
absl::Status SyncPath(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return DiskError("open", path, errno);
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  return result == 0 ? absl::OkStatus() : DiskError("sync", path, error);
}

absl::StatusOr<absl::Time> ReadEnd(const std::string& path, const ReplayKey& key) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const nlohmann::json object = nlohmann::json::parse(text.str(), nullptr, false);
  const auto member = [&](const char* name) -> std::string {
    if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return "";
    return object[name].get<std::string>();
  };
  absl::Time end;
  if (member("organization") != key.organization ||
      member("traceContentId") != key.trace_content_id ||
      !TryParseInstant(member("lastRowTime"), &end)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not what a replay wrote. Remove it to begin anew."));
  }
  return end;
}

// Writes the file under a name of its own, then gives it the final name unless that is taken.
absl::Status WriteEnd(const std::string& path, const ReplayKey& key, absl::Time end) {
  const nlohmann::ordered_json object = {
      {"trace", key.trace_name},
      {"traceContentId", key.trace_content_id},
      {"organization", key.organization},
      {"organizationCreated", key.organization_created},
      {"lastRowTime", absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", end, absl::UTCTimeZone())},
  };
  const std::string draft = absl::StrCat(path, ".", MakeRequestId());
  {
    std::ofstream file(draft, std::ios::binary | std::ios::trunc);
    file << object.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    if (!file.flush()) return DiskError("write", draft, errno);
  }
  absl::Status status = SyncPath(draft);
  if (status.ok() && ::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = DiskError("write", path, errno);
  }
  ::unlink(draft.c_str());
  if (!status.ok()) return status;
  return SyncPath(fs::path(path).parent_path().string());
}

}  // namespace

absl::StatusOr<std::string> StateFolder(const Environment& environment) {
  const std::string state = environment("XDG_STATE_HOME").value_or("");
  if (!state.empty() && state[0] == '/') return state + "/bursar";
  const std::string home = environment("HOME").value_or("");
  if (!home.empty()) return home + "/.local/state/bursar";
  return UsageError(
      "Neither XDG_STATE_HOME nor HOME is set, so there is nowhere to remember the replay's time. "
      "Give --shift-to INSTANT.");
}

std::string ReplayStateFile(const std::string& folder, const ReplayKey& key) {
  const std::string id = ContentId(
      absl::StrCat(key.trace_content_id, "\n", key.organization, "\n", key.organization_created));
  return absl::StrCat(folder, "/replay-", id, ".json");
}

absl::StatusOr<absl::Time> FixReplayEnd(const std::string& folder, const ReplayKey& key,
                                        absl::Time now) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return DiskError("make", folder, error.value());
  const std::string path = ReplayStateFile(folder, key);
  if (!fs::exists(path, error)) {
    const absl::Status status = WriteEnd(path, key, now);
    if (!status.ok()) return status;
  }
  return ReadEnd(path, key);
}

}  // namespace bursar::cli
