// Staging: entries are applied to the wallet in memory and join the gathering group.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/engine_core.h"
#include "server/engine/record_codec.h"
#include "server/engine/scoped_id.h"
#include "server/ledger/statements.h"

namespace bursar {
namespace {

// What the data plane writes by itself, as opposed to changes by people: it never makes a check
// wait (rule X5).
bool IsTraffic(const EntryBody& body) {
  return std::holds_alternative<UsageCharged>(body) || std::holds_alternative<WindowOpened>(body) ||
         std::holds_alternative<MonthOpened>(body) || std::holds_alternative<EpisodeOpened>(body) ||
         std::holds_alternative<HoldPlaced>(body) || std::holds_alternative<HoldExtended>(body) ||
         std::holds_alternative<HoldEnded>(body) || std::holds_alternative<CrossingNoticed>(body) ||
         std::holds_alternative<StatementOpened>(body) ||
         std::holds_alternative<StatementFinalized>(body);
}

// Traffic is not read back: it comes a thousand times as often, and all that its entries hold was
// made by the ledger.
absl::Status CheckBody(const EntryBody& body, absl::Time now) {
  if (IsTraffic(body)) return absl::OkStatus();
  return CheckReadable({1, now, {}, body});
}

}  // namespace

GroupPart& EngineCore::GatheringPart(WalletSlot& slot) {
  if (slot.gathering == nullptr) {
    slot.gathering = std::make_unique<GroupPart>();
    slot.gathering->expected_revision = slot.wallet.header.revision;
    gathering_.push_back(&slot);
    commit_ready_.notify_one();
  }
  return *slot.gathering;
}

absl::StatusOr<EngineCore::StagedRange> EngineCore::Stage(WalletSlot& slot,
                                                          std::vector<EntryBody> bodies,
                                                          const Cause& cause,
                                                          const DecisionContext& context) {
  BURSAR_CHECK(!bodies.empty());
  for (const EntryBody& body : bodies) {
    if (absl::Status s = CheckBody(body, context.now); !s.ok()) return s;
  }
  // Entries can only end an episode that was open before them; a copy is kept for that rare case.
  std::vector<EntryBody> enders;
  const bool episode_open = slot.wallet.header.episode.has_value();
  if (episode_open) enders = bodies;
  const std::vector<RequestAtStake> at_stake = RequestsAtStake(slot.wallet, bodies, context);
  StagedRange range;
  range.first_sequence = slot.wallet.header.revision + 1;
  for (EntryBody& body : bodies) {
    if (absl::Status s = StageOne(slot, std::move(body), cause, context.now); !s.ok()) return s;
  }
  range.last_sequence = slot.wallet.header.revision;
  for (EntryBody& ended : RequestsEnded(slot.wallet, at_stake, context)) {
    if (absl::Status s = StageOne(slot, std::move(ended), cause, context.now); !s.ok()) return s;
  }
  if (episode_open) {
    std::optional<EntryBody> end = EpisodeEnd(slot.wallet.header, enders, context);
    if (end.has_value()) {
      if (absl::Status s = StageOne(slot, *std::move(end), cause, context.now); !s.ok()) return s;
    }
  }
  if (std::optional<EntryBody> opening = StatementOpening(slot.wallet.header, context)) {
    if (absl::Status s = StageOne(slot, *std::move(opening), cause, context.now); !s.ok()) return s;
  }
  return range;
}

absl::Status EngineCore::StageOne(WalletSlot& slot, EntryBody body, const Cause& cause,
                                  absl::Time now) {
  GroupPart& part = GatheringPart(slot);
  Wallet& wallet = slot.wallet;
  part.committed_at = now;
  part.entries.push_back({wallet.header.revision + 1, now, cause, std::move(body)});
  const Entry& entry = part.entries.back();
  const size_t members_before = wallet.members.size();
  const bool out_of_balance = wallet.header.episode.has_value() && wallet.header.episode->balance;
  if (absl::Status s = Apply(wallet, entry); !s.ok()) {
    LeaveAlone(slot, s);
    return s;
  }
  members_in_memory_ += static_cast<int64_t>(wallet.members.size() - members_before);
  for (std::string& member_id : MembersTouched(entry.body)) {
    part.dirty_members.insert(std::move(member_id));
  }
  if (const int64_t hold = HoldTouched(entry); hold != 0) part.dirty_holds.insert(hold);
  if (const int64_t charge = ReversalTouched(entry.body); charge != 0) {
    part.dirty_reversals.insert(charge);
  }
  if (const int64_t request = RequestTouched(entry); request != 0) {
    part.dirty_requests.insert(request);
    StageRequestNotice(slot, entry);
  }
  if (!IsTraffic(entry.body)) part.changes_policy = true;
  if (const auto* opened = std::get_if<EpisodeOpened>(&entry.body)) {
    part.opens_episode = true;
    StageNotice(slot, entry, opened->balance);
  } else if (std::holds_alternative<EpisodeEnded>(entry.body)) {
    StageNotice(slot, entry, out_of_balance);
  } else if (std::holds_alternative<CrossingNoticed>(entry.body)) {
    StageNotice(slot, entry, false);
  }
  return absl::OkStatus();
}

void EngineCore::StageNotice(WalletSlot& slot, const Entry& entry, bool balance) {
  StoredNotice notice;
  const auto* opened = std::get_if<EpisodeOpened>(&entry.body);
  const auto* crossed = std::get_if<CrossingNoticed>(&entry.body);
  notice.crossing = crossed != nullptr;
  notice.resolved = std::holds_alternative<EpisodeEnded>(entry.body);
  notice.balance = balance;
  notice.created_at = entry.recorded_at;
  notice.sequence = entry.sequence;
  if (opened != nullptr) notice.member_id = opened->member_id;
  if (crossed != nullptr) notice.member_id = crossed->member_id;
  notice.organization_name = slot.wallet.header.settings.display_name;
  slot.gathering->notices.push_back(
      {NoticeId(epoch_, slot.organization_id, entry.sequence), std::move(notice)});
}

// Whoever decides is told of a new request, owners of an escalated one, and the member of every
// outcome that is not its own doing (rules N4, Q3).
void EngineCore::StageRequestNotice(WalletSlot& slot, const Entry& entry) {
  StoredNotice notice;
  if (const auto* asked = std::get_if<IncreaseRequested>(&entry.body)) {
    const IncreaseRequest& request = asked->request;
    notice.member_id = request.member_id;
    notice.request = {entry.sequence, request.kind, IncreaseState::kPending, request.reason};
  } else {
    const auto& decided = std::get<IncreaseDecided>(entry.body);
    if (decided.state == IncreaseState::kCancelled) return;
    notice.member_id = decided.member_id;
    notice.request = {decided.request_sequence, decided.kind, decided.state, decided.note};
  }
  notice.created_at = entry.recorded_at;
  notice.sequence = entry.sequence;
  notice.organization_name = slot.wallet.header.settings.display_name;
  slot.gathering->notices.push_back(
      {NoticeId(epoch_, slot.organization_id, entry.sequence), std::move(notice)});
}

void EngineCore::Remember(WalletSlot& slot, const Job& job, int64_t sequence, std::string reply,
                          absl::Time now) {
  if (job.idempotency.request_id.empty()) return;
  GroupPart& part = GatheringPart(slot);
  part.committed_at = now;
  StagedRequest request;
  request.family = job.family;
  request.request_id = job.idempotency.request_id;
  request.remembered = {job.idempotency.content_hash, sequence, slot.wallet.header.revision,
                        std::move(reply)};
  if (sequence > part.expected_revision) {
    request.entry_index = static_cast<size_t>(sequence - part.expected_revision - 1);
  }
  RequestInFlight& in_flight = slot.requests[RequestKey(job.family, request.request_id)];
  in_flight.content_hash = job.idempotency.content_hash;
  in_flight.part = &part;
  in_flight.index = part.requests.size();
  part.requests.push_back(std::move(request));
}

// The wallet in memory may be half changed, and nothing of it can be committed any more: whoever
// waits for its gathering part is refused. A part that is being committed was staged before, and
// takes its course.
void EngineCore::LeaveAlone(WalletSlot& slot, const absl::Status& damage) {
  slot.damage = absl::DataLossError(
      absl::StrCat("organization \"", slot.organization_id, "\" is damaged: ", damage.message()));
  std::unique_ptr<GroupPart> part = std::move(slot.gathering);
  gathering_.erase(std::remove(gathering_.begin(), gathering_.end(), &slot), gathering_.end());
  if (part == nullptr) return;
  for (const StagedRequest& request : part->requests) {
    slot.requests.erase(RequestKey(request.family, request.request_id));
  }
  // They start again, and meet the damage.
  for (WaitingJob& waiting : part->waiting) runnable_.push_back(std::move(waiting.job));
}

}  // namespace bursar
