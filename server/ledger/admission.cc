#include "server/ledger/admission.h"

#include <algorithm>

#include "server/base/check.h"

namespace bursar {

namespace {

// Without an estimate a request needs some headroom, however small.
constexpr Amount kSmallest = Nanos(1);

BoundSource SourceOf(WindowKind kind) {
  switch (kind) {
    case WindowKind::kMonth:
      return BoundSource::kIncludedMonth;
    case WindowKind::kWeek:
      return BoundSource::kIncludedWeek;
    case WindowKind::kDay:
      return BoundSource::kIncludedDay;
    case WindowKind::kFiveHours:
      return BoundSource::kIncludedFiveHours;
  }
  return BoundSource::kIncludedMonth;
}

// A zone that was accepted once is in the database for good; an unknown one can only come from a
// damaged record, and UTC keeps the wallet readable.
Zone ZoneOf(const std::string& name, const DecisionContext& context) {
  absl::StatusOr<Zone> zone = context.zones->Find(name);
  return zone.ok() ? *zone : Zone();
}

// The pool's allowance in windows of `kind`: the sum over its seats (rule B2). `joining`: the tier
// of a virtual member, who is not counted yet and brings a full allowance; null for none.
Amount PoolAllowance(const WalletHeader& header, const Plan& plan, WindowKind kind,
                     const SeatTier* joining) {
  Amount sum;
  for (const SeatTier& tier : plan.seat_tiers) {
    const TierState* state = header.FindTier(tier.id);
    const int64_t seats = (state == nullptr ? 0 : state->seats) + (joining == &tier ? 1 : 0);
    for (const IncludedWindow& window : tier.windows) {
      if (window.kind == kind) sum += Amount(absl::int128(window.amount.value) * seats);
    }
  }
  return sum;
}

// What live holds keep of included usage, the one that is being settled left out (rule B1).
Amount HeldIncluded(const WalletHeader& header, const Member* member, const Hold* settling,
                    bool pool) {
  Amount held = pool ? header.held_included : member == nullptr ? Amount() : member->held_included;
  if (settling != nullptr && settling->of_pool == pool) held -= settling->included;
  return held;
}

void EvaluateIncluded(AdmissionState& state, const WalletHeader& header, const Member* member,
                      const AdmissionQuery& query, const DecisionContext& context) {
  static const std::vector<WindowCounter> kNone;
  const bool pool = header.settings.included_scope == IncludedScope::kOrganization;
  Evaluation bound;
  bound.bucket = Bucket::kIncluded;
  bound.scope = pool ? Scope::kOrganization : Scope::kMember;
  bound.scope_id = pool ? std::string_view(header.organization_id) : query.member_id;
  for (const IncludedWindow& window : state.tier->windows) {
    const CurrentWindow current = FindCurrentWindow(
        pool ? header.pool_windows : (member == nullptr ? kNone : member->windows), window.kind,
        header.settings, context);
    bound.source = SourceOf(window.kind);
    bound.limit = pool ? PoolAllowance(header, *state.plan, window.kind,
                                       member == nullptr ? state.tier : nullptr)
                       : Amount(window.amount);
    bound.spent = current.counter.spent;
    bound.held = HeldIncluded(header, member, query.settling, pool);
    bound.resets_at = current.counter.window.end;
    state.included_applies = true;
    state.bounds.push_back(bound);
  }
}

void AddOverflowBound(AdmissionState& state, const Evaluation& bound) {
  const bool limits = bound.source == BoundSource::kSpendLimit && bound.limit.has_value();
  if (limits && bound.limit->is_zero()) state.zero_limit = true;
  state.bounds.push_back(bound);
}

std::optional<Amount> LimitAmount(const std::optional<SpendLimit>& limit) {
  if (!limit.has_value() || !limit->amount.has_value()) return std::nullopt;
  return Amount(*limit->amount);
}

Amount TierSpendOf(const Member* member, const CurrentMonth& month, std::string_view tier_id) {
  if (member == nullptr || !month.opened) return Amount();
  for (const TierSpend& spend : member->tier_spends) {
    if (spend.tier_id == tier_id) return spend.extra;
  }
  return Amount();
}

void EvaluateLimits(AdmissionState& state, const WalletHeader& header, const Member* member,
                    const AdmissionQuery& query, const DecisionContext& context) {
  Evaluation bound;
  bound.bucket = state.overflow_bucket;
  bound.source = BoundSource::kSpendLimit;

  const CurrentMonth organization = FindCurrentMonth(header.month, header.settings, context);
  const CurrentMonth own = FindScopeMonth(member == nullptr ? MonthCounter() : member->month,
                                          organization.counter.month);
  bound.scope = Scope::kMember;
  bound.scope_id = query.member_id;
  bound.limit = member == nullptr ? std::nullopt : LimitAmount(member->limit);
  bound.spent = own.counter.extra;
  const Amount settling = query.settling == nullptr ? Amount() : Amount(query.settling->extra);
  const Amount held_of_member = member == nullptr ? Amount() : member->held_extra - settling;
  bound.held = held_of_member;
  bound.resets_at = own.counter.month.end;
  AddOverflowBound(state, bound);

  const TierState* tier = header.FindTier(state.tier->id);
  if (state.plan->tier_limits_allowed && tier != nullptr && tier->limit.has_value()) {
    bound.scope = Scope::kSeatTier;
    bound.scope_id = state.tier->id;
    bound.limit = LimitAmount(tier->limit);
    if (tier->limit->basis == LimitBasis::kTierTotal) {
      const CurrentMonth month = FindScopeMonth(tier->month, organization.counter.month);
      bound.spent = month.counter.extra;
      bound.held = tier->held_extra;
      if (query.settling != nullptr && query.settling->tier_id == state.tier->id) {
        bound.held -= settling;
      }
    } else {
      bound.spent = TierSpendOf(member, own, state.tier->id);
      // All that the member holds, whatever tier it was placed in: settled now, it counts here.
      bound.held = held_of_member;
    }
    AddOverflowBound(state, bound);
  }

  bound.scope = Scope::kOrganization;
  bound.scope_id = header.organization_id;
  bound.limit = LimitAmount(header.limit);
  bound.spent = organization.counter.extra;
  bound.held = header.held_extra - settling;
  bound.resets_at = organization.counter.month.end;
  AddOverflowBound(state, bound);

  if (state.plan->funding == Funding::kPrepaid) {
    bound.source = BoundSource::kBalance;
    bound.limit = header.Balance();
    bound.spent = header.overdraft;
    bound.resets_at = absl::InfiniteFuture();
    AddOverflowBound(state, bound);
  }
}

bool SeatsFull(const WalletHeader& header, const Plan& plan) {
  const int64_t most = header.settings.max_seats > 0 && plan.max_members > 0
                           ? std::min(header.settings.max_seats, plan.max_members)
                           : std::max(header.settings.max_seats, plan.max_members);
  return most > 0 && header.member_count >= most;
}

DenialReason GateOf(const WalletHeader& header, const Plan& plan, const Member* member,
                    absl::Time now) {
  if (plan.metered) return DenialReason::kNone;
  if (!header.extra_enabled) return DenialReason::kExtraUsageDisabled;
  if (header.audience == ExtraUsageAudience::kSelected &&
      (member == nullptr || member->selection_generation == 0 ||
       member->selection_generation != header.selection_generation)) {
    return DenialReason::kMemberNotSelected;
  }
  if (header.settings.crossing_policy == CrossingPolicy::kConfirm &&
      (member == nullptr || member->confirmed_until <= now)) {
    return DenialReason::kConfirmationRequired;
  }
  return DenialReason::kNone;
}

DenialReason ReachedReason(const Evaluation& bound) {
  if (bound.source == BoundSource::kBalance) return DenialReason::kBalanceExhausted;
  switch (bound.scope) {
    case Scope::kMember:
      return DenialReason::kMemberLimitReached;
    case Scope::kSeatTier:
      return DenialReason::kSeatTierLimitReached;
    case Scope::kOrganization:
      return DenialReason::kOrganizationLimitReached;
  }
  return DenialReason::kOrganizationLimitReached;
}

// Of the included windows without room for `needed` the one that resets last, or -1 (rule B3).
int LastShortWindow(const AdmissionState& state, Amount needed) {
  int last = -1;
  for (int i = 0; i < static_cast<int>(state.bounds.size()); ++i) {
    const Evaluation& bound = state.bounds[i];
    if (bound.bucket != Bucket::kIncluded || bound.Headroom() >= needed) continue;
    if (last < 0 || bound.resets_at > state.bounds[last].resets_at) last = i;
  }
  return last;
}

// Whether what included usage has no room for can go to extra or metered usage. Without an
// estimate: whether anything at all can.
Verdict JudgeOverflow(const AdmissionState& state, std::optional<Amount> estimate,
                      std::optional<Amount> rest) {
  Verdict verdict;
  if (state.gate != DenialReason::kNone) {
    verdict.reason = state.gate;
    verdict.blocking_bound = LastShortWindow(state, estimate.value_or(kSmallest));
    verdict.bucket = verdict.blocking_bound >= 0 ? Bucket::kIncluded : state.overflow_bucket;
    return verdict;
  }
  verdict.bucket = state.overflow_bucket;
  int does_not_fit = -1;
  for (int i = 0; i < static_cast<int>(state.bounds.size()); ++i) {
    const Evaluation& bound = state.bounds[i];
    if (bound.bucket == Bucket::kIncluded || !bound.limit.has_value()) continue;
    if (!bound.Headroom().is_positive()) {
      verdict.reason = ReachedReason(bound);
      verdict.blocking_bound = i;
      return verdict;
    }
    if (does_not_fit < 0 && rest.has_value() && bound.Headroom() < *rest) does_not_fit = i;
  }
  if (does_not_fit >= 0) {
    verdict.reason = DenialReason::kHoldDoesNotFit;
    verdict.blocking_bound = does_not_fit;
    return verdict;
  }
  verdict.admitted = true;
  return verdict;
}

// The verdict on exactly these figures, whether used up or held.
Verdict JudgeAsItIs(const AdmissionState& state, const AdmissionAsk& ask) {
  const std::optional<Amount>& estimate = ask.estimate;
  Verdict verdict;
  if (state.suspended_organization || state.suspended_member) {
    verdict.reason = state.suspended_organization ? DenialReason::kOrganizationSuspended
                                                  : DenialReason::kMemberSuspended;
    verdict.bucket = state.included_applies ? Bucket::kIncluded : state.overflow_bucket;
    return verdict;
  }
  const Amount included = state.included_applies ? state.included_headroom : Amount();
  const bool wants_amount = estimate.has_value() && estimate->is_positive();
  const Amount rest = wants_amount ? *estimate - Min(*estimate, included) : Amount();
  if (included.is_positive() && rest.is_zero()) {
    verdict.admitted = true;
    verdict.bucket = Bucket::kIncluded;
  } else {
    verdict = wants_amount ? JudgeOverflow(state, estimate, rest)
                           : JudgeOverflow(state, std::nullopt, std::nullopt);
    if (verdict.admitted && included.is_positive()) verdict.bucket = Bucket::kIncluded;
  }
  if (verdict.admitted && wants_amount && ask.max_hold.has_value() && *estimate > *ask.max_hold) {
    verdict.admitted = false;
    verdict.reason = DenialReason::kHoldDoesNotFit;
  }
  return verdict;
}

}  // namespace

CurrentWindow FindCurrentWindow(const std::vector<WindowCounter>& windows, WindowKind kind,
                                const OrganizationSettings& settings,
                                const DecisionContext& context) {
  const WindowCounter* stored = nullptr;
  for (const WindowCounter& counter : windows) {
    if (counter.kind == kind) stored = &counter;
  }
  if (stored != nullptr && stored->window.Contains(context.now)) return {*stored, true};
  CurrentWindow current;
  current.counter.kind = kind;
  current.counter.window = HasTiling(kind)
                               ? BillingWindowAt(context.now, settings.billing_anchor, kind,
                                                 ZoneOf(settings.time_zone, context))
                               : FiveHourSession(context.now);
  if (stored != nullptr && stored->window.end <= context.now) {
    current.counter.window = FollowingOn(current.counter.window, stored->window.end);
  }
  return current;
}

CurrentMonth FindCurrentMonth(const MonthCounter& stored, const OrganizationSettings& settings,
                              const DecisionContext& context) {
  if (stored.month.Contains(context.now)) return {stored, true};
  CurrentMonth current;
  current.counter.month =
      CalendarPeriodAt(context.now, PeriodKind::kMonth, ZoneOf(settings.time_zone, context));
  const bool stored_before = stored.month.start != stored.month.end;
  if (stored_before && stored.month.end <= context.now) {
    current.counter.month = FollowingOn(current.counter.month, stored.month.end);
  }
  return current;
}

CurrentMonth FindScopeMonth(const MonthCounter& stored, const Window& organization_month) {
  if (stored.month == organization_month) return {stored, true};
  CurrentMonth current;
  current.counter.month = organization_month;
  return current;
}

Window LongestWindowOf(const WalletHeader& header, const Plan& plan, const Member* member,
                       const DecisionContext& context) {
  static const std::vector<WindowCounter> kNone;
  const bool pool = header.settings.included_scope == IncludedScope::kOrganization;
  return FindCurrentWindow(pool                ? header.pool_windows
                           : member == nullptr ? kNone
                                               : member->windows,
                           plan.LongestWindow(), header.settings, context)
      .counter.window;
}

std::optional<Amount> AdmissionState::Available() const {
  const Amount included = included_applies ? included_headroom : Amount();
  if (gate != DenialReason::kNone) return included;
  if (!extra_headroom.has_value()) return std::nullopt;
  return included + *extra_headroom;
}

void AdmissionState::SumHeadrooms() {
  bool any_included = false;
  included_headroom = Amount();
  extra_headroom.reset();
  for (const Evaluation& bound : bounds) {
    if (!bound.limit.has_value()) continue;
    const Amount headroom = bound.Headroom().FlooredAtZero();
    if (bound.bucket == Bucket::kIncluded) {
      included_headroom = any_included ? Min(included_headroom, headroom) : headroom;
      any_included = true;
    } else {
      extra_headroom = extra_headroom.has_value() ? Min(*extra_headroom, headroom) : headroom;
    }
  }
}

AdmissionState AdmissionState::WithoutHolds() const {
  AdmissionState state = *this;
  for (Evaluation& bound : state.bounds) bound.held = Amount();
  state.SumHeadrooms();
  return state;
}

const SeatTier* TierOf(const Plan& plan, const Member* member) {
  const SeatTier* tier = member == nullptr ? nullptr : plan.FindTier(member->tier_id);
  return tier == nullptr ? &plan.seat_tiers.front() : tier;
}

AdmissionState Evaluate(const WalletHeader& header, const Member* member,
                        const AdmissionQuery& query, const DecisionContext& context) {
  AdmissionState state;
  state.plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(state.plan != nullptr);
  state.tier = TierOf(*state.plan, member);
  state.overflow_bucket = state.plan->metered ? Bucket::kMetered : Bucket::kExtra;
  state.suspended_organization = header.settings.status != AccountStatus::kActive;
  state.suspended_member = member != nullptr && member->status != AccountStatus::kActive;
  const bool unseated = member != nullptr ? member->unseated : SeatsFull(header, *state.plan);
  if (!state.plan->metered && !unseated && state.plan->IsEligible(query.surface, query.model)) {
    EvaluateIncluded(state, header, member, query, context);
  }
  state.gate = GateOf(header, *state.plan, member, context.now);
  EvaluateLimits(state, header, member, query, context);
  state.SumHeadrooms();
  return state;
}

Verdict Judge(const AdmissionState& state, const AdmissionAsk& ask) {
  Verdict verdict = JudgeAsItIs(state, ask);
  const bool any_held = std::any_of(state.bounds.begin(), state.bounds.end(),
                                    [](const Evaluation& bound) { return !bound.held.is_zero(); });
  if (verdict.admitted || !any_held) return verdict;
  const Verdict without_holds = JudgeAsItIs(state.WithoutHolds(), ask);
  // What is used up stays so when the holds have ended, and is therefore what has to be said.
  if (!without_holds.admitted) return without_holds;
  verdict.held = true;
  return verdict;
}

bool Admits(const AdmissionState& state, const AdmissionAsk& ask) {
  return JudgeAsItIs(state, ask).admitted;
}

std::vector<ThresholdReached> ThresholdsReached(const AdmissionState& state) {
  static constexpr int kThresholds[] = {100, 90, 75, 50};
  std::vector<ThresholdReached> reached;
  for (const Evaluation& bound : state.bounds) {
    if (bound.source != BoundSource::kSpendLimit || !bound.limit.has_value()) continue;
    if (!bound.limit->is_positive()) continue;
    for (int percent : kThresholds) {
      // spent / limit >= percent / 100, without division.
      const absl::int128 spent = bound.spent.nanos() * 100;
      const absl::int128 threshold = bound.limit->nanos() * percent;
      if (spent < threshold) continue;
      reached.push_back(
          {bound.scope, std::string(bound.scope_id), percent, /*exceeded=*/spent > threshold});
      break;
    }
  }
  return reached;
}

}  // namespace bursar
