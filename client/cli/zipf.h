// Spreads work over members as real teams do: a few use most, many use a little.
//
// The k-th of n gets a share in proportion to 1/k (Zipf's law with exponent one). Integers only, so
// that every machine picks alike.
//
// Thread rule: immutable once made.
#pragma once

#include <cstdint>
#include <vector>

namespace bursar::cli {

// See the head of the file.
class Zipf {
 public:
  // Requires: 1 <= count <= 1,000,000.
  Zipf(int64_t count, uint64_t seed);

  // Whom item `index` falls to, from 0 to count - 1: always the same for the same index and seed.
  int64_t Pick(uint64_t index) const;

 private:
  uint64_t seed_;
  // cumulative_[k] is the weight of 0 … k together.
  std::vector<uint64_t> cumulative_;
};

}  // namespace bursar::cli
