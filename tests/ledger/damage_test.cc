// What a journal says of holds, refunds and payments must fit the wallet that it is folded into,
// and a wallet that was damaged otherwise breaks an invariant.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/ledger/payment_fixture.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

// Entries of the sample below, by what they did.
struct Names {
  int64_t hold = 0;      // Open, of ann, all of it extra usage.
  int64_t released = 0;  // A hold that ended.
  int64_t charge = 0;    // Of ann.
  int64_t waiting = 0;   // A payment that waits to be sent.
  int64_t paid = 0;      // One that was credited.
};

// A wallet in which ann holds and has spent, and two payments were opened.
Wallet Sample(Names* names) {
  TestWallet wallet("team");
  wallet.AddMember("ann").AddMember("bob").ExtraForEveryone().Grant(Dollars(50));
  wallet.Limit(Scope::kSurface, "chat", Dollars(40));
  wallet.Record("ann", Dollars(8));
  names->charge = wallet.LastCharge();
  names->released = wallet.PlaceHold("ann", Dollars(1));
  ReleaseAdmissionCommand release;
  release.sequence = names->released;
  EXPECT_TRUE(wallet.Try<HoldOutcome>(release).ok());
  names->hold = wallet.PlaceHold("ann", Dollars(2));
  names->paid = Buy(wallet, Dollars(30));
  wallet.Do(Success(names->paid));
  names->waiting = Buy(wallet, Dollars(20));
  return wallet.wallet();
}

using Cases = std::vector<std::pair<std::string, EntryBody>>;

void ExpectDamage(const Cases& cases) {
  for (const auto& [what, body] : cases) {
    Names names;
    Wallet wallet = Sample(&names);
    EXPECT_EQ(Apply(wallet, NextEntry(wallet, body)).code(), absl::StatusCode::kDataLoss) << what;
  }
}

HoldPlaced PlacedFor(const std::string& member_id, Nanos included, Nanos extra,
                     absl::Duration lives) {
  HoldPlaced placed;
  placed.hold.member_id = member_id;
  placed.hold.tier_id = "standard";
  placed.hold.included = included;
  placed.hold.extra = extra;
  placed.hold.expires_at = Start() + lives;
  return placed;
}

UsageCharged SettlementFor(const std::string& member_id, int64_t hold, Nanos included,
                           Nanos extra) {
  UsageCharged charge;
  charge.member_id = member_id;
  charge.tier_id = "standard";
  charge.hold_sequence = hold;
  charge.released_included = included;
  charge.released_extra = extra;
  charge.hold_ends = true;
  return charge;
}

// Rules: J1, H3
TEST(Damage, HoldsThatCannotBe) {
  Names names;
  const Wallet sample = Sample(&names);
  const Hold& hold = sample.holds.at(names.hold);
  const Nanos more = Nanos(hold.extra.value + 1);
  const Nanos less = Nanos(hold.extra.value - 1);
  ASSERT_GT(hold.extra.value, 0);
  ExpectDamage({
      {"of nobody", PlacedFor("nobody", Nanos(), Cents(1), absl::Hours(1))},
      {"of less than nothing", PlacedFor("ann", Nanos(), Cents(-1), absl::Hours(1))},
      {"of less than nothing included", PlacedFor("ann", Cents(-1), Cents(2), absl::Hours(1))},
      {"that never lives", PlacedFor("ann", Nanos(), Cents(1), absl::Hours(-24))},
      {"extended, not open", HoldExtended{names.released, "ann", Start() + absl::Hours(9)}},
      {"ended, not open", HoldEnded{names.released, "ann", HoldEnd::kReleased, {}, {}}},
      {"ended with more", HoldEnded{names.hold, "ann", HoldEnd::kExpired, {}, more}},
      {"ended with more included",
       HoldEnded{names.hold, "ann", HoldEnd::kExpired, Nanos(hold.included.value + 1), {}}},
      {"ended with less than nothing",
       HoldEnded{names.hold, "ann", HoldEnd::kExpired, {}, Nanos(-1)}},
      {"ended with less than nothing included",
       HoldEnded{names.hold, "ann", HoldEnd::kExpired, Nanos(-1), {}}},
      {"ended with a rest", HoldEnded{names.hold, "ann", HoldEnd::kExpired, hold.included, less}},
      {"settled, not open", SettlementFor("ann", names.released, Nanos(), Nanos())},
      {"settled by another", SettlementFor("bob", names.hold, hold.included, hold.extra)},
      {"settled with more", SettlementFor("ann", names.hold, hold.included, more)},
  });
}

// Rules: J1, H3
TEST(Damage, AHoldOfWhatIsNotHeld) {
  const std::vector<std::pair<std::string, std::function<void(Wallet&)>>> damages = {
      {"by the organization", [](Wallet& w) { w.header.held_extra = Amount(); }},
      {"by the member", [](Wallet& w) { w.members.at("ann").held_extra = Amount(); }},
      {"by the tier", [](Wallet& w) { w.header.tiers[0].held_extra = Amount(); }},
      {"by the surface",
       [](Wallet& w) {
         for (NamedScope& named : w.header.named_scopes) named.held_extra = Amount();
       }},
  };
  for (const auto& [what, damage] : damages) {
    Names names;
    Wallet wallet = Sample(&names);
    const Hold hold = wallet.holds.at(names.hold);
    damage(wallet);
    const HoldEnded ended{names.hold, "ann", HoldEnd::kExpired, hold.included, hold.extra};
    EXPECT_EQ(Apply(wallet, NextEntry(wallet, ended)).code(), absl::StatusCode::kDataLoss) << what;
  }
}

// Rules: J1, R7
TEST(Damage, RefundsOfWhatWasNotCharged) {
  Names names;
  const Wallet sample = Sample(&names);
  EntryReversed whole;
  whole.reversed_sequence = names.charge;
  whole.facts.member_id = "ann";
  whole.facts.tier_id = "standard";
  whole.facts.included = Dollars(5);
  whole.facts.extra = Dollars(3);
  EntryReversed of_nobody = whole;
  of_nobody.facts.member_id = "nobody";
  EntryReversed of_no_capture = whole;
  of_no_capture.hold_sequence = names.released;
  EntryReversed of_no_hold = whole;
  of_no_hold.hold_sequence = names.hold + 1000;
  EntryReversed included = whole;
  included.included = Dollars(6);
  EntryReversed extra = whole;
  extra.extra = Dollars(4);
  EntryReversed metered = whole;
  metered.metered = Cents(1);
  ExpectDamage({{"of nobody", of_nobody},
                {"of a hold that was not captured", of_no_capture},
                {"of no hold", of_no_hold},
                {"of more included usage", included},
                {"of more extra usage", extra},
                {"of metered usage that was none", metered}});
  // What was reversed before is remembered with the charge: other facts are of another.
  Wallet wallet = sample;
  ASSERT_TRUE(Apply(wallet, NextEntry(wallet, whole)).ok());
  EntryReversed other = whole;
  other.facts.extra = Dollars(4);
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, other)).code(), absl::StatusCode::kDataLoss);
}

PaymentRequested RequestFor(Nanos amount, PaymentKind kind, PaymentState state) {
  PaymentRequested requested;
  requested.payment.amount = amount;
  requested.payment.kind = kind;
  requested.payment.state = state;
  return requested;
}

PaymentFinished FinishOf(int64_t payment, Nanos amount, PaymentKind kind = PaymentKind::kPurchase) {
  PaymentFinished finished;
  finished.payment_sequence = payment;
  finished.amount = amount;
  finished.kind = kind;
  return finished;
}

ChargedBack BackOf(int64_t payment, Nanos amount, std::vector<GrantDraw> draws, Nanos overdraft) {
  ChargedBack back;
  back.payment_sequence = payment;
  back.amount = amount;
  back.grant_draws = std::move(draws);
  back.overdraft = overdraft;
  return back;
}

CreditGranted CreditFor(int64_t payment) {
  CreditGranted granted;
  granted.amount = Dollars(1);
  granted.expires_at = Start() + absl::Hours(24 * 365);
  granted.payment_sequence = payment;
  return granted;
}

// Rules: J1, X4
TEST(Damage, PaymentsThatCannotBe) {
  Names names;
  Sample(&names);
  const PaymentKind purchase = PaymentKind::kPurchase;
  ExpectDamage({
      {"of nothing", RequestFor(Nanos(), purchase, PaymentState::kRequested)},
      {"ended when requested", RequestFor(Dollars(1), purchase, PaymentState::kSent)},
      {"sent, unknown", PaymentSent{9999}},
      {"sent, ended", PaymentSent{names.paid}},
      {"ended, unknown", FinishOf(9999, Dollars(20))},
      {"ended, credited", FinishOf(names.paid, Dollars(30))},
      {"ended as another kind", FinishOf(names.waiting, Dollars(20), PaymentKind::kReload)},
      {"ended with another amount", FinishOf(names.waiting, Dollars(21))},
      {"credited, unknown", CreditFor(9999)},
      {"credited twice", CreditFor(names.paid)},
      {"charged back, unknown", BackOf(9999, Dollars(1), {}, Dollars(1))},
      {"charged back, not credited", BackOf(names.waiting, Dollars(1), {}, Dollars(1))},
      {"charged back nothing", BackOf(names.paid, Nanos(), {}, Nanos())},
      {"charged back in other parts", BackOf(names.paid, Dollars(2), {}, Dollars(1))},
      {"charged back more than it was", BackOf(names.paid, Dollars(31), {}, Dollars(31))},
      {"charged back of no credit", BackOf(names.paid, Dollars(1), {{9999, Dollars(1)}}, Nanos())},
  });
  // Of credit that has less.
  Wallet wallet = Sample(&names);
  const int64_t grant = wallet.payments.at(names.paid).grant_sequence;
  for (CreditGrant& one : wallet.header.grants) {
    if (one.sequence == grant) one.remaining = Cents(1);
  }
  const ChargedBack back = BackOf(names.paid, Dollars(1), {{grant, Dollars(1)}}, Nanos());
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, back)).code(), absl::StatusCode::kDataLoss);
}

// Rules: J1, X4
TEST(Damage, APaymentIsSentOnceAndAReloadIsAlone) {
  Names names;
  Wallet wallet = Sample(&names);
  ASSERT_TRUE(Apply(wallet, NextEntry(wallet, PaymentSent{names.waiting})).ok());
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, PaymentSent{names.waiting})).code(),
            absl::StatusCode::kDataLoss);
  wallet = Sample(&names);
  const PaymentRequested reload =
      RequestFor(Dollars(5), PaymentKind::kReload, PaymentState::kRequested);
  ASSERT_TRUE(Apply(wallet, NextEntry(wallet, reload)).ok());
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, reload)).code(), absl::StatusCode::kDataLoss);
}

// Rules: J1, B9
TEST(Damage, WhatNobodyDid) {
  const Window window{Start(), Start() + absl::Hours(5)};
  ExpectDamage({
      {"a confirmation", ExtraUsageConfirmed{"nobody", window}},
      {"a crossing", CrossingNoticed{"nobody", "chat", window}},
  });
  // An episode ends that is another one.
  Names names;
  Wallet wallet = Sample(&names);
  ASSERT_TRUE(Apply(wallet, NextEntry(wallet, EpisodeOpened{true, "ann", "chat"})).ok());
  EXPECT_EQ(
      Apply(wallet, NextEntry(wallet, EpisodeEnded{wallet.header.revision + 7, "credit"})).code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(Apply(wallet, NextEntry(wallet, EpisodeAnswered{wallet.header.revision + 7,
                                                            EpisodeAnswerKind::kNote, "wait"}))
                .code(),
            absl::StatusCode::kDataLoss);
}

Hold& AnyHold(Wallet& wallet) { return wallet.holds.begin()->second; }
Payment& Finished(Wallet& wallet) { return wallet.payments.begin()->second; }
Payment& Waiting(Wallet& wallet) { return wallet.header.open_payments.at(0); }
NamedScope& Chat(Wallet& wallet) { return wallet.header.named_scopes.at(0); }

using Damages = std::vector<std::pair<std::string, std::function<void(Wallet&)>>>;

void ExpectNoticed(const Damages& damages) {
  Names names;
  EXPECT_TRUE(CheckInvariants(Sample(&names)).empty());
  for (size_t i = 0; i < damages.size(); ++i) {
    Wallet wallet = Sample(&names);
    damages[i].second(wallet);
    bool noticed = false;
    for (const Violation& violation : CheckInvariants(wallet)) {
      noticed = noticed || violation.rule == damages[i].first;
    }
    EXPECT_TRUE(noticed) << "damage " << i << ", of " << damages[i].first;
  }
}

// Rules: J2, H3, H5
TEST(Invariants, NoticeDamagedHoldsAndCredit) {
  ExpectNoticed({
      {"X2", [](Wallet& w) { w.header.grants[0].remaining = Dollars(1000); }},
      {"H3", [](Wallet& w) { AnyHold(w).included = Nanos(-1); }},
      {"H3", [](Wallet& w) { AnyHold(w).extra = Nanos(-1); }},
      {"H3", [](Wallet& w) { AnyHold(w).placed_at -= absl::Hours(48); }},
      {"H3", [](Wallet& w) { w.holds_of_members.clear(); }},
      {"H4", [](Wallet& w) { w.ended_holds[w.holds.begin()->first].sequence = 1; }},
      {"H5", [](Wallet& w) { w.hold_expiries.clear(); }},
      {"H5", [](Wallet& w) { ++w.header.open_hold_count; }},
      {"H5",
       [](Wallet& w) {
         w.hold_expiries.insert({Start(), 999'999});
       }},
      {"H5", [](Wallet& w) { w.header.next_hold_expiry = Start(); }},
  });
}

// Rules: J2, L1, L4
TEST(Invariants, NoticeDamagedSurfacesAndModels) {
  ExpectNoticed({
      {"L1", [](Wallet& w) { w.header.named_scopes.push_back(w.header.named_scopes[0]); }},
      {"L1",
       [](Wallet& w) {
         NamedScope before = Chat(w);
         before.id = "a";
         before.limits.clear();
         before.held_extra = Amount();
         w.header.named_scopes.insert(w.header.named_scopes.begin() + 1, before);
       }},
      {"L1",
       [](Wallet& w) {
         NamedScope model = Chat(w);
         model.scope = Scope::kModel;
         model.limits.clear();
         w.header.named_scopes.insert(w.header.named_scopes.begin(), model);
       }},
      {"L1", [](Wallet& w) { ++w.header.named_limit_count; }},
      {"J2", [](Wallet& w) { Chat(w).held_extra += Nanos(1); }},
      {"J2", [](Wallet& w) { Chat(w).month.extra = Amount(Nanos(-1)); }},
      {"J2", [](Wallet& w) { Chat(w).recent.week.extra = Amount(Nanos(-1)); }},
      {"J2", [](Wallet& w) { Chat(w).recent.day.extra = Amount(Nanos(-1)); }},
      {"J2", [](Wallet& w) { Chat(w).month.extra += Dollars(1000); }},
      {"J2", [](Wallet& w) { Chat(w).recent.week.extra += Dollars(1000); }},
      {"J2", [](Wallet& w) { Chat(w).recent.day.extra += Dollars(1000); }},
      {"L4",
       [](Wallet& w) {
         PendingRaise first, second;
         first.expires_at = Start() + absl::Hours(2);
         second.expires_at = Start() + absl::Hours(1);
         w.header.raises = {first, second};
       }},
  });
}

// Rules: J2, X4, Q1
TEST(Invariants, NoticeDamagedPaymentsAndRequests) {
  ExpectNoticed({
      {"X4", [](Wallet& w) { Waiting(w).state = PaymentState::kFailed; }},
      {"X4", [](Wallet& w) { Waiting(w).grant_sequence = 3; }},
      {"X4", [](Wallet& w) { w.payments[Waiting(w).sequence] = Finished(w); }},
      {"X4", [](Wallet& w) { Finished(w).state = PaymentState::kSent; }},
      {"X4", [](Wallet& w) { Finished(w).state = PaymentState::kFailed; }},
      {"X4", [](Wallet& w) { Finished(w).grant_sequence = 0; }},
      {"X4", [](Wallet& w) { Finished(w).charged_back = Nanos(-1); }},
      {"X4", [](Wallet& w) { Finished(w).charged_back = Dollars(1000); }},
      {"X4",
       [](Wallet& w) {
         Payment reload = Waiting(w);
         reload.kind = PaymentKind::kReload;
         w.header.open_payments = {reload, reload};
       }},
      {"Q1", [](Wallet& w) { ++w.header.open_request_count; }},
  });
}

}  // namespace
}  // namespace bursar
