#include "tests/ledger/naive_wallet.h"

#include <algorithm>

namespace bursar {

using Kind = NaiveEvent::Kind;

NaiveWallet::NaiveWallet(const Plan& plan, const OrganizationSettings& settings,
                         const ZoneDatabase& zones)
    : first_plan_(plan), created_(settings), zones_(zones) {}

NaiveEvent NaiveWallet::Event(Kind kind) const {
  NaiveEvent event;
  event.kind = kind;
  event.at = now_;
  event.effect_at = effect_at_;
  event.plan = &plan();
  return event;
}

// ---- Settings, members, limits: the last word counts.

NaiveWallet::Settings NaiveWallet::SettingsAt(absl::Time instant) const {
  Settings settings;
  settings.time_zone = created_.time_zone;
  settings.anchor = created_.billing_anchor;
  settings.included_scope = created_.included_scope;
  const auto take_effect = [&](absl::Time when) {
    if (settings.effective_at > when) return;
    settings.time_zone = settings.next_time_zone;
    settings.anchor = settings.next_anchor;
    settings.included_scope = settings.next_included_scope;
    settings.effective_at = absl::InfiniteFuture();
  };
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kSettings || event.at > instant) continue;
    take_effect(event.at);
    settings.effective_at = event.effective_at;
    settings.next_time_zone = event.time_zone;
    settings.next_anchor = event.anchor;
    settings.next_included_scope = event.included_scope;
  }
  take_effect(instant);
  return settings;
}

NaiveWallet::MemberState NaiveWallet::MemberAt(const std::string& member_id,
                                               absl::Time instant) const {
  MemberState member;
  const auto take_effect = [&](absl::Time when) {
    if (member.pending_at > when) return;
    member.tier_id = member.pending_tier;
    member.pending_at = absl::InfiniteFuture();
  };
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kMember || event.member_id != member_id || event.at > instant) continue;
    take_effect(event.at);
    if (!member.exists) {
      member.exists = true;
      member.tier_id = event.tier_id.value_or(event.plan->seat_tiers[0].id);
      member.unseated = event.unseated;
    } else if (event.tier_id.has_value()) {
      member.unseated = false;
      // A tier that the plan does not have stands for its first.
      const std::string& in_force = Tier(*event.plan, member.tier_id).id;
      if (*event.tier_id == member.tier_id) {
        member.pending_at = absl::InfiniteFuture();
      } else if (*event.tier_id == in_force || IsUpgrade(*event.plan, in_force, *event.tier_id)) {
        member.tier_id = *event.tier_id;
        member.pending_at = absl::InfiniteFuture();
      } else if (member.pending_at == absl::InfiniteFuture() ||
                 member.pending_tier != *event.tier_id) {
        member.pending_at = event.downgrade_at;
        member.pending_tier = *event.tier_id;
      }
    }
    if (event.status.has_value()) member.status = *event.status;
    if (member.status == AccountStatus::kRemoved) member.pending_at = absl::InfiniteFuture();
  }
  take_effect(instant);
  return member;
}

std::vector<std::string> NaiveWallet::MemberIds() const {
  std::vector<std::string> ids;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kMember) continue;
    if (std::find(ids.begin(), ids.end(), event.member_id) == ids.end()) {
      ids.push_back(event.member_id);
    }
  }
  return ids;
}

std::optional<std::string> NaiveWallet::TierOf(const std::string& member_id) const {
  const MemberState member = MemberAt(member_id, effect_at_);
  return member.exists ? std::optional<std::string>(member.tier_id) : std::nullopt;
}

int NaiveWallet::SeatCount() const {
  int count = 0;
  for (const std::string& member_id : MemberIds()) {
    const MemberState member = MemberAt(member_id, effect_at_);
    if (member.status != AccountStatus::kRemoved && !member.unseated) ++count;
  }
  return count;
}

bool NaiveWallet::SeatsFull() const {
  const int64_t count = SeatCount();
  return (created_.max_seats > 0 && count >= created_.max_seats) ||
         (plan().max_members > 0 && count >= plan().max_members);
}

NaiveWallet::Extra NaiveWallet::CurrentExtra() const {
  Extra extra;
  for (const NaiveEvent& event : events_) {
    if (event.kind != Kind::kExtra) continue;
    extra.enabled = event.enabled;
    extra.audience = event.audience;
    if (event.selected.has_value()) extra.selected = *event.selected;
  }
  return extra;
}

AccountStatus NaiveWallet::OrganizationStatus() const {
  AccountStatus status = AccountStatus::kActive;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kOrganizationStatus) status = event.organization_status;
  }
  return status;
}

const SeatTier& NaiveWallet::Tier(const Plan& plan, const std::string& tier_id) {
  for (const SeatTier& tier : plan.seat_tiers) {
    if (tier.id == tier_id) return tier;
  }
  return plan.seat_tiers[0];
}

bool NaiveWallet::IsUpgrade(const Plan& plan, const std::string& from, const std::string& to) {
  // The plans of these tests have at most two tiers.
  return Tier(plan, from).upgrade_to == to;
}

// ---- Time.

void NaiveWallet::MoveTo(absl::Time now) {
  while (true) {
    const NaiveHold* first = nullptr;
    const std::vector<NaiveHold> open = OpenHolds();
    for (const NaiveHold& hold : open) {
      if (hold.expires_at > now) continue;
      if (first == nullptr || hold.expires_at < first->expires_at) first = &hold;
    }
    const absl::Time expiry = first == nullptr ? absl::InfiniteFuture() : first->expires_at;
    const absl::Time raise = NextRaiseExpiry(effect_at_, now);
    // Recorded when it fell due, and not before what was recorded last. At one instant temporary
    // limits come first and holds last.
    if (raise != absl::InfiniteFuture() && raise <= expiry) {
      EndEpisodeWithPeriods(raise);
      effect_at_ = now_ = raise;
      EndEpisodeIfLifted();
      continue;
    }
    EndEpisodeWithPeriods(first == nullptr ? now + absl::Nanoseconds(1)
                                           : expiry + absl::Nanoseconds(1));
    if (first == nullptr) break;
    effect_at_ = now_ = std::max(effect_at_, expiry);
    EndExpired(*first);
  }
  now_ = now;
  effect_at_ = now;
}

void NaiveWallet::EndExpired(const NaiveHold& hold) {
  if (Captures() && (hold.included + hold.extra).is_positive()) {
    Charge(hold.member_id, hold.surface, hold.model, *(hold.included + hold.extra).ToNanos(), &hold,
           true, true);
    return;
  }
  NaiveEvent event = Event(Kind::kHoldEnd);
  event.hold_id = hold.id;
  events_.push_back(event);
}

absl::Time NaiveWallet::LastChargeAt() const {
  absl::Time last = absl::InfinitePast();
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kCharge) last = event.at;
  }
  return last;
}

// ---- Commands.

absl::StatusCode NaiveWallet::Upsert(const std::string& member_id,
                                     std::optional<std::string> tier_id,
                                     std::optional<AccountStatus> status) {
  if (status == AccountStatus::kRemoved && !MemberAt(member_id, effect_at_).exists) {
    return absl::StatusCode::kInvalidArgument;
  }
  const int before = SeatCount();
  NaiveEvent event = Event(Kind::kMember);
  event.member_id = member_id;
  event.tier_id = tier_id;
  event.status = status;
  const bool pool = SettingsAt(effect_at_).included_scope == IncludedScope::kOrganization;
  event.downgrade_at = UsedAt(pool ? "" : member_id, LongestKind(), now_).window.end;
  events_.push_back(event);
  const int after = SeatCount();
  if (plan().max_members > 0 && after > plan().max_members && after > before) {
    events_.pop_back();
    return absl::StatusCode::kFailedPrecondition;
  }
  return absl::StatusCode::kOk;
}

absl::StatusCode NaiveWallet::SetExtra(bool enabled, ExtraUsageAudience audience,
                                       std::optional<std::vector<std::string>> selected) {
  if (plan().metered) return absl::StatusCode::kFailedPrecondition;
  if (selected.has_value()) {
    if (audience == ExtraUsageAudience::kEveryone) return absl::StatusCode::kInvalidArgument;
    for (const std::string& member_id : *selected) {
      if (!MemberAt(member_id, effect_at_).exists) return absl::StatusCode::kInvalidArgument;
    }
  }
  NaiveEvent event = Event(Kind::kExtra);
  event.enabled = enabled;
  event.audience = audience;
  event.selected = std::move(selected);
  events_.push_back(event);
  if (!enabled) episode_open_ = false;
  return absl::StatusCode::kOk;
}

absl::StatusCode NaiveWallet::Grant(Nanos amount, absl::Time expires_at) {
  if (plan().funding != Funding::kPrepaid) return absl::StatusCode::kFailedPrecondition;
  if (amount.value <= 0 || expires_at <= now_) return absl::StatusCode::kInvalidArgument;
  NaiveEvent event = Event(Kind::kCredit);
  event.amount = amount;
  event.expires_at = expires_at;
  events_.push_back(event);
  EndEpisodeIfLifted();
  return absl::StatusCode::kOk;
}

void NaiveWallet::ChangeSettings(std::optional<std::string> time_zone,
                                 std::optional<absl::Time> anchor,
                                 std::optional<IncludedScope> included_scope) {
  const Settings settings = SettingsAt(effect_at_);
  const bool waiting = settings.effective_at != absl::InfiniteFuture();
  NaiveEvent event = Event(Kind::kSettings);
  event.time_zone = time_zone.value_or(waiting ? settings.next_time_zone : settings.time_zone);
  event.anchor = anchor.value_or(waiting ? settings.next_anchor : settings.anchor);
  event.included_scope =
      included_scope.value_or(waiting ? settings.next_included_scope : settings.included_scope);
  if (event.time_zone == settings.time_zone && event.anchor == settings.anchor &&
      event.included_scope == settings.included_scope) {
    event.effective_at = absl::InfiniteFuture();
  } else if (waiting && event.time_zone == settings.next_time_zone &&
             event.anchor == settings.next_anchor &&
             event.included_scope == settings.next_included_scope) {
    event.effective_at = settings.effective_at;
  } else {
    // One window after the other, until the month has ended too.
    event.effective_at = MonthAt(now_).end;
    const WindowKind kind = LongestKind();
    absl::Time window_end = settings.included_scope == IncludedScope::kOrganization
                                ? UsedAt("", kind, now_).window.end
                                : BoundsOf(kind, now_, effect_at_).end;
    while (window_end < event.effective_at) {
      window_end =
          BillingWindowAt(window_end, settings.anchor, kind, *zones_.Find(settings.time_zone)).end;
    }
    if (!plan().metered) event.effective_at = window_end;
  }
  events_.push_back(event);
}

void NaiveWallet::SetStatus(AccountStatus status) {
  NaiveEvent event = Event(Kind::kOrganizationStatus);
  event.organization_status = status;
  events_.push_back(event);
}

NaiveWallet::Situation NaiveWallet::Meet(const std::string& member_id, const std::string& surface,
                                         const std::string& model, int64_t settling) const {
  const Plan& plan = this->plan();
  Situation situation;
  // What other holds reserve, where `mine` says that they are in the way.
  const auto held = [&](const auto& mine) {
    std::vector<std::pair<absl::Time, Amount>> holds;
    for (const NaiveHold& hold : OpenHolds()) {
      if (hold.id != settling && mine(hold)) holds.emplace_back(hold.expires_at, hold.included);
    }
    return holds;
  };
  const MemberState member = MemberAt(member_id, effect_at_);
  const Settings settings = SettingsAt(effect_at_);
  const std::string tier_id = Tier(plan, member.exists ? member.tier_id : "").id;
  if (member.exists && member.status != AccountStatus::kActive) {
    situation.refusal = DenialReason::kMemberSuspended;
  }
  if (OrganizationStatus() != AccountStatus::kActive) {
    situation.refusal = DenialReason::kOrganizationSuspended;
  }
  if (!plan.metered) {
    const Extra extra = CurrentExtra();
    const bool selected =
        std::find(extra.selected.begin(), extra.selected.end(), member_id) != extra.selected.end();
    if (extra.audience == ExtraUsageAudience::kSelected && !selected) {
      situation.gate = DenialReason::kMemberNotSelected;
    }
    if (situation.gate == DenialReason::kNone && !Confirmed(member_id)) {
      situation.gate = DenialReason::kConfirmationRequired;
    }
    if (!extra.enabled) situation.gate = DenialReason::kExtraUsageDisabled;
  }
  const bool unseated = member.exists ? member.unseated : SeatsFull();
  bool excluded = std::find(plan.excluded_surfaces.begin(), plan.excluded_surfaces.end(),
                            surface) != plan.excluded_surfaces.end();
  for (const std::string& prefix : plan.excluded_model_prefixes) {
    if (model.rfind(prefix, 0) == 0) excluded = true;
  }
  if (!plan.metered && !unseated && !excluded) {
    const bool pool = settings.included_scope == IncludedScope::kOrganization;
    for (const IncludedWindow& window : Tier(tier_id).windows) {
      const Used used = UsedAt(pool ? "" : member_id, window.kind, now_);
      const Amount allowance =
          pool ? PoolAllowance(window.kind, member.exists ? "" : tier_id) : Amount(window.amount);
      const auto reserved = held([&](const NaiveHold& hold) {
        return hold.from_pool == pool && (pool || hold.member_id == member_id);
      });
      Bound bound;
      bound.limit = allowance;
      bound.spent = used.spent;
      bound.reset = used.window.end;
      bound.holds = reserved;
      situation.windows.push_back(bound);
    }
    situation.included_applies = !situation.windows.empty();
  }
  MeetBounds({member_id, tier_id, surface, model, settling}, situation);
  Measure(situation);
  return situation;
}

NaiveAnswer NaiveWallet::Check(const std::string& member_id, const std::string& surface,
                               const std::string& model, std::optional<Nanos> estimate,
                               bool validate_only) {
  if (!MemberAt(member_id, effect_at_).exists && !created_.auto_provision_members) {
    NaiveAnswer unknown;
    unknown.found = false;
    return unknown;
  }
  return Decide(Meet(member_id, surface, model), estimate, std::nullopt, validate_only);
}

NaiveCharge NaiveWallet::Record(const std::string& member_id, const std::string& surface,
                                const std::string& model, Nanos cost) {
  return Charge(member_id, surface, model, cost, nullptr, false, false);
}

NaiveCharge NaiveWallet::Charge(const std::string& member_id, const std::string& surface,
                                const std::string& model, Nanos cost, const NaiveHold* hold,
                                bool ends_hold, bool captured) {
  NaiveCharge charge;
  const Plan& plan = this->plan();
  const MemberState before = MemberAt(member_id, effect_at_);
  if (!before.exists && !created_.auto_provision_members) {
    charge.found = false;
    return charge;
  }
  const Situation situation = Meet(member_id, surface, model, hold == nullptr ? 0 : hold->id);
  charge.unadmitted = hold == nullptr && !Judge(situation, std::nullopt, std::nullopt).admitted;
  charge.tier_id = Tier(plan, before.exists ? before.tier_id : "").id;
  charge.unseated = before.exists ? before.unseated : SeatsFull();
  if (!before.exists) Join(member_id, charge.unseated);
  const bool permitted = situation.gate == DenialReason::kNone && !situation.zero_limit;
  const bool has_included = !charge.unseated && !Tier(charge.tier_id).windows.empty();
  const Amount own_extra = hold == nullptr ? Amount() : hold->extra;
  if (plan.metered) {
    charge.included = hold == nullptr ? Amount() : Min(cost, hold->included);
  } else {
    charge.included = Min(cost, situation.included);
    if (hold != nullptr) charge.included = Max(charge.included, Min(cost, hold->included));
    const Amount beyond = Max(Amount(cost) - charge.included - own_extra, Amount());
    if (!permitted && has_included) charge.included += beyond;
  }
  charge.extra = Amount(cost) - charge.included;
  if (hold != nullptr) {
    charge.held = hold->included + hold->extra;
    charge.overshoot = Max(Amount(cost) - charge.held, Amount());
  } else {
    Amount covered = Min(charge.included, situation.included);
    if (permitted) {
      Amount room = charge.extra;
      for (const Bound& bound : situation.bounds) room = Min(room, Max(bound.headroom, Amount()));
      covered += room;
    }
    charge.overshoot = Amount(cost) - covered;
  }
  const Amount overdraft_before = CreditAt(effect_at_).overdraft;
  const Window month_before =
      MonthAt(LastChargeAt() == absl::InfinitePast() ? now_ : LastChargeAt());
  NaiveEvent event = Event(Kind::kCharge);
  event.member_id = member_id;
  event.included = charge.included;
  event.extra = charge.extra;
  event.charge_tier = charge.tier_id;
  event.surface = surface;
  event.model = model;
  event.from_pool = SettingsAt(effect_at_).included_scope == IncludedScope::kOrganization;
  event.id = charge_count_++;
  event.hold_id = hold == nullptr ? 0 : hold->id;
  event.ends_hold = ends_hold;
  event.captured = captured;
  const bool first_of_period = LastChargeAt() == absl::InfinitePast() || month_before.end <= now_ ||
                               (charge.extra.is_positive() && OpensPeriod());
  events_.push_back(event);
  charge.overdraft = CreditAt(effect_at_).overdraft - overdraft_before;
  if (first_of_period) EndEpisodeIfLifted();
  return charge;
}

void NaiveWallet::Join(const std::string& member_id, bool unseated) {
  NaiveEvent joins = Event(Kind::kMember);
  joins.member_id = member_id;
  joins.unseated = unseated;
  events_.push_back(joins);
}

}  // namespace bursar
