// Wallets in memory, and what of them is not durable yet.
//
// A wallet's changes join the part of the gathering group that is its own; when the commit thread
// takes the group, the part becomes the committing one. So each wallet has at most two parts under
// way, and whoever waits for a wallet waits at one of them.
//
// Nothing is evicted yet: a wallet stays from its first use on. Whoever adds that must know what
// relies on it: a value that a loader has read of a wallet or member not in memory is current,
// because every change goes through memory.
//
// Thread rule: guarded by the engine's lock, but for a committing part's entries, requests and
// notices, which nobody changes and the commit thread reads without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/job.h"
#include "server/engine/notice_staging.h"
#include "server/engine/record_codec.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

// A request id that a part brings.
struct StagedRequest {
  RequestFamily family = RequestFamily::kRecording;
  std::string request_id;
  RememberedRequest remembered;
  // Of `remembered.sequence` in the part's entries; 0 for an administrator's command that changed
  // nothing, which has no entry.
  size_t entry_index = 0;
};

struct StagedNotice {
  std::string notice_id;
  StoredNotice notice;
};

// A job that waits for a part to be durable, and how it then ends.
struct WaitingJob {
  std::unique_ptr<Job> job;
  absl::Status status;  // OK, or a refusal that shows what the part brings.
  bool again = false;   // It does not end: it starts again once the part is durable.
};

// One wallet's changes in one group.
struct GroupPart {
  int64_t expected_revision = 0;
  std::vector<Entry> entries;  // None: it only remembers request ids, and changes nothing.
  absl::Time remembered_at;    // Of the last remembered request.
  absl::flat_hash_set<std::string> dirty_members;
  absl::flat_hash_set<int64_t> dirty_holds;      // By the entry that placed them.
  absl::flat_hash_set<int64_t> dirty_reversals;  // By the entry of the charge.
  absl::flat_hash_set<int64_t> dirty_requests;   // For more, by the entry that made them.
  absl::flat_hash_set<int64_t> dirty_payments;   // Finished ones, by the entry that requested them.
  std::vector<StagedRequest> requests;
  std::vector<StagedNotice> notices;
  std::vector<WaitingJob> waiting;
  size_t due_count = 0;         // Entries of what had fallen due.
  bool changes_policy = false;  // Anything but usage, holds and what these open (rule X5).
  bool opens_episode = false;
  bool changes_channels = false;

  // Entries date their record, also where a command that changes nothing comes after them.
  absl::Time CommittedAt() const {
    return entries.empty() ? remembered_at : entries.back().recorded_at;
  }
};

// A request id that is being decided or not durable yet.
struct RequestInFlight {
  std::string content_hash;
  // Where its outcome is; null while its first job waits for the store.
  GroupPart* part = nullptr;
  size_t index = 0;  // Into the part's requests.
  // Later jobs with the same id that wait for the first to be decided.
  std::vector<std::unique_ptr<Job>> followers;
};

struct WalletSlot {
  std::string organization_id;
  Wallet wallet;
  // Of the last durable journal record. Changed by the commit thread only.
  std::string chain_hash;
  std::unique_ptr<GroupPart> gathering;   // Null: nothing of it is in the gathering group.
  std::unique_ptr<GroupPart> committing;  // Null: nothing of it is being committed.
  absl::flat_hash_map<std::string, RequestInFlight> requests;  // By RequestKey.
  // Ended holds and charges that loaders are reading, by SequenceKey, and for how many jobs: what
  // becomes of them meanwhile stays in memory, so that nobody decides on what the store had before.
  absl::flat_hash_map<std::string, int> aftermath_readers;
  // Not OK once an entry did not fit the wallet: its stored state is damaged, and it is left alone
  // until the process starts again.
  absl::Status damage;
  bool is_used = true;  // Since the hand of WalletTable last came by.

  // Whether the store has all that is here, and nobody waits for it.
  bool IsIdle() const {
    return gathering == nullptr && committing == nullptr && requests.empty() &&
           aftermath_readers.empty() && damage.ok();
  }

  // The part that must be durable for everything in memory to be; null: all of it is.
  GroupPart* LastPart() { return gathering != nullptr ? gathering.get() : committing.get(); }
  // The last part with the property; null: none has it.
  GroupPart* LastPart(bool GroupPart::*property) {
    if (gathering != nullptr && gathering.get()->*property) return gathering.get();
    if (committing != nullptr && committing.get()->*property) return committing.get();
    return nullptr;
  }
};

// Names a request id within a wallet.
inline std::string RequestKey(RequestFamily family, const std::string& request_id) {
  return static_cast<char>(family) + request_id;
}

// The wallets in memory, as many as fit: those that nobody has asked for of late are put away (the
// CLOCK algorithm: a hand goes round, and takes what was not used since it last came by).
class WalletTable {
 public:
  // The organization's slot, or null. Slots never move.
  WalletSlot* Find(const std::string& organization_id) {
    auto found = slots_.find(organization_id);
    if (found == slots_.end()) return nullptr;
    found->second->is_used = true;
    return found->second.get();
  }
  // A new, empty slot. Requires: there is none.
  WalletSlot& Add(const std::string& organization_id) {
    std::unique_ptr<WalletSlot>& slot = slots_[organization_id];
    slot = std::make_unique<WalletSlot>();
    slot->organization_id = organization_id;
    round_.push_back(slot.get());
    return *slot;
  }
  size_t size() const { return slots_.size(); }
  // Calls `visit` with every slot.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (auto& [organization_id, slot] : slots_) visit(*slot);
  }

  // While a job reads what a wallet is without the lock, the wallet must not be put away, and come
  // back as another than was read; nor must it come, be changed, and go. Each Keep has its Release.
  void Keep(const std::string& organization_id) { ++kept_[organization_id]; }
  void Release(const std::string& organization_id) {
    auto found = kept_.find(organization_id);
    if (--found->second == 0) kept_.erase(found);
  }

  // Moves the hand on, past at most `most` wallets, until one can go, and drops that: it is idle,
  // not kept and not used of late. How many members went with it; nothing where none could.
  std::optional<int64_t> PutOneAway(size_t most) {
    for (; most > 0 && !round_.empty(); --most) {
      hand_ = hand_ < round_.size() ? hand_ : 0;
      WalletSlot* const slot = round_[hand_];
      if (slot->is_used || !slot->IsIdle() || kept_.contains(slot->organization_id)) {
        slot->is_used = false;
        ++hand_;
        continue;
      }
      const auto members = static_cast<int64_t>(slot->wallet.members.size());
      round_[hand_] = round_.back();
      round_.pop_back();
      slots_.erase(slots_.find(slot->organization_id));
      return members;
    }
    return std::nullopt;
  }

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<WalletSlot>> slots_;
  std::vector<WalletSlot*> round_;  // All of them, in the order of the hand.
  size_t hand_ = 0;
  absl::flat_hash_map<std::string, int> kept_;
};

}  // namespace bursar
