#include "storage/memory_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "storage/dedupe_generation.h"
#include "storage/key_schema.h"
#include "storage/validation.h"

namespace bursar {
namespace {

struct Organization {
  int64_t revision = 0;
  std::string header;
  bool has_header = false;
  std::optional<absl::Time> due;
  std::map<std::pair<RecordKind, std::string>, std::string> records;
  std::map<int64_t, JournalRecord> journal;  // By last sequence.
  std::map<std::string, std::string> outbox;
};

// Instants are kept to the nanosecond, as the durable stores keep them.
absl::Time Kept(absl::Time instant) { return FromNanos(ToNanos(instant)); }

using DedupeKey = std::tuple<RequestFamily, std::string, std::string>;

// Everything that is stored; copied whole for a snapshot.
struct Contents {
  std::map<std::string, Organization> organizations;
  std::set<std::pair<absl::Time, std::string>> due;
  std::map<uint16_t, std::map<DedupeKey, std::string>> dedupe;  // By generation.
  uint16_t first_live_generation = 0;
  std::map<std::string, std::string> system;

  const std::string* FindDedupe(const std::string& organization_id, RequestFamily family,
                                const std::string& request_id) const {
    for (const auto& [generation, rows] : dedupe) {
      auto row = rows.find({family, organization_id, request_id});
      if (row != rows.end()) return &row->second;
    }
    return nullptr;
  }

  const Organization* Find(const std::string& organization_id) const {
    auto found = organizations.find(organization_id);
    return found == organizations.end() ? nullptr : &found->second;
  }
};

// The contents with their lock, shared by a store (or snapshot) and its cursors.
struct Shared {
  mutable std::mutex mutex;
  Contents contents;
};

class MemoryCursor final : public JournalCursor {
 public:
  // `next` is a sequence that the next record contains or precedes; `end` the last one to show.
  MemoryCursor(std::shared_ptr<const Shared> shared, std::string organization_id, int64_t next,
               int64_t end, Direction direction)
      : shared_(std::move(shared)),
        organization_id_(std::move(organization_id)),
        next_(next),
        end_(end),
        direction_(direction) {}

  absl::StatusOr<std::optional<JournalRecord>> Next() override {
    std::lock_guard lock(shared_->mutex);
    const Organization* organization = shared_->contents.Find(organization_id_);
    if (organization == nullptr || end_ == 0 || next_ < 1) return std::nullopt;
    const auto& journal = organization->journal;
    if (direction_ == Direction::kForward) {
      if (next_ > end_) return std::nullopt;
      const JournalRecord& record = journal.lower_bound(next_)->second;
      next_ = record.last_sequence + 1;
      return record;
    }
    const JournalRecord& record = journal.lower_bound(std::min(next_, end_))->second;
    next_ = record.first_sequence - 1;
    return record;
  }

 private:
  std::shared_ptr<const Shared> shared_;
  const std::string organization_id_;
  int64_t next_;
  const int64_t end_;
  const Direction direction_;
};

// The reads, over the store's contents or a snapshot's copy of them.
template <typename Interface>
class MemoryReader : public Interface {
 public:
  MemoryReader(std::shared_ptr<Shared> shared, std::function<bool(const LoadKey&)> would_block)
      : shared_(std::move(shared)), would_block_(std::move(would_block)) {}

  absl::StatusOr<std::vector<LoadedValue>> Load(const std::vector<LoadKey>& keys,
                                                LoadMode mode) const override {
    std::vector<LoadedValue> values(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (absl::Status s = ValidateLoadKey(keys[i]); !s.ok()) return s;
      if (mode == LoadMode::kMemoryOnly && would_block_ && would_block_(keys[i])) {
        values[i].state = LoadState::kWouldBlock;
      }
    }
    std::lock_guard lock(shared_->mutex);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (values[i].state == LoadState::kAbsent) values[i] = LoadOne(keys[i]);
    }
    return values;
  }

  absl::StatusOr<int64_t> Revision(const std::string& organization_id) const override {
    if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    const Organization* organization = contents().Find(organization_id);
    return organization == nullptr ? 0 : organization->revision;
  }

  absl::StatusOr<std::unique_ptr<JournalCursor>> ReadJournal(const std::string& organization_id,
                                                             int64_t from_sequence,
                                                             Direction direction) const override {
    if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    const Organization* organization = contents().Find(organization_id);
    const int64_t end = organization == nullptr ? 0 : organization->revision;
    const int64_t first =
        direction == Direction::kForward ? std::max<int64_t>(from_sequence, 1) : from_sequence;
    return std::make_unique<MemoryCursor>(shared_, organization_id, first, end, direction);
  }

  absl::StatusOr<std::vector<OrganizationRow>> ScanOrganizations(const std::string& after,
                                                                 size_t limit) const override {
    if (absl::Status s = ValidateId(after, "organization id", true); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    std::vector<OrganizationRow> rows;
    const auto& all = contents().organizations;
    for (auto at = all.upper_bound(after); at != all.end() && rows.size() < limit; ++at) {
      rows.push_back({at->first, at->second.revision, at->second.header});
    }
    return rows;
  }

  absl::StatusOr<std::vector<RecordRow>> ScanRecords(const std::string& organization_id,
                                                     RecordKind kind, const std::string& after,
                                                     size_t limit) const override {
    if (absl::Status s = ValidateRecordScan(organization_id, kind, after); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    std::vector<RecordRow> rows;
    const Organization* organization = contents().Find(organization_id);
    if (organization == nullptr) return rows;
    const auto& all = organization->records;
    for (auto at = all.upper_bound({kind, after});
         at != all.end() && at->first.first == kind && rows.size() < limit; ++at) {
      rows.push_back({at->first.second, at->second});
    }
    return rows;
  }

  absl::StatusOr<std::vector<OutboxRow>> ScanOutbox(const std::string& organization_id,
                                                    const std::string& after,
                                                    size_t limit) const override {
    if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
    if (absl::Status s = ValidateId(after, "notice id", true); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    std::vector<OutboxRow> rows;
    const Organization* organization = contents().Find(organization_id);
    if (organization != nullptr) AppendOutbox(organization_id, *organization, after, limit, rows);
    return rows;
  }

  absl::StatusOr<std::vector<OutboxRow>> ScanAllOutboxes(const std::string& after_organization_id,
                                                         const std::string& after_notice_id,
                                                         size_t limit) const override {
    if (absl::Status s = ValidateId(after_organization_id, "organization id", true); !s.ok()) {
      return s;
    }
    if (absl::Status s = ValidateId(after_notice_id, "notice id", true); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    std::vector<OutboxRow> rows;
    const auto& all = contents().organizations;
    for (auto at = all.lower_bound(after_organization_id); at != all.end(); ++at) {
      const bool first = at->first == after_organization_id;
      AppendOutbox(at->first, at->second, first ? after_notice_id : "", limit, rows);
    }
    return rows;
  }

  absl::StatusOr<std::vector<DueRow>> Due(absl::Time until, size_t limit) const override {
    std::lock_guard lock(shared_->mutex);
    std::vector<DueRow> rows;
    for (const auto& [due, organization_id] : contents().due) {
      if (due > until || rows.size() >= limit) break;
      rows.push_back({due, organization_id});
    }
    return rows;
  }

  absl::StatusOr<std::optional<std::string>> GetSystem(const std::string& key) const override {
    if (absl::Status s = ValidateId(key, "system key"); !s.ok()) return s;
    std::lock_guard lock(shared_->mutex);
    auto found = contents().system.find(key);
    if (found == contents().system.end()) return std::nullopt;
    return found->second;
  }

  absl::StatusOr<std::vector<SystemRow>> ScanSystem(const std::string& prefix) const override {
    std::lock_guard lock(shared_->mutex);
    std::vector<SystemRow> rows;
    const auto& all = contents().system;
    for (auto at = all.lower_bound(prefix);
         at != all.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
      rows.push_back({at->first, at->second});
    }
    return rows;
  }

 protected:
  const Contents& contents() const { return shared_->contents; }
  Contents& contents() { return shared_->contents; }

  const std::shared_ptr<Shared> shared_;
  const std::function<bool(const LoadKey&)> would_block_;

 private:
  LoadedValue LoadOne(const LoadKey& key) const {
    LoadedValue loaded;
    const std::string* value = nullptr;
    if (key.is_dedupe) {
      value = contents().FindDedupe(key.organization_id, key.family, key.id);
    } else if (const Organization* organization = contents().Find(key.organization_id)) {
      if (key.kind == RecordKind::kHeader) {
        loaded.revision = organization->revision;
        if (organization->has_header) value = &organization->header;
      } else {
        auto row = organization->records.find({key.kind, key.id});
        if (row != organization->records.end()) value = &row->second;
      }
    }
    if (value != nullptr) {
      loaded.state = LoadState::kFound;
      loaded.value = *value;
    }
    return loaded;
  }

  static void AppendOutbox(const std::string& organization_id, const Organization& organization,
                           const std::string& after, size_t limit, std::vector<OutboxRow>& rows) {
    const auto& all = organization.outbox;
    for (auto at = all.upper_bound(after); at != all.end() && rows.size() < limit; ++at) {
      rows.push_back({organization_id, at->first, at->second});
    }
  }
};

class MemoryStore final : public MemoryReader<Store> {
 public:
  explicit MemoryStore(MemoryStoreOptions options)
      : MemoryReader<Store>(std::make_shared<Shared>(), options.would_block),
        options_(std::move(options)) {
    report_.location = "memory";
    report_.created = true;
  }

  absl::StatusOr<std::vector<CommitResult>> Commit(const CommitGroup& group) override {
    if (absl::Status s = ValidateGroup(group); !s.ok()) return s;
    std::lock_guard writer(writer_mutex_);
    if (!health().ok()) return health();
    if (options_.before_commit) {
      if (absl::Status s = options_.before_commit(group); !s.ok()) return Latch(s);
    }
    std::vector<CommitResult> results;
    {
      std::lock_guard lock(shared_->mutex);
      for (const OrganizationCommit& commit : group.organizations) {
        results.push_back(CommitOne(commit));
      }
    }
    if (options_.after_commit) {
      if (absl::Status s = options_.after_commit(group); !s.ok()) return Latch(s);
    }
    return results;
  }

  absl::Status PutSystem(const std::vector<SystemChange>& changes) override {
    if (absl::Status s = ValidateSystemChanges(changes); !s.ok()) return s;
    std::lock_guard writer(writer_mutex_);
    if (!health().ok()) return health();
    std::lock_guard lock(shared_->mutex);
    for (const SystemChange& change : changes) {
      if (change.value.has_value()) {
        contents().system[change.key] = *change.value;
      } else {
        contents().system.erase(change.key);
      }
    }
    return absl::OkStatus();
  }

  absl::Status ChangeOutbox(const std::vector<OutboxChange>& changes) override {
    if (absl::Status s = ValidateOutboxChanges(changes); !s.ok()) return s;
    std::lock_guard writer(writer_mutex_);
    if (!health().ok()) return health();
    std::lock_guard lock(shared_->mutex);
    for (const OutboxChange& change : changes) {
      auto found = contents().organizations.find(change.organization_id);
      if (found == contents().organizations.end()) continue;
      if (change.value.has_value()) {
        found->second.outbox[change.notice_id] = *change.value;
      } else {
        found->second.outbox.erase(change.notice_id);
      }
    }
    return absl::OkStatus();
  }

  absl::Status PutAside(const std::vector<AsideChange>& changes) override {
    if (absl::Status s = ValidateAsideChanges(changes); !s.ok()) return s;
    std::lock_guard writer(writer_mutex_);
    if (!health().ok()) return health();
    std::lock_guard lock(shared_->mutex);
    for (const AsideChange& change : changes) {
      auto found = contents().organizations.find(change.organization_id);
      // Rows of an organization that does not exist are nowhere to be read here.
      if (found == contents().organizations.end()) continue;
      auto& records = found->second.records;
      for (const RecordDelete& record : change.deletes) records.erase({record.kind, record.id});
      for (const RecordPut& put : change.puts) records[{put.kind, put.id}] = put.value;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<BackupInfo> BackUp(const std::string&, uint32_t) override {
    return absl::UnimplementedError("backup: a store in memory has none");
  }
  absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string&) const override {
    return std::vector<BackupInfo>();
  }

  absl::Status ForgetDedupe(absl::Time now) override {
    std::lock_guard writer(writer_mutex_);
    if (!health().ok()) return health();
    std::lock_guard lock(shared_->mutex);
    uint16_t& first = contents().first_live_generation;
    first = std::max(first, FirstLiveDedupeGeneration(now));
    contents().dedupe.erase(contents().dedupe.begin(), contents().dedupe.lower_bound(first));
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Snapshot>> NewSnapshot() const override {
    auto copy = std::make_shared<Shared>();
    std::lock_guard lock(shared_->mutex);
    copy->contents = shared_->contents;
    return std::make_unique<MemoryReader<Snapshot>>(std::move(copy), would_block_);
  }

  absl::Status health() const override {
    std::lock_guard lock(health_mutex_);
    return health_;
  }

  const OpenReport& open_report() const override { return report_; }

 private:
  absl::Status Latch(const absl::Status& status) {
    std::lock_guard lock(health_mutex_);
    health_ = status;
    return status;
  }

  CommitResult CommitOne(const OrganizationCommit& commit) {
    CommitResult result;
    const Organization* existing = contents().Find(commit.organization_id);
    result.current_revision = existing == nullptr ? 0 : existing->revision;
    if (result.current_revision != commit.expected_revision) {
      result.outcome = CommitOutcome::kConflict;
      return result;
    }
    for (const DedupePut& put : commit.dedupe) {
      const std::string* first =
          contents().FindDedupe(commit.organization_id, put.family, put.request_id);
      if (first != nullptr) result.duplicates.push_back({put.family, put.request_id, *first});
    }
    if (!result.duplicates.empty()) {
      result.outcome = CommitOutcome::kDuplicate;
      return result;
    }
    Apply(commit);
    result.current_revision = commit.new_revision;
    return result;
  }

  void Remember(const OrganizationCommit& commit) {
    const uint16_t generation =
        std::max(contents().first_live_generation, DedupeGeneration(commit.committed_at));
    for (const DedupePut& put : commit.dedupe) {
      contents().dedupe[generation][{put.family, commit.organization_id, put.request_id}] =
          put.value;
    }
  }

  void Apply(const OrganizationCommit& commit) {
    Remember(commit);
    if (commit.new_revision == commit.expected_revision) return;
    Organization& organization = contents().organizations[commit.organization_id];
    organization.revision = commit.new_revision;
    organization.journal[commit.new_revision] = {commit.expected_revision + 1, commit.new_revision,
                                                 commit.nonce, Kept(commit.committed_at),
                                                 commit.journal_record};
    for (const RecordDelete& record : commit.deletes) {
      organization.records.erase({record.kind, record.id});
    }
    for (const RecordPut& put : commit.puts) {
      if (put.kind == RecordKind::kHeader) {
        organization.header = put.value;
        organization.has_header = true;
      } else {
        organization.records[{put.kind, put.id}] = put.value;
      }
    }
    for (const std::string& id : commit.outbox_deletes) organization.outbox.erase(id);
    for (const OutboxPut& put : commit.outbox_puts) {
      organization.outbox[put.notice_id] = put.value;
    }
    if (organization.due.has_value()) {
      contents().due.erase({*organization.due, commit.organization_id});
    }
    organization.due.reset();
    if (commit.next_due.has_value()) {
      organization.due = Kept(*commit.next_due);
      contents().due.insert({*organization.due, commit.organization_id});
    }
  }

  const MemoryStoreOptions options_;
  OpenReport report_;
  std::mutex writer_mutex_;  // One write at a time; taken before the contents' mutex.
  mutable std::mutex health_mutex_;
  absl::Status health_;
};

}  // namespace

std::unique_ptr<Store> NewMemoryStore(MemoryStoreOptions options) {
  return std::make_unique<MemoryStore>(std::move(options));
}

}  // namespace bursar
