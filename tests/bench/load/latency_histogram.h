// Counts durations in buckets of at most 1/64 of their size: 1 ns to hours, in 24 KiB.
//
// Thread rule: an object belongs to one thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bursar::bench {

class LatencyHistogram {
 public:
  void Add(int64_t nanoseconds) {
    const auto value = static_cast<uint64_t>(nanoseconds > 0 ? nanoseconds : 0);
    ++counts_[BucketOf(value)];
    ++count_;
  }

  int64_t count() const { return count_; }

  // The duration that this share of them does not exceed, at most 1/64 above it; 0 of none.
  int64_t Percentile(double share) const {
    const auto wanted = static_cast<int64_t>(share * static_cast<double>(count_) + 0.5);
    int64_t seen = 0;
    for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted && seen > 0) return static_cast<int64_t>(EndOf(bucket));
    }
    return 0;
  }

 private:
  static constexpr int kBits = 6;  // 64 buckets for each power of two.
  static constexpr size_t kPart = size_t{1} << kBits;

  static size_t BucketOf(uint64_t value) {
    if (value < kPart) return static_cast<size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - kBits - 1;
    return static_cast<size_t>(shift + 1) * kPart + static_cast<size_t>((value >> shift) - kPart);
  }
  static uint64_t EndOf(size_t bucket) {
    if (bucket < kPart) return bucket;
    const int shift = static_cast<int>(bucket / kPart) - 1;
    return ((bucket % kPart + kPart + 1) << shift) - 1;
  }

  std::array<int64_t, kPart* 48> counts_ = {};
  int64_t count_ = 0;
};

}  // namespace bursar::bench
