#include "server/engine/usage_adder.h"

#include <variant>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

Window HourAt(absl::Time instant, const Zone& zone) {
  const absl::TimeZone::CivilInfo local = zone.time_zone().At(instant);
  const int64_t seconds_in = local.cs.minute() * 60 + local.cs.second();
  const absl::Time start = instant - local.subsecond - absl::Seconds(seconds_in);
  return {start, start + absl::Hours(1)};
}

}  // namespace

UsageAdder::UsageAdder(const UsageQuery& query, UsageReport& report)
    : query_(query),
      report_(report),
      by_parts_(query.by_meter || !query.meters.empty()),
      members_(query.member_ids),
      surfaces_(query.surfaces),
      providers_(query.providers),
      models_(query.models),
      tiers_(query.seat_tiers),
      meters_(query.meters) {}

void UsageAdder::Add(const Entry& entry) {
  if (const auto* charge = std::get_if<UsageCharged>(&entry.body)) {
    if (IsWanted(*charge)) AddCharge(entry, *charge);
  } else if (const auto* reversed = std::get_if<EntryReversed>(&entry.body)) {
    if (IsWanted(reversed->facts)) AddReversal(entry, *reversed);
  }
}

template <typename Facts>
bool UsageAdder::IsWanted(const Facts& facts) const {
  return members_.Admits(facts.member_id) && surfaces_.Admits(facts.surface) &&
         providers_.Admits(facts.provider) && models_.Admits(facts.model) &&
         tiers_.Admits(facts.tier_id);
}

void UsageAdder::AddCharge(const Entry& entry, const UsageCharged& charge) {
  Delta delta;
  delta.record_count = 1;
  if (!by_parts_) {
    delta.cost = charge.cost;
    delta.included = charge.included;
    delta.extra = charge.extra;
    delta.metered = charge.metered;
    if (charge.usage.has_value()) delta.usage = &*charge.usage;
    return AddTo(charge, entry.recorded_at, delta);
  }
  // The record counts in the row of each of its meters, and once in the total.
  bool counted = false;
  for (MeterPart& part : query_.split(charge)) {
    if (!meters_.Admits(part.meter)) continue;
    delta.cost = part.cost;
    delta.quantity = part.quantity;
    delta.meter = std::move(part.meter);
    AddTo(charge, entry.recorded_at, delta);
    if (counted) --report_.total.record_count;
    counted = true;
  }
}

// A refund is usage that did not happen after all: it takes its amounts back, and counts as none.
// The record that it refunds stays one, but for the capture of a hold: that was no record, and
// counts no more once it is wholly taken back.
void UsageAdder::AddReversal(const Entry& entry, const EntryReversed& reversed) {
  const bool undone = UndoesCapture(reversed);
  if (by_parts_ && !meters_.Admits("")) return;
  const Amount amount = Amount(reversed.included) + reversed.extra + reversed.metered;
  Delta delta;
  delta.record_count = undone ? -1 : 0;
  delta.cost = -amount;
  delta.refunded = amount;
  if (!by_parts_) {
    delta.included = -Amount(reversed.included);
    delta.extra = -Amount(reversed.extra);
    delta.metered = -Amount(reversed.metered);
  }
  AddTo(reversed.facts, entry.recorded_at, delta);
}

bool UsageAdder::UndoesCapture(const EntryReversed& reversed) {
  if (reversed.hold_sequence == 0) return false;
  // A capture before what is summed was not counted.
  if (reversed.facts.recorded_at < query_.start ||
      reversed.reversed_sequence < query_.first_sequence) {
    return false;
  }
  const Amount amount = Amount(reversed.included) + reversed.extra + reversed.metered;
  auto [left, first] =
      captures_.try_emplace(reversed.reversed_sequence, Amount(reversed.facts.Cost()));
  left->second -= amount;
  if (!left->second.is_zero()) return false;
  captures_.erase(left);
  return true;
}

// Instants never decrease along a journal, so the bounds are looked up once for each period.
void UsageAdder::MoveTo(absl::Time recorded_at) {
  if (query_.by_hour && !period_.Contains(recorded_at)) period_ = HourAt(recorded_at, query_.zone);
  if (query_.by_day && !query_.by_hour && !period_.Contains(recorded_at)) {
    period_ = CalendarPeriodAt(recorded_at, PeriodKind::kDay, query_.zone);
  }
  if (query_.by_month && !month_.Contains(recorded_at)) {
    month_ = CalendarPeriodAt(recorded_at, PeriodKind::kMonth, query_.zone);
  }
}

template <typename Facts>
void UsageAdder::AddTo(const Facts& facts, absl::Time recorded_at, const Delta& delta) {
  MoveTo(recorded_at);
  UsageSum* row = FindRow(facts, delta);
  if (row == nullptr) return;
  Apply(delta, *row);
  row->quantity += delta.quantity;
  Apply(delta, report_.total);
}

template <typename Facts>
UsageSum* UsageAdder::FindRow(const Facts& facts, const Delta& delta) {
  // One zero byte between the parts: none of them can hold one.
  key_.clear();
  if (query_.by_member) key_ += facts.member_id;
  key_ += '\0';
  if (query_.by_surface) key_ += facts.surface;
  key_ += '\0';
  if (query_.by_model || query_.by_provider) key_ += facts.provider;
  key_ += '\0';
  if (query_.by_model) key_ += facts.model;
  key_ += '\0';
  if (query_.by_tier) key_ += facts.tier_id;
  key_ += '\0';
  if (query_.by_meter) key_ += delta.meter;
  key_ += '\0';
  absl::StrAppend(&key_, absl::ToUnixSeconds(period_.start), " ",
                  absl::ToUnixSeconds(month_.start));
  const auto found = rows_.find(key_);
  if (found != rows_.end()) return &report_.rows[found->second];
  if (report_.rows.size() >= query_.max_rows) {
    full_ = true;
    return nullptr;
  }
  rows_.emplace(key_, report_.rows.size());
  UsageSum& row = report_.rows.emplace_back();
  if (query_.by_member) row.member_id = facts.member_id;
  if (query_.by_surface) row.surface = facts.surface;
  if (query_.by_model || query_.by_provider) row.provider = facts.provider;
  if (query_.by_model) row.model = facts.model;
  if (query_.by_tier) row.tier_id = facts.tier_id;
  if (query_.by_meter) row.meter = delta.meter;
  row.period = period_;
  row.month = month_;
  return &row;
}

void UsageAdder::Apply(const Delta& delta, UsageSum& sum) {
  sum.record_count += delta.record_count;
  sum.cost += delta.cost;
  sum.included += delta.included;
  sum.extra += delta.extra;
  sum.metered += delta.metered;
  sum.refunded += delta.refunded;
  if (delta.usage == nullptr) return;
  sum.input += delta.usage->input;
  sum.output += delta.usage->output;
  sum.cache_write_5m += delta.usage->cache_write_5m;
  sum.cache_write_1h += delta.usage->cache_write_1h;
  sum.cache_read += delta.usage->cache_read;
  sum.web_searches += delta.usage->web_searches;
}

}  // namespace bursar
