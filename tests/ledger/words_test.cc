// Words for scopes and periods, and what an entry touches: each value has its own.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/ledger/limit_words.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

Evaluation LimitAt(Scope scope, PeriodKind period) {
  Evaluation bound;
  bound.source = BoundSource::kSpendLimit;
  bound.scope = scope;
  bound.scope_id = "x";
  bound.period = period;
  return bound;
}

// Rules: L1
TEST(LimitWords, EveryScopeAndPeriodHasItsOwn) {
  const PeriodKind month = PeriodKind::kMonth;
  EXPECT_EQ(WhoseLimit(LimitAt(Scope::kMember, month)), "your");
  EXPECT_EQ(WhoseLimit(LimitAt(Scope::kSeatTier, month)), "your seat tier's");
  for (const Scope scope : {Scope::kOrganization, Scope::kSurface, Scope::kModel}) {
    EXPECT_EQ(WhoseLimit(LimitAt(scope, month)), "the organization's");
  }
  EXPECT_EQ(WhoseLimit(LimitAt(Scope::kOrganization, PeriodKind::kHour)), "your");
  EXPECT_EQ(LimitName(LimitAt(Scope::kMember, month)), "spend limit");
  EXPECT_EQ(LimitName(LimitAt(Scope::kSurface, PeriodKind::kDay)), "daily spend limit for x");
  EXPECT_EQ(LimitName(LimitAt(Scope::kModel, PeriodKind::kWeek)), "weekly spend limit for x");
  EXPECT_EQ(LimitKeyWords({Scope::kOrganization, "acme", PeriodKind::kHour}),
            "hourly spend limit of the organization");
  EXPECT_EQ(ScopeWords(Scope::kSeatTier, "premium"), "seat tier premium");
  EXPECT_EQ(ScopeWords(Scope::kMember, "ann"), "member ann");
  EXPECT_EQ(ScopeWords(Scope::kSurface, "chat"), "surface chat");
  EXPECT_EQ(ScopeWords(Scope::kModel, "m"), "model m");
  std::set<std::string_view> words;
  for (const Scope scope :
       {Scope::kOrganization, Scope::kSeatTier, Scope::kMember, Scope::kSurface, Scope::kModel}) {
    EXPECT_TRUE(words.insert(ScopeWord(scope)).second);
  }
  std::set<std::string> periods;
  for (const PeriodKind period :
       {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay, PeriodKind::kHour}) {
    EXPECT_TRUE(periods.insert(PerPeriod(period)).second);
  }
}

Entry EntryOf(EntryBody body) {
  Entry entry;
  entry.sequence = 40;
  entry.body = std::move(body);
  return entry;
}

// Rules: J1
TEST(Apply, NamesTheHoldThatAnEntryTouches) {
  UsageCharged charge;
  charge.hold_sequence = 7;
  EXPECT_EQ(HoldTouched(EntryOf(charge)), 7);
  EXPECT_EQ(HoldTouched(EntryOf(HoldPlaced{})), 40);
  EXPECT_EQ(HoldTouched(EntryOf(HoldExtended{8, "ann", Start()})), 8);
  EXPECT_EQ(HoldTouched(EntryOf(HoldEnded{9, "ann", HoldEnd::kReleased, {}, {}})), 9);
  EntryReversed reversed;
  reversed.reversed_sequence = 3;
  reversed.hold_sequence = 10;
  EXPECT_EQ(HoldTouched(EntryOf(reversed)), 10);
  EXPECT_EQ(HoldTouched(EntryOf(CreditGranted{})), 0);
}

// Rules: J1
TEST(Apply, NamesTheRequestPaymentOrChargeThatAnEntryTouches) {
  EXPECT_EQ(RequestTouched(EntryOf(IncreaseRequested{})), 40);
  IncreaseDecided decided;
  decided.request_sequence = 5;
  EXPECT_EQ(RequestTouched(EntryOf(decided)), 5);
  EXPECT_EQ(RequestTouched(EntryOf(CreditGranted{})), 0);
  PaymentFinished finished;
  finished.payment_sequence = 6;
  EXPECT_EQ(PaymentTouched(finished), 6);
  ChargedBack back;
  back.payment_sequence = 7;
  EXPECT_EQ(PaymentTouched(back), 7);
  CreditGranted granted;
  granted.payment_sequence = 8;
  EXPECT_EQ(PaymentTouched(granted), 8);
  EXPECT_EQ(PaymentTouched(DigestScheduled{}), 0);
  EntryReversed reversed;
  reversed.reversed_sequence = 3;
  EXPECT_EQ(ReversalTouched(reversed), 3);
  // That of a captured hold is kept with the hold.
  reversed.hold_sequence = 10;
  EXPECT_EQ(ReversalTouched(reversed), 0);
  EXPECT_EQ(ReversalTouched(granted), 0);
}

}  // namespace
}  // namespace bursar
