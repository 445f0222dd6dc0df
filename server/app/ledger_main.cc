// bursar-ledger: restores, exports and imports ledgers that no server has open.
//
// Exit status: 0 done, 1 after a failure, 2 for a mistake in the command line.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/app/ledger_maintenance.h"
#include "server/app/version.h"
#include "storage/backup.h"

namespace bursar {
namespace {

constexpr int kFailureExitStatus = 1;
constexpr int kUsageExitStatus = 2;

struct Settings {
  std::string backups;
  std::string directory;
  uint32_t backup_id = 0;
  std::string until;
  std::vector<std::string> entries;  // ORG=N.
  std::string file = "-";
};

std::string When(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "bursar-ledger: %s (%s)\n", std::string(status.message()).c_str(),
               absl::StatusCodeToString(status.code()).c_str());
  return absl::IsInvalidArgument(status) ? kUsageExitStatus : kFailureExitStatus;
}

// On a terminal one line that is written over, else nothing: a log needs no ticks.
Progress ShowProgress() {
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  return [is_terminal](const std::string& words) {
    if (is_terminal) std::fprintf(stderr, "\r\033[K%s …", words.c_str());
  };
}

void EndProgress() {
  if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K");
}

void PrintVerified(const VerifyReport& report) {
  std::printf("%lld organizations, %lld entries, %lld charges: every rule holds.\n",
              static_cast<long long>(report.organization_count),
              static_cast<long long>(report.entry_count),
              static_cast<long long>(report.charge_count));
}

// The point of --until and --entry.
absl::StatusOr<RebuildPoint> ReadPoint(const Settings& settings) {
  RebuildPoint point;
  std::string error;
  if (!settings.until.empty() &&
      !absl::ParseTime(absl::RFC3339_full, settings.until, &point.until, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--until must be an instant such as 2026-11-22T10:00:00Z: ", error));
  }
  for (const std::string& entry : settings.entries) {
    const size_t place = entry.rfind('=');
    int64_t sequence = 0;
    if (place == std::string::npos || place == 0 ||
        !absl::SimpleAtoi(entry.substr(place + 1), &sequence) || sequence < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--entry must be ORG=N, an organization and the last of its journal entries "
                       "to keep, not \"",
                       entry, "\""));
    }
    point.last_sequences[entry.substr(0, place)] = sequence;
  }
  return point;
}

int Restore(const Settings& settings) {
  const absl::StatusOr<RebuildPoint> point = ReadPoint(settings);
  if (!point.ok()) return Fail(point.status());
  const absl::StatusOr<RestoreSummary> restored = RestoreLedger(
      {settings.backups, settings.backup_id, settings.directory, *point}, ShowProgress());
  EndProgress();
  if (!restored.ok()) return Fail(restored.status());
  std::printf("Restored backup %u of %s into %s.\n", restored->backup_id,
              When(restored->backup_created_at).c_str(), settings.directory.c_str());
  if (restored->left_out_entries > 0) {
    std::printf("%lld entries beyond the point were left out, %lld organizations with them.\n",
                static_cast<long long>(restored->left_out_entries),
                static_cast<long long>(restored->left_out_organizations));
  }
  PrintVerified(restored->verified);
  std::printf("The next server on it begins a new epoch: bursard --data %s\n",
              settings.directory.c_str());
  return 0;
}

int Backups(const Settings& settings) {
  const auto backups = ListBackups(settings.backups);
  if (!backups.ok()) return Fail(backups.status());
  std::printf("%-8s %-24s %16s %8s %12s\n", "BACKUP", "MADE", "BYTES", "FILES", "GROUP");
  for (const BackupInfo& one : *backups) {
    std::printf("%-8u %-24s %16lld %8lld %12lld\n", one.backup_id, When(one.created_at).c_str(),
                static_cast<long long>(one.bytes), static_cast<long long>(one.file_count),
                static_cast<long long>(one.group));
  }
  return 0;
}

int Export(const Settings& settings) {
  std::ofstream file;
  if (settings.file != "-") {
    // Never over what is there.
    const int made = ::open(settings.file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (made < 0) {
      return Fail(absl::FailedPreconditionError(
          absl::StrCat(settings.file, " cannot be made, or is there already")));
    }
    ::close(made);
    file.open(settings.file, std::ios::binary);
  }
  std::ostream& out = settings.file == "-" ? std::cout : file;
  const auto exported = ExportJournals(settings.directory, out, ShowProgress());
  EndProgress();
  if (!exported.ok()) return Fail(exported.status());
  std::fprintf(stderr, "%lld organizations, %lld commits, %lld entries exported.\n",
               static_cast<long long>(exported->organization_count),
               static_cast<long long>(exported->commit_count),
               static_cast<long long>(exported->entry_count));
  return 0;
}

int Import(const Settings& settings) {
  std::ifstream file;
  if (settings.file != "-") {
    file.open(settings.file, std::ios::binary);
    if (!file.good()) {
      return Fail(absl::NotFoundError(absl::StrCat(settings.file, " cannot be read")));
    }
  }
  std::istream& in = settings.file == "-" ? std::cin : file;
  const auto imported = ImportJournals(in, settings.directory, ShowProgress());
  EndProgress();
  if (!imported.ok()) return Fail(imported.status());
  std::printf("Imported into %s.\n", settings.directory.c_str());
  PrintVerified(*imported);
  return 0;
}

void AddData(CLI::App* app, Settings& settings, const char* words) {
  app->add_option("--data", settings.directory, words)->required()->type_name("DIR");
}

int Main(int argc, char** argv) {
  CLI::App app("Restores, exports and imports ledgers that no server has open.", "bursar-ledger");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  Settings settings;
  int (*chosen)(const Settings&) = nullptr;
  const auto add = [&](const char* name, const char* words, int (*run)(const Settings&)) {
    CLI::App* command = app.add_subcommand(name, words);
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  CLI::App* restore = add("restore", "Restore a backup into a new directory", &Restore);
  restore->add_option("--backups", settings.backups, "The directory of backups")
      ->required()
      ->type_name("DIR");
  AddData(restore, settings, "The new directory; missing or empty");
  restore->add_option("--backup", settings.backup_id, "Which one; default the newest");
  restore->add_option("--until", settings.until,
                      "Leave out what was recorded after that instant, such as "
                      "2026-11-22T10:00:00Z");
  restore->add_option("--entry", settings.entries,
                      "ORG=N: leave out what follows that journal entry of an organization; "
                      "repeatable");
  CLI::App* backups = add("backups", "List the backups in a directory", &Backups);
  backups->add_option("--backups", settings.backups, "The directory of backups")
      ->required()
      ->type_name("DIR");
  CLI::App* exported = add("export", "Write every journal as lines of JSON", &Export);
  AddData(exported, settings, "A store that no server has open, such as a restored backup");
  exported->add_option("file", settings.file, "A new file; - is standard output")
      ->capture_default_str();
  CLI::App* imported = add("import", "Make a store of exported lines", &Import);
  AddData(imported, settings, "The new directory; missing or empty");
  imported->add_option("file", settings.file, "The file; - is standard input")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageExitStatus;
  }
  return chosen(settings);
}

}  // namespace
}  // namespace bursar

int main(int argc, char** argv) {
  try {
    return bursar::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bursar-ledger: %s\n", error.what());
    return bursar::kFailureExitStatus;
  }
}
