// What the store makes of files that changed while it was closed: bits flipped in the live log and
// in every other file, the log cut short. Acknowledged writes are never lost in silence.

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <random>

#include "storage/rocksdb_store.h"
#include "storage/table_inspector.h"
#include "storage/wal_inspector.h"
#include "storage/watermark.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;

// The files of a store, by their paths relative to its directory.
using Files = std::map<std::string, std::string>;

// A store that is open may rename its watermark into place meanwhile: the file that it writes first
// is not the store's yet.
Files ReadFiles(const std::string& directory) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".tmp") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().lexically_relative(directory).string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

void WriteFiles(const Files& files, const std::string& directory) {
  fs::remove_all(directory);
  fs::create_directories(directory + "/db");
  for (const auto& [name, bytes] : files) {
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
  }
}

void FlipBit(std::string& bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
}

constexpr int64_t kCommits = 24;

// Commit i of the store under test; some are larger than a block of the log.
OrganizationCommit TestCommit(int64_t i) {
  OrganizationCommit commit = MakeCommit("acme", i - 1, i);
  const std::string name = std::to_string(i);
  commit.journal_record.append(i % 8 == 5 ? 70'000 : 40, static_cast<char>('a' + i % 26));
  commit.puts = {{RecordKind::kHeader, "", "header " + name}, {RecordKind::kMember, name, name}};
  commit.dedupe = {{RequestFamily::kRecording, name, name}};
  commit.outbox_puts = {{name, name}};
  commit.next_due = TestStart() + absl::Seconds(i);
  return commit;
}

// What the store holds up to a revision: "" when exactly TestCommit(1 … revision), or what differs.
std::string Difference(const Store& store, int64_t revision) {
  const auto journal = ReadAll(store, "acme", 1, Direction::kForward);
  if (journal.size() != static_cast<size_t>(revision)) return "journal";
  std::vector<LoadKey> keys = {LoadKey::Header("acme")};
  for (int64_t i = 1; i <= revision; ++i) {
    const std::string name = std::to_string(i);
    if (journal[static_cast<size_t>(i - 1)].record != TestCommit(i).journal_record) {
      return "journal record " + name;
    }
    keys.push_back(LoadKey::Member("acme", name));
    keys.push_back(LoadKey::Dedupe("acme", RequestFamily::kRecording, name));
  }
  const auto values = store.Load(keys, LoadMode::kMayBlock);
  if (!values.ok()) return std::string(values.status().message());
  if ((*values)[0].value != "header " + std::to_string(revision)) return "header";
  for (size_t i = 1; i < keys.size(); ++i) {
    if ((*values)[i].value != std::to_string((i + 1) / 2)) return "value " + keys[i].id;
  }
  if (Must(store.ScanOutbox("acme", "", 100)).size() != static_cast<size_t>(revision)) {
    return "outbox";
  }
  const auto due = Must(store.Due(absl::InfiniteFuture(), 9));
  if (due.size() != 1 || due[0].due != TestStart() + absl::Seconds(revision)) return "due";
  return "";
}

class RocksDbDamageTest : public testing::Test {
 protected:
  RocksDbDamageTest() {
    options_.directory = directory_.path() + "/store";
    // Small, so that an open in these thousands costs little.
    options_.block_cache_bytes = 1 << 20;
    options_.write_buffer_bytes = 4 << 20;
  }

  // Commits up to `last`, and takes the files while the store is open, as a crash would leave them.
  Files Commit(int64_t first, int64_t last) {
    std::unique_ptr<Store> store = Must(OpenRocksDbStore(options_));
    for (int64_t i = first; i <= last; ++i) {
      EXPECT_EQ(Must(store->Commit({{TestCommit(i)}}))[0].outcome, CommitOutcome::kCommitted);
    }
    Files files = ReadFiles(options_.directory);
    SetWatermark(files, InspectWal(files[LogName(files)]).last_group->group);
    return files;
  }

  // The newest log that holds anything.
  static std::string LogName(const Files& files) {
    std::string name;
    for (const auto& [path, bytes] : files) {
      if (path.ends_with(".log") && !bytes.empty()) name = path;
    }
    return name;
  }

  // Rewrites the watermark to vouch for a group that lies in the newest log.
  static void SetWatermark(Files& files, int64_t group) {
    const std::string log = files[LogName(files)];
    WalContents contents = InspectWal(log);
    for (size_t size = log.size(); contents.last_group->group > group;) {
      // Cut within the last record, so that the one before it is the last.
      size = static_cast<size_t>(contents.valid_bytes) - 1;
      contents = InspectWal(std::string_view(log).substr(0, size));
    }
    files["WATERMARK"] = FormatWatermark(*contents.last_group);
  }

  absl::StatusOr<std::unique_ptr<Store>> OpenFiles(const Files& files) {
    WriteFiles(files, options_.directory);
    return OpenRocksDbStore(options_);
  }

  void DamageManifest(const Files& good, struct Tally& tally);

  TemporaryDirectory directory_;
  RocksDbStoreOptions options_;
};

// Rules: R3
TEST_F(RocksDbDamageTest, BitFlippedInTheLiveLogIsRefusedOrReportedAsATornTail) {
  const Files good = Commit(1, kCommits);
  const std::string log = LogName(good);
  const WalContents contents = InspectWal(good.at(log));
  const int64_t last_group = contents.last_group->group;
  std::mt19937_64 random(TestSeed());
  int refused = 0;
  int torn = 0;
  for (int i = 0; i < 700; ++i) {
    Files files = good;
    const int64_t vouched = last_group - static_cast<int64_t>(random() % 3);
    SetWatermark(files, vouched);
    size_t bit = random() % (good.at(log).size() * 8);
    // A part of the flips goes to the last few hundred bytes, where the last group's head is.
    if (i % 4 == 0) bit = (good.at(log).size() - 1 - random() % 400) * 8 + random() % 8;
    FlipBit(files[log], bit);
    SCOPED_TRACE("bit " + std::to_string(bit) + ", watermark " + std::to_string(vouched));
    auto store = OpenFiles(files);
    if (!store.ok()) {
      EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
      EXPECT_EQ(ReadFiles(options_.directory), files);
      ++refused;
      continue;
    }
    const int64_t revision = Must((*store)->Revision("acme"));
    if (revision == kCommits) {
      // Only the filler at the end of a block is read by nobody.
      const size_t left = 32'768 - bit / 8 % 32'768;
      EXPECT_LE(left, 6u);
      continue;
    }
    EXPECT_EQ(revision, kCommits - 1);
    EXPECT_LT(vouched, last_group);
    EXPECT_TRUE((*store)->open_report().torn_tail);
    EXPECT_THAT((*store)->open_report().Describe(), testing::HasSubstr("unfinished write"));
    EXPECT_EQ(Difference(**store, revision), "");
    ++torn;
  }
  std::cout << "700 flips: " << refused << " refused, " << torn << " reported as a torn tail"
            << std::endl;
  EXPECT_GT(refused, 600);
}

// Rules: R3
TEST_F(RocksDbDamageTest, LogCutWithinTheLastGroupOpensAndIsReportedUnlessTheWatermarkVouched) {
  const Files good = Commit(1, 3);
  const std::string log = LogName(good);
  const WalContents contents = InspectWal(good.at(log));
  const size_t end = good.at(log).size();
  const size_t begin = static_cast<size_t>(
      InspectWal(std::string_view(good.at(log)).substr(0, end - 1)).valid_bytes);
  ASSERT_EQ(static_cast<size_t>(contents.valid_bytes), end);
  for (size_t size = begin; size < end; ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size) + " of " + std::to_string(end));
    Files files = good;
    files[log].resize(size);
    auto refused = OpenFiles(files);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReadFiles(options_.directory), files);

    SetWatermark(files, contents.last_group->group - 1);
    auto opened = OpenFiles(files);
    ASSERT_TRUE(opened.ok()) << opened.status();
    // Cut between two groups, nothing tells that there was one more.
    EXPECT_EQ((*opened)->open_report().torn_tail, size > begin);
    EXPECT_EQ((*opened)->open_report().torn_bytes, static_cast<int64_t>(size - begin));
    EXPECT_EQ(Difference(**opened, 2), "");
    if (size % 16 != 0) continue;
    // The store goes on from there, and keeps what it then takes.
    EXPECT_EQ(Must((*opened)->Commit({{TestCommit(3)}}))[0].outcome, CommitOutcome::kCommitted);
    opened->reset();
    auto again = OpenRocksDbStore(options_);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_FALSE((*again)->open_report().torn_tail);
    EXPECT_EQ(Difference(**again, 3), "");
  }
}

// Rules: R3
TEST_F(RocksDbDamageTest, LastGroupWithPagesThatWereNeverWrittenIsATornTail) {
  const Files good = Commit(1, 5);  // The fifth spans three blocks of the log.
  const std::string log = LogName(good);
  const std::string& bytes = good.at(log);
  const int64_t last_group = InspectWal(bytes).last_group->group;
  const size_t begin = static_cast<size_t>(
      InspectWal(std::string_view(bytes).substr(0, bytes.size() - 1)).valid_bytes);
  for (size_t page = begin / 4096; page * 4096 < bytes.size(); ++page) {
    Files files = good;
    const size_t from = std::max(begin, page * 4096);
    const size_t to = std::min(bytes.size(), (page + 1) * 4096);
    std::fill(files[log].begin() + static_cast<long>(from),
              files[log].begin() + static_cast<long>(to), '\0');
    EXPECT_EQ(OpenFiles(files).status().code(), absl::StatusCode::kDataLoss) << page;
    EXPECT_EQ(InspectWal(files[log]).last_group->group, last_group - 1);
    SetWatermark(files, last_group - 1);
    options_.read_only = true;
    auto looked = OpenFiles(files);
    ASSERT_TRUE(looked.ok()) << looked.status();
    EXPECT_EQ(Difference(**looked, 4), "");
    EXPECT_EQ(ReadFiles(options_.directory), files);
    looked->reset();
    options_.read_only = false;
    auto opened = OpenFiles(files);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE((*opened)->open_report().torn_tail);
    EXPECT_EQ(Difference(**opened, 4), "");
  }
}

// What came of damage to files whose contents were all acknowledged and vouched for.
enum class Verdict { kRefused, kNoticed, kRight, kLost };

// Opens the files and reads everything: whatever is read without an error must be right.
Verdict Judge(const absl::StatusOr<std::unique_ptr<Store>>& store) {
  if (!store.ok()) return Verdict::kRefused;
  bool noticed = false;
  bool lost = false;
  const auto journal = (*store)->ReadJournal("acme", 1, Direction::kForward);
  int64_t records = 0;
  while (journal.ok()) {
    const auto next = (*journal)->Next();
    if (!next.ok()) noticed = true;
    if (next.ok() && !next->has_value() && records != kCommits) lost = true;
    if (!next.ok() || !next->has_value()) break;
    if ((**next).record != TestCommit(++records).journal_record) lost = true;
  }
  const auto load = [&](LoadKey key, const std::string& value) {
    const auto loaded = (*store)->Load({std::move(key)}, LoadMode::kMayBlock);
    if (!loaded.ok()) {
      noticed = true;
    } else if ((*loaded)[0].value != value) {
      lost = true;
    }
  };
  load(LoadKey::Header("acme"), "header " + std::to_string(kCommits));
  for (int64_t id = 1; id <= kCommits; ++id) {
    const std::string name = std::to_string(id);
    load(LoadKey::Member("acme", name), name);
    load(LoadKey::Dedupe("acme", RequestFamily::kRecording, name), name);
  }
  const auto outbox = (*store)->ScanOutbox("acme", "", 100);
  if (!outbox.ok()) {
    noticed = true;
  } else if (outbox->size() != static_cast<size_t>(kCommits)) {
    lost = true;
  }
  const auto due = (*store)->Due(absl::InfiniteFuture(), 9);
  if (!due.ok()) {
    noticed = true;
  } else if (due->size() != 1 || (*due)[0].due != TestStart() + absl::Seconds(kCommits)) {
    lost = true;
  }
  if (lost) return Verdict::kLost;
  return noticed ? Verdict::kNoticed : Verdict::kRight;
}

// Counts verdicts and prints them.
struct Tally {
  void Add(Verdict verdict) { ++counts[static_cast<size_t>(verdict)]; }
  ~Tally() {
    std::cout << counts[0] << " refused at open, " << counts[1] << " noticed when read, "
              << counts[2] << " without effect, " << counts[3] << " lost in silence" << std::endl;
  }
  int counts[4] = {};
};

// Rules: R3
TEST_F(RocksDbDamageTest, BitFlippedInAnyFileNeverLosesAnythingInSilence) {
  Commit(1, kCommits / 2);
  const Files good = Commit(kCommits / 2 + 1, kCommits);
  std::vector<std::string> names;
  for (const auto& [name, bytes] : good) {
    // RocksDB's own notes for people, and its copy of its options, are not read.
    const bool note =
        name.find("LOG") != std::string::npos || name.find("OPTIONS") != std::string::npos;
    if (!bytes.empty() && !note) names.push_back(name);
  }
  std::mt19937_64 random(TestSeed());
  Tally tally;
  for (int i = 0; i < 600; ++i) {
    Files files = good;
    const std::string& name = names[random() % names.size()];
    const size_t bit = random() % (files[name].size() * 8);
    FlipBit(files[name], bit);
    const Verdict verdict = Judge(OpenFiles(files));
    EXPECT_NE(verdict, Verdict::kLost) << name << " bit " << bit;
    tally.Add(verdict);
  }
  EXPECT_GT(tally.counts[0] + tally.counts[1], 200);
}

// RocksDB reads a table's properties before it looks at their checksum: each bit of the end of a
// table, from the properties on, is flipped.
// Rules: R3
TEST_F(RocksDbDamageTest, BitFlippedAtTheEndOfATableIsRefused) {
  Commit(1, kCommits);
  Must(OpenRocksDbStore(options_)).reset();
  const Files good = ReadFiles(options_.directory);
  std::string table;
  for (const auto& [name, bytes] : good) {
    if (name.ends_with(".sst")) table = name;
  }
  ASSERT_NE(table, "");
  const std::string& bytes = good.at(table);
  const ReadAt read = [&](uint64_t offset, size_t count) { return bytes.substr(offset, count); };
  ASSERT_EQ(CheckTableEnd(bytes.size(), read), absl::OkStatus());
  const size_t properties = bytes.find("rocksdb.block.based.table.index.type");
  ASSERT_NE(properties, std::string::npos);
  // Between them the handle of the index, which RocksDB verifies, and zeros.
  const size_t footer = bytes.size() - 53;
  Tally tally;
  for (size_t byte = properties; byte < bytes.size(); ++byte) {
    Files files = good;
    FlipBit(files[table], byte * 8 + byte % 8);
    const Verdict verdict = Judge(OpenFiles(files));
    tally.Add(verdict);
    EXPECT_NE(verdict, Verdict::kLost) << byte;
    EXPECT_TRUE(byte >= footer || verdict == Verdict::kRefused) << byte << " of " << bytes.size();
  }
}

// Flips bits of a manifest's last entries, and cuts it within them.
void RocksDbDamageTest::DamageManifest(const Files& good, Tally& tally) {
  std::string manifest;
  for (const auto& [name, bytes] : good) {
    if (name.find("MANIFEST") != std::string::npos) manifest = name;
  }
  const size_t size = good.at(manifest).size();
  std::mt19937_64 random(TestSeed());
  for (size_t at = size - std::min<size_t>(size, 1'200); at < size; at += 4) {
    Files flipped = good;
    FlipBit(flipped[manifest], at * 8 + random() % 8);
    Files cut = good;
    cut[manifest].resize(at);
    for (const Files* files : {&flipped, &cut}) {
      const Verdict verdict = Judge(OpenFiles(*files));
      EXPECT_NE(verdict, Verdict::kLost)
          << (files == &cut ? "cut at " : "flipped at ") << at << " of " << size;
      tally.Add(verdict);
    }
  }
}

// The manifest's last entries are read with less care than the log's: whatever it loses of them
// must be missed by the families that they are about.
// Rules: R3
TEST_F(RocksDbDamageTest, ManifestFlippedOrCutNearItsEndNeverLosesAnythingInSilence) {
  Commit(1, kCommits - 3);
  // This writes everything out to tables. The log is empty, or begins where the tables end.
  Must(OpenRocksDbStore(options_)).reset();
  const Files in_both = Commit(kCommits - 2, kCommits);
  Must(OpenRocksDbStore(options_)).reset();
  const Files good = ReadFiles(options_.directory);
  Tally tally;
  DamageManifest(in_both, tally);
  DamageManifest(good, tally);
}

}  // namespace
}  // namespace bursar
