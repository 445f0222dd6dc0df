#include "server/ledger/reopening.h"

#include <algorithm>
#include <vector>

#include "absl/container/inlined_vector.h"

namespace bursar {

namespace {

// Whether the tier's limit is one for all its members together.
bool IsTierTotal(const WalletHeader& header, std::string_view tier_id) {
  const TierState* tier = header.FindTier(tier_id);
  return tier != nullptr && tier->limit.has_value() && tier->limit->basis == LimitBasis::kTierTotal;
}

// A state that is moved on through time, from one reset to the next.
class Forecast {
 public:
  Forecast(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
           absl::Time now)
      : wallet_(wallet),
        member_id_(member_id),
        captures_(wallet.header.settings.hold_expiry_policy == HoldExpiryPolicy::kCapture),
        state_(state),
        next_expiry_(wallet.hold_expiries.begin()) {
    for (const Evaluation& bound : state.bounds) {
      of_whole_tier_.push_back(bound.bucket != Bucket::kIncluded &&
                               bound.scope == Scope::kSeatTier &&
                               IsTierTotal(wallet.header, bound.scope_id));
      if (bound.resets_at > now && bound.resets_at != absl::InfiniteFuture()) {
        resets_.push_back(bound.resets_at);
      }
    }
    std::sort(resets_.begin(), resets_.end());
  }

  const AdmissionState& state() const { return state_; }

  // The next instant at which a bound begins anew; InfiniteFuture after the last.
  absl::Time NextReset() const {
    return next_reset_ == resets_.size() ? absl::InfiniteFuture() : resets_[next_reset_];
  }

  // The first expiry before the next reset that makes room for the ask; InfiniteFuture where none
  // does. What is captured makes room for nothing.
  absl::Time RoomByExpiry(const AdmissionAsk& ask) {
    // Until the next reset holds only ever go: where even without all of them there is no room,
    // none of them needs to be looked at.
    if (captures_ || !Admits(state_.WithoutHolds(), ask)) return absl::InfiniteFuture();
    while (next_expiry_ != wallet_.hold_expiries.end() && next_expiry_->first < NextReset()) {
      const absl::Time at = next_expiry_->first;
      ExpireThose([at](absl::Time expires_at) { return expires_at == at; });
      state_.SumHeadrooms();
      if (Admits(state_, ask)) return at;
    }
    return absl::InfiniteFuture();
  }

  // Moves on to the next reset: the holds that expire before it are over, and what begins anew has
  // nothing spent. What expires in that very instant comes after it (rule T3).
  void Reset() {
    const absl::Time at = NextReset();
    const auto& expiries = wallet_.hold_expiries;
    if (next_expiry_ != expiries.end() && expiries.rbegin()->first < at) {
      ExpireAll();
    } else {
      ExpireThose([at](absl::Time expires_at) { return expires_at < at; });
    }
    while (NextReset() == at) ++next_reset_;
    for (Evaluation& bound : state_.bounds) {
      if (bound.resets_at == at) bound.spent = Amount();
    }
    state_.SumHeadrooms();
  }

 private:
  // Takes what is no longer held off the bound: released, or used up where the policy captures.
  void TakeOff(Evaluation& bound, Amount held) const {
    bound.held -= held;
    if (captures_) bound.spent += held;
  }

  void ExpireAll() {
    for (Evaluation& bound : state_.bounds) TakeOff(bound, bound.held);
    next_expiry_ = wallet_.hold_expiries.end();
  }

  template <typename Predicate>
  void ExpireThose(const Predicate& expires) {
    for (; next_expiry_ != wallet_.hold_expiries.end() && expires(next_expiry_->first);
         ++next_expiry_) {
      const Hold& hold = wallet_.holds.at(next_expiry_->second);
      for (size_t i = 0; i < state_.bounds.size(); ++i) TakeOff(state_.bounds[i], Held(i, hold));
    }
  }

  // What the hold reserves in a bound; zero where it is not in its way (rule H3).
  Amount Held(size_t index, const Hold& hold) const {
    const Evaluation& bound = state_.bounds[index];
    const bool own = hold.member_id == member_id_;
    if (bound.bucket == Bucket::kIncluded) {
      const bool pool = bound.scope == Scope::kOrganization;
      return hold.of_pool == pool && (pool || own) ? Amount(hold.included) : Amount();
    }
    const bool meets = bound.scope == Scope::kOrganization ||
                       (of_whole_tier_[index] ? hold.tier_id == bound.scope_id : own);
    return meets ? Amount(hold.extra) : Amount();
  }

  const Wallet& wallet_;
  const std::string_view member_id_;
  const bool captures_;
  AdmissionState state_;
  absl::InlinedVector<bool, 8> of_whole_tier_;  // By bound.
  std::vector<absl::Time> resets_;
  size_t next_reset_ = 0;
  std::set<std::pair<absl::Time, int64_t>>::const_iterator next_expiry_;
};

}  // namespace

absl::Time AdmittedAt(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
                      const AdmissionAsk& ask, absl::Time now) {
  if (state.suspended_organization || state.suspended_member) return absl::InfiniteFuture();
  Forecast forecast(wallet, member_id, state, now);
  while (true) {
    const absl::Time by_expiry = forecast.RoomByExpiry(ask);
    const absl::Time reset = forecast.NextReset();
    if (by_expiry != absl::InfiniteFuture() || reset == absl::InfiniteFuture()) return by_expiry;
    forecast.Reset();
    if (Admits(forecast.state(), ask)) return reset;
  }
}

}  // namespace bursar
