#include "client/cli/server_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/format.h"

namespace bursar::cli {
namespace {

// The program: beside this one, else in the build tree that this one is in, else the
// first on PATH; empty where there is none.
std::string FindProgram(const Session& session, const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path folder = self.parent_path();
    const fs::path build = folder.parent_path().parent_path();
    for (const fs::path& near : {folder / name, build / "server" / "app" / name}) {
      if (::access(near.c_str(), X_OK) == 0) return near;
    }
  }
  const std::vector<std::string> folders =
      absl::StrSplit(session.Environ("PATH").value_or(""), ':', absl::SkipEmpty());
  for (const std::string& folder : folders) {
    const std::string candidate = absl::StrCat(folder, "/", name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace

absl::StatusOr<ExitStatus> RunServerProgram(Session& session, const std::string& name,
                                            const std::vector<std::string>& arguments) {
  const std::string program = FindProgram(session, name);
  if (program.empty()) {
    return UsageError(
        absl::StrCat("Cannot find ", name, " beside this program, in its build tree or on PATH."));
  }
  session.out().flush();
  std::vector<const char*> pointers = {program.c_str()};
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return absl::InternalError(absl::StrCat("Cannot start ", name, "."));
  if (child == 0) {
    ::execv(program.c_str(), const_cast<char* const*>(pointers.data()));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return absl::InternalError(absl::StrCat("Lost sight of ", name, "."));
  }
  if (!WIFEXITED(status)) return ExitStatus::kFailed;
  if (WEXITSTATUS(status) == 0) return ExitStatus::kDone;
  return WEXITSTATUS(status) == 2 ? ExitStatus::kUsage : ExitStatus::kFailed;
}

}  // namespace bursar::cli
