// An engine on a store that tests can hold up or break, and on a clock that stands still until it
// is moved. Tests derived from EngineTest run on every kind of store.
//
// Thread rule: as each class says.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/zone.h"
#include "server/engine/engine.h"
#include "server/engine/engine_core.h"
#include "server/engine/queries.h"
#include "storage/store.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {

// 2026-03-02 09:00 UTC, a Monday.
absl::Time TestStart();

// Thread rule: every method may be called from any thread.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return TestStart() + absl::Nanoseconds(wall_nanos_.load()); }
  absl::Duration Monotonic() const override { return absl::Nanoseconds(monotonic_nanos_.load()); }

  // Time passes.
  void Advance(absl::Duration duration) {
    wall_nanos_ += absl::ToInt64Nanoseconds(duration);
    monotonic_nanos_ += absl::ToInt64Nanoseconds(duration);
  }
  // Somebody sets the wall clock.
  void Jump(absl::Duration duration) { wall_nanos_ += absl::ToInt64Nanoseconds(duration); }

 private:
  std::atomic<int64_t> wall_nanos_{0};
  std::atomic<int64_t> monotonic_nanos_{1'000'000};
};

// A store that does what another does, except when told otherwise.
// Thread rule: every method may be called from any thread.
class ControlledStore final : public Store {
 public:
  explicit ControlledStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // Commits wait from now on, and go on when the gate opens.
  void CloseGate();
  void OpenGate();
  // Waits until that many commits stand at the closed gate.
  void AwaitCommitAtGate();
  // Calls that once, between the next read that may block and its answer.
  void AfterNextBlockingLoad(std::function<void()> meanwhile);
  // The next commit writes nothing, or everything, and reports this.
  void FailNextCommit(absl::Status status, bool after_writing);

  absl::StatusOr<std::vector<CommitResult>> Commit(const CommitGroup& group) override;
  absl::Status PutSystem(const std::vector<SystemChange>& changes) override {
    return store_->PutSystem(changes);
  }
  absl::Status ChangeOutbox(const std::vector<OutboxChange>& changes) override {
    return store_->ChangeOutbox(changes);
  }
  absl::Status PutAside(const std::vector<AsideChange>& changes) override {
    return store_->PutAside(changes);
  }
  absl::Status ForgetDedupe(absl::Time now) override { return store_->ForgetDedupe(now); }
  absl::StatusOr<BackupInfo> BackUp(const std::string& directory, uint32_t keep) override {
    return store_->BackUp(directory, keep);
  }
  absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& directory) const override {
    return store_->ListBackups(directory);
  }
  absl::StatusOr<std::unique_ptr<Snapshot>> NewSnapshot() const override {
    return store_->NewSnapshot();
  }
  absl::Status health() const override { return store_->health(); }
  const OpenReport& open_report() const override { return store_->open_report(); }
  absl::StatusOr<std::vector<LoadedValue>> Load(const std::vector<LoadKey>& keys,
                                                LoadMode mode) const override;
  absl::StatusOr<int64_t> Revision(const std::string& organization_id) const override {
    return store_->Revision(organization_id);
  }
  absl::StatusOr<std::unique_ptr<JournalCursor>> ReadJournal(const std::string& organization_id,
                                                             int64_t from_sequence,
                                                             Direction direction) const override {
    return store_->ReadJournal(organization_id, from_sequence, direction);
  }
  absl::StatusOr<std::vector<OrganizationRow>> ScanOrganizations(const std::string& after,
                                                                 size_t limit) const override {
    return store_->ScanOrganizations(after, limit);
  }
  absl::StatusOr<std::vector<RecordRow>> ScanRecords(const std::string& organization_id,
                                                     RecordKind kind, const std::string& after,
                                                     size_t limit) const override {
    return store_->ScanRecords(organization_id, kind, after, limit);
  }
  absl::StatusOr<std::vector<OutboxRow>> ScanOutbox(const std::string& organization_id,
                                                    const std::string& after,
                                                    size_t limit) const override {
    return store_->ScanOutbox(organization_id, after, limit);
  }
  absl::StatusOr<std::vector<OutboxRow>> ScanAllOutboxes(const std::string& after_organization_id,
                                                         const std::string& after_notice_id,
                                                         size_t limit) const override {
    return store_->ScanAllOutboxes(after_organization_id, after_notice_id, limit);
  }
  absl::StatusOr<std::vector<DueRow>> Due(absl::Time until, size_t limit) const override {
    return store_->Due(until, limit);
  }
  absl::StatusOr<std::optional<std::string>> GetSystem(const std::string& key) const override {
    return store_->GetSystem(key);
  }
  absl::StatusOr<std::vector<SystemRow>> ScanSystem(const std::string& prefix) const override {
    return store_->ScanSystem(prefix);
  }

 private:
  const std::unique_ptr<Store> store_;
  mutable std::mutex mutex_;
  mutable std::function<void()> meanwhile_;
  std::condition_variable changed_;
  bool closed_ = false;
  int at_gate_ = 0;
  std::optional<absl::Status> failure_;
  bool fail_after_writing_ = false;
};

// A value that one thread sets and another waits for.
template <typename T>
class Promised {
 public:
  void Set(T value) {
    std::lock_guard lock(mutex_);
    value_ = std::move(value);
    set_.notify_all();
  }
  T Wait() {
    std::unique_lock lock(mutex_);
    set_.wait(lock, [this] { return value_.has_value(); });
    return *value_;
  }
  bool IsSet() {
    std::lock_guard lock(mutex_);
    return value_.has_value();
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};
using PromisedRecord = Promised<absl::StatusOr<RecordReply>>;
using PromisedCheck = Promised<absl::StatusOr<CheckReply>>;

// What is published in tests. Plans: "team" (prepaid; seats "standard" with 10.00 a month and
// "premium" with 50.00), "metered" (prepaid, nothing included), "usage" (postpaid, nothing
// included). One price book "book-1" in USD: model "model-a" of provider "maker", 1.00 per million
// of input, 2.00 of output.
DefaultCatalogs TestCatalogs();

// kNoWalletMemory: on a cold store, and every wallet is put away as soon as it is idle.
enum class StoreKind { kMemory, kColdMemory, kNoWalletMemory, kRocksDb };

class EngineTest : public testing::TestWithParam<StoreKind> {
 protected:
  EngineTest();
  ~EngineTest() override;

  // Ends the engine; opens the store again where it is on disk; starts a new engine.
  void Restart();
  // Starts with other options than the sweeper standing still.
  void RestartWith(const EngineOptions& options);
  // The same, for starts that may be refused: there is no engine then.
  absl::Status StartAnew(const EngineOptions& options);

  Engine& engine() { return *engine_; }
  // Whether every read asks a loader.
  static bool IsCold() {
    return GetParam() == StoreKind::kColdMemory || GetParam() == StoreKind::kNoWalletMemory;
  }
  ControlledStore& store() { return *store_; }

  // ---- Calls that wait; administration fails the test where it is refused ----
  absl::StatusOr<AdministrationReply> Administer(const std::string& organization_id,
                                                 AdministrationCommand command,
                                                 const std::string& request_id = "",
                                                 const std::string& content = "content");
  void CreateOrganization(const std::string& organization_id, const std::string& plan_id);
  void AddMember(const std::string& organization_id, const std::string& member_id,
                 MemberRole role = MemberRole::kMember, const std::string& tier_id = "standard");
  void Grant(const std::string& organization_id, int64_t units,
             std::optional<absl::Time> expires_at = std::nullopt);
  void EnableExtra(const std::string& organization_id);
  // "acme" on that plan, with an owner "olga" and members "ann" and "bob"; extra usage on where the
  // plan knows it.
  void SetUpAcme(const std::string& plan_id);

  absl::StatusOr<RecordReply> Record(const std::string& organization_id,
                                     const std::string& member_id, Nanos cost,
                                     const std::string& request_id,
                                     const std::string& content = "content");
  absl::StatusOr<CheckReply> Check(const std::string& organization_id,
                                   const std::string& member_id);
  std::shared_ptr<PromisedRecord> StartRecord(const std::string& organization_id,
                                              const std::string& member_id, Nanos cost,
                                              const std::string& request_id,
                                              const std::string& content = "content");
  std::shared_ptr<PromisedCheck> StartCheck(const std::string& organization_id,
                                            const std::string& member_id);

  // ---- What is durable ----
  std::vector<Entry> Journal(const std::string& organization_id);
  Amount JournaledCost(const std::string& organization_id);
  // Fails the test with every violation.
  void ExpectVerified();

  FakeClock clock_;
  ZoneDatabase zones_;

 private:
  std::unique_ptr<Store> OpenStore();

  EngineOptions options_;
  std::optional<TemporaryDirectory> directory_;  // RocksDB only.
  std::unique_ptr<ControlledStore> store_;
  std::unique_ptr<EngineCore> engine_;

 protected:
  EngineCore& core() { return *engine_; }
};

// A record of that cost.
RecordConsumptionCommand MakeRecord(const std::string& member_id, Nanos cost);

// How many entries of a kind a journal has.
template <typename Body>
int CountOf(const std::vector<Entry>& journal) {
  int count = 0;
  for (const Entry& entry : journal) count += std::holds_alternative<Body>(entry.body) ? 1 : 0;
  return count;
}

std::string StoreKindName(const testing::TestParamInfo<StoreKind>& info);

// Runs a suite on every kind of store.
#define BURSAR_ENGINE_SUITE(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(Stores, suite,                                                    \
                           testing::Values(StoreKind::kMemory, StoreKind::kColdMemory,       \
                                           StoreKind::kNoWalletMemory, StoreKind::kRocksDb), \
                           StoreKindName)

}  // namespace bursar
