// Reads the end of one of RocksDB's table files without RocksDB, before RocksDB is let near it:
// RocksDB reads a table's properties before it looks at their checksum, and where it was built with
// assertions (Debian's is) one flipped bit there can end the process.
//
// A table ends in a footer of 53 bytes: the checksum's type (1), two handles (an offset and a size
// each, as varints) of the index of meta blocks and of the index, zeros up to byte 41, the format's
// version (4), a magic number (8); little-endian. Behind each block stand its compression (1) and
// its checksum (4). The index of meta blocks says where the properties are. What else a table holds
// RocksDB verifies itself, when it reads it.
//
// Thread rule: pure functions.
//
// Source: RocksDB 7.8, table/format.cc (Footer, ComputeBuiltinChecksumWithLastByte) and
// table/block_based/block_builder.cc; docs/storage_format.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bursar {

// So many bytes of a file from an offset on; fewer only at its end.
using ReadAt = std::function<absl::StatusOr<std::string>(uint64_t offset, size_t count)>;

// DATA_LOSS, saying what is wrong, when the footer, the index of meta blocks or the properties of a
// table of `file_bytes` bytes are damaged, or the table is not of the form that the store writes
// (format version 5, XXH3). What `read` fails with is passed on.
absl::Status CheckTableEnd(uint64_t file_bytes, const ReadAt& read);

}  // namespace bursar
