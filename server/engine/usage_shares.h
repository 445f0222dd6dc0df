// What drew a wallet down: which surfaces and which members, this period against the one before, so
// that «work moved from chat to agents» can be seen (rule N3).
//
// Sums the journal, so it may take long where a month has many entries; never called under a lock.
//
// Thread rule: free functions on a snapshot of their own.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/base/zone.h"
#include "server/engine/notice.h"
#include "storage/store.h"

namespace bursar {

// The dearest few surfaces, then the dearest few members, of extra and metered usage up to the
// notice's instant in its calendar month. Empty where nothing was drawn.
absl::StatusOr<std::vector<UsageShare>> UsageSharesOf(Store& store, const ZoneDatabase& zones,
                                                      const std::string& organization_id,
                                                      const StoredNotice& notice);

}  // namespace bursar
