// The daily digest of requests that wait for a decision: when it is due, and its next instant.
//
// The digest is a due effect like any other (rule T3): the header keeps when it is next due, and
// where something is outstanding then, a DigestScheduled entry says so and names the next morning.
// What is outstanding is another's affair: whoever keeps requests answers `OutstandingRequests`,
// and calls AppendDigestSchedule where a command changes how many there are.
//
// Thread rule: pure functions.
//
// Source: rule Q4 (docs/rules.md).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "server/base/zone.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

struct DecisionContext;

// The local hour at which a digest is due.
inline constexpr int kDigestHour = 9;

// Tells the digest how many requests wait. Pure: the same wallet always gives the same answer.
class OutstandingRequests {
 public:
  virtual ~OutstandingRequests() = default;
  virtual int64_t Count(const WalletHeader& header) const = 0;
};

// The first instant after `after` at which clocks of the zone show nine in the morning.
absl::Time NextDigestAt(absl::Time after, const Zone& zone);

// Adds the entry that plans or cancels the digest, where a command that leaves `outstanding`
// requests needs one: the first request plans the next morning, the last decision cancels it.
void AppendDigestSchedule(const WalletHeader& header, int64_t outstanding,
                          const DecisionContext& context, std::vector<EntryBody>& bodies);

// What the digest's instant brings: `is_due` with the next morning where something is outstanding,
// else its cancellation. Requires: header.next_digest is in the past.
EntryBody DigestDue(const WalletHeader& header, const DecisionContext& context);

}  // namespace bursar
