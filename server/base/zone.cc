#include "server/base/zone.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"

namespace bursar {

namespace {

constexpr char kDefaultDirectory[] = "/usr/share/zoneinfo";
constexpr char kUnknownVersion[] = "unknown";
constexpr char kUtc[] = "UTC";
constexpr size_t kMaxNameLength = 64;     // The longest of today's is 32.
constexpr size_t kMaxVersionLength = 64;  // "2026a"; vendors append a little.

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The value is quoted with every byte outside printable ASCII escaped: it is the caller's.
absl::Status InvalidName(std::string_view name, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("time zone \"", absl::CHexEscape(ToAbsl(name.substr(0, kMaxNameLength))),
                   name.size() > kMaxNameLength ? "…" : "", "\" ", ToAbsl(why),
                   "; give an IANA name such as \"Europe/Berlin\""));
}

// Whether every part between slashes begins with a letter and goes on with letters, digits and
// "_", "-" or "+". That alone shuts out "..", absolute paths and the tables beside the zones, which
// have a dot in their names.
bool IsWellFormed(std::string_view name) {
  bool at_part_start = true;
  for (const char c : name) {
    if (at_part_start) {
      if (!IsLetter(c)) return false;
      at_part_start = false;
    } else if (c == '/') {
      at_part_start = true;
    } else if (!IsLetter(c) && !IsDigit(c) && c != '_' && c != '-' && c != '+') {
      return false;
    }
  }
  return !at_part_start;
}

std::string MachineDirectory() {
  const char* const directory = std::getenv("TZDIR");
  return directory != nullptr && *directory != '\0' ? directory : kDefaultDirectory;
}

// The first line of a file, without blanks at its ends; empty when there is none to read.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line(512, '\0');  // Not getline on a string: a damaged file may be one endless line.
  if (!file.getline(line.data(), static_cast<std::streamsize>(line.size())) && line[0] == '\0') {
    return "";
  }
  line.resize(line.find('\0'));
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

bool IsPlausibleVersion(std::string_view version) {
  return !version.empty() && version.size() <= kMaxVersionLength &&
         std::all_of(version.begin(), version.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

absl::Time Zone::Resolve(absl::CivilSecond local, absl::Duration subsecond) const {
  const absl::TimeZone::TimeInfo info = time_zone_.At(local);
  // `pre` is the earlier instant of a local time that exists twice, and the only one of a unique.
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre + subsecond;
}

ZoneDatabase::ZoneDatabase() : directory_(MachineDirectory()), version_(ReadVersion(directory_)) {}

absl::Status ZoneDatabase::ValidateName(std::string_view name) {
  if (name.empty()) return InvalidName(name, "is empty");
  if (name.size() > kMaxNameLength) return InvalidName(name, "is too long");
  if (!IsWellFormed(name)) return InvalidName(name, "is malformed");
  // "UTC0" is not in the data: Abseil takes it for a fixed offset.
  for (const std::string_view machine : {"localtime", "posixrules", "Factory", "UTC0"}) {
    if (name == machine) return InvalidName(name, "does not name a zone");
  }
  for (const std::string_view prefix : {"posix/", "right/", "Fixed/"}) {
    if (name.starts_with(prefix)) return InvalidName(name, "does not name a zone");
  }
  return absl::OkStatus();
}

absl::StatusOr<Zone> ZoneDatabase::Find(std::string_view name) const {
  if (name == kUtc) return Zone();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto known = zones_.find(name); known != zones_.end()) return known->second;
  if (absl::Status status = ValidateName(name); !status.ok()) return status;

  // Abseil remembers for ever every name that it failed to load, so it must not see names that
  // have no file: a caller could otherwise fill the memory with them.
  std::error_code error;
  const std::filesystem::path directory(directory_);
  if (!std::filesystem::is_regular_file(directory / name, error)) {
    if (!std::filesystem::is_directory(directory, error)) {
      return absl::FailedPreconditionError(
          absl::StrCat("this machine has no time zone data in ", directory_,
                       "; install it (package tzdata) or use \"UTC\""));
    }
    return InvalidName(name, "is unknown");
  }
  absl::TimeZone time_zone;
  if (!absl::LoadTimeZone(ToAbsl(name), &time_zone)) return InvalidName(name, "is unknown");
  return zones_.emplace(name, Zone::Wrap(time_zone)).first->second;
}

std::string ZoneDatabase::ReadVersion(const std::string& directory) {
  constexpr std::string_view kPrefix = "# version ";
  std::string version = FirstLine(directory + "/tzdata.zi");
  if (version.starts_with(kPrefix)) {
    version.erase(0, kPrefix.size());
    if (IsPlausibleVersion(version)) return version;
  }
  version = FirstLine(directory + "/+VERSION");
  return IsPlausibleVersion(version) ? version : kUnknownVersion;
}

}  // namespace bursar
