#include "server/app/ledger_maintenance.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/app/partial_directory.h"
#include "server/engine/epoch.h"
#include "storage/backup.h"
#include "storage/rocksdb_store.h"

namespace bursar {
namespace {

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, bool create) {
  RocksDbStoreOptions options;
  options.directory = directory;
  options.create_if_missing = create;
  return OpenRocksDbStore(options);
}

// Verified, or DATA_LOSS with the first violation.
absl::StatusOr<VerifyReport> VerifyWhole(Store& store, const Progress& progress) {
  progress("verifying");
  absl::StatusOr<VerifyReport> report = VerifyLedger(store, "");
  if (!report.ok() || report->violation_count == 0) return report;
  const VerifyReport::Item& first = report->violations.front();
  return absl::DataLossError(absl::StrCat(
      "the ledger breaks ", report->violation_count, " rules; the first: ", first.organization_id,
      ", entry ", first.sequence, ", rule ", first.rule, ": ", first.message));
}

bool IsWhole(const RebuildPoint& point) {
  return point.until == absl::InfiniteFuture() && point.last_sequences.empty();
}

// Restores the backup into `whole`, then what lies before the point into `target`.
absl::StatusOr<RebuildReport> RestoreUntil(const RestoreSettings& settings,
                                           const std::string& whole, const std::string& target,
                                           RestoreSummary& summary, const Progress& progress) {
  progress("copying the backup");
  const absl::StatusOr<BackupInfo> restored =
      RestoreBackup({settings.backups, settings.backup_id, whole});
  if (!restored.ok()) return restored.status();
  summary.backup_id = restored->backup_id;
  summary.backup_created_at = restored->created_at;
  if (IsWhole(settings.point)) return RebuildReport();
  const absl::StatusOr<std::unique_ptr<Store>> source = OpenStore(whole, false);
  if (!source.ok()) return source.status();
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(target, true);
  if (!store.ok()) return store.status();
  return RebuildUntil(**source, settings.point, **store,
                      [&](int64_t entries) { progress(absl::StrCat(entries, " entries folded")); });
}

}  // namespace

absl::StatusOr<RestoreSummary> RestoreLedger(const RestoreSettings& settings,
                                             const Progress& progress) {
  absl::StatusOr<PartialDirectory> partial = PartialDirectory::Begin(settings.directory);
  if (!partial.ok()) return partial.status();
  RestoreSummary summary;
  // Up to a point: the whole backup first, in a directory that goes again.
  const std::string whole = IsWhole(settings.point) ? partial->store() : partial->scratch();
  const absl::StatusOr<RebuildReport> rebuilt =
      RestoreUntil(settings, whole, partial->store(), summary, progress);
  if (!rebuilt.ok()) return rebuilt.status();
  summary.left_out_entries = rebuilt->left_out_entries;
  summary.left_out_organizations = rebuilt->left_out_organizations;
  {
    const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(partial->store(), false);
    if (!store.ok()) return store.status();
    if (absl::Status s = ForgetEpoch(**store); !s.ok()) return s;
    absl::StatusOr<VerifyReport> verified = VerifyWhole(**store, progress);
    if (!verified.ok()) return verified.status();
    summary.verified = *std::move(verified);
  }
  if (absl::Status s = partial->Finish(); !s.ok()) return s;
  return summary;
}

absl::StatusOr<ExportSummary> ExportJournals(const std::string& directory, std::ostream& out,
                                             const Progress& progress) {
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(directory, false);
  if (!store.ok()) return store.status();
  return WriteJournals(**store, out, progress);
}

absl::StatusOr<VerifyReport> ImportJournals(std::istream& in, const std::string& directory,
                                            const Progress& progress) {
  absl::StatusOr<PartialDirectory> partial = PartialDirectory::Begin(directory);
  if (!partial.ok()) return partial.status();
  absl::StatusOr<VerifyReport> verified = VerifyReport();
  {
    const absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(partial->store(), true);
    if (!store.ok()) return store.status();
    if (absl::Status s = ReadJournals(in, **store, progress); !s.ok()) return s;
    verified = VerifyWhole(**store, progress);
    if (!verified.ok()) return verified.status();
  }
  if (absl::Status s = partial->Finish(); !s.ok()) return s;
  return verified;
}

}  // namespace bursar
