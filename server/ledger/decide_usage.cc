// Decisions of the data plane: admission and recording.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/ledger.h"

namespace bursar {

namespace {

absl::Status UnknownMember(const WalletHeader& header, const std::string& member_id) {
  return WithReason(
      absl::NotFoundError(absl::StrCat("member ", member_id, " is not known in organization ",
                                       header.organization_id,
                                       "; add it first, or let members be provisioned "
                                       "automatically")),
      "MEMBER_NOT_FOUND");
}

std::vector<EvaluationLine> CopyEvaluations(const AdmissionState& state, const Verdict& verdict) {
  std::vector<EvaluationLine> lines;
  lines.reserve(state.bounds.size());
  for (int i = 0; i < static_cast<int>(state.bounds.size()); ++i) {
    EvaluationLine line;
    line.bound = state.bounds[i];
    line.scope_id = std::string(line.bound.scope_id);
    line.bound.scope_id = {};
    const bool out_of_headroom = line.bound.bucket != Bucket::kIncluded &&
                                 line.bound.limit.has_value() &&
                                 !line.bound.Headroom().is_positive();
    line.bound.blocking = !verdict.admitted && (i == verdict.blocking_bound || out_of_headroom);
    line.changeable_by = RolesThatCanChange(line.bound, *state.plan);
    lines.push_back(std::move(line));
  }
  if (verdict.blocking_bound > 0) {
    std::rotate(lines.begin(), lines.begin() + verdict.blocking_bound,
                lines.begin() + verdict.blocking_bound + 1);
  }
  return lines;
}

// The member that a first use creates (rule O6).
Member ProvisionedMember(const WalletHeader& header, const Plan& plan,
                         const std::string& member_id) {
  Member member;
  member.member_id = member_id;
  member.display_name = member_id;
  member.tier_id = plan.seat_tiers.front().id;
  member.settings_version = 1;
  int64_t most = header.settings.max_seats;
  if (plan.max_members > 0) most = most > 0 ? std::min(most, plan.max_members) : plan.max_members;
  member.unseated = most > 0 && header.member_count >= most;
  return member;
}

// Splits the cost between the buckets (rule B8) and says what no headroom covered.
void SplitCost(const AdmissionState& state, UsageCharged& charge) {
  const Amount cost = charge.cost;
  if (state.plan->metered) {
    charge.metered = charge.cost;
  } else {
    const Amount headroom = state.included_applies ? state.included_headroom : Amount();
    Amount included = Min(cost, headroom);
    const Amount rest = cost - included;
    // A seat without included usage has nothing that could overshoot.
    const bool has_included = !charge.unseated && !state.tier->windows.empty();
    if (has_included && !state.ExtraPermitted()) included += rest;
    charge.included = *included.ToNanos();
    charge.extra = *(cost - included).ToNanos();
    // Included first: extra is drawn only when nothing included is left (rule B1).
    BURSAR_CHECK(charge.extra.value == 0 || !state.included_applies ||
                 Amount(charge.included) >= headroom);
  }
  const Amount included_covered =
      state.included_applies ? Min(charge.included, state.included_headroom) : Amount();
  const Amount overflow = Amount(charge.extra) + Amount(charge.metered);
  Amount overflow_covered;
  if (state.ExtraPermitted()) {
    overflow_covered =
        state.extra_headroom.has_value() ? Min(overflow, *state.extra_headroom) : overflow;
  }
  charge.overshoot = *(cost - included_covered - overflow_covered).ToNanos();
}

// Takes extra and metered usage from credit, by earliest expiry, then oldest (rule X2).
void DrawCredit(const WalletHeader& header, UsageCharged& charge) {
  Amount rest = Amount(charge.extra) + Amount(charge.metered);
  for (const CreditGrant& grant : header.grants) {
    if (!rest.is_positive()) break;
    const Amount taken = Min(rest, grant.remaining);
    if (!taken.is_positive()) continue;
    charge.grant_draws.push_back({grant.sequence, *taken.ToNanos()});
    rest -= taken;
  }
  charge.overdraft = *rest.ToNanos();
}

void OpenWindows(const WalletHeader& header, const Member& member, const AdmissionState& state,
                 const DecisionContext& context, std::vector<EntryBody>& bodies) {
  const bool pool = header.settings.included_scope == IncludedScope::kOrganization;
  const std::vector<WindowCounter>& windows = pool ? header.pool_windows : member.windows;
  for (const IncludedWindow& included : state.tier->windows) {
    const CurrentWindow current =
        FindCurrentWindow(windows, included.kind, header.settings, context);
    if (current.opened) continue;
    WindowOpened opened;
    opened.scope = pool ? Scope::kOrganization : Scope::kMember;
    if (!pool) opened.member_id = member.member_id;
    opened.kind = included.kind;
    opened.window = current.counter.window;
    for (const WindowCounter& counter : windows) {
      if (counter.kind == included.kind) opened.previous_spent = counter.spent;
    }
    bodies.push_back(std::move(opened));
  }
}

void OpenMonth(Scope scope, const std::string& scope_id, const MonthCounter& stored,
               const Window& month, std::vector<EntryBody>& bodies) {
  if (FindScopeMonth(stored, month).opened) return;
  MonthOpened opened;
  opened.scope = scope;
  opened.scope_id = scope_id;
  opened.month = month;
  opened.previous = stored;
  bodies.push_back(std::move(opened));
}

void OpenMonths(const WalletHeader& header, const Member& member, const std::string& tier_id,
                const DecisionContext& context, std::vector<EntryBody>& bodies) {
  static const MonthCounter kNever;
  const Window month = FindCurrentMonth(header.month, header.settings, context).counter.month;
  OpenMonth(Scope::kOrganization, header.organization_id, header.month, month, bodies);
  const TierState* tier = header.FindTier(tier_id);
  OpenMonth(Scope::kSeatTier, tier_id, tier == nullptr ? kNever : tier->month, month, bodies);
  OpenMonth(Scope::kMember, member.member_id, member.month, month, bodies);
}

UsageCharged ChargeFor(const RecordConsumptionCommand& command, const DecisionContext& context) {
  UsageCharged charge;
  charge.member_id = command.member_id;
  charge.surface = command.surface;
  charge.provider = command.provider;
  charge.model = command.model;
  charge.usage = command.usage;
  charge.occurred_at =
      command.occurred_at == absl::InfinitePast() ? context.now : command.occurred_at;
  charge.cost = command.cost;
  charge.price_card = command.price_card;
  charge.price_fallback = command.price_fallback;
  charge.admission_id = command.admission_id;
  charge.parent_session_id = command.parent_session_id;
  charge.labels = command.labels;
  return charge;
}

}  // namespace

absl::Status CheckCurrency(const WalletHeader& header, const char* field, const std::string& code) {
  if (code.empty() || code == header.settings.currency_code) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must be ", header.settings.currency_code,
                                          ", the organization's currency, or empty; it is ", code));
}

absl::StatusOr<Decision<CheckAdmissionOutcome>> Decide(const Wallet& wallet,
                                                       const CheckAdmissionCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Member* member = wallet.FindMember(command.member_id);
  if (member == nullptr && !header.settings.auto_provision_members) {
    return UnknownMember(header, command.member_id);
  }
  absl::Status currency =
      CheckCurrency(header, "estimate.cost.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  const AdmissionQuery query{command.member_id, command.surface, command.model};
  const AdmissionState state = Evaluate(header, member, query, context);
  const std::optional<Amount> estimate =
      command.estimate.has_value() ? std::optional<Amount>(*command.estimate) : std::nullopt;
  const Verdict verdict = Judge(state, estimate, std::nullopt);

  Decision<CheckAdmissionOutcome> decision;
  CheckAdmissionOutcome& outcome = decision.outcome;
  outcome.admitted = verdict.admitted;
  outcome.bucket = verdict.bucket;
  outcome.thresholds = ThresholdsReached(state);
  if (!verdict.admitted) {
    const bool pool = IsPoolExhausted(verdict.reason);
    const bool opens = pool && !header.episode.has_value() && !command.validate_only;
    if (opens) {
      decision.bodies.push_back(EpisodeOpened{verdict.reason == DenialReason::kBalanceExhausted,
                                              command.member_id, command.surface});
    }
    outcome.waits_for_episode = pool && (opens || header.episode.has_value());
    outcome.denial =
        BuildDenial(header, member, query, state, verdict, context, outcome.waits_for_episode);
  }
  if (!verdict.admitted || estimate.has_value() || command.full_view) {
    outcome.evaluations = CopyEvaluations(state, verdict);
  }
  return decision;
}

absl::StatusOr<Decision<RecordConsumptionOutcome>> Decide(const Wallet& wallet,
                                                          const RecordConsumptionCommand& command,
                                                          const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(plan != nullptr);
  if (absl::Status status = CheckCurrency(header, "cost.currency_code", command.currency_code);
      !status.ok()) {
    return status;
  }
  Decision<RecordConsumptionOutcome> decision;
  Member provisioned;
  const Member* member = wallet.FindMember(command.member_id);
  if (member == nullptr) {
    if (!header.settings.auto_provision_members) return UnknownMember(header, command.member_id);
    provisioned = ProvisionedMember(header, *plan, command.member_id);
    member = &provisioned;
    decision.bodies.push_back(MemberUpserted{provisioned, true, true, {}});
  }
  const AdmissionQuery query{command.member_id, command.surface, command.model};
  // A member that this record creates is not counted in the header yet: evaluated as virtual, so
  // that its allowance is already in the organization's pool (rules B1, B2).
  const bool joins = !decision.bodies.empty();
  const AdmissionState state = Evaluate(header, joins ? nullptr : member, query, context);

  UsageCharged charge = ChargeFor(command, context);
  charge.tier_id = state.tier->id;
  charge.unseated = member->unseated;
  SplitCost(state, charge);
  if (plan->funding == Funding::kPrepaid) DrawCredit(header, charge);
  if (!charge.admission_id.empty()) charge.admission_status = AdmissionStatus::kUnknown;
  charge.unadmitted =
      !charge.admission_id.empty() || !Judge(state, std::nullopt, std::nullopt).admitted;

  if (charge.included.value > 0) OpenWindows(header, *member, state, context, decision.bodies);
  OpenMonths(header, *member, charge.tier_id, context, decision.bodies);
  decision.outcome.charge = charge;
  decision.bodies.push_back(std::move(charge));
  return decision;
}

}  // namespace bursar
