// Signals to those who watch a wallet: durable news only, of their own wallet, none lost.
#include "server/engine/wallet_signals.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

// Rules: N5
TEST(WalletSignals, WatcherLearnsTheFarthestRevisionOfItsOwnWallet) {
  WalletSignals signals;
  signals.Publish("acme", 5);
  const auto watcher = signals.Watch("acme");
  const auto other = signals.Watch("other");
  EXPECT_EQ(watcher->Latest(), 0);
  signals.Publish("acme", 7);
  signals.Publish("acme", 9);
  EXPECT_EQ(watcher->WaitBeyond(8, absl::Hours(1)), 9);
  EXPECT_EQ(watcher->WaitBeyond(9, absl::ZeroDuration()), 9);
  EXPECT_EQ(other->Latest(), 0);
}

// Rules: N5
TEST(WalletSignals, WaitingWatcherIsWokenFromAnotherThread) {
  WalletSignals signals;
  const auto first = signals.Watch("acme");
  auto second = signals.Watch("acme");
  std::thread publisher([&] {
    for (int64_t revision = 1; revision <= 1000; ++revision) signals.Publish("acme", revision);
  });
  int64_t seen = 0;
  while (seen < 1000) {
    const int64_t next = first->WaitBeyond(seen, absl::Hours(1));
    EXPECT_GT(next, seen);
    seen = next;
  }
  publisher.join();
  EXPECT_EQ(second->Latest(), 1000);
  second = nullptr;
  signals.Publish("acme", 1001);
  EXPECT_EQ(first->Latest(), 1001);
}

class EngineSignals : public EngineTest {};
BURSAR_ENGINE_SUITE(EngineSignals);

// Rules: N5, R3
TEST_P(EngineSignals, WalletIsSignalledWhenItIsDurableAndNotBefore) {
  SetUpAcme("team");
  const auto watcher = engine().signals().Watch("acme");
  store().CloseGate();
  const auto record = StartRecord("acme", "ann", Nanos::Units(1), "request-1");
  store().AwaitCommitAtGate();
  EXPECT_EQ(watcher->Latest(), 0);
  store().OpenGate();
  const auto reply = record->Wait();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(watcher->WaitBeyond(reply->revision - 1, absl::Hours(1)), reply->revision);
  EXPECT_EQ(Journal("acme").back().sequence, reply->revision);
}

}  // namespace
}  // namespace bursar
