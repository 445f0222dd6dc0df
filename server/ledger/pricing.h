// What usage costs: exact, in integers, each line rounded once.
//
// A line's cost is quantity × price × modifiers / 1,000,000 (per million of the meter), computed in
// 128 bits and rounded half up, once (rule M3). Usage that happened always gets a price: what the
// book does not know is charged at its fallback prices and flagged (rule P6).
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/price_book.h"
#include "server/ledger/usage.h"

namespace bursar {

// One meter's share of a cost.
struct PricedLine {
  Meter meter = Meter::kInput;
  // For kOther: which of Usage::other_meters. Otherwise 0.
  uint32_t other_index = 0;
  int64_t quantity = 0;
  Nanos cost;
};

// The name of a line's meter; `usage` is the one that was priced, and lends the name of kOther.
std::string_view LineName(const PricedLine& line, const Usage& usage);

// Why a cost is flagged as `price_fallback`, in precedence order (the first that applies).
enum class FallbackCause : uint8_t {
  kNone = 0,
  kUnknownModel = 1,        // The book has no such model.
  kNoCardInForce = 2,       // The model's first card takes effect only later.
  kMissingMeter = 3,        // A meter that was used has no price on the card.
  kUnknownServiceTier = 4,  // Charged without the tier's modifier.
  kUnknownRegion = 5,       // Charged without the region's modifier.
};

struct PricedUsage {
  Nanos cost;
  // The meters that were used (quantity above zero), in the order of Usage's fields. The costs add
  // up to `cost` exactly.
  std::vector<PricedLine> lines;
  // True when any part was charged without a price of its own (rule P6).
  bool fallback = false;
  FallbackCause fallback_cause = FallbackCause::kNone;
  // "id@version" of the card in force; "fallback@version" when there was none.
  std::string card;
};

// OK when every quantity is within 0 … kMaxQuantity and the further meters are at most
// kMaxOtherMeters with well-formed names (1 to 64 lower-case letters, digits and "._-") and service
// tier and region are at most 64 bytes; else INVALID_ARGUMENT naming each field as in
// bursar.v1.Usage ("usage.input_tokens: …").
absl::Status ValidateUsage(const Usage& usage);

// Prices one request's usage by the model's card in force at `occurred_at`. `model` is what the
// book's Resolve answered: nullptr means unknown, and is charged at the fallback prices.
//
// Tiers: the prompt is input + cache reads + cache writes of the request; the highest tier that
// starts below it sets the rate of the whole request (rule P3). Service tier and region multiply
// (rule P4) and apply to the five token meters and to the other meters marked so, never to web
// searches; they apply to fallback prices of tokens too. An unknown service tier or region is
// charged at one times the price and flagged.
//
// Errors: INVALID_ARGUMENT for usage that ValidateUsage refuses, and naming `usage` when the cost
// exceeds one entry (2^63 - 1 nanos, rule M2). Nothing else fails.
absl::StatusOr<PricedUsage> PriceUsage(const PriceBook& book, const ModelPrices* model,
                                       const Usage& usage, absl::Time occurred_at);

}  // namespace bursar
