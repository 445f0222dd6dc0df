#include "server/engine/usage_shares.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "server/engine/queries.h"
#include "server/ledger/window.h"

namespace bursar {
namespace {

constexpr size_t kMostSurfaces = 5;
constexpr size_t kMostMembers = 5;

Amount Drawn(const UsageSum& sum) { return sum.extra + sum.metered; }

int Percent(Amount part, Amount whole) {
  if (!whole.is_positive() || !part.is_positive()) return 0;
  // To the nearest hundredth.
  return static_cast<int>((part.nanos() * 200 + whole.nanos()) / (whole.nanos() * 2));
}

// Sums of one period, by surface or by member.
absl::StatusOr<UsageReport> Sum(Store& store, const std::string& organization_id, bool by_member,
                                absl::Time start, absl::Time end) {
  UsageQuery query;
  query.by_member = by_member;
  query.by_surface = !by_member;
  query.start = start;
  query.end = end;
  return QueryUsage(store, organization_id, query);
}

absl::Status AddShares(Store& store, const std::string& organization_id, bool by_member,
                       const Window& now, const Window& before, size_t most,
                       std::vector<UsageShare>& shares) {
  absl::StatusOr<UsageReport> current = Sum(store, organization_id, by_member, now.start, now.end);
  if (!current.ok()) return current.status();
  absl::StatusOr<UsageReport> past =
      Sum(store, organization_id, by_member, before.start, before.end);
  if (!past.ok()) return past.status();
  const auto name_of = [by_member](const UsageSum& sum) {
    return by_member ? sum.member_id : sum.surface;
  };
  // What fell away shows what moved, so names of either period count.
  std::map<std::string, std::pair<Amount, Amount>> by_name;
  for (const UsageSum& sum : current->rows) by_name[name_of(sum)].first = Drawn(sum);
  for (const UsageSum& sum : past->rows) by_name[name_of(sum)].second = Drawn(sum);
  std::vector<std::pair<std::string, std::pair<Amount, Amount>>> rows(by_name.begin(),
                                                                      by_name.end());
  std::erase_if(rows, [](const auto& row) {
    return !row.second.first.is_positive() && !row.second.second.is_positive();
  });
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.second.first != b.second.first) return a.second.first > b.second.first;
    return a.second.second > b.second.second;
  });
  if (rows.size() > most) rows.resize(most);
  const Amount total_now = Drawn(current->total);
  const Amount total_before = Drawn(past->total);
  for (const auto& [name, amounts] : rows) {
    shares.push_back({by_member, name, FormatAmount(amounts.first), FormatAmount(amounts.second),
                      Percent(amounts.first, total_now), Percent(amounts.second, total_before)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<UsageShare>> UsageSharesOf(Store& store, const ZoneDatabase& zones,
                                                      const std::string& organization_id,
                                                      const StoredNotice& notice) {
  Zone zone;
  if (const NoticeFact* named = notice.FindFact("time_zone"); named != nullptr) {
    const absl::StatusOr<Zone> found = zones.Find(named->text);
    if (found.ok()) zone = *found;
  }
  const Window month = CalendarPeriodAt(notice.created_at, PeriodKind::kMonth, zone);
  // Up to the cause, so that a notice planned late says what one planned at once says.
  const Window now = {month.start, notice.created_at + absl::Nanoseconds(1)};
  const Window before =
      CalendarPeriodAt(month.start - absl::Nanoseconds(1), PeriodKind::kMonth, zone);
  std::vector<UsageShare> shares;
  absl::Status added = AddShares(store, organization_id, false, now, before, kMostSurfaces, shares);
  if (added.ok()) {
    added = AddShares(store, organization_id, true, now, before, kMostMembers, shares);
  }
  if (!added.ok()) return added;
  return shares;
}

}  // namespace bursar
