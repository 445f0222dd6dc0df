#include "client/cli/replay_tally.h"

#include <algorithm>
#include <limits>

#include "client/lib/money.h"

namespace bursar::cli {

void LatencyTally::Add(absl::Duration latency) {
  const int64_t microseconds = absl::ToInt64Microseconds(latency);
  microseconds_.push_back(static_cast<uint32_t>(
      std::clamp<int64_t>(microseconds, 0, std::numeric_limits<uint32_t>::max())));
}

absl::Duration LatencyTally::Percentile(int percent) const {
  if (microseconds_.empty()) return absl::ZeroDuration();
  std::vector<uint32_t> sorted = microseconds_;
  // Nearest rank: the smallest value that at least `percent` of all do not exceed.
  const size_t rank = (sorted.size() * static_cast<size_t>(percent) + 99) / 100;
  const size_t place = rank == 0 ? 0 : rank - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(place),
                   sorted.end());
  return absl::Microseconds(sorted[place]);
}

void ReplayTally::AddCheck(const v1::CheckAdmissionResponse& reply, int64_t row) {
  if (reply.decision() == v1::DECISION_ADMITTED) {
    ++admitted_count;
    if (reply.has_hold()) ++held_count;
    return;
  }
  ++denied_count;
  if (reply.denial().held()) ++denied_by_holds_count;
  DenialTally& tally = denials[reply.denial().reason()];
  if (tally.count == 0 || row < tally.first_row) {
    tally.first_message = reply.denial().message();
    tally.first_row = row;
  }
  ++tally.count;
}

void ReplayTally::AddRecord(const v1::RecordConsumptionResponse& reply) {
  ++recorded_count;
  if (reply.replayed()) ++replayed_count;
  if (reply.price_fallback()) ++price_fallback_count;
  if (reply.unadmitted()) ++unadmitted_count;
  if (reply.unseated()) ++unseated_count;
  if (reply.admission_status() == v1::ADMISSION_STATUS_SETTLED) ++settled_count;
  if (currency_code.empty()) currency_code = reply.cost().currency_code();
  charged_nanos += NanosOf(reply.cost());
  overshoot_nanos += NanosOf(reply.overshoot());
  for (const v1::Draw& draw : reply.draws()) drawn_nanos[draw.bucket()] += NanosOf(draw.amount());
}

}  // namespace bursar::cli
