// What ends requests for more without a decision on them: removal, and a raise that was made
// directly (rule Q2).
#include <algorithm>
#include <utility>

#include "server/ledger/increase_commands.h"
#include "server/ledger/limits.h"

namespace bursar {

namespace {

// Whether a limit that is set lets spend more than what was in force of the same.
bool IsRaise(const Wallet& wallet, const SpendLimitSet& set, const DecisionContext& context) {
  const std::optional<LimitLine> line =
      FindLimit(wallet, {set.scope, set.scope_id, set.period}, context);
  if (!line.has_value()) return false;
  const std::optional<Nanos>& before = line->limit.AmountAt(context.now);
  const std::optional<Nanos>& after = set.limit.AmountAt(context.now);
  return before.has_value() && (!after.has_value() || *after > *before);
}

// What a check of the member would meet now where it was blocked.
AdmissionState StateOf(const Wallet& wallet, const Member& member, const DecisionContext& context) {
  const IncreaseRequest& request = *member.OpenRequest();
  const AdmissionQuery query = {member.member_id, request.surface, request.model};
  return Evaluate(wallet.header, &member, query, context);
}

bool IsDenied(const Wallet& wallet, const Member& member, const DecisionContext& context) {
  return !Admits(StateOf(wallet, member, context), {});
}

bool IsOf(const LimitKey& key, const Evaluation& bound) {
  return bound.source == BoundSource::kSpendLimit && bound.scope == key.scope &&
         bound.period == key.period &&
         (key.scope == Scope::kOrganization || bound.scope_id == key.scope_id);
}

// Whether what was granted is no longer in the member's way.
bool IsGranted(const Wallet& wallet, const Member& member, IncreaseKind kind,
               const DecisionContext& context) {
  const IncreaseRequest& request = *member.OpenRequest();
  if (request.kind != kind) return false;
  if (kind == IncreaseKind::kHigherSeat) return true;
  const AdmissionState state = StateOf(wallet, member, context);
  if (kind == IncreaseKind::kExtraUsage) {
    return state.gate != DenialReason::kExtraUsageDisabled &&
           state.gate != DenialReason::kMemberNotSelected;
  }
  return std::none_of(state.bounds.begin(), state.bounds.end(), [&](const Evaluation& bound) {
    return IsOf(*request.limit, bound) && bound.limit.has_value() &&
           !bound.Headroom().is_positive();
  });
}

// Finds who is at stake, one body at a time.
class Finder {
 public:
  Finder(const Wallet& wallet, const DecisionContext& context)
      : wallet_(wallet), context_(context) {}

  void operator()(const MemberUpserted& body) {
    const Member* before = wallet_.FindMember(body.settings.member_id);
    if (before == nullptr) return;
    if (body.settings.status == AccountStatus::kRemoved) {
      Add(*before, std::nullopt, true);
    } else if (body.settings.tier_id != before->tier_id) {
      Add(*before, IncreaseKind::kHigherSeat);
    }
  }
  void operator()(const SpendLimitSet& body) {
    if (!IsRaise(wallet_, body, context_)) return;
    const LimitKey raised = {body.scope, body.scope_id, body.period};
    const auto add = [&](const Member& member) {
      const IncreaseRequest* open = member.OpenRequest();
      if (open == nullptr) return;
      Add(member, open->limit == raised ? std::optional(IncreaseKind::kHigherLimit) : std::nullopt);
    };
    if (body.scope == Scope::kMember) return add(*wallet_.FindMember(body.scope_id));
    for (const auto& [member_id, member] : wallet_.members) add(member);
  }
  void operator()(const ExtraUsageUpdated& body) {
    if (body.enabled) AddAll(IncreaseKind::kExtraUsage);
  }
  void operator()(const MemberSelected& body) {
    const Member* before = wallet_.FindMember(body.member_id);
    if (before != nullptr) Add(*before, IncreaseKind::kExtraUsage);
  }
  // The others raise nothing.
  template <typename Body>
  void operator()(const Body&) {}

  std::vector<RequestAtStake> Take() { return std::move(found_); }

 private:
  void Add(const Member& member, std::optional<IncreaseKind> granted, bool removed = false) {
    if (member.OpenRequest() == nullptr) return;
    found_.push_back({member.member_id, removed, IsDenied(wallet_, member, context_), granted});
  }
  void AddAll(std::optional<IncreaseKind> granted) {
    for (const auto& [member_id, member] : wallet_.members) Add(member, granted);
  }

  const Wallet& wallet_;
  const DecisionContext& context_;
  std::vector<RequestAtStake> found_;
};

}  // namespace

std::vector<RequestAtStake> RequestsAtStake(const Wallet& wallet,
                                            const std::vector<EntryBody>& bodies,
                                            const DecisionContext& context) {
  if (wallet.header.open_request_count == 0) return {};
  Finder finder(wallet, context);
  for (const EntryBody& body : bodies) std::visit(finder, body);
  return finder.Take();
}

std::vector<EntryBody> RequestsEnded(const Wallet& wallet,
                                     const std::vector<RequestAtStake>& at_stake,
                                     const DecisionContext& context) {
  std::vector<IncreaseDecided> ended;
  for (const RequestAtStake& one : at_stake) {
    const Member* member = wallet.FindMember(one.member_id);
    const IncreaseRequest* request = member == nullptr ? nullptr : member->OpenRequest();
    // A decision in the same commit ended it already.
    if (request == nullptr) continue;
    IncreaseDecided decided;
    decided.request_sequence = request->sequence;
    decided.member_id = request->member_id;
    decided.kind = request->kind;
    decided.state = one.removed ? IncreaseState::kCancelled : IncreaseState::kSuperseded;
    if (!one.removed) {
      const bool granted =
          one.granted.has_value() && IsGranted(wallet, *member, *one.granted, context);
      if (!granted && (!one.was_denied || IsDenied(wallet, *member, context))) continue;
    }
    ended.push_back(std::move(decided));
  }
  // By age; a member that several entries raise is found several times.
  std::sort(ended.begin(), ended.end(), [](const IncreaseDecided& a, const IncreaseDecided& b) {
    return a.request_sequence < b.request_sequence;
  });
  std::vector<EntryBody> bodies;
  int64_t last = 0;
  for (IncreaseDecided& decided : ended) {
    if (decided.request_sequence == last) continue;
    last = decided.request_sequence;
    bodies.emplace_back(std::move(decided));
  }
  return bodies;
}

}  // namespace bursar
