// What is to be done next: a bounded list of steps by their time, one at a time for each
// destination, and none for a destination that just failed.
//
// A step is to plan a notice, or to try one of its recipients. The outbox on disk holds everything;
// this is only its nearest future, so it may forget: what did not fit is found again by reading the
// outbox (`missed`).
//
// Thread rule: guarded by its owner.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/engine/outbox.h"
#include "server/notify/retry_schedule.h"

namespace bursar {

// One thing to do.
struct DeliveryStep {
  static constexpr int kPlan = -1;

  NoticeName name;
  int recipient = kPlan;    // Its place among the notice's recipients.
  std::string destination;  // Steps of one destination are done one after the other.
  absl::Time created_at;    // Of the notice.
};

class DeliverySchedule {
 public:
  static constexpr size_t kMaxSteps = 16384;

  // `pause` says how long a destination that fails is left alone.
  explicit DeliverySchedule(RetrySchedule pause) : pause_(pause) {}

  // Adds a step, or moves it where it is there and not under way.
  void Add(DeliveryStep step, absl::Time due);
  // The step that is due by `now` and whose destination is free; it is under way until Finish.
  std::optional<DeliveryStep> Take(absl::Time now);
  // A step ended. `delivered`: its destination works; `destination_failed`: it does not.
  void Finish(const DeliveryStep& step, absl::Time now, bool delivered, bool destination_failed,
              uint64_t random);
  // When a step is due whose destination is free; InfiniteFuture for none.
  absl::Time NextAt() const;

  // Steps, those under way included.
  size_t size() const { return steps_.size(); }
  // Whether steps were left out since it was last asked and there is room again.
  bool TakeMissed();
  // Notices with a step, and when the oldest of them was written.
  int64_t notice_count() const;
  absl::Time oldest() const;

 private:
  using Key = std::pair<NoticeName, int>;
  struct Entry {
    DeliveryStep step;
    absl::Time due;
    bool is_under_way = false;
  };
  struct Destination {
    bool is_busy = false;
    int64_t failures = 0;  // In a row.
    absl::Time free_at = absl::InfinitePast();
  };

  static Key KeyOf(const DeliveryStep& step) { return {step.name, step.recipient}; }

  const RetrySchedule pause_;
  std::map<Key, Entry> steps_;
  std::set<std::pair<absl::Time, Key>> by_due_;  // Those not under way.
  std::map<std::string, Destination> destinations_;
  bool missed_ = false;
};

}  // namespace bursar
