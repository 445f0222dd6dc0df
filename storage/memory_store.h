// A store in memory, for tests and simulations: the same outward behaviour as the durable ones,
// with places to put faults. It forgets everything when it is destroyed.
//
// Thread rule: as store.h says. The hooks are called by the calling thread; the commit hooks while
// other writers wait, so they may read the store but not write to it.
#pragma once

#include <functional>
#include <memory>

#include "storage/store.h"

namespace bursar {

// Faults for tests; every hook may be left empty.
struct MemoryStoreOptions {
  // Called before a well-formed group is looked at. It may block. A status other than OK latches
  // the store with it; nothing of the group is written.
  std::function<absl::Status(const CommitGroup&)> before_commit;
  // Called after the group was written and before Commit returns. A status other than OK latches
  // the store with it: the written group's result is unknown to the caller.
  std::function<absl::Status(const CommitGroup&)> after_commit;
  // Says that a key is not in memory: LoadMode::kMemoryOnly answers kWouldBlock for it.
  std::function<bool(const LoadKey&)> would_block;
};

// Never fails. The store outlives its snapshots and cursors by itself.
std::unique_ptr<Store> NewMemoryStore(MemoryStoreOptions options = {});

}  // namespace bursar
