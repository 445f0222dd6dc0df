#include "storage/rocksdb_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>

#include "storage/rocksdb_status.h"

namespace bursar {
namespace {

// Takes RocksDB's log messages when its directory must not be touched.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// What of a key the place of the last insertion into a memtable is remembered for: the next one of
// the same goes beside it, without a search from the top of the list.
class HintKey final : public rocksdb::SliceTransform {
 public:
  explicit HintKey(bool of_organization) : of_organization_(of_organization) {}
  const char* Name() const override { return "bursar.HintKey"; }
  bool InDomain(const rocksdb::Slice&) const override { return true; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    if (!of_organization_) return key;
    const std::string_view bytes(key.data(), key.size());
    return {key.data(), std::min(bytes.find('\0'), bytes.size())};
  }

 private:
  const bool of_organization_;
};

rocksdb::DBOptions DatabaseOptions(const RocksDbStoreOptions& options) {
  rocksdb::DBOptions database;
  if (options.env != nullptr) database.env = options.env;
  database.create_if_missing = !options.read_only;
  database.create_missing_column_families = !options.read_only;
  // Trust nothing that comes from the disk.
  database.paranoid_checks = true;
  database.verify_sst_unique_id_in_manifest = true;
  database.track_and_verify_wals_in_manifest = true;
  // The default, point in time, opens without a word after a flipped bit in the middle of the log
  // and drops the acknowledged writes behind it.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // The log inspector reads logs that are written once, front to back, uncompressed.
  database.recycle_log_file_num = 0;
  database.wal_compression = rocksdb::kNoCompression;
  // A failed write or sync is never tried again: its pages may be gone.
  database.max_bgerror_resume_count = 0;
  database.max_open_files = options.max_open_files;
  database.max_total_wal_size = options.max_log_bytes;
  database.db_write_buffer_size = options.write_buffer_bytes;
  database.max_background_jobs = 2;
  // There is one writer; and hints (see HintKey) ask for it.
  database.allow_concurrent_memtable_write = false;
  database.bytes_per_sync = 1 << 20;
  database.skip_stats_update_on_db_open = true;
  database.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  database.keep_log_file_num = 3;
  database.max_log_file_size = 4 << 20;
  database.stats_dump_period_sec = 0;
  if (options.read_only) {
    database.info_log = std::make_shared<SilentLogger>();
    // The log was inspected to its end already, and its torn tail, if any, must stay where it is:
    // only that is skipped.
    database.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  }
  return database;
}

// A family's options. `point_reads` = its keys are asked for one by one and are often missing.
rocksdb::ColumnFamilyOptions FamilyOptions(const RocksDbStoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache,
                                           bool point_reads) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8 * 1024;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  // Indexes and filters count against the cache: this is what bounds memory.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = std::max<size_t>(options.write_buffer_bytes / 4, 1 << 16);
  family.compression = rocksdb::kLZ4Compression;
  family.level_compaction_dynamic_level_bytes = true;
  if (point_reads) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
    table.whole_key_filtering = true;
    family.memtable_prefix_bloom_size_ratio = 0.05;
    family.memtable_whole_key_filtering = true;
  }
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

std::vector<rocksdb::ColumnFamilyDescriptor> Families(const RocksDbStoreOptions& options) {
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes, /*num_shard_bits=*/-1,
                                          /*strict_capacity_limit=*/false,
                                          /*high_pri_pool_ratio=*/0.5);
  const rocksdb::ColumnFamilyOptions points = FamilyOptions(options, cache, true);
  const rocksdb::ColumnFamilyOptions ranges = FamilyOptions(options, cache, false);
  // What is put and soon deleted leaves tombstones at the front, where every scan begins.
  rocksdb::ColumnFamilyOptions queue = ranges;
  queue.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(4096, 2048));
  rocksdb::ColumnFamilyOptions state = points;
  state.memtable_insert_with_hint_prefix_extractor = std::make_shared<HintKey>(false);
  rocksdb::ColumnFamilyOptions journal = ranges;
  journal.memtable_insert_with_hint_prefix_extractor = std::make_shared<HintKey>(true);
  journal.bottommost_compression = rocksdb::kZSTD;
  return {{rocksdb::kDefaultColumnFamilyName, points},
          {kStateFamily, state},
          {kJournalFamily, journal},
          {kDedupeFamily, points},
          {kOutboxFamily, queue},
          {kDueFamily, queue}};
}

}  // namespace

absl::Status RocksDbDatabase::OpenWith(
    const rocksdb::DBOptions& database, bool read_only, const std::string& path,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      read_only ? rocksdb::DB::OpenForReadOnly(database, path, families, &families_, &db)
                : rocksdb::DB::Open(database, path, families, &families_, &db);
  if (!status.ok()) return FromRocksDb(status, "opening the database " + path);
  db_.reset(db);
  handles_.db = db;
  // An interrupted creation may lack the last of them.
  rocksdb::ColumnFamilyHandle** const handles[] = {&handles_.system,  &handles_.state,
                                                   &handles_.journal, &handles_.dedupe,
                                                   &handles_.outbox,  &handles_.due};
  for (size_t i = 0; i < families_.size(); ++i) *handles[i] = families_[i];
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RocksDbDatabase>> RocksDbDatabase::Open(
    const RocksDbStoreOptions& options, const std::string& path,
    const std::optional<UnfinishedFile>& manifest) {
  std::unique_ptr<RocksDbDatabase> database(new RocksDbDatabase());
  rocksdb::DBOptions database_options = DatabaseOptions(options);
  database->view_ = NewFileView(database_options.env, /*empty_logs=*/false,
                                options.read_only ? manifest : std::nullopt);
  database_options.env = database->view_.get();
  absl::Status status =
      database->OpenWith(database_options, options.read_only, path, Families(options));
  if (!status.ok()) return status;
  return database;
}

absl::StatusOr<StoredGroups> RocksDbDatabase::PeekTables(
    const RocksDbStoreOptions& options, const std::string& path,
    const std::optional<UnfinishedFile>& manifest) {
  RocksDbStoreOptions peek = options;
  peek.read_only = true;
  peek.block_cache_bytes = 8 << 20;
  rocksdb::DBOptions database_options = DatabaseOptions(peek);
  RocksDbDatabase database;
  database.view_ = NewFileView(database_options.env, /*empty_logs=*/true, manifest);
  database_options.env = database.view_.get();
  std::vector<std::string> names;
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(database_options, path, &names);
  if (!listed.ok()) return FromRocksDb(listed, "reading the manifest of " + path);
  std::vector<rocksdb::ColumnFamilyDescriptor> families = Families(peek);
  while (std::find(names.begin(), names.end(), families.back().name) == names.end()) {
    families.pop_back();
    if (families.empty()) return absl::DataLossError("store: the manifest names no family");
  }
  absl::Status status = database.OpenWith(database_options, true, path, families);
  if (!status.ok()) return status;
  return database.ReadGroups();
}

absl::StatusOr<StoredGroups> RocksDbDatabase::ReadGroups() const {
  StoredGroups stored;
  const rocksdb::ReadOptions options(/*cksum=*/true, /*cache=*/true);
  std::string value;
  rocksdb::Status status = db_->Get(
      options, handles_.system, rocksdb::Slice(kGroupRowKey.data(), kGroupRowKey.size()), &value);
  if (!status.ok() && !status.IsNotFound()) return FromRocksDb(status, "reading the last group");
  if (status.ok()) {
    const std::optional<GroupRow> row = ParseGroupRow(value);
    if (!row.has_value()) return absl::DataLossError("store: the last group's row is damaged");
    stored.row = *row;
  }
  rocksdb::ColumnFamilyHandle* const families[kFamilies] = {
      handles_.state, handles_.journal, handles_.dedupe, handles_.outbox, handles_.due};
  for (size_t i = 0; i < kFamilies; ++i) {
    if (families[i] == nullptr) continue;
    status =
        db_->Get(options, families[i], rocksdb::Slice(kMarkKey.data(), kMarkKey.size()), &value);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return FromRocksDb(status, "reading a family's mark");
    const std::optional<int64_t> mark = ParseMark(value);
    if (!mark.has_value()) return absl::DataLossError("store: a family's mark is damaged");
    stored.families[i] = *mark;
  }
  return stored;
}

RocksDbDatabase::~RocksDbDatabase() {
  for (rocksdb::ColumnFamilyHandle* family : families_) delete family;
}

}  // namespace bursar
