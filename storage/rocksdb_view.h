// The reads of the RocksDB store, over the database as it is or over one of its snapshots.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/key_schema.h"
#include "storage/store.h"

namespace bursar {

// An open database and its column families. Handles are owned by whoever opened it.
struct RocksDbHandles {
  rocksdb::DB* db = nullptr;
  rocksdb::ColumnFamilyHandle* system = nullptr;  // The family "default".
  rocksdb::ColumnFamilyHandle* state = nullptr;
  rocksdb::ColumnFamilyHandle* journal = nullptr;
  rocksdb::ColumnFamilyHandle* dedupe = nullptr;
  rocksdb::ColumnFamilyHandle* outbox = nullptr;
  rocksdb::ColumnFamilyHandle* due = nullptr;
};

// The generations of request ids that may hold something, oldest first: what a look-up must ask.
// Usually four.
class DedupeGenerations {
 public:
  using List = std::shared_ptr<const std::vector<uint16_t>>;

  List Get() const {
    std::lock_guard lock(mutex_);
    return list_;
  }
  bool Contains(uint16_t generation) const;
  // Before the first id of a generation is written.
  void Add(uint16_t generation);
  // After all before `first` were dropped.
  void DropBefore(uint16_t first);

 private:
  mutable std::mutex mutex_;
  List list_ = std::make_shared<std::vector<uint16_t>>();
};

// See Reader for what each call answers.
class RocksDbView {
 public:
  // `snapshot` null = the database as it is at each call; otherwise released with the view.
  RocksDbView(RocksDbHandles handles, const DedupeGenerations* generations,
              const rocksdb::Snapshot* snapshot)
      : handles_(handles), generations_(generations), snapshot_(snapshot) {}
  ~RocksDbView();
  RocksDbView(const RocksDbView&) = delete;
  RocksDbView& operator=(const RocksDbView&) = delete;

  absl::StatusOr<std::vector<LoadedValue>> Load(const std::vector<LoadKey>& keys,
                                                LoadMode mode) const;
  absl::StatusOr<int64_t> Revision(const std::string& organization_id) const;
  absl::StatusOr<std::unique_ptr<JournalCursor>> ReadJournal(const std::string& organization_id,
                                                             int64_t from_sequence,
                                                             Direction direction) const;
  absl::StatusOr<std::vector<OrganizationRow>> ScanOrganizations(const std::string& after,
                                                                 size_t limit) const;
  absl::StatusOr<std::vector<RecordRow>> ScanRecords(const std::string& organization_id,
                                                     RecordKind kind, const std::string& after,
                                                     size_t limit) const;
  absl::StatusOr<std::vector<OutboxRow>> ScanOutbox(const std::string& organization_id,
                                                    const std::string& after, size_t limit) const;
  absl::StatusOr<std::vector<OutboxRow>> ScanAllOutboxes(const std::string& after_organization_id,
                                                         const std::string& after_notice_id,
                                                         size_t limit) const;
  absl::StatusOr<std::vector<DueRow>> Due(absl::Time until, size_t limit) const;
  absl::StatusOr<std::optional<std::string>> GetSystem(const std::string& key) const;
  absl::StatusOr<std::vector<SystemRow>> ScanSystem(const std::string& prefix) const;

  // What is remembered of a request id.
  absl::StatusOr<LoadedValue> FindRequestId(const std::string& organization_id,
                                            RequestFamily family,
                                            const std::string& request_id) const;
  // The head of an organization's row, and its header if `header` is given; none when there is no
  // such organization.
  absl::StatusOr<std::optional<OrganizationHead>> ReadOrganization(
      const std::string& organization_id, std::string* header) const;
  // One key of the family "default".
  absl::StatusOr<std::optional<std::string>> ReadMeta(std::string_view key) const;
  // Finds which generations hold anything, from `first` on, by looking.
  absl::StatusOr<std::vector<uint16_t>> FindGenerations(uint16_t first) const;

 private:
  rocksdb::ReadOptions Options() const;
  // An organization's row: its head, and its header if `header` is given. Both are left as they are
  // unless it is found.
  absl::StatusOr<LoadState> GetOrganization(const std::string& organization_id,
                                            const rocksdb::ReadOptions& options,
                                            OrganizationHead* head, std::string* header) const;
  absl::Status LoadRecord(const LoadKey& key, const rocksdb::ReadOptions& options,
                          LoadedValue* loaded) const;
  absl::Status LoadRequestId(const std::string& organization_id, RequestFamily family,
                             const std::string& request_id, const rocksdb::ReadOptions& options,
                             LoadedValue* loaded) const;

  const RocksDbHandles handles_;
  const DedupeGenerations* const generations_;
  const rocksdb::Snapshot* const snapshot_;
};

// Implements a Reader interface by a view.
template <typename Interface>
class ReadsRocksDb : public Interface {
 public:
  template <typename... Arguments>
  explicit ReadsRocksDb(Arguments&&... arguments) : view_(std::forward<Arguments>(arguments)...) {}

  absl::StatusOr<std::vector<LoadedValue>> Load(const std::vector<LoadKey>& keys,
                                                LoadMode mode) const override {
    return view_.Load(keys, mode);
  }
  absl::StatusOr<int64_t> Revision(const std::string& organization_id) const override {
    return view_.Revision(organization_id);
  }
  absl::StatusOr<std::unique_ptr<JournalCursor>> ReadJournal(const std::string& organization_id,
                                                             int64_t from_sequence,
                                                             Direction direction) const override {
    return view_.ReadJournal(organization_id, from_sequence, direction);
  }
  absl::StatusOr<std::vector<OrganizationRow>> ScanOrganizations(const std::string& after,
                                                                 size_t limit) const override {
    return view_.ScanOrganizations(after, limit);
  }
  absl::StatusOr<std::vector<RecordRow>> ScanRecords(const std::string& organization_id,
                                                     RecordKind kind, const std::string& after,
                                                     size_t limit) const override {
    return view_.ScanRecords(organization_id, kind, after, limit);
  }
  absl::StatusOr<std::vector<OutboxRow>> ScanOutbox(const std::string& organization_id,
                                                    const std::string& after,
                                                    size_t limit) const override {
    return view_.ScanOutbox(organization_id, after, limit);
  }
  absl::StatusOr<std::vector<OutboxRow>> ScanAllOutboxes(const std::string& after_organization_id,
                                                         const std::string& after_notice_id,
                                                         size_t limit) const override {
    return view_.ScanAllOutboxes(after_organization_id, after_notice_id, limit);
  }
  absl::StatusOr<std::vector<DueRow>> Due(absl::Time until, size_t limit) const override {
    return view_.Due(until, limit);
  }
  absl::StatusOr<std::optional<std::string>> GetSystem(const std::string& key) const override {
    return view_.GetSystem(key);
  }
  absl::StatusOr<std::vector<SystemRow>> ScanSystem(const std::string& prefix) const override {
    return view_.ScanSystem(prefix);
  }

 protected:
  const RocksDbView& view() const { return view_; }

 private:
  const RocksDbView view_;
};

}  // namespace bursar
