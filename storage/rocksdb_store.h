// The store in a directory of its own, on RocksDB: what a single server uses.
//
// Every group is one write batch, synced before Commit returns, and carries its number and a hash
// over all groups so far. Opening compares them with the watermark, so that a log that was cut
// short, swapped or damaged is refused instead of silently believed (docs/storage_format.md).
//
// Thread rule: as store.h says; opening and destroying a store are each one thread's affair.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace bursar {

// The defaults suit a machine of two cores and 24 GiB that runs the server beside other things.
struct RocksDbStoreOptions {
  std::string directory;
  // For looking without changing anything: every write is refused. The directory must exist, and
  // no server may have it open. Creates nothing but the lock file.
  bool read_only = false;
  // Whether a missing or empty directory becomes a new store (else NOT_FOUND).
  bool create_if_missing = true;

  // Memory for blocks read from disk, their indexes and Bloom filters.
  size_t block_cache_bytes = size_t{512} << 20;
  // Memory for what is not yet in table files, over all families.
  size_t write_buffer_bytes = size_t{256} << 20;
  // How long the log may grow before it is written out to tables; bounds how long an open takes.
  size_t max_log_bytes = size_t{128} << 20;
  // File descriptors for table files.
  int max_open_files = 512;
  // Organizations whose revision is kept in memory for the compare-and-set; about 150 bytes each.
  size_t cached_revisions = 500'000;
  // The watermark is written at most this often.
  absl::Duration watermark_interval = absl::Milliseconds(50);
  // The file system to use, for tests; null = the machine's. Must outlive the store.
  rocksdb::Env* env = nullptr;
};

// Opens or creates a store. Nothing is changed by an open that fails with one of:
//   FAILED_PRECONDITION  the directory is not empty and not ours, is of a newer format, or in use
//   NOT_FOUND            there is no store, and none may be created
//   DATA_LOSS            something is damaged, or acknowledged writes are missing; restore a backup
// UNAVAILABLE: the disk failed.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbStoreOptions& options);

}  // namespace bursar
