#include "storage/rocksdb_view.h"

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

// The keys of one Load in the form that the database takes, and its answers.
struct MultiGet {
  void Add(rocksdb::ColumnFamilyHandle* family, std::string key) {
    families.push_back(family);
    keys.push_back(std::move(key));
  }

  void Run(const RocksDbHandles& handles, const rocksdb::ReadOptions& options) {
    const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    values = std::vector<rocksdb::PinnableSlice>(keys.size());
    statuses.resize(keys.size());
    // Not RocksDB's own MultiGet: over several families it loses count of its references when a
    // memtable is switched meanwhile, which ends the process at an assertion (7.8; seen once in some
    // thousand power cuts). It also reads blocks from the disk whatever the tier says.
    for (size_t i = 0; i < keys.size(); ++i) {
      statuses[i] = handles.db->Get(options, families[i], slices[i], &values[i]);
    }
  }

  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::vector<std::string> keys;
  std::vector<rocksdb::PinnableSlice> values;
  std::vector<rocksdb::Status> statuses;
};

// Takes the first answer of [begin, end) that says something; several are the generations that one
// request id may lie in.
absl::Status TakeAnswer(const MultiGet& get, size_t begin, size_t end, LoadedValue& loaded,
                        rocksdb::PinnableSlice const*& found) {
  for (size_t i = begin; i < end; ++i) {
    const rocksdb::Status& status = get.statuses[i];
    if (status.ok()) {
      loaded.state = LoadState::kFound;
      found = &get.values[i];
      return absl::OkStatus();
    }
    if (status.IsIncomplete()) {
      loaded.state = LoadState::kWouldBlock;
    } else if (!status.IsNotFound()) {
      return FromRocksDb(status, "loading");
    }
  }
  return absl::OkStatus();
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

absl::StatusOr<std::vector<LoadedValue>> RocksDbView::Load(const std::vector<LoadKey>& keys,
                                                           LoadMode mode) const {
  const DedupeGenerations::List generations = generations_->Get();
  MultiGet get;
  for (const LoadKey& key : keys) {
    if (absl::Status s = ValidateLoadKey(key); !s.ok()) return s;
    if (!key.is_dedupe) {
      get.Add(handles_.state, key.kind == RecordKind::kHeader
                                  ? OrganizationKey(key.organization_id)
                                  : RecordPrefix(key.organization_id, key.kind) + key.id);
      continue;
    }
    for (uint16_t generation : *generations) {
      get.Add(handles_.dedupe, DedupeKey(generation, key.organization_id, key.family, key.id));
    }
  }
  std::vector<LoadedValue> loaded(keys.size());
  if (get.keys.empty()) return loaded;
  rocksdb::ReadOptions options = Options();
  if (mode == LoadMode::kMemoryOnly) options.read_tier = rocksdb::kBlockCacheTier;
  // All of one moment, though they are read one by one.
  if (snapshot_ == nullptr && get.keys.size() > 1) options.snapshot = handles_.db->GetSnapshot();
  get.Run(handles_, options);
  if (options.snapshot != snapshot_) handles_.db->ReleaseSnapshot(options.snapshot);
  size_t at = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const size_t end = at + (keys[i].is_dedupe ? generations->size() : 1);
    const rocksdb::PinnableSlice* found = nullptr;
    if (absl::Status s = TakeAnswer(get, at, end, loaded[i], found); !s.ok()) return s;
    at = end;
    if (found == nullptr) continue;
    if (keys[i].is_dedupe || keys[i].kind != RecordKind::kHeader) {
      loaded[i].value.assign(found->data(), found->size());
      continue;
    }
    std::string_view header;
    const std::optional<OrganizationHead> head = ParseOrganization(View(*found), &header);
    if (!head.has_value()) return Unparsable("organization");
    loaded[i].revision = head->revision;
    loaded[i].state = head->has_header ? LoadState::kFound : LoadState::kAbsent;
    loaded[i].value = header;
  }
  return loaded;
}

absl::StatusOr<std::optional<OrganizationHead>> RocksDbView::ReadOrganization(
    const std::string& organization_id, std::string* header) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      handles_.db->Get(Options(), handles_.state, OrganizationKey(organization_id), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocksDb(status, "reading an organization");
  std::string_view view;
  const std::optional<OrganizationHead> head = ParseOrganization(View(value), &view);
  if (!head.has_value()) return Unparsable("organization");
  if (header != nullptr) *header = view;
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
