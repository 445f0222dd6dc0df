#include "client/cli/zipf.h"

#include <gtest/gtest.h>

#include <vector>

namespace bursar::cli {
namespace {

TEST(Zipf, SameSeedPicksAlikeForEver) {
  // Pinned: a replay that was begun by an earlier build must go on with the same members.
  const Zipf zipf(20, 1);
  std::vector<int64_t> picks;
  for (uint64_t i = 0; i < 12; ++i) picks.push_back(zipf.Pick(i));
  EXPECT_EQ(picks, (std::vector<int64_t>{1, 14, 7, 3, 12, 6, 0, 2, 0, 0, 8, 0}));
}

TEST(Zipf, AnotherSeedSpreadsOtherwise) {
  const Zipf a(20, 1);
  const Zipf b(20, 2);
  int different = 0;
  for (uint64_t i = 0; i < 1000; ++i) different += a.Pick(i) != b.Pick(i) ? 1 : 0;
  EXPECT_GT(different, 500);
}

TEST(Zipf, SharesFallAsOneOverRank) {
  constexpr int kMembers = 10;
  constexpr int kDraws = 200'000;
  const Zipf zipf(kMembers, 42);
  std::vector<int> counts(kMembers, 0);
  for (uint64_t i = 0; i < kDraws; ++i) {
    const int64_t pick = zipf.Pick(i);
    ASSERT_GE(pick, 0);
    ASSERT_LT(pick, kMembers);
    ++counts[static_cast<size_t>(pick)];
  }
  // The harmonic number of ten is 7381/2520; each share within two percent of what it should be.
  for (int k = 1; k <= kMembers; ++k) {
    const double expected = static_cast<double>(kDraws) * 2520 / 7381 / k;
    EXPECT_NEAR(counts[static_cast<size_t>(k - 1)], expected, expected * 0.02) << k;
  }
}

TEST(Zipf, OneMemberGetsEverything) {
  const Zipf zipf(1, 7);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(zipf.Pick(i), 0);
}

}  // namespace
}  // namespace bursar::cli
