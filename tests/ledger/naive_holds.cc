// The naive model's holds, refunds and confirmations: everything again from the list of what
// happened.
#include <algorithm>

#include "tests/ledger/naive_wallet.h"

namespace bursar {

using Kind = NaiveEvent::Kind;

std::vector<NaiveHold> NaiveWallet::OpenHolds() const {
  std::vector<NaiveHold> open;
  const auto find = [&](int64_t id) {
    return std::find_if(open.begin(), open.end(),
                        [&](const NaiveHold& hold) { return hold.id == id; });
  };
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kHold) open.push_back(event.hold);
    if (event.hold_id == 0) continue;
    const auto hold = find(event.hold_id);
    if (hold == open.end()) continue;
    if (event.kind == Kind::kExtension) hold->expires_at = event.expires_at;
    if (event.kind == Kind::kHoldEnd) open.erase(hold);
    if (event.kind != Kind::kCharge) continue;
    if (event.ends_hold) {
      open.erase(hold);
      continue;
    }
    // What was used goes: from the part that it was drawn from, then from the other.
    Amount used = event.included + event.extra;
    for (const auto& [part, drawn] :
         {std::pair(&hold->included, event.included), std::pair(&hold->extra, event.extra),
          std::pair(&hold->extra, used), std::pair(&hold->included, used)}) {
      const Amount taken = Min(Min(*part, drawn), used);
      *part -= taken;
      used -= taken;
    }
  }
  return open;
}

void NaiveWallet::SetPolicy(bool captures, bool confirms) {
  NaiveEvent event = Event(Kind::kPolicy);
  event.captures = captures;
  event.confirms = confirms;
  events_.push_back(event);
}

NaiveAnswer NaiveWallet::Hold(int64_t id, const std::string& member_id, const std::string& surface,
                              Nanos estimate, bool up_to_available, absl::Duration ttl,
                              Nanos max_hold) {
  const MemberState member = MemberAt(member_id, now_);
  NaiveAnswer answer;
  answer.found = member.exists || created_.auto_provision_members;
  if (!answer.found) return answer;
  const Situation situation = Meet(member_id, surface);
  answer = up_to_available ? Decide(situation, std::nullopt, std::nullopt, false)
                           : Decide(situation, estimate, max_hold, false);
  if (!answer.admitted) return answer;
  Amount amount = estimate;
  if (up_to_available) {
    Amount beyond = max_hold;
    for (const Bound& bound : situation.bounds) beyond = Min(beyond, Max(bound.headroom, Amount()));
    if (situation.gate != DenialReason::kNone) beyond = Amount();
    amount = Min(Min(amount, max_hold), situation.included + beyond);
  }
  NaiveEvent event = Event(Kind::kHold);
  event.member_id = member_id;
  event.hold = {id,
                member_id,
                surface,
                member.exists ? member.tier_id : plan_.seat_tiers[0].id,
                Min(amount, situation.included),
                Amount(),
                SettingsAt(now_).included_scope == IncludedScope::kOrganization,
                now_,
                now_ + ttl};
  event.hold.extra = amount - event.hold.included;
  if (!member.exists) Join(member_id, SeatsFull());
  events_.push_back(event);
  return answer;
}

NaiveCharge NaiveWallet::Settle(int64_t id, const std::string& member_id,
                                const std::string& surface, Nanos cost, bool partial) {
  for (const NaiveHold& hold : OpenHolds()) {
    if (hold.id == id) return Charge(member_id, surface, cost, &hold, !partial, false);
  }
  // Too late. What a capture took comes back first.
  bool took_back = false;
  for (int64_t charge = 0; charge < charge_count_; ++charge) {
    const NaiveEvent event = ChargeEvent(charge);
    if (event.captured && event.hold_id == id && LeftOf(charge).is_positive()) {
      TakeBack(event, LeftOf(charge));
      took_back = true;
      break;
    }
  }
  NaiveCharge charge = Charge(member_id, surface, cost, nullptr, false, false);
  charge.unadmitted = true;
  if (took_back) EndEpisodeIfLifted();
  return charge;
}

bool NaiveWallet::Extend(int64_t id, absl::Duration ttl) {
  for (const NaiveHold& hold : OpenHolds()) {
    if (hold.id != id || now_ + ttl > hold.placed_at + absl::Hours(24)) continue;
    NaiveEvent event = Event(Kind::kExtension);
    event.hold_id = id;
    event.expires_at = std::max(hold.expires_at, now_ + ttl);
    events_.push_back(event);
    return true;
  }
  return false;
}

bool NaiveWallet::Release(int64_t id) {
  for (const NaiveHold& hold : OpenHolds()) {
    if (hold.id != id) continue;
    NaiveEvent event = Event(Kind::kHoldEnd);
    event.hold_id = id;
    events_.push_back(event);
    return true;
  }
  return false;
}

NaiveEvent NaiveWallet::ChargeEvent(int64_t charge) const {
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kCharge && event.id == charge) return event;
  }
  return NaiveEvent();
}

Amount NaiveWallet::LeftOf(int64_t charge) const {
  const NaiveEvent original = ChargeEvent(charge);
  Amount left = original.included + original.extra;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kReversal && event.id == charge) left -= event.included + event.extra;
  }
  return left;
}

void NaiveWallet::TakeBack(const NaiveEvent& charge, Amount amount) {
  Amount extra_left = charge.extra;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kReversal && event.id == charge.id) extra_left -= event.extra;
  }
  NaiveEvent event = Event(Kind::kReversal);
  event.id = charge.id;
  event.extra = Min(amount, extra_left);
  event.included = amount - event.extra;
  events_.push_back(event);
}

bool NaiveWallet::Reverse(int64_t charge, Nanos amount) {
  if (amount.value <= 0 || Amount(amount) > LeftOf(charge)) return false;
  TakeBack(ChargeEvent(charge), amount);
  EndEpisodeIfLifted();
  return true;
}

absl::Time NaiveWallet::ConfirmedUntil(const std::string& member_id) const {
  absl::Time until = absl::InfinitePast();
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kConfirmation && event.member_id == member_id) {
      until = event.confirmed_until;
    }
  }
  return until;
}

bool NaiveWallet::Confirmed(const std::string& member_id) const {
  bool confirms = false;
  for (const NaiveEvent& event : events_) {
    if (event.kind == Kind::kPolicy) confirms = event.confirms;
  }
  return !confirms || now_ < ConfirmedUntil(member_id);
}

bool NaiveWallet::Confirm(const std::string& member_id) {
  const MemberState member = MemberAt(member_id, now_);
  if ((!member.exists && !created_.auto_provision_members) || plan_.metered) return false;
  if (member.exists && now_ < ConfirmedUntil(member_id)) return true;
  const bool pool = SettingsAt(now_).included_scope == IncludedScope::kOrganization;
  NaiveEvent event = Event(Kind::kConfirmation);
  event.member_id = member_id;
  event.confirmed_until = UsedAt(pool ? "" : member_id, LongestKind(), now_).window.end;
  if (!member.exists) Join(member_id, SeatsFull());
  events_.push_back(event);
  return true;
}

}  // namespace bursar
