// Refunds and corrections (rule R7).
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/charging.h"
#include "server/ledger/ledger.h"

namespace bursar {

namespace {

// Credit that comes back is good at least that long.
constexpr absl::Duration kRefundLifetime = absl::Hours(24 * 30);

// The credit that comes back for `amount` of a prepaid charge's extra usage, of which `before` came
// back earlier, by when it expires. What was drawn last comes back first: overdraft, then the grant
// that expires last.
std::map<absl::Time, Amount> CreditByExpiry(const ChargeFacts& facts, Amount before, Amount amount,
                                            absl::Time now) {
  std::map<absl::Time, Amount> credit;
  const absl::Time earliest = now + kRefundLifetime;
  const auto give_back = [&](Amount drawn, absl::Time expires_at) {
    const Amount skipped = Min(before, drawn);
    before -= skipped;
    const Amount taken = Min(amount, drawn - skipped);
    amount -= taken;
    if (taken.is_positive()) credit[std::max(earliest, expires_at)] += taken;
  };
  give_back(facts.overdraft, earliest);
  for (auto draw = facts.grant_draws.rbegin(); draw != facts.grant_draws.rend(); ++draw) {
    give_back(draw->amount, draw->expires_at);
  }
  return credit;
}

// Which counters of included usage still count the charge: those of instances that were open when
// it was recorded and are open now.
void FindOpenWindows(const Wallet& wallet, const Member& member, int64_t sequence,
                     const DecisionContext& context, EntryReversed& reversed) {
  const WalletHeader& header = wallet.header;
  reversed.of_pool = reversed.facts.of_pool;
  if (reversed.included.value == 0) return;
  for (const WindowCounter& counter : reversed.of_pool ? header.pool_windows : member.windows) {
    const bool counted =
        counter.opened_sequence < sequence && counter.window.Contains(reversed.facts.recorded_at);
    if (counted && counter.window.Contains(context.now)) reversed.windows.push_back(counter.kind);
  }
}

}  // namespace

Reversal ReversalOf(int64_t sequence, absl::Time recorded_at, const UsageCharged& charge) {
  Reversal reversal;
  reversal.sequence = sequence;
  ChargeFacts& facts = reversal.facts;
  facts.member_id = charge.member_id;
  facts.tier_id = charge.tier_id;
  facts.surface = charge.surface;
  facts.provider = charge.provider;
  facts.model = charge.model;
  facts.recorded_at = recorded_at;
  facts.included = charge.included;
  facts.extra = charge.extra;
  facts.metered = charge.metered;
  facts.grant_draws = charge.grant_draws;
  facts.overdraft = charge.overdraft;
  facts.of_pool = charge.of_pool;
  return reversal;
}

std::vector<EntryBody> TakeBack(const Wallet& wallet, const Reversal& reversal,
                                int64_t hold_sequence, Nanos amount, const std::string& reason,
                                const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const ChargeFacts& facts = reversal.facts;
  const Member* member = wallet.FindMember(facts.member_id);
  BURSAR_CHECK(member != nullptr);
  BURSAR_CHECK(amount.value > 0 && amount <= reversal.Left());
  EntryReversed reversed;
  reversed.reversed_sequence = reversal.sequence;
  reversed.hold_sequence = hold_sequence;
  reversed.facts = facts;
  reversed.reason = reason;
  // Extra first; a charge draws extra or metered usage, never both.
  int64_t rest = amount.value;
  reversed.extra = Nanos(std::min(rest, facts.extra.value - reversal.extra.value));
  rest -= reversed.extra.value;
  reversed.metered = Nanos(std::min(rest, facts.metered.value - reversal.metered.value));
  rest -= reversed.metered.value;
  reversed.included = Nanos(rest);
  const CurrentMonth month = FindCurrentMonth(header.month, header.settings, context);
  reversed.lowers_month = month.opened && month.counter.month.Contains(facts.recorded_at);
  FindOpenWindows(wallet, *member, reversal.sequence, context, reversed);

  const Amount before = Amount(reversal.extra) + Amount(reversal.metered);
  const Amount now = Amount(reversed.extra) + Amount(reversed.metered);
  std::vector<EntryBody> bodies;
  bodies.push_back(std::move(reversed));
  Amount overdraft = header.overdraft;
  for (const auto& [expires_at, credit] : CreditByExpiry(facts, before, now, context.now)) {
    CreditGranted granted;
    granted.kind = CreditKind::kAdjustment;
    granted.amount = *credit.ToNanos();
    granted.expires_at = expires_at;
    granted.reference = absl::StrCat("refund of entry ", reversal.sequence);
    granted.repaid_overdraft = *Min(overdraft, credit).ToNanos();
    granted.refund_of = reversal.sequence;
    overdraft -= granted.repaid_overdraft;
    bodies.push_back(std::move(granted));
  }
  return bodies;
}

absl::StatusOr<Decision<ReverseEntryOutcome>> Decide(const Wallet& wallet,
                                                     const ReverseEntryCommand& command,
                                                     const DecisionContext& context) {
  absl::Status currency =
      CheckCurrency(wallet.header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  const Reversal* reversal = nullptr;
  if (command.hold_sequence != 0) {
    const EndedHold* ended = wallet.FindEndedHold(command.hold_sequence);
    if (ended != nullptr && ended->capture.has_value()) reversal = &*ended->capture;
  } else if (auto found = wallet.reversals.find(command.sequence);
             found != wallet.reversals.end()) {
    reversal = &found->second;
  }
  if (reversal == nullptr || reversal->sequence != command.sequence) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("entry ", command.sequence,
                                                   " is no charge: only charges can be reversed")),
        "NOT_REVERSIBLE");
  }
  const Nanos left = reversal->Left();
  if (left.value <= 0) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "nothing is left to reverse of entry ", command.sequence, ", which cost ",
            FormatAmount(reversal->facts.Cost()), " ", wallet.header.settings.currency_code)),
        "ALREADY_REVERSED");
  }
  const Nanos amount = command.amount.value_or(left);
  if (amount.value <= 0) return InvalidField("amount", "must be more than zero");
  if (amount > left) {
    return InvalidField(
        "amount", absl::StrCat("must be at most what is left of the charge, ", FormatAmount(left),
                               " ", wallet.header.settings.currency_code));
  }
  Decision<ReverseEntryOutcome> decision;
  decision.bodies =
      TakeBack(wallet, *reversal, command.hold_sequence, amount, command.reason, context);
  decision.outcome.reversed = std::get<EntryReversed>(decision.bodies.front());
  decision.outcome.left = Nanos(left.value - amount.value);
  for (const EntryBody& body : decision.bodies) {
    const auto* granted = std::get_if<CreditGranted>(&body);
    if (granted == nullptr) continue;
    decision.outcome.returned_credit =
        Nanos(decision.outcome.returned_credit.value + granted->amount.value);
  }
  return decision;
}

}  // namespace bursar
