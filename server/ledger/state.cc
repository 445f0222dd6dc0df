#include "server/ledger/state.h"

#include <algorithm>
#include <utility>

#include "server/base/check.h"

namespace bursar {

namespace {

// When a limit leaves headroom: long past where it does now, with the end of its period where what
// was spent in that is in the way, InfiniteFuture where time alone never brings it.
absl::Time HeadroomAt(const std::optional<Nanos>& limit, Amount held, Amount spent,
                      absl::Time period_end) {
  if (!limit.has_value()) return absl::InfinitePast();
  const Amount unheld = Amount(*limit) - held;
  if (!unheld.is_positive()) return absl::InfiniteFuture();
  return unheld <= spent ? period_end : absl::InfinitePast();
}

}  // namespace

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

namespace {

bool ComesBefore(const NamedScope& named, const std::pair<Scope, std::string_view>& key) {
  if (named.scope != key.first) return named.scope < key.first;
  return std::string_view(named.id) < key.second;
}

// When a limit that is reached is open again: InfinitePast where it is not reached, InfiniteFuture
// where it is zero.
absl::Time ReopensAt(const SpendLimit& limit, const Window& period, Amount spent) {
  const std::optional<Nanos>& amount = limit.InForce();
  if (!amount.has_value() || Amount(*amount) > spent) return absl::InfinitePast();
  if (amount->value <= 0 || period.start == period.end) return absl::InfiniteFuture();
  return period.end;
}

}  // namespace

const NamedScope* WalletHeader::FindNamed(Scope scope, std::string_view id) const {
  const auto found = std::lower_bound(named_scopes.begin(), named_scopes.end(),
                                      std::make_pair(scope, id), ComesBefore);
  const bool is_it = found != named_scopes.end() && found->scope == scope && found->id == id;
  return is_it ? &*found : nullptr;
}

NamedScope* WalletHeader::FindNamed(Scope scope, std::string_view id) {
  return const_cast<NamedScope*>(static_cast<const WalletHeader*>(this)->FindNamed(scope, id));
}

absl::Time WalletHeader::PoolReopensAt() const {
  if (!episode.has_value()) return absl::InfiniteFuture();
  // An episode that began with an empty balance may since be one of a limit, and the other way
  // round: what counts is what is in the way now. Holds are left out, because an episode never ends
  // by the release of one (rule N3).
  absl::Time reopens = absl::InfinitePast();
  if (limit.has_value()) reopens = ReopensAt(*limit, month.month, month.extra);
  for (const PeriodLimit& other : period_limits) {
    // An hour's limit is for each member: it never ends the pool.
    if (other.period == PeriodKind::kHour) continue;
    const PeriodCounter& counter = other.period == PeriodKind::kWeek ? recent.week : recent.day;
    reopens = std::max(reopens, ReopensAt(other.limit, counter.period, counter.extra));
  }
  if (reopens == absl::InfinitePast()) return absl::InfiniteFuture();
  if (funding == Funding::kPostpaid) return reopens;
  // Where the balance ran out too, only credit helps. A wallet that began so, and reached its limit
  // without overdraft and without ever being credited, is a postpaid one.
  const bool has_balance =
      Balance().is_positive() || (!funding.has_value() && totals.credited.is_zero());
  return overdraft.is_zero() && has_balance ? reopens : absl::InfiniteFuture();
}

Amount WalletHeader::Available() const { return Balance() - overdraft - held_extra; }

const Payment* WalletHeader::FindOpenPayment(int64_t sequence) const {
  for (const Payment& payment : open_payments) {
    if (payment.sequence == sequence) return &payment;
  }
  return nullptr;
}

const Payment* WalletHeader::ReloadInFlight() const {
  for (const Payment& payment : open_payments) {
    if (payment.kind == PaymentKind::kReload) return &payment;
  }
  return nullptr;
}

absl::Time WalletHeader::ReloadAllowedAt() const {
  const AutoReloadSettings& set = reload.settings;
  const bool may_draw = extra_enabled || reload.metered;
  if (!set.enabled || !may_draw || reload.pause != ReloadPause::kNone ||
      settings.status != AccountStatus::kActive || ReloadInFlight() != nullptr) {
    return absl::InfiniteFuture();
  }
  absl::Time at = reload.not_before;
  if (reload.attempts >= set.max_attempts_a_day) at = std::max(at, reload.day.end);
  if (reload.month_money + set.amount > Amount(set.monthly_cap))
    at = std::max(at, reload.month.end);
  // Money that a spend limit of the organization does not let anybody draw is not asked for.
  if (limit.has_value()) {
    at = std::max(at, HeadroomAt(limit->InForce(), held_extra, month.extra, month.month.end));
  }
  for (const PeriodLimit& other : period_limits) {
    if (other.period == PeriodKind::kHour) continue;
    const PeriodCounter& counter = other.period == PeriodKind::kWeek ? recent.week : recent.day;
    at = std::max(at,
                  HeadroomAt(other.limit.InForce(), held_extra, counter.extra, counter.period.end));
  }
  return at;
}

absl::Time WalletHeader::NextReload() const {
  if (!reload.settings.enabled) return absl::InfiniteFuture();
  return Available() <= Amount(reload.settings.threshold) ? ReloadAllowedAt()
                                                          : absl::InfiniteFuture();
}

absl::Time WalletHeader::NextDue() const {
  absl::Time due = absl::InfiniteFuture();
  for (const CreditGrant& grant : grants) due = std::min(due, grant.expires_at);
  if (pending_settings.has_value()) due = std::min(due, pending_settings->effective_at);
  for (const PendingSeat& seat : pending_seats) due = std::min(due, seat.effective_at);
  due = std::min(due, next_hold_expiry);
  if (!raises.empty()) due = std::min(due, raises.front().expires_at);
  due = std::min(due, next_digest);
  due = std::min(due, PoolReopensAt());
  for (const Payment& payment : open_payments) due = std::min(due, payment.times_out_at);
  due = std::min(due, NextReload());
  if (statement.IsOpen()) due = std::min(due, statement.period.end);
  return due;
}

const Payment* Wallet::FindPayment(int64_t sequence) const {
  const Payment* open = header.FindOpenPayment(sequence);
  if (open != nullptr) return open;
  auto found = payments.find(sequence);
  return found == payments.end() ? nullptr : &found->second;
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
