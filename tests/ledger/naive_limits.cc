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

void NaiveWallet::MeetLimits(const Request& request, Scope scope, const std::string& scope_id,
                             Situation& situation) const {
  const bool tier = scope == Scope::kSeatTier;
  const std::vector<NaiveHold> open = OpenHolds();
  const auto held = [&](const auto& mine) {
    Amount sum;
    for (const NaiveHold& hold : open) {
      if (hold.id != request.settling && mine(hold)) sum += hold.extra;
    }
    return sum;
  };
  const auto add = [&](PeriodKind period, DenialReason reason, const LimitValue& limit,
                       Amount spent, bool pool) {
    const bool zero = limit.amount.value == 0;
    if (zero) situation.zero_limit = true;
    situation.bounds.push_back({reason, limit.amount, Amount(limit.amount) - spent,
                                zero ? absl::InfiniteFuture() : PeriodAt(period, now_).end, pool});
  };
  const auto of_member = [&](const NaiveHold& hold) { return hold.member_id == request.member_id; };
  for (const PeriodKind period : kPeriods) {
    const std::optional<LimitValue> limit = LimitOf(scope, scope_id, period, now_);
    if (!limit.has_value() || (period == PeriodKind::kHour && scope != Scope::kMember)) continue;
    const bool together = tier && limit->basis == LimitBasis::kTierTotal;
    if (scope == Scope::kMember || (tier && !together)) {
      Selection own{request.member_id, tier ? request.tier_id : "", "", ""};
      add(period, tier ? DenialReason::kSeatTierLimitReached : DenialReason::kMemberLimitReached,
          *limit, SpentIn(period, own) + held(of_member), false);
    } else if (together) {
      add(period, DenialReason::kSeatTierLimitReached, *limit,
          SpentIn(period, {"", request.tier_id, "", ""}) +
              held([&](const NaiveHold& hold) { return hold.tier_id == request.tier_id; }),
          false);
    } else if (scope == Scope::kSurface) {
      add(period, DenialReason::kOrganizationLimitReached, *limit,
          SpentIn(period, {"", "", request.surface, ""}) +
              held([&](const NaiveHold& hold) { return hold.surface == request.surface; }),
          false);
    } else if (scope == Scope::kModel) {
      add(period, DenialReason::kOrganizationLimitReached, *limit,
          SpentIn(period, {"", "", "", scope_id}) +
              held([&](const NaiveHold& hold) { return WithoutProvider(hold.model) == scope_id; }),
          false);
    } else {
      add(period, DenialReason::kOrganizationLimitReached, *limit,
          SpentIn(period, {}) + held([](const NaiveHold&) { return true; }), true);
    }
  }
  if (scope != Scope::kMember) return;
  // An hour's limit of more than one member counts each alone.
  const auto add_hour = [&](Scope of, const std::string& id) {
    const std::optional<LimitValue> limit = LimitOf(of, id, PeriodKind::kHour, now_);
    if (!limit.has_value()) return;
    add(PeriodKind::kHour, DenialReason::kMemberLimitReached, *limit,
        SpentIn(PeriodKind::kHour, {request.member_id, "", "", ""}) + held(of_member), false);
  };
  if (plan().tier_limits_allowed) add_hour(Scope::kSeatTier, request.tier_id);
  add_hour(Scope::kOrganization, "");
}

void NaiveWallet::MeetBounds(const Request& request, Situation& situation) const {
  const std::string model = WithoutProvider(request.model);
  MeetLimits(request, Scope::kMember, request.member_id, situation);
  if (plan().tier_limits_allowed) {
    MeetLimits(request, Scope::kSeatTier, request.tier_id, situation);
  }
  if (plan().surface_limits_allowed) {
    MeetLimits(request, Scope::kSurface, request.surface, situation);
  }
  if (plan().model_limits_allowed && !model.empty()) {
    MeetLimits(request, Scope::kModel, model, situation);
  }
  MeetLimits(request, Scope::kOrganization, "", situation);
  if (plan().funding != Funding::kPrepaid) return;
  Amount held;
  for (const NaiveHold& hold : OpenHolds()) {
    if (hold.id != request.settling) held += hold.extra;
  }
  const Credit credit = CreditAt(effect_at_);
  situation.bounds.push_back({DenialReason::kBalanceExhausted, credit.balance,
                              credit.balance - credit.overdraft - held, absl::InfiniteFuture(),
                              true});
}

// ---- Episodes.

bool NaiveWallet::PoolBlocked(absl::Time instant) const {
  for (const PeriodKind period : kPeriods) {
    if (period == PeriodKind::kHour) continue;
    const std::optional<LimitValue> limit = LimitOf(Scope::kOrganization, "", period, now_);
    if (limit.has_value() && Amount(limit->amount) <= SpentIn(period, {}) + HeldExtra()) {
      return true;
    }
  }
  if (plan().funding != Funding::kPrepaid) return false;
  const Credit credit = CreditAt(instant);
  return !(credit.balance - credit.overdraft - HeldExtra()).is_positive();
}

void NaiveWallet::EndEpisodeIfLifted() {
  if (episode_open_ && !PoolBlocked(effect_at_)) episode_open_ = false;
}

absl::Time NaiveWallet::PoolReopensAt(absl::Time instant) const {
  absl::Time reopens = absl::InfinitePast();
  for (const PeriodKind period : kPeriods) {
    if (period == PeriodKind::kHour) continue;
    const std::optional<LimitValue> limit = LimitOf(Scope::kOrganization, "", period, instant);
    if (!limit.has_value()) continue;
    const Window last = LastPeriod(period);
    const Amount spent = last == Window() ? Amount() : SpentIn(last, {});
    if (Amount(limit->amount) > spent) continue;
    const bool for_ever = limit->amount.value == 0 || last == Window();
    reopens = std::max(reopens, for_ever ? absl::InfiniteFuture() : last.end);
  }
  return reopens == absl::InfinitePast() ? absl::InfiniteFuture() : reopens;
}

std::vector<absl::Time> NaiveWallet::RaiseExpiries(absl::Time from, absl::Time until) const {
  std::vector<absl::Time> instants;
  for (size_t i = 0; i < events_.size(); ++i) {
    const NaiveEvent& event = events_[i];
    if (event.kind != Kind::kLimit || !event.limit.expires_at.has_value()) continue;
    const bool replaced = std::any_of(
        events_.begin() + static_cast<int64_t>(i) + 1, events_.end(), [&](const NaiveEvent& later) {
          return later.kind == Kind::kLimit && later.scope == event.scope &&
                 later.member_id == event.member_id && later.limit.period == event.limit.period;
        });
    const absl::Time expires_at = *event.limit.expires_at;
    if (!replaced && from < expires_at && expires_at <= until) instants.push_back(expires_at);
  }
  std::sort(instants.begin(), instants.end());
  return instants;
}

// The periods that were charged last end an episode of their limits, once they are over. What a
// limit is changes on the way, where a temporary one expires.
void NaiveWallet::EndEpisodeWithPeriods(absl::Time from, absl::Time until) {
  std::vector<absl::Time> instants = RaiseExpiries(from, until);
  instants.push_back(absl::InfiniteFuture());
  for (const absl::Time next : instants) {
    const absl::Time reopens = PoolReopensAt(from);
    from = next;
    if (!episode_open_ || reopens > until || reopens >= next) continue;
    const bool known = EverChangedPlan();
    if (!known || plan().funding == Funding::kPrepaid) {
      const Credit credit = CreditAt(std::max(reopens, effect_at_));
      if (!credit.overdraft.is_zero()) continue;
      if ((known || EverCredited()) && !credit.balance.is_positive()) continue;
    }
    episode_open_ = false;
  }
}

}  // namespace bursar
