// Reads the public price list genai-prices into a price book.
//
// The list is a JSON object of providers by id, or an array of them. How it is understood (rules
// P3, P5, P7):
// - Within a provider the first model whose match accepts a name decides; the order is kept.
// - Prices are US dollars per million tokens, or per thousand web searches.
// - The list counts cache tokens inside its input tokens when it *counts*; its prices are per pool.
//   Usage counts exclusive pools, so the prices carry over as they are.
// - A missing cache price is the input price; a missing one-hour write price the five-minute one.
// - A tier's start is exclusive and its rate covers the whole request, there as here.
// - Of dated prices the last one that has begun applies, from 00:00 UTC of its start date; the
// first
//   entry applies to everything earlier.
// - What Usage cannot express is left out and reported: meters of audio, images, video, hours,
//   storage; prices by time of day; models that have nothing else.
// Modifiers and fallback prices, which the list does not have, are added (shipped_defaults.h).
//
// No number passes through floating point.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "client/prices/price_list.h"

namespace bursar {

// All or nothing. INVALID_ARGUMENT says where the list is not what it should be, by byte and path:
// "byte 4711, anthropic.models[3].prices.input_mtok: is negative".
absl::StatusOr<ImportResult> ImportGenaiPrices(std::string_view text, const ImportOptions& options);

}  // namespace bursar
