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

// A JSON number that is a whole one between 0 and 10^15.
absl::StatusOr<int64_t> ParseWholeNumber(std::string_view text);

}  // namespace bursar
