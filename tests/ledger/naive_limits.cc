// The naive model's limits, the periods they count in, and changes of plan.
#include <algorithm>

#include "tests/ledger/naive_wallet.h"

namespace bursar {

using Kind = NaiveEvent::Kind;

namespace {

constexpr PeriodKind kPeriods[] = {PeriodKind::kMonth, PeriodKind::kWeek, PeriodKind::kDay,
                                   PeriodKind::kHour};

std::string WithoutProvider(const std::string& model) {
  const size_t slash = model.rfind('/');
  return slash == std::string::npos ? model : model.substr(slash + 1);
}

bool Matches(const std::string& wanted, const std::string& is) {
  return wanted.empty() || wanted == is;
}

bool OpensPeriods(const NaiveEvent& event, PeriodKind kind) {
  if (event.kind != Kind::kCharge) return false;
  return kind == PeriodKind::kMonth || event.extra.is_positive();
}

}  // namespace

const Plan& NaiveWallet::plan() const {
  // Every event knows the plan that it met.
  if (events_.empty()) return first_plan_;
  const NaiveEvent& last = events_.back();
  return last.kind == Kind::kPlan ? *last.next_plan : *last.plan;
}

bool NaiveWallet::EverChangedPlan() const {
  return std::any_of(events_.begin(), events_.end(),
                     [](const NaiveEvent& event) { return event.kind == Kind::kPlan; });
}

absl::StatusCode NaiveWallet::ChangePlan(const Plan& plan) {
  if (&plan == &this->plan()) return absl::StatusCode::kOk;
  if (plan.max_members > 0 && SeatCount() > plan.max_members) {
    return absl::StatusCode::kFailedPrecondition;
  }
  NaiveEvent event = Event(Kind::kPlan);
  event.next_plan = &plan;
  events_.push_back(event);
  if (!plan.metered && !CurrentExtra().enabled) episode_open_ = false;
  return absl::StatusCode::kOk;
}

// ---- Periods: the organization's, opened by what counts in them.

Window NaiveWallet::PeriodAt(PeriodKind kind, absl::Time instant) const {
  Window period;
  bool any = false;
  const auto open_at = [&](absl::Time when, absl::Time effect_at) {
    if (any && period.start <= when && when < period.end) return;
    Window next = CalendarPeriodAt(when, kind, *zones_.Find(SettingsAt(effect_at).time_zone));
    if (any && next.start < period.end) next.start = period.end;
    period = next;
    any = true;
  };
  if (kind == PeriodKind::kHour) return CalendarPeriodAt(instant, kind, Zone());
  for (const NaiveEvent& event : events_) {
    if (OpensPeriods(event, kind) && event.at <= instant) open_at(event.at, event.effect_at);
  }
  open_at(instant, instant == now_ ? effect_at_ : instant);
  return period;
}

Window NaiveWallet::LastPeriod(PeriodKind kind) const {
  absl::Time last = absl::InfinitePast();
  for (const NaiveEvent& event : events_) {
    if (OpensPeriods(event, kind)) last = event.at;
  }
  return last == absl::InfinitePast() ? Window() : PeriodAt(kind, last);
}

bool NaiveWallet::OpensPeriod() const {
  return !LastPeriod(PeriodKind::kWeek).Contains(now_) ||
         !LastPeriod(PeriodKind::kDay).Contains(now_);
}

Amount NaiveWallet::SpentIn(const Window& period, const Selection& selection) const {
  const auto counts = [&](const NaiveEvent& charge) {
    return period.Contains(charge.at) && Matches(selection.member_id, charge.member_id) &&
           Matches(selection.tier_id, charge.charge_tier) &&
           Matches(selection.surface, charge.surface) &&
           Matches(selection.model, WithoutProvider(charge.model));
  };
  Amount sum;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kCharge && counts(event)) sum += event.extra;
    if (event.kind != Kind::kReversal || !period.Contains(event.at)) continue;
    if (counts(ChargeEvent(event.id))) sum -= event.extra;
  }
  return sum;
}

Amount NaiveWallet::SpentIn(PeriodKind kind, const Selection& selection) const {
  return SpentIn(PeriodAt(kind, now_), selection);
}

// ---- Limits.

std::optional<NaiveWallet::LimitValue> NaiveWallet::LimitOf(Scope scope,
                                                            const std::string& scope_id,
                                                            PeriodKind period,
                                                            absl::Time instant) const {
  NaiveLimit base;
  std::optional<NaiveLimit> raise;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kLimit || event.scope != scope || event.member_id != scope_id) continue;
    if (event.limit.period != period) continue;
    if (event.limit.expires_at.has_value()) {
      raise = event.limit;
    } else {
      base = event.limit;
      raise.reset();
    }
  }
  if (raise.has_value() && instant < *raise->expires_at) base = *raise;
  if (!base.amount.has_value()) return std::nullopt;
  return LimitValue{*base.amount, base.basis};
}

absl::Time NaiveWallet::RaisedUntil(Scope scope, const std::string& scope_id,
                                    PeriodKind period) const {
  std::optional<absl::Time> expires_at;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kLimit || event.scope != scope || event.member_id != scope_id) continue;
    if (event.limit.period == period) expires_at = event.limit.expires_at;
  }
  return expires_at.has_value() && effect_at_ < *expires_at ? *expires_at : absl::InfiniteFuture();
}

// Whether there is something that could be lifted.
bool NaiveWallet::IsLimitSet(Scope scope, const std::string& scope_id, PeriodKind period) const {
  bool set = false;
  bool base = false;
  std::optional<absl::Time> raised_until;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kLimit || event.scope != scope || event.member_id != scope_id) continue;
    if (event.limit.period != period) continue;
    set = true;
    if (event.limit.expires_at.has_value()) {
      raised_until = event.limit.expires_at;
    } else {
      base = event.limit.amount.has_value();
      raised_until.reset();
    }
  }
  if (scope == Scope::kSeatTier && period == PeriodKind::kMonth) return set;
  return base || (raised_until.has_value() && now_ < *raised_until);
}

absl::StatusCode NaiveWallet::SetLimit(Scope scope, const std::string& scope_id,
                                       const NaiveLimit& limit) {
  const bool named = scope == Scope::kSurface || scope == Scope::kModel;
  const bool hour = limit.period == PeriodKind::kHour;
  if (hour && (named || limit.basis == LimitBasis::kTierTotal)) {
    return absl::StatusCode::kInvalidArgument;
  }
  if (limit.expires_at.has_value() && *limit.expires_at <= now_) {
    return absl::StatusCode::kInvalidArgument;
  }
  const std::string id = scope == Scope::kOrganization ? ""
                         : scope == Scope::kModel      ? WithoutProvider(scope_id)
                                                       : scope_id;
  const bool lifts = !limit.amount.has_value() && IsLimitSet(scope, id, limit.period);
  const bool allowed = scope == Scope::kSeatTier  ? plan().tier_limits_allowed
                       : scope == Scope::kSurface ? plan().surface_limits_allowed
                       : scope == Scope::kModel   ? plan().model_limits_allowed
                                                  : true;
  if (!allowed && !lifts) return absl::StatusCode::kFailedPrecondition;
  if (scope == Scope::kMember && !MemberAt(scope_id, now_).exists) {
    return absl::StatusCode::kNotFound;
  }
  NaiveEvent event = Event(Kind::kLimit);
  event.scope = scope;
  event.member_id = id;
  event.limit = limit;
  events_.push_back(event);
  return absl::StatusCode::kOk;
}

// ---- What a request meets.

void NaiveWallet::MeetLimit(const Request& request, Scope scope, const std::string& scope_id,
                            PeriodKind period, Situation& situation) const {
  const std::vector<NaiveHold> open = OpenHolds();
  const auto bound_of = [&](const LimitValue& limit) {
    const bool hour = period == PeriodKind::kHour;
    const bool tier = scope == Scope::kSeatTier;
    // An hour's limit of more than one member counts each alone.
    const bool alone =
        scope == Scope::kMember || hour || (tier && limit.basis == LimitBasis::kEachMember);
    Selection selection;
    if (alone) selection.member_id = request.member_id;
    if (tier && !hour) selection.tier_id = request.tier_id;
    if (scope == Scope::kSurface) selection.surface = scope_id;
    if (scope == Scope::kModel) selection.model = scope_id;
    Bound bound;
    bound.period = period;
    bound.reason = scope == Scope::kMember || hour ? DenialReason::kMemberLimitReached
                   : tier                          ? DenialReason::kSeatTierLimitReached
                                                   : DenialReason::kOrganizationLimitReached;
    bound.pool = scope == Scope::kOrganization && !hour;
    bound.limit = limit.amount;
    bound.spent = SpentIn(period, selection);
    bound.reset = PeriodAt(period, now_).end;
    for (const NaiveHold& hold : open) {
      if (hold.id == request.settling) continue;
      const bool mine = alone                      ? hold.member_id == request.member_id
                        : tier                     ? hold.tier_id == request.tier_id
                        : scope == Scope::kSurface ? hold.surface == scope_id
                        : scope == Scope::kModel   ? WithoutProvider(hold.model) == scope_id
                                                   : true;
      if (mine) bound.holds.emplace_back(hold.expires_at, hold.extra);
    }
    return bound;
  };
  const absl::Time until = RaisedUntil(scope, scope_id, period);
  if (const auto limit = LimitOf(scope, scope_id, period, now_); limit.has_value()) {
    situation.bounds.push_back(bound_of(*limit));
    situation.bounds.back().until = until;
    if (limit->amount.value == 0) situation.zero_limit = true;
  }
  if (until == absl::InfiniteFuture()) return;
  if (const auto limit = LimitOf(scope, scope_id, period, until); limit.has_value()) {
    situation.returning.push_back(bound_of(*limit));
    situation.returning.back().from = until;
  }
}

void NaiveWallet::MeetBounds(const Request& request, Situation& situation) const {
  const std::string model = WithoutProvider(request.model);
  const auto meet = [&](Scope scope, const std::string& scope_id) {
    for (const PeriodKind period : kPeriods) {
      if (period == PeriodKind::kHour && scope != Scope::kMember) continue;
      MeetLimit(request, scope, scope_id, period, situation);
    }
  };
  meet(Scope::kMember, request.member_id);
  if (plan().tier_limits_allowed) {
    MeetLimit(request, Scope::kSeatTier, request.tier_id, PeriodKind::kHour, situation);
  }
  MeetLimit(request, Scope::kOrganization, "", PeriodKind::kHour, situation);
  if (plan().tier_limits_allowed) meet(Scope::kSeatTier, request.tier_id);
  if (plan().surface_limits_allowed) meet(Scope::kSurface, request.surface);
  if (plan().model_limits_allowed && !model.empty()) meet(Scope::kModel, model);
  meet(Scope::kOrganization, "");
  if (plan().funding != Funding::kPrepaid) return;
  const Credit credit = CreditAt(effect_at_);
  Bound balance;
  balance.reason = DenialReason::kBalanceExhausted;
  balance.pool = true;
  balance.limit = credit.balance;
  balance.spent = credit.overdraft;
  for (const NaiveHold& hold : OpenHolds()) {
    if (hold.id != request.settling) balance.holds.emplace_back(hold.expires_at, hold.extra);
  }
  situation.bounds.push_back(balance);
}

Window NaiveWallet::LaterPeriod(const Bound& bound, absl::Time at) const {
  const bool hour = bound.period == PeriodKind::kHour;
  const Zone zone = hour ? Zone() : *zones_.Find(SettingsAt(effect_at_).time_zone);
  Window period = CalendarPeriodAt(at, *bound.period, zone);
  period.start = std::max(period.start, bound.reset);
  return period;
}

// ---- Episodes.

bool NaiveWallet::PoolBlocked() const {
  for (const PeriodKind period : kPeriods) {
    if (period == PeriodKind::kHour) continue;
    const std::optional<LimitValue> limit = LimitOf(Scope::kOrganization, "", period, now_);
    if (limit.has_value() && Amount(limit->amount) <= SpentIn(period, {})) return true;
  }
  if (plan().funding != Funding::kPrepaid) return false;
  const Credit credit = CreditAt(effect_at_);
  return !(credit.balance - credit.overdraft).is_positive();
}

void NaiveWallet::EndEpisodeIfLifted() {
  if (episode_open_ && !PoolBlocked()) episode_open_ = false;
}

absl::Time NaiveWallet::PoolReopensAt() const {
  absl::Time reopens = absl::InfinitePast();
  for (const PeriodKind period : kPeriods) {
    if (period == PeriodKind::kHour) continue;
    const std::optional<LimitValue> limit = LimitOf(Scope::kOrganization, "", period, effect_at_);
    if (!limit.has_value()) continue;
    const Window last = LastPeriod(period);
    const Amount spent = last == Window() ? Amount() : SpentIn(last, {});
    if (Amount(limit->amount) > spent) continue;
    const bool for_ever = limit->amount.value == 0 || last == Window();
    reopens = std::max(reopens, for_ever ? absl::InfiniteFuture() : last.end);
  }
  return reopens == absl::InfinitePast() ? absl::InfiniteFuture() : reopens;
}

absl::Time NaiveWallet::NextRaiseExpiry(absl::Time after, absl::Time until) const {
  absl::Time next = absl::InfiniteFuture();
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kLimit || !event.limit.expires_at.has_value()) continue;
    const absl::Time expires_at = *event.limit.expires_at;
    if (after < expires_at && expires_at <= until &&
        RaisedUntil(event.scope, event.member_id, event.limit.period) == expires_at) {
      next = std::min(next, expires_at);
    }
  }
  return next;
}

// The periods that were charged last end an episode of their limits, once they are over.
void NaiveWallet::EndEpisodeWithPeriods(absl::Time before) {
  const absl::Time reopens = PoolReopensAt();
  if (!episode_open_ || reopens >= before) return;
  const bool known = EverChangedPlan();
  if (!known || plan().funding == Funding::kPrepaid) {
    const Credit credit = CreditAt(std::max(reopens, effect_at_));
    if (!credit.overdraft.is_zero()) return;
    if ((known || EverCredited()) && !credit.balance.is_positive()) return;
  }
  episode_open_ = false;
}

}  // namespace bursar
