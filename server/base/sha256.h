// SHA-256, for chain hashes and for ids that are derived from names.
//
// Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace bursar {

inline constexpr size_t kSha256Bytes = 32;

// The hash of the parts, one behind the other: 32 bytes.
std::string Sha256(std::initializer_list<std::string_view> parts);

}  // namespace bursar
