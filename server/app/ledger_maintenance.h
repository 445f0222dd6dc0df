// What is done to ledgers while no server has them open: restoring a backup, whole or up to a point
// of the journal; exporting journals as lines of JSON, and importing them.
//
// A ledger that is made by any of these is verified entry by entry (rules J1, J2) before it takes
// its name: until then it lies in DIR.partial, and what failed or was interrupted never looks like
// a store that could be served.
//
// Thread rule: one call at a time on a directory.
//
// Source: rule J3 (docs/rules.md); docs/operations.md.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/engine/queries.h"
#include "server/engine/rebuild.h"

namespace bursar {

// Told now and then how far a long call is, in a few words.
using Progress = std::function<void(const std::string&)>;

// What to restore, and where to.
struct RestoreSettings {
  std::string backups;     // The directory of backups.
  uint32_t backup_id = 0;  // Which; 0 = the newest.
  std::string directory;   // The new store's: missing or empty.
  // Up to where; as shipped all of it.
  RebuildPoint point;
};

struct RestoreSummary {
  uint32_t backup_id = 0;
  absl::Time backup_created_at;
  int64_t left_out_entries = 0;        // Beyond the point.
  int64_t left_out_organizations = 0;  // That did not exist at the point.
  VerifyReport verified;               // Without violations.
};

// Restores a backup into a new directory, where the next server begins a new epoch. NOT_FOUND,
// FAILED_PRECONDITION, DATA_LOSS and UNAVAILABLE as RestoreBackup and RebuildUntil say; DATA_LOSS
// too where what was restored breaks a rule of the ledger.
absl::StatusOr<RestoreSummary> RestoreLedger(const RestoreSettings& settings,
                                             const Progress& progress);

// How much was exported.
struct ExportSummary {
  int64_t organization_count = 0;
  int64_t commit_count = 0;
  int64_t entry_count = 0;
  int64_t document_count = 0;  // Price books and plan catalogs.
};

// Writes every journal of a store (one that no server has open, such as a restored backup) as lines
// of JSON (bursar/v1/journal_export.proto). Errors of opening and reading the store; UNAVAILABLE
// when `out` takes no more.
absl::StatusOr<ExportSummary> ExportJournals(const std::string& directory, std::ostream& out,
                                             const Progress& progress);

// Makes a store of exported lines, in a directory that is missing or empty. INVALID_ARGUMENT with
// the number of a line that is none of ours, or where lines are missing; DATA_LOSS where a journal
// does not fold or chain. Service tokens and secrets of webhooks are not in exports.
absl::StatusOr<VerifyReport> ImportJournals(std::istream& in, const std::string& directory,
                                            const Progress& progress);

// The lines alone, into an empty store that is there already; what they made is not verified yet.
// Errors as ImportJournals.
absl::Status ImportLines(std::istream& in, Store& store, const Progress& progress);

}  // namespace bursar
