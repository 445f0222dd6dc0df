// Long reads: lists and sums over what is durable, on snapshots of the store, away from the
// engine's lock.
//
// Thread rule: free functions; each call takes its own snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/engine/notice.h"
#include "server/engine/usage_query.h"
#include "server/ledger/entry.h"
#include "server/ledger/ledger.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

// Organizations after that id, in order of id. `limit` at least 1.
absl::StatusOr<std::vector<WalletHeader>> ListOrganizations(Store& store, const std::string& after,
                                                            int limit);

// Members of an organization after that id, and the header, of one moment. NOT_FOUND for an unknown
// organization.
struct MemberPage {
  WalletHeader header;
  std::vector<Member> members;
  bool more = false;
};
absl::StatusOr<MemberPage> ListMembers(Store& store, const std::string& organization_id,
                                       const std::string& after, int limit);

// Which journal entries are wanted.
struct JournalFilter {
  std::string member_id;   // Empty: any.
  std::string request_id;  // Empty: any.
  // About this admission: the hold that this entry placed, and charges that name this id. Unset:
  // any.
  struct Admission {
    int64_t hold_sequence = 0;
    std::string admission_id;
  };
  std::optional<Admission> admission;
  std::optional<size_t> body_index;         // Index into EntryBody; unset: any.
  absl::Time start = absl::InfinitePast();  // Recorded in [start, end).
  absl::Time end = absl::InfiniteFuture();
  bool ascending = false;
  int64_t after_sequence = 0;  // Where the page before ended; 0: from the (newest or oldest) end.
  int limit = 100;
};
struct JournalPage {
  struct Item {
    Entry entry;
    std::string chain_hash;  // Of the commit that holds it, 32 bytes.
  };
  std::vector<Item> items;
  bool more = false;
  int64_t revision = 0;
  absl::Time as_of;
};
absl::StatusOr<JournalPage> ReadJournal(Store& store, const std::string& organization_id,
                                        const JournalFilter& filter);

// A notice of the outbox that waits for delivery.
struct PendingNotice {
  std::string notice_id;  // `ntc_…`
  std::string organization_id;
  StoredNotice stored;  // All of it.
};
// `organization_id` empty: of all. `after`: an opaque place from the page before.
struct NoticePage {
  std::vector<PendingNotice> notices;
  std::string next;  // Empty on the last page.
};
absl::StatusOr<NoticePage> ListNotices(Store& store, const std::string& organization_id,
                                       const std::string& after, int limit);

// Verification (rules J1, J2): reads every journal (or one organization's), checks that sequences
// have no gap, that chain hashes chain, that no request id was charged twice and that every one is
// remembered while it must be; folds the journal and compares with the stored state, record by
// record; checks the ledger's invariants. Works on a store opened read-only too.
struct VerifyReport {
  int64_t organization_count = 0;
  int64_t entry_count = 0;
  int64_t charge_count = 0;
  int64_t violation_count = 0;
  struct Item {
    std::string organization_id;
    std::string rule;
    std::string message;
    int64_t sequence = 0;
  };
  std::vector<Item> violations;  // The first 100.
};
// `organization_id` empty: all of them; NOT_FOUND where it is unknown. `now` (or the store's
// last commit at its opening, whichever is later) decides which request ids must still be
// remembered. What is damaged is a violation, not an error; an error means that the store could not
// be read at all.
absl::StatusOr<VerifyReport> VerifyLedger(Store& store, const std::string& organization_id,
                                          absl::Time now = absl::Now());

}  // namespace bursar
