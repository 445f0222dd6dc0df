// What a power cut leaves: a store on a file system that drops everything not synced, failed at a
// random change of the disk, crashed, opened again, checked, and gone on with.

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <cstdlib>
#include <map>
#include <random>

#include "storage/rocksdb_store.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/temporary_directory.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

constexpr const char* kOrganizations[] = {"acme", "beta", "gamma"};

// Commits to a few organizations again and again; each commit's contents say its revision.
class Campaign {
 public:
  Campaign(uint64_t seed, bool ignore_syncs)
      : random_(seed),
        files_(std::make_shared<FaultyFileSystem>(directory_.path(), seed)),
        env_(NewFaultyEnv(files_)) {
    files_->IgnoreSyncs(ignore_syncs);
    options_.directory = directory_.path() + "/store";
    options_.env = env_.get();
    options_.write_buffer_bytes = 64 << 10;
    options_.block_cache_bytes = 1 << 20;
    options_.max_log_bytes = 64 << 10;
    options_.max_open_files = 20;
    options_.watermark_interval = absl::ZeroDuration();
  }

  // One life of the store. An empty string when all is well, else what was lost.
  std::string Cycle() {
    // Before the open, so that creation and recovery are cut short too.
    if (Draw(20) != 0) files_->FailAfter(Draw(Draw(2) == 0 ? 60 : 900));
    std::string lost = Live(Draw(150));
    files_->Crash(/*keep_nothing=*/Draw(2) == 0);
    return lost;
  }

  // The same script each time for one seed, with the disk failing at its n-th change (never where
  // negative); afterwards a power cut, or the disk is freed again as it was left.
  enum class Aftermath { kNothingUnsyncedStays, kSomeMayStay, kFreed };
  std::string Script(int64_t fail_at, Aftermath aftermath) {
    constexpr int64_t kScriptCommits = 12;
    files_->FailAfter(fail_at);
    std::string lost = Live(kScriptCommits);
    if (aftermath == Aftermath::kFreed) {
      files_->FailAfter(-1);
    } else {
      files_->Crash(aftermath == Aftermath::kNothingUnsyncedStays);
    }
    return lost;
  }

  int64_t changes() const { return files_->operations(); }
  int64_t commits() const { return commits_; }
  int64_t torn_tails() const { return torn_tails_; }

 private:
  int64_t Draw(int64_t count) {
    return std::uniform_int_distribution<int64_t>(0, count - 1)(random_);
  }

  std::string Live(int64_t commits) {
    absl::StatusOr<std::unique_ptr<Store>> opened = OpenRocksDbStore(options_);
    if (!opened.ok()) {
      // A dying disk may refuse an open, but what it holds is never called damaged for it.
      const bool damaged =
          absl::IsDataLoss(opened.status()) || absl::IsFailedPrecondition(opened.status());
      return damaged ? std::string(opened.status().message()) : "";
    }
    if ((*opened)->open_report().torn_tail) ++torn_tails_;
    Store& store = **opened;
    if (std::string lost = Check(store); !lost.empty()) return lost;
    for (int64_t left = commits; left > 0; --left) {
      if (!CommitOnce(store)) return "";
    }
    return "";
  }

  // False when the disk has failed.
  bool CommitOnce(Store& store) {
    CommitGroup group;
    for (const char* id : kOrganizations) {
      if (Draw(3) == 0) continue;
      const int64_t revision = acknowledged_[id];
      const std::string name = std::to_string(revision + 1);
      OrganizationCommit commit = MakeCommit(id, revision, revision + 1);
      commit.puts = {{RecordKind::kHeader, "", name},
                     {RecordKind::kMember, "m", name},
                     {RecordKind::kUsage, name, std::string(static_cast<size_t>(Draw(1500)), 'u')}};
      commit.dedupe = {{RequestFamily::kRecording, name, name}};
      commit.outbox_puts = {{name, name}};
      if (revision > 0) commit.outbox_deletes = {std::to_string(revision)};
      commit.next_due = TestStart() + absl::Seconds(revision + 1);
      group.organizations.push_back(std::move(commit));
    }
    unknown_ = group;
    if (!store.Commit(group).ok()) return false;
    for (const OrganizationCommit& commit : group.organizations) {
      acknowledged_[commit.organization_id] = commit.new_revision;
    }
    unknown_.organizations.clear();
    ++commits_;
    return true;
  }

  // The group whose result was unknown is there entirely or not at all; everything before it is.
  std::string Check(const Store& store) {
    int unknown_there = 0;
    for (const OrganizationCommit& commit : unknown_.organizations) {
      if (Must(store.Revision(commit.organization_id)) == commit.new_revision) {
        ++unknown_there;
        acknowledged_[commit.organization_id] = commit.new_revision;
      }
    }
    if (unknown_there != 0 && unknown_there != static_cast<int>(unknown_.organizations.size())) {
      return "half of a group";
    }
    unknown_.organizations.clear();
    for (const char* id : kOrganizations) {
      if (std::string lost = CheckOrganization(store, id, acknowledged_[id]); !lost.empty()) {
        return std::string(id) + ": " + lost;
      }
    }
    return "";
  }

  static std::string CheckOrganization(const Store& store, const std::string& id,
                                       int64_t revision) {
    if (Must(store.Revision(id)) != revision) return "revision " + std::to_string(revision);
    if (revision == 0) return "";
    const std::string name = std::to_string(revision);
    std::vector<LoadKey> keys = {LoadKey::Header(id), LoadKey::Member(id, "m")};
    for (int64_t i = 1; i <= revision; ++i) {
      keys.push_back(LoadKey::Dedupe(id, RequestFamily::kRecording, std::to_string(i)));
    }
    const std::vector<LoadedValue> values = Must(store.Load(keys, LoadMode::kMayBlock));
    if (values.size() != keys.size()) return "a read";
    if (values[0].value != name || values[1].value != name) return "header or member";
    for (size_t i = 2; i < values.size(); ++i) {
      if (values[i].state != LoadState::kFound) return "request id " + keys[i].id;
    }
    const auto outbox = Must(store.ScanOutbox(id, "", 9));
    if (outbox.size() != 1 || outbox[0].notice_id != name) return "outbox";
    const size_t usage = Must(store.ScanRecords(id, RecordKind::kUsage, "", 1'000'000)).size();
    if (usage != static_cast<size_t>(revision)) return "usage records";
    const auto journal = ReadAll(store, id, 1, Direction::kForward);
    if (journal.size() != static_cast<size_t>(revision)) return "journal records";
    size_t due = 0;
    for (const DueRow& row : Must(store.Due(absl::InfiniteFuture(), 99))) {
      if (row.organization_id == id && row.due == TestStart() + absl::Seconds(revision)) ++due;
    }
    return due == 1 ? "" : "due entry";
  }

  TemporaryDirectory directory_;
  std::mt19937_64 random_;
  std::shared_ptr<FaultyFileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
  RocksDbStoreOptions options_;
  std::map<std::string, int64_t> acknowledged_;
  CommitGroup unknown_;
  int64_t commits_ = 0;
  int64_t torn_tails_ = 0;
};

int Cycles() { return static_cast<int>(NumberFrom("BURSAR_CRASH_CYCLES", 200)); }

// Rules: R3
TEST(RocksDbCrash, AcknowledgedCommitsSurviveAPowerCutAtAnyChangeOfTheDisk) {
  const uint64_t seed = TestSeed();
  int64_t commits = 0;
  int64_t torn_tails = 0;
  // A few stores, so that creations are cut short too.
  const int stores = std::max(1, Cycles() / 20);
  for (int i = 0; i < stores; ++i) {
    Campaign campaign(seed + static_cast<uint64_t>(i), /*ignore_syncs=*/false);
    for (int cycle = 0; cycle < 20; ++cycle) {
      ASSERT_EQ(campaign.Cycle(), "") << "store " << i << " cycle " << cycle;
    }
    commits += campaign.commits();
    torn_tails += campaign.torn_tails();
  }
  std::cout << stores * 20 << " crashes, " << commits << " acknowledged groups, " << torn_tails
            << " torn tails" << std::endl;
  EXPECT_GT(commits, 0);
}

// Each write, sync, creation, rename and deletion of a scripted run fails once, half done: whatever
// was acknowledged is there afterwards, and the store goes on, after a power cut as after a full
// disk that is freed. Rules: R3
TEST(RocksDbCrash, EveryChangeOfAScriptedRunMayFail) {
  const uint64_t seed = TestSeed();
  const auto scripts = static_cast<int>(NumberFrom("BURSAR_FAULT_SCRIPTS", 1));
  int64_t faults = 0;
  using Aftermath = Campaign::Aftermath;
  for (int script = 0; script < scripts; ++script) {
    const uint64_t script_seed = seed + static_cast<uint64_t>(script);
    int64_t changes = 0;
    {
      Campaign whole(script_seed, /*ignore_syncs=*/false);
      ASSERT_EQ(whole.Script(-1, Aftermath::kFreed), "");
      changes = whole.changes();
    }
    for (int64_t n = 0; n < changes; ++n) {
      for (const Aftermath aftermath :
           {Aftermath::kNothingUnsyncedStays, Aftermath::kSomeMayStay, Aftermath::kFreed}) {
        Campaign campaign(script_seed, /*ignore_syncs=*/false);
        ASSERT_EQ(campaign.Script(n, aftermath), "") << "change " << n;
        ASSERT_EQ(campaign.Script(-1, Aftermath::kFreed), "")
            << "after change " << n << " failed, " << static_cast<int>(aftermath);
        ++faults;
      }
    }
  }
  std::cout << scripts << " scripts, " << faults << " faults, nothing lost" << std::endl;
  EXPECT_GT(faults, 100);
}

// Without syncs the same campaign must lose something: else it proves nothing.
// Rules: R3
TEST(RocksDbCrash, CampaignNoticesAMissingSync) {
  const uint64_t seed = TestSeed();
  int losses = 0;
  for (uint64_t i = 0; i < 5; ++i) {
    Campaign campaign(seed + i, /*ignore_syncs=*/true);
    std::string lost;
    for (int cycle = 0; cycle < 20 && lost.empty(); ++cycle) lost = campaign.Cycle();
    if (!lost.empty()) ++losses;
  }
  EXPECT_EQ(losses, 5);
}

}  // namespace
}  // namespace bursar
