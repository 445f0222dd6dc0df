// Journals as lines of JSON (bursar/v1/journal_export.proto): writing them of a store, and taking
// them into an empty one.
//
// Thread rule: one call at a time on a store.
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
#include "storage/store.h"

namespace bursar {

// Told now and then how far a long call is, in a few words.
using Progress = std::function<void(const std::string&)>;

// How much was exported.
struct ExportSummary {
  int64_t organization_count = 0;
  int64_t commit_count = 0;
  int64_t entry_count = 0;
  int64_t document_count = 0;  // Price books and plan catalogs.
};

// Writes every journal of the store. Errors of reading it; UNAVAILABLE when `out` takes no more.
absl::StatusOr<ExportSummary> WriteJournals(Store& store, std::ostream& out,
                                            const Progress& progress);

// Takes lines into an empty store. INVALID_ARGUMENT with the number of a line that is none of ours,
// or where lines were changed, are missing or come twice; DATA_LOSS where a journal does not fold
// or chain. After an error the store is of no use.
absl::Status ReadJournals(std::istream& in, Store& store, const Progress& progress);

}  // namespace bursar
