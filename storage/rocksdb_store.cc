#include "storage/rocksdb_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <unordered_map>

#include "absl/strings/escaping.h"
#include "server/base/sha256.h"
#include "storage/backup.h"
#include "storage/dedupe_generation.h"
#include "storage/open_checks.h"
#include "storage/rocksdb_database.h"
#include "storage/rocksdb_status.h"
#include "storage/store_directory.h"
#include "storage/validation.h"
#include "storage/watermark.h"

namespace bursar {
namespace {

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// The hash over all groups up to one: of the hash before it, its number, and everything in its
// batch (whose first twelve bytes are RocksDB's own and change when it is written).
GroupHash NextHash(const GroupHash& before, int64_t group, const std::string& batch) {
  constexpr size_t kBatchHeaderBytes = 12;
  return Sha256Digest({{reinterpret_cast<const char*>(before.data()), before.size()},
                       std::to_string(group),
                       std::string_view(batch).substr(kBatchHeaderBytes)});
}

// What the compare-and-set needs to know of an organization.
struct CachedOrganization {
  int64_t revision = 0;
  std::optional<int64_t> due;  // Nanoseconds.
};

// The revisions of the organizations used lately, in bounded memory: when the young half is full it
// becomes the old one, and what was in the old one and not used since is dropped.
class RevisionCache {
 public:
  explicit RevisionCache(size_t capacity) : half_(capacity / 2 + 1) {}

  const CachedOrganization* Find(const std::string& organization_id) {
    const auto young = young_.find(organization_id);
    if (young != young_.end()) return &young->second;
    const auto old = old_.find(organization_id);
    return old == old_.end() ? nullptr : &old->second;
  }

  void Put(std::string organization_id, const CachedOrganization& organization) {
    young_.insert_or_assign(std::move(organization_id), organization);
    if (young_.size() < half_) return;
    old_ = std::move(young_);
    young_.clear();
  }

 private:
  const size_t half_;
  std::unordered_map<std::string, CachedOrganization> young_;
  std::unordered_map<std::string, CachedOrganization> old_;
};

// A batch that is being made, and what will be true once it is written.
struct PendingBatch {
  rocksdb::WriteBatch batch;
  uint8_t touched = 0;  // A bit for each Family.
  int64_t last_committed_at = INT64_MIN;
  std::vector<std::pair<std::string, CachedOrganization>> organizations;
};

class RocksDbStore final : public ReadsRocksDb<Store> {
 public:
  RocksDbStore(const RocksDbStoreOptions& options, std::unique_ptr<StoreDirectory> directory,
               std::unique_ptr<RocksDbDatabase> database,
               std::unique_ptr<DedupeGenerations> generations, OpenReport report)
      : ReadsRocksDb<Store>(database->handles(), generations.get(), nullptr),
        options_(options),
        directory_(std::move(directory)),
        database_(std::move(database)),
        handles_(database_->handles()),
        generations_(std::move(generations)),
        report_(std::move(report)),
        revisions_(options.cached_revisions) {}

  // Reads what the writes go on from, and starts the watermark at `vouched`. Called once, before
  // the store is given to anyone.
  absl::Status Start(rocksdb::Env* env, const GroupId& expected,
                     const std::optional<GroupId>& vouched);

  absl::StatusOr<std::vector<CommitResult>> Commit(const CommitGroup& group) override;
  absl::Status PutSystem(const std::vector<SystemChange>& changes) override;
  absl::Status ChangeOutbox(const std::vector<OutboxChange>& changes) override;
  absl::Status PutAside(const std::vector<AsideChange>& changes) override;
  absl::Status ForgetDedupe(absl::Time now) override;

  absl::StatusOr<BackupInfo> BackUp(const std::string& directory, uint32_t keep) override;
  absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& directory) const override;

  absl::StatusOr<std::unique_ptr<Snapshot>> NewSnapshot() const override {
    const rocksdb::Snapshot* snapshot = handles_.db->GetSnapshot();
    if (snapshot == nullptr) return absl::UnavailableError("store: no snapshot can be made");
    return std::make_unique<ReadsRocksDb<Snapshot>>(handles_, generations_.get(), snapshot);
  }

  absl::Status health() const override {
    std::lock_guard lock(health_mutex_);
    return health_;
  }

  const OpenReport& open_report() const override { return report_; }

 private:
  absl::Status Latch(const absl::Status& status);
  absl::Status CreateIdentity();
  // Writes and syncs a batch as the next group. Latches on an error.
  absl::Status Write(PendingBatch& pending);
  absl::StatusOr<CachedOrganization> Find(const std::string& organization_id);
  // Says what becomes of each organization, and puts what is committed into the batch.
  absl::StatusOr<std::vector<CommitResult>> Decide(const CommitGroup& group, PendingBatch& pending);
  // Marks those of the results that hold a remembered request id.
  absl::Status FindDuplicates(const CommitGroup& group, std::vector<CommitResult>& results) const;
  absl::Status AddRequestIds(const OrganizationCommit& commit, PendingBatch& pending);
  absl::Status Add(const OrganizationCommit& commit, const CachedOrganization& before,
                   PendingBatch& pending);
  // Errors of a batch in memory: our own mistake or no memory.
  absl::Status Put(PendingBatch& pending, rocksdb::ColumnFamilyHandle* family, std::string_view key,
                   std::string_view value) {
    Touch(pending, family);
    return FromRocksDb(pending.batch.Put(family, ToSlice(key), ToSlice(value)), "making a group");
  }
  absl::Status Delete(PendingBatch& pending, rocksdb::ColumnFamilyHandle* family,
                      std::string_view key) {
    Touch(pending, family);
    return FromRocksDb(pending.batch.Delete(family, ToSlice(key)), "making a group");
  }
  void Touch(PendingBatch& pending, const rocksdb::ColumnFamilyHandle* family) const {
    const auto bit = [](Family f) { return static_cast<uint8_t>(1 << f); };
    if (family == handles_.state) pending.touched |= bit(kState);
    if (family == handles_.journal) pending.touched |= bit(kJournal);
    if (family == handles_.dedupe) pending.touched |= bit(kDedupe);
    if (family == handles_.outbox) pending.touched |= bit(kOutbox);
    if (family == handles_.due) pending.touched |= bit(kDue);
  }

  const RocksDbStoreOptions options_;
  // Destroyed last to first: watermark, database, lock.
  const std::unique_ptr<StoreDirectory> directory_;
  const std::unique_ptr<RocksDbDatabase> database_;
  const RocksDbHandles handles_;
  const std::unique_ptr<DedupeGenerations> generations_;
  OpenReport report_;

  std::mutex backup_mutex_;  // Held while a backup is made.
  std::mutex writer_mutex_;  // One write at a time; guards the next three.
  GroupRow last_;
  uint16_t first_live_generation_ = 0;
  RevisionCache revisions_;

  mutable std::mutex health_mutex_;
  absl::Status health_;
  std::unique_ptr<WatermarkWriter> watermark_;
};

absl::Status RocksDbStore::Latch(const absl::Status& status) {
  std::lock_guard lock(health_mutex_);
  // The first reason stays: what fails afterwards fails because of it.
  if (health_.ok()) health_ = status;
  return health_;
}

absl::Status RocksDbStore::Start(rocksdb::Env* env, const GroupId& expected,
                                 const std::optional<GroupId>& vouched) {
  absl::StatusOr<StoredGroups> groups = database_->ReadGroups();
  if (!groups.ok()) return groups.status();
  last_ = groups->row;
  if (static_cast<const GroupId&>(last_) != expected || groups->families != last_.After()) {
    return absl::DataLossError("store: the database recovered group " +
                               std::to_string(last_.group) + " where its files hold group " +
                               std::to_string(expected.group) + ", or lacks a part of it");
  }
  auto first = view().ReadMeta(kFirstGenerationKey);
  if (!first.ok()) return first.status();
  if (first->has_value()) first_live_generation_ = ParseDedupeGeneration(**first).value_or(0);
  auto generations = view().FindGenerations(first_live_generation_);
  if (!generations.ok()) return generations.status();
  for (uint16_t generation : *generations) generations_->Add(generation);
  if (options_.read_only) {
    static_cast<void>(
        Latch(absl::FailedPreconditionError("store: it was opened for reading only")).ok());
  } else {
    if (last_.group == 0) {
      if (absl::Status s = CreateIdentity(); !s.ok()) return s;
      report_.created = true;
    }
    // What recovery found is in table files by now, so the watermark may vouch for it.
    if (vouched != static_cast<const GroupId&>(last_)) {
      if (absl::Status s =
              ReplaceFile(env, directory_->path(), kWatermarkFile, FormatWatermark(last_));
          !s.ok()) {
        return s;
      }
    }
    watermark_ = std::make_unique<WatermarkWriter>(
        env, directory_->path(), last_, options_.watermark_interval,
        [this](const absl::Status& status) { static_cast<void>(Latch(status).ok()); });
  }
  report_.last_group = last_.group;
  if (last_.last_committed_at != INT64_MIN) {
    report_.last_committed_at = FromNanos(last_.last_committed_at);
  }
  return absl::OkStatus();
}

// The first group of a store is its random identity: no two stores share a chain of hashes.
absl::Status RocksDbStore::CreateIdentity() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 16; ++i) id.push_back(static_cast<char>(random() & 0xff));
  PendingBatch pending;
  if (absl::Status s = Put(pending, handles_.system, kStoreIdKey, absl::BytesToHexString(id));
      !s.ok()) {
    return s;
  }
  return Write(pending);
}

absl::Status RocksDbStore::Write(PendingBatch& pending) {
  GroupRow next = last_;
  ++next.group;
  next.hash = NextHash(last_.hash, next.group, pending.batch.Data());
  next.last_committed_at = std::max(next.last_committed_at, pending.last_committed_at);
  next.before = last_.After();
  next.touched = pending.touched;
  absl::Status made = Put(pending, handles_.system, kGroupRowKey, GroupRowValue(next));
  rocksdb::ColumnFamilyHandle* const families[kFamilies] = {
      handles_.state, handles_.journal, handles_.dedupe, handles_.outbox, handles_.due};
  for (size_t i = 0; i < kFamilies; ++i) {
    if ((next.touched >> i & 1) == 0) continue;
    made.Update(Put(pending, families[i], kMarkKey, MarkValue(next.group)));
  }
  if (!made.ok()) return Latch(made);
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = handles_.db->Write(write, &pending.batch);
  if (!status.ok()) return Latch(FromRocksDb(status, "writing a group"));
  last_ = next;
  for (auto& [organization_id, organization] : pending.organizations) {
    revisions_.Put(std::move(organization_id), organization);
  }
  if (watermark_ != nullptr) watermark_->Note(last_);
  return absl::OkStatus();
}

absl::StatusOr<CachedOrganization> RocksDbStore::Find(const std::string& organization_id) {
  if (const CachedOrganization* cached = revisions_.Find(organization_id)) return *cached;
  auto head = view().ReadOrganization(organization_id, nullptr);
  if (!head.ok()) return head.status();
  CachedOrganization organization;
  if (head->has_value()) organization = {(*head)->revision, (*head)->due};
  return organization;
}

absl::StatusOr<std::vector<CommitResult>> RocksDbStore::Commit(const CommitGroup& group) {
  if (absl::Status s = ValidateGroup(group); !s.ok()) return s;
  std::lock_guard writer(writer_mutex_);
  if (absl::Status s = health(); !s.ok()) return s;
  PendingBatch pending;
  absl::StatusOr<std::vector<CommitResult>> results = Decide(group, pending);
  if (!results.ok()) return Latch(results.status());
  if (pending.batch.Count() == 0) return results;
  if (absl::Status s = Write(pending); !s.ok()) return s;
  return results;
}

absl::StatusOr<std::vector<CommitResult>> RocksDbStore::Decide(const CommitGroup& group,
                                                               PendingBatch& pending) {
  std::vector<CommitResult> results(group.organizations.size());
  std::vector<CachedOrganization> before(group.organizations.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const OrganizationCommit& commit = group.organizations[i];
    absl::StatusOr<CachedOrganization> found = Find(commit.organization_id);
    if (!found.ok()) return found.status();
    before[i] = *found;
    results[i].current_revision = found->revision;
    if (found->revision != commit.expected_revision) {
      results[i].outcome = CommitOutcome::kConflict;
    }
  }
  if (absl::Status s = FindDuplicates(group, results); !s.ok()) return s;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].outcome != CommitOutcome::kCommitted) continue;
    const OrganizationCommit& commit = group.organizations[i];
    if (absl::Status s = Add(commit, before[i], pending); !s.ok()) return s;
    results[i].current_revision = commit.new_revision;
  }
  return results;
}

absl::Status RocksDbStore::FindDuplicates(const CommitGroup& group,
                                          std::vector<CommitResult>& results) const {
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].outcome != CommitOutcome::kCommitted) continue;
    const OrganizationCommit& commit = group.organizations[i];
    for (const DedupePut& put : commit.dedupe) {
      absl::StatusOr<LoadedValue> found =
          view().FindRequestId(commit.organization_id, put.family, put.request_id);
      if (!found.ok()) return found.status();
      if (found->state != LoadState::kFound) continue;
      results[i].outcome = CommitOutcome::kDuplicate;
      results[i].duplicates.push_back({put.family, put.request_id, std::move(found->value)});
    }
  }
  return absl::OkStatus();
}

absl::Status RocksDbStore::AddRequestIds(const OrganizationCommit& commit, PendingBatch& pending) {
  const uint16_t generation =
      std::max(first_live_generation_, DedupeGeneration(commit.committed_at));
  // Readers must know of a generation before anything is in it.
  if (!commit.dedupe.empty() && !generations_->Contains(generation)) generations_->Add(generation);
  absl::Status status;
  for (const DedupePut& put : commit.dedupe) {
    status.Update(Put(pending, handles_.dedupe,
                      DedupeKey(generation, commit.organization_id, put.family, put.request_id),
                      put.value));
  }
  return status;
}

absl::Status RocksDbStore::Add(const OrganizationCommit& commit, const CachedOrganization& before,
                               PendingBatch& pending) {
  const std::string& id = commit.organization_id;
  pending.last_committed_at = std::max(pending.last_committed_at, ToNanos(commit.committed_at));
  // The first error ends it; a batch in memory has hardly any.
  absl::Status status = AddRequestIds(commit, pending);
  if (commit.new_revision == commit.expected_revision) return status;
  status.Update(
      Put(pending, handles_.journal, JournalKey(id, commit.new_revision), JournalValue(commit)));
  OrganizationHead head;
  head.revision = commit.new_revision;
  if (commit.next_due.has_value()) head.due = ToNanos(*commit.next_due);
  std::string carried;
  const std::string* header = nullptr;
  for (const RecordDelete& record : commit.deletes) {
    status.Update(Delete(pending, handles_.state, RecordPrefix(id, record.kind) + record.id));
  }
  for (const RecordPut& put : commit.puts) {
    if (put.kind == RecordKind::kHeader) {
      header = &put.value;
    } else {
      status.Update(Put(pending, handles_.state, RecordPrefix(id, put.kind) + put.id, put.value));
    }
  }
  head.has_header = header != nullptr;
  if (header == nullptr && before.revision > 0) {
    // The header shares its row with the revision, so it is carried over.
    auto stored = view().ReadOrganization(id, &carried);
    if (!stored.ok()) return stored.status();
    head.has_header = stored->has_value() && (*stored)->has_header;
  }
  status.Update(Put(pending, handles_.state, OrganizationKey(id),
                    OrganizationValue(head, header != nullptr ? *header : carried)));
  const std::string outbox = OrganizationPrefix(id);
  for (const std::string& notice : commit.outbox_deletes) {
    status.Update(Delete(pending, handles_.outbox, outbox + notice));
  }
  for (const OutboxPut& put : commit.outbox_puts) {
    status.Update(Put(pending, handles_.outbox, outbox + put.notice_id, put.value));
  }
  if (before.due != head.due) {
    if (before.due.has_value()) {
      status.Update(Delete(pending, handles_.due, DueKey(*before.due, id)));
    }
    if (head.due.has_value()) status.Update(Put(pending, handles_.due, DueKey(*head.due, id), ""));
  }
  pending.organizations.push_back({id, {head.revision, head.due}});
  return status;
}

absl::Status RocksDbStore::PutSystem(const std::vector<SystemChange>& changes) {
  if (absl::Status s = ValidateSystemChanges(changes); !s.ok()) return s;
  std::lock_guard writer(writer_mutex_);
  if (absl::Status s = health(); !s.ok()) return s;
  if (changes.empty()) return absl::OkStatus();
  PendingBatch pending;
  for (const SystemChange& change : changes) {
    absl::Status status = change.value.has_value()
                              ? Put(pending, handles_.system, SystemKey(change.key), *change.value)
                              : Delete(pending, handles_.system, SystemKey(change.key));
    if (!status.ok()) return Latch(status);
  }
  return Write(pending);
}

absl::Status RocksDbStore::ChangeOutbox(const std::vector<OutboxChange>& changes) {
  if (absl::Status s = ValidateOutboxChanges(changes); !s.ok()) return s;
  std::lock_guard writer(writer_mutex_);
  if (absl::Status s = health(); !s.ok()) return s;
  PendingBatch pending;
  for (const OutboxChange& change : changes) {
    absl::StatusOr<CachedOrganization> organization = Find(change.organization_id);
    if (!organization.ok()) return Latch(organization.status());
    // A notice of nobody is not kept: no scan of an organization would ever find it.
    if (organization->revision == 0) continue;
    const std::string key = OrganizationPrefix(change.organization_id) + change.notice_id;
    absl::Status status = change.value.has_value()
                              ? Put(pending, handles_.outbox, key, *change.value)
                              : Delete(pending, handles_.outbox, key);
    if (!status.ok()) return Latch(status);
  }
  return pending.batch.Count() == 0 ? absl::OkStatus() : Write(pending);
}

absl::StatusOr<BackupInfo> RocksDbStore::BackUp(const std::string& directory, uint32_t keep) {
  const std::unique_lock backup(backup_mutex_, std::try_to_lock);
  if (!backup.owns_lock()) return absl::AbortedError("backup: another one is being made");
  // One that cannot be written cannot be flushed either, and may show what is not durable.
  if (absl::Status s = health(); !s.ok()) return s;
  BackupSource source;
  source.env = options_.env != nullptr ? options_.env : rocksdb::Env::Default();
  source.database = handles_.db;
  const rocksdb::Status found = handles_.db->Get(rocksdb::ReadOptions(), handles_.system,
                                                 ToSlice(kStoreIdKey), &source.store_id);
  if (!found.ok()) return FromRocksDb(found, "reading the store's identity");
  {
    std::lock_guard writer(writer_mutex_);
    source.vouched = last_;
  }
  absl::StatusOr<BackupInfo> made = CreateBackup(source, directory, keep);
  // One that was made while the store latched may hold what never became durable.
  if (absl::Status s = health(); !s.ok()) return s;
  return made;
}

absl::StatusOr<std::vector<BackupInfo>> RocksDbStore::ListBackups(
    const std::string& directory) const {
  auto backups = bursar::ListBackups(directory, options_.env);
  if (absl::IsNotFound(backups.status())) return std::vector<BackupInfo>();
  return backups;
}

absl::Status RocksDbStore::PutAside(const std::vector<AsideChange>& changes) {
  if (absl::Status s = ValidateAsideChanges(changes); !s.ok()) return s;
  std::lock_guard writer(writer_mutex_);
  if (absl::Status s = health(); !s.ok()) return s;
  PendingBatch pending;
  absl::Status status;
  for (const AsideChange& change : changes) {
    const std::string& id = change.organization_id;
    for (const RecordDelete& record : change.deletes) {
      status.Update(Delete(pending, handles_.state, RecordPrefix(id, record.kind) + record.id));
    }
    for (const RecordPut& put : change.puts) {
      status.Update(Put(pending, handles_.state, RecordPrefix(id, put.kind) + put.id, put.value));
    }
  }
  if (!status.ok()) return Latch(status);
  return pending.batch.Count() == 0 ? absl::OkStatus() : Write(pending);
}

absl::Status RocksDbStore::ForgetDedupe(absl::Time now) {
  std::lock_guard writer(writer_mutex_);
  if (absl::Status s = health(); !s.ok()) return s;
  const uint16_t first = FirstLiveDedupeGeneration(now);
  if (first <= first_live_generation_) return absl::OkStatus();
  const std::string begin = DedupeGenerationKey(0);
  const std::string end = DedupeGenerationKey(first);
  PendingBatch pending;
  absl::Status status = Put(pending, handles_.system, kFirstGenerationKey, GenerationValue(first));
  Touch(pending, handles_.dedupe);
  status.Update(FromRocksDb(
      pending.batch.DeleteRange(handles_.dedupe, ToSlice(begin), ToSlice(end)), "making a group"));
  if (!status.ok()) return Latch(status);
  if (absl::Status s = Write(pending); !s.ok()) return s;
  first_live_generation_ = first;
  generations_->DropBefore(first);
  // The rows are gone for every reader; this only gives the space of whole files back at once.
  const rocksdb::Slice begin_slice(begin), end_slice(end);
  const rocksdb::Status dropped = rocksdb::DeleteFilesInRange(
      handles_.db, handles_.dedupe, &begin_slice, &end_slice, /*include_end=*/false);
  if (!dropped.ok()) return Latch(FromRocksDb(dropped, "dropping old request ids"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbStoreOptions& options) {
  rocksdb::Env* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  auto directory =
      StoreDirectory::Open(env, options.directory, options.create_if_missing && !options.read_only);
  if (!directory.ok()) return directory.status();
  auto vouched = (*directory)->ReadWatermark();
  if (!vouched.ok()) return vouched.status();
  OpenReport report;
  report.location = options.directory;
  report.read_only = options.read_only;
  if (vouched->has_value()) report.watermark_group = (*vouched)->group;
  GroupId last;
  std::optional<UnfinishedFile> manifest;
  if ((*directory)->HasDatabase()) {
    auto log = (*directory)->InspectLog();
    if (!log.ok()) return log.status();
    auto inspected = (*directory)->InspectManifest();
    if (!inspected.ok()) return inspected.status();
    manifest = *inspected;
    auto tables = RocksDbDatabase::PeekTables(options, (*directory)->database_path(), manifest);
    if (!tables.ok()) return tables.status();
    auto found = JoinTablesAndLog(*tables, *log);
    if (!found.ok()) return found.status();
    last = *found;
    if (absl::Status s = CheckWatermark(options.directory, *vouched, last); !s.ok()) return s;
    for (const WalFile& file : *log) {
      if (file.contents.end != WalEnd::kTorn) continue;
      report.torn_tail = true;
      report.torn_bytes += file.bytes - file.contents.valid_bytes;
      report.torn_file = file.path;
      if (options.read_only) continue;
      if (absl::Status s = (*directory)->CutUnfinished({file.path, file.contents.valid_bytes});
          !s.ok()) {
        return s;
      }
    }
    if (manifest.has_value() && !options.read_only) {
      if (absl::Status s = (*directory)->CutUnfinished(*manifest); !s.ok()) return s;
    }
  } else if (vouched->has_value()) {
    return absl::DataLossError("store: the database is missing from " + options.directory +
                               ", and group " + std::to_string((*vouched)->group) +
                               " had been made durable: restore from a backup");
  } else if (options.read_only) {
    return absl::NotFoundError("store: there is no database in " + options.directory + " yet");
  } else {
    const rocksdb::Status made = env->CreateDirIfMissing((*directory)->database_path());
    if (!made.ok()) return FromRocksDb(made, "creating " + (*directory)->database_path());
    if (absl::Status s = SyncDirectory(env, options.directory); !s.ok()) return s;
  }
  auto database = RocksDbDatabase::Open(options, (*directory)->database_path(), manifest);
  if (!database.ok()) return database.status();
  auto store = std::make_unique<RocksDbStore>(options, *std::move(directory), *std::move(database),
                                              std::make_unique<DedupeGenerations>(), report);
  if (absl::Status s = store->Start(env, last, *vouched); !s.ok()) return s;
  return store;
}

}  // namespace bursar
