#include "client/cli/replay_state.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "tests/client/cli/temporary_folder.h"

namespace bursar::cli {
namespace {

const absl::Time kFirst = absl::FromUnixNanos(1'795'000'000'123'456'789);
const absl::Time kLater = kFirst + absl::Hours(3);

ReplayKey Key() { return {"a.csv", "0123", "acme", "1"}; }

TEST(ReplayState, SecondRunGetsTheInstantOfTheFirst) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/deep/bursar";
  EXPECT_EQ(*FixReplayEnd(path, Key(), kFirst), kFirst);
  EXPECT_EQ(*FixReplayEnd(path, Key(), kLater), kFirst);
}

TEST(ReplayState, AnotherTraceOrOrganizationHasItsOwn) {
  const TemporaryFolder folder;
  ASSERT_TRUE(FixReplayEnd(folder.path(), Key(), kFirst).ok());
  ReplayKey other_trace = Key();
  other_trace.trace_content_id = "4567";
  EXPECT_EQ(*FixReplayEnd(folder.path(), other_trace, kLater), kLater);
  ReplayKey other_organization = Key();
  other_organization.organization = "b";
  EXPECT_EQ(*FixReplayEnd(folder.path(), other_organization, kLater), kLater);
  ReplayKey created_anew = Key();
  created_anew.organization_created = "2";
  EXPECT_EQ(*FixReplayEnd(folder.path(), created_anew, kLater), kLater);
  ReplayKey renamed = Key();
  renamed.trace_name = "b.csv";
  EXPECT_EQ(*FixReplayEnd(folder.path(), renamed, kLater), kFirst);
}

TEST(ReplayState, OfManyFirstRunsAtOnceOneDecides) {
  const TemporaryFolder folder;
  constexpr int kRuns = 16;
  std::vector<absl::Time> ends(kRuns);
  std::vector<std::thread> threads;
  for (int i = 0; i < kRuns; ++i) {
    threads.emplace_back([&, i] {
      ends[static_cast<size_t>(i)] =
          FixReplayEnd(folder.path(), Key(), kFirst + absl::Seconds(i)).value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<absl::Time>(ends.begin(), ends.end()).size(), 1u);
  // No draft is left behind.
  namespace fs = std::filesystem;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ReplayState, AFileThatIsNotOursIsRefusedAndKept) {
  const TemporaryFolder folder;
  const std::string path = ReplayStateFile(folder.path(), Key());
  for (const char* content : {"", "{}", "[1]", "{\"organization\":\"acme\",\"traceContentId\":"}) {
    std::ofstream(path) << content;
    EXPECT_TRUE(absl::IsFailedPrecondition(FixReplayEnd(folder.path(), Key(), kFirst).status()));
    EXPECT_EQ(std::filesystem::file_size(path), std::string(content).size());
  }
}

TEST(ReplayState, FolderFollowsTheEnvironment) {
  std::map<std::string, std::string> variables;
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  EXPECT_FALSE(StateFolder(environment).ok());
  variables["HOME"] = "/home/ann";
  EXPECT_EQ(*StateFolder(environment), "/home/ann/.local/state/bursar");
  variables["XDG_STATE_HOME"] = "relative";
  EXPECT_EQ(*StateFolder(environment), "/home/ann/.local/state/bursar");
  variables["XDG_STATE_HOME"] = "/var/state";
  EXPECT_EQ(*StateFolder(environment), "/var/state/bursar");
}

}  // namespace
}  // namespace bursar::cli
