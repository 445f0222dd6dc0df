#include "storage/rocksdb_view.h"

#include <rocksdb/snapshot.h>

#include <algorithm>

#include "storage/rocksdb_status.h"
#include "storage/validation.h"

namespace bursar {
namespace {

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status Unparsable(const char* what) {
  return absl::DataLossError(std::string("store: a stored ") + what + " is not of this format");
}

// Walks the keys in [begin, end); an empty end is the end of the family. Calls `visit` until it
// says false or fails.
template <typename Visit>
absl::Status ForEach(const RocksDbHandles& handles, rocksdb::ColumnFamilyHandle* family,
                     rocksdb::ReadOptions options, const std::string& begin, const std::string& end,
                     const char* doing, Visit visit) {
  const rocksdb::Slice upper(end);
  if (!end.empty()) options.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> at(handles.db->NewIterator(options, family));
  for (at->Seek(begin); at->Valid(); at->Next()) {
    absl::StatusOr<bool> more = visit(View(at->key()), View(at->value()));
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
  return FromRocksDb(at->status(), doing);
}

// The smallest key after `key`.
std::string After(std::string key) {
  key.push_back('\0');
  return key;
}

class RocksDbCursor final : public JournalCursor {
 public:
  RocksDbCursor(const RocksDbHandles& handles, rocksdb::ReadOptions options,
                const std::string& organization_id, int64_t from, Direction direction)
      : lower_(JournalKey(organization_id, 0)),
        upper_(AfterPrefix(OrganizationPrefix(organization_id))),
        lower_slice_(lower_),
        upper_slice_(upper_),
        direction_(direction) {
    options.iterate_lower_bound = &lower_slice_;
    options.iterate_upper_bound = &upper_slice_;
    at_.reset(handles.db->NewIterator(options, handles.journal));
    at_->Seek(JournalKey(organization_id, std::max<int64_t>(from, 0)));
    if (direction == Direction::kForward) return;
    if (from < 1) {
      done_ = true;
    } else if (!at_->Valid() && at_->status().ok()) {
      at_->SeekToLast();
    }
  }

  absl::StatusOr<std::optional<JournalRecord>> Next() override {
    if (done_) return std::nullopt;
    if (!at_->Valid()) {
      done_ = true;
      if (absl::Status s = FromRocksDb(at_->status(), "reading a journal"); !s.ok()) return s;
      return std::nullopt;
    }
    std::optional<JournalRecord> record = ParseJournal(View(at_->key()), View(at_->value()));
    if (!record.has_value()) {
      done_ = true;
      return Unparsable("journal record");
    }
    if (direction_ == Direction::kForward) {
      at_->Next();
    } else {
      at_->Prev();
    }
    return record;
  }

 private:
  const std::string lower_;
  const std::string upper_;
  const rocksdb::Slice lower_slice_;
  const rocksdb::Slice upper_slice_;
  const Direction direction_;
  std::unique_ptr<rocksdb::Iterator> at_;
  bool done_ = false;
};

// One value, without a copy of it. Not RocksDB's own MultiGet for several: over several families it
// loses count of its references when a memtable is switched meanwhile, which ends the process at an
// assertion (7.8; seen once in some thousand power cuts). It also reads blocks from the disk
// whatever the tier says.
absl::StatusOr<LoadState> Get(const RocksDbHandles& handles, const rocksdb::ReadOptions& options,
                              rocksdb::ColumnFamilyHandle* family, const std::string& key,
                              rocksdb::PinnableSlice* value) {
  value->Reset();
  const rocksdb::Status status = handles.db->Get(options, family, key, value);
  // Without the disk, RocksDB takes a table that it has not opened yet for one that has the key,
  // and answers with nothing.
  if (status.ok() && options.read_tier == rocksdb::kBlockCacheTier && value->empty()) {
    return LoadState::kWouldBlock;
  }
  if (status.ok()) return LoadState::kFound;
  if (status.IsNotFound()) return LoadState::kAbsent;
  if (status.IsIncomplete()) return LoadState::kWouldBlock;
  return FromRocksDb(status, "loading");
}

}  // namespace

bool DedupeGenerations::Contains(uint16_t generation) const {
  const List list = Get();
  return std::binary_search(list->begin(), list->end(), generation);
}

void DedupeGenerations::Add(uint16_t generation) {
  std::lock_guard lock(mutex_);
  auto changed = std::make_shared<std::vector<uint16_t>>(*list_);
  changed->insert(std::lower_bound(changed->begin(), changed->end(), generation), generation);
  list_ = std::move(changed);
}

void DedupeGenerations::DropBefore(uint16_t first) {
  std::lock_guard lock(mutex_);
  list_ = std::make_shared<std::vector<uint16_t>>(
      std::lower_bound(list_->begin(), list_->end(), first), list_->end());
}

RocksDbView::~RocksDbView() {
  if (snapshot_ != nullptr) handles_.db->ReleaseSnapshot(snapshot_);
}

rocksdb::ReadOptions RocksDbView::Options() const {
  rocksdb::ReadOptions options(/*cksum=*/true, /*cache=*/true);
  options.snapshot = snapshot_;
  return options;
}

absl::Status RocksDbView::LoadRequestId(const std::string& organization_id, RequestFamily family,
                                        const std::string& request_id,
                                        const rocksdb::ReadOptions& options,
                                        LoadedValue* loaded) const {
  rocksdb::PinnableSlice value;
  std::string key = DedupeKey(0, organization_id, family, request_id);
  const DedupeGenerations::List generations = generations_->Get();
  for (const uint16_t generation : *generations) {
    SetDedupeGeneration(generation, &key);
    const absl::StatusOr<LoadState> state = Get(handles_, options, handles_.dedupe, key, &value);
    if (!state.ok()) return state.status();
    // An answer that would need the disk stands only where no other generation has one.
    if (*state != LoadState::kAbsent) loaded->state = *state;
    if (*state != LoadState::kFound) continue;
    loaded->value.assign(value.data(), value.size());
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadState> RocksDbView::GetOrganization(const std::string& organization_id,
                                                       const rocksdb::ReadOptions& options,
                                                       OrganizationHead* head,
                                                       std::string* header) const {
  rocksdb::PinnableSlice value;
  const absl::StatusOr<LoadState> state =
      Get(handles_, options, handles_.state, OrganizationKey(organization_id), &value);
  if (!state.ok() || *state != LoadState::kFound) return state;
  std::string_view view;
  const std::optional<OrganizationHead> parsed = ParseOrganization(View(value), &view);
  if (!parsed.has_value()) return Unparsable("organization");
  *head = *parsed;
  if (header != nullptr) *header = view;
  return state;
}

absl::Status RocksDbView::LoadRecord(const LoadKey& key, const rocksdb::ReadOptions& options,
                                     LoadedValue* loaded) const {
  absl::StatusOr<LoadState> state;
  if (key.kind == RecordKind::kHeader) {
    OrganizationHead head;
    state = GetOrganization(key.organization_id, options, &head, &loaded->value);
    loaded->revision = head.revision;
    if (state.ok() && *state == LoadState::kFound && !head.has_header) state = LoadState::kAbsent;
  } else {
    rocksdb::PinnableSlice value;
    state = Get(handles_, options, handles_.state,
                RecordPrefix(key.organization_id, key.kind) + key.id, &value);
    loaded->value.assign(value.data(), value.size());
  }
  if (state.ok()) loaded->state = *state;
  return state.status();
}

absl::StatusOr<std::vector<LoadedValue>> RocksDbView::Load(const std::vector<LoadKey>& keys,
                                                           LoadMode mode) const {
  for (const LoadKey& key : keys) {
    if (absl::Status s = ValidateLoadKey(key); !s.ok()) return s;
  }
  rocksdb::ReadOptions options = Options();
  if (mode == LoadMode::kMemoryOnly) options.read_tier = rocksdb::kBlockCacheTier;
  // All of one moment, though they are read one by one. A request id alone may lie in several
  // generations, of which none ever takes over what another has.
  std::optional<rocksdb::ManagedSnapshot> moment;
  if (snapshot_ == nullptr && keys.size() > 1) {
    options.snapshot = moment.emplace(handles_.db).snapshot();
  }
  std::vector<LoadedValue> loaded(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const LoadKey& key = keys[i];
    absl::Status status =
        key.is_dedupe ? LoadRequestId(key.organization_id, key.family, key.id, options, &loaded[i])
                      : LoadRecord(key, options, &loaded[i]);
    if (!status.ok()) return status;
  }
  return loaded;
}

absl::StatusOr<LoadedValue> RocksDbView::FindRequestId(const std::string& organization_id,
                                                       RequestFamily family,
                                                       const std::string& request_id) const {
  LoadedValue loaded;
  absl::Status status = LoadRequestId(organization_id, family, request_id, Options(), &loaded);
  if (!status.ok()) return status;
  return loaded;
}

absl::StatusOr<std::optional<OrganizationHead>> RocksDbView::ReadOrganization(
    const std::string& organization_id, std::string* header) const {
  OrganizationHead head;
  const absl::StatusOr<LoadState> state =
      GetOrganization(organization_id, Options(), &head, header);
  if (!state.ok()) return state.status();
  if (*state == LoadState::kAbsent) return std::nullopt;
  return head;
}

absl::StatusOr<int64_t> RocksDbView::Revision(const std::string& organization_id) const {
  if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
  auto head = ReadOrganization(organization_id, nullptr);
  if (!head.ok()) return head.status();
  return head->has_value() ? (*head)->revision : 0;
}

absl::StatusOr<std::unique_ptr<JournalCursor>> RocksDbView::ReadJournal(
    const std::string& organization_id, int64_t from_sequence, Direction direction) const {
  if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
  return std::make_unique<RocksDbCursor>(handles_, Options(), organization_id, from_sequence,
                                         direction);
}

absl::StatusOr<std::vector<OrganizationRow>> RocksDbView::ScanOrganizations(
    const std::string& after, size_t limit) const {
  if (absl::Status s = ValidateId(after, "organization id", true); !s.ok()) return s;
  std::vector<OrganizationRow> rows;
  if (limit == 0) return rows;
  absl::Status status =
      ForEach(handles_, handles_.state, Options(), After(OrganizationKey(after)),
              AfterPrefix(std::string(kOrganizationPrefix)), "scanning organizations",
              [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                std::string_view header;
                const std::optional<OrganizationHead> head = ParseOrganization(value, &header);
                if (!head.has_value()) return Unparsable("organization");
                rows.push_back({std::string(key.substr(1)), head->revision, std::string(header)});
                return rows.size() < limit;
              });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<RecordRow>> RocksDbView::ScanRecords(const std::string& organization_id,
                                                                RecordKind kind,
                                                                const std::string& after,
                                                                size_t limit) const {
  if (absl::Status s = ValidateRecordScan(organization_id, kind, after); !s.ok()) return s;
  std::vector<RecordRow> rows;
  if (limit == 0) return rows;
  const std::string prefix = RecordPrefix(organization_id, kind);
  absl::Status status =
      ForEach(handles_, handles_.state, Options(), After(prefix + after), AfterPrefix(prefix),
              "scanning records",
              [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                rows.push_back({std::string(key.substr(prefix.size())), std::string(value)});
                return rows.size() < limit;
              });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<OutboxRow>> RocksDbView::ScanOutbox(const std::string& organization_id,
                                                               const std::string& after,
                                                               size_t limit) const {
  if (absl::Status s = ValidateOrganizationId(organization_id); !s.ok()) return s;
  if (absl::Status s = ValidateId(after, "notice id", true); !s.ok()) return s;
  std::vector<OutboxRow> rows;
  if (limit == 0) return rows;
  const std::string prefix = OrganizationPrefix(organization_id);
  absl::Status status =
      ForEach(handles_, handles_.outbox, Options(), After(prefix + after), AfterPrefix(prefix),
              "scanning an outbox",
              [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                rows.push_back(
                    {organization_id, std::string(key.substr(prefix.size())), std::string(value)});
                return rows.size() < limit;
              });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<OutboxRow>> RocksDbView::ScanAllOutboxes(
    const std::string& after_organization_id, const std::string& after_notice_id,
    size_t limit) const {
  if (absl::Status s = ValidateId(after_organization_id, "organization id", true); !s.ok()) {
    return s;
  }
  if (absl::Status s = ValidateId(after_notice_id, "notice id", true); !s.ok()) return s;
  std::vector<OutboxRow> rows;
  if (limit == 0) return rows;
  const std::string begin =
      after_organization_id.empty()
          ? std::string(kAfterMarkKey)
          : After(OrganizationPrefix(after_organization_id) + after_notice_id);
  absl::Status status =
      ForEach(handles_, handles_.outbox, Options(), begin, "", "scanning the outboxes",
              [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                std::optional<ParsedOutboxKey> parsed = ParseOutboxKey(key);
                if (!parsed.has_value()) return Unparsable("notice");
                rows.push_back({std::move(parsed->organization_id), std::move(parsed->notice_id),
                                std::string(value)});
                return rows.size() < limit;
              });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<DueRow>> RocksDbView::Due(absl::Time until, size_t limit) const {
  std::vector<DueRow> rows;
  if (limit == 0) return rows;
  const int64_t last = ToNanos(until);
  const std::string end = last == INT64_MAX ? "" : DueKey(last + 1, "");
  absl::Status status = ForEach(
      handles_, handles_.due, Options(), std::string(kAfterMarkKey), end, "reading what is due",
      [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
        std::optional<ParsedDueKey> parsed = ParseDueKey(key);
        if (!parsed.has_value()) return Unparsable("due entry");
        rows.push_back({FromNanos(parsed->due_nanos), std::move(parsed->organization_id)});
        return rows.size() < limit;
      });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::optional<std::string>> RocksDbView::ReadMeta(std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      handles_.db->Get(Options(), handles_.system, rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocksDb(status, "reading a system record");
  return value;
}

absl::StatusOr<std::optional<std::string>> RocksDbView::GetSystem(const std::string& key) const {
  if (absl::Status s = ValidateId(key, "system key"); !s.ok()) return s;
  return ReadMeta(SystemKey(key));
}

absl::StatusOr<std::vector<SystemRow>> RocksDbView::ScanSystem(const std::string& prefix) const {
  if (absl::Status s = ValidateId(prefix, "system key", true); !s.ok()) return s;
  std::vector<SystemRow> rows;
  const std::string begin = SystemKey(prefix);
  absl::Status status = ForEach(
      handles_, handles_.system, Options(), begin, AfterPrefix(begin), "scanning system records",
      [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
        rows.push_back({std::string(key.substr(1)), std::string(value)});
        return true;
      });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<uint16_t>> RocksDbView::FindGenerations(uint16_t first) const {
  std::vector<uint16_t> found;
  std::unique_ptr<rocksdb::Iterator> at(handles_.db->NewIterator(Options(), handles_.dedupe));
  at->Seek(DedupeGenerationKey(first));
  while (at->Valid()) {
    const std::optional<uint16_t> generation = ParseDedupeGeneration(View(at->key()));
    if (!generation.has_value()) return Unparsable("request id");
    found.push_back(*generation);
    if (*generation == UINT16_MAX) break;
    at->Seek(DedupeGenerationKey(static_cast<uint16_t>(*generation + 1)));
  }
  if (absl::Status s = FromRocksDb(at->status(), "reading the request ids"); !s.ok()) return s;
  return found;
}

}  // namespace bursar
