// SHA-256, for chain hashes and for ids that are derived from names, and HMAC with it (RFC 2104),
// for signatures.
//
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace bursar {

inline constexpr size_t kSha256Bytes = 32;

// The hash of the parts, one behind the other.
std::array<uint8_t, kSha256Bytes> Sha256Digest(std::initializer_list<std::string_view> parts);
// The same as a string of 32 bytes.
std::string Sha256(std::initializer_list<std::string_view> parts);

// The authentication code of `message` under a key of any length: 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view message);

}  // namespace bursar
