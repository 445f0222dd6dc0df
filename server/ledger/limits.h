// Spend limits as a request meets them: every scope and period that applies, what is spent and held
// of each, and which of them leaves the least.
//
// Limits stack: of all that apply the one with the least left decides (rule L2). What is spent is
// kept by scope and period whether or not there is a limit, so that editing one never clears it
// (rule B5). Periods are calendar months, weeks and days of the organization's zone, and hours of
// UTC for velocity limits, which always count each member alone (rules L1, L6). The bounds of a
// period are the organization's for all of its scopes.
//
// Thread rule: pure functions of their arguments.
//
// Source: rules L1, L2, L4, L5, L6 and B5 (docs/rules.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// The organization's period of a kind that contains now: the stored instance where it is current,
// otherwise a new one that follows on, with nothing spent. The hour is arithmetic and never stored
// here.
struct CurrentPeriod {
  PeriodCounter counter;
  bool opened = false;
};
CurrentPeriod FindCurrentPeriod(const WalletHeader& header, PeriodKind kind,
                                const DecisionContext& context);

// What a scope's counter has in the period with those bounds: nothing where it is of another one.
Amount SpentIn(const PeriodCounter& counter, const Window& period);

// Adds the limits and the balance to a state whose plan, tier and overflow bucket are known. The
// unlimited month of member and organization is shown too; other limits only where they are set.
void EvaluateLimits(AdmissionState& state, const WalletHeader& header, const Member* member,
                    const AdmissionQuery& query, const DecisionContext& context);

// The spend limit of a state that leaves the least, of equal ones the first: the narrowest. Null
// where nothing is limited (rule L2).
const Evaluation* LeastLimit(const AdmissionState& state);

// When a bound that is used up is open again by time alone, if nobody does anything until then: its
// period rolls, or a temporary limit expires; InfiniteFuture for a balance and a limit of zero.
// Requires: not of included usage, and limited.
absl::Time ReopensAt(const AdmissionState& state, const Evaluation& bound);

// The openings of week and day that extra or metered usage needs now, or nothing.
std::optional<PeriodsOpened> OpenPeriods(const WalletHeader& header,
                                         const DecisionContext& context);

// The thresholds that a charge of `overflow` extra or metered usage reaches and that were not
// noticed yet: of a limit at most one, the highest. Of an hour's limit only the whole of it, which
// says that the member is paused (rules L5, L6). `member` null: one that the charge creates.
std::vector<EntryBody> ReachedThresholds(const AdmissionState& state, const WalletHeader& header,
                                         const Member* member, const std::string& member_id,
                                         const std::string& surface, Amount overflow,
                                         const DecisionContext& context);

// A limit as it is shown.
struct LimitLine {
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  PeriodKind period = PeriodKind::kMonth;
  SpendLimit limit;
  // Unset where the limit is for each member: there is no one sum.
  std::optional<Amount> spent;
  std::optional<Amount> held;
  Window window;
};

// The limit of that key as it is set now, unlimited where none is. Nothing for an unknown
// member.
std::optional<LimitLine> FindLimit(const Wallet& wallet, const LimitKey& key,
                                   const DecisionContext& context);
// Those that are set on the organization, its tiers, surfaces and models, in that order.
std::vector<LimitLine> HeaderLimits(const WalletHeader& header, const DecisionContext& context);
// Those that are set on a member.
std::vector<LimitLine> MemberLimits(const WalletHeader& header, const Member& member,
                                    const DecisionContext& context);

// Whether a member's limit of a period is within what the organization allows itself: in that
// period, and in the month, in which every other period lies. `amount` empty: unlimited (rule A3).
bool IsWithinOrganizationLimits(const WalletHeader& header, PeriodKind period,
                                const std::optional<Nanos>& amount, const DecisionContext& context);

// What a tier together spent in the current period of a kind. Requires: not an hour.
Amount SpentByTier(const WalletHeader& header, const TierState& tier, PeriodKind period,
                   const DecisionContext& context);

// The stored limit of a period in a list of limits, or null.
const SpendLimit* FindPeriodLimit(const std::vector<PeriodLimit>& limits, PeriodKind period);

// "month", "week", "day" or "hour".
std::string_view PeriodWord(PeriodKind period);

}  // namespace bursar
