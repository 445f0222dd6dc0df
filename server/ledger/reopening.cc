#include "server/ledger/reopening.h"

#include <algorithm>
#include <vector>

namespace bursar {

namespace {

// A state that is moved on through time.
class Forecast {
 public:
  Forecast(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
           absl::Time now)
      : wallet_(wallet), member_id_(member_id), state_(state) {
    for (const Evaluation& bound : state.bounds) {
      if (bound.resets_at > now && bound.resets_at != absl::InfiniteFuture()) {
        resets_.push_back(bound.resets_at);
      }
    }
    std::sort(resets_.begin(), resets_.end());
  }

  // The next instant at which a bound begins anew, after those that were taken.
  absl::Time NextReset() const {
    return next_reset_ == resets_.size() ? absl::InfiniteFuture() : resets_[next_reset_];
  }

  // What begins anew at NextReset has nothing spent.
  void Reset() {
    const absl::Time at = NextReset();
    while (NextReset() == at) ++next_reset_;
    for (Evaluation& bound : state_.bounds) {
      if (bound.resets_at == at) bound.spent = Amount();
    }
    state_.SumHeadrooms();
  }

  // The hold expires: released, or used up where the policy captures. Whether that changes a bound.
  bool Expire(const Hold& hold) {
    const bool captured = wallet_.header.settings.hold_expiry_policy == HoldExpiryPolicy::kCapture;
    bool changed = false;
    for (Evaluation& bound : state_.bounds) {
      const Amount reserved = ReservedIn(wallet_.header, member_id_, bound, hold);
      if (reserved.is_zero()) continue;
      bound.held -= reserved;
      if (captured) bound.spent += reserved;
      changed = !captured;
    }
    if (changed) state_.SumHeadrooms();
    return changed;
  }

  const AdmissionState& state() const { return state_; }

 private:
  const Wallet& wallet_;
  const std::string_view member_id_;
  AdmissionState state_;
  std::vector<absl::Time> resets_;
  size_t next_reset_ = 0;
};

}  // namespace

Amount ReservedIn(const WalletHeader& header, std::string_view member_id, const Evaluation& bound,
                  const Hold& hold) {
  const bool own = hold.member_id == member_id;
  if (bound.bucket == Bucket::kIncluded) {
    const bool pool = bound.scope == Scope::kOrganization;
    return hold.of_pool == pool && (pool || own) ? Amount(hold.included) : Amount();
  }
  if (bound.scope == Scope::kOrganization) return hold.extra;
  if (bound.scope == Scope::kMember) return own ? Amount(hold.extra) : Amount();
  const TierState* tier = header.FindTier(bound.scope_id);
  const bool together =
      tier != nullptr && tier->limit.has_value() && tier->limit->basis == LimitBasis::kTierTotal;
  return (together ? hold.tier_id == bound.scope_id : own) ? Amount(hold.extra) : Amount();
}

absl::Time AdmittedAt(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
                      const AdmissionAsk& ask, absl::Time now) {
  if (state.suspended_organization || state.suspended_member) return absl::InfiniteFuture();
  Forecast forecast(wallet, member_id, state, now);
  auto expiry = wallet.hold_expiries.begin();
  while (true) {
    const absl::Time expires_at =
        expiry == wallet.hold_expiries.end() ? absl::InfiniteFuture() : expiry->first;
    const absl::Time at = std::min(expires_at, forecast.NextReset());
    if (at == absl::InfiniteFuture()) return at;
    bool changed = at == forecast.NextReset();
    if (changed) forecast.Reset();
    // At one instant holds come last (rule T3).
    for (; expiry != wallet.hold_expiries.end() && expiry->first == at; ++expiry) {
      changed |= forecast.Expire(wallet.holds.at(expiry->second));
    }
    if (changed && Admits(forecast.state(), ask)) return at;
  }
}

}  // namespace bursar
