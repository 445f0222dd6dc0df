// The bounds of what commands carry, each from both sides: what is refused names its field, and
// nothing is written.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/ledger/channels.h"
#include "server/ledger/increase_request.h"
#include "tests/ledger/postpaid_holds.h"

namespace bursar {
namespace {

using Fields = std::vector<std::string>;

// Rules: O1, H2
TEST(CommandBounds, OfAnOrganizationsPolicies) {
  TestWallet wallet("team");
  const auto refused = [&](const auto& change) {
    UpdateOrganizationCommand command;
    change(command);
    return RefusedFields(wallet.Administer(command).status());
  };
  const absl::Duration tick = absl::Nanoseconds(1);
  for (const absl::Duration ttl : {absl::Seconds(1) - tick, absl::Hours(24) + tick}) {
    EXPECT_EQ(refused([&](auto& command) { command.default_hold_ttl = ttl; }),
              Fields{"organization.default_hold_ttl"});
  }
  for (const absl::Duration ttl : {absl::Seconds(1), absl::Hours(24)}) {
    EXPECT_EQ(refused([&](auto& command) { command.default_hold_ttl = ttl; }), Fields{});
  }
  EXPECT_EQ(refused([](auto& command) { command.max_hold = Nanos(0); }),
            Fields{"organization.max_hold"});
  EXPECT_EQ(refused([](auto& command) { command.max_hold = Nanos(1); }), Fields{});
  for (const absl::Duration timeout : {absl::Minutes(1) - tick, absl::Hours(24 * 30) + tick}) {
    EXPECT_EQ(refused([&](auto& command) { command.payment_timeout = timeout; }),
              Fields{"organization.payment_timeout"});
  }
  for (const absl::Duration timeout : {absl::Minutes(1), absl::Hours(24 * 30)}) {
    EXPECT_EQ(refused([&](auto& command) { command.payment_timeout = timeout; }), Fields{});
  }
  EXPECT_EQ(refused([](auto& command) { command.low_balance_threshold = Nanos(-1); }),
            Fields{"organization.low_balance_threshold"});
  EXPECT_EQ(refused([](auto& command) { command.low_balance_threshold = Nanos(0); }), Fields{});
}

// Rules: X4
TEST(CommandBounds, OfAutoReload) {
  TestWallet wallet("api");
  const auto refused = [&](const auto& change) {
    UpdateAutoReloadCommand command;
    command.amount = Dollars(25);
    change(command);
    return RefusedFields(wallet.Administer(command).status());
  };
  EXPECT_EQ(refused([](auto& command) { command.amount = Nanos(0); }),
            Fields{"auto_reload.amount"});
  EXPECT_EQ(refused([](auto& command) { command.cool_down = -absl::Nanoseconds(1); }),
            Fields{"auto_reload.cool_down"});
  EXPECT_EQ(refused([](auto& command) { command.max_attempts_a_day = 101; }),
            Fields{"auto_reload.max_attempts_a_day"});
  EXPECT_EQ(refused([](auto& command) { command.failures_before_pause = 0; }),
            Fields{"auto_reload.failures_before_pause"});
  EXPECT_EQ(refused([](auto& command) {
              command.cool_down = absl::ZeroDuration();
              command.max_attempts_a_day = 100;
              command.failures_before_pause = 20;
            }),
            Fields{});
}

// Rules: L4
TEST(CommandBounds, OfATemporaryLimit) {
  TestWallet wallet("team");
  SetSpendLimitCommand command;
  command.limit.amount = Dollars(1);
  for (const absl::Time end : {wallet.now(), absl::InfiniteFuture()}) {
    command.expires_at = end;
    EXPECT_EQ(RefusedFields(wallet.Administer(command).status()), Fields{"expire_time"});
  }
}

// Rules: H2, H3
TEST_F(PostpaidHolds, AreBoundedInWhatTheyAskFor) {
  CheckAdmissionCommand command = CheckOf("ann");
  command.mode = AdmissionMode::kHold;
  command.estimate = Nanos(-1);
  EXPECT_EQ(RefusedFields(wallet_.Try<CheckAdmissionOutcome>(command).status()),
            Fields{"estimate"});
  const int64_t hold = wallet_.PlaceHold("ann", Dollars(1));
  for (const absl::Duration ttl :
       {absl::Seconds(1) - absl::Nanoseconds(1), absl::Hours(24) + absl::Nanoseconds(1)}) {
    EXPECT_EQ(RefusedFields(wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold, ttl}).status()),
              Fields{"hold_ttl"});
  }
}

// Rules: O3
TEST(CommandBounds, OfAMembersWords) {
  TestWallet wallet("team");
  const auto refused = [&](const std::string& email) {
    MemberChange change = ChangeOf("ann");
    change.email = email;
    return RefusedFields(wallet.Administer(UpsertMembersCommand{{change}}).status());
  };
  EXPECT_EQ(refused("ann\x7f@acme.example"), Fields{"members[0].email"});
  EXPECT_EQ(refused("ann @acme.example"), Fields{"members[0].email"});
  EXPECT_EQ(refused("ann@acme.example"), Fields{});
  MemberChange change = ChangeOf("ann");
  change.time_zone = "";
  EXPECT_EQ(RefusedFields(wallet.Administer(UpsertMembersCommand{{change}}).status()), Fields{});
}

// Rules: N2
TEST(CommandBounds, OfAFilterOfEvents) {
  EXPECT_TRUE(IsEventFilter("a1.z_9"));
  EXPECT_TRUE(IsEventFilter("payment.*"));
  for (const std::string& bad : {std::string(), std::string(1000, 'a'), std::string("{"),
                                 std::string("limit./"), std::string("limit.:")}) {
    EXPECT_FALSE(IsEventFilter(bad)) << bad;
  }
  EXPECT_FALSE(EventPasses({""}, "limit.runaway"));
}

// Rules: Q4
TEST(CommandBounds, OfAnAnswerToAnEpisode) {
  EXPECT_EQ(EpisodeAnswerText(EpisodeAnswerKind::kWaitingForReset, ""), "We wait for the reset.");
  EXPECT_EQ(EpisodeAnswerText(EpisodeAnswerKind::kWaitingForReset, "Sorry."),
            "We wait for the reset. Sorry.");
  EXPECT_EQ(EpisodeAnswerText(EpisodeAnswerKind::kWorkingOnIt, ""), "We are working on it.");
  EXPECT_EQ(EpisodeAnswerText(EpisodeAnswerKind::kWorkingOnIt, "Soon."),
            "We are working on it. Soon.");
  EXPECT_EQ(EpisodeAnswerText(EpisodeAnswerKind::kNote, "Ask Bob."), "Ask Bob.");
}

}  // namespace
}  // namespace bursar
