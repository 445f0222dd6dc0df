// Windows, walked over twenty years in six zones and judged by an independent calendar; then each
// claim by an example.
#include "server/ledger/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/ledger/reference_calendar.h"

namespace bursar {
namespace {

constexpr const char* kZones[] = {"UTC",          "Europe/Berlin", "America/New_York",
                                  "Asia/Kolkata", "Pacific/Apia",  "Australia/Lord_Howe"};
constexpr int64_t kFirstYear = 2008;  // Leap years at both ends; Apia's lost day in between.
constexpr int64_t kLastYear = 2028;

struct TimeOfDay {
  int hour;
  int minute;
};
constexpr TimeOfDay kTimesOfDay[] = {{0, 0}, {2, 30}, {23, 59}};

// Walks the windows from `from` to `until` and says the first thing that is wrong, or nothing.
// Counts the windows it saw and those of them that begin after a gap.
struct Walk {
  int64_t windows = 0;
  int64_t gaps = 0;
};
std::string WalkWindows(const Zone& zone, const ReferenceZone& reference, absl::Time anchor,
                        WindowKind kind, absl::Time from, absl::Time until, Walk* walk) {
  const int64_t anchor_local = SecondsOf(zone.LocalAt(anchor));
  Window window = BillingWindowAt(from, anchor, kind, zone);
  int64_t index = WindowIndexAt(from, anchor, kind, zone);
  if (!window.Contains(from)) return "does not contain " + Shown(from, zone);
  while (window.start < until) {
    ++walk->windows;
    if (window.start >= window.end) return "empty " + Shown(window, zone);
    // The local day is the clamped anchor day and the local time the anchor's; or both lie in a
    // gap, and the boundary is the first instant after it.
    const int64_t expected = ReferenceLocalBoundary(anchor_local, kind, index);
    const int64_t start = absl::ToUnixSeconds(window.start);
    if (absl::FromUnixSeconds(start) != window.start) return "split second " + Shown(window, zone);
    bool is_exact = false;
    if (reference.Resolve(expected, &is_exact) != start) return "wrong " + Shown(window, zone);
    const int64_t local = reference.LocalAt(start);
    if (is_exact && local != expected) return "wrong local time " + Shown(window, zone);
    if (!is_exact) {
      ++walk->gaps;
      if (reference.LocalAt(start - 1) >= expected || local <= expected) {
        return "not just after a gap " + Shown(window, zone);
      }
    }
    const Window next = BillingWindowAt(window.end, anchor, kind, zone);
    if (next.start != window.end) {
      return "not tiling: " + Shown(window, zone) + " then " + Shown(next, zone);
    }
    if (BillingWindowAt(window.end - kTick, anchor, kind, zone) != window) {
      return "another window at the end of " + Shown(window, zone);
    }
    const int64_t next_index = WindowIndexAt(window.end, anchor, kind, zone);
    for (int64_t skipped = index + 1; skipped <= next_index; ++skipped) {
      if (Boundary(anchor, kind, skipped, zone) != window.end) {
        return "skipped a window after " + Shown(window, zone);
      }
    }
    if (next_index <= index) return "index does not grow after " + Shown(window, zone);
    window = next;
    index = next_index;
  }
  return "";
}

class WindowsInZone : public ::testing::TestWithParam<const char*> {
 protected:
  const Zone zone_ = ZoneNamed(GetParam());
  const ReferenceZone reference_{zone_.time_zone(), kFirstYear - 1, kLastYear + 1};
  const absl::Time from_ = absl::FromCivil(absl::CivilDay(kFirstYear, 1, 1), zone_.time_zone());
  const absl::Time until_ = absl::FromCivil(absl::CivilDay(kLastYear, 12, 31), zone_.time_zone());

  // An anchor on that day of January of a year in the middle, so that the walk passes it.
  absl::Time AnchorOn(int day, TimeOfDay time) const {
    return absl::FromCivil(absl::CivilSecond(2017, 1, day, time.hour, time.minute, 0),
                           zone_.time_zone());
  }
};

// Rules: B4, T4
TEST_P(WindowsInZone, MonthsTileForEveryAnchorDay) {
  Walk walk;
  for (int day = 1; day <= 31; ++day) {
    for (const TimeOfDay time : kTimesOfDay) {
      ASSERT_EQ(WalkWindows(zone_, reference_, AnchorOn(day, time), WindowKind::kMonth, from_,
                            until_, &walk),
                "")
          << "anchor day " << day << " at " << time.hour << ":" << time.minute;
    }
  }
  // 252 months in each walk, give or take the ends.
  EXPECT_GE(walk.windows, 31 * 3 * 251);
}

// Rules: B4, T4
TEST_P(WindowsInZone, WeeksTileForEveryAnchorDay) {
  Walk walk;
  for (int day = 1; day <= 31; ++day) {
    // All days of the month over 20 years would be the same seven sets of windows over and over:
    // the first seven anchors walk all of it, the others a year about Apia's lost day.
    const absl::Time from = day <= 7 ? from_ : Utc("2011-06-30T00:00:00Z");
    const absl::Time until = day <= 7 ? until_ : Utc("2012-07-01T00:00:00Z");
    for (const TimeOfDay time : kTimesOfDay) {
      ASSERT_EQ(WalkWindows(zone_, reference_, AnchorOn(day, time), WindowKind::kWeek, from, until,
                            &walk),
                "")
          << "anchor day " << day << " at " << time.hour << ":" << time.minute;
    }
  }
  EXPECT_GE(walk.windows, 7 * 3 * 1'094 + 24 * 3 * 51);
}

// Rules: B4, T4
TEST_P(WindowsInZone, DaysTileForEveryAnchorDay) {
  Walk walk;
  for (int day = 1; day <= 31; ++day) {
    // Every anchor day makes the same set of windows: the first walks all of it, the others the
    // weeks about Apia's lost day.
    const absl::Time from = day == 1 ? from_ : Utc("2011-12-20T00:00:00Z");
    const absl::Time until = day == 1 ? until_ : Utc("2012-01-10T00:00:00Z");
    for (const TimeOfDay time : kTimesOfDay) {
      ASSERT_EQ(
          WalkWindows(zone_, reference_, AnchorOn(day, time), WindowKind::kDay, from, until, &walk),
          "")
          << "anchor day " << day << " at " << time.hour << ":" << time.minute;
    }
  }
  EXPECT_GE(walk.windows, 3 * 7'668 + 30 * 3 * 20);
  // Where clocks go forward at or over 00:00 or 02:30, the walk must have met it.
  const std::string name = GetParam();
  if (name == "Pacific/Apia") {
    EXPECT_GE(walk.gaps, 3);
  } else if (name == "Europe/Berlin" || name == "America/New_York") {
    EXPECT_EQ(walk.gaps, 21);
  } else if (name == "Asia/Kolkata" || name == "UTC") {
    EXPECT_EQ(walk.gaps, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Zones, WindowsInZone, ::testing::ValuesIn(kZones), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

// Rules: B4
TEST(BillingWindow, ShortMonthClampsTheDayAndDoesNotMoveLaterOnes) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time anchor = Local("2024-01-31 09:15:30", berlin);
  const char* const boundaries[] = {
      "2023-11-30 09:15:30", "2023-12-31 09:15:30", "2024-01-31 09:15:30", "2024-02-29 09:15:30",
      "2024-03-31 09:15:30", "2024-04-30 09:15:30", "2024-05-31 09:15:30"};
  int64_t index = -2;
  for (const char* const boundary : boundaries) {
    EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, index, berlin), Local(boundary, berlin))
        << boundary;
    EXPECT_EQ(WindowIndexAt(Local(boundary, berlin), anchor, WindowKind::kMonth, berlin), index);
    ++index;
  }
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 13, berlin), Local("2025-02-28 09:15:30", berlin));
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 49, berlin), Local("2028-02-29 09:15:30", berlin));
}

// Rules: B4
TEST(BillingWindow, LeapDayAnchorComesBackInLeapYears) {
  const Zone utc;
  const absl::Time anchor = Utc("2024-02-29T12:00:00Z");
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 12, utc), Utc("2025-02-28T12:00:00Z"));
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 13, utc), Utc("2025-03-29T12:00:00Z"));
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 48, utc), Utc("2028-02-29T12:00:00Z"));
}

// Rules: B4
TEST(BillingWindow, StartIsInsideAndEndIsOutside) {
  const Zone utc;
  const absl::Time anchor = Utc("2026-01-15T10:00:00Z");
  const Window window = BillingWindowAt(anchor, anchor, WindowKind::kWeek, utc);
  EXPECT_EQ(window, (Window{anchor, Utc("2026-01-22T10:00:00Z")}));
  EXPECT_TRUE(window.Contains(window.start));
  EXPECT_TRUE(window.Contains(window.end - kTick));
  EXPECT_FALSE(window.Contains(window.start - kTick));
  EXPECT_FALSE(window.Contains(window.end));
}

// Rules: B4
TEST(BillingWindow, KeepsTheNanosecondsOfTheAnchor) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time anchor = Local("2026-01-10 08:00:00.123456789", berlin);
  const absl::Time boundary = Local("2026-04-10 08:00:00.123456789", berlin);
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 3, berlin), boundary);
  EXPECT_EQ(BillingWindowAt(boundary, anchor, WindowKind::kMonth, berlin).start, boundary);
  EXPECT_EQ(BillingWindowAt(boundary - kTick, anchor, WindowKind::kMonth, berlin).end, boundary);
}

// Rules: B4, T4
TEST(BillingWindow, BoundaryInAGapIsTheFirstInstantAfterIt) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time anchor = Local("2026-03-01 02:30:00.5", berlin);
  EXPECT_EQ(Boundary(anchor, WindowKind::kDay, 28, berlin), Utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(Boundary(anchor, WindowKind::kDay, 29, berlin), Utc("2026-03-30T00:30:00.5Z"));
  // Lord Howe goes forward by half an hour, at two.
  const Zone lord_howe = ZoneNamed("Australia/Lord_Howe");
  EXPECT_EQ(Boundary(Local("2026-10-03 02:10:00", lord_howe), WindowKind::kDay, 1, lord_howe),
            Utc("2026-10-03T15:30:00Z"));
}

// Rules: B4, T4
TEST(BillingWindow, AnchorInTheSecondOfARepeatedHourBeginsInTheFirst) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time anchor = Utc("2026-10-25T01:30:00Z");  // 02:30, clocks gone back.
  EXPECT_EQ(Boundary(anchor, WindowKind::kMonth, 0, berlin), Utc("2026-10-25T00:30:00Z"));
  EXPECT_EQ(WindowIndexAt(anchor, anchor, WindowKind::kMonth, berlin), 0);
  EXPECT_EQ(BillingWindowAt(anchor, anchor, WindowKind::kMonth, berlin),
            (Window{Utc("2026-10-25T00:30:00Z"), Utc("2026-11-25T01:30:00Z")}));
}

// Rules: B4, T4
TEST(BillingWindow, DayThatTheCalendarSkippedMakesAnEmptyWindowThatIsNeverReturned) {
  const Zone apia = ZoneNamed("Pacific/Apia");
  const absl::Time skip = Utc("2011-12-30T10:00:00Z");  // 29 December 24:00 = 31 December 00:00.
  const absl::Time anchor = Local("2011-12-27 00:00:00", apia);
  EXPECT_EQ(Boundary(anchor, WindowKind::kDay, 3, apia), skip);
  EXPECT_EQ(Boundary(anchor, WindowKind::kDay, 4, apia), skip);
  EXPECT_EQ(WindowIndexAt(skip - kTick, anchor, WindowKind::kDay, apia), 2);
  EXPECT_EQ(WindowIndexAt(skip, anchor, WindowKind::kDay, apia), 4);
  EXPECT_EQ(BillingWindowAt(skip, anchor, WindowKind::kDay, apia),
            (Window{skip, Local("2012-01-01 00:00:00", apia)}));
  EXPECT_EQ(BillingWindowAt(skip - kTick, anchor, WindowKind::kDay, apia),
            (Window{Local("2011-12-29 00:00:00", apia), skip}));
}

// Rules: B4, T4
TEST(BillingWindow, MonthBoundaryInASkippedDayIsTheMidnightAfterIt) {
  const Zone apia = ZoneNamed("Pacific/Apia");
  const absl::Time anchor = Local("2011-09-30 14:20:00", apia);
  const absl::Time skip = Utc("2011-12-30T10:00:00Z");
  EXPECT_EQ(BillingWindowAt(skip, anchor, WindowKind::kMonth, apia),
            (Window{skip, Local("2012-01-30 14:20:00", apia)}));
  // And by days: a short one, from the midnight after the lost day to the usual time of day.
  EXPECT_EQ(BillingWindowAt(skip, anchor, WindowKind::kDay, apia),
            (Window{skip, Local("2011-12-31 14:20:00", apia)}));
}

// Rules: B4, T4
TEST(BillingWindow, ClockThatGoesBackOverTheBoundaryDoesNotReopenTheWindow) {
  // At 00:01 on 2 November 2008 clocks in St John's went back to 23:01 of the day before.
  const Zone st_johns = ZoneNamed("America/St_Johns");
  const absl::Time anchor = Local("2008-10-02 00:00:00", st_johns);
  const absl::Time midnight = Utc("2008-11-02T02:30:00Z");
  const absl::Time second_pass = midnight + absl::Minutes(30);
  ASSERT_EQ(st_johns.LocalAt(second_pass), absl::CivilSecond(2008, 11, 1, 23, 30, 0));
  for (const WindowKind kind : {WindowKind::kMonth, WindowKind::kDay}) {
    EXPECT_EQ(BillingWindowAt(midnight - kTick, anchor, kind, st_johns).end, midnight);
    EXPECT_EQ(BillingWindowAt(second_pass, anchor, kind, st_johns).start, midnight);
  }
}

// Rules: B4
TEST(BillingWindow, InstantsOutOfRangeAreTakenAsTheNearestInside) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time anchor = Utc("2026-01-31T00:00:00Z");
  for (const WindowKind kind : {WindowKind::kMonth, WindowKind::kWeek, WindowKind::kDay}) {
    EXPECT_EQ(BillingWindowAt(absl::InfiniteFuture(), anchor, kind, berlin),
              BillingWindowAt(kLatestInstant, anchor, kind, berlin));
    EXPECT_EQ(BillingWindowAt(absl::InfinitePast(), anchor, kind, berlin),
              BillingWindowAt(kEarliestInstant, anchor, kind, berlin));
    EXPECT_EQ(BillingWindowAt(anchor, absl::InfiniteFuture(), kind, berlin),
              BillingWindowAt(anchor, kLatestInstant, kind, berlin));
    for (const absl::Time now : {kEarliestInstant, kLatestInstant}) {
      const Window window = BillingWindowAt(now, anchor, kind, berlin);
      EXPECT_TRUE(window.Contains(now));
      EXPECT_EQ(absl::FromUnixNanos(InstanceKey(window)), window.start);
      EXPECT_EQ(absl::FromUnixNanos(absl::ToUnixNanos(window.end)), window.end);
    }
  }
  EXPECT_EQ(kEarliestInstant, Utc("1700-01-01T00:00:00Z"));
  EXPECT_EQ(kLatestInstant, Utc("2262-01-01T00:00:00Z"));
}

// Rules: B4
TEST(BillingWindowDeathTest, SessionHasNoTiling) {
  EXPECT_FALSE(HasTiling(WindowKind::kFiveHours));
  EXPECT_TRUE(HasTiling(WindowKind::kMonth));
  EXPECT_DEATH(
      BillingWindowAt(absl::UnixEpoch(), absl::UnixEpoch(), WindowKind::kFiveHours, Zone()),
      "broken invariant");
}

// Rules: B4
TEST(FiveHourSession, LastsFiveHoursOfElapsedTimeFromItsFirstUse) {
  // The wall clock in Berlin shows six hours more at the end of this one.
  const absl::Time start = Utc("2026-03-28T23:30:00.25Z");
  EXPECT_EQ(FiveHourSession(start), (Window{start, Utc("2026-03-29T04:30:00.25Z")}));
}

// Rules: B4, T4
TEST(FollowingOn, WindowsTileAcrossAChangeOfZone) {
  const absl::Time anchor = Utc("2026-01-10T00:00:00Z");
  const absl::Time now = Utc("2026-03-15T00:00:00Z");
  const Window stored = BillingWindowAt(now, anchor, WindowKind::kMonth, Zone());
  const Zone new_york = ZoneNamed("America/New_York");
  // In New York, where summer time has begun, that window would have begun an hour before.
  const Window whole = BillingWindowAt(stored.end, anchor, WindowKind::kMonth, new_york);
  ASSERT_LT(whole.start, stored.end);
  EXPECT_EQ(FollowingOn(whole, stored.end), (Window{stored.end, whole.end}));
  // A window that is not reached yet stays whole.
  const Window later = BillingWindowAt(whole.end, anchor, WindowKind::kMonth, new_york);
  EXPECT_EQ(FollowingOn(later, stored.end), later);
}

// Rules: B5
TEST(InstanceKey, IsTheStartInUnixNanoseconds) {
  EXPECT_EQ(InstanceKey({Utc("1970-01-01T00:00:01.000000002Z"), Utc("1970-01-02T00:00:00Z")}),
            1'000'000'002);
}

}  // namespace
}  // namespace bursar
