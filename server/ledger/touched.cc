// Which records an entry changes besides the header.
#include <string>
#include <variant>
#include <vector>

#include "server/ledger/ledger.h"

namespace bursar {

namespace {

// Whose record each kind of body changes.
struct MembersOf {
  std::vector<std::string> operator()(const UsageCharged& body) const { return {body.member_id}; }
  std::vector<std::string> operator()(const MemberUpserted& body) const {
    return {body.settings.member_id};
  }
  std::vector<std::string> operator()(const ExtraUsageUpdated& body) const { return body.selected; }
  std::vector<std::string> operator()(const SpendLimitSet& body) const {
    return If(body.scope == Scope::kMember, body.scope_id);
  }
  std::vector<std::string> operator()(const WindowOpened& body) const {
    return If(body.scope == Scope::kMember, body.member_id);
  }
  std::vector<std::string> operator()(const MonthOpened& body) const {
    return If(body.scope == Scope::kMember, body.scope_id);
  }
  std::vector<std::string> operator()(const PendingChangeApplied& body) const {
    return body.seat.has_value() ? std::vector<std::string>{body.seat->member_id}
                                 : std::vector<std::string>();
  }
  std::vector<std::string> operator()(const HoldPlaced& body) const {
    return {body.hold.member_id};
  }
  std::vector<std::string> operator()(const HoldEnded& body) const { return {body.member_id}; }
  std::vector<std::string> operator()(const EntryReversed& body) const {
    return {body.facts.member_id};
  }
  std::vector<std::string> operator()(const ExtraUsageConfirmed& body) const {
    return {body.member_id};
  }
  std::vector<std::string> operator()(const CrossingNoticed& body) const {
    return {body.member_id};
  }
  std::vector<std::string> operator()(const IncreaseRequested& body) const {
    return {body.request.member_id};
  }
  std::vector<std::string> operator()(const IncreaseDecided& body) const {
    return {body.member_id};
  }
  std::vector<std::string> operator()(const MemberSelected& body) const { return {body.member_id}; }
  // The others change no member.
  template <typename Body>
  std::vector<std::string> operator()(const Body&) const {
    return {};
  }

  static std::vector<std::string> If(bool own, const std::string& member_id) {
    return own ? std::vector<std::string>{member_id} : std::vector<std::string>();
  }
};

}  // namespace

std::vector<std::string> MembersTouched(const EntryBody& body) {
  return std::visit(MembersOf(), body);
}

int64_t HoldTouched(const Entry& entry) {
  if (const auto* charged = std::get_if<UsageCharged>(&entry.body)) return charged->hold_sequence;
  if (std::holds_alternative<HoldPlaced>(entry.body)) return entry.sequence;
  if (const auto* extended = std::get_if<HoldExtended>(&entry.body)) return extended->hold_sequence;
  if (const auto* ended = std::get_if<HoldEnded>(&entry.body)) return ended->hold_sequence;
  if (const auto* reversed = std::get_if<EntryReversed>(&entry.body))
    return reversed->hold_sequence;
  return 0;
}

int64_t RequestTouched(const Entry& entry) {
  if (std::holds_alternative<IncreaseRequested>(entry.body)) return entry.sequence;
  const auto* decided = std::get_if<IncreaseDecided>(&entry.body);
  return decided == nullptr ? 0 : decided->request_sequence;
}

int64_t ReversalTouched(const EntryBody& body) {
  const auto* reversed = std::get_if<EntryReversed>(&body);
  return reversed == nullptr || reversed->hold_sequence != 0 ? 0 : reversed->reversed_sequence;
}

}  // namespace bursar
