// Records on disk: whatever is encoded decodes to the same, and whatever is damaged is refused.
#include "server/engine/record_codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "server/base/sha256.h"
#include "server/engine/request_codec.h"
#include "tests/engine/drawn_records.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

// Every field of a body, for comparison; a field that is added breaks the build until it is here.
auto Fields(const OrganizationCreated& body) {
  const auto& [id, settings] = body;
  return std::tie(id, settings);
}
auto Fields(const OrganizationUpdated& body) {
  const auto& [settings, pending, changes] = body;
  return std::tie(settings, pending, changes);
}
auto Fields(const MemberUpserted& body) {
  const auto& [settings, created, automatic, changes] = body;
  return std::tie(settings, created, automatic, changes);
}
auto Fields(const ExtraUsageUpdated& body) {
  const auto& [enabled, audience, generation, selected, changes] = body;
  return std::tie(enabled, audience, generation, selected, changes);
}
auto Fields(const SpendLimitSet& body) {
  const auto& [scope, scope_id, limit, changes, period] = body;
  return std::tie(scope, scope_id, limit, changes, period);
}
auto Fields(const CreditGranted& body) {
  const auto& [kind, amount, expires_at, reference, repaid, refund_of, payment] = body;
  return std::tie(kind, amount, expires_at, reference, repaid, refund_of, payment);
}
auto Fields(const CreditExpired& body) {
  const auto& [sequence, amount] = body;
  return std::tie(sequence, amount);
}
auto Fields(const WindowOpened& body) {
  const auto& [scope, member_id, kind, window, previous] = body;
  return std::tie(scope, member_id, kind, window, previous);
}
auto Fields(const MonthOpened& body) {
  const auto& [scope, scope_id, month, previous] = body;
  return std::tie(scope, scope_id, month, previous);
}
auto Fields(const UsageCharged& body) {
  const auto& [member, tier, surface, provider, model, usage, occurred_at, cost, included, extra,
               metered, overshoot, kind, draws, overdraft, card, fallback, unadmitted, unseated,
               admission_id, admission_status, session, labels, hold, ends, released_included,
               released_extra, of_pool, captured] = body;
  return std::tie(member, tier, surface, provider, model, usage, occurred_at, cost, included, extra,
                  metered, overshoot, kind, draws, overdraft, card, fallback, unadmitted, unseated,
                  admission_id, admission_status, session, labels, hold, ends, released_included,
                  released_extra, of_pool, captured);
}
auto Fields(const HoldPlaced& body) {
  const auto& [hold, labels] = body;
  return std::tie(hold, labels);
}
auto Fields(const HoldExtended& body) {
  const auto& [sequence, member_id, expires_at] = body;
  return std::tie(sequence, member_id, expires_at);
}
auto Fields(const HoldEnded& body) {
  const auto& [sequence, member_id, end, included, extra] = body;
  return std::tie(sequence, member_id, end, included, extra);
}
auto Fields(const EntryReversed& body) {
  const auto& [sequence, hold, facts, included, extra, metered, month, pool, week, day, hour,
               windows, reason] = body;
  return std::tie(sequence, hold, facts, included, extra, metered, month, pool, week, day, hour,
                  windows, reason);
}
auto Fields(const ExtraUsageConfirmed& body) {
  const auto& [member_id, window] = body;
  return std::tie(member_id, window);
}
auto Fields(const CrossingNoticed& body) {
  const auto& [member_id, surface, window] = body;
  return std::tie(member_id, surface, window);
}
auto Fields(const NotificationChannelsSet& body) {
  const auto& [channels, changes] = body;
  return std::tie(channels, changes);
}
auto Fields(const DigestScheduled& body) {
  const auto& [next, outstanding, is_due] = body;
  return std::tie(next, outstanding, is_due);
}
auto Fields(const StatementOpened& body) {
  const auto& [period] = body;
  return std::tie(period);
}
auto Fields(const StatementFinalized& body) {
  const auto& [period, first, totals, balance, overdraft, closing, closing_overdraft] = body;
  return std::tie(period, first, totals, balance, overdraft, closing, closing_overdraft);
}
auto Fields(const EpisodeOpened& body) {
  const auto& [balance, member_id, surface] = body;
  return std::tie(balance, member_id, surface);
}
auto Fields(const EpisodeEnded& body) {
  const auto& [sequence, cause] = body;
  return std::tie(sequence, cause);
}
auto Fields(const PendingChangeApplied& body) {
  const auto& [settings, seat] = body;
  return std::tie(settings, seat);
}

auto Fields(const IncreaseRequested& body) {
  const auto& [request] = body;
  return std::tie(request);
}
auto Fields(const IncreaseDecided& body) {
  const auto& [sequence, member_id, kind, state, note, granted, until] = body;
  return std::tie(sequence, member_id, kind, state, note, granted, until);
}
auto Fields(const MemberSelected& body) {
  const auto& [member_id] = body;
  return std::tie(member_id);
}
auto Fields(const EpisodeAnswered& body) {
  const auto& [sequence, kind, note] = body;
  return std::tie(sequence, kind, note);
}
auto Fields(const PaymentRequested& body) {
  const auto& [payment, day, not_before] = body;
  return std::tie(payment, day, not_before);
}
auto Fields(const PaymentSent& body) {
  const auto& [sequence] = body;
  return std::tie(sequence);
}
auto Fields(const PaymentFinished& body) {
  const auto& [sequence, kind, state, amount, late, code, message, reference, pause, failures,
               not_before] = body;
  return std::tie(sequence, kind, state, amount, late, code, message, reference, pause, failures,
                  not_before);
}
auto Fields(const AutoReloadUpdated& body) {
  const auto& [settings, metered, resumed, changes] = body;
  return std::tie(settings, metered, resumed, changes);
}
auto Fields(const ChargedBack& body) {
  const auto& [sequence, amount, draws, overdraft, billed, pause, reason] = body;
  return std::tie(sequence, amount, draws, overdraft, billed, pause, reason);
}
auto Fields(const LowBalanceNoticed& body) {
  const auto& [threshold, balance] = body;
  return std::tie(threshold, balance);
}
auto Fields(const PeriodsOpened& body) {
  const auto& [week, day, previous_week, previous_day] = body;
  return std::tie(week, day, previous_week, previous_day);
}
auto Fields(const ThresholdNoticed& body) {
  const auto& [scope, scope_id, member_id, period, window, percent, limit, sequence, surface] =
      body;
  return std::tie(scope, scope_id, member_id, period, window, percent, limit, sequence, surface);
}
auto Fields(const LimitRaiseExpired& body) {
  const auto& [scope, scope_id, period, changes] = body;
  return std::tie(scope, scope_id, period, changes);
}
auto Fields(const PlanChanged& body) {
  const auto& [plan_id, funding, billed, changes] = body;
  return std::tie(plan_id, funding, billed, changes);
}

bool SameBody(const EntryBody& a, const EntryBody& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& left) {
        return Fields(left) == Fields(std::get<std::decay_t<decltype(left)>>(b));
      },
      a);
}

constexpr size_t kBodyKinds = std::variant_size_v<AnyEntryBody>;

Entry DrawEntry(Draw& draw, int64_t sequence, size_t kind) {
  Entry entry;
  entry.sequence = sequence;
  entry.recorded_at = draw.Instant();
  entry.cause = {draw.Text(), draw.Text(), draw.RequestId()};
  entry.body = draw.Body(kind);
  return entry;
}

// Rules: J1, M1
TEST(RecordCodec, HeadersComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const WalletHeader header = draw.Header();
    const std::string chain_hash = Sha256({draw.Text()});
    const auto decoded = DecodeHeader(EncodeHeader(header, chain_hash));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(decoded->header == header) << "header " << i;
    ASSERT_EQ(decoded->chain_hash, chain_hash);
  }
}

// Rules: J1, M1
TEST(RecordCodec, MembersComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const Member member = draw.AnyMember();
    const auto decoded = DecodeMember(EncodeMember(member));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(*decoded == member) << "member " << i;
  }
}

// Rules: H3, H5, R7
TEST(RecordCodec, HoldsAndReversalsComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const Hold hold = draw.AnyHold(true);
    const auto decoded = DecodeHold(EncodeHold(hold));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(*decoded == hold) << "hold " << i;
    const EndedHold ended = draw.AnyEndedHold();
    const auto decoded_ended = DecodeEndedHold(EncodeEndedHold(ended));
    ASSERT_TRUE(decoded_ended.ok()) << decoded_ended.status();
    ASSERT_TRUE(*decoded_ended == ended) << "ended hold " << i;
    const Reversal reversal = draw.AnyReversal();
    const auto decoded_reversal = DecodeReversal(EncodeReversal(reversal));
    ASSERT_TRUE(decoded_reversal.ok()) << decoded_reversal.status();
    ASSERT_TRUE(*decoded_reversal == reversal) << "reversal " << i;
  }
}

// Rules: Q1
TEST(RecordCodec, RequestsForMoreComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const IncreaseRequest request = draw.Request();
    const auto decoded = DecodeRequest(EncodeRequest(request));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(*decoded == request) << "request " << i;
  }
}

// Rules: H5
TEST(RecordCodec, KeysOfHoldsSortAsTheirSequences) {
  const std::vector<int64_t> sequences = {1, 2, 255, 256, 65'535, 65'536, INT64_MAX};
  for (size_t i = 0; i + 1 < sequences.size(); ++i) {
    EXPECT_LT(SequenceKey(sequences[i]), SequenceKey(sequences[i + 1]));
  }
}

// Rules: J1, R5, A4
TEST(RecordCodec, EntriesOfEveryKindComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 300; ++i) {
    std::vector<Entry> entries;
    const int64_t first = static_cast<int64_t>(draw.Below(1'000'000)) + 1;
    for (size_t kind = 0; kind < kBodyKinds; ++kind) {
      for (uint64_t more = draw.Below(3); more > 0; --more) {
        entries.push_back(DrawEntry(draw, first + static_cast<int64_t>(entries.size()), kind));
      }
    }
    if (entries.empty()) continue;
    const EncodedJournal encoded = EncodeJournal(FirstChainHash("acme"), entries);
    const auto decoded = DecodeJournal(encoded.bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->chain_hash, encoded.chain_hash);
    ASSERT_EQ(decoded->entries.size(), entries.size());
    for (size_t k = 0; k < entries.size(); ++k) {
      const Entry& entry = decoded->entries[k];
      EXPECT_EQ(entry.sequence, entries[k].sequence);
      EXPECT_EQ(entry.recorded_at, entries[k].recorded_at);
      EXPECT_EQ(entry.cause.actor, entries[k].cause.actor);
      EXPECT_EQ(entry.cause.caller, entries[k].cause.caller);
      EXPECT_EQ(entry.cause.request_id, entries[k].cause.request_id);
      EXPECT_TRUE(SameBody(entry.body, entries[k].body)) << "kind " << entries[k].body.index();
    }
  }
}

Delivery DrawDelivery(Draw& draw) {
  Delivery delivery;
  delivery.recipients = draw.Many([&] {
    return Recipient{
        draw.Any(RecipientChannel::kMail, RecipientChannel::kWebhook), draw.Text(), draw.Text(),
        draw.Any(RecipientState::kPending, RecipientState::kDead),     draw.Int(),  draw.Instant(),
        draw.Bool() ? draw.Instant() : absl::InfinitePast(),           draw.Text()};
  });
  delivery.shares = draw.Many([&] {
    return UsageShare{draw.Bool(),
                      draw.Text(),
                      draw.Text(),
                      draw.Text(),
                      static_cast<int>(draw.Below(101)),
                      static_cast<int>(draw.Below(101))};
  });
  delivery.started_at = draw.Instant();
  if (draw.Bool()) delivery.replan_at = draw.Instant();
  delivery.nobody = draw.Bool();
  delivery.waiting = draw.Many([&] {
    return WaitingRequest{draw.Text(), draw.Text(), draw.Text(), draw.Instant()};
  });
  delivery.more_waiting = draw.Int();
  return delivery;
}

// Rules: R2, N1
TEST(RecordCodec, RememberedRequestsAndNoticesComeBackAsTheyWere) {
  Draw draw(TestSeed());
  for (int i = 0; i < 500; ++i) {
    RememberedRequest request = {draw.Text(), static_cast<int64_t>(draw.Below(1000)) + 1, 0,
                                 draw.Text()};
    request.revision = request.sequence + static_cast<int64_t>(draw.Below(3));
    const auto remembered = DecodeRemembered(EncodeRemembered(request));
    ASSERT_TRUE(remembered.ok()) << remembered.status();
    EXPECT_EQ(*remembered, request);
    const uint32_t kind = draw.Bool() ? 1 + static_cast<uint32_t>(draw.Below(45)) : 4711;
    StoredNotice notice = {NoticeKind{kind}, draw.Bool(), draw.Instant(),
                           draw.Int(),       draw.Text(), draw.Text()};
    notice.facts = draw.Many([&] {
      return NoticeFact{draw.Text(), draw.Any(FactKind::kWords, FactKind::kSwitch), draw.Int(),
                        draw.Text()};
    });
    notice.changes = draw.Changes();
    notice.delivery = draw.Maybe([&] { return DrawDelivery(draw); });
    const auto stored = DecodeNotice(EncodeNotice(notice));
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(*stored, notice);
  }
}

// Rules: J1
TEST(RecordCodec, ChainHashesCoverEveryByteOfTheEntriesAndTheHashBefore) {
  Draw draw(7);
  const std::vector<Entry> entries = {DrawEntry(draw, 5, 9), DrawEntry(draw, 6, 5)};
  const std::string before = Sha256({"before"});
  const EncodedJournal encoded = EncodeJournal(before, entries);
  EXPECT_EQ(ExpectedChainHash(before, encoded.bytes).value(), encoded.chain_hash);
  EXPECT_NE(ExpectedChainHash(Sha256({"else"}), encoded.bytes).value(), encoded.chain_hash);
  EXPECT_NE(EncodeJournal(Sha256({"else"}), entries).chain_hash, encoded.chain_hash);
  EXPECT_NE(FirstChainHash("acme"), FirstChainHash("acne"));
  int accepted = 0;
  for (size_t place = 0; place < encoded.bytes.size(); ++place) {
    std::string flipped = encoded.bytes;
    flipped[place] = static_cast<char>(flipped[place] ^ 1);
    const auto decoded = DecodeJournal(flipped);
    if (!decoded.ok()) continue;
    const auto expected = ExpectedChainHash(before, flipped);
    if (expected.ok() && *expected == decoded->chain_hash) ++accepted;
  }
  EXPECT_EQ(accepted, 0);
}

// Rules: J1
TEST(RecordCodec, DamagedBytesAreDataLossAndNeverACrash) {
  Draw draw(TestSeed());
  std::vector<Entry> entries;
  for (size_t kind = 0; kind < kBodyKinds; ++kind) {
    entries.push_back(DrawEntry(draw, static_cast<int64_t>(kind) + 1, kind));
  }
  const std::string journal = EncodeJournal(FirstChainHash("acme"), entries).bytes;
  const std::string header = EncodeHeader(draw.Header(), Sha256({"x"}));
  const std::string member = EncodeMember(draw.AnyMember());
  EndedHold captured = draw.AnyEndedHold();
  captured.end = HoldEnd::kCaptured;
  captured.capture = draw.AnyReversal();
  const std::string ended = EncodeEndedHold(captured);
  const auto expect_data_loss = [](const absl::Status& status) {
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    }
    return status.ok() ? 0 : 1;
  };
  int refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    for (std::string bytes : {journal, header, member, ended}) {
      for (uint64_t flips = draw.Below(4) + 1; flips > 0; --flips) {
        bytes[draw.Below(bytes.size())] = static_cast<char>(draw.Below(256));
      }
      if (draw.Below(8) == 0) bytes.resize(draw.Below(bytes.size()));
      refused += expect_data_loss(DecodeJournal(bytes).status());
      refused += expect_data_loss(DecodeHeader(bytes).status());
      refused += expect_data_loss(DecodeMember(bytes).status());
      refused += expect_data_loss(DecodeHold(bytes).status());
      refused += expect_data_loss(DecodeEndedHold(bytes).status());
      refused += expect_data_loss(DecodeReversal(bytes).status());
      refused += expect_data_loss(DecodeRemembered(bytes).status());
      refused += expect_data_loss(DecodeNotice(bytes).status());
      refused += expect_data_loss(DecodeRequest(bytes).status());
    }
  }
  EXPECT_GT(refused, 50'000);
}

// Rules: R5
TEST(RecordCodec, ARecordWithoutLabelsIsSmall) {
  const auto entry = [](int64_t sequence) {
    Entry made;
    made.sequence = sequence;
    made.recorded_at = absl::FromUnixSeconds(1'790'000'000) + absl::Milliseconds(sequence);
    made.cause = {"", "frontend", "0195e7c2-7c1a-7b3e-9f00-0123456789ab"};
    UsageCharged charge;
    charge.member_id = "member-17";
    charge.tier_id = "standard";
    charge.surface = "claude-code";
    charge.provider = "anthropic";
    charge.model = "claude-haiku-4-5";
    charge.usage = Usage{1523, 211, 0, 0, 40'000, 0, {}, "", ""};
    charge.occurred_at = made.recorded_at - absl::Seconds(3);
    charge.cost = charge.extra = Nanos(6'578'000);
    charge.grant_draws = {{12, Nanos(6'578'000)}};
    charge.price_card = "anthropic/claude-haiku-4-5/2025-10-15@genai-prices-0.1.8";
    made.body = charge;
    return made;
  };
  const size_t alone = EncodeJournal(FirstChainHash("acme"), {entry(1)}).bytes.size();
  std::vector<Entry> many;
  for (int64_t i = 1; i <= 64; ++i) many.push_back(entry(i));
  const size_t together = EncodeJournal(FirstChainHash("acme"), many).bytes.size() / many.size();
  RecordProperty("alone_bytes", static_cast<int>(alone));
  RecordProperty("in_a_group_bytes", static_cast<int>(together));
  std::cout << "alone " << alone << " bytes, in a group of 64 " << together << " bytes\n";
  EXPECT_LE(together, 150);
  EXPECT_LE(alone, 270);
}

}  // namespace
}  // namespace bursar
