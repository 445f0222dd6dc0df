#include "server/ledger/digest.h"

#include "server/ledger/admission.h"

namespace bursar {
namespace {

// The organization's zone; UTC where this machine has lost it, which only moves the morning.
Zone ZoneOf(const WalletHeader& header, const DecisionContext& context) {
  const absl::StatusOr<Zone> zone = context.zones->Find(header.settings.time_zone);
  return zone.ok() ? *zone : Zone();
}

}  // namespace

absl::Time NextDigestAt(absl::Time after, const Zone& zone) {
  absl::CivilDay day(zone.LocalAt(after));
  while (true) {
    const absl::CivilSecond wall(day.year(), day.month(), day.day(), kDigestHour, 0, 0);
    const absl::Time nine = zone.Resolve(wall);
    // A zone may skip a whole day; it has no nine then.
    if (nine > after && zone.LocalAt(nine) == wall) return nine;
    ++day;
  }
}

void AppendDigestSchedule(const WalletHeader& header, const DecisionContext& context,
                          std::vector<EntryBody>& bodies) {
  const int64_t outstanding = header.open_request_count;
  const bool is_planned = header.next_digest != absl::InfiniteFuture();
  if (is_planned == (outstanding > 0)) return;
  DigestScheduled schedule;
  schedule.outstanding = outstanding;
  if (outstanding > 0) schedule.next = NextDigestAt(context.now, ZoneOf(header, context));
  bodies.push_back(schedule);
}

EntryBody DigestDue(const WalletHeader& header, const DecisionContext& context) {
  DigestScheduled digest;
  digest.outstanding = header.open_request_count;
  if (digest.outstanding > 0) {
    digest.is_due = true;
    // After a night without a server one digest is enough.
    digest.next = NextDigestAt(context.now, ZoneOf(header, context));
  }
  return digest;
}

}  // namespace bursar
