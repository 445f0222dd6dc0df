// How long request ids are remembered: in generations of twelve days of commit time, so that a
// whole generation can be dropped at once instead of id by id.
//
// A generation is dead when its youngest id is past the retention; with 36 days and generations of
// twelve, an id is remembered for 36 to 48 days and four generations are alive at any instant.
//
// Thread rule: pure functions.
//
// Source: rule R2 (docs/rules.md).
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "storage/store.h"

namespace bursar {

inline constexpr int64_t kDedupeGenerationDays = 12;

// The generation that an instant belongs to. PERSISTED in keys: the arithmetic cannot change.
// Instants outside what 16 bits hold (1970 to the year 4123) get the nearest.
inline uint16_t DedupeGeneration(absl::Time instant) {
  const absl::Duration length = absl::Hours(24 * kDedupeGenerationDays);
  absl::Duration rest;
  const int64_t generation = absl::IDivDuration(instant - absl::UnixEpoch(), length, &rest);
  return static_cast<uint16_t>(std::clamp<int64_t>(generation, 0, UINT16_MAX));
}

// The oldest generation that may still hold an id within its retention at `now`.
inline uint16_t FirstLiveDedupeGeneration(absl::Time now) {
  return DedupeGeneration(now - kDedupeRetention);
}

}  // namespace bursar
