// Small price books for tests, with prices that are easy to compute by hand.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <utility>

#include "server/ledger/price_book.h"

namespace bursar {

inline NameMatchSpec Match(NameMatchSpec::Kind kind, const std::string& text) {
  return {kind, text, {}};
}

inline NameMatchSpec Equals(const std::string& text) {
  return Match(NameMatchSpec::Kind::kEquals, text);
}

// Prices of the six meters, in the order of Usage's fields.
inline MeterPricesSpec Prices(int64_t input, int64_t output, int64_t write_5m, int64_t write_1h,
                              int64_t read, int64_t search) {
  MeterPricesSpec prices;
  prices.nanos = {input, output, write_5m, write_1h, read, search};
  return prices;
}

inline ModelPricesSpec Model(const std::string& provider, const std::string& id,
                             MeterPricesSpec prices) {
  ModelPricesSpec model{provider, id, Equals(id), {}};
  model.cards.push_back({provider + "/" + id, absl::InfinitePast(), std::move(prices), {}});
  return model;
}

// One provider "maker" with one model "plain": 1, 2, 3, 4, 5 dollars a million, 6 a thousand
// searches. Service tier batch ×0.5, region us ×1.1; fallback 10 to 70 dollars.
inline PriceBookSpec SampleBook() {
  constexpr int64_t kDollar = 1'000'000'000;
  PriceBookSpec spec;
  spec.version = "v1";
  spec.currency_code = "USD";
  spec.providers = {{"maker", std::nullopt, {}}};
  spec.models = {
      Model("maker", "plain",
            Prices(kDollar, 2 * kDollar, 3 * kDollar, 4 * kDollar, 5 * kDollar, 6 * kDollar))};
  spec.service_tiers = {{"batch", 500'000}};
  spec.regions = {{"us", 1'100'000}};
  for (size_t i = 0; i < kFixedMeterCount; ++i) {
    spec.fallback.nanos[i] = static_cast<int64_t>(i + 1) * 10 * kDollar;
  }
  spec.fallback.other_meter_nanos_per_million = 70 * kDollar;
  return spec;
}

}  // namespace bursar
