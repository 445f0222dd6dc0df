// What a replay has done so far: counts, exact sums of money, latencies.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/time/time.h"
#include "bursar/v1/quota_service.pb.h"

namespace bursar::cli {

// How long calls took.
class LatencyTally {
 public:
  void Add(absl::Duration latency);
  int64_t count() const { return static_cast<int64_t>(microseconds_.size()); }
  // The latency that `percent` of the calls did not exceed (nearest rank); zero without calls.
  absl::Duration Percentile(int percent) const;

 private:
  std::vector<uint32_t> microseconds_;
};

// Denials for one reason.
struct DenialTally {
  int64_t count = 0;
  // The banner and row (from 1) of the first.
  std::string first_message;
  int64_t first_row = 0;
};

// See the head of the file. Sums hold every reply, replayed ones included: they are what the rows
// cost, however often the replay was run.
struct ReplayTally {
  int64_t row_count = 0;
  int64_t admitted_count = 0;
  int64_t denied_count = 0;
  int64_t denied_by_holds_count = 0;  // Of them: nothing was used up, live holds were in the way.
  int64_t held_count = 0;             // Holds that checks placed,
  int64_t settled_count = 0;          // and those that their records settled.
  std::map<v1::DenialReason, DenialTally> denials;
  int64_t recorded_count = 0;
  int64_t replayed_count = 0;
  int64_t price_fallback_count = 0;
  int64_t unadmitted_count = 0;
  int64_t unseated_count = 0;
  int64_t retry_count = 0;
  absl::int128 charged_nanos = 0;
  absl::int128 overshoot_nanos = 0;
  std::map<v1::Bucket, absl::int128> drawn_nanos;
  // Of the replies; empty before the first.
  std::string currency_code;
  LatencyTally check_latency;
  LatencyTally record_latency;
  // How long checks and records took by the clock; equal and together unless they run one after
  // the other.
  absl::Duration check_time;
  absl::Duration record_time;
  absl::Duration wall_time;

  // Takes a check's answer for a row (from 1) into account.
  void AddCheck(const v1::CheckAdmissionResponse& reply, int64_t row);
  // Takes a receipt into account.
  void AddRecord(const v1::RecordConsumptionResponse& reply);
};

}  // namespace bursar::cli
