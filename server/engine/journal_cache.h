// Remembers the journal record that was read last: repeated calls come in the order of their first
// ones, so that many of them find their receipts in one record.
//
// Thread rule: belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/ledger/entry.h"
#include "storage/store.h"

namespace bursar {

class JournalCache {
 public:
  // The entry of that sequence, valid until the next call; null where the journal has none.
  // DATA_LOSS where its record is damaged, otherwise the store's errors. May wait for the disk.
  absl::StatusOr<const Entry*> Find(const Store& store, const std::string& organization_id,
                                    int64_t sequence);

 private:
  std::string organization_id_;
  std::vector<Entry> entries_;  // Of one record; a journal never changes.
};

}  // namespace bursar
