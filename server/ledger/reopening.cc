#include "server/ledger/reopening.h"

#include <algorithm>
#include <set>
#include <vector>

#include "server/ledger/limits.h"

namespace bursar {

namespace {

// What the hold reserves in a bound that the member meets; zero where it is not in its way (rule
// H3).
Amount ReservedIn(std::string_view member_id, const Evaluation& bound, const Hold& hold) {
  const bool own = hold.member_id == member_id;
  const auto extra_if = [&](bool reserves) { return reserves ? Amount(hold.extra) : Amount(); };
  if (bound.bucket == Bucket::kIncluded) {
    const bool pool = bound.scope == Scope::kOrganization;
    return hold.of_pool == pool && (pool || own) ? Amount(hold.included) : Amount();
  }
  if (bound.each_member) return extra_if(own);
  switch (bound.scope) {
    case Scope::kOrganization:
      break;
    case Scope::kMember:
      return extra_if(own);
    case Scope::kSeatTier:
      return extra_if(hold.tier_id == bound.scope_id);
    case Scope::kSurface:
    case Scope::kModel:
      return extra_if(NameOf(hold, bound.scope) == bound.scope_id);
  }
  return hold.extra;
}

// A state that is moved on through time.
class Forecast {
 public:
  Forecast(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
           const DecisionContext& context)
      : wallet_(wallet), member_id_(member_id), context_(context), state_(state) {
    for (size_t i = 0; i < state.bounds.size(); ++i) {
      ExpectAt(state.bounds[i].resets_at);
      if (state.bounds[i].limit_until != absl::InfiniteFuture()) {
        changes_.push_back({state.bounds[i].limit_until, i, std::nullopt});
      }
    }
    for (const AdmissionState::ReturningLimit& returning : state.returning) {
      ExpectAt(returning.bound.resets_at);
      changes_.push_back({returning.limit_from, state_.bounds.size(), returning.bound.limit});
      state_.bounds.push_back(returning.bound);
      state_.bounds.back().limit.reset();
    }
    for (const Change& change : changes_) ExpectAt(change.at);
  }

  // The next instant at which a bound begins anew or is another, after those that were taken.
  absl::Time Next() const { return instants_.empty() ? absl::InfiniteFuture() : *instants_.begin(); }

  // What begins anew at Next has nothing spent; a temporary limit that expires makes way.
  void MoveOn() {
    const absl::Time at = Next();
    instants_.erase(instants_.begin());
    for (Evaluation& bound : state_.bounds) {
      if (bound.resets_at == at) bound.spent = Amount();
    }
    for (const Change& change : changes_) {
      if (change.at == at) state_.bounds[change.bound].limit = change.limit;
    }
    state_.SumHeadrooms();
  }

  // The hold expires: released, or used up where the policy captures. Whether that leaves more.
  bool Expire(const Hold& hold) {
    const bool captured = wallet_.header.settings.hold_expiry_policy == HoldExpiryPolicy::kCapture;
    bool changed = false;
    for (Evaluation& bound : state_.bounds) {
      const Amount reserved = ReservedIn(member_id_, bound, hold);
      if (reserved.is_zero()) continue;
      bound.held -= reserved;
      if (captured) Spend(reserved, hold.expires_at, bound);
      changed = !captured;
    }
    if (changed) state_.SumHeadrooms();
    return changed;
  }

  const AdmissionState& state() const { return state_; }

 private:
  // A limit that is another from an instant on; empty: none any more, or not yet.
  struct Change {
    absl::Time at;
    size_t bound = 0;
    std::optional<Amount> limit;
  };

  void ExpectAt(absl::Time instant) {
    if (instant > context_.now && instant != absl::InfiniteFuture()) instants_.insert(instant);
  }

  // In a period after the present one that amount is there until that ends.
  void Spend(Amount amount, absl::Time at, Evaluation& bound) {
    bound.spent += amount;
    if (bound.source != BoundSource::kSpendLimit || bound.resets_at > at) return;
    DecisionContext then = context_;
    then.now = at;
    const WalletHeader& header = wallet_.header;
    bound.resets_at = bound.period == PeriodKind::kMonth
                          ? FindCurrentMonth(header.month, header.settings, then).counter.month.end
                          : FindCurrentPeriod(header, bound.period, then).counter.period.end;
    ExpectAt(bound.resets_at);
  }

  const Wallet& wallet_;
  const std::string_view member_id_;
  const DecisionContext& context_;
  AdmissionState state_;
  std::vector<Change> changes_;
  std::set<absl::Time> instants_;
};

}  // namespace

absl::Time AdmittedAt(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
                      const AdmissionAsk& ask, const DecisionContext& context) {
  if (state.suspended_organization || state.suspended_member) return absl::InfiniteFuture();
  Forecast forecast(wallet, member_id, state, context);
  auto expiry = wallet.hold_expiries.begin();
  while (true) {
    const absl::Time expires_at =
        expiry == wallet.hold_expiries.end() ? absl::InfiniteFuture() : expiry->first;
    const absl::Time at = std::min(expires_at, forecast.Next());
    if (at == absl::InfiniteFuture()) return at;
    bool changed = at == forecast.Next();
    if (changed) forecast.MoveOn();
    // At one instant holds come last (rule T3).
    for (; expiry != wallet.hold_expiries.end() && expiry->first == at; ++expiry) {
      changed |= forecast.Expire(wallet.holds.at(expiry->second));
    }
    if (changed && Admits(forecast.state(), ask)) return at;
  }
}

}  // namespace bursar
