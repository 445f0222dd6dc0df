// The daily digest of requests that wait for a decision: when it is due, and its next instant.
//
// The digest is a due effect like any other (rule T3): the header keeps when it is next due, and
// where a request is open then, a DigestScheduled entry says so and names the next morning. The
// first request that opens plans it and the last that closes cancels it, in the same commit
// (FollowUps).
//
// Thread rule: pure functions.
//
// Source: rule Q4 (docs/rules.md).
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "server/base/zone.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

struct DecisionContext;

// The local hour at which a digest is due.
inline constexpr int kDigestHour = 9;

// The first instant after `after` at which clocks of the zone show nine in the morning.
absl::Time NextDigestAt(absl::Time after, const Zone& zone);

// Adds the entry that plans or cancels the digest, where the open requests of the wallet need one.
void AppendDigestSchedule(const WalletHeader& header, const DecisionContext& context,
                          std::vector<EntryBody>& bodies);

// What the digest's instant brings: `is_due` with the next morning where a request is open, else
// its cancellation. Requires: header.next_digest is in the past.
EntryBody DigestDue(const WalletHeader& header, const DecisionContext& context);

}  // namespace bursar
