// Decimal texts as integers, exactly.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace bursar {

// Nano-units of a JSON number: "3.75" is 3,750,000,000, "1e-3" is 1,000,000. INVALID_ARGUMENT when
// the text is no such number, is negative, has a digit other than zero behind the ninth decimal
// (nothing is ever rounded here), or exceeds 1,000,000 units (10^15 nanos).
absl::StatusOr<int64_t> ParseDecimalNanos(std::string_view text);

// Nano-units as they fit, and whether that took rounding.
struct RoundedNanos {
  int64_t nanos = 0;
  bool rounded = false;
};

// Nano-units per million of a price for one: "3e-06" dollars a token are 3 dollars a million
// tokens, 3,000,000,000. Lists that were written through floating point have digits behind the
// fifteenth decimal ("2.0000000000000002e-07"): those are rounded half up to a nano-unit per
// million, and never down to nothing; `rounded` says so. INVALID_ARGUMENT when the text is no JSON
// number, is negative, or exceeds 1 unit (10^15 nanos per million).
absl::StatusOr<RoundedNanos> ParseNanosPerMillion(std::string_view text);

// The same per thousand: "0.01" a call are 10 dollars a thousand calls. At most 1,000 units.
absl::StatusOr<RoundedNanos> ParseNanosPerThousand(std::string_view text);

// A JSON number that is a whole one between 0 and 10^15.
absl::StatusOr<int64_t> ParseWholeNumber(std::string_view text);

}  // namespace bursar
