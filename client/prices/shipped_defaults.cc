#include "client/prices/shipped_defaults.h"

namespace bursar {
namespace {

constexpr int64_t kNanosPerUnit = 1'000'000'000;

}  // namespace

void AddShippedDefaults(v1::PriceBook& book) {
  book.clear_service_tiers();
  book.clear_regions();
  const auto add = [](v1::PriceModifier* modifier, const char* name, int64_t millionths) {
    modifier->set_name(name);
    modifier->set_multiplier_millionths(millionths);
  };
  // Providers report "standard" for ordinary requests; it must not count as unknown.
  add(book.add_service_tiers(), "standard", 1'000'000);
  add(book.add_service_tiers(), "batch", 500'000);
  add(book.add_regions(), "global", 1'000'000);
  add(book.add_regions(), "us", 1'100'000);  // An example of a regional multiplier.

  // As the dearest flagship of the list's first provider: too high is corrected by a refund, too
  // low is money lost.
  v1::FallbackPrices& fallback = *book.mutable_fallback();
  fallback.set_input_nanos_per_million(15 * kNanosPerUnit);
  fallback.set_output_nanos_per_million(75 * kNanosPerUnit);
  fallback.set_cache_write_5m_nanos_per_million(18'750'000'000);
  fallback.set_cache_write_1h_nanos_per_million(30 * kNanosPerUnit);
  fallback.set_cache_read_nanos_per_million(1'500'000'000);
  fallback.set_web_search_nanos_per_thousand(10 * kNanosPerUnit);
  fallback.set_other_meter_nanos_per_million(75 * kNanosPerUnit);
}

}  // namespace bursar
