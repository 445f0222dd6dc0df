#include "tests/ledger/naive_wallet.h"

#include <algorithm>

namespace bursar {

using Kind = NaiveEvent::Kind;

NaiveWallet::NaiveWallet(const Plan& plan, const OrganizationSettings& settings,
                         const ZoneDatabase& zones)
    : plan_(plan), created_(settings), zones_(zones) {}

NaiveEvent NaiveWallet::Event(Kind kind) const {
  NaiveEvent event;
  event.kind = kind;
  event.at = now_;
  event.effect_at = effect_at_;
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
      member.tier_id = event.tier_id.value_or(plan_.seat_tiers[0].id);
      member.unseated = event.unseated;
    } else if (event.tier_id.has_value()) {
      member.unseated = false;
      if (*event.tier_id == member.tier_id) {
        member.pending_at = absl::InfiniteFuture();
      } else if (IsUpgrade(member.tier_id, *event.tier_id)) {
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
         (plan_.max_members > 0 && count >= plan_.max_members);
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

std::optional<SpendLimit> NaiveWallet::LimitOf(Scope scope, const std::string& scope_id) const {
  std::optional<SpendLimit> limit;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kLimit && event.scope == scope && event.member_id == scope_id) {
      limit = event.limit;
    }
  }
  return limit;
}

AccountStatus NaiveWallet::OrganizationStatus() const {
  AccountStatus status = AccountStatus::kActive;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kOrganizationStatus) status = event.organization_status;
  }
  return status;
}

const SeatTier& NaiveWallet::Tier(const std::string& tier_id) const {
  for (const SeatTier& tier : plan_.seat_tiers) {
    if (tier.id == tier_id) return tier;
  }
  return plan_.seat_tiers[0];
}

bool NaiveWallet::IsUpgrade(const std::string& from, const std::string& to) const {
  // The plans of these tests have at most two tiers.
  return Tier(from).upgrade_to == to;
}

// ---- Episodes.

bool NaiveWallet::PoolBlocked(absl::Time instant, Amount spent) const {
  const std::optional<SpendLimit> limit = LimitOf(Scope::kOrganization, "");
  if (limit.has_value() && limit->amount.has_value() && Amount(*limit->amount) <= spent)
    return true;
  if (plan_.funding != Funding::kPrepaid) return false;
  const Credit credit = CreditAt(instant);
  return !(credit.balance - credit.overdraft).is_positive();
}

void NaiveWallet::EndEpisodeIfLifted() {
  if (episode_open_ && !PoolBlocked(effect_at_, SumOf("", "").extra)) {
    episode_open_ = false;
  }
}

// The month that was charged last ends an episode of its limit, once it is over.
void NaiveWallet::EndEpisodeWithMonth(absl::Time until) {
  const absl::Time last = LastChargeAt();
  if (!episode_open_ || last == absl::InfinitePast()) return;
  const Window month = MonthAt(last);
  if (month.end > until) return;
  Amount spent;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kCharge && month.Contains(event.at)) spent += event.extra;
    if (event.kind != Kind::kReversal || !month.Contains(event.at)) continue;
    if (month.Contains(ChargeEvent(event.id).at)) spent -= event.extra;
  }
  const std::optional<SpendLimit> limit = LimitOf(Scope::kOrganization, "");
  if (!limit.has_value() || !limit->amount.has_value() || limit->amount->value == 0) return;
  if (Amount(*limit->amount) > spent) return;
  const Credit credit = CreditAt(std::max(month.end, effect_at_));
  if (!credit.overdraft.is_zero()) return;
  if (EverCredited() && !credit.balance.is_positive()) return;
  episode_open_ = false;
}

void NaiveWallet::MoveTo(absl::Time now) {
  while (true) {
    const NaiveHold* first = nullptr;
    const std::vector<NaiveHold> open = OpenHolds();
    for (const NaiveHold& hold : open) {
      if (hold.expires_at > now) continue;
      if (first == nullptr || hold.expires_at < first->expires_at) first = &hold;
    }
    EndEpisodeWithMonth(first == nullptr ? now : first->expires_at);
    if (first == nullptr) break;
    // Recorded when it fell due, and not before what was recorded last.
    effect_at_ = std::max(effect_at_, first->expires_at);
    now_ = effect_at_;
    EndExpired(*first);
  }
  now_ = now;
  effect_at_ = now;
}

void NaiveWallet::EndExpired(const NaiveHold& hold) {
  if (Captures() && (hold.included + hold.extra).is_positive()) {
    Charge(hold.member_id, hold.surface, *(hold.included + hold.extra).ToNanos(), &hold, true,
           true);
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
  const int before = SeatCount();
  NaiveEvent event = Event(Kind::kMember);
  event.member_id = member_id;
  event.tier_id = tier_id;
  event.status = status;
  const bool pool = SettingsAt(effect_at_).included_scope == IncludedScope::kOrganization;
  event.downgrade_at = UsedAt(pool ? "" : member_id, LongestKind(), now_).window.end;
  events_.push_back(event);
  const int after = SeatCount();
  if (plan_.max_members > 0 && after > plan_.max_members && after > before) {
    events_.pop_back();
    return absl::StatusCode::kFailedPrecondition;
  }
  return absl::StatusCode::kOk;
}

absl::StatusCode NaiveWallet::SetExtra(bool enabled, ExtraUsageAudience audience,
                                       std::optional<std::vector<std::string>> selected) {
  if (plan_.metered) return absl::StatusCode::kFailedPrecondition;
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

absl::StatusCode NaiveWallet::SetLimit(Scope scope, const std::string& scope_id,
                                       const SpendLimit& limit) {
  if (scope == Scope::kSeatTier && !plan_.tier_limits_allowed) {
    return absl::StatusCode::kFailedPrecondition;
  }
  if (scope == Scope::kMember && !MemberAt(scope_id, now_).exists) {
    return absl::StatusCode::kNotFound;
  }
  NaiveEvent event = Event(Kind::kLimit);
  event.scope = scope;
  event.member_id = scope == Scope::kOrganization ? "" : scope_id;
  event.limit = limit;
  events_.push_back(event);
  return absl::StatusCode::kOk;
}

absl::StatusCode NaiveWallet::Grant(Nanos amount, absl::Time expires_at) {
  if (plan_.funding != Funding::kPrepaid) return absl::StatusCode::kFailedPrecondition;
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
    if (!plan_.metered) event.effective_at = window_end;
  }
  events_.push_back(event);
}

void NaiveWallet::SetStatus(AccountStatus status) {
  NaiveEvent event = Event(Kind::kOrganizationStatus);
  event.organization_status = status;
  events_.push_back(event);
}

// Limits and the balance.
void NaiveWallet::MeetBounds(const std::string& member_id, const std::string& tier_id,
                             int64_t settling, Situation& situation) const {
  const auto held = [&](const auto& mine) {
    std::vector<std::pair<absl::Time, Amount>> holds;
    for (const NaiveHold& hold : OpenHolds()) {
      if (hold.id != settling && mine(hold)) holds.emplace_back(hold.expires_at, hold.extra);
    }
    return holds;
  };
  const auto of_member = [&](const NaiveHold& hold) { return hold.member_id == member_id; };
  const auto of_anyone = [](const NaiveHold&) { return true; };
  const absl::Time month_end = MonthAt(now_).end;
  const auto add = [&](DenialReason reason, const std::optional<SpendLimit>& limit, Amount spent,
                       const auto& holds) {
    if (!limit.has_value() || !limit->amount.has_value()) return;
    if (limit->amount->value == 0) situation.zero_limit = true;
    situation.bounds.push_back({reason, *limit->amount, spent, month_end, holds, Amount()});
  };
  add(DenialReason::kMemberLimitReached, LimitOf(Scope::kMember, member_id),
      SumOf(member_id, "").extra, held(of_member));
  const std::optional<SpendLimit> tier_limit = LimitOf(Scope::kSeatTier, tier_id);
  if (tier_limit.has_value()) {
    const bool together = tier_limit->basis == LimitBasis::kTierTotal;
    add(DenialReason::kSeatTierLimitReached, tier_limit,
        SumOf(together ? "" : member_id, tier_id).extra,
        together ? held([&](const NaiveHold& hold) { return hold.tier_id == tier_id; })
                 : held(of_member));
  }
  add(DenialReason::kOrganizationLimitReached, LimitOf(Scope::kOrganization, ""),
      SumOf("", "").extra, held(of_anyone));
  if (plan_.funding == Funding::kPrepaid) {
    const Credit credit = CreditAt(effect_at_);
    situation.bounds.push_back({DenialReason::kBalanceExhausted, credit.balance, credit.overdraft,
                                absl::InfiniteFuture(), held(of_anyone), Amount()});
  }
}

NaiveWallet::Situation NaiveWallet::Meet(const std::string& member_id, const std::string& surface,
                                         int64_t settling) const {
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
  const std::string tier_id = member.exists ? member.tier_id : plan_.seat_tiers[0].id;
  if (member.exists && member.status != AccountStatus::kActive) {
    situation.refusal = DenialReason::kMemberSuspended;
  }
  if (OrganizationStatus() != AccountStatus::kActive) {
    situation.refusal = DenialReason::kOrganizationSuspended;
  }
  if (!plan_.metered) {
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
  const bool excluded = std::find(plan_.excluded_surfaces.begin(), plan_.excluded_surfaces.end(),
                                  surface) != plan_.excluded_surfaces.end();
  if (!plan_.metered && !unseated && !excluded) {
    const bool pool = settings.included_scope == IncludedScope::kOrganization;
    for (const IncludedWindow& window : Tier(tier_id).windows) {
      const Used used = UsedAt(pool ? "" : member_id, window.kind, now_);
      const Amount allowance =
          pool ? PoolAllowance(window.kind, member.exists ? "" : tier_id) : Amount(window.amount);
      const auto reserved = held([&](const NaiveHold& hold) {
        return hold.from_pool == pool && (pool || hold.member_id == member_id);
      });
      situation.windows.push_back(
          {DenialReason::kNone, allowance, used.spent, used.window.end, reserved, Amount()});
    }
    situation.included_applies = !situation.windows.empty();
  }
  MeetBounds(member_id, tier_id, settling, situation);
  Measure(situation);
  return situation;
}

NaiveAnswer NaiveWallet::Check(const std::string& member_id, const std::string& surface,
                               std::optional<Nanos> estimate, bool validate_only) {
  if (!MemberAt(member_id, effect_at_).exists && !created_.auto_provision_members) {
    NaiveAnswer unknown;
    unknown.found = false;
    return unknown;
  }
  return Decide(Meet(member_id, surface), estimate, std::nullopt, validate_only);
}

NaiveCharge NaiveWallet::Record(const std::string& member_id, const std::string& surface,
                                Nanos cost) {
  return Charge(member_id, surface, cost, nullptr, false, false);
}

NaiveCharge NaiveWallet::Charge(const std::string& member_id, const std::string& surface,
                                Nanos cost, const NaiveHold* hold, bool ends_hold, bool captured) {
  NaiveCharge charge;
  const MemberState before = MemberAt(member_id, effect_at_);
  if (!before.exists && !created_.auto_provision_members) {
    charge.found = false;
    return charge;
  }
  const Situation situation = Meet(member_id, surface, hold == nullptr ? 0 : hold->id);
  charge.unadmitted = hold == nullptr && !Judge(situation, std::nullopt, std::nullopt).admitted;
  charge.tier_id = before.exists ? before.tier_id : plan_.seat_tiers[0].id;
  charge.unseated = before.exists ? before.unseated : SeatsFull();
  if (!before.exists) Join(member_id, charge.unseated);
  const bool permitted = situation.gate == DenialReason::kNone && !situation.zero_limit;
  const bool has_included = !charge.unseated && !Tier(charge.tier_id).windows.empty();
  const Amount own_extra = hold == nullptr ? Amount() : hold->extra;
  if (!plan_.metered) {
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
  event.from_pool = SettingsAt(effect_at_).included_scope == IncludedScope::kOrganization;
  event.id = charge_count_++;
  event.hold_id = hold == nullptr ? 0 : hold->id;
  event.ends_hold = ends_hold;
  event.captured = captured;
  const bool first_of_month = LastChargeAt() == absl::InfinitePast() || month_before.end <= now_;
  events_.push_back(event);
  charge.overdraft = CreditAt(effect_at_).overdraft - overdraft_before;
  if (first_of_month) EndEpisodeIfLifted();
  return charge;
}

void NaiveWallet::Join(const std::string& member_id, bool unseated) {
  NaiveEvent joins = Event(Kind::kMember);
  joins.member_id = member_id;
  joins.unseated = unseated;
  events_.push_back(joins);
}

}  // namespace bursar
