#include "server/ledger/charging.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"

namespace bursar {

namespace {

// Splits the cost between the buckets. With a hold, included usage takes at least what the hold
// reserved of it and the hold's extra part is drawn without further gates (rule H4); the rest, and
// all of it without a hold, follows rule B8.
void SplitCost(const AdmissionState& state, const Hold* hold, UsageCharged& charge) {
  if (state.plan->metered) {
    charge.metered = charge.cost;
    return;
  }
  const Amount cost = charge.cost;
  const Amount headroom = state.included_applies ? state.included_headroom : Amount();
  const Amount reserved = hold == nullptr ? Amount() : Amount(hold->included);
  Amount included = Min(cost, Max(reserved, headroom));
  Amount rest = cost - included;
  if (hold != nullptr) rest -= Min(rest, hold->extra);
  // A seat without included usage has nothing that could overshoot.
  const bool has_included = !charge.unseated && !state.tier->windows.empty();
  if (has_included && !state.ExtraPermitted()) included += rest;
  charge.included = *included.ToNanos();
  charge.extra = *(cost - included).ToNanos();
  // Included first: extra is drawn only when nothing included is left (rule B1).
  BURSAR_CHECK(charge.extra.value == 0 || !state.included_applies ||
               Amount(charge.included) >= headroom);
}

// Says what no headroom covered.
void MeasureOvershoot(const AdmissionState& state, UsageCharged& charge) {
  const Amount cost = charge.cost;
  const Amount included_covered =
      state.included_applies ? Min(charge.included, state.included_headroom) : Amount();
  const Amount overflow = Amount(charge.extra) + Amount(charge.metered);
  Amount overflow_covered;
  if (state.ExtraPermitted()) {
    overflow_covered =
        state.extra_headroom.has_value() ? Min(overflow, *state.extra_headroom) : overflow;
  }
  charge.overshoot = *(cost - included_covered - overflow_covered).ToNanos();
  if (charge.overshoot.value == 0) return;
  charge.overshoot_kind = charge.admission_status == AdmissionStatus::kExpired
                              ? OvershootKind::kPolicy
                          : charge.unadmitted ? OvershootKind::kUnadmitted
                                              : OvershootKind::kSoft;
}

// Takes the charge off the hold (rule H4): from the parts that it was drawn from, then, as all of
// it was foreseen by the hold, from whatever is left. So what a hold has left is always what it
// held less what was used, and the sum of its settlements overshoots by what they cost beyond the
// hold (rule H7).
void TakeFromHold(const Hold& hold, UsageCharged& charge) {
  charge.hold_sequence = hold.sequence;
  const int64_t beyond = charge.cost.value - hold.Held().value;
  if (beyond > 0) {
    charge.overshoot = Nanos(beyond);
    charge.overshoot_kind = OvershootKind::kHeld;
  }
  if (charge.hold_ends) {
    charge.released_included = hold.included;
    charge.released_extra = hold.extra;
    return;
  }
  int64_t included = std::min(hold.included.value, charge.included.value);
  const int64_t extra = std::min(hold.extra.value, charge.cost.value - included);
  included += std::min(hold.included.value - included, charge.cost.value - included - extra);
  charge.released_included = Nanos(included);
  charge.released_extra = Nanos(extra);
}

// Takes extra and metered usage from credit, by earliest expiry, then oldest (rule X2).
void DrawCredit(const WalletHeader& header, UsageCharged& charge) {
  Amount rest = Amount(charge.extra) + Amount(charge.metered);
  for (const CreditGrant& grant : header.grants) {
    if (!rest.is_positive()) break;
    const Amount taken = Min(rest, grant.remaining);
    if (!taken.is_positive()) continue;
    charge.grant_draws.push_back({grant.sequence, *taken.ToNanos(), grant.expires_at});
    rest -= taken;
  }
  charge.overdraft = *rest.ToNanos();
}

void OpenMonth(Scope scope, const std::string& scope_id, const MonthCounter& stored,
               const Window& month, std::vector<EntryBody>& bodies) {
  if (FindScopeMonth(stored, month).opened) return;
  MonthOpened opened;
  opened.scope = scope;
  opened.scope_id = scope_id;
  opened.month = month;
  opened.previous = stored;
  bodies.push_back(std::move(opened));
}

void OpenMonths(const WalletHeader& header, const Member& member, const std::string& tier_id,
                const DecisionContext& context, std::vector<EntryBody>& bodies) {
  static const MonthCounter kNever;
  const Window month = FindCurrentMonth(header.month, header.settings, context).counter.month;
  OpenMonth(Scope::kOrganization, header.organization_id, header.month, month, bodies);
  const TierState* tier = header.FindTier(tier_id);
  OpenMonth(Scope::kSeatTier, tier_id, tier == nullptr ? kNever : tier->month, month, bodies);
  OpenMonth(Scope::kMember, member.member_id, member.month, month, bodies);
}

}  // namespace

absl::Status UnknownMember(const WalletHeader& header, const std::string& member_id) {
  return WithReason(
      absl::NotFoundError(absl::StrCat("member ", member_id, " is not known in organization ",
                                       header.organization_id,
                                       "; add it first, or let members be provisioned "
                                       "automatically")),
      "MEMBER_NOT_FOUND");
}

Member ProvisionedMember(const WalletHeader& header, const Plan& plan,
                         const std::string& member_id) {
  Member member;
  member.member_id = member_id;
  member.display_name = member_id;
  member.tier_id = plan.seat_tiers.front().id;
  member.settings_version = 1;
  int64_t most = header.settings.max_seats;
  if (plan.max_members > 0) most = most > 0 ? std::min(most, plan.max_members) : plan.max_members;
  member.unseated = most > 0 && header.member_count >= most;
  return member;
}

void OpenWindows(const WalletHeader& header, const Member& member, const AdmissionState& state,
                 const DecisionContext& context, std::vector<EntryBody>& bodies) {
  const bool pool = header.settings.included_scope == IncludedScope::kOrganization;
  const std::vector<WindowCounter>& windows = pool ? header.pool_windows : member.windows;
  for (const IncludedWindow& included : state.tier->windows) {
    const CurrentWindow current =
        FindCurrentWindow(windows, included.kind, header.settings, context);
    if (current.opened) continue;
    WindowOpened opened;
    opened.scope = pool ? Scope::kOrganization : Scope::kMember;
    if (!pool) opened.member_id = member.member_id;
    opened.kind = included.kind;
    opened.window = current.counter.window;
    for (const WindowCounter& counter : windows) {
      if (counter.kind == included.kind) opened.previous_spent = counter.spent;
    }
    bodies.push_back(std::move(opened));
  }
}

void AppendCharge(const Wallet& wallet, const Member& member, bool new_member, const Hold* hold,
                  UsageCharged charge, const DecisionContext& context,
                  std::vector<EntryBody>& bodies) {
  const WalletHeader& header = wallet.header;
  const AdmissionQuery query{charge.member_id, charge.surface, charge.model, hold};
  // A member that this decision creates is not counted in the header yet: evaluated as virtual, so
  // that its allowance is already in the organization's pool (rules B1, B2).
  const AdmissionState state = Evaluate(header, new_member ? nullptr : &member, query, context);
  charge.tier_id = state.tier->id;
  charge.unseated = member.unseated;
  charge.of_pool = header.settings.included_scope == IncludedScope::kOrganization;
  SplitCost(state, hold, charge);
  if (hold != nullptr) {
    TakeFromHold(*hold, charge);
  } else {
    charge.unadmitted = charge.admission_status != AdmissionStatus::kNone || !Admits(state, {});
    MeasureOvershoot(state, charge);
  }
  if (state.plan->funding == Funding::kPrepaid) DrawCredit(header, charge);
  if (charge.included.value > 0) OpenWindows(header, member, state, context, bodies);
  OpenMonths(header, member, charge.tier_id, context, bodies);
  if (charge.extra.value > 0 && member.crossing_noticed_until <= context.now) {
    bodies.push_back(CrossingNoticed{member.member_id, charge.surface,
                                     LongestWindowOf(header, *state.plan, &member, context)});
  }
  bodies.push_back(std::move(charge));
}

std::vector<EntryBody> CaptureHold(const Wallet& wallet, const Hold& hold,
                                   const DecisionContext& context) {
  const Member* member = wallet.FindMember(hold.member_id);
  BURSAR_CHECK(member != nullptr);
  UsageCharged charge;
  charge.member_id = hold.member_id;
  charge.surface = hold.surface.empty() ? kDefaultSurface : hold.surface;
  charge.provider = hold.provider;
  charge.model = hold.model;
  charge.parent_session_id = hold.parent_session_id;
  charge.occurred_at = hold.placed_at;
  charge.cost = hold.Held();
  charge.hold_ends = true;
  charge.captured = true;
  std::vector<EntryBody> bodies;
  AppendCharge(wallet, *member, false, &hold, std::move(charge), context, bodies);
  return bodies;
}

}  // namespace bursar
