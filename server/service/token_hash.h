// How tokens are known without being kept: by their SHA-256.
//
// Thread rule: pure functions.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bursar {

// SHA-256 of a token.
using TokenHash = std::array<uint8_t, 32>;

// The hash that a token is known by.
TokenHash HashToken(std::string_view token);

}  // namespace bursar
