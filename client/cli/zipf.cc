#include "client/cli/zipf.h"

#include <algorithm>

#include "absl/numeric/int128.h"

namespace bursar::cli {
namespace {

// Spreads a number over all 64 bits (the finalizer of the SplitMix64 generator).
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Zipf::Zipf(int64_t count, uint64_t seed) : seed_(seed) {
  uint64_t sum = 0;
  cumulative_.reserve(static_cast<size_t>(count));
  for (int64_t k = 1; k <= count; ++k) {
    sum += (uint64_t{1} << 40) / static_cast<uint64_t>(k);
    cumulative_.push_back(sum);
  }
}

int64_t Zipf::Pick(uint64_t index) const {
  // The high half of the product is even over [0, sum) and needs no division.
  const absl::uint128 product =
      absl::uint128(Mix(Mix(seed_) ^ index)) * absl::uint128(cumulative_.back());
  const auto found =
      std::upper_bound(cumulative_.begin(), cumulative_.end(), absl::Uint128High64(product));
  return found - cumulative_.begin();
}

}  // namespace bursar::cli
