// Ledgers made anew from their journals: what a journal folds to is all there is to know of a
// wallet (rule J1), so a store as of any point of the past, or on another machine, is the journal's
// beginning, folded again (rule J3).
//
// Rebuilt are, to the byte, the journal records with their chain, and by folding them every record
// of the wallet; the request ids come along with their first replies, so that a repeated call is
// not charged again. Not in journals, and so not rebuilt: notices that wait for delivery, denials,
// and the request ids of calls that changed nothing.
//
// Thread rule: pure functions of two stores; an object belongs to one thread.
//
// Source: rules J1, J3 and R2 (docs/rules.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/record_codec.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

// One commit of a journal, and the request ids that it brought.
struct JournalCommit {
  // With the record's entries. DATA_LOSS for a record that is none.
  static absl::StatusOr<JournalCommit> Decode(JournalRecord record);

  JournalRecord record;
  DecodedJournal journal;  // What is in `record`.
  std::vector<DedupePut> remembered;
};

// Writes one organization's journal into a store, commit by commit.
class LedgerRebuilder {
 public:
  // The organization must not be in the store yet; the store must outlive this.
  LedgerRebuilder(std::string organization_id, Store* target);

  // The next commit. DATA_LOSS where it does not follow on the one before, its chain hash is not
  // right, or it does not fit what the journal folded to so far; errors of the store.
  absl::Status Add(JournalCommit commit);
  // After the last one: completes the organization in the store.
  absl::Status Finish();

 private:
  absl::Status WritePending(bool is_last);

  const std::string organization_id_;
  Store* const target_;
  Wallet wallet_;
  std::string chain_hash_;
  int64_t revision_ = 0;  // Of the last commit that was written.
  std::vector<Entry> statements_;
  std::optional<JournalCommit> pending_;
};

// Reads a journal with the request ids of its commits, from the first.
class JournalReader {
 public:
  // `source` must outlive this.
  static absl::StatusOr<JournalReader> Open(const Reader& source, std::string organization_id);
  // The next commit; none at the end.
  absl::StatusOr<std::optional<JournalCommit>> Next();

 private:
  JournalReader(const Reader& source, std::string organization_id,
                std::unique_ptr<JournalCursor> cursor)
      : source_(&source),
        organization_id_(std::move(organization_id)),
        cursor_(std::move(cursor)) {}
  absl::Status FindRemembered(JournalCommit& commit) const;

  const Reader* source_;
  std::string organization_id_;
  std::unique_ptr<JournalCursor> cursor_;
};

// Up to where journals are taken over. A commit is taken whole or not at all.
struct RebuildPoint {
  // Commits after it are left out.
  absl::Time until = absl::InfiniteFuture();
  // Of these organizations, commits with entries after that one are left out too.
  std::map<std::string, int64_t> last_sequences;
};

struct RebuildReport {
  int64_t organization_count = 0;
  int64_t entry_count = 0;
  int64_t left_out_entries = 0;
  int64_t left_out_organizations = 0;  // Those that did not exist yet.
};

// Takes everything up to a point from one store into an empty one: system records (price books,
// plan catalogs, tokens) as they are, but for the epoch, and journals as above. `progress` is
// called now and then with the entries so far. NOT_FOUND where the point names an unknown
// organization; DATA_LOSS where a journal is damaged before the point; errors of the stores.
absl::StatusOr<RebuildReport> RebuildUntil(const Reader& source, const RebuildPoint& point,
                                           Store& target,
                                           const std::function<void(int64_t)>& progress);

}  // namespace bursar
