// Calendar periods by example, and windows and periods at random instants against the independent
// calendar.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "server/ledger/window.h"
#include "tests/ledger/reference_calendar.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

// Rules: B4
TEST(ReferenceCalendar, CountsKnownDays) {
  EXPECT_EQ(DaysFromCivil(1970, 1, 1), 0);
  EXPECT_EQ(DaysFromCivil(2000, 3, 1), 11'017);
  EXPECT_EQ(DaysFromCivil(2038, 1, 19), 24'855);
  EXPECT_EQ(DaysInMonth(2024, 2), 29);
  EXPECT_EQ(DaysInMonth(2100, 2), 28);
  for (int64_t days = -10'000; days < 40'000; ++days) {
    const ReferenceDate date = CivilFromDays(days);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), days);
    ASSERT_LE(date.day, DaysInMonth(date.year, date.month));
  }
}

// Rules: L1
TEST(CalendarPeriod, MonthWeekAndDayAreThoseOfTheZone) {
  const Zone kolkata = ZoneNamed("Asia/Kolkata");
  // Half past four in the morning of Sunday 1 March; in UTC it is still February.
  const absl::Time now = Utc("2026-02-28T23:00:00Z");
  EXPECT_EQ(CalendarPeriodAt(now, PeriodKind::kMonth, kolkata),
            (Window{Local("2026-03-01 00:00:00", kolkata), Local("2026-04-01 00:00:00", kolkata)}));
  EXPECT_EQ(CalendarPeriodAt(now, PeriodKind::kDay, kolkata),
            (Window{Local("2026-03-01 00:00:00", kolkata), Local("2026-03-02 00:00:00", kolkata)}));
  EXPECT_EQ(CalendarPeriodAt(now, PeriodKind::kWeek, kolkata),
            (Window{Local("2026-02-23 00:00:00", kolkata), Local("2026-03-02 00:00:00", kolkata)}));
  EXPECT_EQ(CalendarPeriodAt(now, PeriodKind::kMonth, Zone()),
            (Window{Utc("2026-02-01T00:00:00Z"), Utc("2026-03-01T00:00:00Z")}));
}

// Rules: L1
TEST(CalendarPeriod, WeekBeginsOnMondayAcrossTheYear) {
  const Zone utc;
  const Window week{Utc("2024-12-30T00:00:00Z"), Utc("2025-01-06T00:00:00Z")};
  EXPECT_EQ(CalendarPeriodAt(week.start, PeriodKind::kWeek, utc), week);
  EXPECT_EQ(CalendarPeriodAt(week.end - kTick, PeriodKind::kWeek, utc), week);
  EXPECT_EQ(CalendarPeriodAt(week.start - kTick, PeriodKind::kWeek, utc).end, week.start);
}

// Rules: L1, T4
TEST(CalendarPeriod, DaysAreAsLongAsTheClocksMakeThem) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const auto length = [&](const std::string& noon) {
    const Window day = CalendarPeriodAt(Local(noon, berlin), PeriodKind::kDay, berlin);
    return day.end - day.start;
  };
  EXPECT_EQ(length("2026-03-29 12:00:00"), absl::Hours(23));
  EXPECT_EQ(length("2026-10-25 12:00:00"), absl::Hours(25));
  EXPECT_EQ(length("2026-10-26 12:00:00"), absl::Hours(24));
}

// Rules: L1, T4
TEST(CalendarPeriod, DayWithoutMidnightBeginsAtItsFirstInstant) {
  // Clocks in Havana go from 00:00 to 01:00.
  const Zone havana = ZoneNamed("America/Havana");
  const Window day =
      CalendarPeriodAt(Local("2026-03-08 12:00:00", havana), PeriodKind::kDay, havana);
  EXPECT_EQ(day.start, Utc("2026-03-08T05:00:00Z"));
  EXPECT_EQ(havana.LocalAt(day.start), absl::CivilSecond(2026, 3, 8, 1));
  EXPECT_EQ(CalendarPeriodAt(day.start - kTick, PeriodKind::kDay, havana).end, day.start);
}

// Rules: L1, T4
TEST(CalendarPeriod, SkippedDayBelongsToNoPeriod) {
  const Zone apia = ZoneNamed("Pacific/Apia");
  const absl::Time skip = Utc("2011-12-30T10:00:00Z");
  EXPECT_EQ(CalendarPeriodAt(skip, PeriodKind::kDay, apia),
            (Window{skip, Local("2012-01-01 00:00:00", apia)}));
  EXPECT_EQ(CalendarPeriodAt(skip - kTick, PeriodKind::kDay, apia),
            (Window{Local("2011-12-29 00:00:00", apia), skip}));
  EXPECT_EQ(CalendarPeriodAt(skip, PeriodKind::kMonth, apia),
            (Window{Local("2011-12-01 00:00:00", apia), Local("2012-01-01 00:00:00", apia)}));
}

// Rules: L1, T4
TEST(CalendarPeriod, ClockThatGoesBackOverMidnightDoesNotReopenTheDay) {
  // At 00:01 on 2 November 2008 clocks in St John's went back to 23:01 of the day before.
  const Zone st_johns = ZoneNamed("America/St_Johns");
  const absl::Time midnight = Utc("2008-11-02T02:30:00Z");
  const absl::Time second_pass = midnight + absl::Minutes(30);
  ASSERT_EQ(st_johns.LocalAt(second_pass), absl::CivilSecond(2008, 11, 1, 23, 30, 0));
  EXPECT_EQ(CalendarPeriodAt(second_pass, PeriodKind::kDay, st_johns),
            (Window{midnight, Local("2008-11-03 00:00:00", st_johns)}));
}

// ---------------------------------------------------------------------------------------------
// At random.

// Zones with regular and odd changes of clock: half hours, midnights, a lost day, several a year.
constexpr const char* kZones[] = {
    "UTC",          "Europe/Berlin",       "America/New_York",  "Asia/Kolkata",
    "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns",  "America/Havana",
    "Asia/Tehran",  "Africa/Casablanca",   "America/Sao_Paulo", "Pacific/Kwajalein"};
constexpr WindowKind kTilingKinds[] = {WindowKind::kMonth, WindowKind::kWeek, WindowKind::kDay};

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// The window that contains `now`, found by counting boundaries up from well before it.
Window ReferenceWindowAt(int64_t now_nanos, const ReferenceZone& zone, int64_t anchor_local,
                         int64_t anchor_nanos, WindowKind kind) {
  const auto boundary = [&](int64_t index) {
    return ReferenceBoundary(zone, anchor_local, anchor_nanos, kind, index);
  };
  const int64_t elapsed = FloorDiv(now_nanos, kNanosPerSecond) - anchor_local;
  // No window is longer or shorter than so many days, so this index is early enough.
  int64_t days = kind == WindowKind::kMonth ? (elapsed > 0 ? 31 : 28) : 7;
  if (kind == WindowKind::kDay) days = 1;
  int64_t index = FloorDiv(elapsed, days * kDaySeconds) - 3;
  while (boundary(index + 1) <= now_nanos) ++index;
  return {absl::FromUnixNanos(boundary(index)), absl::FromUnixNanos(boundary(index + 1))};
}

class RandomInstants {
 public:
  RandomInstants(std::mt19937_64* random, const ReferenceZone& zone)
      : random_(random), changes_(zone.Changes()) {}

  // Unix nanoseconds between 1970 and 2069: half of them within two days of a change of clocks,
  // and half of all on a whole minute.
  int64_t Next() {
    int64_t second = static_cast<int64_t>((*random_)() % (99 * 365 * kDaySeconds));
    if (!changes_.empty() && Coin()) {
      second = changes_[(*random_)() % changes_.size()] +
               static_cast<int64_t>((*random_)() % (4 * kDaySeconds)) - 2 * kDaySeconds;
    }
    if (Coin()) return (second - second % 60) * kNanosPerSecond;
    return second * kNanosPerSecond + static_cast<int64_t>((*random_)() % kNanosPerSecond);
  }
  bool Coin() { return (*random_)() % 2 == 0; }

 private:
  std::mt19937_64* random_;
  std::vector<int64_t> changes_;
};

class AgainstReference : public ::testing::TestWithParam<const char*> {
 protected:
  std::mt19937_64 random_{TestSeed()};
  const Zone zone_ = ZoneNamed(GetParam());
  const ReferenceZone reference_{zone_.time_zone(), 1960, 2080};
  RandomInstants instants_{&random_, reference_};
};

// Rules: B4, T4
TEST_P(AgainstReference, BillingWindowsAgreeAtRandomInstants) {
  for (int i = 0; i < 600; ++i) {
    const absl::Time anchor = absl::FromUnixNanos(instants_.Next());
    const int64_t nanos = absl::ToUnixNanos(anchor) % kNanosPerSecond;
    const int64_t anchor_local =
        reference_.LocalAt((absl::ToUnixNanos(anchor) - nanos) / kNanosPerSecond);
    for (const WindowKind kind : kTilingKinds) {
      const int64_t now = instants_.Next();
      const Window window = ReferenceWindowAt(now, reference_, anchor_local, nanos, kind);
      // Also at its own bounds, where it matters most.
      for (const absl::Time at : {absl::FromUnixNanos(now), window.start, window.end - kTick}) {
        const Window actual = BillingWindowAt(at, anchor, kind, zone_);
        ASSERT_EQ(actual, window) << "now " << Shown(at, zone_) << ", anchor "
                                  << Shown(anchor, zone_) << ", kind " << static_cast<int>(kind)
                                  << ": " << Shown(actual, zone_) << " instead of "
                                  << Shown(window, zone_);
        const int64_t index = WindowIndexAt(at, anchor, kind, zone_);
        ASSERT_EQ(absl::ToUnixNanos(window.start),
                  ReferenceBoundary(reference_, anchor_local, nanos, kind, index));
        ASSERT_EQ(absl::ToUnixNanos(window.end),
                  ReferenceBoundary(reference_, anchor_local, nanos, kind, index + 1));
      }
    }
  }
}

// Rules: L1, T4
TEST_P(AgainstReference, CalendarPeriodsAgreeAtRandomInstants) {
  const int64_t monday = DaysFromCivil(1969, 12, 29) * kDaySeconds;
  for (int i = 0; i < 600; ++i) {
    for (const WindowKind kind : kTilingKinds) {
      const int64_t anchor = kind == WindowKind::kWeek ? monday : 0;
      const int64_t now = instants_.Next();
      const Window window = ReferenceWindowAt(now, reference_, anchor, 0, kind);
      for (const absl::Time at : {absl::FromUnixNanos(now), window.start, window.end - kTick}) {
        const Window actual = CalendarPeriodAt(at, static_cast<PeriodKind>(kind), zone_);
        ASSERT_EQ(actual, window) << "now " << Shown(at, zone_) << ", kind "
                                  << static_cast<int>(kind) << ": " << Shown(actual, zone_)
                                  << " instead of " << Shown(window, zone_);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zones, AgainstReference, ::testing::ValuesIn(kZones),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

}  // namespace
}  // namespace bursar
