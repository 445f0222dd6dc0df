#include "server/base/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bursar {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

Zone ZoneNamed(const std::string& name) {
  static const ZoneDatabase* const database = new ZoneDatabase();
  const absl::StatusOr<Zone> zone = database->Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.value_or(Zone());
}

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "bursar_zone_XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

// Sets TZDIR while it lives.
class ZoneDirectoryOverride {
 public:
  explicit ZoneDirectoryOverride(const std::string& directory) {
    if (const char* const before = std::getenv("TZDIR"); before != nullptr) before_ = before;
    setenv("TZDIR", directory.c_str(), 1);
  }
  ~ZoneDirectoryOverride() {
    if (before_) {
      setenv("TZDIR", before_->c_str(), 1);
    } else {
      unsetenv("TZDIR");
    }
  }

 private:
  std::optional<std::string> before_;
};

// Rules: T4
TEST(ZoneDatabase, FindsZonesByTheirIanaName) {
  const ZoneDatabase database;
  for (const std::string name :
       {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Port-au-Prince",
        "Etc/GMT+5", "Etc/GMT-14", "Asia/Kolkata", "Australia/Lord_Howe", "EST5EDT"}) {
    const absl::StatusOr<Zone> zone = database.Find(name);
    ASSERT_TRUE(zone.ok()) << name << ": " << zone.status();
    EXPECT_EQ(zone->name(), name);
  }
}

// Rules: T4
TEST(ZoneDatabase, RefusesNamesThatMeanAnotherThingElsewhere) {
  const ZoneDatabase database;
  for (const std::string name : {"localtime",
                                 "posixrules",
                                 "Factory",
                                 "UTC0",
                                 "posix/Europe/Berlin",
                                 "right/Europe/Berlin",
                                 "Fixed/UTC+01:00:00",
                                 "Fixed/anything",
                                 "/usr/share/zoneinfo/Europe/Berlin",
                                 "/etc/passwd",
                                 "..",
                                 "../zoneinfo/UTC",
                                 "Europe/../UTC",
                                 "Europe/./Berlin",
                                 "Europe//Berlin",
                                 "Europe/",
                                 "/",
                                 "Europe/Berlin/",
                                 ":Europe/Berlin",
                                 "tzdata.zi",
                                 "zone.tab",
                                 "Europe\\Berlin",
                                 "Europe/Berlin ",
                                 " UTC",
                                 "Europe/Ber lin",
                                 "+VERSION",
                                 "-",
                                 "5",
                                 "Etc/5"}) {
    const absl::StatusOr<Zone> zone = database.Find(name);
    EXPECT_EQ(zone.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(ZoneDatabase::ValidateName(name).code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

// Rules: T4
TEST(ZoneDatabase, RefusesNamesThatNoZoneHas) {
  const ZoneDatabase database;
  // The second is a folder of zones, the third a table beside them; case matters.
  for (const std::string name : {"Europe/Atlantis", "Europe", "leapseconds", "europe/berlin"}) {
    EXPECT_TRUE(ZoneDatabase::ValidateName(name).ok()) << name;
    EXPECT_EQ(database.Find(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

// Rules: T4
TEST(ZoneDatabase, RefusalNamesTheValueAndAnExample) {
  const ZoneDatabase database;
  const std::string unknown = Message(database.Find("Europe/Atlantis").status());
  EXPECT_THAT(unknown, HasSubstr("\"Europe/Atlantis\""));
  EXPECT_THAT(unknown, HasSubstr("\"Europe/Berlin\""));
  EXPECT_THAT(Message(database.Find("").status()), HasSubstr("\"Europe/Berlin\""));
}

// Rules: T4
TEST(ZoneDatabase, RefusalEscapesAndShortensHostileNames) {
  const std::string escaped = Message(ZoneDatabase::ValidateName(std::string("a\n\0\xff", 4)));
  EXPECT_THAT(escaped, HasSubstr("\"a\\n\\x00\\xff\""));
  EXPECT_LT(Message(ZoneDatabase::ValidateName(std::string(1 << 20, 'x'))).size(), 300u);
  EXPECT_TRUE(ZoneDatabase::ValidateName(std::string(64, 'x')).ok());
  EXPECT_FALSE(ZoneDatabase::ValidateName(std::string(65, 'x')).ok());
}

// Rules: T4
TEST(ZoneDatabase, WithoutZoneDataOnlyUniversalTimeIsFound) {
  const TemporaryDirectory directory;
  const ZoneDirectoryOverride override(directory.path() + "/absent");
  const ZoneDatabase database;
  EXPECT_EQ(database.Find("Europe/Berlin").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(database.Find("UTC").ok());
  EXPECT_EQ(*database.Find("UTC"), Zone());
  EXPECT_EQ(database.version(), "unknown");
}

// Rules: T4
TEST(ZoneDatabase, NameBecomesKnownWhenItsDataIsInstalledLater) {
  const TemporaryDirectory directory;
  std::ifstream source("/usr/share/zoneinfo/Asia/Tokyo", std::ios::binary);
  const std::string data((std::istreambuf_iterator<char>(source)), {});
  ASSERT_FALSE(data.empty());

  const ZoneDirectoryOverride override(directory.path());
  const ZoneDatabase database;
  EXPECT_EQ(database.Find("Late_Arrival").status().code(), absl::StatusCode::kInvalidArgument);
  directory.Write("Late_Arrival", data);
  const absl::StatusOr<Zone> zone = database.Find("Late_Arrival");
  ASSERT_TRUE(zone.ok()) << zone.status();
  EXPECT_EQ(zone->LocalAt(absl::UnixEpoch()), absl::CivilSecond(1970, 1, 1, 9));
}

// Rules: T4, J1
TEST(ZoneDatabase, ReportsTheVersionThatItsFilesDeclare) {
  const TemporaryDirectory directory;
  EXPECT_EQ(ZoneDatabase::ReadVersion(directory.path()), "unknown");
  directory.Write("+VERSION", "2020b\n");
  EXPECT_EQ(ZoneDatabase::ReadVersion(directory.path()), "2020b");
  directory.Write("tzdata.zi", "# version 2026f\n# This zic input file is in the public domain.\n");
  EXPECT_EQ(ZoneDatabase::ReadVersion(directory.path()), "2026f");
  const ZoneDirectoryOverride override(directory.path());
  EXPECT_EQ(ZoneDatabase().version(), "2026f");
}

// Rules: T4, J1
TEST(ZoneDatabase, VersionOfDamagedFilesIsUnknown) {
  const TemporaryDirectory directory;
  for (const std::string& content :
       {std::string(), std::string("\n"), std::string("# version \n"), std::string("# version a b"),
        std::string("# version \x01\n"), std::string("R A 1999\n"),
        "# version " + std::string(1 << 16, 'x')}) {
    directory.Write("tzdata.zi", content);
    EXPECT_EQ(ZoneDatabase::ReadVersion(directory.path()), "unknown") << content.substr(0, 20);
  }
}

// Rules: T4
TEST(ZoneDatabase, ThreadsFindTheSameZones) {
  const ZoneDatabase database;
  const std::vector<std::string> names = {"Europe/Paris", "Asia/Tokyo", "UTC",
                                          "No/Where",     "localtime",  "America/Denver"};
  std::vector<std::vector<absl::StatusOr<Zone>>> found(4);
  std::vector<std::thread> threads;
  for (auto& mine : found) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        mine.clear();
        for (const std::string& name : names) mine.push_back(database.Find(name));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : found) {
    ASSERT_EQ(mine.size(), names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(mine[i].ok(), i != 3 && i != 4) << names[i];
      EXPECT_EQ(mine[i].value_or(Zone::Wrap(absl::FixedTimeZone(60))).name() == names[i],
                mine[i].ok());
    }
  }
}

// Rules: T4
TEST(Zone, LocalTimeInAGapIsTheFirstInstantAfterIt) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  const absl::Time after_gap = Utc("2026-03-29T01:00:00Z");
  const absl::Duration half = absl::Milliseconds(500);
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 3, 29, 1, 59, 59), half), after_gap - half);
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 3, 29, 2, 0, 0), half), after_gap);
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 3, 29, 2, 30, 0), half), after_gap);
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 3, 29, 2, 59, 59), half), after_gap);
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 3, 29, 3, 0, 0), half), after_gap + half);
}

// Rules: T4
TEST(Zone, LocalTimeThatExistsTwiceIsTheEarlier) {
  const Zone berlin = ZoneNamed("Europe/Berlin");
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 10, 25, 1, 59, 59)),
            Utc("2026-10-24T23:59:59Z"));
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 10, 25, 2, 30, 0)), Utc("2026-10-25T00:30:00Z"));
  EXPECT_EQ(berlin.Resolve(absl::CivilSecond(2026, 10, 25, 3, 0, 0)), Utc("2026-10-25T02:00:00Z"));
}

// Rules: T4
TEST(Zone, DayThatTheCalendarSkippedIsTheMidnightAfterIt) {
  const Zone apia = ZoneNamed("Pacific/Apia");
  EXPECT_EQ(apia.Resolve(absl::CivilSecond(2011, 12, 30, 14, 0, 0)), Utc("2011-12-30T10:00:00Z"));
  EXPECT_EQ(apia.LocalAt(Utc("2011-12-30T10:00:00Z")), absl::CivilSecond(2011, 12, 31));
  EXPECT_EQ(apia.LocalAt(Utc("2011-12-30T09:59:59Z")), absl::CivilSecond(2011, 12, 29, 23, 59, 59));
}

}  // namespace
}  // namespace bursar
