#include "server/engine/limit_codec.h"

#include "server/engine/journal_parts.h"

namespace bursar {
namespace {

namespace record = storage::v1;

void ToRecord(const PeriodLimit& one, record::PeriodLimitRecord* out) {
  out->set_period(static_cast<uint32_t>(one.period));
  ToRecord(one.limit, out->mutable_limit());
}

PeriodLimit FromRecord(const record::PeriodLimitRecord& in, Damage& damage) {
  return {PeriodFromRecord(in.period(), damage), FromRecord(in.limit(), damage)};
}

void ToRecord(const PeriodCounter& counter, record::PeriodCounterRecord* out) {
  if (!(counter.period == Window{})) ToRecord(counter.period, out->mutable_period());
  PutAmount(counter.extra, [out] { return out->mutable_extra(); });
  out->set_opened_sequence(counter.opened_sequence);
}

PeriodCounter FromRecord(const record::PeriodCounterRecord& in, Damage& damage) {
  return {FromRecord(in.period(), damage), FromRecord(in.extra(), damage), in.opened_sequence()};
}

void ToRecord(const RecentSpend& recent, record::RecentSpendRecord* out) {
  ToRecord(recent.week, out->mutable_week());
  ToRecord(recent.day, out->mutable_day());
}

RecentSpend FromRecord(const record::RecentSpendRecord& in, Damage& damage) {
  return {FromRecord(in.week(), damage), FromRecord(in.day(), damage)};
}

void ToRecord(const PendingRaise& raise, record::PendingRaiseRecord* out) {
  out->set_expires_at_unix_nanos(TimeToRecord(raise.expires_at));
  out->set_scope(static_cast<uint32_t>(raise.scope));
  out->set_scope_id(raise.scope_id);
  out->set_period(static_cast<uint32_t>(raise.period));
}

PendingRaise FromRecord(const record::PendingRaiseRecord& in, Damage& damage) {
  return {TimeFromRecord(in.expires_at_unix_nanos()), ScopeFromRecord(in.scope(), damage),
          in.scope_id(), PeriodFromRecord(in.period(), damage)};
}

void ToRecord(const NoticedThreshold& noticed, record::NoticedThresholdRecord* out) {
  out->set_scope(static_cast<uint32_t>(noticed.scope));
  out->set_scope_id(noticed.scope_id);
  out->set_period(static_cast<uint32_t>(noticed.period));
  out->set_limit_sequence(noticed.limit_sequence);
  out->set_period_start_unix_nanos(TimeToRecord(noticed.period_start));
  out->set_percent(noticed.percent);
}

NoticedThreshold FromRecord(const record::NoticedThresholdRecord& in, Damage& damage) {
  NoticedThreshold noticed;
  noticed.scope = ScopeFromRecord(in.scope(), damage);
  noticed.scope_id = in.scope_id();
  noticed.period = PeriodFromRecord(in.period(), damage);
  noticed.limit_sequence = in.limit_sequence();
  noticed.period_start = TimeFromRecord(in.period_start_unix_nanos());
  noticed.percent = in.percent();
  return noticed;
}

void ToRecord(const NamedScope& named, record::NamedScopeRecord* out) {
  out->set_scope(static_cast<uint32_t>(named.scope));
  out->set_id(named.id);
  out->set_since_sequence(named.since_sequence);
  ToRecord(named.month, out->mutable_month());
  ToRecord(named.recent, out->mutable_recent());
  PutAmount(named.held_extra, [out] { return out->mutable_held_extra(); });
  for (const PeriodLimit& one : named.limits) ToRecord(one, out->add_limits());
}

NamedScope FromRecord(const record::NamedScopeRecord& in, Damage& damage) {
  NamedScope named;
  named.scope = ScopeFromRecord(in.scope(), damage);
  named.id = in.id();
  named.since_sequence = in.since_sequence();
  named.month = FromRecord(in.month(), damage);
  named.recent = FromRecord(in.recent(), damage);
  named.held_extra = FromRecord(in.held_extra(), damage);
  for (const auto& one : in.limits()) named.limits.push_back(FromRecord(one, damage));
  if (named.scope != Scope::kSurface && named.scope != Scope::kModel) {
    damage.Note("it counts something that is no surface and no model");
  }
  return named;
}

}  // namespace

void LimitsToRecord(const WalletHeader& header, record::HeaderRecord* out) {
  ToRecord(header.recent, out->mutable_recent());
  for (const PeriodLimit& one : header.period_limits) ToRecord(one, out->add_period_limits());
  for (const NamedScope& named : header.named_scopes) ToRecord(named, out->add_named_scopes());
  for (const PendingRaise& raise : header.raises) ToRecord(raise, out->add_raises());
  for (const NoticedThreshold& one : header.noticed) ToRecord(one, out->add_noticed());
  if (header.funding.has_value()) out->set_funding(static_cast<uint32_t>(*header.funding));
}

void LimitsFromRecord(const record::HeaderRecord& in, WalletHeader& header, Damage& damage) {
  header.recent = FromRecord(in.recent(), damage);
  for (const auto& one : in.period_limits()) {
    header.period_limits.push_back(FromRecord(one, damage));
  }
  for (const auto& named : in.named_scopes()) {
    header.named_scopes.push_back(FromRecord(named, damage));
    header.named_limit_count += named.limits_size();
  }
  for (const auto& raise : in.raises()) header.raises.push_back(FromRecord(raise, damage));
  for (const auto& one : in.noticed()) header.noticed.push_back(FromRecord(one, damage));
  if (in.funding() != 0) {
    header.funding = EnumFromRecord(in.funding(), Funding::kPrepaid, Funding::kPostpaid, damage);
  }
}

void LimitsToRecord(const TierState& tier, record::TierStateRecord* out) {
  ToRecord(tier.recent, out->mutable_recent());
  for (const PeriodLimit& one : tier.period_limits) ToRecord(one, out->add_period_limits());
}

void LimitsFromRecord(const record::TierStateRecord& in, TierState& tier, Damage& damage) {
  tier.recent = FromRecord(in.recent(), damage);
  for (const auto& one : in.period_limits()) tier.period_limits.push_back(FromRecord(one, damage));
}

void LimitsToRecord(const Member& member, record::MemberRecord* out) {
  for (const PeriodLimit& one : member.period_limits) ToRecord(one, out->add_period_limits());
  ToRecord(member.recent, out->mutable_recent());
  ToRecord(member.hour, out->mutable_hour());
  for (const TierRecentSpend& spend : member.tier_recent) {
    record::TierRecentSpendRecord* row = out->add_tier_recent();
    row->set_tier_id(spend.tier_id);
    PutAmount(spend.week, [row] { return row->mutable_week(); });
    PutAmount(spend.day, [row] { return row->mutable_day(); });
  }
  for (const NoticedThreshold& one : member.noticed) ToRecord(one, out->add_noticed());
}

void LimitsFromRecord(const record::MemberRecord& in, Member& member, Damage& damage) {
  for (const auto& one : in.period_limits()) {
    member.period_limits.push_back(FromRecord(one, damage));
  }
  member.recent = FromRecord(in.recent(), damage);
  member.hour = FromRecord(in.hour(), damage);
  for (const auto& row : in.tier_recent()) {
    member.tier_recent.push_back(
        {row.tier_id(), FromRecord(row.week(), damage), FromRecord(row.day(), damage)});
  }
  for (const auto& one : in.noticed()) member.noticed.push_back(FromRecord(one, damage));
}

namespace {

void ToRecord(const PeriodsOpened& body, record::PeriodsOpenedRecord* out) {
  if (body.week.has_value()) ToRecord(*body.week, out->mutable_week());
  if (body.day.has_value()) ToRecord(*body.day, out->mutable_day());
  PutAmount(body.previous_week, [out] { return out->mutable_previous_week(); });
  PutAmount(body.previous_day, [out] { return out->mutable_previous_day(); });
}

PeriodsOpened FromRecord(const record::PeriodsOpenedRecord& in, Damage& damage) {
  PeriodsOpened body;
  if (in.has_week()) body.week = FromRecord(in.week(), damage);
  if (in.has_day()) body.day = FromRecord(in.day(), damage);
  body.previous_week = FromRecord(in.previous_week(), damage);
  body.previous_day = FromRecord(in.previous_day(), damage);
  return body;
}

void ToRecord(const ThresholdNoticed& body, record::ThresholdNoticedRecord* out) {
  out->set_scope(static_cast<uint32_t>(body.scope));
  out->set_scope_id(body.scope_id);
  out->set_member_id(body.member_id);
  out->set_period(static_cast<uint32_t>(body.period));
  ToRecord(body.window, out->mutable_window());
  out->set_percent(body.percent);
  out->set_limit_nanos(body.limit.value);
  out->set_limit_sequence(body.limit_sequence);
  out->set_surface(body.surface);
}

ThresholdNoticed FromRecord(const record::ThresholdNoticedRecord& in, Damage& damage) {
  ThresholdNoticed body;
  body.scope = ScopeFromRecord(in.scope(), damage);
  body.scope_id = in.scope_id();
  body.member_id = in.member_id();
  body.period = PeriodFromRecord(in.period(), damage);
  body.window = FromRecord(in.window(), damage);
  body.percent = in.percent();
  body.limit = Nanos(in.limit_nanos());
  body.limit_sequence = in.limit_sequence();
  body.surface = in.surface();
  return body;
}

void ToRecord(const LimitRaiseExpired& body, record::LimitRaiseExpiredRecord* out) {
  out->set_scope(static_cast<uint32_t>(body.scope));
  out->set_scope_id(body.scope_id);
  out->set_period(static_cast<uint32_t>(body.period));
  PutChanges(body.changes, out);
}

LimitRaiseExpired FromRecord(const record::LimitRaiseExpiredRecord& in, Damage& damage) {
  return {ScopeFromRecord(in.scope(), damage), in.scope_id(), PeriodFromRecord(in.period(), damage),
          TakeChanges(in)};
}

void ToRecord(const PlanChanged& body, record::PlanChangedRecord* out) {
  out->set_plan_id(body.plan_id);
  out->set_funding(static_cast<uint32_t>(body.funding));
  PutAmount(body.billed_overdraft, [out] { return out->mutable_billed_overdraft(); });
  PutChanges(body.changes, out);
}

PlanChanged FromRecord(const record::PlanChangedRecord& in, Damage& damage) {
  return {in.plan_id(), EnumFromRecord(in.funding(), Funding::kPrepaid, Funding::kPostpaid, damage),
          FromRecord(in.billed_overdraft(), damage), TakeChanges(in)};
}

}  // namespace

void BodyToRecord(const PeriodsOpened& body, record::EntryRecord* out) {
  ToRecord(body, out->mutable_periods_opened());
}

void BodyToRecord(const ThresholdNoticed& body, record::EntryRecord* out) {
  ToRecord(body, out->mutable_threshold_noticed());
}

void BodyToRecord(const LimitRaiseExpired& body, record::EntryRecord* out) {
  ToRecord(body, out->mutable_limit_raise_expired());
}

void BodyToRecord(const PlanChanged& body, record::EntryRecord* out) {
  ToRecord(body, out->mutable_plan_changed());
}

std::optional<EntryBody> TakeLimitBody(const record::EntryRecord& in, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kPeriodsOpened:
      return FromRecord(in.periods_opened(), damage);
    case record::EntryRecord::kThresholdNoticed:
      return FromRecord(in.threshold_noticed(), damage);
    case record::EntryRecord::kLimitRaiseExpired:
      return FromRecord(in.limit_raise_expired(), damage);
    case record::EntryRecord::kPlanChanged:
      return FromRecord(in.plan_changed(), damage);
    default:
      return std::nullopt;
  }
}

}  // namespace bursar
