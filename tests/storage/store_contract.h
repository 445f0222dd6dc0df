// What every store must do, whatever it keeps its bytes in: one suite (store_contract*.cc), run
// against each implementation by a test program that instantiates `StoreContract` with a harness.
//
// Thread rule: a harness is used by one thread; its store as store.h says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/support/test_seed.h"

namespace bursar {

// Owns a store that was empty when the harness was made.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  // Closes the store and opens it again with what it kept. A store that keeps nothing does nothing.
  virtual void Reopen() = 0;
};

struct StoreImplementation {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make;
};

class StoreContract : public testing::TestWithParam<StoreImplementation> {
 protected:
  StoreContract() : harness_(GetParam().make()) {}
  Store& store() { return harness_->store(); }
  void Reopen() { harness_->Reopen(); }

  // Commits one organization alone; fails the test when the store fails.
  CommitResult Commit(OrganizationCommit commit);

  std::unique_ptr<StoreHarness> harness_;
};

// The value of an answer that must not be an error.
template <typename T>
T Must(absl::StatusOr<T> answer) {
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? *std::move(answer) : T();
}

// The instant that tests start at.
absl::Time TestStart();

// A commit from `expected` to `revision` whose journal record names both.
OrganizationCommit MakeCommit(const std::string& organization_id, int64_t expected,
                              int64_t revision);

// The journal from a sequence on, to its end in that direction; fails the test on an error.
std::vector<JournalRecord> ReadAll(const Reader& reader, const std::string& organization_id,
                                   int64_t from_sequence, Direction direction);

// "1-3 4-4 …" of journal records, in the order given.
std::string Spans(const std::vector<JournalRecord>& records);

}  // namespace bursar
