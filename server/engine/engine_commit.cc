// Committing: one group at a time becomes durable while the next one gathers.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/engine/engine_core.h"

namespace bursar {
namespace {

// A store with a single writer refuses nothing that was decided on its own latest revision. Where
// it does, another process writes to it, or memory and disk differ: going on would misplace money.
absl::Status Refusal(const OrganizationCommit& commit, const CommitResult& result) {
  if (result.outcome == CommitOutcome::kCommitted) return absl::OkStatus();
  if (result.outcome == CommitOutcome::kConflict) {
    return absl::AbortedError(absl::StrCat(
        "organization \"", commit.organization_id, "\" is at revision ", result.current_revision,
        " in the store, not at ", commit.expected_revision, ": another writer has changed it"));
  }
  return absl::AbortedError(absl::StrCat("organization \"", commit.organization_id,
                                         "\": the store remembers ", result.duplicates.size(),
                                         " request ids that it did not find before"));
}

}  // namespace

void EngineCore::CommitLoop() {
  std::unique_lock lock(mutex_);
  while (true) {
    commit_ready_.wait(lock, [this] { return stopped_ || !gathering_.empty(); });
    if (gathering_.empty()) return;
    std::vector<PartToCommit> parts = TakeGroup();
    committing_count_ = parts.size();
    lock.unlock();
    const CommitGroup group = EncodeGroup(parts);
    absl::StatusOr<std::vector<CommitResult>> results = store_->Commit(group);
    absl::Status status = results.status();
    for (size_t i = 0; status.ok() && i < parts.size(); ++i) {
      status = Refusal(group.organizations[i], (*results)[i]);
    }
    EndedJobs ended;
    lock.lock();
    committing_count_ = 0;
    if (status.ok()) {
      MarkDurable(parts, ended);
    } else {
      Latch(status, ended);
    }
    RunJobs(ended);
    drained_.notify_all();
    lock.unlock();
    FinishAll(ended);
    lock.lock();
  }
}

// What is in memory now is the state as of the last entry of each part, because nothing else has
// been staged since: later entries will go into new parts.
std::vector<EngineCore::PartToCommit> EngineCore::TakeGroup() {
  std::vector<PartToCommit> parts;
  parts.reserve(gathering_.size());
  for (WalletSlot* slot : std::exchange(gathering_, {})) {
    BURSAR_CHECK(slot->committing == nullptr);
    slot->committing = std::move(slot->gathering);
    PartToCommit& part = parts.emplace_back();
    part.slot = slot;
    part.part = slot->committing.get();
    part.header = slot->wallet.header;
    part.chain_hash = slot->chain_hash;
    for (const std::string& member_id : part.part->dirty_members) {
      const Member* member = slot->wallet.FindMember(member_id);
      BURSAR_CHECK(member != nullptr);
      part.members.push_back(*member);
    }
    CopyHolds(slot->wallet, part);
  }
  return parts;
}

void EngineCore::CopyHolds(const Wallet& wallet, PartToCommit& part) {
  for (const int64_t sequence : part.part->dirty_holds) {
    const Hold* open = wallet.FindHold(sequence);
    if (open != nullptr) {
      part.holds.push_back(*open);
      continue;
    }
    const EndedHold* ended = wallet.FindEndedHold(sequence);
    BURSAR_CHECK(ended != nullptr);
    part.ended_holds.push_back(*ended);
  }
  for (const int64_t sequence : part.part->dirty_reversals) {
    auto found = wallet.reversals.find(sequence);
    BURSAR_CHECK(found != wallet.reversals.end());
    part.reversals.push_back(found->second);
  }
  for (const int64_t sequence : part.part->dirty_requests) {
    auto found = wallet.requests.find(sequence);
    BURSAR_CHECK(found != wallet.requests.end());
    part.requests.push_back(found->second);
  }
  for (const int64_t sequence : part.part->dirty_payments) {
    auto found = wallet.payments.find(sequence);
    BURSAR_CHECK(found != wallet.payments.end());
    part.payments.push_back(found->second);
  }
}

CommitGroup EngineCore::EncodeGroup(std::vector<PartToCommit>& parts) {
  CommitGroup group;
  group.organizations.reserve(parts.size());
  for (PartToCommit& part : parts) {
    OrganizationCommit& commit = group.organizations.emplace_back();
    commit.organization_id = part.slot->organization_id;
    commit.expected_revision = part.part->expected_revision;
    commit.nonce = nonces_();
    commit.committed_at = part.part->CommittedAt();
    for (const StagedRequest& request : part.part->requests) {
      commit.dedupe.push_back(
          {request.family, request.request_id, EncodeRemembered(request.remembered)});
    }
    commit.new_revision = commit.expected_revision;
    if (part.part->entries.empty()) continue;
    commit.new_revision = part.part->entries.back().sequence;
    EncodedJournal journal = EncodeJournal(part.chain_hash, part.part->entries);
    commit.journal_record = std::move(journal.bytes);
    part.chain_hash = std::move(journal.chain_hash);
    commit.puts.push_back({RecordKind::kHeader, "", EncodeHeader(part.header, part.chain_hash)});
    PutRecords(part, commit);
    PutStatements(part.part->entries, commit);
    for (const StagedNotice& notice : part.part->notices) {
      commit.outbox_puts.push_back({notice.notice_id, EncodeNotice(notice.notice)});
    }
    const absl::Time due = part.header.NextDue();
    if (due != absl::InfiniteFuture()) commit.next_due = due;
  }
  return group;
}

void EngineCore::MarkDurable(const std::vector<PartToCommit>& parts, EndedJobs& ended) {
  ++stats_.groups_committed;
  for (const PartToCommit& committed : parts) {
    WalletSlot& slot = *committed.slot;
    slot.chain_hash = committed.chain_hash;
    const std::unique_ptr<GroupPart> part = std::move(slot.committing);
    // A part may bring nothing but a request id: there is nothing to watch then.
    if (!part->entries.empty()) {
      signals_.Publish(slot.organization_id, part->entries.back().sequence);
    }
    // Notices that nobody could be told may have somebody now.
    if (part->changes_channels) outbox_.AnnounceAll();
    for (const StagedNotice& notice : part->notices) {
      outbox_.Announce({slot.organization_id, notice.notice_id});
    }
    stats_.entries_committed += static_cast<int64_t>(part->entries.size());
    for (const StagedRequest& request : part->requests) {
      slot.requests.erase(RequestKey(request.family, request.request_id));
    }
    for (const int64_t sequence : part->dirty_holds) ForgetIfDurable(slot, sequence);
    for (const int64_t sequence : part->dirty_reversals) ForgetIfDurable(slot, sequence);
    for (const int64_t sequence : part->dirty_requests) ForgetIfDurable(slot, sequence);
    for (const int64_t sequence : part->dirty_payments) ForgetIfDurable(slot, sequence);
    for (WaitingJob& waiting : part->waiting) {
      if (waiting.again) {
        runnable_.push_back(std::move(waiting.job));
      } else {
        End(std::move(waiting.job), std::move(waiting.status), ended);
      }
    }
  }
}

// Ended holds, reversed charges and finished payments are many and seldom asked for: in memory are
// only those that are not durable yet, and for one decision those that it names.
void EngineCore::ForgetIfDurable(WalletSlot& slot, int64_t sequence) {
  if (sequence == 0) return;
  if (!slot.aftermath_readers.empty() && (slot.aftermath_readers.contains(SequenceKey(sequence)) ||
                                          slot.aftermath_readers.contains(PaymentKey(sequence)))) {
    return;
  }
  for (const std::unique_ptr<GroupPart>* part : {&slot.gathering, &slot.committing}) {
    if (*part == nullptr) continue;
    if ((*part)->dirty_holds.contains(sequence) || (*part)->dirty_reversals.contains(sequence) ||
        (*part)->dirty_requests.contains(sequence) || (*part)->dirty_payments.contains(sequence)) {
      return;
    }
  }
  slot.wallet.ended_holds.erase(sequence);
  slot.wallet.reversals.erase(sequence);
  slot.wallet.requests.erase(sequence);
  slot.wallet.payments.erase(sequence);
}

// The group's result is unknown, and every later group rests on it. Nothing is tried again: the
// process starts anew from what the disk holds.
void EngineCore::Latch(const absl::Status& cause, EndedJobs& ended) {
  store_error_ = cause;
  latched_ = WithReason(
      absl::UnavailableError("a commit failed, so its result is unknown; this server must restart"),
      "STORE_FAILED");
  stats_.latched = true;
  wallets_.ForEach([&](WalletSlot& slot) {
    for (std::unique_ptr<GroupPart>* place : {&slot.committing, &slot.gathering}) {
      const std::unique_ptr<GroupPart> part = std::move(*place);
      if (part == nullptr) continue;
      for (const StagedRequest& request : part->requests) {
        slot.requests.erase(RequestKey(request.family, request.request_id));
      }
      for (WaitingJob& waiting : part->waiting) End(std::move(waiting.job), latched_, ended);
    }
  });
  gathering_.clear();
}

}  // namespace bursar
