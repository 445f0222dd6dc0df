// What one request consumed, meter by meter, as the ledger sees it.
//
// Meters are exclusive pools: `input` never contains cache tokens (rule P2). Every quantity is
// between 0 and kMaxQuantity; ValidateUsage (pricing.h) says which are not, and nothing in the
// ledger computes with usage that it has refused.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bursar {

// The largest quantity of one meter in one request: 10^12.
inline constexpr int64_t kMaxQuantity = 1'000'000'000'000;

// How many further meters one request may report.
inline constexpr size_t kMaxOtherMeters = 32;

// The quantity of a meter without a field of its own.
struct OtherMeter {
  std::string name;
  int64_t quantity = 0;

  friend bool operator==(const OtherMeter&, const OtherMeter&) = default;
};

struct Usage {
  int64_t input = 0;           // Uncached input tokens.
  int64_t output = 0;          // Output tokens.
  int64_t cache_write_5m = 0;  // Tokens written to the cache for five minutes.
  int64_t cache_write_1h = 0;  // Tokens written to the cache for one hour.
  int64_t cache_read = 0;      // Tokens read from the cache.
  int64_t web_searches = 0;    // Web searches, counted one by one.
  std::vector<OtherMeter> other_meters;
  std::string service_tier;  // Empty: the ordinary one.
  std::string region;        // Empty: the ordinary one.

  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace bursar
