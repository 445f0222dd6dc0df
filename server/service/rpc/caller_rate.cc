#include "server/service/rpc/caller_rate.h"

#include <algorithm>

#include "server/service/errors.h"

namespace bursar {
namespace {

constexpr absl::Duration kForgetInterval = absl::Seconds(10);

}  // namespace

CallerRate::CallerRate(int calls_per_second, const Clock* clock)
    : calls_per_second_(calls_per_second), clock_(clock) {}

absl::Status CallerRate::Take(const Credential& credential) {
  const absl::Duration now = clock_->Monotonic();
  const std::lock_guard lock(mutex_);
  if (now >= next_forget_) Forget(now);
  // Tokens have ids of their own; certificates and tokens of an issuer are told apart by name.
  const std::string& key = credential.token_id.empty() ? credential.name : credential.token_id;
  Bucket& bucket = buckets_.try_emplace(key, Bucket{calls_per_second_, now}).first->second;
  const double refill = absl::ToDoubleSeconds(now - bucket.counted_at) * calls_per_second_;
  bucket.calls = std::min(calls_per_second_, bucket.calls + refill);
  bucket.counted_at = now;
  if (bucket.calls < 1) {
    return CallerRateError(calls_per_second_,
                           absl::Seconds((1 - bucket.calls) / calls_per_second_));
  }
  bucket.calls -= 1;
  return absl::OkStatus();
}

size_t CallerRate::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

// After a second of silence a bucket is full, as a new one would be.
void CallerRate::Forget(absl::Duration now) {
  next_forget_ = now + kForgetInterval;
  std::erase_if(buckets_, [&](const auto& entry) {
    return now - entry.second.counted_at > absl::Seconds(1);
  });
}

}  // namespace bursar
