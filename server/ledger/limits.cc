#include "server/ledger/limits.h"

#include <algorithm>
#include <array>

#include "server/base/check.h"

namespace bursar {

namespace {

// A zone that was accepted once is in the database for good.
Zone ZoneOf(const std::string& name, const DecisionContext& context) {
  absl::StatusOr<Zone> zone = context.zones->Find(name);
  return zone.ok() ? *zone : Zone();
}

Amount TierRecentOf(const Member& member, std::string_view tier_id, PeriodKind period) {
  for (const TierRecentSpend& spend : member.tier_recent) {
    if (spend.tier_id == tier_id) return period == PeriodKind::kWeek ? spend.week : spend.day;
  }
  return Amount();
}

Amount TierSpendOf(const Member& member, std::string_view tier_id) {
  for (const TierSpend& spend : member.tier_spends) {
    if (spend.tier_id == tier_id) return spend.extra;
  }
  return Amount();
}

const PeriodCounter& CounterOf(const RecentSpend& recent, PeriodKind period) {
  return period == PeriodKind::kWeek ? recent.week : recent.day;
}

// The organization's periods at one instant, computed when a limit asks for them: most wallets have
// no other limits than monthly ones.
class Periods {
 public:
  Periods(const WalletHeader& header, const DecisionContext& context)
      : header_(header), context_(context) {}

  const Window& Of(PeriodKind kind) {
    std::optional<Window>& window = windows_[static_cast<size_t>(kind)];
    if (!window.has_value()) {
      window = kind == PeriodKind::kMonth
                   ? FindCurrentMonth(header_.month, header_.settings, context_).counter.month
                   : FindCurrentPeriod(header_, kind, context_).counter.period;
    }
    return *window;
  }

  // What members, tiers and the organization spent.
  Amount SpentBy(const MonthCounter& month, const RecentSpend& recent, PeriodKind kind) {
    const Window& window = Of(kind);
    if (kind == PeriodKind::kMonth) return FindScopeMonth(month, window).counter.extra;
    return SpentIn(CounterOf(recent, kind), window);
  }
  Amount SpentBy(const Member& member, PeriodKind kind) {
    if (kind == PeriodKind::kHour) return SpentIn(member.hour, Of(kind));
    return SpentBy(member.month, member.recent, kind);
  }
  Amount SpentInTier(const Member& member, std::string_view tier_id, PeriodKind kind) {
    const Window& window = Of(kind);
    if (kind == PeriodKind::kHour) return SpentIn(member.hour, window);
    if (kind == PeriodKind::kMonth) {
      return member.month.month == window ? TierSpendOf(member, tier_id) : Amount();
    }
    const bool current = CounterOf(member.recent, kind).period == window;
    return current ? TierRecentOf(member, tier_id, kind) : Amount();
  }
  Amount SpentOn(const NamedScope& named, PeriodKind kind) {
    return SpentIn(kind == PeriodKind::kMonth ? named.month : CounterOf(named.recent, kind),
                   Of(kind));
  }

 private:
  const WalletHeader& header_;
  const DecisionContext& context_;
  std::array<std::optional<Window>, 5> windows_;  // By PeriodKind.
};

std::optional<Amount> InForce(const SpendLimit& limit, absl::Time now) {
  const std::optional<Nanos>& amount = limit.AmountAt(now);
  return amount.has_value() ? std::optional<Amount>(*amount) : std::nullopt;
}

// Evaluates one request against everything that is limited.
class LimitMeter {
 public:
  LimitMeter(AdmissionState& state, const WalletHeader& header, const Member* member,
             const AdmissionQuery& query, const DecisionContext& context)
      : state_(state),
        header_(header),
        member_(member),
        query_(query),
        now_(context.now),
        periods_(header, context),
        tier_(header.FindTier(state.tier->id)) {
    settling_ = query.settling == nullptr ? Amount() : Amount(query.settling->extra);
    held_of_member_ = member == nullptr ? Amount() : member->held_extra - settling_;
    bound_.bucket = state.overflow_bucket;
    bound_.source = BoundSource::kSpendLimit;
  }

  void MeetMember() {
    bound_.scope = Scope::kMember;
    bound_.scope_id = query_.member_id;
    bound_.held = held_of_member_;
    AddMonth(member_ == nullptr ? nullptr : &member_->limit,
             member_ == nullptr ? Amount() : periods_.SpentBy(*member_, PeriodKind::kMonth));
    if (member_ != nullptr) {
      for (const PeriodLimit& one : member_->period_limits) {
        AddPeriod(one, periods_.SpentBy(*member_, one.period));
      }
    }
    // Velocity limits that are set for more than one member count each alone (rule L6).
    bound_.each_member = true;
    if (CountsTier()) {
      bound_.scope = Scope::kSeatTier;
      bound_.scope_id = state_.tier->id;
      AddHours(tier_->period_limits);
    }
    bound_.scope = Scope::kOrganization;
    bound_.scope_id = header_.organization_id;
    AddHours(header_.period_limits);
    bound_.each_member = false;
  }

  void MeetTier() {
    if (!CountsTier()) return;
    bound_.scope = Scope::kSeatTier;
    bound_.scope_id = state_.tier->id;
    if (tier_->limit.has_value()) {
      FillTier(tier_->limit->BasisAt(now_), PeriodKind::kMonth);
      Add(*tier_->limit, PeriodKind::kMonth);
      FillTier(tier_->limit->basis, PeriodKind::kMonth);
      AddReturning(*tier_->limit, PeriodKind::kMonth);
    }
    for (const PeriodLimit& one : tier_->period_limits) {
      if (one.period == PeriodKind::kHour) continue;
      FillTier(one.limit.BasisAt(now_), one.period);
      if (one.limit.AmountAt(now_).has_value()) Add(one.limit, one.period);
      FillTier(one.limit.basis, one.period);
      AddReturning(one.limit, one.period);
    }
    bound_.each_member = false;
  }

  void MeetNamed(Scope scope, std::string_view id) {
    if (header_.named_limit_count == 0 || !state_.plan->AllowsLimit(scope)) return;
    const NamedScope* named = header_.FindNamed(scope, id);
    if (named == nullptr || named->limits.empty()) return;
    bound_.scope = scope;
    bound_.scope_id = named->id;
    bound_.held = named->held_extra;
    if (query_.settling != nullptr && NameOf(*query_.settling, scope) == id) {
      bound_.held -= settling_;
    }
    for (const PeriodLimit& one : named->limits) {
      AddPeriod(one, periods_.SpentOn(*named, one.period));
    }
  }

  void MeetOrganization() {
    bound_.scope = Scope::kOrganization;
    bound_.scope_id = header_.organization_id;
    bound_.held = header_.held_extra - settling_;
    AddMonth(&header_.limit, periods_.SpentBy(header_.month, header_.recent, PeriodKind::kMonth));
    for (const PeriodLimit& one : header_.period_limits) {
      if (one.period == PeriodKind::kHour) continue;
      AddPeriod(one, periods_.SpentBy(header_.month, header_.recent, one.period));
    }
  }

  void MeetBalance() {
    if (state_.plan->funding != Funding::kPrepaid) return;
    Evaluation balance;
    balance.scope = Scope::kOrganization;
    balance.scope_id = header_.organization_id;
    balance.bucket = state_.overflow_bucket;
    balance.source = BoundSource::kBalance;
    balance.limit = header_.Balance();
    balance.spent = header_.overdraft;
    balance.held = header_.held_extra - settling_;
    state_.bounds.push_back(balance);
  }

 private:
  bool CountsTier() const { return state_.plan->tier_limits_allowed && tier_ != nullptr; }

  void Add(const SpendLimit& limit, PeriodKind period) {
    const bool temporary = limit.raise.has_value() && now_ < limit.raise->expires_at;
    bound_.limit = InForce(limit, now_);
    bound_.limit_sequence = limit.sequence;
    bound_.period = period;
    bound_.resets_at = periods_.Of(period).end;
    bound_.limit_until = temporary ? limit.raise->expires_at : absl::InfiniteFuture();
    state_.bounds.push_back(bound_);
  }
  // What comes back when the temporary limit expires: `bound_` with what counts in it then.
  void AddReturning(const SpendLimit& limit, PeriodKind period) {
    const bool temporary = limit.raise.has_value() && now_ < limit.raise->expires_at;
    if (!temporary || !limit.amount.has_value()) return;
    AdmissionState::ReturningLimit returning{limit.raise->expires_at, bound_};
    returning.bound.limit = *limit.amount;
    returning.bound.limit_sequence = limit.sequence;
    returning.bound.period = period;
    returning.bound.resets_at = periods_.Of(period).end;
    returning.bound.limit_until = absl::InfiniteFuture();
    state_.returning.push_back(returning);
  }
  void AddMonth(const std::optional<SpendLimit>* limit, Amount spent) {
    static const SpendLimit kUnlimited;
    const bool is_set = limit != nullptr && limit->has_value();
    bound_.spent = spent;
    Add(is_set ? **limit : kUnlimited, PeriodKind::kMonth);
    if (is_set) AddReturning(**limit, PeriodKind::kMonth);
  }
  void AddPeriod(const PeriodLimit& one, Amount spent) {
    bound_.spent = spent;
    if (one.limit.AmountAt(now_).has_value()) Add(one.limit, one.period);
    AddReturning(one.limit, one.period);
  }
  void AddHours(const std::vector<PeriodLimit>& limits) {
    for (const PeriodLimit& one : limits) {
      if (one.period != PeriodKind::kHour) continue;
      AddPeriod(one, member_ == nullptr ? Amount() : periods_.SpentBy(*member_, one.period));
    }
  }
  void FillTier(LimitBasis basis, PeriodKind period) {
    bound_.each_member = basis == LimitBasis::kEachMember;
    if (bound_.each_member) {
      bound_.spent =
          member_ == nullptr ? Amount() : periods_.SpentInTier(*member_, state_.tier->id, period);
      // All that the member holds, whatever tier it was placed in: settled now, it counts here.
      bound_.held = held_of_member_;
      return;
    }
    bound_.spent = periods_.SpentBy(tier_->month, tier_->recent, period);
    bound_.held = tier_->held_extra;
    if (query_.settling != nullptr && query_.settling->tier_id == state_.tier->id) {
      bound_.held -= settling_;
    }
  }

  AdmissionState& state_;
  const WalletHeader& header_;
  const Member* const member_;
  const AdmissionQuery& query_;
  const absl::Time now_;
  Periods periods_;
  const TierState* const tier_;
  Amount settling_;
  Amount held_of_member_;
  Evaluation bound_;
};

// The memory of a limit's thresholds, or null.
const NoticedThreshold* FindNoticed(const std::vector<NoticedThreshold>& noticed,
                                    const Evaluation& bound) {
  for (const NoticedThreshold& one : noticed) {
    if (one.scope == bound.scope && one.period == bound.period &&
        (bound.scope == Scope::kOrganization || bound.scope == Scope::kMember ||
         one.scope_id == bound.scope_id)) {
      return &one;
    }
  }
  return nullptr;
}

LimitLine MakeLine(Scope scope, const std::string& scope_id, PeriodKind period,
                   const SpendLimit& limit, Periods& periods) {
  LimitLine line;
  line.scope = scope;
  line.scope_id = scope_id;
  line.period = period;
  line.limit = limit;
  line.window = periods.Of(period);
  return line;
}

LimitLine OrganizationLine(const WalletHeader& header, PeriodKind period, const SpendLimit& limit,
                           Periods& periods) {
  LimitLine line = MakeLine(Scope::kOrganization, header.organization_id, period, limit, periods);
  if (period == PeriodKind::kHour) return line;
  line.spent = periods.SpentBy(header.month, header.recent, period);
  line.held = header.held_extra;
  return line;
}

LimitLine TierLine(const TierState& tier, PeriodKind period, const SpendLimit& limit,
                   absl::Time now, Periods& periods) {
  LimitLine line = MakeLine(Scope::kSeatTier, tier.tier_id, period, limit, periods);
  if (period == PeriodKind::kHour || limit.BasisAt(now) == LimitBasis::kEachMember) return line;
  line.spent = periods.SpentBy(tier.month, tier.recent, period);
  line.held = tier.held_extra;
  return line;
}

LimitLine NamedLine(const NamedScope& named, PeriodKind period, const SpendLimit& limit,
                    Periods& periods) {
  LimitLine line = MakeLine(named.scope, named.id, period, limit, periods);
  line.spent = periods.SpentOn(named, period);
  line.held = named.held_extra;
  return line;
}

LimitLine MemberLine(const Member& member, PeriodKind period, const SpendLimit& limit,
                     Periods& periods) {
  LimitLine line = MakeLine(Scope::kMember, member.member_id, period, limit, periods);
  line.spent = periods.SpentBy(member, period);
  line.held = member.held_extra;
  return line;
}

// The limit of a period where the month's has a place of its own.
SpendLimit LimitIn(const std::optional<SpendLimit>& month, const std::vector<PeriodLimit>& others,
                   PeriodKind period) {
  if (period == PeriodKind::kMonth) return month.value_or(SpendLimit());
  const SpendLimit* found = FindPeriodLimit(others, period);
  return found == nullptr ? SpendLimit() : *found;
}

}  // namespace

CurrentPeriod FindCurrentPeriod(const WalletHeader& header, PeriodKind kind,
                                const DecisionContext& context) {
  CurrentPeriod current;
  if (kind == PeriodKind::kHour) {
    current.counter.period = CalendarPeriodAt(context.now, kind, Zone());
    return current;
  }
  BURSAR_CHECK(kind == PeriodKind::kWeek || kind == PeriodKind::kDay);
  const PeriodCounter& stored = CounterOf(header.recent, kind);
  if (stored.period.Contains(context.now)) return {stored, true};
  Window& period = current.counter.period;
  period = CalendarPeriodAt(context.now, kind, ZoneOf(header.settings.time_zone, context));
  const bool follows = stored.period.start != stored.period.end && stored.period.end <= context.now;
  if (follows) period = FollowingOn(period, stored.period.end);
  return current;
}

Amount SpentIn(const PeriodCounter& counter, const Window& period) {
  return counter.period == period ? counter.extra : Amount();
}

void EvaluateLimits(AdmissionState& state, const WalletHeader& header, const Member* member,
                    const AdmissionQuery& query, const DecisionContext& context) {
  LimitMeter meter(state, header, member, query, context);
  meter.MeetMember();
  meter.MeetTier();
  meter.MeetNamed(Scope::kSurface, query.surface);
  meter.MeetNamed(Scope::kModel, ModelKey(query.model));
  meter.MeetOrganization();
  meter.MeetBalance();
}

const Evaluation* LeastLimit(const AdmissionState& state) {
  const Evaluation* least = nullptr;
  for (const Evaluation& bound : state.bounds) {
    if (bound.source != BoundSource::kSpendLimit || !bound.limit.has_value()) continue;
    if (least == nullptr || bound.Headroom() < least->Headroom()) least = &bound;
  }
  return least;
}

absl::Time ReopensAt(const AdmissionState& state, const Evaluation& bound) {
  // A balance never refills itself, and a limit of zero stays reached however its period rolls.
  const absl::Time never = absl::InfiniteFuture();
  if (bound.source == BoundSource::kBalance) return never;
  const absl::Time rolls_at = bound.limit->is_positive() ? bound.resets_at : never;
  if (bound.limit_until >= rolls_at) return rolls_at;
  // Before that another limit is in force in its place, or none.
  for (const AdmissionState::ReturningLimit& returning : state.returning) {
    const Evaluation& after = returning.bound;
    if (after.scope != bound.scope || after.scope_id != bound.scope_id ||
        after.period != bound.period || after.limit_sequence != bound.limit_sequence) {
      continue;
    }
    if (after.Unspent().is_positive()) break;
    return after.limit->is_positive() ? after.resets_at : never;
  }
  return bound.limit_until;
}

std::optional<PeriodsOpened> OpenPeriods(const WalletHeader& header,
                                         const DecisionContext& context) {
  PeriodsOpened opened;
  if (!header.recent.week.period.Contains(context.now)) {
    opened.week = FindCurrentPeriod(header, PeriodKind::kWeek, context).counter.period;
    opened.previous_week = header.recent.week.extra;
  }
  if (!header.recent.day.period.Contains(context.now)) {
    opened.day = FindCurrentPeriod(header, PeriodKind::kDay, context).counter.period;
    opened.previous_day = header.recent.day.extra;
  }
  if (!opened.week.has_value() && !opened.day.has_value()) return std::nullopt;
  return opened;
}

std::vector<EntryBody> ReachedThresholds(const AdmissionState& state, const WalletHeader& header,
                                         const Member* member, const std::string& member_id,
                                         const std::string& surface, Amount overflow,
                                         const DecisionContext& context) {
  static const std::vector<NoticedThreshold> kNone;
  std::vector<EntryBody> bodies;
  if (!overflow.is_positive()) return bodies;
  Periods periods(header, context);
  for (const Evaluation& bound : state.bounds) {
    if (bound.source != BoundSource::kSpendLimit || !bound.limit.has_value()) continue;
    const int percent = ThresholdOf(bound.spent + overflow, *bound.limit);
    if (percent == 0 || (bound.period == PeriodKind::kHour && percent < 100)) continue;
    const bool of_one = bound.each_member || bound.scope == Scope::kMember;
    const std::vector<NoticedThreshold>& memory = !of_one             ? header.noticed
                                                  : member == nullptr ? kNone
                                                                      : member->noticed;
    const NoticedThreshold* noticed = FindNoticed(memory, bound);
    const Window& window = periods.Of(bound.period);
    if (noticed != nullptr && noticed->limit_sequence == bound.limit_sequence &&
        noticed->period_start == window.start && noticed->percent >= percent) {
      continue;
    }
    ThresholdNoticed body;
    body.scope = bound.scope;
    body.scope_id = std::string(bound.scope_id);
    if (of_one) body.member_id = member_id;
    body.period = bound.period;
    body.window = window;
    body.percent = percent;
    body.limit = *bound.limit->ToNanos();
    body.limit_sequence = bound.limit_sequence;
    body.surface = surface;
    bodies.push_back(std::move(body));
  }
  return bodies;
}

bool IsWithinOrganizationLimits(const WalletHeader& header, PeriodKind period,
                                const std::optional<Nanos>& amount,
                                const DecisionContext& context) {
  const auto within = [&](const SpendLimit* limit, bool bounds_unlimited) {
    const std::optional<Nanos> bound =
        limit == nullptr ? std::nullopt : limit->AmountAt(context.now);
    if (!bound.has_value()) return true;
    return amount.has_value() ? *amount <= *bound : !bounds_unlimited;
  };
  const bool of_month = period == PeriodKind::kMonth;
  return within(header.limit.has_value() ? &*header.limit : nullptr, of_month) &&
         (of_month || within(FindPeriodLimit(header.period_limits, period), true));
}

std::optional<LimitLine> FindLimit(const Wallet& wallet, const LimitKey& key,
                                   const DecisionContext& context) {
  const auto& [scope, scope_id, period] = key;
  const WalletHeader& header = wallet.header;
  Periods periods(header, context);
  switch (scope) {
    case Scope::kOrganization:
      return OrganizationLine(header, period, LimitIn(header.limit, header.period_limits, period),
                              periods);
    case Scope::kSeatTier: {
      TierState unknown;
      unknown.tier_id = scope_id;
      const TierState* found = header.FindTier(scope_id);
      const TierState& tier = found == nullptr ? unknown : *found;
      return TierLine(tier, period, LimitIn(tier.limit, tier.period_limits, period), context.now,
                      periods);
    }
    case Scope::kMember: {
      const Member* member = wallet.FindMember(scope_id);
      if (member == nullptr) return std::nullopt;
      return MemberLine(*member, period, LimitIn(member->limit, member->period_limits, period),
                        periods);
    }
    case Scope::kSurface:
    case Scope::kModel: {
      NamedScope unknown;
      unknown.scope = scope;
      unknown.id = scope == Scope::kModel ? std::string(ModelKey(scope_id)) : scope_id;
      const NamedScope* found = header.FindNamed(scope, unknown.id);
      const NamedScope& named = found == nullptr ? unknown : *found;
      const SpendLimit* limit = FindPeriodLimit(named.limits, period);
      return NamedLine(named, period, limit == nullptr ? SpendLimit() : *limit, periods);
    }
  }
  return std::nullopt;
}

std::vector<LimitLine> HeaderLimits(const WalletHeader& header, const DecisionContext& context) {
  Periods periods(header, context);
  std::vector<LimitLine> lines;
  if (header.limit.has_value()) {
    lines.push_back(OrganizationLine(header, PeriodKind::kMonth, *header.limit, periods));
  }
  for (const PeriodLimit& one : header.period_limits) {
    lines.push_back(OrganizationLine(header, one.period, one.limit, periods));
  }
  for (const TierState& tier : header.tiers) {
    if (tier.limit.has_value()) {
      lines.push_back(TierLine(tier, PeriodKind::kMonth, *tier.limit, context.now, periods));
    }
    for (const PeriodLimit& one : tier.period_limits) {
      lines.push_back(TierLine(tier, one.period, one.limit, context.now, periods));
    }
  }
  for (const NamedScope& named : header.named_scopes) {
    for (const PeriodLimit& one : named.limits) {
      lines.push_back(NamedLine(named, one.period, one.limit, periods));
    }
  }
  return lines;
}

std::vector<LimitLine> MemberLimits(const WalletHeader& header, const Member& member,
                                    const DecisionContext& context) {
  Periods periods(header, context);
  std::vector<LimitLine> lines;
  if (member.limit.has_value()) {
    lines.push_back(MemberLine(member, PeriodKind::kMonth, *member.limit, periods));
  }
  for (const PeriodLimit& one : member.period_limits) {
    lines.push_back(MemberLine(member, one.period, one.limit, periods));
  }
  return lines;
}

Amount SpentByTier(const WalletHeader& header, const TierState& tier, PeriodKind period,
                   const DecisionContext& context) {
  return Periods(header, context).SpentBy(tier.month, tier.recent, period);
}

const SpendLimit* FindPeriodLimit(const std::vector<PeriodLimit>& limits, PeriodKind period) {
  for (const PeriodLimit& one : limits) {
    if (one.period == period) return &one.limit;
  }
  return nullptr;
}

std::string_view PeriodWord(PeriodKind period) {
  switch (period) {
    case PeriodKind::kMonth:
      return "month";
    case PeriodKind::kWeek:
      return "week";
    case PeriodKind::kDay:
      return "day";
    case PeriodKind::kHour:
      return "hour";
  }
  return "period";
}

}  // namespace bursar
