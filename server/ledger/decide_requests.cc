// Decisions about requests for more (rules Q1 to Q3), and the answer to an episode (rule N6).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/administration.h"
#include "server/ledger/charging.h"
#include "server/ledger/increase_commands.h"
#include "server/ledger/ledger.h"
#include "server/ledger/limit_words.h"
#include "server/ledger/limits.h"
#include "server/ledger/settings_text.h"

namespace bursar {

namespace {

using AdministrationDecision = absl::StatusOr<Decision<AdministrationOutcome>>;

absl::Status Precondition(const std::string& message, const char* reason) {
  return WithReason(absl::FailedPreconditionError(message), reason);
}

std::string InstantText(absl::Time instant) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", instant, absl::UTCTimeZone());
}

bool IsSelectedOf(const WalletHeader& header, const Member& member) {
  return header.selection_generation != 0 &&
         member.selection_generation == header.selection_generation;
}

bool HasExtraUsage(const WalletHeader& header, const Member& member) {
  return header.extra_enabled &&
         (header.audience == ExtraUsageAudience::kEveryone || IsSelectedOf(header, member));
}

// ---- Asking -------------------------------------------------------------------------------------

// The limit that the member asks to be raised: of any scope and period, the one with the least left
// where the member was blocked.
absl::StatusOr<LimitKey> LimitToRaise(const WalletHeader& header, const Member& member,
                                      const CreateIncreaseRequestCommand& command,
                                      const DecisionContext& context) {
  const AdmissionQuery query{member.member_id, command.surface, command.model};
  const AdmissionState state = Evaluate(header, &member, query, context);
  const Evaluation* least = LeastLimit(state);
  if (least == nullptr) {
    return Precondition("no spend limit applies to this member: there is nothing to raise",
                        "NOTHING_TO_ASK");
  }
  absl::Status currency = CheckCurrency(header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  if (command.amount.has_value() && Amount(*command.amount) <= *least->limit) {
    return InvalidField("amount",
                        absl::StrCat("must be more than ", WhoseLimit(*least), " present ",
                                     LimitName(*least), " of ", FormatAmount(*least->limit)));
  }
  const bool of_organization = least->scope == Scope::kOrganization;
  return LimitKey{least->scope, of_organization ? "" : std::string(least->scope_id), least->period};
}

// The tier that the member asks for.
absl::StatusOr<std::string> HigherTier(const Plan& plan, const Member& member,
                                       const std::string& wanted) {
  const SeatTier* tier = TierOf(plan, &member);
  if (tier->upgrade_to.empty()) {
    return Precondition(absl::StrCat("the plan ", plan.id, " has no seat above ", tier->id),
                        "NOTHING_TO_ASK");
  }
  if (wanted.empty()) return tier->upgrade_to;
  if (plan.IsUpgrade(tier->id, wanted)) return wanted;
  return InvalidField("seat_tier", absl::StrCat("must be a seat tier above ", tier->id));
}

absl::Status CheckExtraUsage(const WalletHeader& header, const Plan& plan, const Member& member) {
  if (plan.metered) {
    return Precondition(absl::StrCat("on the plan ", plan.id,
                                     " everything is metered: there is no extra usage to ask for"),
                        "EXTRA_USAGE_NOT_APPLICABLE");
  }
  if (!HasExtraUsage(header, member)) return absl::OkStatus();
  return Precondition("extra usage is on for this member already", "NOTHING_TO_ASK");
}

// Fills in what is asked for, or says why it cannot be asked.
absl::Status FillAsked(const WalletHeader& header, const Plan& plan, const Member& member,
                       const CreateIncreaseRequestCommand& command, const DecisionContext& context,
                       IncreaseRequest& request) {
  if (command.amount.has_value() && command.kind != IncreaseKind::kHigherLimit) {
    return InvalidField("amount", "goes only with a higher limit");
  }
  if (!command.tier_id.empty() && command.kind != IncreaseKind::kHigherSeat) {
    return InvalidField("seat_tier", "goes only with a higher seat");
  }
  switch (command.kind) {
    case IncreaseKind::kHigherLimit: {
      absl::StatusOr<LimitKey> limit = LimitToRaise(header, member, command, context);
      if (!limit.ok()) return limit.status();
      request.limit = *std::move(limit);
      request.asked_amount = command.amount;
      return absl::OkStatus();
    }
    case IncreaseKind::kHigherSeat: {
      absl::StatusOr<std::string> tier = HigherTier(plan, member, command.tier_id);
      if (!tier.ok()) return tier.status();
      request.asked_tier_id = *std::move(tier);
      return absl::OkStatus();
    }
    case IncreaseKind::kExtraUsage:
      break;
  }
  return CheckExtraUsage(header, plan, member);
}

// Whether the member may ask at all now.
absl::Status CheckMayAsk(const WalletHeader& header, const Member& member,
                         const DecisionContext& context) {
  if (member.status != AccountStatus::kActive) {
    return Precondition(absl::StrCat("member ", member.member_id, " is not active"),
                        "MEMBER_NOT_ACTIVE");
  }
  const absl::Time again = AskAgainAt(header, &member, context);
  if (again > context.now) {
    const std::string instant = InstantText(again);
    return WithMetadata(
        Precondition(
            absl::StrCat("the last request was denied; the member can ask again from ", instant),
            "REQUEST_COOL_DOWN"),
        "ask_again_time", instant);
  }
  if (header.open_request_count < kMaxOpenRequests) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        "the organization has ", kMaxOpenRequests, " open requests already")),
                    "TOO_MANY_INCREASE_REQUESTS");
}

// ---- Deciding -----------------------------------------------------------------------------------

// The open request that a command names, and its member.
struct Named {
  const IncreaseRequest* request = nullptr;
  const Member* member = nullptr;
};

absl::StatusOr<Named> FindOpen(const Wallet& wallet, int64_t sequence,
                               const std::string& member_id) {
  const auto found = wallet.requests.find(sequence);
  if (found == wallet.requests.end() ||
      (!member_id.empty() && found->second.member_id != member_id)) {
    return WithReason(absl::NotFoundError("there is no such request for more"),
                      "INCREASE_REQUEST_NOT_FOUND");
  }
  const Member* member = wallet.FindMember(found->second.member_id);
  if (member == nullptr) {
    return absl::DataLossError(absl::StrCat("the member of request ", sequence, " is missing"));
  }
  // The member's copy is the one that counts.
  const IncreaseRequest* open = member->OpenRequest();
  if (open != nullptr && open->sequence == sequence) return Named{open, member};
  return WithMetadata(
      Precondition(absl::StrCat("the request of member ", found->second.member_id, " is ",
                                std::string(IncreaseStateWord(found->second.state)), " already"),
                   "INCREASE_REQUEST_DECIDED"),
      "state", IncreaseStateWord(found->second.state));
}

IncreaseDecided MoveTo(const IncreaseRequest& request, IncreaseState state, std::string note) {
  IncreaseDecided decided;
  decided.request_sequence = request.sequence;
  decided.member_id = request.member_id;
  decided.kind = request.kind;
  decided.state = state;
  decided.note = std::move(note);
  return decided;
}

// The request as it will be, without what only the entry knows (who).
IncreaseRequest Moved(const IncreaseRequest& request, const IncreaseDecided& decided,
                      const DecisionContext& context) {
  IncreaseRequest moved = request;
  moved.state = decided.state;
  moved.note = decided.note;
  moved.decided_at = context.now;
  moved.granted_amount = decided.granted_amount;
  moved.granted_until = decided.granted_until;
  return moved;
}

// PERMISSION_DENIED for a reviewer who may not review. True: has every power.
absl::StatusOr<bool> HasEveryPower(const Wallet& wallet, const Reviewer& reviewer) {
  if (reviewer.member_id.empty()) return true;
  const Member* member = wallet.FindMember(reviewer.member_id);
  if (member != nullptr && IsActiveOwner(*member)) return true;
  if (member != nullptr && member->status == AccountStatus::kActive &&
      member->role == MemberRole::kAdmin) {
    return false;
  }
  return WithReason(absl::PermissionDeniedError("the caller may not do this here"),
                    "PERMISSION_DENIED");
}

// The limit that an approval sets.
absl::StatusOr<Nanos> GrantedLimit(const Wallet& wallet, const Named& named,
                                   const ApproveIncreaseRequestCommand& command,
                                   const DecisionContext& context) {
  absl::Status currency =
      CheckCurrency(wallet.header, "amount.currency_code", command.currency_code);
  if (!currency.ok()) return currency;
  std::optional<Nanos> amount = command.amount;
  if (!amount.has_value()) amount = named.request->granted_amount;
  if (!amount.has_value()) amount = named.request->asked_amount;
  if (!amount.has_value()) {
    return InvalidField("amount", "is required: the member named none");
  }
  const LimitKey& key = *named.request->limit;
  const std::optional<LimitLine> line = FindLimit(wallet, key, context);
  const std::optional<Nanos> present =
      line.has_value() ? line->limit.AmountAt(context.now) : std::nullopt;
  if (!present.has_value() || !PlanOf(wallet.header, context).AllowsLimit(key.scope)) {
    return Precondition(absl::StrCat("the ", LimitKeyWords(key),
                                     " does not apply any more: there is nothing to raise"),
                        "NOTHING_TO_ASK");
  }
  if (*amount <= *present) {
    return InvalidField("amount", absl::StrCat("must be more than the present ", LimitKeyWords(key),
                                               ", ", FormatAmount(*present)));
  }
  return *amount;
}

// Until when an approval grants. Who names an amount says all of it; who names none takes over what
// the admin who escalated would have granted, its end included. A raise that is in force is not cut
// short by a temporary one (rule L4).
absl::StatusOr<absl::Time> GrantedUntil(const Wallet& wallet, const IncreaseRequest& request,
                                        const ApproveIncreaseRequestCommand& command,
                                        const DecisionContext& context) {
  const absl::Time proposed =
      command.amount.has_value() ? absl::InfiniteFuture() : request.granted_until;
  const absl::Time until = command.expires_at.value_or(proposed);
  if (until <= context.now) {
    return InvalidField(
        "amount",
        absl::StrCat("is required: what was proposed would have ended at ", InstantText(until)));
  }
  if (!request.limit.has_value() || until == absl::InfiniteFuture()) return until;
  const auto line = FindLimit(wallet, *request.limit, context);
  if (line.has_value() && line->limit.raise.has_value() &&
      line->limit.raise->expires_at > std::max(until, context.now)) {
    return InvalidField("expire_time",
                        absl::StrCat("must not be before the present raise ends, at ",
                                     InstantText(line->limit.raise->expires_at)));
  }
  return until;
}

absl::Status CheckGrantFields(const IncreaseRequest& request,
                              const ApproveIncreaseRequestCommand& command,
                              const DecisionContext& context) {
  FieldViolations violations;
  if (command.expires_at.has_value() && *command.expires_at <= context.now) {
    violations.Add("expire_time", "must lie in the future");
  }
  if (request.kind != IncreaseKind::kHigherLimit) {
    if (command.amount.has_value()) violations.Add("amount", "goes only with a higher limit");
    if (command.expires_at.has_value()) {
      violations.Add("expire_time", "goes only with a higher limit");
    }
  }
  return violations.ToStatus();
}

// Permanently, or before the instant (rule L4). Requires: the limit is set.
AdministrationDecision SetLimit(const Wallet& wallet, const LimitKey& key, Nanos amount,
                                absl::Time until, const DecisionContext& context) {
  SetSpendLimitCommand command;
  command.scope = key.scope;
  command.scope_id = key.scope_id;
  command.period = key.period;
  command.limit.amount = amount;
  command.limit.basis = FindLimit(wallet, key, context)->limit.BasisAt(context.now);
  if (until != absl::InfiniteFuture()) command.expires_at = until;
  return Decide(wallet, command, context);
}

AdministrationDecision MoveSeat(const Wallet& wallet, const Named& named, const Plan& plan,
                                const DecisionContext& context) {
  const std::string& wanted = named.request->asked_tier_id;
  if (!plan.IsUpgrade(TierOf(plan, named.member)->id, wanted)) {
    return Precondition(absl::StrCat("seat tier ", wanted, " is not above the member's any more"),
                        "NOTHING_TO_ASK");
  }
  UpsertMembersCommand command;
  MemberChange& change = command.members.emplace_back();
  change.member_id = named.member->member_id;
  change.tier_id = wanted;
  return Decide(wallet, command, context);
}

// Extra usage for this one member; nobody else gets it by that.
std::vector<EntryBody> GiveExtraUsage(const WalletHeader& header, const Member& member) {
  if (HasExtraUsage(header, member)) return {};
  if (header.extra_enabled && header.selected_count > 0) {
    return {MemberSelected{member.member_id}};
  }
  ExtraUsageUpdated updated;
  updated.enabled = true;
  updated.audience = ExtraUsageAudience::kSelected;
  updated.selection_generation = header.selection_generation + 1;
  updated.selected = {member.member_id};
  updated.changes = {{"extra_usage", header.extra_enabled ? "on for 0 selected members" : "off",
                      "on for 1 selected members"}};
  return {std::move(updated)};
}

// The entries that grant what was asked for.
absl::StatusOr<std::vector<EntryBody>> Grant(const Wallet& wallet, const Named& named,
                                             std::optional<Nanos> limit, absl::Time until,
                                             const DecisionContext& context) {
  if (named.request->kind == IncreaseKind::kExtraUsage) {
    return GiveExtraUsage(wallet.header, *named.member);
  }
  AdministrationDecision granted =
      limit.has_value() ? SetLimit(wallet, *named.request->limit, *limit, until, context)
                        : MoveSeat(wallet, named, PlanOf(wallet.header, context), context);
  if (!granted.ok()) return granted.status();
  return std::move(granted->bodies);
}

}  // namespace

std::string EpisodeAnswerText(EpisodeAnswerKind kind, const std::string& note) {
  switch (kind) {
    case EpisodeAnswerKind::kWaitingForReset:
      return absl::StrCat("We wait for the reset.", note.empty() ? "" : " ", note);
    case EpisodeAnswerKind::kWorkingOnIt:
      return absl::StrCat("We are working on it.", note.empty() ? "" : " ", note);
    case EpisodeAnswerKind::kNote:
      break;
  }
  return note;
}

absl::Time AskAgainAt(const WalletHeader& header, const Member* member,
                      const DecisionContext& context) {
  if (member == nullptr || !member->requests.has_value()) return absl::InfinitePast();
  const absl::Time again = member->requests->denied_at + header.settings.request_cool_down;
  return again > context.now ? again : absl::InfinitePast();
}

AdministrationDecision Decide(const Wallet& wallet, const CreateIncreaseRequestCommand& command,
                              const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan& plan = PlanOf(header, context);
  const Member* known = wallet.FindMember(command.member_id);
  if (known == nullptr && !header.settings.auto_provision_members) {
    return UnknownMember(header, command.member_id);
  }
  const Member member =
      known != nullptr ? *known : ProvisionedMember(header, plan, command.member_id);
  Decision<AdministrationOutcome> decision;
  if (const IncreaseRequest* open = member.OpenRequest(); open != nullptr) {
    decision.outcome.request = *open;
    decision.outcome.request_existed = true;
    return decision;
  }
  if (absl::Status s = CheckMayAsk(header, member, context); !s.ok()) return s;
  IncreaseRequest request;
  request.member_id = command.member_id;
  request.kind = command.kind;
  if (absl::Status s = FillAsked(header, plan, member, command, context, request); !s.ok()) {
    return s;
  }
  request.surface = command.surface;
  request.model = command.model;
  request.reason = command.reason;
  if (known == nullptr) decision.bodies.push_back(MemberUpserted{member, true, true, {}});
  decision.bodies.push_back(IncreaseRequested{request});
  request.sequence = header.revision + static_cast<int64_t>(decision.bodies.size());
  request.created_at = context.now;
  decision.outcome.request = std::move(request);
  return decision;
}

AdministrationDecision Decide(const Wallet& wallet, const CancelIncreaseRequestCommand& command,
                              const DecisionContext& context) {
  const absl::StatusOr<Named> named = FindOpen(wallet, command.sequence, command.member_id);
  if (!named.ok()) return named.status();
  IncreaseDecided decided = MoveTo(*named->request, IncreaseState::kCancelled, "");
  Decision<AdministrationOutcome> decision;
  decision.outcome.request = Moved(*named->request, decided, context);
  decision.bodies.push_back(std::move(decided));
  return decision;
}

AdministrationDecision Decide(const Wallet& wallet, const ApproveIncreaseRequestCommand& command,
                              const DecisionContext& context) {
  const absl::StatusOr<Named> named = FindOpen(wallet, command.sequence, "");
  if (!named.ok()) return named.status();
  const IncreaseRequest& request = *named->request;
  const absl::StatusOr<bool> every_power = HasEveryPower(wallet, command.reviewer);
  if (!every_power.ok()) return every_power.status();
  if (absl::Status s = CheckGrantFields(request, command, context); !s.ok()) return s;
  if (named->member->status != AccountStatus::kActive) {
    return Precondition(absl::StrCat("member ", request.member_id, " is not active"),
                        "MEMBER_NOT_ACTIVE");
  }
  std::optional<Nanos> limit;
  if (request.kind == IncreaseKind::kHigherLimit) {
    const absl::StatusOr<Nanos> granted = GrantedLimit(wallet, *named, command, context);
    if (!granted.ok()) return granted.status();
    limit = *granted;
  }
  const absl::StatusOr<absl::Time> until = GrantedUntil(wallet, request, command, context);
  if (!until.ok()) return until.status();
  if (request.kind == IncreaseKind::kExtraUsage && PlanOf(wallet.header, context).metered) {
    return Precondition("everything is metered on the organization's plan by now",
                        "EXTRA_USAGE_NOT_APPLICABLE");
  }
  const bool may_grant =
      *every_power ||
      (limit.has_value() && request.limit->scope == Scope::kMember &&
       IsWithinOrganizationLimits(wallet.header, request.limit->period, limit, context));
  Decision<AdministrationOutcome> decision;
  const bool proposes_the_same = request.granted_amount == limit &&
                                 request.granted_until == *until && request.note == command.note;
  if (!may_grant && request.state == IncreaseState::kEscalated && proposes_the_same) {
    decision.outcome.request = request;
    return decision;
  }
  IncreaseDecided decided = MoveTo(
      request, may_grant ? IncreaseState::kApproved : IncreaseState::kEscalated, command.note);
  decided.granted_amount = limit;
  decided.granted_until = *until;
  if (may_grant) {
    absl::StatusOr<std::vector<EntryBody>> bodies = Grant(wallet, *named, limit, *until, context);
    if (!bodies.ok()) return bodies.status();
    decision.bodies = *std::move(bodies);
  }
  decision.outcome.request = Moved(request, decided, context);
  decision.bodies.push_back(std::move(decided));
  return decision;
}

AdministrationDecision Decide(const Wallet& wallet, const DenyIncreaseRequestCommand& command,
                              const DecisionContext& context) {
  const absl::StatusOr<Named> named = FindOpen(wallet, command.sequence, "");
  if (!named.ok()) return named.status();
  const absl::StatusOr<bool> may_review = HasEveryPower(wallet, command.reviewer);
  if (!may_review.ok()) return may_review.status();
  IncreaseDecided decided = MoveTo(*named->request, IncreaseState::kDenied, command.note);
  Decision<AdministrationOutcome> decision;
  decision.outcome.request = Moved(*named->request, decided, context);
  decision.bodies.push_back(std::move(decided));
  return decision;
}

AdministrationDecision Decide(const Wallet& wallet, const AnswerEpisodeCommand& command,
                              const DecisionContext&) {
  const WalletHeader& header = wallet.header;
  if (!header.episode.has_value()) {
    return Precondition("the pool is not out: there is no episode to answer", "NO_OPEN_EPISODE");
  }
  if (command.kind == EpisodeAnswerKind::kNote && command.note.empty()) {
    return InvalidField("note", "is required where it is the answer");
  }
  Decision<AdministrationOutcome> decision;
  const Boxed<EpisodeAnswer>& answer = header.episode->answer;
  const bool same =
      answer.has_value() && answer->kind == command.kind && answer->note == command.note;
  if (same) return decision;
  decision.bodies.push_back(EpisodeAnswered{header.episode->sequence, command.kind, command.note});
  return decision;
}

}  // namespace bursar
