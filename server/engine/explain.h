// Past decisions, decided again (rule S5): the journal is folded up to the decision, on a snapshot
// of the store and away from the engine's lock, and the same evaluation runs at its instant.
//
// Costs as much as reading the journal up to there, and the memory of the wallet with all members.
//
// Thread rule: free functions; each call takes its own snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/catalogs.h"
#include "server/engine/denial_codec.h"
#include "server/ledger/explanation.h"
#include "storage/store.h"

namespace bursar {

struct ExplainedDecision {
  Explanation explanation;
  std::string currency_code;
  int64_t sequence = 0;  // The entry; zero of checks.
  int64_t revision = 0;  // That it was decided on.
  absl::Time decided_at;
  std::string member_id;
  std::optional<UsageCharged> charge;
  std::optional<Hold> hold;
};

// The charge or hold of that entry. NOT_FOUND where the entry is neither, or there is no such entry
// or organization.
absl::StatusOr<ExplainedDecision> ExplainEntry(const Store& store, const Catalogs& catalogs,
                                               const ZoneDatabase& zones,
                                               const std::string& organization_id,
                                               int64_t sequence);

// A check at an instant, on the last revision at or before it, or on `revision` where that is not
// zero. NOT_FOUND for an unknown organization, for a member that it did not have then and would not
// have provisioned, and for an instant before the organization's first entry.
absl::StatusOr<ExplainedDecision> ExplainCheckAt(const Store& store, const Catalogs& catalogs,
                                                 const ZoneDatabase& zones,
                                                 const std::string& organization_id,
                                                 const CheckAdmissionCommand& command,
                                                 absl::Time instant, int64_t revision);

}  // namespace bursar
