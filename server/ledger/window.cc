#include "server/ledger/window.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "server/base/check.h"

namespace bursar {

namespace {

// The calendar steps that tile time. Both public enums map to these.
enum class Step { kMonth, kWeek, kDay };

// Where the tiling is fastened, on the zone's calendar.
struct LocalAnchor {
  absl::CivilSecond local;
  absl::Duration subsecond;  // In [0, 1 s).
};

Step StepOf(WindowKind kind) {
  switch (kind) {
    case WindowKind::kMonth:
      return Step::kMonth;
    case WindowKind::kWeek:
      return Step::kWeek;
    case WindowKind::kDay:
      return Step::kDay;
    case WindowKind::kFiveHours:
      break;
  }
  BURSAR_CHECK(false && "a session window has no tiling");
}

absl::Time Clamp(absl::Time instant) {
  return std::clamp(instant, kEarliestInstant, kLatestInstant);
}

LocalAnchor LocalAnchorOf(absl::Time anchor, const Zone& zone) {
  const absl::TimeZone::CivilInfo info = zone.time_zone().At(Clamp(anchor));
  return {info.cs, info.subsecond};
}

// Every month has this day: no need to look how long the month is.
constexpr int kAlwaysThere = 28;

// The local day of boundary `index`, always counted from the anchor's own day.
absl::CivilDay BoundaryDay(const LocalAnchor& anchor, Step step, int64_t index) {
  const absl::CivilDay day(anchor.local);
  switch (step) {
    case Step::kMonth: {
      const absl::CivilMonth month = absl::CivilMonth(day) + index;
      if (day.day() <= kAlwaysThere) {
        return absl::CivilDay(month.year(), month.month(), day.day());
      }
      const absl::CivilDay last_day = absl::CivilDay(month + 1) - 1;
      return absl::CivilDay(month.year(), month.month(), std::min(day.day(), last_day.day()));
    }
    case Step::kWeek:
      return day + 7 * index;
    case Step::kDay:
      return day + index;
  }
  BURSAR_CHECK(false && "an unknown step");
}

absl::CivilSecond BoundaryLocal(const LocalAnchor& anchor, Step step, int64_t index) {
  const absl::CivilDay day = BoundaryDay(anchor, step, index);
  return absl::CivilSecond(day.year(), day.month(), day.day(), anchor.local.hour(),
                           anchor.local.minute(), anchor.local.second());
}

absl::Time BoundaryInstant(const LocalAnchor& anchor, Step step, int64_t index, const Zone& zone) {
  return zone.Resolve(BoundaryLocal(anchor, step, index), anchor.subsecond);
}

// How many whole steps lie between the anchor's month or day and that of `local`, rounded down.
int64_t StepsBetween(const LocalAnchor& anchor, Step step, absl::CivilSecond local) {
  if (step == Step::kMonth) return absl::CivilMonth(local) - absl::CivilMonth(anchor.local);
  const int64_t days = absl::CivilDay(local) - absl::CivilDay(anchor.local);
  if (step == Step::kDay) return days;
  return days / 7 - (days % 7 < 0 ? 1 : 0);
}

struct IndexedWindow {
  int64_t index;
  Window window;
};

// The window of the greatest boundary that is not after `now`. Hence the boundary after it is after
// `now`, the window is not empty, and of several equal boundaries the last one opens it.
IndexedWindow WindowAt(absl::Time now, const LocalAnchor& anchor, Step step, const Zone& zone) {
  now = Clamp(now);
  const absl::TimeZone::CivilInfo info = zone.time_zone().At(now);
  // The last boundary that the wall clock has passed is not after `now`, because Zone::Resolve is
  // the first instant at which the clock shows a local time or anything later. Later boundaries may
  // have been passed too: where the clock went back over them, and now shows their local time
  // again.
  int64_t index = StepsBetween(anchor, step, info.cs);
  const absl::CivilSecond guess = BoundaryLocal(anchor, step, index);
  if (guess > info.cs || (guess == info.cs && anchor.subsecond > info.subsecond)) --index;

  Window window{BoundaryInstant(anchor, step, index, zone),
                BoundaryInstant(anchor, step, index + 1, zone)};
  while (window.end <= now) {
    ++index;
    window = {window.end, BoundaryInstant(anchor, step, index + 1, zone)};
  }
  return {index, window};
}

}  // namespace

absl::Time Boundary(absl::Time anchor, WindowKind kind, int64_t index, const Zone& zone) {
  return BoundaryInstant(LocalAnchorOf(anchor, zone), StepOf(kind), index, zone);
}

int64_t WindowIndexAt(absl::Time now, absl::Time anchor, WindowKind kind, const Zone& zone) {
  return WindowAt(now, LocalAnchorOf(anchor, zone), StepOf(kind), zone).index;
}

Window BillingWindowAt(absl::Time now, absl::Time anchor, WindowKind kind, const Zone& zone) {
  return WindowAt(now, LocalAnchorOf(anchor, zone), StepOf(kind), zone).window;
}

Window CalendarPeriodAt(absl::Time now, PeriodKind kind, const Zone& zone) {
  // Calendar periods are windows fastened to a first of the month that was a Monday.
  constexpr absl::CivilSecond kMonday(2001, 1, 1);
  const LocalAnchor anchor{kMonday, absl::ZeroDuration()};
  switch (kind) {
    case PeriodKind::kMonth:
      return WindowAt(now, anchor, Step::kMonth, zone).window;
    case PeriodKind::kWeek:
      return WindowAt(now, anchor, Step::kWeek, zone).window;
    case PeriodKind::kDay:
      return WindowAt(now, anchor, Step::kDay, zone).window;
    case PeriodKind::kHour: {
      const absl::Time start =
          absl::UnixEpoch() + absl::Floor(Clamp(now) - absl::UnixEpoch(), absl::Hours(1));
      return {start, start + absl::Hours(1)};
    }
  }
  BURSAR_CHECK(false && "an unknown period");
}

Window FiveHourSession(absl::Time start) { return {start, start + absl::Hours(5)}; }

Window FollowingOn(const Window& window, absl::Time previous_end) {
  BURSAR_CHECK(previous_end < window.end);
  return {std::max(window.start, previous_end), window.end};
}

int64_t InstanceKey(const Window& window) { return absl::ToUnixNanos(window.start); }

}  // namespace bursar
