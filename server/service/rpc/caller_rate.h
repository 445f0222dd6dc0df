// How many calls each caller may make in a second: a token bucket for each credential.
//
// A bucket holds one second's calls, so a caller that was quiet may burst by that much. A batch is
// one call, a stream is one call however much it carries; what is sent in them has limits of its
// own. A credential whose bucket is full is forgotten, so that memory follows those who call.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/service/authorization.h"

namespace bursar {

class CallerRate {
 public:
  // `calls_per_second` is above zero; `clock`, of which only the monotonic side is used, outlives
  // this.
  CallerRate(int calls_per_second, const Clock* clock);

  // OK and one call taken, or RESOURCE_EXHAUSTED (CALLER_RATE_REACHED) and nothing taken.
  absl::Status Take(const Credential& credential);

  // Callers that are remembered.
  size_t size() const;

 private:
  struct Bucket {
    double calls = 0;           // That may be made at `counted_at`.
    absl::Duration counted_at;  // Of the monotonic clock.
  };

  void Forget(absl::Duration now);

  const double calls_per_second_;
  const Clock* const clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket>
      buckets_;                 // Guarded by mutex_. By token, or else by name.
  absl::Duration next_forget_;  // Guarded by mutex_.
};

}  // namespace bursar
