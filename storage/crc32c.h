// CRC-32C (Castagnoli), the checksum of RocksDB's log records, in software.
//
// Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <string_view>

namespace bursar {

// The checksum of `data` continued from `crc`, the checksum of what came before it.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view data);

}  // namespace bursar
