// Decisions of the data plane: admission and recording.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/charging.h"
#include "server/ledger/ledger.h"
#include "server/ledger/payments.h"

namespace bursar {

namespace {

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

// How much a hold is to reserve (rule H2).
Amount AmountToHold(const AdmissionState& state, const CheckAdmissionCommand& command,
                    const OrganizationSettings& settings) {
  const Amount estimate = *command.estimate;
  if (command.mode == AdmissionMode::kHold) return estimate;
  // As much as is there: what a single hold may be is a bound like the others.
  const Amount largest = Min(estimate, settings.max_hold);
  const std::optional<Amount> available = state.Available();
  return available.has_value() ? Min(largest, *available) : largest;
}

// Reserves the amount, included usage first (rule H3).
void PlaceHold(const WalletHeader& header, const Member* member,
               const CheckAdmissionCommand& command, const AdmissionState& state,
               const DecisionContext& context, Decision<CheckAdmissionOutcome>& decision) {
  Member provisioned;
  if (member == nullptr) {
    provisioned = ProvisionedMember(header, *state.plan, command.member_id);
    member = &provisioned;
    decision.bodies.push_back(MemberUpserted{provisioned, true, true, {}});
  }
  const Amount amount = AmountToHold(state, command, header.settings);
  const Amount included = state.included_applies ? Min(amount, state.included_headroom) : Amount();
  Hold hold;
  hold.member_id = command.member_id;
  hold.tier_id = state.tier->id;
  hold.surface = command.surface;
  hold.provider = command.provider;
  hold.model = command.model;
  hold.parent_session_id = command.parent_session_id;
  hold.included = *included.ToNanos();
  hold.of_pool = header.settings.included_scope == IncludedScope::kOrganization;
  hold.extra = *(amount - included).ToNanos();
  hold.metered = state.plan->metered;
  const absl::Duration ttl = command.hold_ttl.value_or(header.settings.default_hold_ttl);
  hold.expires_at = absl::FromUnixNanos(absl::ToUnixNanos(context.now + ttl));
  if (hold.included.value > 0) OpenWindows(header, *member, state, context, decision.bodies);
  decision.bodies.push_back(HoldPlaced{hold, command.labels});
  hold.sequence = header.revision + static_cast<int64_t>(decision.bodies.size());
  hold.placed_at = context.now;
  decision.outcome.hold = std::move(hold);
}

absl::Status ValidateHold(const CheckAdmissionCommand& command) {
  if (command.hold_ttl.has_value() &&
      (*command.hold_ttl < kMinHoldTtl || *command.hold_ttl > kMaxHoldTtl)) {
    return InvalidField("hold_ttl", "must be from one second to 24 hours");
  }
  if (command.mode == AdmissionMode::kCheckOnly) return absl::OkStatus();
  if (!command.estimate.has_value()) return InvalidField("estimate", "is required to hold");
  if (command.estimate->value < 0) return InvalidField("estimate", "must be zero or more");
  return absl::OkStatus();
}

// OK where one more hold of the member may be open.
absl::Status RoomForHold(const Wallet& wallet, const std::string& member_id) {
  const bool member_is_full = wallet.CountHoldsOf(member_id) >= kMaxOpenHoldsOfMember;
  if (!member_is_full && wallet.header.open_hold_count < kMaxOpenHolds) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(
                        absl::StrCat(member_is_full ? "the member has " : "the organization has ",
                                     member_is_full ? kMaxOpenHoldsOfMember : kMaxOpenHolds,
                                     " open holds, the most there may be; settle or release some")),
                    "TOO_MANY_HOLDS");
}

// What a check without an estimate asks of the wallet, or one with it, or one that is to hold.
AdmissionAsk AskOf(const CheckAdmissionCommand& command, const OrganizationSettings& settings) {
  AdmissionAsk ask;
  if (!command.estimate.has_value() || command.mode == AdmissionMode::kHoldUpToAvailable) {
    return ask;
  }
  ask.estimate = *command.estimate;
  if (command.mode == AdmissionMode::kHold) ask.max_hold = settings.max_hold;
  return ask;
}

// Whether a hold that was denied for want of balance has auto-reload ask for more (rule X4).
bool AsksForReload(const WalletHeader& header, const CheckAdmissionCommand& command,
                   const AdmissionState& state, const Verdict& verdict, absl::Time now) {
  if (command.mode == AdmissionMode::kCheckOnly || command.validate_only) return false;
  if (verdict.blocking_bound < 0 || !header.reload.settings.enabled) return false;
  return state.bounds[verdict.blocking_bound].source == BoundSource::kBalance &&
         header.ReloadAllowedAt() <= now;
}

// What the named admission is to a record.
struct NamedAdmission {
  const Hold* live = nullptr;
  const EndedHold* ended = nullptr;
};

NamedAdmission FindAdmission(const Wallet& wallet, const RecordConsumptionCommand& command) {
  NamedAdmission named;
  if (command.admission.kind != AdmissionName::kNamed) return named;
  named.live = wallet.FindHold(command.admission.sequence);
  if (named.live == nullptr) named.ended = wallet.FindEndedHold(command.admission.sequence);
  return named;
}

AdmissionStatus StatusOf(const RecordConsumptionCommand& command, const NamedAdmission& named) {
  if (named.live != nullptr) return AdmissionStatus::kSettled;
  if (named.ended != nullptr) {
    const bool expired =
        named.ended->end == HoldEnd::kExpired || named.ended->end == HoldEnd::kCaptured;
    return expired ? AdmissionStatus::kExpired : AdmissionStatus::kFinal;
  }
  if (command.admission.kind == AdmissionName::kForeign) return AdmissionStatus::kForeign;
  const bool none = command.admission.kind == AdmissionName::kNone && command.admission_id.empty();
  return none ? AdmissionStatus::kNone : AdmissionStatus::kUnknown;
}

// Fills in one field, or notes that another than the admission's was sent (rule R4). What the
// admission does not say, the record may.
void FillField(const char* path, const std::string& of_hold, std::string& field,
               FieldViolations& violations) {
  if (field.empty()) {
    field = of_hold;
  } else if (!of_hold.empty() && field != of_hold) {
    violations.Add(path, absl::StrCat("is not the admission's, \"", of_hold, "\""));
  }
}

template <typename HoldOrEnded>
absl::Status FillFrom(const HoldOrEnded& hold, RecordConsumptionCommand& command) {
  FieldViolations violations;
  FillField("member_id", hold.member_id, command.member_id, violations);
  FillField("surface", hold.surface, command.surface, violations);
  FillField("provider", hold.provider, command.provider, violations);
  FillField("model", hold.model, command.model, violations);
  if (command.parent_session_id.empty()) command.parent_session_id = hold.parent_session_id;
  return violations.ToStatus();
}

// The wallet as it is after entries of this very decision; only the one member of it is there.
Wallet After(const Wallet& wallet, const std::vector<EntryBody>& bodies, const EndedHold& ended,
             absl::Time now) {
  Wallet after;
  after.header = wallet.header;
  after.members.emplace(ended.member_id, *wallet.FindMember(ended.member_id));
  after.ended_holds.emplace(ended.sequence, ended);
  for (const EntryBody& body : bodies) {
    const absl::Status applied = Apply(after, {after.header.revision + 1, now, {}, body});
    BURSAR_CHECK(applied.ok());
  }
  return after;
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

// Decides a record in which everything is filled in.
absl::StatusOr<Decision<RecordConsumptionOutcome>> DecideRecord(
    const Wallet& wallet, const RecordConsumptionCommand& command, const NamedAdmission& named,
    const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  if (absl::Status status = CheckCurrency(header, "cost.currency_code", command.currency_code);
      !status.ok()) {
    return status;
  }
  Decision<RecordConsumptionOutcome> decision;
  UsageCharged charge = ChargeFor(command, context);
  charge.admission_status = StatusOf(command, named);
  charge.hold_ends = named.live != nullptr && !command.partial;
  const Member* member = wallet.FindMember(command.member_id);
  if (member == nullptr) {
    if (!header.settings.auto_provision_members) return UnknownMember(header, command.member_id);
    const Plan* plan = context.plans->Find(header.settings.plan_id);
    BURSAR_CHECK(plan != nullptr);
    const Member provisioned = ProvisionedMember(header, *plan, command.member_id);
    decision.bodies.push_back(MemberUpserted{provisioned, true, true, {}});
    AppendCharge(wallet, provisioned, true, nullptr, std::move(charge), context, decision.bodies);
  } else if (named.ended != nullptr && named.ended->capture.has_value() &&
             named.ended->capture->Left().value > 0) {
    // The capture stood for usage that is known now (rule H5).
    const Reversal& capture = *named.ended->capture;
    decision.bodies = TakeBack(wallet, capture, named.ended->sequence, capture.Left(),
                               "the usage that was captured is known", context);
    const Wallet after = After(wallet, decision.bodies, *named.ended, context.now);
    AppendCharge(after, *after.FindMember(command.member_id), false, nullptr, std::move(charge),
                 context, decision.bodies);
  } else {
    AppendCharge(wallet, *member, false, named.live, std::move(charge), context, decision.bodies);
  }
  decision.outcome.charge = std::get<UsageCharged>(decision.bodies.back());
  return decision;
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
  if (absl::Status status = ValidateHold(command); !status.ok()) return status;
  const std::string_view surface =
      command.surface.empty() ? std::string_view(kDefaultSurface) : command.surface;
  const AdmissionQuery query{command.member_id, surface, command.model};
  const AdmissionState state = Evaluate(header, member, query, context);
  const AdmissionAsk ask = AskOf(command, header.settings);
  const Verdict verdict = Judge(state, ask);

  Decision<CheckAdmissionOutcome> decision;
  CheckAdmissionOutcome& outcome = decision.outcome;
  outcome.admitted = verdict.admitted;
  outcome.bucket = verdict.bucket;
  outcome.thresholds = ThresholdsReached(state);
  if (!verdict.admitted) {
    const bool pool = IsPoolExhausted(state, verdict);
    const bool opens = pool && !header.episode.has_value() && !command.validate_only;
    if (opens) {
      decision.bodies.push_back(EpisodeOpened{verdict.reason == DenialReason::kBalanceExhausted,
                                              command.member_id, std::string(surface)});
    }
    if (AsksForReload(header, command, state, verdict, context.now)) {
      decision.bodies.push_back(RequestReload(header, ReloadCause::kHoldDenied, context));
    }
    outcome.waits_for_episode = pool && (opens || header.episode.has_value());
    outcome.denial =
        BuildDenial(wallet, member, query, state, ask, verdict, context, outcome.waits_for_episode);
  } else if (command.mode != AdmissionMode::kCheckOnly) {
    if (absl::Status room = RoomForHold(wallet, command.member_id); !room.ok()) return room;
    if (!command.validate_only) PlaceHold(header, member, command, state, context, decision);
  }
  if (!verdict.admitted || command.estimate.has_value() || command.full_view) {
    outcome.evaluations = CopyEvaluations(state, verdict);
  }
  return decision;
}

absl::Status FillFromAdmission(const Wallet& wallet, RecordConsumptionCommand& command) {
  const NamedAdmission named = FindAdmission(wallet, command);
  absl::Status status;
  if (named.live != nullptr) status = FillFrom(*named.live, command);
  if (named.ended != nullptr) status = FillFrom(*named.ended, command);
  if (!status.ok()) return status;
  if (command.surface.empty()) command.surface = kDefaultSurface;
  if (command.member_id.empty()) {
    return InvalidField("member_id", "is required where no known admission is named");
  }
  return absl::OkStatus();
}

absl::StatusOr<Decision<RecordConsumptionOutcome>> Decide(const Wallet& wallet,
                                                          const RecordConsumptionCommand& command,
                                                          const DecisionContext& context) {
  return DecideRecord(wallet, command, FindAdmission(wallet, command), context);
}

}  // namespace bursar
