// How fast a wallet's money goes, and when it will be gone at that rate (rule S1).
//
// Thread rule: pure functions.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/ledger.h"

namespace bursar {

// Spend from extra and metered usage per hour, over three trailing spans. The oldest hour or day of
// a span is counted in proportion to how much of it lies in the span, so rates are estimates;
// whole nanos, rounded down.
struct BurnRates {
  Amount last_hour;
  Amount last_day;
  Amount last_week;
};
BurnRates ComputeBurnRates(const BurnCounters& burn, absl::Time now);

// When, at the rate of the last 24 hours, the prepaid balance is used up or the organization's
// spend limit is reached, whichever is first. Nothing when neither is: at rate zero, or when the
// limit's month ends earlier. `now` when it is already so.
std::optional<absl::Time> ProjectExhaustion(const WalletHeader& header, const BurnRates& rates,
                                            const DecisionContext& context);

}  // namespace bursar
