// Windows: the stretches of time over which included usage and spend limits are counted.
//
// Pure arithmetic on a zone, an anchor and an instant: no clock, no files, no state. For one zone,
// anchor and kind the windows tile time exactly: they are half-open, each begins where the one
// before it ends, daylight saving and leap days included, so an instant is in exactly one.
//
// A boundary is always computed from the anchor's own local day and time, never from the boundary
// before it, so a short month does not move the later ones. Where clocks go forward over a
// boundary it is the first instant after the gap; where its local time exists twice, the earlier.
// When a gap swallows more than a whole period (Pacific/Apia had no 30 December 2011), two
// neighbouring boundaries are one instant and the window between them is empty. An empty window
// holds no instant, so it is never returned: indices skip it.
//
// Instants are supported from kEarliestInstant to kLatestInstant, where every boundary fits the 64
// bits of nanoseconds that are kept on disk. An anchor or `now` outside is taken as the nearest one
// inside.
//
// Thread rule: pure functions and plain values.
//
// Source: rules B3, B4, B5, L1 and T4 (docs/rules.md).
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "server/base/zone.h"

namespace bursar {

// 1700-01-01 and 2262-01-01, UTC.
inline constexpr absl::Time kEarliestInstant = absl::FromUnixSeconds(-8'520'336'000);
inline constexpr absl::Time kLatestInstant = absl::FromUnixSeconds(9'214'646'400);

// A stretch of time, half-open: `start` is in it, `end` is not.
struct Window {
  absl::Time start;
  absl::Time end;

  constexpr bool Contains(absl::Time instant) const { return start <= instant && instant < end; }
  friend bool operator==(const Window& a, const Window& b) {
    return a.start == b.start && a.end == b.end;
  }
};

// The kinds of included window that a plan may give a seat. Persisted: never renumber or reuse.
enum class WindowKind : uint8_t {
  kMonth = 1,
  kWeek = 2,
  kDay = 3,
  // A session. It starts at its first use, so there is no tiling: see FiveHourSession.
  kFiveHours = 4,
};

// The periods of spend limits, statements and reports. Persisted: never renumber or reuse.
enum class PeriodKind : uint8_t {
  kMonth = 1,
  kWeek = 2,  // ISO: begins on Monday.
  kDay = 3,
  kHour = 4,  // Of UTC, whatever clocks on the wall do: for velocity limits only (rule L6).
};

// Whether windows of this kind tile time from the billing anchor (every kind but the session).
constexpr bool HasTiling(WindowKind kind) { return kind != WindowKind::kFiveHours; }

// Boundary `index`: the anchor's local day and time, to the nanosecond, moved by that many periods
// on the zone's calendar, the day clamped to the month from the anchor's own (31 January, 28 or 29
// February, 31 March). Never decreases as the index grows; equal neighbours enclose an empty
// window. Boundary 0 is the anchor itself, or, when the anchor is in an hour that clocks show
// twice, the earlier instant of that local time. Negative indices lie before the anchor. Requires:
// HasTiling(kind), and an index whose boundary is a supported instant. (Rule B4)
absl::Time Boundary(absl::Time anchor, WindowKind kind, int64_t index, const Zone& zone);

// The index of the window that contains `now`: the greatest whose boundary is not after it.
// Negative before the anchor. Requires: HasTiling(kind).
int64_t WindowIndexAt(absl::Time now, absl::Time anchor, WindowKind kind, const Zone& zone);

// The window that contains `now`, from its boundary to the next; never empty. `now` may lie before
// the anchor. Requires: HasTiling(kind). (Rule B4)
Window BillingWindowAt(absl::Time now, absl::Time anchor, WindowKind kind, const Zone& zone);

// The calendar month, ISO week or day of the zone that contains `now`; never empty. A day begins at
// the local midnight, or at the first instant after it where clocks skip midnight. An hour is one
// of UTC in every zone. (Rules L1, L6, T4)
Window CalendarPeriodAt(absl::Time now, PeriodKind kind, const Zone& zone);

// The session that the first use at `start` opens: five hours of elapsed time, whatever clocks on
// the wall do. (Rule B4)
Window FiveHourSession(absl::Time start);

// The part of `window` from `previous_end` on: what follows a stored window after zone, anchor or
// zone data changed, so that the old windows and the new still tile. Bounds of an opened window are
// stored and never move. Requires: previous_end < window.end. (Rule T4)
Window FollowingOn(const Window& window, absl::Time previous_end);

// What names a window among those of its scope and kind in storage: its start in unix nanoseconds.
// Unique, because no empty window is ever opened and opened windows do not overlap; it outlives
// changes of limit, anchor, zone and zone data, which an index would not. (Rule B5)
int64_t InstanceKey(const Window& window);

}  // namespace bursar
