#include "server/notify/delivery_schedule.h"

#include <algorithm>

namespace bursar {

void DeliverySchedule::Add(DeliveryStep step, absl::Time due) {
  const Key key = KeyOf(step);
  auto found = steps_.find(key);
  if (found != steps_.end()) {
    if (found->second.is_under_way) return;
    by_due_.erase({found->second.due, key});
    found->second.due = due;
    by_due_.insert({due, key});
    return;
  }
  if (steps_.size() >= kMaxSteps) {
    missed_ = true;
    return;
  }
  steps_.emplace(key, Entry{std::move(step), due});
  by_due_.insert({due, key});
}

std::optional<DeliveryStep> DeliverySchedule::Take(absl::Time now) {
  for (auto at = by_due_.begin(); at != by_due_.end() && at->first <= now;) {
    const Key key = at->second;
    Entry& entry = steps_.at(key);
    Destination& destination = destinations_[entry.step.destination];
    if (destination.is_busy) {
      ++at;
      continue;
    }
    at = by_due_.erase(at);
    if (destination.free_at > now) {
      entry.due = destination.free_at;
      by_due_.insert({entry.due, key});
      continue;
    }
    destination.is_busy = true;
    entry.is_under_way = true;
    return entry.step;
  }
  return std::nullopt;
}

void DeliverySchedule::Finish(const DeliveryStep& step, absl::Time now, bool delivered,
                              bool destination_failed, uint64_t random) {
  steps_.erase(KeyOf(step));
  auto found = destinations_.find(step.destination);
  if (found == destinations_.end()) return;
  Destination& destination = found->second;
  destination.is_busy = false;
  if (destination_failed) {
    ++destination.failures;
    destination.free_at = now + pause_.DelayAfter(destination.failures, random);
  } else if (delivered || destination.failures == 0) {
    destinations_.erase(found);
  }
}

absl::Time DeliverySchedule::NextAt() const {
  for (const auto& [due, key] : by_due_) {
    const auto found = destinations_.find(steps_.at(key).step.destination);
    if (found == destinations_.end() || !found->second.is_busy) return due;
  }
  return absl::InfiniteFuture();
}

bool DeliverySchedule::TakeMissed() {
  return steps_.size() < kMaxSteps / 2 && std::exchange(missed_, false);
}

int64_t DeliverySchedule::notice_count() const {
  int64_t count = 0;
  const NoticeName* last = nullptr;
  for (const auto& [key, entry] : steps_) {
    if (last == nullptr || *last != key.first) ++count;
    last = &key.first;
  }
  return count;
}

absl::Time DeliverySchedule::oldest() const {
  absl::Time oldest = absl::InfiniteFuture();
  for (const auto& [key, entry] : steps_) oldest = std::min(oldest, entry.step.created_at);
  return oldest;
}

}  // namespace bursar
