// An independent calendar to judge windows by, and what the tests of windows share.
//
// The reference shares no code with what it judges: it counts days by hand and finds instants by a
// linear scan of a zone's changes of clock, in plain integers of seconds. Slow, and easy to
// believe.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "server/base/zone.h"
#include "server/ledger/window.h"

namespace bursar {

inline constexpr int64_t kDaySeconds = 86'400;
inline constexpr absl::Duration kTick = absl::Nanoseconds(1);

// ---------------------------------------------------------------------------------------------
// The independent calendar.

// Days from 1970-01-01, by counting whole years and months.
inline int64_t DaysFromCivil(int64_t year, int month, int day) {
  const int64_t before = year - 1;
  // 719,162 days lie between 0001-01-01 and 1970-01-01.
  int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719'162;
  static constexpr int kBeforeMonth[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  days += kBeforeMonth[month - 1] + day - 1;
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days + (is_leap && month > 2 ? 1 : 0);
}

inline int DaysInMonth(int64_t year, int month) {
  return static_cast<int>(
      month == 12 ? 31 : DaysFromCivil(year, month + 1, 1) - DaysFromCivil(year, month, 1));
}

struct ReferenceDate {
  int64_t year;
  int month;
  int day;
};

inline ReferenceDate CivilFromDays(int64_t days) {
  int64_t year = 1970 + days / 366 - (days < 0 ? 2 : 0);
  while (DaysFromCivil(year + 1, 1, 1) <= days) ++year;
  int month = 1;
  while (month < 12 && DaysFromCivil(year, month + 1, 1) <= days) ++month;
  return {year, month, static_cast<int>(days - DaysFromCivil(year, month, 1)) + 1};
}

inline int64_t SecondsOf(absl::CivilSecond local) {
  return DaysFromCivil(local.year(), local.month(), local.day()) * kDaySeconds +
         local.hour() * 3600 + local.minute() * 60 + local.second();
}

// A zone as the list of its stretches of constant offset between two years. A "local second" is
// what the wall clock shows, counted from 1970-01-01 00:00 on that same clock.
class ReferenceZone {
 public:
  ReferenceZone(const absl::TimeZone& zone, int64_t first_year, int64_t last_year) {
    absl::Time at = absl::FromUnixSeconds(DaysFromCivil(first_year, 1, 1) * kDaySeconds);
    const absl::Time end = absl::FromUnixSeconds(DaysFromCivil(last_year, 12, 31) * kDaySeconds);
    int64_t offset = zone.At(at).offset;
    int64_t start = std::numeric_limits<int64_t>::min() / 4;
    absl::TimeZone::CivilTransition change;
    while (at < end && zone.NextTransition(at, &change)) {
      const int64_t change_seconds = SecondsOf(change.from) - offset;
      stretches_.push_back({start, change_seconds, offset});
      start = change_seconds;
      offset += SecondsOf(change.to) - SecondsOf(change.from);
      at = absl::FromUnixSeconds(change_seconds);
    }
    stretches_.push_back({start, std::numeric_limits<int64_t>::max() / 4, offset});
  }

  // The first second at which the wall clock shows `local` or anything later, which is what rule T4
  // asks of gaps and of repeated hours alike. `*is_exact`: whether it shows precisely `local` then.
  int64_t Resolve(int64_t local, bool* is_exact) const {
    for (const Stretch& stretch : stretches_) {
      const int64_t at = std::max(stretch.start, local - stretch.offset);
      if (at >= stretch.end) continue;
      *is_exact = at + stretch.offset == local;
      return at;
    }
    std::abort();
  }

  int64_t LocalAt(int64_t at) const {
    for (const Stretch& stretch : stretches_) {
      if (at < stretch.end) return at + stretch.offset;
    }
    std::abort();
  }

  // The seconds at which the clocks change.
  std::vector<int64_t> Changes() const {
    std::vector<int64_t> changes;
    for (size_t i = 1; i < stretches_.size(); ++i) changes.push_back(stretches_[i].start);
    return changes;
  }

 private:
  struct Stretch {
    int64_t start;
    int64_t end;
    int64_t offset;  // Seconds east of UTC.
  };

  std::vector<Stretch> stretches_;
};

inline int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// The local second of boundary `index` of windows fastened to the local second `anchor`.
inline int64_t ReferenceLocalBoundary(int64_t anchor, WindowKind kind, int64_t index) {
  const int64_t days = FloorDiv(anchor, kDaySeconds);
  const int64_t time_of_day = anchor - days * kDaySeconds;
  if (kind == WindowKind::kDay) return anchor + index * kDaySeconds;
  if (kind == WindowKind::kWeek) return anchor + index * 7 * kDaySeconds;
  const ReferenceDate date = CivilFromDays(days);
  const int64_t months = date.year * 12 + (date.month - 1) + index;
  const int64_t year = FloorDiv(months, 12);
  const int month = static_cast<int>(months - year * 12) + 1;
  const int day = std::min(date.day, DaysInMonth(year, month));
  return DaysFromCivil(year, month, day) * kDaySeconds + time_of_day;
}

// Boundary `index` in unix nanoseconds, of windows fastened to `anchor` and so many nanoseconds.
inline int64_t ReferenceBoundary(const ReferenceZone& zone, int64_t anchor, int64_t nanos,
                                 WindowKind kind, int64_t index) {
  bool is_exact = false;
  const int64_t at = zone.Resolve(ReferenceLocalBoundary(anchor, kind, index), &is_exact);
  return at * 1'000'000'000 + (is_exact ? nanos : 0);
}

// ---------------------------------------------------------------------------------------------
// What the tests share.

inline Zone ZoneNamed(const std::string& name) {
  static const ZoneDatabase* const database = new ZoneDatabase();
  const absl::StatusOr<Zone> zone = database->Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.value_or(Zone());
}

inline absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

// The instant at which a wall clock of `zone` shows `text`, "2026-01-31 00:00:00.5"; the earlier.
inline absl::Time Local(const std::string& text, const Zone& zone) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", text, zone.time_zone(), &time, &error))
      << text << ": " << error;
  return time;
}

inline std::string Shown(absl::Time time, const Zone& zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E*S %Ez", time, zone.time_zone());
}

inline std::string Shown(const Window& window, const Zone& zone) {
  return "[" + Shown(window.start, zone) + ", " + Shown(window.end, zone) + ")";
}

}  // namespace bursar
