#include "server/app/memory_guard.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

constexpr int64_t kMebibyte = 1 << 20;

}  // namespace

MemoryMarks MarksOf(int64_t limit_bytes) {
  return {limit_bytes / 5 * 2, limit_bytes / 2, limit_bytes};
}

MemoryGuard::MemoryGuard(MemoryMarks marks, Actions actions)
    : marks_(marks), actions_(std::move(actions)) {}

void MemoryGuard::Look() {
  const std::optional<int64_t> bytes = actions_.read_bytes();
  if (!bytes.has_value()) return;
  if (*bytes >= marks_.hard_bytes) {
    actions_.end(absl::StrCat(
        "memory is ", *bytes / kMebibyte, " MiB, the limit is ", marks_.hard_bytes / kMebibyte,
        " MiB (--memory-limit): ending, to be started again. Nothing that was "
        "acknowledged is lost"));
    return;
  }
  if (*bytes >= marks_.watch_bytes && !std::exchange(is_watching_, true)) actions_.watch(true);
  if (is_watching_ && *bytes < marks_.watch_bytes / 10 * 9) {
    is_watching_ = false;
    actions_.watch(false);
  }
  if (*bytes < marks_.soft_bytes) return;
  const int shed = actions_.shed();
  if (shed > 0) {
    spdlog::warn("memory is {} MiB, over {} MiB: {} connections without a credential were closed",
                 *bytes / kMebibyte, marks_.soft_bytes / kMebibyte, shed);
  }
}

std::optional<int64_t> ReadResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  int64_t resident_pages = 0;
  if (!(statm >> pages >> resident_pages)) return std::nullopt;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::optional<int64_t> ReadControlGroupLimit(const std::string& root) {
  constexpr std::string_view kVersionTwo = "0::";
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string path;
  for (std::string line; std::getline(groups, line);) {
    if (line.compare(0, kVersionTwo.size(), kVersionTwo) == 0) {
      path = line.substr(kVersionTwo.size());
    }
  }
  if (path.empty()) return std::nullopt;
  std::optional<int64_t> least;
  while (true) {
    std::ifstream file(root + "/sys/fs/cgroup" + (path == "/" ? "" : path) + "/memory.max");
    std::string text;
    int64_t bytes = 0;
    if (file >> text && absl::SimpleAtoi(text, &bytes) && bytes > 0) {
      least = std::min(least.value_or(bytes), bytes);
    }
    if (path.empty() || path == "/") return least;
    path.resize(path.rfind('/'));
  }
}

}  // namespace bursar
