// The machine's files as RocksDB is to see them: tables whose end is damaged cannot be opened
// (table_inspector.h), and for a look that changes nothing the log is empty and the manifest
// without the entries that were never finished.
//
// Thread rule: as rocksdb::Env.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bursar {

// The whole entries at the front of a file, when an unfinished write follows them.
struct UnfinishedFile {
  std::string path;
  int64_t whole_bytes = 0;
};

// An environment that does as `base` does, but refuses damaged tables, and sequential reads of
// `shortened` end at its whole bytes and, with `empty_logs`, those of log files at once. `base`
// must outlive it.
std::unique_ptr<rocksdb::Env> NewFileView(rocksdb::Env* base, bool empty_logs,
                                          std::optional<UnfinishedFile> shortened);

}  // namespace bursar
