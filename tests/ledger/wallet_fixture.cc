#include "tests/ledger/wallet_fixture.h"

#include <algorithm>

#include "server/ledger/statements.h"

namespace bursar {

namespace {

SeatTier Tier(const std::string& id, Nanos list_price, std::vector<IncludedWindow> windows,
              const std::string& upgrade_to = "") {
  std::string display_name = id;
  display_name[0] = static_cast<char>(display_name[0] - 'a' + 'A');
  return {id, display_name, list_price, std::move(windows), upgrade_to};
}

Plan MakePlan(const std::string& id, Funding funding, std::vector<SeatTier> tiers) {
  Plan plan;
  plan.id = id;
  plan.display_name = id;
  plan.funding = funding;
  plan.currency_code = "USD";
  plan.seat_tiers = std::move(tiers);
  return plan;
}

PlanCatalog MakePlans() {
  Plan team = MakePlan(
      "team", Funding::kPrepaid,
      {Tier("standard", Dollars(25),
            {{WindowKind::kWeek, Dollars(25)}, {WindowKind::kFiveHours, Dollars(5)}}, "premium"),
       Tier("premium", Dollars(125),
            {{WindowKind::kWeek, Dollars(125)}, {WindowKind::kFiveHours, Dollars(25)}})});
  team.excluded_surfaces = {"batch"};
  team.excluded_model_prefixes = {"research-"};

  Plan seats = MakePlan("seats", Funding::kPostpaid,
                        {Tier("standard", Nanos(), {{WindowKind::kMonth, Dollars(25)}}, "premium"),
                         Tier("premium", Nanos(), {{WindowKind::kMonth, Dollars(125)}})});
  seats.tier_limits_allowed = true;

  Plan usage = MakePlan("usage", Funding::kPostpaid,
                        {Tier("basic", Nanos(), {}, "power"), Tier("power", Nanos(), {})});
  usage.metered = true;
  usage.tier_limits_allowed = true;

  Plan api = MakePlan("api", Funding::kPrepaid, {Tier("key", Nanos(), {})});
  api.metered = true;

  Plan solo = MakePlan("solo", Funding::kPrepaid,
                       {Tier("person", Dollars(20), {{WindowKind::kMonth, Dollars(20)}})});
  solo.max_members = 1;
  solo.surface_limits_allowed = false;
  solo.model_limits_allowed = false;

  Plan sessions = MakePlan("sessions", Funding::kPrepaid,
                           {Tier("small", Nanos(), {{WindowKind::kFiveHours, Dollars(5)}}, "large"),
                            Tier("large", Nanos(), {{WindowKind::kFiveHours, Dollars(50)}})});
  return {"test", {team, seats, usage, api, solo, sessions}};
}

}  // namespace

void PrintTo(Nanos amount, std::ostream* out) { *out << FormatAmount(amount); }
void PrintTo(const Amount& amount, std::ostream* out) { *out << FormatAmount(amount); }
void PrintTo(DenialReason reason, std::ostream* out) { *out << NameOf(reason); }

std::string NameOf(DenialReason reason) {
  switch (reason) {
    case DenialReason::kNone:
      return "kNone";
    case DenialReason::kOrganizationSuspended:
      return "kOrganizationSuspended";
    case DenialReason::kMemberSuspended:
      return "kMemberSuspended";
    case DenialReason::kExtraUsageDisabled:
      return "kExtraUsageDisabled";
    case DenialReason::kMemberNotSelected:
      return "kMemberNotSelected";
    case DenialReason::kConfirmationRequired:
      return "kConfirmationRequired";
    case DenialReason::kMemberLimitReached:
      return "kMemberLimitReached";
    case DenialReason::kSeatTierLimitReached:
      return "kSeatTierLimitReached";
    case DenialReason::kOrganizationLimitReached:
      return "kOrganizationLimitReached";
    case DenialReason::kBalanceExhausted:
      return "kBalanceExhausted";
    case DenialReason::kHoldDoesNotFit:
      return "kHoldDoesNotFit";
  }
  return "unknown";
}

absl::Time At(const std::string& text) {
  absl::Time instant;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &instant, &error)) << text << error;
  return instant;
}

absl::Time Start() { return At("2026-11-01T10:00:00Z"); }

const PlanCatalog& TestPlans() {
  static const PlanCatalog plans = MakePlans();
  return plans;
}

const ZoneDatabase& TestZones() {
  static const ZoneDatabase zones;
  return zones;
}

TestWallet::TestWallet(const std::string& plan, OrganizationSettings settings) : now_(Start()) {
  CreateOrganizationCommand command;
  command.organization_id = "acme";
  command.settings = std::move(settings);
  command.settings.plan_id = plan;
  if (command.settings.display_name.empty()) command.settings.display_name = "Acme";
  if (command.settings.billing_anchor == absl::Time()) command.settings.billing_anchor = now_;
  absl::StatusOr<Decision<AdministrationOutcome>> decision = Decide(command, context());
  EXPECT_TRUE(decision.ok()) << decision.status().message();
  if (decision.ok()) Commit(decision->bodies);
}

TestWallet::~TestWallet() {
  const Wallet folded = Fold(entries_);
  EXPECT_TRUE(folded.header == wallet_.header) << "folding the entries gives another header";
  EXPECT_TRUE(folded.members == wallet_.members) << "folding the entries gives other members";
  EXPECT_TRUE(folded.holds == wallet_.holds) << "folding the entries gives other holds";
  EXPECT_TRUE(folded.ended_holds == wallet_.ended_holds) << "folding gives other ended holds";
  EXPECT_TRUE(folded.reversals == wallet_.reversals) << "folding gives other reversals";
  EXPECT_TRUE(folded.requests == wallet_.requests) << "folding gives other requests for more";
  EXPECT_TRUE(folded.payments == wallet_.payments) << "folding gives other payments";
}

TestWallet& TestWallet::MoveTo(absl::Time now) {
  EXPECT_LE(now_, now);
  now_ = now;
  return *this;
}

TestWallet& TestWallet::Advance(absl::Duration duration) { return MoveTo(now_ + duration); }

TestWallet& TestWallet::AddMember(const std::string& member_id, const std::string& tier_id) {
  MemberChange change = ChangeOf(member_id);
  if (!tier_id.empty()) change.tier_id = tier_id;
  Do(UpsertMembersCommand{{change}});
  return *this;
}

TestWallet& TestWallet::ExtraForEveryone() {
  Do(UpdateExtraUsageCommand{true, ExtraUsageAudience::kEveryone, std::nullopt});
  return *this;
}

TestWallet& TestWallet::ExtraFor(std::vector<std::string> member_ids) {
  Do(UpdateExtraUsageCommand{true, ExtraUsageAudience::kSelected, std::move(member_ids)});
  return *this;
}

TestWallet& TestWallet::ExtraOff() {
  Do(UpdateExtraUsageCommand{false, std::nullopt, std::nullopt});
  return *this;
}

TestWallet& TestWallet::Limit(Scope scope, const std::string& scope_id, std::optional<Nanos> amount,
                              LimitBasis basis) {
  Do(LimitOf(scope, scope_id, amount, basis));
  return *this;
}

TestWallet& TestWallet::LimitOrganization(std::optional<Nanos> amount) {
  return Limit(Scope::kOrganization, "", amount);
}

TestWallet& TestWallet::LimitTier(const std::string& tier_id, std::optional<Nanos> amount,
                                  LimitBasis basis) {
  return Limit(Scope::kSeatTier, tier_id, amount, basis);
}

TestWallet& TestWallet::LimitMember(const std::string& member_id, std::optional<Nanos> amount) {
  return Limit(Scope::kMember, member_id, amount);
}

TestWallet& TestWallet::Grant(Nanos amount, std::optional<absl::Time> expires_at) {
  Do(CreditOf(amount, expires_at));
  return *this;
}

TestWallet& TestWallet::MoveToTier(const std::string& member_id, const std::string& tier_id) {
  MemberChange change = ChangeOf(member_id);
  change.tier_id = tier_id;
  Do(UpsertMembersCommand{{change}});
  return *this;
}

TestWallet& TestWallet::SetStatus(const std::string& member_id, AccountStatus status) {
  MemberChange change = ChangeOf(member_id);
  change.status = status;
  Do(UpsertMembersCommand{{change}});
  return *this;
}

CheckAdmissionOutcome TestWallet::Check(const std::string& member_id,
                                        std::optional<Nanos> estimate) {
  CheckAdmissionCommand command = CheckOf(member_id);
  command.estimate = estimate;
  return Check(command);
}

CheckAdmissionOutcome TestWallet::Check(const CheckAdmissionCommand& command) {
  absl::StatusOr<CheckAdmissionOutcome> outcome = Try<CheckAdmissionOutcome>(command);
  EXPECT_TRUE(outcome.ok()) << outcome.status().message();
  if (!outcome.ok()) return {};
  EXPECT_EQ(outcome->admitted, !outcome->denial.has_value());
  return *outcome;
}

UsageCharged TestWallet::Record(const std::string& member_id, Nanos cost) {
  return Record(RecordOf(member_id, cost));
}

UsageCharged TestWallet::Record(const RecordConsumptionCommand& command) {
  absl::StatusOr<RecordConsumptionOutcome> outcome = Try<RecordConsumptionOutcome>(command);
  EXPECT_TRUE(outcome.ok()) << outcome.status().message();
  if (!outcome.ok()) return {};
  const UsageCharged& charge = outcome->charge;
  EXPECT_EQ(charge.included.value + charge.extra.value + charge.metered.value, charge.cost.value);
  const auto* journaled = std::get_if<UsageCharged>(&entries_.back().body);
  // The charge is the last entry, unless a new month ended an episode or the balance became low.
  EXPECT_TRUE(journaled != nullptr || std::holds_alternative<EpisodeEnded>(entries_.back().body) ||
              std::holds_alternative<LowBalanceNoticed>(entries_.back().body) ||
              std::holds_alternative<PaymentRequested>(entries_.back().body));
  return charge;
}

CheckAdmissionOutcome TestWallet::CheckToHold(const std::string& member_id, Nanos estimate,
                                              AdmissionMode mode) {
  CheckAdmissionCommand command = CheckOf(member_id);
  command.estimate = estimate;
  command.mode = mode;
  return Check(command);
}

int64_t TestWallet::PlaceHold(const std::string& member_id, Nanos estimate) {
  const CheckAdmissionOutcome outcome = CheckToHold(member_id, estimate);
  EXPECT_TRUE(outcome.hold.has_value());
  return outcome.hold.has_value() ? outcome.hold->sequence : 0;
}

UsageCharged TestWallet::Settle(int64_t hold, Nanos cost, bool partial) {
  return Record(SettlementOf(hold, cost, partial));
}

absl::StatusOr<ReverseEntryOutcome> TestWallet::TryReverse(int64_t sequence,
                                                           std::optional<Nanos> amount) {
  WriteDues();
  ReverseEntryCommand command;
  command.sequence = sequence;
  command.amount = amount;
  // As the engine does: what was reversed before, or the charge from the journal.
  const bool known = sequence > 0 && sequence <= static_cast<int64_t>(entries_.size());
  const Entry* entry = known ? &entries_[sequence - 1] : nullptr;
  const auto* charge = entry == nullptr ? nullptr : std::get_if<UsageCharged>(&entry->body);
  if (charge != nullptr && charge->captured) {
    command.hold_sequence = charge->hold_sequence;
  } else if (charge != nullptr) {
    wallet_.reversals.try_emplace(sequence, ReversalOf(sequence, entry->recorded_at, *charge));
  }
  absl::StatusOr<ReverseEntryOutcome> outcome = Try<ReverseEntryOutcome>(command);
  auto loaded = wallet_.reversals.find(sequence);
  if (loaded != wallet_.reversals.end() && loaded->second.Left() == loaded->second.facts.Cost()) {
    wallet_.reversals.erase(loaded);
  }
  return outcome;
}

ReverseEntryOutcome TestWallet::Reverse(int64_t sequence, std::optional<Nanos> amount) {
  absl::StatusOr<ReverseEntryOutcome> outcome = TryReverse(sequence, amount);
  EXPECT_TRUE(outcome.ok()) << outcome.status().message();
  return outcome.ok() ? *outcome : ReverseEntryOutcome();
}

int64_t TestWallet::LastCharge() const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (std::holds_alternative<UsageCharged>(entry->body)) return entry->sequence;
  }
  return 0;
}

void TestWallet::WriteDues() {
  const absl::Time now = now_;
  for (std::vector<DueEntry> dues = DueEntries(wallet_, context()); !dues.empty();
       dues = DueEntries(wallet_, context())) {
    EXPECT_LE(dues.size(), static_cast<size_t>(kMaxDueEntries));
    journals_dues_ = true;
    for (const DueEntry& due : dues) {
      EXPECT_LE(due.at, now);
      now_ = due.at;
      Commit({due.body});
    }
    now_ = now;
  }
  journals_dues_ = false;
  EXPECT_LT(now_, header().NextDue());
}

void TestWallet::Commit(const std::vector<EntryBody>& bodies) {
  const std::vector<RequestAtStake> at_stake = RequestsAtStake(wallet_, bodies, context());
  for (const EntryBody& body : bodies) Append(body);
  for (const EntryBody& ended : RequestsEnded(wallet_, at_stake, context())) Append(ended);
  if (std::optional<EntryBody> end = EpisodeEnd(header(), bodies, context())) Append(*end);
  for (const EntryBody& body : FollowUps(header(), context())) Append(body);
  if (std::optional<EntryBody> open = StatementOpening(header(), context())) Append(*open);
  for (const Violation& violation : CheckInvariants(wallet_)) {
    ADD_FAILURE() << "rule " << violation.rule << ": " << violation.message;
  }
}

void TestWallet::Append(const EntryBody& body) {
  for (const std::string& member_id : MembersTouched(body)) {
    const auto* upserted = std::get_if<MemberUpserted>(&body);
    EXPECT_TRUE((upserted != nullptr && upserted->created) ||
                wallet_.FindMember(member_id) != nullptr)
        << "an entry touches " << member_id << ", who is not there";
  }
  Entry entry;
  entry.sequence = header().revision + 1;
  entry.recorded_at = now_;
  entry.body = body;
  const absl::Status status = Apply(wallet_, entry);
  EXPECT_TRUE(status.ok()) << status.message();
  entries_.push_back(std::move(entry));
}

Wallet Fold(const std::vector<Entry>& entries) {
  Wallet wallet;
  for (const Entry& entry : entries) {
    const absl::Status status = Apply(wallet, entry);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok()) break;
  }
  return wallet;
}

std::vector<std::string> RefusedFields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(status)) fields.push_back(violation.field);
  std::sort(fields.begin(), fields.end());
  return fields;
}

Entry NextEntry(const Wallet& wallet, EntryBody body) {
  Entry entry;
  entry.sequence = wallet.header.revision + 1;
  entry.recorded_at = wallet.header.last_entry_at;
  entry.body = std::move(body);
  return entry;
}

}  // namespace bursar
