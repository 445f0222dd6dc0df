// The epoch of a store: drawn at random when an engine first starts on it, and anew after a
// restore. Ids that are given out (admissions, notices, payments …) are bound to it, and watchers
// that resume name it, so that what was restored and continues otherwise is never taken for what it
// was.
//
// Thread rule: pure functions of the store.
//
// Source: rule J3 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace bursar {

// The system record that holds it.
inline constexpr char kEpochKey[] = "epoch";

// The store's epoch, `epc_…`; draws and writes one where there is none. DATA_LOSS where it is
// damaged; errors of the store.
absl::StatusOr<std::string> FindOrBeginEpoch(Store& store, absl::Time now);

// Makes the next start begin a new epoch.
absl::Status ForgetEpoch(Store& store);

}  // namespace bursar
