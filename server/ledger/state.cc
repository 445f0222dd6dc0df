#include "server/ledger/state.h"

#include <algorithm>
#include <utility>

#include "server/base/check.h"

namespace bursar {

const TierState* WalletHeader::FindTier(std::string_view tier_id) const {
  for (const TierState& tier : tiers) {
    if (tier.tier_id == tier_id) return &tier;
  }
  return nullptr;
}

TierState* WalletHeader::FindTier(std::string_view tier_id) {
  return const_cast<TierState*>(static_cast<const WalletHeader*>(this)->FindTier(tier_id));
}

Amount WalletHeader::Balance() const {
  Amount balance;
  for (const CreditGrant& grant : grants) balance += grant.remaining;
  return balance;
}

bool WalletHeader::PoolReopensWithMonth() const {
  if (!episode.has_value() || month.month.start == month.month.end) return false;
  // An episode that began with an empty balance may since be one of the limit, and the other way
  // round: what counts is what is in the way now. Holds are left out, because an episode never ends
  // by the release of one (rule N3).
  if (!limit.has_value() || !limit->amount.has_value()) return false;
  if (Amount(*limit->amount) > month.extra || limit->amount->value <= 0) return false;
  // Where the balance ran out too, only credit helps. A wallet that reached its limit without
  // overdraft and without ever being credited is a postpaid one.
  return overdraft.is_zero() && (totals.credited.is_zero() || Balance().is_positive());
}

absl::Time WalletHeader::NextDue() const {
  absl::Time due = absl::InfiniteFuture();
  for (const CreditGrant& grant : grants) due = std::min(due, grant.expires_at);
  if (pending_settings.has_value()) due = std::min(due, pending_settings->effective_at);
  for (const PendingSeat& seat : pending_seats) due = std::min(due, seat.effective_at);
  due = std::min(due, next_hold_expiry);
  if (PoolReopensWithMonth()) due = std::min(due, month.month.end);
  if (statement.IsOpen()) due = std::min(due, statement.period.end);
  return due;
}

void Wallet::InstallHold(Hold hold) {
  const int64_t sequence = hold.sequence;
  hold_expiries.insert({hold.expires_at, sequence});
  ++holds_of_members[hold.member_id];
  held_included += hold.included;
  const bool added = holds.emplace(sequence, std::move(hold)).second;
  BURSAR_CHECK(added);
}

void Wallet::TakeOffHold(int64_t sequence, Nanos included, Nanos extra) {
  Hold& hold = holds.at(sequence);
  BURSAR_CHECK(included <= hold.included && extra <= hold.extra);
  hold.included = Nanos(hold.included.value - included.value);
  hold.extra = Nanos(hold.extra.value - extra.value);
  held_included -= included;
}

void Wallet::MoveHoldExpiry(int64_t sequence, absl::Time expires_at) {
  Hold& hold = holds.at(sequence);
  hold_expiries.erase({hold.expires_at, sequence});
  hold.expires_at = expires_at;
  hold_expiries.insert({expires_at, sequence});
}

void Wallet::RemoveHold(int64_t sequence) {
  auto found = holds.find(sequence);
  BURSAR_CHECK(found != holds.end());
  const Hold& hold = found->second;
  hold_expiries.erase({hold.expires_at, sequence});
  auto of_member = holds_of_members.find(hold.member_id);
  if (--of_member->second == 0) holds_of_members.erase(of_member);
  held_included -= hold.included;
  holds.erase(found);
}

}  // namespace bursar
