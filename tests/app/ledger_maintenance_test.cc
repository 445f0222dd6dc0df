// Restoring whole and up to a point, exporting and importing: always a ledger that verifies.
#include "server/app/ledger_maintenance.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/app/partial_directory.h"
#include "server/engine/epoch.h"
#include "storage/rocksdb_store.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const Progress kQuiet = [](const std::string&) {};

// "acme" and "other" with charges, on disk.
class LedgerMaintenance : public EngineTest {
 protected:
  LedgerMaintenance() {
    SetUpAcme("metered");
    Grant("acme", 100);
    CreateOrganization("other", "metered");
    AddMember("other", "zoe");
    for (int i = 0; i < 5; ++i) Charge("acme", "ann");
    Charge("other", "zoe");
  }

  // A dollar, a minute later.
  void Charge(const std::string& organization_id, const std::string& member_id) {
    clock_.Advance(absl::Minutes(1));
    const std::string request_id = absl::StrCat("r-", ++charges_);
    ASSERT_TRUE(Record(organization_id, member_id, Nanos(1'000'000'000), request_id).ok());
  }
  void BackUp() { ASSERT_TRUE(store().BackUp(At("backups"), 0).ok()); }
  RestoreSettings Settings(const std::string& name) const {
    RestoreSettings settings;
    settings.backups = At("backups");
    settings.directory = At(name);
    return settings;
  }
  std::unique_ptr<Store> Open(const std::string& name) const {
    RocksDbStoreOptions options;
    options.directory = At(name);
    options.create_if_missing = false;
    auto opened = OpenRocksDbStore(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  bool Remembers(const Store& store, const std::string& request_id) const {
    const auto loaded = store.Load({LoadKey::Dedupe("acme", RequestFamily::kRecording, request_id)},
                                   LoadMode::kMayBlock);
    return loaded.ok() && loaded->front().state == LoadState::kFound;
  }
  std::string At(const std::string& name) const { return directory_.path() + "/" + name; }
  // Of the store of that name, without the line that says when it was made, and what follows of it.
  std::string Exported(const std::string& name) const {
    std::ostringstream out;
    const auto exported = ExportJournals(At(name), out, kQuiet);
    EXPECT_TRUE(exported.ok()) << exported.status();
    const std::string text = out.str();
    const size_t begin = text.find('\n') + 1;
    return text.substr(begin, text.find("\"sha256\"") - begin);
  }

  TemporaryDirectory directory_;
  int charges_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Stores, LedgerMaintenance, testing::Values(StoreKind::kRocksDb),
                         StoreKindName);

// Rules: J3, J2
TEST_P(LedgerMaintenance, RestoresAllOfABackupUnderANewEpoch) {
  BackUp();
  Charge("acme", "ann");
  const auto restored = RestoreLedger(Settings("restored"), kQuiet);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->verified.charge_count, 6);
  EXPECT_EQ(restored->left_out_entries, 0);
  std::unique_ptr<Store> store = Open("restored");
  EXPECT_TRUE(Remembers(*store, "r-5"));
  EXPECT_FALSE(Remembers(*store, "r-7"));
  const auto epoch = FindOrBeginEpoch(*store, clock_.Now());
  ASSERT_TRUE(epoch.ok());
  EXPECT_NE(*epoch, engine().epoch());
  EXPECT_FALSE(fs::exists(At("restored.partial")));
}

// Rules: J3, R2
TEST_P(LedgerMaintenance, RestoresUpToAnInstant) {
  const absl::Time point = clock_.Now() - absl::Minutes(3);
  BackUp();
  RestoreSettings settings = Settings("restored");
  settings.point.until = point;
  const auto restored = RestoreLedger(settings, kQuiet);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->verified.charge_count, 3);
  int64_t later = 0;
  for (const char* organization : {"acme", "other"}) {
    for (const Entry& entry : Journal(organization)) later += entry.recorded_at > point ? 1 : 0;
  }
  EXPECT_EQ(restored->left_out_entries, later);
  std::unique_ptr<Store> store = Open("restored");
  EXPECT_TRUE(Remembers(*store, "r-3")) << "is not charged again";
  EXPECT_FALSE(Remembers(*store, "r-4")) << "is charged when it is sent again";
  EXPECT_TRUE(store->GetSystem("plan_catalog/").ok());
  EXPECT_FALSE(store->ScanSystem("price_book/")->empty());
  EXPECT_FALSE(fs::exists(At("restored.partial"))) << "what it was restored from is gone";
}

// Rules: J3
TEST_P(LedgerMaintenance, RestoresOneOrganizationUpToAnEntry) {
  const auto last = Journal("acme").back().sequence;
  BackUp();
  RestoreSettings settings = Settings("restored");
  settings.point.last_sequences["acme"] = last - 2;
  const auto restored = RestoreLedger(settings, kQuiet);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->verified.charge_count, 4) << "three of acme, one of the other";
  EXPECT_EQ(restored->left_out_entries, 2);
  settings.directory = At("another");
  settings.point.last_sequences = {{"nobody", 3}};
  EXPECT_EQ(RestoreLedger(settings, kQuiet).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(At("another")));
  EXPECT_FALSE(fs::exists(At("another.partial")));
}

// Rules: J3, O7
TEST_P(LedgerMaintenance, LeavesOutOrganizationsThatDidNotExistYet) {
  const absl::Time point = clock_.Now();
  clock_.Advance(absl::Minutes(1));
  CreateOrganization("young", "metered");
  BackUp();
  RestoreSettings settings = Settings("restored");
  settings.point.until = point;
  const auto restored = RestoreLedger(settings, kQuiet);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->left_out_organizations, 1);
  EXPECT_EQ(restored->verified.organization_count, 2);
}

// Rules: J3, J1
TEST_P(LedgerMaintenance, ExportsLinesThatImportToTheSameLedger) {
  BackUp();
  ASSERT_TRUE(RestoreLedger(Settings("restored"), kQuiet).ok());
  std::stringstream lines;
  const auto exported = ExportJournals(At("restored"), lines, kQuiet);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->organization_count, 2);
  EXPECT_THAT(lines.str(), HasSubstr("\"member_id\":\"ann\"")) << "readable";
  EXPECT_THAT(lines.str(), testing::Not(HasSubstr("token/")));
  const auto imported = ImportJournals(lines, At("imported"), kQuiet);
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->charge_count, 6);
  EXPECT_TRUE(Remembers(*Open("imported"), "r-2"));
  // Admission ids in the readable part are of each store's epoch.
  const auto without_ids = [](std::string text) {
    for (size_t at; (at = text.find("adm_")) != std::string::npos;) text.erase(at, 4);
    return text;
  };
  EXPECT_EQ(without_ids(Exported("imported")), without_ids(Exported("restored")));
}

// Rules: J3, J1
TEST_P(LedgerMaintenance, RefusesLinesThatAreCutChangedOrForeign) {
  BackUp();
  ASSERT_TRUE(RestoreLedger(Settings("restored"), kQuiet).ok());
  std::ostringstream out;
  ASSERT_TRUE(ExportJournals(At("restored"), out, kQuiet).ok());
  const std::vector<std::string> lines = absl::StrSplit(out.str(), '\n', absl::SkipEmpty());
  const auto import = [&](const std::vector<std::string>& changed) {
    std::istringstream in(absl::StrJoin(changed, "\n"));
    const absl::Status status = ImportJournals(in, At("imported"), kQuiet).status();
    EXPECT_FALSE(fs::exists(At("imported")));
    EXPECT_FALSE(fs::exists(At("imported.partial")));
    return status;
  };
  const auto without = [&](size_t line) {
    std::vector<std::string> changed = lines;
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(line));
    return changed;
  };
  for (size_t line = 0; line < lines.size(); ++line) {
    const absl::Status refused = import(without(line));
    EXPECT_FALSE(refused.ok()) << lines[line].substr(0, 100);
  }
  EXPECT_THAT(std::string(import(without(lines.size() - 1)).message()), HasSubstr("it was cut"));
  std::vector<std::string> changed = lines;
  changed[2] = "{\"commit\": 3}";
  EXPECT_THAT(std::string(import(changed).message()), HasSubstr("line 3"));
  EXPECT_EQ(import(changed).code(), absl::StatusCode::kInvalidArgument);
  changed = lines;
  changed.push_back(lines[1]);
  EXPECT_THAT(std::string(import(changed).message()), HasSubstr("after the end"));
  // What nothing else would notice: the readable part of a commit, a published document's key.
  changed = lines;
  const size_t readable = changed[lines.size() - 2].find("\"member_id\":\"zoe\"");
  ASSERT_NE(readable, std::string::npos);
  changed[lines.size() - 2].replace(readable, 17, "\"member_id\":\"eve\"");
  EXPECT_THAT(std::string(import(changed).message()), HasSubstr("was changed"));
  changed = lines;
  changed[lines.size() - 2] += " ";
  EXPECT_THAT(std::string(import(changed).message()), HasSubstr("was changed"));
  changed = lines;
  const size_t time = changed[lines.size() - 2].find("\"commit_time\":\"20");
  ASSERT_NE(time, std::string::npos);
  changed[lines.size() - 2].replace(time + 15, 2, "99");
  EXPECT_EQ(import(changed).code(), absl::StatusCode::kInvalidArgument);
}

// Rules: J3
TEST_P(LedgerMaintenance, RefusesADirectoryThatIsInUse) {
  BackUp();
  ASSERT_TRUE(RestoreLedger(Settings("restored"), kQuiet).ok());
  const absl::Status refused = RestoreLedger(Settings("restored"), kQuiet).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("not empty"));
  std::unique_ptr<Store> open = Open("restored");
  std::ostringstream out;
  EXPECT_EQ(ExportJournals(At("restored"), out, kQuiet).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// Rules: J3
TEST_P(LedgerMaintenance, OneRunAtATimeMakesADirectory) {
  BackUp();
  absl::StatusOr<PartialDirectory> other = PartialDirectory::Begin(At("restored"));
  ASSERT_TRUE(other.ok()) << other.status();
  const absl::Status refused = RestoreLedger(Settings("restored"), kQuiet).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another run"));
  { const PartialDirectory ended = *std::move(other); }
  // What an interrupted run left is removed.
  fs::create_directories(At("restored.partial/store/db"));
  fs::create_directories(At("restored.partial/scratch"));
  EXPECT_TRUE(RestoreLedger(Settings("restored"), kQuiet).ok());
  EXPECT_FALSE(fs::exists(At("restored.partial")));
}

// Rules: J3
TEST_P(LedgerMaintenance, WhatIsNotVerifiedCannotBeServed) {
  absl::StatusOr<PartialDirectory> partial = PartialDirectory::Begin(At("made"));
  ASSERT_TRUE(partial.ok()) << partial.status();
  RocksDbStoreOptions options;
  options.directory = partial->store();
  ASSERT_TRUE(OpenRocksDbStore(options).ok());
  options.create_if_missing = false;
  for (const char* name : {"made", "made.partial"}) {
    options.directory = At(name);
    EXPECT_FALSE(OpenRocksDbStore(options).ok()) << name;
  }
}

// Rules: J3
TEST_P(LedgerMaintenance, RemovesNothingThatIsNotItsOwn) {
  BackUp();
  fs::create_directories(At("restored.partial/letters"));
  const absl::Status refused = RestoreLedger(Settings("restored"), kQuiet).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("letters"));
  EXPECT_TRUE(fs::exists(At("restored.partial/letters")));
  // A link that leads elsewhere is neither followed nor replaced.
  fs::create_directories(At("elsewhere"));
  fs::create_directory_symlink(At("elsewhere"), At("link"));
  EXPECT_EQ(RestoreLedger(Settings("link"), kQuiet).status().code(),
            absl::StatusCode::kFailedPrecondition);
  fs::create_directory_symlink(At("elsewhere"), At("other.partial"));
  EXPECT_FALSE(RestoreLedger(Settings("other"), kQuiet).ok());
  EXPECT_TRUE(fs::is_empty(At("elsewhere")));
  // An empty directory takes the store, with a slash at its end too.
  EXPECT_TRUE(RestoreLedger(Settings("elsewhere/"), kQuiet).ok());
}

}  // namespace
}  // namespace bursar
