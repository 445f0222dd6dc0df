// Admission: may a request run, what would it draw from, and if not, what exactly is in the way.
//
// One evaluation looks at every scope and both buckets at one revision and instant; checks,
// records (their `unadmitted` flag and the split of their cost), member views and reports all read
// the same evaluation, so that no screen can say another thing than the gate (rules H1, D5).
//
// Thread rule: pure functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/base/zone.h"
#include "server/ledger/plan.h"
#include "server/ledger/state.h"

namespace bursar {

// Why a check is denied, in order of precedence (rule D1). Persisted: never renumber or reuse; the
// numbers are those of the public enum.
enum class DenialReason : uint8_t {
  kNone = 0,
  kOrganizationSuspended = 1,
  kMemberSuspended = 2,
  kExtraUsageDisabled = 3,
  kMemberNotSelected = 4,
  kConfirmationRequired = 5,
  kMemberLimitReached = 6,
  kSeatTierLimitReached = 7,
  kOrganizationLimitReached = 8,
  kBalanceExhausted = 9,
  kHoldDoesNotFit = 10,
};

// What kind of bound a line of an evaluation is.
enum class BoundSource : uint8_t {
  kIncludedMonth = 1,
  kIncludedWeek = 2,
  kIncludedDay = 3,
  kIncludedFiveHours = 4,
  kSpendLimit = 5,
  kBalance = 6,
};

// One bound that a request meets. Headroom is limit - spent - held (rule B1).
struct Evaluation {
  Scope scope = Scope::kOrganization;
  std::string_view scope_id;  // Points into the wallet, plan or query that was evaluated.
  Bucket bucket = Bucket::kIncluded;
  BoundSource source = BoundSource::kSpendLimit;
  std::optional<Amount> limit;  // Empty: unlimited.
  Amount spent;
  Amount held;
  absl::Time resets_at = absl::InfiniteFuture();  // Infinite: never by time.
  bool blocking = false;

  // limit - spent - held, not floored. Requires: limit.
  Amount Headroom() const { return *limit - spent - held; }
  // limit - spent, not floored: what is left once nothing is held. Requires: limit.
  Amount Unspent() const { return *limit - spent; }
};

// Everything that a decision needs to know about the world.
struct DecisionContext {
  absl::Time now;
  const PlanCatalog* plans = nullptr;
  const ZoneDatabase* zones = nullptr;
  // What fell due is journaled, at its instant of the past: nothing can be sent from there.
  bool journals_dues = false;
};

// Who asks, and for what. Views must outlive the evaluation.
struct AdmissionQuery {
  std::string_view member_id;
  std::string_view surface;
  std::string_view model;
  // The hold that is being settled: what it holds itself is not in its own way (rule B1). Null for
  // none.
  const Hold* settling = nullptr;
};

// What a wallet says to a member's request at an instant.
struct AdmissionState {
  const Plan* plan = nullptr;
  const SeatTier* tier = nullptr;
  Bucket overflow_bucket = Bucket::kExtra;  // kExtra, or kMetered on metered plans.
  bool suspended_organization = false;
  bool suspended_member = false;

  // Included usage. `included_applies`: the plan has it, the member is seated and the surface and
  // model are eligible. Headroom is the smallest over the windows, floored at zero.
  bool included_applies = false;
  Amount included_headroom;

  // Extra or metered usage. `gate`: kNone where permitted, else why not at all.
  DenialReason gate = DenialReason::kNone;
  // An applicable limit is zero: extra is not permitted either (rule B8).
  bool zero_limit = false;
  // The smallest headroom over limits and balance, floored at zero; empty: unlimited.
  std::optional<Amount> extra_headroom;

  // Every bound, included first, then limits (member, tier, organization), then the balance.
  absl::InlinedVector<Evaluation, 8> bounds;

  // What one request could draw now, included and beyond; empty: no bound.
  std::optional<Amount> Available() const;
  // Sums the bounds up into the two headrooms; after each change of a figure of `bounds`.
  void SumHeadrooms();
  // The same wallet if nothing were held.
  AdmissionState WithoutHolds() const;
  // Whether usage may go to extra at all, whatever is left there (rule B8).
  bool ExtraPermitted() const { return gate == DenialReason::kNone && !zero_limit; }
};

// Evaluates. `member` null means a virtual member of the plan's default tier (rule O6): where a
// seat is left for it, it brings its own allowance to the organization's pool (rule B2). Requires:
// the header's plan is in the catalog and its zone in the database.
AdmissionState Evaluate(const WalletHeader& header, const Member* member,
                        const AdmissionQuery& query, const DecisionContext& context);

// What a check asks to be admitted for (rule H2).
struct AdmissionAsk {
  std::optional<Amount> estimate;  // All of it must fit; empty: some headroom is enough.
  std::optional<Amount> max_hold;  // The largest single hold; empty: not checked.
};

// A verdict on an evaluation.
struct Verdict {
  bool admitted = false;
  Bucket bucket = Bucket::kIncluded;  // Drawn from first, or the bucket that ran out.
  DenialReason reason = DenialReason::kNone;
  int blocking_bound = -1;  // Index into AdmissionState::bounds, or -1.
  // Denied by live holds alone: without them it would be admitted, nothing is used up (rule D1).
  bool held = false;
};

// Decides. Without an estimate: admitted while any headroom is left. With one: all of it must fit,
// included first (rule H2). What is used up, or never fits, is the reason before what live holds
// alone keep (rule D1).
Verdict Judge(const AdmissionState& state, const AdmissionAsk& ask);

// Whether it would be admitted; Judge without the reasons.
bool Admits(const AdmissionState& state, const AdmissionAsk& ask);

// The included window of `kind` that contains `now`, as it would be if it opened now: the stored
// instance where it is current (its spend comes along), otherwise a new one with nothing spent.
// The new one never overlaps the stored one (rules B4, T4). `opened`: whether it is the stored one.
struct CurrentWindow {
  WindowCounter counter;
  bool opened = false;
};
CurrentWindow FindCurrentWindow(const std::vector<WindowCounter>& windows, WindowKind kind,
                                const OrganizationSettings& settings,
                                const DecisionContext& context);

// The calendar month that contains `now`, likewise.
struct CurrentMonth {
  MonthCounter counter;
  bool opened = false;
};
CurrentMonth FindCurrentMonth(const MonthCounter& stored, const OrganizationSettings& settings,
                              const DecisionContext& context);

// The same for a tier's or a member's month, whose bounds are always those of the organization's:
// after a change of zone in the middle of a month they would otherwise differ, and the sum over
// members would not be the organization's (rules T4, J2).
CurrentMonth FindScopeMonth(const MonthCounter& stored, const Window& organization_month);

// The window of the plan's longest kind that contains now, of the member (null: virtual) or the
// pool: where extra usage is confirmed, and where the first crossing into it is noticed (rule B9).
Window LongestWindowOf(const WalletHeader& header, const Plan& plan, const Member* member,
                       const DecisionContext& context);

// The tier in force for a member now; the plan's default for none or an unknown one. A pending
// downgrade is applied by its journal entry, which the engine writes first (rule T3).
const SeatTier* TierOf(const Plan& plan, const Member* member);

// A share of a spend limit that is reached (rule L5).
struct ThresholdReached {
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  int percent = 0;        // 50, 75, 90 or 100: the highest reached.
  bool exceeded = false;  // More than that is spent.
};
std::vector<ThresholdReached> ThresholdsReached(const AdmissionState& state);

}  // namespace bursar
