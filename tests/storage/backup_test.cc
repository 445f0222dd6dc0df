// Backups of the store on disk: made beside writes, incremental, verified, restored elsewhere.
#include "storage/backup.h"

#include <gmock/gmock.h>
#include <rocksdb/env.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/rocksdb_store.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  BackupTest() { options_.directory = directory_.path() + "/store"; }

  std::unique_ptr<Store> Open(const std::string& directory) {
    RocksDbStoreOptions options;
    options.directory = directory;
    return Must(OpenRocksDbStore(options));
  }
  // The next commit of "acme", with a journal record.
  void Commit(Store& store) {
    OrganizationCommit commit = MakeCommit("acme", revision_, revision_ + 1);
    commit.puts = {{RecordKind::kHeader, "", absl::StrCat("header ", revision_ + 1)}};
    ASSERT_EQ(Must(store.Commit({{commit}}))[0].outcome, CommitOutcome::kCommitted);
    ++revision_;
  }
  absl::StatusOr<BackupInfo> Restore(const std::string& name, uint32_t backup_id = 0) {
    return RestoreBackup({backups(), backup_id, At(name)});
  }
  std::string At(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string backups() const { return At("backups"); }

  TemporaryDirectory directory_;
  RocksDbStoreOptions options_;
  int64_t revision_ = 0;
};

// Rules: J3
TEST_F(BackupTest, HoldsWhatWasDurableAndEachIsAMomentOfItsOwn) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  const BackupInfo first = Must(store->BackUp(backups(), 0));
  Commit(*store);
  Commit(*store);
  const BackupInfo second = Must(store->BackUp(backups(), 0));
  EXPECT_LT(first.backup_id, second.backup_id);
  EXPECT_EQ(first.group, 2) << "the store's identity and a commit";
  EXPECT_EQ(second.group, 4);
  const std::vector<BackupInfo> listed = Must(store->ListBackups(backups()));
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].backup_id, first.backup_id);
  EXPECT_GT(listed[1].bytes, 0);
  Commit(*store);

  EXPECT_EQ(Must(Restore("newest")).backup_id, second.backup_id);
  EXPECT_EQ(Must(Open(At("newest"))->Revision("acme")), 3);
  Must(Restore("older", first.backup_id));
  std::unique_ptr<Store> older = Open(At("older"));
  EXPECT_EQ(Must(older->Revision("acme")), 1);
  EXPECT_FALSE(older->open_report().created);
  // It goes on by itself.
  revision_ = 1;
  Commit(*older);
}

// Rules: J3, R3
TEST_F(BackupTest, MadeBesideWritesHoldsAllThatWasAcknowledgedBefore) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  std::atomic<int64_t> acknowledged{1};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      Commit(*store);
      acknowledged = revision_;
    }
  });
  std::vector<std::pair<uint32_t, int64_t>> made;
  for (int i = 0; i < 5; ++i) {
    const int64_t before = acknowledged;
    made.emplace_back(Must(store->BackUp(backups(), 0)).backup_id, before);
  }
  stop = true;
  writer.join();
  for (const auto& [backup_id, before] : made) {
    const std::string name = absl::StrCat("restored-", backup_id);
    Must(Restore(name, backup_id));
    std::unique_ptr<Store> restored = Open(At(name));
    const int64_t revision = Must(restored->Revision("acme"));
    EXPECT_GE(revision, before);
    std::unique_ptr<JournalCursor> journal =
        Must(restored->ReadJournal("acme", 1, Direction::kForward));
    int64_t expected = 1;
    while (auto record = Must(journal->Next())) EXPECT_EQ(record->first_sequence, expected++);
    EXPECT_EQ(expected, revision + 1);
  }
}

// Rules: J3
TEST_F(BackupTest, OldOnesGoAndTheNewestStayWhole) {
  std::unique_ptr<Store> store = Open(options_.directory);
  for (int i = 0; i < 4; ++i) {
    Commit(*store);
    Must(store->BackUp(backups(), 2));
  }
  const std::vector<BackupInfo> listed = Must(store->ListBackups(backups()));
  ASSERT_EQ(listed.size(), 2u);
  Must(Restore("oldest", listed[0].backup_id));
  EXPECT_EQ(Must(Open(At("oldest"))->Revision("acme")), 3);
  EXPECT_EQ(Restore("gone", 1).status().code(), absl::StatusCode::kNotFound);
}

// Rules: J3
TEST_F(BackupTest, DamageInAnyFileIsFoundBeforeAnythingIsRestored) {
  std::unique_ptr<Store> store = Open(options_.directory);
  for (int i = 0; i < 50; ++i) Commit(*store);
  Must(store->BackUp(backups(), 0));
  int files = 0;
  for (const auto& file : fs::recursive_directory_iterator(backups())) {
    if (!file.is_regular_file() || file.file_size() == 0) continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(file.file_size() / 2);
    const auto flip = [&] {
      bytes.seekg(middle);
      const char changed = static_cast<char>(bytes.get() ^ 1);
      bytes.seekp(middle);
      bytes.put(changed);
      bytes.flush();
    };
    flip();
    const absl::Status refused = Restore("restored").status();
    EXPECT_FALSE(refused.ok()) << file.path();
    EXPECT_FALSE(fs::exists(At("restored"))) << file.path();
    flip();
    ++files;
  }
  EXPECT_GE(files, 4) << "tables, manifest, pointer, list";
  Must(Restore("restored"));
}

// Rules: J3
TEST_F(BackupTest, TheNewestIsNotQuietlyAnOlderOne) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  const uint32_t older = Must(store->BackUp(backups(), 0)).backup_id;
  Commit(*store);
  const uint32_t newest = Must(store->BackUp(backups(), 0)).backup_id;
  fs::remove(backups() + "/meta/" + std::to_string(newest));
  std::ofstream(backups() + "/meta/" + std::to_string(newest)) << "no list of files";
  const absl::Status refused = Restore("restored").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
  EXPECT_FALSE(fs::exists(At("restored")));
  Must(Restore("restored", older));
  EXPECT_EQ(Must(Open(At("restored"))->Revision("acme")), 1);
}

// Rules: J3
TEST_F(BackupTest, ADirectoryIsOfOneStore) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  Must(store->BackUp(backups(), 0));
  std::unique_ptr<Store> other = Open(At("other"));
  const absl::Status refused = other->BackUp(backups(), 1).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another store"));
  EXPECT_EQ(Must(store->ListBackups(backups())).size(), 1u) << "nothing was made or deleted";
  // What is restored is the same store, and goes on in it.
  Must(Restore("restored"));
  EXPECT_TRUE(Open(At("restored"))->BackUp(backups(), 0).ok());
}

// Rules: A1, J3
TEST_F(BackupTest, NobodyElseCanLookIn) {
  const auto modes = [](const std::string& path) { return fs::status(path).permissions(); };
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  Must(store->BackUp(backups(), 0));
  Must(Restore("restored"));
  for (const std::string& path : {options_.directory, backups(), At("restored")}) {
    EXPECT_EQ(modes(path), fs::perms::owner_all) << path;
  }
  // One that was there before is the operator's to open.
  fs::create_directory(At("shared"));
  fs::permissions(At("shared"), fs::perms::owner_all | fs::perms::group_read);
  Must(store->BackUp(At("shared"), 0));
  EXPECT_EQ(modes(At("shared")), fs::perms::owner_all | fs::perms::group_read);
}

// Rules: J3
TEST_F(BackupTest, OneProcessAtATimeWritesToADirectory) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  Must(store->BackUp(backups(), 0));
  rocksdb::FileLock* lock = nullptr;
  ASSERT_TRUE(rocksdb::Env::Default()->LockFile(backups() + "/LOCK", &lock).ok());
  EXPECT_EQ(store->BackUp(backups(), 0).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(rocksdb::Env::Default()->UnlockFile(lock).ok());
  EXPECT_TRUE(store->BackUp(backups(), 0).ok());
}

// Rules: J3
TEST_F(BackupTest, RestoreTouchesNothingThatIsThere) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  EXPECT_EQ(Restore("restored").status().code(), absl::StatusCode::kNotFound) << "none yet";
  EXPECT_TRUE(Must(store->ListBackups(backups())).empty());
  Must(store->BackUp(backups(), 0));
  const absl::Status refused = RestoreBackup({backups(), 0, options_.directory}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("not empty"));
  Commit(*store);
  // What was interrupted is no store.
  Must(Restore("interrupted"));
  fs::remove(At("interrupted") + "/FORMAT");
  RocksDbStoreOptions options;
  options.directory = At("interrupted");
  EXPECT_EQ(OpenRocksDbStore(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

// Rules: J3
TEST_F(BackupTest, OneThatCannotBeWrittenLeavesTheStoreAsItWas) {
  std::unique_ptr<Store> store = Open(options_.directory);
  Commit(*store);
  std::ofstream(At("file")) << "in the way";
  EXPECT_FALSE(store->BackUp(At("file"), 0).ok());
  EXPECT_TRUE(store->health().ok());
  Commit(*store);
}

}  // namespace
}  // namespace bursar
