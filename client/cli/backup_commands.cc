// bursar backup …, bursar restore, bursar export, bursar import
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bursar/v1/operator_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/server_program.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Operator = v1::OperatorService::Stub;

constexpr char kLedgerProgram[] = "bursar-ledger";

struct CreateOptions {
  int keep = 0;
};

struct NoOptions {};

struct RestoreOptions {
  std::string backups;
  std::string data;
  uint32_t backup = 0;
  std::string until;
  std::vector<std::string> entries;
};

struct LinesOptions {
  std::string data;
  std::string file = "-";
};

Table BackupTable() {
  return Table({{"BACKUP", Align::kRight},
                {"MADE"},
                {"BYTES", Align::kRight},
                {"FILES", Align::kRight},
                {"GROUP", Align::kRight}});
}

void AddRow(const v1::Backup& backup, Table* table) {
  table->Add({absl::StrCat(backup.backup_id()), FormatTimeField(backup, "create_time"),
              FormatCount(backup.size_bytes()), FormatCount(backup.file_count()),
              FormatCount(backup.group())});
}

absl::StatusOr<ExitStatus> RunCreate(Session& session, const CreateOptions& options) {
  session.set_default_deadline(absl::Hours(12));  // Every byte is copied, and read back.
  v1::CreateBackupRequest request;
  request.set_keep(options.keep);
  const auto reply = session.Call(&Operator::CreateBackup, request, RetrySafety::kNever);
  return Show(session, reply, [&](const v1::CreateBackupResponse& made) {
    session.out() << "Backed up into " << made.directory()
                  << " on the server's machine, and read back.\n";
    Table table = BackupTable();
    AddRow(made.backup(), &table);
    session.out() << table.Text();
  });
}

absl::StatusOr<ExitStatus> RunList(Session& session, const NoOptions&) {
  const auto reply = session.Call(&Operator::ListBackups, v1::ListBackupsRequest());
  return Show(session, reply, [&](const v1::ListBackupsResponse& list) {
    Table table = BackupTable();
    for (const v1::Backup& one : list.backups()) AddRow(one, &table);
    session.out() << (table.empty() ? absl::StrCat("No backups in ", list.directory(), " yet.\n")
                                    : table.Text());
  });
}

absl::StatusOr<ExitStatus> RunRestore(Session& session, const RestoreOptions& options) {
  std::vector<std::string> arguments = {"restore", "--backups", options.backups, "--data",
                                        options.data};
  if (options.backup != 0) {
    arguments.insert(arguments.end(), {"--backup", absl::StrCat(options.backup)});
  }
  if (!options.until.empty()) arguments.insert(arguments.end(), {"--until", options.until});
  for (const std::string& entry : options.entries) {
    arguments.insert(arguments.end(), {"--entry", entry});
  }
  return RunServerProgram(session, kLedgerProgram, arguments);
}

absl::StatusOr<ExitStatus> RunExport(Session& session, const LinesOptions& options) {
  return RunServerProgram(session, kLedgerProgram,
                          {"export", "--data", options.data, options.file});
}

absl::StatusOr<ExitStatus> RunImport(Session& session, const LinesOptions& options) {
  return RunServerProgram(session, kLedgerProgram,
                          {"import", "--data", options.data, options.file});
}

void AddRestore(CLI::App& root, Action* action) {
  const auto restore = AddCommand(
      root, "restore", "Restore a backup into a new data directory, whole or up to a point", action,
      &RunRestore);
  RestoreOptions* options = restore.options.get();
  restore.app->add_option("--backups", options->backups, "The directory of backups")
      ->required()
      ->type_name("DIR");
  restore.app->add_option("--data", options->data, "The new data directory; missing or empty")
      ->required()
      ->type_name("DIR");
  restore.app->add_option("--backup", options->backup, "Which one; default the newest");
  restore.app->add_option("--until", options->until,
                          "Leave out what was recorded after that instant, such as "
                          "2026-11-22T10:00:00Z");
  restore.app->add_option("--entry", options->entries,
                          "ORG=N: leave out what follows that journal entry of an organization; "
                          "repeatable");
}

void AddLines(CLI::App& root, Action* action) {
  const auto exported =
      AddCommand(root, "export", "Write every journal as lines of JSON, with bursard stopped",
                 action, &RunExport);
  exported.app
      ->add_option("--data", exported.options->data,
                   "A data directory that no server has open, such as a restored backup")
      ->required()
      ->type_name("DIR");
  exported.app->add_option("file", exported.options->file, "A new file; - is standard output")
      ->capture_default_str();
  const auto imported =
      AddCommand(root, "import", "Make a data directory of exported lines", action, &RunImport);
  imported.app->add_option("--data", imported.options->data, "The new one; missing or empty")
      ->required()
      ->type_name("DIR");
  imported.app->add_option("file", imported.options->file, "The file; - is standard input")
      ->capture_default_str();
}

}  // namespace

void AddBackupCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "backup", "Backups: create, list");
  const auto create =
      AddCommand(*group, "create", "Back the store up while it serves, and read the backup back",
                 action, &RunCreate);
  create.app->add_option("--keep", create.options->keep,
                         "Delete all but so many of the newest afterwards; default none");
  AddCommand(*group, "list", "List the backups", action, &RunList);
  AddRestore(root, action);
  AddLines(root, action);
}

}  // namespace bursar::cli
