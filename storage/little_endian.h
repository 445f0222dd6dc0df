// Numbers as RocksDB's files hold them.
//
// Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bursar {

// The number in the first `count` bytes, at most eight, the lowest first.
inline uint64_t ReadLittle(std::string_view bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace bursar
