// The memory guard and the watchdog, with readers and doors that the test decides on.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "server/app/edge_options.h"
#include "server/app/memory_guard.h"
#include "server/app/watchdog.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

// What a guard asked for.
struct Asked {
  std::vector<bool> watched;
  int sheds = 0;
  std::string end;
};

class MemoryGuardTest : public testing::Test {
 protected:
  void Look(std::optional<int64_t> bytes) {
    bytes_ = bytes;
    guard_.Look();
  }

  Asked asked_;
  std::optional<int64_t> bytes_;
  MemoryGuard guard_{
      MarksOf(1000),
      {[this] { return bytes_; }, [this](bool on) { asked_.watched.push_back(on); },
       [this] { return ++asked_.sheds; }, [this](const std::string& why) { asked_.end = why; }}};
};

// Rules: A1
TEST_F(MemoryGuardTest, BelowTheMarksNothingHappens) {
  Look(0);
  Look(399);
  Look(std::nullopt);
  EXPECT_TRUE(asked_.watched.empty());
  EXPECT_EQ(asked_.sheds, 0);
  EXPECT_EQ(asked_.end, "");
}

// Rules: A1
TEST_F(MemoryGuardTest, CredentialsAreWatchedForBeforeStrangersAreShed) {
  Look(400);
  EXPECT_EQ(asked_.watched, std::vector<bool>{true});
  EXPECT_EQ(asked_.sheds, 0);
  Look(500);
  Look(999);
  EXPECT_EQ(asked_.sheds, 2);
  Look(370);  // Under the mark, not well under it.
  EXPECT_EQ(asked_.sheds, 2);
  EXPECT_EQ(asked_.watched, std::vector<bool>{true});
  Look(100);
  EXPECT_EQ(asked_.watched, (std::vector<bool>{true, false}));
  EXPECT_EQ(asked_.end, "");
}

// Rules: A1
TEST_F(MemoryGuardTest, AtTheLimitTheProcessEndsInWords) {
  Look(1000);
  EXPECT_NE(asked_.end.find("--memory-limit"), std::string::npos);
  EXPECT_EQ(asked_.sheds, 0);
}

// Rules: A1
TEST(MemoryLimit, IsTheLeastOfTheControlGroupAndThoseAboveIt) {
  const TemporaryDirectory directory;
  const std::string root = directory.path();
  std::filesystem::create_directories(root + "/proc/self");
  std::filesystem::create_directories(root + "/sys/fs/cgroup/outer/inner");
  EXPECT_EQ(ReadControlGroupLimit(root), std::nullopt);
  std::ofstream(root + "/proc/self/cgroup") << "4:memory:/other\n0::/outer/inner\n";
  EXPECT_EQ(ReadControlGroupLimit(root), std::nullopt);
  std::ofstream(root + "/sys/fs/cgroup/outer/inner/memory.max") << "max\n";
  EXPECT_EQ(ReadControlGroupLimit(root), std::nullopt);
  std::ofstream(root + "/sys/fs/cgroup/outer/memory.max") << "5000000\n";
  EXPECT_EQ(ReadControlGroupLimit(root), 5'000'000);
  std::ofstream(root + "/sys/fs/cgroup/outer/inner/memory.max") << "4000000\n";
  EXPECT_EQ(ReadControlGroupLimit(root), 4'000'000);
  EXPECT_GT(ReadResidentBytes().value_or(0), 1 << 20);
}

// Rules: A1
TEST(MemoryLimit, IsReadWithItsUnit) {
  EXPECT_EQ(ParseBytes("512MiB"), int64_t{512} << 20);
  EXPECT_EQ(ParseBytes("2GiB"), int64_t{2} << 30);
  EXPECT_EQ(ParseBytes("1500000000"), 1'500'000'000);
  for (const char* wrong : {"", "MiB", "2GB", "-1", "9999999999GiB", "1.5GiB"}) {
    EXPECT_EQ(ParseBytes(wrong), std::nullopt) << wrong;
  }
}

class WatchdogTest : public testing::Test {
 protected:
  // Knocks once, with those answers.
  void Look(const absl::Status& first, const absl::Status& second = absl::OkStatus()) {
    answers_ = {first, second};
    watchdog_.Look();
  }

  const absl::Status deaf_ = absl::DeadlineExceededError("nothing within 1s");
  Asked asked_;
  std::vector<absl::Status> answers_;
  Watchdog watchdog_{
      {{"first:1", [this] { return answers_[0]; }}, {"second:2", [this] { return answers_[1]; }}},
      3,
      {[this](bool on) { asked_.watched.push_back(on); }, [this] { return ++asked_.sheds; },
       [this](const std::string& why) { asked_.end = why; }}};
};

// Rules: A1
TEST_F(WatchdogTest, OnlyFailuresInARowOfOneDoorEndTheProcess) {
  Look(deaf_);
  Look(deaf_);
  Look(absl::OkStatus());
  Look(absl::OkStatus(), deaf_);
  Look(deaf_, deaf_);
  Look(deaf_, absl::OkStatus());
  EXPECT_EQ(asked_.end, "");
  Look(deaf_);
  EXPECT_NE(asked_.end.find("first:1"), std::string::npos);
  EXPECT_NE(asked_.end.find("nothing within 1s"), std::string::npos);
}

// Rules: A1
TEST_F(WatchdogTest, ADeafServerIsGivenReliefBeforeItEnds) {
  Look(deaf_);
  EXPECT_EQ(asked_.watched, std::vector<bool>{true});
  EXPECT_EQ(asked_.sheds, 0);
  Look(deaf_);
  EXPECT_EQ(asked_.sheds, 1);
  Look(absl::OkStatus());
  EXPECT_EQ(asked_.watched, (std::vector<bool>{true, false}));
  EXPECT_EQ(asked_.end, "");
}

// Rules: A1
TEST_F(WatchdogTest, AServerThatIsFullOfCallersIsNotDeaf) {
  for (int i = 0; i < 10; ++i) Look(absl::ResourceExhaustedError("callers use every connection"));
  EXPECT_EQ(asked_.end, "");
  EXPECT_EQ(asked_.sheds, 0);
}

// Rules: A1
TEST_F(WatchdogTest, ADeafDoorIsNotHeardBecauseCallersFillIt) {
  const absl::Status full = absl::ResourceExhaustedError("callers use every connection");
  Look(deaf_);
  Look(full);
  Look(deaf_);
  EXPECT_EQ(asked_.watched, std::vector<bool>{true});
  Look(full);
  EXPECT_EQ(asked_.end, "");
  Look(deaf_);
  EXPECT_NE(asked_.end.find("first:1"), std::string::npos);
}

}  // namespace
}  // namespace bursar
