#include "server/ledger/reopening.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "server/ledger/limits.h"

namespace bursar {

namespace {

// A state that is moved on through time, from one instant at which something begins anew or a
// temporary limit expires to the next.
class Forecast {
 public:
  Forecast(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
           const DecisionContext& context)
      : wallet_(wallet),
        member_id_(member_id),
        context_(context),
        captures_(wallet.header.settings.hold_expiry_policy == HoldExpiryPolicy::kCapture),
        state_(state),
        next_expiry_(wallet.hold_expiries.begin()) {
    for (size_t i = 0; i < state.bounds.size(); ++i) {
      instants_.push_back(state.bounds[i].resets_at);
      if (state.bounds[i].limit_until != absl::InfiniteFuture()) {
        changes_.push_back({state.bounds[i].limit_until, i, std::nullopt});
      }
    }
    for (const AdmissionState::ReturningLimit& returning : state.returning) {
      instants_.push_back(returning.bound.resets_at);
      changes_.push_back({returning.limit_from, state_.bounds.size(), returning.bound.limit});
      state_.bounds.push_back(returning.bound);
      state_.bounds.back().limit.reset();
    }
    for (const Change& change : changes_) instants_.push_back(change.at);
    std::erase_if(instants_, [&](absl::Time instant) {
      return instant <= context.now || instant == absl::InfiniteFuture();
    });
    std::sort(instants_.begin(), instants_.end());
  }

  const AdmissionState& state() const { return state_; }

  // The next instant at which a bound begins anew or is another; InfiniteFuture after the last.
  absl::Time NextReset() const {
    return next_instant_ == instants_.size() ? absl::InfiniteFuture() : instants_[next_instant_];
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
    while (NextReset() == at) ++next_instant_;
    for (Evaluation& bound : state_.bounds) {
      if (bound.resets_at == at) BeginAnew(bound);
    }
    for (const Change& change : changes_) {
      if (change.at == at) state_.bounds[change.bound].limit = change.limit;
    }
    state_.SumHeadrooms();
  }

 private:
  // A limit that is another from an instant on; empty: none any more.
  struct Change {
    absl::Time at;
    size_t bound = 0;
    std::optional<Amount> limit;
  };

  // Holds that are captured in the period that begins are used up until that ends.
  void BeginAnew(Evaluation& bound) {
    bound.spent = Amount();
    const bool refills = captures_ && next_expiry_ != wallet_.hold_expiries.end();
    if (!refills || bound.source != BoundSource::kSpendLimit) return;
    DecisionContext then = context_;
    then.now = bound.resets_at;
    const WalletHeader& header = wallet_.header;
    bound.resets_at = bound.period == PeriodKind::kMonth
                          ? FindCurrentMonth(header.month, header.settings, then).counter.month.end
                          : FindCurrentPeriod(header, bound.period, then).counter.period.end;
    const auto place = instants_.begin() + static_cast<int64_t>(next_instant_);
    instants_.insert(std::upper_bound(place, instants_.end(), bound.resets_at), bound.resets_at);
  }

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
      for (Evaluation& bound : state_.bounds) TakeOff(bound, Held(bound, hold));
    }
  }

  // What the hold reserves in a bound; zero where it is not in its way (rule H3).
  Amount Held(const Evaluation& bound, const Hold& hold) const {
    const bool own = hold.member_id == member_id_;
    if (bound.bucket == Bucket::kIncluded) {
      const bool pool = bound.scope == Scope::kOrganization;
      return hold.of_pool == pool && (pool || own) ? Amount(hold.included) : Amount();
    }
    const auto extra_if = [&](bool meets) { return meets ? Amount(hold.extra) : Amount(); };
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

  const Wallet& wallet_;
  const std::string_view member_id_;
  const DecisionContext& context_;
  const bool captures_;
  AdmissionState state_;
  std::vector<Change> changes_;
  std::vector<absl::Time> instants_;
  size_t next_instant_ = 0;
  std::set<std::pair<absl::Time, int64_t>>::const_iterator next_expiry_;
};

}  // namespace

absl::Time AdmittedAt(const Wallet& wallet, std::string_view member_id, const AdmissionState& state,
                      const AdmissionAsk& ask, const DecisionContext& context) {
  if (state.suspended_organization || state.suspended_member) return absl::InfiniteFuture();
  Forecast forecast(wallet, member_id, state, context);
  while (true) {
    const absl::Time by_expiry = forecast.RoomByExpiry(ask);
    const absl::Time reset = forecast.NextReset();
    if (by_expiry != absl::InfiniteFuture() || reset == absl::InfiniteFuture()) return by_expiry;
    forecast.Reset();
    if (Admits(forecast.state(), ask)) return reset;
  }
}

}  // namespace bursar
