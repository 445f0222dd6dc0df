// Counting: how entries move what is spent and held by scope and period, and the limits that stand
// on these counters. The folding of limits and plan changes; everything else is in apply.cc.
//
// Thread rule: functions on the wallet that they are given; the ledger's folding alone uses them.
//
// Source: rules B5, L1, L2, L4, L5 and R7 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// A charge of extra or metered usage, more than zero: weeks, days, the hour, and its surface and
// model. The month of organization, tier and member is counted by the caller.
void CountRecent(Wallet& wallet, Member& member, TierState& tier, const UsageCharged& charge,
                 Amount overflow, const Entry& entry);

// Takes a part of a charge off the same counters, those of periods that are still the charge's
// (rule R7), and, where `reversed.lowers_month`, off the months of surface and model.
void UncountRecent(Wallet& wallet, Member& member, TierState& tier, const EntryReversed& reversed,
                   Amount overflow);

// What the surface and the model of a hold hold goes up or down. False: it would be less than
// nothing.
bool ChangeNamedHeld(WalletHeader& header, const Hold& hold, Amount extra);

// A new month or week: what was only counted, in periods that are over, and holds nothing, is
// forgotten.
void ForgetCountedNames(WalletHeader& header, absl::Time now);

void OpenRecentPeriods(WalletHeader& header, const PeriodsOpened& body, const Entry& entry);

// DATA_LOSS where tier, member or limit are not there as they must be.
absl::Status FoldLimit(Wallet& wallet, const SpendLimitSet& body, int64_t sequence);
absl::Status FoldRaiseExpiry(Wallet& wallet, const LimitRaiseExpired& body, int64_t sequence);
absl::Status FoldThreshold(Wallet& wallet, const ThresholdNoticed& body);
absl::Status FoldPlan(WalletHeader& header, const PlanChanged& body);

// The tier's state, which is made where it is not there.
TierState& TierFor(WalletHeader& header, const std::string& tier_id);

}  // namespace bursar
