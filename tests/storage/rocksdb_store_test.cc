// What only the store on disk does: opening what it left, refusing what is not its own, bounded
// waits for the disk, the watermark.

#include "storage/rocksdb_store.h"

#include <gmock/gmock.h>
#include <rocksdb/env.h>

#include <fstream>
#include <map>

#include "storage/key_schema.h"
#include "storage/watermark.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/temporary_directory.h"
#include "tests/support/faulty_file_system.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Every file under a directory with its bytes: two equal images = nothing was touched.
std::map<std::string, std::string> Image(const std::string& directory) {
  std::map<std::string, std::string> image;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    std::string bytes;
    if (entry.is_regular_file()) {
      std::ifstream file(entry.path(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    image[entry.path().string()] = bytes;
  }
  return image;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class RocksDbStoreTest : public testing::Test {
 protected:
  RocksDbStoreTest() { options_.directory = directory_.path() + "/store"; }

  absl::StatusOr<std::unique_ptr<Store>> Open() { return OpenRocksDbStore(options_); }

  // Creates the store with one organization at revision 2.
  void Create() {
    std::unique_ptr<Store> store = Must(Open());
    OrganizationCommit commit = MakeCommit("acme", 0, 2);
    commit.puts = {{RecordKind::kHeader, "", "header"}};
    commit.dedupe = {{RequestFamily::kRecording, "r", "first"}};
    ASSERT_EQ(Must(store->Commit({{commit}}))[0].outcome, CommitOutcome::kCommitted);
  }

  void ExpectRefusedUntouched(absl::StatusCode code, const std::string& message) {
    const auto before = Image(options_.directory);
    const absl::Status status = Open().status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_EQ(Image(options_.directory), before);
  }

  TemporaryDirectory directory_;
  RocksDbStoreOptions options_;
};

// Rules: R3
TEST_F(RocksDbStoreTest, ReportSaysWhatWasCreatedAndWhatWasFound) {
  {
    std::unique_ptr<Store> store = Must(Open());
    EXPECT_TRUE(store->open_report().created);
    EXPECT_THAT(store->open_report().Describe(), HasSubstr("created"));
    EXPECT_EQ(store->open_report().last_committed_at, absl::InfinitePast());
    ASSERT_TRUE(store->Commit({{MakeCommit("acme", 0, 2)}}).ok());
  }
  std::unique_ptr<Store> store = Must(Open());
  const OpenReport& report = store->open_report();
  EXPECT_FALSE(report.created);
  EXPECT_FALSE(report.torn_tail);
  EXPECT_EQ(report.last_group, 2);
  EXPECT_EQ(report.watermark_group, 2);
  EXPECT_EQ(report.last_committed_at, MakeCommit("acme", 0, 2).committed_at);
  EXPECT_EQ(Must(store->Revision("acme")), 2);
}

// Rules: O7
TEST_F(RocksDbStoreTest, ForeignDirectoryIsRefusedUntouched) {
  fs::create_directory(options_.directory);
  WriteFile(options_.directory + "/letter.txt", "dear");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "not a Bursar store");
  WriteFile(options_.directory + "/FORMAT", "something else\n");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "something else");
}

// Rules: R3
TEST_F(RocksDbStoreTest, NewerFormatIsRefusedUntouchedNamingBothVersions) {
  Create();
  WriteFile(options_.directory + "/FORMAT", "bursar-store 7\n");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "format 7");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "up to 1");
}

// Rules: R3
TEST_F(RocksDbStoreTest, StoreInUseIsRefusedUntouchedNamingTheDirectory) {
  std::unique_ptr<Store> store = Must(Open());
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition,
                         options_.directory + " is in use by another process");
  // The refused open did not take the lock away.
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "in use");
  EXPECT_TRUE(store->Commit({{MakeCommit("acme", 0, 1)}}).ok());
}

// Rules: R3
TEST_F(RocksDbStoreTest, MissingStoreIsNotCreatedUnlessAsked) {
  options_.create_if_missing = false;
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(options_.directory));
  options_.create_if_missing = true;
  options_.read_only = true;
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(options_.directory));
}

// Rules: J2
TEST_F(RocksDbStoreTest, ReadOnlyOpenReadsEverythingAndChangesNothing) {
  Create();
  const auto before = Image(options_.directory);
  options_.read_only = true;
  {
    std::unique_ptr<Store> store = Must(Open());
    EXPECT_EQ(Must(store->Revision("acme")), 2);
    EXPECT_EQ(Spans(ReadAll(*store, "acme", 1, Direction::kForward)), "1-2");
    EXPECT_EQ(store->Commit({{MakeCommit("acme", 2, 3)}}).status().code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store->PutSystem({{"a", "b"}}).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store->ForgetDedupe(absl::InfiniteFuture()).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(Image(options_.directory), before);
}

// Rules: R3
TEST_F(RocksDbStoreTest, InterruptedCreationIsFinishedByTheNextOpen) {
  // As left by a crash before the format was written, and by one before the database was made.
  fs::create_directory(options_.directory);
  WriteFile(options_.directory + "/LOCK", "");
  WriteFile(options_.directory + "/FORMAT.tmp", "bursar");
  EXPECT_TRUE(Must(Open())->open_report().created);
  fs::remove_all(options_.directory + "/db");
  fs::remove(options_.directory + "/WATERMARK");
  EXPECT_TRUE(Must(Open())->open_report().created);
}

// Rules: R3
TEST_F(RocksDbStoreTest, MissingDatabaseOrWatermarkIsDataLoss) {
  Create();
  fs::rename(options_.directory + "/WATERMARK", directory_.path() + "/WATERMARK");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "WATERMARK is missing");
  fs::rename(directory_.path() + "/WATERMARK", options_.directory + "/WATERMARK");
  fs::remove_all(options_.directory + "/db");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "the database is missing");
}

// Rules: R3
TEST_F(RocksDbStoreTest, OlderCopyOfTheDatabaseIsRefused) {
  Create();
  fs::copy(options_.directory + "/db", directory_.path() + "/old");
  Must(Open()).reset();
  ASSERT_TRUE(Must(Open())->Commit({{MakeCommit("acme", 2, 3)}}).ok());
  fs::remove_all(options_.directory + "/db");
  fs::rename(directory_.path() + "/old", options_.directory + "/db");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "acknowledged writes are missing");
}

// Rules: R3
TEST_F(RocksDbStoreTest, OtherStoresDatabaseOfTheSameLengthIsRefused) {
  Create();
  fs::rename(options_.directory + "/db", directory_.path() + "/other");
  fs::remove_all(options_.directory);
  Create();
  fs::remove_all(options_.directory + "/db");
  fs::rename(directory_.path() + "/other", options_.directory + "/db");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "not the one that had been made durable");
}

// Rules: R3
TEST_F(RocksDbStoreTest, WatermarkReachesTheLastGroupWhenTheStoreCloses) {
  options_.watermark_interval = absl::Hours(1);
  {
    std::unique_ptr<Store> store = Must(Open());
    for (int64_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(store->Commit({{MakeCommit("acme", i, i + 1)}}).ok());
    }
  }
  EXPECT_EQ(Must(Open())->open_report().watermark_group, 21);
}

// Rules: R3
TEST_F(RocksDbStoreTest, FailedWriteLatchesTheStoreWithItsFirstReason) {
  auto files = std::make_shared<FaultyFileSystem>(directory_.path(), 1);
  const std::unique_ptr<rocksdb::Env> env = NewFaultyEnv(files);
  options_.env = env.get();
  {
    std::unique_ptr<Store> store = Must(Open());
    ASSERT_TRUE(store->Commit({{MakeCommit("acme", 0, 1)}}).ok());
    files->FailAfter(0);
    const absl::Status first = store->Commit({{MakeCommit("acme", 1, 2)}}).status();
    EXPECT_EQ(first.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(first.message()), HasSubstr("injected fault"));
    // The disk is well again, but what it lost is not known.
    files->FailAfter(-1);
    EXPECT_EQ(store->Commit({{MakeCommit("beta", 0, 1)}}).status(), first);
    EXPECT_EQ(store->PutSystem({{"a", "b"}}), first);
    EXPECT_EQ(store->ForgetDedupe(TestStart()), first);
    EXPECT_EQ(store->health(), first);
    EXPECT_TRUE(store->Revision("acme").ok());
  }
  std::unique_ptr<Store> store = Must(Open());
  EXPECT_TRUE(store->health().ok());
  EXPECT_EQ(Must(store->Revision("beta")), 0);
}

// Rules: D5
TEST_F(RocksDbStoreTest, MemoryOnlyLoadOfWhatIsOnDiskSaysItWouldBlock) {
  Create();
  OrganizationCommit large = MakeCommit("acme", 2, 3);
  for (char id = 'a'; id <= 'z'; ++id) {
    large.puts.push_back({RecordKind::kMember, std::string(1, id), std::string(9'000, id)});
  }
  Must(Must(Open())->Commit({{large}}));
  // This open writes the log out to tables, the next one reads only their first blocks.
  Must(Open()).reset();
  std::unique_ptr<Store> store = Must(Open());
  const std::vector<LoadKey> keys = {LoadKey::Member("acme", "n"), LoadKey::Member("acme", "none")};
  EXPECT_EQ(Must(store->Load(keys, LoadMode::kMemoryOnly))[0].state, LoadState::kWouldBlock);
  EXPECT_EQ(Must(store->Load(keys, LoadMode::kMayBlock))[0].value, std::string(9'000, 'n'));
  // Now it is in the cache, and so is the filter that knows of the absence.
  const auto again = Must(store->Load(keys, LoadMode::kMemoryOnly));
  EXPECT_EQ(again[0].state, LoadState::kFound);
  EXPECT_EQ(again[1].state, LoadState::kAbsent);
}

// A table that was not opened yet has nothing to say: neither that it has a key, nor that it has
// not. Rules: R2, R3
TEST_F(RocksDbStoreTest, WithoutTheDiskATableThatIsNotOpenAnswersNothing) {
  options_.max_open_files = 20;  // So few that an open leaves most tables closed.
  Create();
  for (int64_t revision = 2; revision < 4; ++revision) {
    OrganizationCommit commit = MakeCommit("acme", revision, revision + 1);
    commit.puts = {{RecordKind::kHeader, "", "header"}};
    commit.dedupe = {{RequestFamily::kRecording, std::to_string(revision), "later"}};
    // Each open writes the log out to tables of its own.
    Must(Must(Open())->Commit({{commit}}));
  }
  Must(Open()).reset();
  std::unique_ptr<Store> store = Must(Open());
  const std::vector<LoadKey> keys = {
      LoadKey::Dedupe("acme", RequestFamily::kRecording, "never seen"),
      LoadKey::Dedupe("acme", RequestFamily::kRecording, "r"), LoadKey::Member("acme", "nobody"),
      LoadKey::Header("acme")};
  const auto at_once = Must(store->Load(keys, LoadMode::kMemoryOnly));
  EXPECT_NE(at_once[0].state, LoadState::kFound);
  EXPECT_NE(at_once[1].state, LoadState::kAbsent);
  EXPECT_NE(at_once[2].state, LoadState::kFound);
  EXPECT_NE(at_once[3].state, LoadState::kAbsent);
  for (const size_t present : {1, 3}) {
    if (at_once[present].state != LoadState::kFound) continue;
    EXPECT_FALSE(at_once[present].value.empty());
  }
  const auto read = Must(store->Load(keys, LoadMode::kMayBlock));
  EXPECT_EQ(read[0].state, LoadState::kAbsent);
  EXPECT_EQ(read[1].value, "first");
  EXPECT_EQ(read[2].state, LoadState::kAbsent);
  EXPECT_EQ(read[3].value, "header");
}

}  // namespace
}  // namespace bursar
