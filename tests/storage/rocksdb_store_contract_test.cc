// The contract, on RocksDB: with the shipped sizes, and with buffers so small that everything is
// written out to tables and compacted all the time.

#include "storage/rocksdb_store.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

class RocksDbHarness final : public StoreHarness {
 public:
  explicit RocksDbHarness(RocksDbStoreOptions options) : options_(std::move(options)) {
    options_.directory = directory_.path() + "/store";
    Reopen();
  }
  Store& store() override { return *store_; }
  void Reopen() override {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> opened = OpenRocksDbStore(options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

 private:
  TemporaryDirectory directory_;
  RocksDbStoreOptions options_;
  std::unique_ptr<Store> store_;
};

StoreImplementation Shipped() {
  return {"rocksdb", [] { return std::make_unique<RocksDbHarness>(RocksDbStoreOptions()); }};
}

StoreImplementation Small() {
  return {"small_buffers", [] {
            RocksDbStoreOptions options;
            options.write_buffer_bytes = 64 << 10;
            options.block_cache_bytes = 256 << 10;
            options.max_log_bytes = 64 << 10;
            options.max_open_files = 20;
            options.cached_revisions = 1;
            return std::make_unique<RocksDbHarness>(options);
          }};
}

INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContract, testing::Values(Shipped(), Small()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bursar
