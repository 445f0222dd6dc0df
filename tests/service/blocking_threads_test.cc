// Threads for work that may block.
#include "server/service/rpc/blocking_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace bursar {
namespace {

TEST(BlockingThreads, AsMuchRunsAtOnceAsThereAreThreadsAndNoMoreWaitsThanMay) {
  BlockingThreads threads(3, 2);
  std::latch running(3), released(1);
  std::atomic<int> done = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(threads.Post([&] {
      running.count_down();
      released.wait();
      ++done;
    }));
  }
  running.wait();
  EXPECT_TRUE(threads.Post([&] { ++done; }));
  EXPECT_TRUE(threads.Post([&] { ++done; }));
  EXPECT_FALSE(threads.Post([&] { ++done; }));
  released.count_down();
  threads.Stop();
  EXPECT_EQ(done, 5);
  EXPECT_FALSE(threads.Post([&] { ++done; }));
  threads.Stop();
  EXPECT_EQ(done, 5);
}

TEST(BlockingThreads, ThreadTakesOneWorkAfterTheOther) {
  BlockingThreads threads(1, 1000);
  int sum = 0;  // Of one thread: no lock.
  for (int i = 1; i <= 1000; ++i) {
    while (!threads.Post([&sum, i] { sum += i; })) {
    }
  }
  threads.Stop();
  EXPECT_EQ(sum, 500'500);
}

}  // namespace
}  // namespace bursar
