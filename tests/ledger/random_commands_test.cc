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
#include "tests/ledger/naive_wallet.h"
#include "tests/ledger/wallet_fixture.h"

namespace bursar {
namespace {

constexpr int kCommands = 20'000;
constexpr int kCommandsPerOrganization = 400;
constexpr int kMembers = 5;

uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

const char* const kZones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                              "Australia/Lord_Howe"};

// One organization, kept twice.
class Rehearsal {
 public:
  Rehearsal(uint64_t seed, const Plan& plan)
      : random_(seed),
        plan_(plan),
        settings_(RandomSettings()),
        wallet_(plan.id, settings_),
        naive_(plan, wallet_.header().settings, TestZones()) {
    naive_.MoveTo(wallet_.now());
  }

  void Step() {
    PassTime();
    const int64_t choice = Below(100);
    if (choice < 42) {
      Record();
    } else if (choice < 68) {
      Check();
    } else if (choice < 75) {
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
    const WalletHeader& header = wallet_.header();
    EXPECT_EQ(header.Balance(), naive_.Balance());
    EXPECT_EQ(header.overdraft, naive_.Overdraft());
    EXPECT_EQ(header.episode.has_value(), naive_.episode_open());
    EXPECT_EQ(header.member_count, naive_.SeatCount());
    CompareMonth(header.month, naive_.SumOf("", ""));
    for (const TierState& tier : header.tiers) {
      CompareMonth(tier.month, naive_.SumOf("", tier.tier_id));
    }
    for (const auto& [member_id, member] : wallet_.wallet().members) {
      EXPECT_EQ(member.tier_id, naive_.TierOf(member_id).value_or("nobody"));
      CompareMonth(member.month, naive_.SumOf(member_id, ""));
    }
  }

  void CompareFold() {
    const Wallet folded = Fold(wallet_.entries());
    EXPECT_TRUE(folded.header == wallet_.header());
    EXPECT_TRUE(folded.members == wallet_.wallet().members);
  }

  const std::string& last_command() const { return last_command_; }
  const std::map<DenialReason, int>& reasons() const { return reasons_; }

 private:
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
      const absl::Time boundary = OneIn(2) ? due : month_end;
      if (boundary > wallet_.now() && boundary < wallet_.now() + absl::Hours(24 * 40)) {
        next = OneIn(3) ? boundary - absl::Nanoseconds(1) : boundary;
      }
    }
    next = std::max(next, wallet_.now());
    wallet_.MoveTo(next);
    naive_.MoveTo(next);
  }

  std::string AnyMember() { return absl::StrCat("member-", Below(kMembers)); }
  std::string AnySurface() { return OneIn(6) ? "batch" : "chat"; }
  std::string AnyTier() { return plan_.seat_tiers[Below(plan_.seat_tiers.size())].id; }
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

  void Record() {
    const RecordConsumptionCommand command = RecordOf(AnyMember(), AnyAmount(), AnySurface());
    Note(absl::StrCat("record ", command.member_id, " ", FormatAmount(command.cost), " ",
                      command.surface));
    const auto outcome = wallet_.Try<RecordConsumptionOutcome>(command);
    const NaiveCharge expected = naive_.Record(command.member_id, command.surface, command.cost);
    ASSERT_EQ(outcome.ok(), expected.found);
    if (!outcome.ok()) return;
    const UsageCharged& charge = outcome->charge;
    EXPECT_EQ(Amount(charge.included), expected.included);
    EXPECT_EQ(Amount(plan_.metered ? charge.metered : charge.extra), expected.extra);
    EXPECT_EQ(Amount(plan_.metered ? charge.extra : charge.metered), Amount());
    EXPECT_EQ(Amount(charge.overshoot), expected.overshoot);
    EXPECT_EQ(Amount(charge.overdraft), expected.overdraft);
    EXPECT_EQ(charge.unadmitted, expected.unadmitted);
    EXPECT_EQ(charge.unseated, expected.unseated);
    EXPECT_EQ(charge.tier_id, expected.tier_id);
  }

  void Check() {
    CheckAdmissionCommand command = CheckOf(AnyMember(), AnySurface());
    if (OneIn(2)) command.estimate = OneIn(2) ? AnyAmount() : Dollars(Below(100));
    command.validate_only = OneIn(4);
    Note(absl::StrCat("check ", command.member_id, " ", command.surface, " ",
                      command.estimate.has_value() ? FormatAmount(*command.estimate) : ""));
    const auto outcome = wallet_.Try<CheckAdmissionOutcome>(command);
    const NaiveAnswer expected =
        naive_.Check(command.member_id, command.surface, command.estimate, command.validate_only);
    ASSERT_EQ(outcome.ok(), expected.found);
    if (!outcome.ok()) return;
    EXPECT_EQ(outcome->admitted, expected.admitted);
    const DenialReason reason =
        outcome->denial.has_value() ? outcome->denial->reason : DenialReason::kNone;
    EXPECT_EQ(reason, expected.reason);
    ++reasons_[reason];
    EXPECT_EQ(outcome->bucket, expected.bucket);
    if (!outcome->admitted && !command.estimate.has_value()) {
      EXPECT_EQ(outcome->denial->ends_at, expected.ends_at);
    }
  }

  void SetLimit() {
    const Scope scope = OneIn(3)   ? Scope::kOrganization
                        : OneIn(2) ? Scope::kMember
                                   : Scope::kSeatTier;
    const std::string id = scope == Scope::kSeatTier ? AnyTier() : AnyMember();
    SpendLimit limit;
    if (OneIn(2)) limit.amount = OneIn(5) ? Nanos() : Dollars(Below(100));
    if (OneIn(2)) limit.basis = LimitBasis::kTierTotal;
    Note(absl::StrCat("limit ", static_cast<int>(scope), " ", id));
    SetSpendLimitCommand command = LimitOf(scope, id, limit.amount, limit.basis);
    EXPECT_EQ(Administer(command), naive_.SetLimit(scope, id, limit));
  }

  void Grant() {
    const Nanos amount = AnyAmount();
    const absl::Time expires_at = wallet_.now() + absl::Minutes(Below(60 * 24 * 20));
    Note(absl::StrCat("grant ", FormatAmount(amount)));
    EXPECT_EQ(Administer(CreditOf(amount, expires_at)), naive_.Grant(amount, expires_at));
  }

  void SetExtra() {
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
  }

  void Upsert() {
    MemberChange change = ChangeOf(AnyMember());
    if (OneIn(2)) change.tier_id = AnyTier();
    if (OneIn(2)) {
      change.status = OneIn(3) ? OneIn(2) ? AccountStatus::kSuspended : AccountStatus::kRemoved
                               : AccountStatus::kActive;
    }
    Note(absl::StrCat("upsert ", change.member_id, " ", change.tier_id.value_or("")));
    EXPECT_EQ(Administer(UpsertMembersCommand{{change}}),
              naive_.Upsert(change.member_id, change.tier_id, change.status));
  }

  void ChangeSettings() {
    UpdateOrganizationCommand command;
    if (OneIn(2)) command.time_zone = kZones[Below(std::size(kZones))];
    if (OneIn(3)) command.billing_anchor = wallet_.now() - absl::Minutes(Below(60 * 24 * 90));
    if (OneIn(3)) {
      command.included_scope = OneIn(2) ? IncludedScope::kSeat : IncludedScope::kOrganization;
    }
    Note("settings");
    EXPECT_EQ(Administer(command), absl::StatusCode::kOk);
    naive_.ChangeSettings(command.time_zone, command.billing_anchor, command.included_scope);
  }

  void SetStatus() {
    UpdateOrganizationCommand command;
    command.status = OneIn(6) ? AccountStatus::kSuspended : AccountStatus::kActive;
    Note("status");
    EXPECT_EQ(Administer(command), absl::StatusCode::kOk);
    naive_.SetStatus(*command.status);
  }

  void CompareMonth(const MonthCounter& month, const NaiveWallet::MonthSum& expected) {
    const bool current = month.month.Contains(wallet_.now());
    EXPECT_EQ(current ? month.extra : Amount(), expected.extra);
    EXPECT_EQ(current ? month.included : Amount(), expected.included);
  }

  std::mt19937_64 random_;
  const Plan& plan_;
  const OrganizationSettings settings_;
  TestWallet wallet_;
  NaiveWallet naive_;
  std::string last_command_;
  std::map<DenialReason, int> reasons_;  // How often checks were answered with each.
};

// Rules: B1, B2, B3, B5, B7, B8, D1, D2, H2, J1, J2, L1, L2, L3, N3, O5, O6, R1, T3, T4, X1, X2, X3
TEST(RandomCommands, AgreeWithTheNaiveModel) {
  const uint64_t clock = std::chrono::steady_clock::now().time_since_epoch().count();
  const uint64_t seed = NumberFrom("BURSAR_TEST_SEED", clock);
  const uint64_t commands = NumberFrom("BURSAR_TEST_COMMANDS", kCommands);
  std::printf("BURSAR_TEST_SEED=%llu BURSAR_TEST_COMMANDS=%llu\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(commands));
  std::map<DenialReason, int> reasons;
  for (uint64_t done = 0; done < commands; done += kCommandsPerOrganization) {
    const uint64_t organization = done / kCommandsPerOrganization;
    const std::vector<Plan>& plans = TestPlans().plans;
    Rehearsal rehearsal(seed + organization, plans[organization % plans.size()]);
    for (int i = 0; i < kCommandsPerOrganization; ++i) {
      rehearsal.Step();
      if (i % 4 == 3) rehearsal.CompareState();
      if (i % 100 == 99) rehearsal.CompareFold();
      ASSERT_FALSE(HasFailure()) << "BURSAR_TEST_SEED=" << seed << ", organization " << organization
                                 << " on " << plans[organization % plans.size()].id << ", command "
                                 << i << ": " << rehearsal.last_command();
    }
    for (const auto& [reason, count] : rehearsal.reasons()) reasons[reason] += count;
  }
  for (const auto& [reason, count] : reasons) {
    std::printf("%-28s %7d\n", NameOf(reason).c_str(), count);
  }
  // Everything but the confirmation, which nothing asks for yet, and admission itself.
  if (commands >= kCommands) {
    EXPECT_EQ(reasons.size(), 10u);
  }
}

}  // namespace
}  // namespace bursar
