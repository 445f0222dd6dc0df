// Changes by administrators, reads and sweeps.
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/jobs.h"

namespace bursar {
namespace {

// The member of a hold, open or ended; empty where it is neither.
std::vector<std::string> MemberOfHold(const Wallet* wallet, int64_t sequence) {
  if (wallet == nullptr) return {};
  if (const Hold* hold = wallet->FindHold(sequence); hold != nullptr) return {hold->member_id};
  const EndedHold* ended = wallet->FindEndedHold(sequence);
  if (ended == nullptr) return {};
  return {ended->member_id};
}

// Whose request it is, and who decides it.
std::vector<std::string> MembersOfRequest(const Wallet* wallet, int64_t sequence,
                                          const std::string& reviewer_id) {
  std::vector<std::string> ids;
  if (wallet == nullptr) return ids;
  const auto found = wallet->requests.find(sequence);
  if (found != wallet->requests.end()) ids.push_back(found->second.member_id);
  if (!reviewer_id.empty()) ids.push_back(reviewer_id);
  return ids;
}

// The members that a command names; the primary owner where roles may move. The wallet is null
// while it is not loaded.
struct MembersOfCommand {
  const Wallet* wallet;

  std::vector<std::string> operator()(const CreateOrganizationCommand&) const { return {}; }
  std::vector<std::string> operator()(const UpdateOrganizationCommand&) const { return {}; }
  std::vector<std::string> operator()(const GrantCreditCommand&) const { return {}; }
  std::vector<std::string> operator()(const UpsertMembersCommand& command) const {
    std::vector<std::string> ids;
    for (const MemberChange& change : command.members) ids.push_back(change.member_id);
    if (wallet != nullptr) ids.push_back(wallet->header.primary_owner_id);
    return ids;
  }
  std::vector<std::string> operator()(const UpdateExtraUsageCommand& command) const {
    return command.selected_member_ids.value_or(std::vector<std::string>());
  }
  std::vector<std::string> operator()(const SetSpendLimitCommand& command) const {
    if (command.scope != Scope::kMember) return {};
    return {command.scope_id};
  }
  std::vector<std::string> operator()(const ExtendAdmissionCommand& command) const {
    return MemberOfHold(wallet, command.sequence);
  }
  std::vector<std::string> operator()(const ReleaseAdmissionCommand& command) const {
    return MemberOfHold(wallet, command.sequence);
  }
  std::vector<std::string> operator()(const ConfirmExtraUsageCommand& command) const {
    return {command.member_id};
  }
  std::vector<std::string> operator()(const ReverseEntryCommand& command) const {
    if (wallet == nullptr) return {};
    if (command.hold_sequence != 0) return MemberOfHold(wallet, command.hold_sequence);
    const auto found = wallet->reversals.find(command.sequence);
    if (found == wallet->reversals.end()) return {};
    return {found->second.facts.member_id};
  }
  std::vector<std::string> operator()(const CreateIncreaseRequestCommand& command) const {
    return {command.member_id};
  }
  std::vector<std::string> operator()(const CancelIncreaseRequestCommand& command) const {
    return MembersOfRequest(wallet, command.sequence, "");
  }
  std::vector<std::string> operator()(const ApproveIncreaseRequestCommand& command) const {
    return MembersOfRequest(wallet, command.sequence, command.reviewer.member_id);
  }
  std::vector<std::string> operator()(const DenyIncreaseRequestCommand& command) const {
    return MembersOfRequest(wallet, command.sequence, command.reviewer.member_id);
  }
  std::vector<std::string> operator()(const AnswerEpisodeCommand&) const { return {}; }
};

AdministrationOutcome Generalize(AdministrationOutcome outcome) { return outcome; }
AdministrationOutcome Generalize(HoldOutcome outcome) {
  AdministrationOutcome general;
  general.hold = std::move(outcome.hold);
  return general;
}
AdministrationOutcome Generalize(ReverseEntryOutcome outcome) {
  AdministrationOutcome general;
  general.reversal = std::move(outcome);
  return general;
}
AdministrationOutcome Generalize(ConfirmExtraUsageOutcome outcome) {
  AdministrationOutcome general;
  general.confirmed_until = outcome.confirmed_until;
  return general;
}

template <typename Outcome>
absl::StatusOr<Decision<AdministrationOutcome>> Generalize(
    absl::StatusOr<Decision<Outcome>> decision) {
  if (!decision.ok()) return decision.status();
  return Decision<AdministrationOutcome>{Generalize(std::move(decision->outcome)),
                                         std::move(decision->bodies)};
}

}  // namespace

void JobResult::Set(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  status_ = status;
  set_ = true;
  ready_.notify_all();
}

absl::Status JobResult::Wait() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return set_; });
  return status_;
}

std::vector<std::string> AdministrationJob::NamedMembers(const Wallet* wallet) const {
  std::vector<std::string> ids = std::visit(MembersOfCommand{wallet}, command_);
  if (open_requesters.has_value()) {
    ids.insert(ids.end(), open_requesters->begin(), open_requesters->end());
  }
  return ids;
}

int64_t AdministrationJob::NamedRequest() const {
  if (const auto* cancel = std::get_if<CancelIncreaseRequestCommand>(&command_)) {
    return cancel->sequence;
  }
  if (const auto* approve = std::get_if<ApproveIncreaseRequestCommand>(&command_)) {
    return approve->sequence;
  }
  const auto* deny = std::get_if<DenyIncreaseRequestCommand>(&command_);
  return deny == nullptr ? 0 : deny->sequence;
}

// What is raised for many may end any open request.
bool AdministrationJob::NamesOpenRequests() const {
  if (const auto* limit = std::get_if<SetSpendLimitCommand>(&command_)) {
    return limit->scope != Scope::kMember;
  }
  return std::holds_alternative<UpdateExtraUsageCommand>(command_);
}

int64_t AdministrationJob::NamedHold() const {
  if (const auto* extend = std::get_if<ExtendAdmissionCommand>(&command_)) return extend->sequence;
  if (const auto* release = std::get_if<ReleaseAdmissionCommand>(&command_)) {
    return release->sequence;
  }
  // A captured hold keeps what was reversed of its charge.
  if (!std::holds_alternative<ReverseEntryCommand>(command_) || !charge.has_value()) return 0;
  const auto& captured = std::get<UsageCharged>(charge->body);
  return captured.captured ? captured.hold_sequence : 0;
}

int64_t AdministrationJob::NamedCharge() const {
  const auto* reverse = std::get_if<ReverseEntryCommand>(&command_);
  return reverse == nullptr ? 0 : reverse->sequence;
}

Disposition AdministrationJob::Decide(Turn& turn) {
  if (auto* reverse = std::get_if<ReverseEntryCommand>(&command_)) {
    reverse->hold_sequence = NamedHold();
  }
  absl::StatusOr<Decision<AdministrationOutcome>> decision = std::visit(
      [&](const auto& command) -> absl::StatusOr<Decision<AdministrationOutcome>> {
        if constexpr (std::is_same_v<std::decay_t<decltype(command)>, CreateOrganizationCommand>) {
          return WithReason(absl::AlreadyExistsError(absl::StrCat(
                                "organization \"", organization_id, "\" exists already")),
                            "ORGANIZATION_EXISTS");
        } else {
          return Generalize(bursar::Decide(turn.slot.wallet, command, turn.context));
        }
      },
      command_);
  // A refusal may rest on what is not durable yet: it waits for it too.
  if (!decision.ok()) return {decision.status(), turn.slot.LastPart()};
  return Carry(turn, *std::move(decision));
}

Disposition AdministrationJob::DecideWithoutWallet(EngineCore& core,
                                                   const DecisionContext& context) {
  const auto* command = std::get_if<CreateOrganizationCommand>(&command_);
  if (command == nullptr) return Job::DecideWithoutWallet(core, context);
  absl::StatusOr<Decision<AdministrationOutcome>> decision = bursar::Decide(*command, context);
  if (!decision.ok()) return {decision.status(), nullptr};
  for (const EntryBody& body : decision->bodies) {
    const auto* created = std::get_if<OrganizationCreated>(&body);
    if (created == nullptr || core.catalogs().HasCurrency(created->settings.currency_code))
      continue;
    return {WithReason(absl::FailedPreconditionError(absl::StrCat(
                           "no price book in ", created->settings.currency_code, " is published")),
                       "NO_PRICE_BOOK"),
            nullptr};
  }
  Turn turn = {core, core.AddWallet(organization_id), context};
  return Carry(turn, *std::move(decision));
}

Disposition AdministrationJob::Carry(Turn& turn, Decision<AdministrationOutcome> decision) {
  int64_t sequence = turn.slot.wallet.header.revision;
  if (!decision.bodies.empty()) {
    absl::StatusOr<EngineCore::StagedRange> staged =
        turn.core.Stage(turn.slot, std::move(decision.bodies), MakeCause(), turn.context);
    if (!staged.ok()) return {staged.status(), nullptr};
    sequence = staged->last_sequence;
    decision.outcome.first_sequence = staged->first_sequence;
  }
  const Position position = {turn.slot.wallet.header.revision, turn.context.now};
  reply_.bytes = render_(turn.slot.wallet, decision.outcome, position, turn.context);
  // Also where nothing changed: decided anew, a repeat could undo what others did meanwhile (R2).
  turn.core.Remember(turn.slot, *this, sequence, reply_.bytes, turn.context.now);
  return {absl::OkStatus(), turn.slot.LastPart()};
}

void AdministrationJob::RepeatStaged(const GroupPart&, const StagedRequest& request) {
  reply_ = {request.remembered.reply, true};
}

bool AdministrationJob::RepeatRemembered(const RememberedRequest& request) {
  reply_ = {request.reply, true};
  return false;
}

Disposition ReadJob::Decide(Turn& turn) {
  const Position position = {turn.slot.wallet.header.revision, turn.context.now};
  absl::Status status = read_(turn.slot.wallet, position, turn.context);
  return {std::move(status), turn.slot.LastPart()};
}

void SweepProgress::Finished(bool changed) {
  std::lock_guard lock(mutex_);
  if (changed) ++changed_count_;
  --open_count_;
  ready_.notify_all();
}

int SweepProgress::Wait() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return open_count_ == 0; });
  return changed_count_;
}

// What was due is staged; it counts as a change whether this sweep or another call staged it, since
// either way the wallet moves on in the index of what is due.
Disposition SweepJob::Decide(Turn& turn) {
  GroupPart* part = turn.slot.LastPart();
  changed_ = part != nullptr;
  return {absl::OkStatus(), part};
}

}  // namespace bursar
