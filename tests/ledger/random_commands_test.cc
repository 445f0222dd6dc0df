// Random commands over months of made-up time, against the naive model.
//
// BURSAR_TEST_SEED replays a run, BURSAR_TEST_COMMANDS makes it longer. A failure prints the seed,
// the organization and the command's number.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/ledger/limits.h"
#include "tests/ledger/naive_comparison.h"
#include "tests/ledger/naive_wallet.h"
#include "tests/ledger/wallet_fixture.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

constexpr int kCommands = 12'000;
constexpr uint64_t kOutcomesSeed = 7;
constexpr int kCommandsPerOrganization = 400;
constexpr int kMembers = 5;

// What a run of the usual length contains.
const char* const kMustHappen[] = {"checks",
                                   "checks denied by holds",
                                   "credit",
                                   "extra usage set",
                                   "holds denied",
                                   "holds placed",
                                   "late",
                                   "late, captured",
                                   "limits by the day",
                                   "limits by the hour",
                                   "limits by the month",
                                   "limits by the week",
                                   "limits for a time",
                                   "limits of the member",
                                   "limits of the model",
                                   "limits of the organization",
                                   "limits of the surface",
                                   "limits of the tier",
                                   "limits that forbid",
                                   "members upserted",
                                   "plans changed",
                                   "plans, from metered",
                                   "plans, other tiers",
                                   "plans, to metered",
                                   "plans, to postpaid",
                                   "plans, to prepaid",
                                   "records",
                                   "reversed",
                                   "settings",
                                   "settled",
                                   "settled in part",
                                   "tiers set"};

const char* const kZones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                              "Australia/Lord_Howe"};

// One organization, kept twice.
class Rehearsal {
 public:
  Rehearsal(uint64_t seed, const Plan& plan)
      : random_(seed),
        settings_(RandomSettings()),
        wallet_(plan.id, settings_),
        naive_(plan, wallet_.header().settings, TestZones()) {
    naive_.MoveTo(wallet_.now());
  }

  void Step() {
    PassTime();
    const int64_t choice = Below(100);
    if (choice < 22) {
      Record();
    } else if (choice < 36) {
      Check();
    } else if (choice < 50) {
      PlaceHold();
    } else if (choice < 62) {
      Settle();
    } else if (choice < 64) {
      ExtendOrRelease();
    } else if (choice < 68) {
      Reverse();
    } else if (choice < 70) {
      SetPolicy();
    } else if (choice < 71) {
      ChangePlan();
    } else if (choice < 77) {
      SetLimit();
    } else if (choice < 82) {
      Grant();
    } else if (choice < 88) {
      SetExtra();
    } else if (choice < 95) {
      Upsert();
    } else if (choice < 98) {
      ChangeSettings();
    } else {
      SetStatus();
    }
  }

  void CompareState() {
    bursar::CompareState(wallet_, naive_);
    EXPECT_EQ(wallet_.header().totals.overshoot_held, overshoot_held_);
  }

  void CompareFold() {
    const Wallet folded = Fold(wallet_.entries());
    EXPECT_TRUE(folded.header == wallet_.header());
    EXPECT_TRUE(folded.members == wallet_.wallet().members);
    EXPECT_TRUE(folded.holds == wallet_.wallet().holds);
  }

  const std::string& last_command() const { return last_command_; }
  const std::map<DenialReason, int>& reasons() const { return reasons_; }
  const std::map<std::string, int>& done() const { return done_; }

 private:
  struct PlacedHold {
    int64_t sequence = 0;
    std::string member_id;
    std::string surface;
    std::string model;
  };

  int64_t Below(int64_t end) { return std::uniform_int_distribution<int64_t>(0, end - 1)(random_); }
  bool OneIn(int64_t n) { return Below(n) == 0; }

  OrganizationSettings RandomSettings() {
    OrganizationSettings settings;
    settings.time_zone = kZones[Below(std::size(kZones))];
    settings.billing_anchor = Start() - absl::Minutes(Below(60 * 24 * 400));
    settings.auto_provision_members = OneIn(2);
    settings.max_seats = OneIn(2) ? 0 : 3;
    if (OneIn(3)) settings.included_scope = IncludedScope::kOrganization;
    return settings;
  }

  void PassTime() {
    absl::Time next = wallet_.now();
    const int64_t choice = Below(100);
    if (choice >= 30) next += absl::Nanoseconds(Below(absl::ToInt64Nanoseconds(absl::Minutes(5))));
    if (choice >= 70) next += absl::Minutes(Below(60 * 4));
    if (choice >= 92) next += absl::Hours(Below(24 * 9));
    if (choice >= 97) {
      // Exactly to where something changes, or a hair before it.
      const absl::Time due = wallet_.header().NextDue();
      const absl::Time month_end = wallet_.header().month.month.end;
      const RecentSpend& recent = wallet_.header().recent;
      const absl::Time boundary = OneIn(2)   ? due
                                  : OneIn(3) ? month_end
                                  : OneIn(2) ? recent.week.period.end
                                             : recent.day.period.end;
      if (boundary > wallet_.now() && boundary < wallet_.now() + absl::Hours(24 * 40)) {
        next = OneIn(3) ? boundary - absl::Nanoseconds(1) : boundary;
      }
    }
    next = std::max(next, wallet_.now());
    wallet_.MoveTo(next);
    wallet_.WriteDues();
    naive_.MoveTo(next);
    entries_before_ = wallet_.entries().size();
  }

  std::string AnyMember() { return absl::StrCat("member-", Below(kMembers)); }
  std::string AnySurface() {
    return OneIn(6) ? "batch" : OneIn(3) ? "editor" : OneIn(6) ? kDefaultSurface : "chat";
  }
  std::string AnyModel() {
    return OneIn(8) ? "research-1" : OneIn(3) ? "maker/opus" : OneIn(2) ? "opus" : "haiku";
  }
  std::string AnyTier() {
    const std::vector<SeatTier>& tiers = naive_.plan().seat_tiers;
    return tiers[Below(tiers.size())].id;
  }
  Nanos AnyAmount() {
    if (OneIn(20)) return Nanos();
    if (OneIn(4)) return Dollars(1 + Below(30));
    return Nanos(1 + Below(3 * kNanosPerUnit));
  }
  void Note(const std::string& command) {
    last_command_ =
        absl::StrCat(absl::FormatTime(wallet_.now(), absl::UTCTimeZone()), " ", command);
  }
  template <typename Command>
  absl::StatusCode Administer(const Command& command) {
    return wallet_.Administer(command).status().code();
  }
  // After a change of settings, a limit or extra usage: one that wrote something may lift the pool.
  void NoteChange() {
    if (wallet_.entries().size() > entries_before_) naive_.EndEpisodeIfLifted();
  }

  void Record() {
    ++done_["records"];
    const RecordConsumptionCommand command =
        RecordOf(AnyMember(), AnyAmount(), AnySurface(), AnyModel());
    Note(absl::StrCat("record ", command.member_id, " ", FormatAmount(command.cost), " ",
                      command.surface));
    const auto outcome = wallet_.Try<RecordConsumptionOutcome>(command);
    const NaiveCharge expected =
        naive_.Record(command.member_id, command.surface, command.model, command.cost);
    ASSERT_EQ(outcome.ok(), expected.found);
    if (outcome.ok()) CompareCharge(outcome->charge, expected);
  }

  void CompareCharge(const UsageCharged& charge, const NaiveCharge& expected) {
    EXPECT_EQ(Amount(charge.included), expected.included);
    const bool metered = naive_.plan().metered;
    EXPECT_EQ(Amount(metered ? charge.metered : charge.extra), expected.extra);
    EXPECT_EQ(Amount(metered ? charge.extra : charge.metered), Amount());
    EXPECT_EQ(Amount(charge.overshoot), expected.overshoot);
    EXPECT_EQ(Amount(charge.overdraft), expected.overdraft);
    EXPECT_EQ(charge.unadmitted, expected.unadmitted);
    EXPECT_EQ(charge.unseated, expected.unseated);
    EXPECT_EQ(charge.tier_id, expected.tier_id);
  }

  // An open hold more often than not; otherwise one that was ever placed, rather one of the last.
  bool AnyHold(PlacedHold& hold) {
    if (placed_.empty()) return false;
    if (!wallet_.wallet().holds.empty() && !OneIn(3)) {
      auto open = wallet_.wallet().holds.begin();
      std::advance(open, Below(static_cast<int64_t>(wallet_.wallet().holds.size())));
      const Hold& found = open->second;
      hold = {open->first, found.member_id, std::string(NameOf(found, Scope::kSurface)),
              found.model};
      return true;
    }
    const size_t last = OneIn(5) ? placed_.size() : std::min<size_t>(placed_.size(), 6);
    hold = placed_[placed_.size() - 1 - Below(static_cast<int64_t>(last))];
    return true;
  }

  void PlaceHold() {
    CheckAdmissionCommand command = CheckOf(AnyMember(), AnySurface(), AnyModel());
    command.mode = OneIn(3) ? AdmissionMode::kHoldUpToAvailable : AdmissionMode::kHold;
    command.estimate = OneIn(12) ? Dollars(90 + Below(30)) : AnyAmount();
    const std::string surface = command.surface;
    // A check that names no surface is one of the default one.
    if (surface == kDefaultSurface && OneIn(2)) command.surface.clear();
    const absl::Duration ttl = OneIn(3) ? absl::Minutes(10 + Below(1400)) : absl::Minutes(10);
    if (ttl != absl::Minutes(10)) command.hold_ttl = ttl;
    Note(absl::StrCat("hold ", command.member_id, " ", FormatAmount(*command.estimate)));
    const auto outcome = wallet_.Try<CheckAdmissionOutcome>(command);
    const bool placed = outcome.ok() && outcome->hold.has_value();
    const NaiveAnswer expected = naive_.Hold(
        placed ? outcome->hold->sequence : -1, command.member_id, surface, command.model,
        *command.estimate, command.mode == AdmissionMode::kHoldUpToAvailable, ttl,
        wallet_.header().settings.max_hold);
    ASSERT_EQ(outcome.ok(), expected.found);
    if (!outcome.ok()) return;
    ASSERT_EQ(placed, expected.admitted);
    const DenialReason reason =
        outcome->denial.has_value() ? outcome->denial->reason : DenialReason::kNone;
    EXPECT_EQ(reason, expected.reason);
    if (!placed) {
      EXPECT_EQ(outcome->denial->ends_at, expected.ends_at);
      EXPECT_EQ(outcome->denial->held, expected.held);
    } else {
      placed_.push_back({outcome->hold->sequence, command.member_id, surface, command.model});
    }
    ++done_[placed ? "holds placed" : "holds denied"];
    if (!placed) return;
    // One that took all there was is what the next check of its member meets.
    if (command.mode == AdmissionMode::kHoldUpToAvailable && OneIn(2)) {
      Check(command.member_id, surface, command.model);
    } else if (OneIn(2)) {
      Settle();  // Others outlive the steps that follow, or do not.
    }
  }

  void Settle() {
    PlacedHold hold;
    if (!AnyHold(hold)) return;
    const bool partial = OneIn(3);
    const Nanos cost = AnyAmount();
    Note(
        absl::StrCat("settle ", hold.sequence, " ", FormatAmount(cost), partial ? " in part" : ""));
    const bool live = wallet_.wallet().FindHold(hold.sequence) != nullptr;
    const auto outcome =
        wallet_.Try<RecordConsumptionOutcome>(SettlementOf(hold.sequence, cost, partial));
    const NaiveCharge expected =
        naive_.Settle(hold.sequence, hold.member_id, hold.surface, hold.model, cost, partial);
    ASSERT_TRUE(outcome.ok()) << outcome.status().message();
    CompareCharge(outcome->charge, expected);
    if (live) {
      // What a settlement costs beyond its hold is all that it may overshoot by.
      EXPECT_EQ(Amount(outcome->charge.overshoot), Max(Amount(cost) - expected.held, Amount()));
      overshoot_held_ += outcome->charge.overshoot;
    }
    const EndedHold* ended = wallet_.wallet().FindEndedHold(hold.sequence);
    const bool captured = !live && ended->end == HoldEnd::kCaptured;
    ++done_[live ? partial ? "settled in part" : "settled" : captured ? "late, captured" : "late"];
  }

  void ExtendOrRelease() {
    PlacedHold hold;
    if (!AnyHold(hold)) return;
    Note(absl::StrCat("extend or release ", hold.sequence));
    if (OneIn(2)) {
      const absl::Duration ttl = absl::Minutes(1 + Below(1440));
      EXPECT_EQ(wallet_.Try<HoldOutcome>(ExtendAdmissionCommand{hold.sequence, ttl}).ok(),
                naive_.Extend(hold.sequence, ttl));
    } else {
      EXPECT_EQ(wallet_.Try<HoldOutcome>(ReleaseAdmissionCommand{hold.sequence}).ok(),
                naive_.Release(hold.sequence));
    }
  }

  void Reverse() {
    // All charges in order, captures included: the model counts them too.
    for (; scanned_ < wallet_.entries().size(); ++scanned_) {
      if (std::holds_alternative<UsageCharged>(wallet_.entries()[scanned_].body)) {
        charges_.push_back(static_cast<int64_t>(scanned_) + 1);
      }
    }
    ASSERT_EQ(static_cast<int64_t>(charges_.size()), naive_.charge_count());
    if (charges_.empty()) return;
    const size_t last = OneIn(4) ? charges_.size() : std::min<size_t>(charges_.size(), 8);
    const int64_t charge =
        static_cast<int64_t>(charges_.size()) - 1 - Below(static_cast<int64_t>(last));
    const Amount left = naive_.LeftOf(charge);
    const Nanos amount = OneIn(2) ? *left.ToNanos() : AnyAmount();
    Note(absl::StrCat("reverse ", charges_[charge], " ", FormatAmount(amount)));
    const bool done = wallet_.TryReverse(charges_[charge], amount).ok();
    EXPECT_EQ(done, naive_.Reverse(charge, amount));
    ++done_[done ? "reversed" : "not reversed"];
  }

  void SetPolicy() {
    if (OneIn(2)) {
      const std::string member_id = AnyMember();
      Note(absl::StrCat("confirm ", member_id));
      EXPECT_EQ(wallet_.Try<ConfirmExtraUsageOutcome>(ConfirmExtraUsageCommand{member_id}).ok(),
                naive_.Confirm(member_id));
      return;
    }
    UpdateOrganizationCommand command;
    command.hold_expiry_policy = OneIn(2) ? HoldExpiryPolicy::kCapture : HoldExpiryPolicy::kRelease;
    command.crossing_policy = OneIn(3) ? CrossingPolicy::kConfirm : CrossingPolicy::kAuto;
    Note("policy");
    EXPECT_EQ(Administer(command), absl::StatusCode::kOk);
    naive_.SetPolicy(command.hold_expiry_policy == HoldExpiryPolicy::kCapture,
                     command.crossing_policy == CrossingPolicy::kConfirm);
    NoteChange();
  }

  void Check() { Check(AnyMember(), AnySurface(), AnyModel()); }
  void Check(const std::string& member_id, const std::string& surface, const std::string& model) {
    ++done_["checks"];
    CheckAdmissionCommand command = CheckOf(member_id, surface, model);
    if (OneIn(2)) command.estimate = OneIn(2) ? AnyAmount() : Dollars(Below(100));
    command.validate_only = OneIn(4);
    Note(absl::StrCat("check ", command.member_id, " ", command.surface, " ",
                      command.estimate.has_value() ? FormatAmount(*command.estimate) : ""));
    const auto outcome = wallet_.Try<CheckAdmissionOutcome>(command);
    const NaiveAnswer expected = naive_.Check(command.member_id, command.surface, command.model,
                                              command.estimate, command.validate_only);
    ASSERT_EQ(outcome.ok(), expected.found);
    if (!outcome.ok()) return;
    EXPECT_EQ(outcome->admitted, expected.admitted);
    const DenialReason reason =
        outcome->denial.has_value() ? outcome->denial->reason : DenialReason::kNone;
    EXPECT_EQ(reason, expected.reason);
    ++reasons_[reason];
    EXPECT_EQ(outcome->bucket, expected.bucket);
    if (!outcome->admitted) {
      EXPECT_EQ(outcome->denial->ends_at, expected.ends_at);
      EXPECT_EQ(outcome->denial->held, expected.held);
      done_["checks denied by holds"] += expected.held ? 1 : 0;
    }
  }

  void SetLimit() {
    static constexpr Scope kScopes[] = {Scope::kOrganization, Scope::kOrganization, Scope::kMember,
                                        Scope::kMember,       Scope::kSeatTier,     Scope::kSurface,
                                        Scope::kModel};
    const Scope scope = kScopes[Below(std::size(kScopes))];
    const std::string id = scope == Scope::kSeatTier  ? AnyTier()
                           : scope == Scope::kSurface ? AnySurface()
                           : scope == Scope::kModel   ? AnyModel()
                                                      : AnyMember();
    NaiveLimit limit;
    if (!OneIn(3)) limit.amount = OneIn(8) ? Nanos() : Dollars(Below(100));
    if (OneIn(2)) limit.basis = LimitBasis::kTierTotal;
    if (OneIn(2)) limit.period = static_cast<PeriodKind>(2 + Below(3));
    if (OneIn(3)) limit.expires_at = wallet_.now() + absl::Minutes(Below(60 * 24 * 6) - 60);
    Note(absl::StrCat("limit ", static_cast<int>(scope), " ", id, " ",
                      static_cast<int>(limit.period), " ",
                      limit.amount.has_value() ? FormatAmount(*limit.amount) : "unlimited",
                      limit.expires_at.has_value() ? " for a time" : ""));
    SetSpendLimitCommand command = LimitOf(scope, id, limit.amount, limit.basis);
    command.period = limit.period;
    command.expires_at = limit.expires_at;
    const absl::StatusCode code = Administer(command);
    EXPECT_EQ(code, naive_.SetLimit(scope, id, limit));
    if (code == absl::StatusCode::kOk) {
      static constexpr const char* kOf[] = {"",       "organization", "tier",
                                            "member", "surface",      "model"};
      ++done_[absl::StrCat("limits by the ", ToAbsl(PeriodWord(limit.period)))];
      ++done_[absl::StrCat("limits of the ", kOf[static_cast<int>(scope)])];
      if (limit.expires_at.has_value()) ++done_["limits for a time"];
      if (limit.amount == Nanos()) ++done_["limits that forbid"];
    }
    NoteChange();
  }

  void ChangePlan() {
    if (!OneIn(3)) return Check();
    const std::vector<Plan>& plans = TestPlans().plans;
    const Plan& plan = plans[Below(plans.size())];
    const Plan& before = naive_.plan();
    Note(absl::StrCat("plan ", plan.id));
    UpdateOrganizationCommand command;
    command.plan_id = plan.id;
    const absl::StatusCode code = Administer(command);
    EXPECT_EQ(code, naive_.ChangePlan(plan));
    if (code == absl::StatusCode::kOk && &plan != &before) NotePlanChange(before, plan);
    NoteChange();
  }

  void NotePlanChange(const Plan& before, const Plan& plan) {
    ++done_["plans changed"];
    if (before.seat_tiers.front().id != plan.seat_tiers.front().id) ++done_["plans, other tiers"];
    if (before.metered != plan.metered) {
      ++done_[plan.metered ? "plans, to metered" : "plans, from metered"];
    }
    if (before.funding == plan.funding) return;
    ++done_[plan.funding == Funding::kPrepaid ? "plans, to prepaid" : "plans, to postpaid"];
  }

  void Grant() {
    ++done_["credit"];
    const Nanos amount = AnyAmount();
    const absl::Time expires_at = wallet_.now() + absl::Minutes(Below(60 * 24 * 20));
    Note(absl::StrCat("grant ", FormatAmount(amount)));
    EXPECT_EQ(Administer(CreditOf(amount, expires_at)), naive_.Grant(amount, expires_at));
  }

  void SetExtra() {
    ++done_["extra usage set"];
    const bool enabled = !OneIn(5);
    const auto audience = OneIn(2) ? ExtraUsageAudience::kEveryone : ExtraUsageAudience::kSelected;
    std::optional<std::vector<std::string>> selected;
    if (audience == ExtraUsageAudience::kSelected && !OneIn(3)) {
      selected.emplace();
      for (int i = 0; i < kMembers; ++i) {
        if (OneIn(2)) selected->push_back(absl::StrCat("member-", i));
      }
    }
    Note("extra usage");
    EXPECT_EQ(Administer(UpdateExtraUsageCommand{enabled, audience, selected}),
              naive_.SetExtra(enabled, audience, selected));
    NoteChange();
  }

  void Upsert() {
    MemberChange change = ChangeOf(AnyMember());
    if (OneIn(2)) change.tier_id = AnyTier();
    ++done_[change.tier_id.has_value() ? "tiers set" : "members upserted"];
    if (OneIn(2)) {
      change.status = OneIn(3) ? OneIn(2) ? AccountStatus::kSuspended : AccountStatus::kRemoved
                               : AccountStatus::kActive;
    }
    Note(absl::StrCat("upsert ", change.member_id, " ", change.tier_id.value_or("")));
    EXPECT_EQ(Administer(UpsertMembersCommand{{change}}),
              naive_.Upsert(change.member_id, change.tier_id, change.status));
  }

  void ChangeSettings() {
    ++done_["settings"];
    UpdateOrganizationCommand command;
    if (OneIn(2)) command.time_zone = kZones[Below(std::size(kZones))];
    if (OneIn(3)) command.billing_anchor = wallet_.now() - absl::Minutes(Below(60 * 24 * 90));
    if (OneIn(3)) {
      command.included_scope = OneIn(2) ? IncludedScope::kSeat : IncludedScope::kOrganization;
    }
    Note("settings");
    EXPECT_EQ(Administer(command), absl::StatusCode::kOk);
    naive_.ChangeSettings(command.time_zone, command.billing_anchor, command.included_scope);
    NoteChange();
  }

  void SetStatus() {
    UpdateOrganizationCommand command;
    command.status = OneIn(6) ? AccountStatus::kSuspended : AccountStatus::kActive;
    Note("status");
    EXPECT_EQ(Administer(command), absl::StatusCode::kOk);
    naive_.SetStatus(*command.status);
    NoteChange();
  }

  std::mt19937_64 random_;
  const OrganizationSettings settings_;
  TestWallet wallet_;
  NaiveWallet naive_;
  std::string last_command_;
  std::map<DenialReason, int> reasons_;  // How often checks were answered with each.
  std::map<std::string, int> done_;      // How often what was done with holds and charges.
  std::vector<PlacedHold> placed_;       // Every hold that was ever placed.
  std::vector<int64_t> charges_;         // Sequences of the charges among the entries scanned.
  size_t scanned_ = 0;
  size_t entries_before_ = 0;  // When the present command began.
  Amount overshoot_held_;
};

// What a run came upon: how often checks were answered with each reason, how often each thing was
// done.
struct Outcomes {
  std::map<DenialReason, int> reasons;
  std::map<std::string, int> done;
};

Outcomes Rehearse(uint64_t seed, uint64_t commands) {
  Outcomes outcomes;
  for (uint64_t done = 0; done < commands; done += kCommandsPerOrganization) {
    const uint64_t organization = done / kCommandsPerOrganization;
    const Plan& plan = TestPlans().plans[organization % TestPlans().plans.size()];
    Rehearsal rehearsal(seed + organization, plan);
    for (int i = 0; i < kCommandsPerOrganization; ++i) {
      rehearsal.Step();
      if (i % 4 == 3) rehearsal.CompareState();
      if (i % 100 == 99) rehearsal.CompareFold();
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << "BURSAR_TEST_SEED=" << seed << ", organization " << organization << " on "
                      << plan.id << ", command " << i << ": " << rehearsal.last_command();
        return outcomes;
      }
    }
    for (const auto& [reason, count] : rehearsal.reasons()) outcomes.reasons[reason] += count;
    for (const auto& [what, count] : rehearsal.done()) outcomes.done[what] += count;
  }
  for (const auto& [reason, count] : outcomes.reasons) {
    std::printf("%-28s %7d\n", NameOf(reason).c_str(), count);
  }
  for (const auto& [what, count] : outcomes.done) std::printf("%-28s %7d\n", what.c_str(), count);
  return outcomes;
}

// Rules: B1, B2, B3, B5, B7, B8, B9, D1, D2, H2, H3, H4, H5, H7, J1, J2, L1, L2, L3, L4, L6, N3,
// O5, O6, O8, R1, R4, R7, T3, T4, X1, X2, X3
TEST(RandomCommands, AgreeWithTheNaiveModel) {
  const uint64_t seed = TestSeed();
  const uint64_t commands = NumberFrom("BURSAR_TEST_COMMANDS", kCommands);
  Rehearse(seed, commands);
}

// The commands that are drawn lead to every reason, admission itself among them, and to everything
// that can become of a hold or a charge. The seed is fixed: one in many seeds does not come upon
// the rarest reason, and that says nothing about the ledger.
TEST(RandomCommands, ReachEveryOutcome) {
  const Outcomes outcomes = Rehearse(kOutcomesSeed, kCommands);
  EXPECT_EQ(outcomes.reasons.size(), 11u);
  for (const char* what : kMustHappen) {
    EXPECT_TRUE(outcomes.done.contains(what)) << what;
  }
}

}  // namespace
}  // namespace bursar
