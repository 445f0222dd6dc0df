// Names for calls, so that a call whose answer was lost can be repeated without effect.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace bursar {

// A new UUIDv7 (RFC 9562), for example "019ab2c4-5d1e-7c3a-9f10-6a1b2c3d4e5f": it sorts by the
// millisecond in which it was made, and its 74 other bits come from the system's random source.
//
// Thread rule: may be called from any thread.
std::string MakeRequestId();

// The UUIDv7 of an instant and ten random bytes (the version and variant bits are overwritten).
// Instants before 1970 count as 1970.
std::string FormatRequestId(absl::Time time, const std::array<uint8_t, 10>& random_bytes);

}  // namespace bursar
