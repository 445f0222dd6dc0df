#include "storage/memory_store.h"

#include <gtest/gtest.h>

#include "tests/storage/store_contract.h"

namespace bursar {
namespace {

class MemoryHarness final : public StoreHarness {
 public:
  Store& store() override { return *store_; }
  void Reopen() override {}

 private:
  std::unique_ptr<Store> store_ = NewMemoryStore();
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values(StoreImplementation{
                             "memory", [] { return std::make_unique<MemoryHarness>(); }}),
                         [](const auto& info) { return info.param.name; });

// Rules: R3
TEST(MemoryStore, LatchesWithTheStatusOfAnInjectedFault) {
  MemoryStoreOptions options;
  bool fail = false;
  options.after_commit = [&](const CommitGroup&) {
    return fail ? absl::UnavailableError("sync failed") : absl::OkStatus();
  };
  std::unique_ptr<Store> store = NewMemoryStore(options);
  EXPECT_TRUE(store->Commit({{MakeCommit("acme", 0, 1)}}).ok());
  fail = true;
  EXPECT_EQ(store->Commit({{MakeCommit("acme", 1, 2)}}).status().message(), "sync failed");
  fail = false;
  EXPECT_EQ(store->Commit({{MakeCommit("acme", 2, 3)}}).status().message(), "sync failed");
  EXPECT_EQ(store->PutSystem({{"a", "b"}}).message(), "sync failed");
  EXPECT_EQ(store->health().message(), "sync failed");
  // The result was unknown: here it had been written.
  EXPECT_EQ(*store->Revision("acme"), 2);
}

// Rules: D5
TEST(MemoryStore, SaysThatAKeyWouldBlockOnlyWhenAskedNotTo) {
  MemoryStoreOptions options;
  options.would_block = [](const LoadKey& key) { return key.kind == RecordKind::kMember; };
  std::unique_ptr<Store> store = NewMemoryStore(options);
  const std::vector<LoadKey> keys = {LoadKey::Header("acme"), LoadKey::Member("acme", "ann")};
  auto quick = store->Load(keys, LoadMode::kMemoryOnly);
  EXPECT_EQ((*quick)[0].state, LoadState::kAbsent);
  EXPECT_EQ((*quick)[1].state, LoadState::kWouldBlock);
  EXPECT_EQ((*store->Load(keys, LoadMode::kMayBlock))[1].state, LoadState::kAbsent);
}

}  // namespace
}  // namespace bursar
