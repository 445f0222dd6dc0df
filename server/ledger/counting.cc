#include "server/ledger/counting.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace bursar {

namespace {

absl::Status DoesNotFit(const WalletHeader& header, const std::string& what) {
  return absl::DataLossError(absl::StrCat("journal of ", header.organization_id, ", after entry ",
                                          header.revision, ": ", what));
}

// Adds to a counter, which first moves on to `current` where it is of another period.
void Count(PeriodCounter& counter, const Window& current, Amount amount, int64_t sequence) {
  if (!(counter.period == current)) counter = {current, Amount(), sequence};
  counter.extra += amount;
}

// The surface or model, which is made where there is room. What is held of it is always the sum of
// the open holds, so that a limit set later meets it.
NamedScope* NamedFor(Wallet& wallet, Scope scope, std::string_view id, int64_t sequence) {
  WalletHeader& header = wallet.header;
  NamedScope made;
  made.scope = scope;
  made.id = std::string(id);
  made.since_sequence = sequence;
  for (const auto& [hold_sequence, hold] : wallet.holds) {
    const std::string_view name = NameOf(hold, scope);
    if (name == id) made.held_extra += hold.extra;
  }
  auto place = std::find_if(header.named_scopes.begin(), header.named_scopes.end(),
                            [&](const NamedScope& one) {
                              return one.scope > scope || (one.scope == scope && one.id > id);
                            });
  return &*header.named_scopes.insert(place, std::move(made));
}

size_t CountedNames(const WalletHeader& header) {
  return std::count_if(header.named_scopes.begin(), header.named_scopes.end(),
                       [](const NamedScope& one) { return one.limits.empty(); });
}

void CountNamed(Wallet& wallet, Scope scope, std::string_view id, Amount amount, int64_t sequence) {
  if (id.empty()) return;
  WalletHeader& header = wallet.header;
  NamedScope* named = header.FindNamed(scope, id);
  if (named == nullptr) {
    const bool full =
        header.named_scopes.size() >= kMaxCountedNames && CountedNames(header) >= kMaxCountedNames;
    if (full) return;
    named = NamedFor(wallet, scope, id, sequence);
  }
  Count(named->month, header.month.month, amount, sequence);
  Count(named->recent.week, header.recent.week.period, amount, sequence);
  Count(named->recent.day, header.recent.day.period, amount, sequence);
}

void UncountNamed(WalletHeader& header, Scope scope, std::string_view id,
                  const EntryReversed& reversed, Amount amount) {
  NamedScope* named = header.FindNamed(scope, id);
  if (named == nullptr) return;
  const auto lower = [&](PeriodCounter& counter, const Window& current, bool lowers) {
    const bool counted = counter.opened_sequence <= reversed.reversed_sequence &&
                         named->since_sequence <= reversed.reversed_sequence;
    if (lowers && counted && counter.period == current) counter.extra -= amount;
  };
  lower(named->month, header.month.month, reversed.lowers_month);
  lower(named->recent.week, header.recent.week.period, reversed.lowers_week);
  lower(named->recent.day, header.recent.day.period, reversed.lowers_day);
}

// What the member drew in one tier in its current week and day.
TierRecentSpend& TierRecentFor(Member& member, const std::string& tier_id) {
  for (TierRecentSpend& spend : member.tier_recent) {
    if (spend.tier_id == tier_id) return spend;
  }
  member.tier_recent.push_back({tier_id, Amount(), Amount()});
  return member.tier_recent.back();
}

void CountMember(Member& member, const std::string& tier_id, const RecentSpend& current,
                 Amount amount, const Entry& entry) {
  const bool new_week = !(member.recent.week.period == current.week.period);
  const bool new_day = !(member.recent.day.period == current.day.period);
  if (new_week || new_day) {
    for (TierRecentSpend& spend : member.tier_recent) {
      if (new_week) spend.week = Amount();
      if (new_day) spend.day = Amount();
    }
    std::erase_if(member.tier_recent, [](const TierRecentSpend& spend) {
      return spend.week.is_zero() && spend.day.is_zero();
    });
  }
  Count(member.recent.week, current.week.period, amount, entry.sequence);
  Count(member.recent.day, current.day.period, amount, entry.sequence);
  TierRecentSpend& tier = TierRecentFor(member, tier_id);
  tier.week += amount;
  tier.day += amount;
  // An hour's bounds are arithmetic, so that no entry says them.
  const Window hour = CalendarPeriodAt(entry.recorded_at, PeriodKind::kHour, Zone());
  Count(member.hour, hour, amount, entry.sequence);
}

SpendLimit* FindLimit(std::vector<PeriodLimit>& limits, PeriodKind period) {
  for (PeriodLimit& one : limits) {
    if (one.period == period) return &one.limit;
  }
  return nullptr;
}

// Where the limits of a scope are kept. The month's is a place of its own but for surfaces and
// models.
struct LimitPlaces {
  std::optional<SpendLimit>* month = nullptr;
  std::vector<PeriodLimit>* others = nullptr;
  NamedScope* named = nullptr;
};

LimitPlaces PlacesOf(Wallet& wallet, Scope scope, const std::string& scope_id) {
  WalletHeader& header = wallet.header;
  switch (scope) {
    case Scope::kOrganization:
      return {&header.limit, &header.period_limits, nullptr};
    case Scope::kSeatTier: {
      TierState& tier = TierFor(header, scope_id);
      return {&tier.limit, &tier.period_limits, nullptr};
    }
    case Scope::kMember: {
      auto member = wallet.members.find(scope_id);
      if (member == wallet.members.end()) return {};
      return {&member->second.limit, &member->second.period_limits, nullptr};
    }
    case Scope::kSurface:
    case Scope::kModel: {
      NamedScope* named = header.FindNamed(scope, scope_id);
      return {nullptr, named == nullptr ? nullptr : &named->limits, named};
    }
  }
  return {};
}

// Puts a limit where limits of its period are kept, in order of period. One that limits nothing and
// has no place of its own goes.
void PutLimit(std::vector<PeriodLimit>& limits, PeriodKind period, const SpendLimit& limit) {
  std::erase_if(limits, [&](const PeriodLimit& one) { return one.period == period; });
  if (!limit.amount.has_value() && !limit.raise.has_value()) return;
  auto place = std::find_if(limits.begin(), limits.end(),
                            [&](const PeriodLimit& one) { return one.period > period; });
  limits.insert(place, {period, limit});
}

bool IsOf(const PendingRaise& raise, Scope scope, const std::string& scope_id, PeriodKind period) {
  return raise.scope == scope && raise.scope_id == scope_id && raise.period == period;
}

void ReplaceRaise(WalletHeader& header, Scope scope, const std::string& scope_id, PeriodKind period,
                  const std::optional<LimitRaise>& raise) {
  std::erase_if(header.raises,
                [&](const PendingRaise& one) { return IsOf(one, scope, scope_id, period); });
  if (!raise.has_value()) return;
  const PendingRaise pending{raise->expires_at, scope, scope_id, period};
  auto place =
      std::find_if(header.raises.begin(), header.raises.end(), [&](const PendingRaise& one) {
        return std::tie(one.expires_at, one.scope, one.scope_id, one.period) >
               std::tie(pending.expires_at, pending.scope, pending.scope_id, pending.period);
      });
  header.raises.insert(place, pending);
}

// A limit of a surface or model that is gone leaves no memory of its thresholds, and the name goes
// where nothing of it counts.
void TidyNamed(WalletHeader& header, const SpendLimitSet& body) {
  const NamedScope* named = header.FindNamed(body.scope, body.scope_id);
  const bool stays = std::any_of(named->limits.begin(), named->limits.end(),
                                 [&](const PeriodLimit& one) { return one.period == body.period; });
  if (stays) return;
  std::erase_if(header.noticed, [&](const NoticedThreshold& one) {
    return one.scope == body.scope && one.scope_id == body.scope_id && one.period == body.period;
  });
  const bool counts = !named->limits.empty() || !named->held_extra.is_zero() ||
                      !named->month.extra.is_zero() || !named->recent.week.extra.is_zero();
  if (counts) return;
  std::erase_if(header.named_scopes, [&](const NamedScope& one) {
    return one.scope == body.scope && one.id == body.scope_id;
  });
}

// The value in force is another one than before: its thresholds are armed anew (rule L5).
void Number(SpendLimit& limit, const SpendLimit& before, int64_t sequence) {
  const bool same =
      limit.InForce() == before.InForce() && limit.BasisInForce() == before.BasisInForce();
  limit.sequence = same ? before.sequence : sequence;
}

}  // namespace

TierState& TierFor(WalletHeader& header, const std::string& tier_id) {
  if (TierState* tier = header.FindTier(tier_id); tier != nullptr) return *tier;
  TierState tier;
  tier.tier_id = tier_id;
  header.tiers.push_back(std::move(tier));
  return header.tiers.back();
}

void CountRecent(Wallet& wallet, Member& member, TierState& tier, const UsageCharged& charge,
                 Amount overflow, const Entry& entry) {
  RecentSpend& recent = wallet.header.recent;
  recent.week.extra += overflow;
  recent.day.extra += overflow;
  Count(tier.recent.week, recent.week.period, overflow, entry.sequence);
  Count(tier.recent.day, recent.day.period, overflow, entry.sequence);
  CountMember(member, charge.tier_id, recent, overflow, entry);
  CountNamed(wallet, Scope::kSurface, charge.surface, overflow, entry.sequence);
  CountNamed(wallet, Scope::kModel, ModelKey(charge.model), overflow, entry.sequence);
}

void UncountRecent(Wallet& wallet, Member& member, TierState& tier, const EntryReversed& reversed,
                   Amount overflow) {
  RecentSpend& recent = wallet.header.recent;
  const auto lower = [&](PeriodCounter& organization, PeriodCounter& of_tier,
                         PeriodCounter& of_member, Amount TierRecentSpend::*in_tier) {
    organization.extra -= overflow;
    if (of_tier.period == organization.period) of_tier.extra -= overflow;
    if (!(of_member.period == organization.period)) return;
    of_member.extra -= overflow;
    TierRecentFor(member, reversed.facts.tier_id).*in_tier -= overflow;
  };
  if (reversed.lowers_week) {
    lower(recent.week, tier.recent.week, member.recent.week, &TierRecentSpend::week);
  }
  if (reversed.lowers_day) {
    lower(recent.day, tier.recent.day, member.recent.day, &TierRecentSpend::day);
  }
  if (reversed.lowers_hour) member.hour.extra -= overflow;
  UncountNamed(wallet.header, Scope::kSurface, reversed.facts.surface, reversed, overflow);
  UncountNamed(wallet.header, Scope::kModel, ModelKey(reversed.facts.model), reversed, overflow);
}

bool ChangeNamedHeld(WalletHeader& header, const Hold& hold, Amount extra) {
  if (extra.is_zero() || header.named_scopes.empty()) return true;
  for (const Scope scope : {Scope::kSurface, Scope::kModel}) {
    NamedScope* named = header.FindNamed(scope, NameOf(hold, scope));
    if (named == nullptr) continue;
    named->held_extra += extra;
    if (named->held_extra.is_negative()) return false;
  }
  return true;
}

void ForgetCountedNames(WalletHeader& header, absl::Time now) {
  std::erase_if(header.named_scopes, [now](const NamedScope& named) {
    return named.limits.empty() && named.held_extra.is_zero() &&
           !named.month.period.Contains(now) && !named.recent.week.period.Contains(now);
  });
}

void OpenRecentPeriods(WalletHeader& header, const PeriodsOpened& body, const Entry& entry) {
  if (body.week.has_value()) header.recent.week = {*body.week, Amount(), entry.sequence};
  if (body.day.has_value()) header.recent.day = {*body.day, Amount(), entry.sequence};
  if (body.week.has_value()) ForgetCountedNames(header, entry.recorded_at);
}

absl::Status FoldLimit(Wallet& wallet, const SpendLimitSet& body, int64_t sequence) {
  WalletHeader& header = wallet.header;
  const bool is_named = body.scope == Scope::kSurface || body.scope == Scope::kModel;
  if (is_named && header.FindNamed(body.scope, body.scope_id) == nullptr) {
    NamedFor(wallet, body.scope, body.scope_id, sequence);
  }
  const LimitPlaces places = PlacesOf(wallet, body.scope, body.scope_id);
  if (places.others == nullptr) return DoesNotFit(header, "the member of a limit is missing");
  const bool of_month = body.period == PeriodKind::kMonth && places.month != nullptr;
  const SpendLimit* stored = FindLimit(*places.others, body.period);
  if (of_month) stored = places.month->has_value() ? &**places.month : nullptr;
  SpendLimit limit = body.limit;
  Number(limit, stored == nullptr ? SpendLimit() : *stored, sequence);
  if (is_named) header.named_limit_count -= static_cast<int64_t>(places.others->size());
  if (of_month) {
    *places.month = limit;
  } else {
    PutLimit(*places.others, body.period, limit);
  }
  if (is_named) header.named_limit_count += static_cast<int64_t>(places.others->size());
  ReplaceRaise(header, body.scope, body.scope_id, body.period, limit.raise);
  if (is_named) TidyNamed(header, body);
  return absl::OkStatus();
}

absl::Status FoldRaiseExpiry(Wallet& wallet, const LimitRaiseExpired& body, int64_t sequence) {
  const LimitPlaces places = PlacesOf(wallet, body.scope, body.scope_id);
  if (places.others == nullptr) return DoesNotFit(wallet.header, "a limit is missing");
  const bool of_month = body.period == PeriodKind::kMonth && places.month != nullptr;
  const SpendLimit* stored = FindLimit(*places.others, body.period);
  if (of_month) stored = places.month->has_value() ? &**places.month : nullptr;
  if (stored == nullptr || !stored->raise.has_value()) {
    return DoesNotFit(wallet.header, "a temporary limit expires that is not there");
  }
  SpendLimitSet base;
  base.scope = body.scope;
  base.scope_id = body.scope_id;
  base.period = body.period;
  base.limit = *stored;
  base.limit.raise.reset();
  return FoldLimit(wallet, base, sequence);
}

absl::Status FoldThreshold(Wallet& wallet, const ThresholdNoticed& body) {
  std::vector<NoticedThreshold>* memory = &wallet.header.noticed;
  if (!body.member_id.empty()) {
    auto member = wallet.members.find(body.member_id);
    if (member == wallet.members.end()) {
      return DoesNotFit(wallet.header, "the member of a threshold is missing");
    }
    memory = &member->second.noticed;
  }
  const std::string scope_id =
      body.scope == Scope::kOrganization || body.scope == Scope::kMember ? "" : body.scope_id;
  auto place = std::find_if(memory->begin(), memory->end(), [&](const NoticedThreshold& one) {
    return one.scope == body.scope && one.scope_id == scope_id && one.period == body.period;
  });
  if (place == memory->end()) place = memory->insert(place, NoticedThreshold());
  *place = {body.scope,          scope_id,          body.period,
            body.limit_sequence, body.window.start, body.percent};
  return absl::OkStatus();
}

absl::Status FoldPlan(WalletHeader& header, const PlanChanged& body) {
  if (body.billed_overdraft.is_negative() || body.billed_overdraft > header.overdraft) {
    return DoesNotFit(header, "a change of plan bills more overdraft than there is");
  }
  header.settings.plan_id = body.plan_id;
  header.funding = body.funding;
  header.overdraft -= body.billed_overdraft;
  header.totals.overdraft_billed += body.billed_overdraft;
  ++header.settings_version;
  return absl::OkStatus();
}

}  // namespace bursar
