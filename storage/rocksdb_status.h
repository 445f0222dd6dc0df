// How RocksDB's statuses become ours.
//
// Thread rule: pure functions.
#pragma once

#include <rocksdb/status.h>

#include <string>

#include "absl/status/status.h"

namespace bursar {

// OK stays OK. Corruption is DATA_LOSS; a full disk, an I/O error and anything transient is
// UNAVAILABLE; a wrong use of RocksDB is INTERNAL. `doing` says what was being done ("writing a
// group") and stands once at the front of the message.
absl::Status FromRocksDb(const rocksdb::Status& status, const std::string& doing);

}  // namespace bursar
