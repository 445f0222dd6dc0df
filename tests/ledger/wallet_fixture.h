// A wallet to test the rules on: decides commands at a made-up instant, applies what they decide,
// and keeps every entry.
//
// It does what the engine does, without clock, store or threads: what has fallen due first, then
// the decision, then the end of an episode. After every command the invariants hold, and when the
// wallet goes out of scope folding its entries again from nothing gives the same wallet: both are
// expectations of every test that uses it.
//
// Thread rule: single-threaded.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "server/base/status.h"
#include "server/ledger/ledger.h"

namespace bursar {

// Values that a failing test shows readably.
void PrintTo(Nanos amount, std::ostream* out);
void PrintTo(const Amount& amount, std::ostream* out);
void PrintTo(DenialReason reason, std::ostream* out);

// The name of a reason as the code spells it, such as "kMemberLimitReached".
std::string NameOf(DenialReason reason);

// Amounts of a few dollars or cents.
constexpr Nanos Dollars(int64_t dollars) { return Nanos::Units(dollars); }
constexpr Nanos Cents(int64_t cents) { return Nanos(cents * (kNanosPerUnit / 100)); }

// The instant of an RFC 3339 text. Requires: well-formed.
absl::Time At(const std::string& text);

// When the wallets of these tests begin: 10:00 UTC on Sunday, 1 November 2026.
absl::Time Start();

// The plans of these tests:
//   team     prepaid; seats standard (5 USD in five hours, 25 a week; 25 USD a month to buy) and
//            premium (25 and 125; 125 to buy); no tier limits; surface "batch" and models
//            "research-…" are not eligible
//   seats    postpaid; seats standard (25 a month) and premium (125); tier limits
//   usage    metered, postpaid, tier limits; seats basic and power
//   api      metered, prepaid
//   solo     one member, prepaid, 20 a month; no limits of surfaces and models
//   sessions prepaid, 5 in five hours and nothing else
const PlanCatalog& TestPlans();
const ZoneDatabase& TestZones();

class TestWallet {
 public:
  // An organization "acme" on the plan, created at Start() and anchored there unless `settings`
  // says otherwise. It has no members yet.
  explicit TestWallet(const std::string& plan, OrganizationSettings settings = {});
  // Expects that folding gives the same wallet.
  ~TestWallet();

  TestWallet(const TestWallet&) = delete;
  TestWallet& operator=(const TestWallet&) = delete;

  // ---- Time. It never goes back.
  TestWallet& MoveTo(absl::Time now);
  TestWallet& Advance(absl::Duration duration);
  absl::Time now() const { return now_; }

  // ---- Set-up; each expects success.
  TestWallet& AddMember(const std::string& member_id, const std::string& tier_id = "");
  TestWallet& ExtraForEveryone();
  TestWallet& ExtraFor(std::vector<std::string> member_ids);
  TestWallet& ExtraOff();
  TestWallet& Limit(Scope scope, const std::string& scope_id, std::optional<Nanos> amount,
                    LimitBasis basis = LimitBasis::kEachMember);
  TestWallet& LimitOrganization(std::optional<Nanos> amount);
  TestWallet& LimitTier(const std::string& tier_id, std::optional<Nanos> amount,
                        LimitBasis basis = LimitBasis::kEachMember);
  TestWallet& LimitMember(const std::string& member_id, std::optional<Nanos> amount);
  TestWallet& Grant(Nanos amount, std::optional<absl::Time> expires_at = std::nullopt);
  TestWallet& MoveToTier(const std::string& member_id, const std::string& tier_id);
  TestWallet& SetStatus(const std::string& member_id, AccountStatus status);

  // ---- Requests; each expects that the ledger does not refuse.
  CheckAdmissionOutcome Check(const std::string& member_id,
                              std::optional<Nanos> estimate = std::nullopt);
  CheckAdmissionOutcome Check(const CheckAdmissionCommand& command);
  UsageCharged Record(const std::string& member_id, Nanos cost);
  UsageCharged Record(const RecordConsumptionCommand& command);

  // ---- Holds and refunds; those without "Try" expect success.
  CheckAdmissionOutcome CheckToHold(const std::string& member_id, Nanos estimate,
                                    AdmissionMode mode = AdmissionMode::kHold);
  // The placed hold's sequence.
  int64_t PlaceHold(const std::string& member_id, Nanos estimate);
  UsageCharged Settle(int64_t hold, Nanos cost, bool partial = false);
  // Reverses a charge with what the engine would load for it.
  absl::StatusOr<ReverseEntryOutcome> TryReverse(int64_t sequence,
                                                 std::optional<Nanos> amount = std::nullopt);
  ReverseEntryOutcome Reverse(int64_t sequence, std::optional<Nanos> amount = std::nullopt);
  // The sequence of the last charge; zero where there is none.
  int64_t LastCharge() const;

  // ---- Any command: the outcome, or the refusal, which must leave no entry.
  template <typename Outcome, typename Command>
  absl::StatusOr<Outcome> Try(Command command) {
    WriteDues();
    if constexpr (std::is_same_v<Command, RecordConsumptionCommand>) {
      if (absl::Status filled = FillFromAdmission(wallet_, command); !filled.ok()) return filled;
    }
    absl::StatusOr<Decision<Outcome>> decision = Decide(wallet_, command, context());
    if (!decision.ok()) return decision.status();
    Commit(decision->bodies);
    return decision->outcome;
  }
  // An administrative one.
  template <typename Command>
  absl::StatusOr<AdministrationOutcome> Administer(const Command& command) {
    return Try<AdministrationOutcome>(command);
  }
  // The same, expected to succeed.
  template <typename Command>
  AdministrationOutcome Do(const Command& command) {
    absl::StatusOr<AdministrationOutcome> outcome = Administer(command);
    EXPECT_TRUE(outcome.ok()) << outcome.status().message();
    return outcome.ok() ? *outcome : AdministrationOutcome();
  }
  // Writes what has fallen due, as the sweeper would.
  void WriteDues();

  // Applies entries that no command decides, and the end of an episode where they bring it.
  void Commit(const std::vector<EntryBody>& bodies);

  // ---- What there is.
  const Wallet& wallet() const { return wallet_; }
  const WalletHeader& header() const { return wallet_.header; }
  // Requires: known.
  const Member& member(const std::string& member_id) const { return wallet_.members.at(member_id); }
  const std::vector<Entry>& entries() const { return entries_; }
  DecisionContext context() const { return {now_, &TestPlans(), &TestZones(), journals_dues_}; }

  // The bodies of that kind, oldest first.
  template <typename Body>
  std::vector<Body> Bodies() const {
    std::vector<Body> bodies;
    for (const Entry& entry : entries_) {
      if (const auto* body = std::get_if<Body>(&entry.body)) bodies.push_back(*body);
    }
    return bodies;
  }
  template <typename Body>
  int Count() const {
    return static_cast<int>(Bodies<Body>().size());
  }

 private:
  void Append(const EntryBody& body);

  absl::Time now_;
  bool journals_dues_ = false;
  Wallet wallet_;
  std::vector<Entry> entries_;
};

// Folds entries from nothing; expects that each fits.
Wallet Fold(const std::vector<Entry>& entries);

// The reason of a refusal; "" where it has none, "OK" for success.
template <typename Outcome>
std::string RefusalReason(const absl::StatusOr<Outcome>& outcome) {
  return outcome.ok() ? "OK" : Reason(outcome.status());
}
// The fields that a refusal names, sorted.
std::vector<std::string> RefusedFields(const absl::Status& status);

// An entry with that body, at the place and instant that the wallet stands at.
Entry NextEntry(const Wallet& wallet, EntryBody body);

// A member change that names only the member.
inline MemberChange ChangeOf(const std::string& member_id) {
  MemberChange change;
  change.member_id = member_id;
  return change;
}

// A spend limit; no amount is unlimited.
inline SetSpendLimitCommand LimitOf(Scope scope, const std::string& scope_id,
                                    std::optional<Nanos> amount,
                                    LimitBasis basis = LimitBasis::kEachMember) {
  SetSpendLimitCommand command;
  command.scope = scope;
  command.scope_id = scope_id;
  command.limit = {amount, basis};
  return command;
}

// A purchase of credit; without an expiry the default one.
inline GrantCreditCommand CreditOf(Nanos amount,
                                   std::optional<absl::Time> expires_at = std::nullopt) {
  GrantCreditCommand command;
  command.amount = amount;
  command.expires_at = expires_at;
  command.reference = "invoice";
  return command;
}

// A record of a known cost.
inline RecordConsumptionCommand RecordOf(const std::string& member_id, Nanos cost,
                                         const std::string& surface = "chat",
                                         const std::string& model = "claude-opus-4-5") {
  RecordConsumptionCommand command;
  command.member_id = member_id;
  command.surface = surface;
  command.model = model;
  command.cost = cost;
  command.occurred_at = absl::InfinitePast();
  return command;
}

// A record that names an admission, and nothing that the hold knows.
inline RecordConsumptionCommand SettlementOf(int64_t hold, Nanos cost, bool partial = false) {
  RecordConsumptionCommand command = RecordOf("", cost, "", "");
  command.admission_id = "adm";
  command.admission = {AdmissionName::kNamed, hold};
  command.partial = partial;
  return command;
}

// A check without an estimate.
inline CheckAdmissionCommand CheckOf(const std::string& member_id,
                                     const std::string& surface = "chat",
                                     const std::string& model = "claude-opus-4-5") {
  CheckAdmissionCommand command;
  command.member_id = member_id;
  command.surface = surface;
  command.model = model;
  return command;
}

}  // namespace bursar
