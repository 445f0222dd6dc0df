// Staging: entries are applied to the wallet in memory and join the gathering group.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/engine_core.h"
#include "server/engine/notice_staging.h"
#include "server/engine/record_codec.h"
#include "server/engine/scoped_id.h"
#include "server/ledger/statements.h"

namespace bursar {
namespace {

// What the data plane writes by itself, as opposed to changes by people: it never makes a check
// wait (rule X5).
bool IsTraffic(const EntryBody& body) {
  const auto* requested = std::get_if<PaymentRequested>(&body);
  if (requested != nullptr) return requested->payment.kind == PaymentKind::kReload;
  return std::holds_alternative<PaymentSent>(body) ||
         std::holds_alternative<LowBalanceNoticed>(body) ||
         std::holds_alternative<UsageCharged>(body) || std::holds_alternative<WindowOpened>(body) ||
         std::holds_alternative<MonthOpened>(body) || std::holds_alternative<EpisodeOpened>(body) ||
         std::holds_alternative<HoldPlaced>(body) || std::holds_alternative<HoldExtended>(body) ||
         std::holds_alternative<HoldEnded>(body) || std::holds_alternative<CrossingNoticed>(body) ||
         std::holds_alternative<PeriodsOpened>(body) ||
         std::holds_alternative<ThresholdNoticed>(body) ||
         std::holds_alternative<DigestScheduled>(body) ||
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
  const bool out_of_balance = episode_open && slot.wallet.header.episode->balance;
  const size_t first_entry = slot.gathering == nullptr ? 0 : slot.gathering->entries.size();
  StagedRange range;
  range.first_sequence = slot.wallet.header.revision + 1;
  std::vector<FieldChange> changes;  // Those that owners are told, and where they begin.
  int64_t changed_sequence = 0;
  for (EntryBody& body : bodies) {
    for (FieldChange& change : NoticedChanges(body, slot.wallet.header)) {
      if (changes.empty()) changed_sequence = slot.wallet.header.revision + 1;
      changes.push_back(std::move(change));
    }
    if (absl::Status s = StageOne(slot, std::move(body), cause, context); !s.ok()) return s;
  }
  range.last_sequence = slot.wallet.header.revision;
  for (EntryBody& ended : RequestsEnded(slot.wallet, at_stake, context)) {
    if (absl::Status s = StageOne(slot, std::move(ended), cause, context); !s.ok()) return s;
  }
  if (episode_open) {
    std::optional<EntryBody> end = EpisodeEnd(slot.wallet.header, enders, context);
    if (end.has_value()) {
      if (absl::Status s = StageOne(slot, *std::move(end), cause, context); !s.ok()) return s;
    }
  }
  // Policy asks for these, whoever's request brought it to that: they are nobody's.
  for (EntryBody& body : FollowUps(slot.wallet.header, context)) {
    if (absl::Status s = StageOne(slot, std::move(body), Cause(), context); !s.ok()) return s;
  }
  if (std::optional<EntryBody> opening = StatementOpening(slot.wallet.header, context)) {
    if (absl::Status s = StageOne(slot, *std::move(opening), cause, context); !s.ok()) return s;
  }
  if (!changes.empty() && TellsSettings(slot.wallet.header.channels)) {
    StageNotice(slot, SettingsNotice(changed_sequence, cause, std::move(changes),
                                     slot.wallet.header, context));
  }
  // Last, so that people are told how the wallet stands after all of it.
  const std::vector<Entry>& entries = slot.gathering->entries;
  for (size_t i = first_entry; i < entries.size(); ++i) {
    auto notice = NoticeOf(epoch_, entries[i], slot.wallet, context, out_of_balance);
    if (notice.has_value()) StageNotice(slot, *std::move(notice));
  }
  return range;
}

bool EngineCore::TellsSettings(const NotificationChannels& channels) const {
  if (options_.mails_notices) return true;
  return std::any_of(channels.webhooks.begin(), channels.webhooks.end(),
                     [](const WebhookTarget& target) {
                       return target.enabled && EventPasses(target.events, kSettingsChangedEvent);
                     });
}

absl::Status EngineCore::StageOne(WalletSlot& slot, EntryBody body, const Cause& cause,
                                  const DecisionContext& context) {
  const absl::Time now = context.now;
  GroupPart& part = GatheringPart(slot);
  Wallet& wallet = slot.wallet;
  part.entries.push_back({wallet.header.revision + 1, now, cause, std::move(body)});
  const Entry& entry = part.entries.back();
  const size_t members_before = wallet.members.size();
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
  }
  if (const int64_t payment = PaymentTouched(entry.body); payment != 0) {
    part.dirty_payments.insert(payment);
  }
  if (!IsTraffic(entry.body)) part.changes_policy = true;
  if (std::holds_alternative<EpisodeOpened>(entry.body)) part.opens_episode = true;
  if (std::holds_alternative<NotificationChannelsSet>(entry.body)) part.changes_channels = true;
  return absl::OkStatus();
}

void EngineCore::StageNotice(WalletSlot& slot, StoredNotice notice) {
  std::string notice_id = NoticeId(epoch_, slot.organization_id, notice.sequence);
  slot.gathering->notices.push_back({std::move(notice_id), std::move(notice)});
}

void EngineCore::Remember(WalletSlot& slot, const Job& job, int64_t sequence, std::string reply,
                          absl::Time now) {
  if (job.idempotency.request_id.empty()) return;
  GroupPart& part = GatheringPart(slot);
  part.remembered_at = now;
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
