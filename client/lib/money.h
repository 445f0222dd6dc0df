// Amounts of money on the client's side: reading what people type, showing what the server says.
//
// Amounts are counts of nano-units (10^-9 of a currency's unit) in integers; nothing here converts
// from or to floating point. One amount fits 64 bits, a sum of many is kept in 128.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/numeric/int128.h"
#include "bursar/v1/common.pb.h"

namespace bursar {

// Nanos in one whole unit of a currency.
inline constexpr int64_t kNanosPerCurrencyUnit = 1'000'000'000;

// Reads "25", "25.00", "-0.000001": digits and, behind a point, one to nine decimals. The currency
// code of the result is empty, which the server takes as the organization's own. Nothing when the
// text is malformed (blanks, separators, an exponent, no digit on a side of the point) or the
// amount is beyond about ±9.2 billion units (rule M1).
std::optional<v1::Money> ParseMoney(const std::string& text);

// The amount in nano-units. Exact for every `units` and `nanos` that the message can carry.
absl::int128 NanosOf(const v1::Money& money);

// The amount in decimal units, at least two decimals and no further trailing zeros: "12.50",
// "0.000001", "-3.00".
std::string FormatNanos(absl::int128 nanos);

// The same with the currency behind it: "12.50 USD"; without one where the message has none.
std::string FormatMoney(const v1::Money& money);

}  // namespace bursar
