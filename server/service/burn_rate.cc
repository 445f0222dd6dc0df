#include "server/service/burn_rate.h"

#include <algorithm>
#include <vector>

#include "absl/numeric/int128.h"

namespace bursar {
namespace {

constexpr int64_t kHourSeconds = 3600;
constexpr int64_t kDaySeconds = 86400;
// Beyond this a projection says nothing.
constexpr absl::Duration kFarAway = absl::Hours(24 * 366);

// What was spent in the `span_seconds` before `now`, from buckets of `bucket_seconds`.
Amount SpentInSpan(const std::vector<BurnCounters::Bucket>& buckets, int64_t bucket_seconds,
                   int64_t span_seconds, int64_t now_seconds) {
  const int64_t start = now_seconds - span_seconds;
  Amount spent;
  for (const BurnCounters::Bucket& bucket : buckets) {
    const int64_t bucket_start = bucket.index * bucket_seconds;
    const int64_t bucket_end = bucket_start + bucket_seconds;
    if (bucket_end <= start || bucket_start > now_seconds) continue;
    if (bucket_start >= start) {
      spent += bucket.spent;
    } else {
      spent += Amount(bucket.spent.nanos() * (bucket_end - start) / bucket_seconds);
    }
  }
  return spent;
}

// When `amount` is used up at `per_hour`.
std::optional<absl::Time> UsedUpAt(Amount amount, Amount per_hour, absl::Time now) {
  if (!amount.is_positive()) return now;
  if (!per_hour.is_positive()) return std::nullopt;
  const absl::int128 seconds = amount.nanos() * kHourSeconds / per_hour.nanos();
  if (seconds > absl::int128(absl::ToInt64Seconds(kFarAway))) return std::nullopt;
  return now + absl::Seconds(static_cast<int64_t>(seconds));
}

}  // namespace

BurnRates ComputeBurnRates(const BurnCounters& burn, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const auto per_hour = [](Amount spent, int64_t hours) { return Amount(spent.nanos() / hours); };
  BurnRates rates;
  rates.last_hour = SpentInSpan(burn.hours, kHourSeconds, kHourSeconds, seconds);
  rates.last_day = per_hour(SpentInSpan(burn.hours, kHourSeconds, kDaySeconds, seconds), 24);
  rates.last_week = per_hour(SpentInSpan(burn.days, kDaySeconds, 7 * kDaySeconds, seconds), 7 * 24);
  return rates;
}

std::optional<absl::Time> ProjectExhaustion(const WalletHeader& header, const BurnRates& rates,
                                            const DecisionContext& context) {
  std::optional<absl::Time> earliest;
  const auto consider = [&earliest](std::optional<absl::Time> time) {
    if (time.has_value() && (!earliest.has_value() || *time < *earliest)) earliest = time;
  };
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  const bool spends = plan != nullptr && (plan->metered || header.extra_enabled);
  if (spends && plan->funding == Funding::kPrepaid) {
    // What is held is not spent yet: it counts once it is.
    consider(UsedUpAt(header.Balance() - header.overdraft, rates.last_day, context.now));
  }
  if (spends && header.limit.has_value() && header.limit->amount.has_value()) {
    const MonthCounter month = FindCurrentMonth(header.month, header.settings, context).counter;
    const auto reached =
        UsedUpAt(Amount(*header.limit->amount) - month.extra, rates.last_day, context.now);
    if (reached.has_value() && *reached < month.month.end) consider(reached);
  }
  return earliest;
}

}  // namespace bursar
