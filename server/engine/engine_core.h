// The engine at work. One lock guards everything in memory; what a call goes through:
//
//   Submit      takes a place in the queue (checks only when they must wait), then Attempt:
//   1. FindWallet   the wallet is in memory, or is read from the store without touching the disk;
//                   where that would block, the job parks, a loader thread reads what is missing
//                   for all parked jobs at once, puts it in memory, and the job starts again.
//   2. Recall       a request id that was seen before ends the job with the first outcome: at once,
//                   when the group that brings it is durable, or after reading the journal. A job
//                   that parks holds its request id, and later ones with the same id wait for it,
//                   so that what the loader read of the id stays true.
//   3. FindAftermath, FindMembers   likewise for the ended hold, the charge, the request for more
//                   or the payment that it names, and for the members that it names and those that
//                   are due.
//   4. Stamp        the instant (rule T1); what is due by then is staged first (rule T3), and
//                   where that is more than one commit may bring, the job waits for the commit
//                   and starts again.
//   5. Decide       stages its entries: applied to the wallet, added to the gathering group.
//   6. End          at once, or when the part that it waits for is durable.
//
// The commit thread takes the gathering group whenever it is not empty: one Store::Commit, one
// sync.
//
// Thread rule: as engine.h; what jobs call is marked, and needs the lock, which they are called
// under.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/catalogs.h"
#include "server/engine/clock_guard.h"
#include "server/engine/denial_log.h"
#include "server/engine/engine.h"
#include "server/engine/job.h"
#include "server/engine/wallet_records.h"
#include "server/engine/wallet_signals.h"
#include "server/engine/wallet_table.h"
#include "server/ledger/ledger.h"
#include "storage/store.h"

namespace bursar {

class EngineCore final : public Engine {
 public:
  // As Engine::Start.
  static absl::StatusOr<std::unique_ptr<EngineCore>> Start(Store* store, const Clock* clock,
                                                           const ZoneDatabase* zones,
                                                           const DefaultCatalogs& defaults,
                                                           const EngineOptions& options);
  ~EngineCore() override;
  void Shutdown() override;

  void CheckAdmission(std::string organization_id, CheckAdmissionCommand command,
                      Idempotency idempotency, CallInfo call,
                      absl::AnyInvocable<void(absl::StatusOr<CheckReply>) &&> done) override;
  void RecordConsumption(std::string organization_id, RecordConsumptionCommand command,
                         Idempotency idempotency, CallInfo call,
                         absl::AnyInvocable<void(absl::StatusOr<RecordReply>) &&> done) override;
  absl::StatusOr<AdministrationReply> Administer(const std::string& organization_id,
                                                 AdministrationCommand command,
                                                 Idempotency idempotency, CallInfo call,
                                                 const RenderReply& render) override;
  absl::Status Read(const std::string& organization_id, const std::vector<std::string>& member_ids,
                    const std::function<absl::Status(const Wallet&, const Position&,
                                                     const DecisionContext&)>& read) override;

  absl::Status SaveDenials() override { return denials_.Save(*store_, Now()); }

  Catalogs& catalogs() override { return *catalogs_; }
  WalletSignals& signals() override { return signals_; }
  Outbox& outbox() override { return outbox_; }
  const WebhookSecrets& webhook_secrets() const override { return secrets_; }
  Store& store() override { return *store_; }
  const std::string& epoch() const override { return epoch_; }
  const ZoneDatabase& zones() const override { return *zones_; }
  absl::Time Now() const override;
  EngineStats Stats() const override;
  absl::Status Health() const override;

  // Journals what is due by now in every wallet, and waits until it is durable; the sweeper thread
  // does this at every interval. Returns how many wallets changed. Now and then it also lets the
  // store forget request ids past their retention. Errors: the clock's or the store's; a wallet
  // that cannot be swept does not keep the others from being swept.
  absl::StatusOr<int> SweepNow();

  // ---- For jobs, under the lock ----

  // What Stage put into the journal for the bodies that it was given.
  struct StagedRange {
    int64_t first_sequence = 0;
    int64_t last_sequence = 0;
  };
  // Applies the bodies, in order, and adds them to the gathering group; adds the end of an episode
  // where they end one, that of requests for more that they supersede or cancel, what the wallet
  // then owes to its own state (FollowUps: a reload, a notice), and the notices that are owed
  // (rules N1, N3, Q2, X4). The range counts only the bodies. DATA_LOSS when an entry does not fit:
  // the wallet is then left alone. Requires: at least one body.
  absl::StatusOr<StagedRange> Stage(WalletSlot& slot, std::vector<EntryBody> bodies,
                                    const Cause& cause, const DecisionContext& context);
  // Remembers the job's request id with the entry of that sequence, which the gathering part
  // brings, or, where the job changed nothing, with the wallet's last entry: a part is then made
  // where none gathers (rule R2). Without a request id: nothing.
  void Remember(WalletSlot& slot, const Job& job, int64_t sequence, std::string reply,
                absl::Time now);
  // Counts the job into the queue; false: the queue is full. True when it is counted already.
  bool TakePlace(Job& job);
  // A slot for an organization that the store does not have.
  WalletSlot& AddWallet(const std::string& organization_id);
  EngineStats& stats() { return stats_; }
  DenialLog& denials() { return denials_; }

 private:
  // A job on its way to Finish.
  struct Ended {
    std::unique_ptr<Job> job;
    absl::Status status;
  };
  using EndedJobs = std::vector<Ended>;

  // A job that waits for a loader thread.
  struct Parked {
    std::unique_ptr<Job> job;
    std::vector<LoadKey> keys;  // Empty: the job reads a replay.
  };

  // One wallet's part of a group, with its state as of the part's last entry.
  struct PartToCommit : WalletRecords {
    WalletSlot* slot = nullptr;
    GroupPart* part = nullptr;
    WalletHeader header;
    std::string chain_hash;  // In: the one before. Out: the part's.
  };

  EngineCore(Store* store, const Clock* clock, const ZoneDatabase* zones,
             std::unique_ptr<Catalogs> catalogs, std::string epoch, WebhookSecrets secrets,
             const EngineOptions& options);
  void StartThreads();

  // ---- The way of a job (engine_flow.cc); all but Submit and FinishAll under the lock ----
  void Submit(std::unique_ptr<Job> job);
  absl::Status Accept(Job& job);
  void RunJobs(EndedJobs& ended);
  // Puts wallets away where they take more memory than they may.
  void KeepWithinMemory();
  void Attempt(std::unique_ptr<Job> job, EndedJobs& ended);
  absl::StatusOr<WalletSlot*> FindWallet(Job& job, std::vector<LoadKey>& missing);
  void AttemptWithoutWallet(std::unique_ptr<Job> job, EndedJobs& ended);
  // Ends or keeps the job where its request id is known; otherwise, or where it decides repeats
  // itself, leaves it.
  void Recall(std::unique_ptr<Job>& job, WalletSlot& slot, std::vector<LoadKey>& missing,
              EndedJobs& ended);
  void Repeat(std::unique_ptr<Job>& job, const std::string& remembered, EndedJobs& ended);
  absl::Status FindAftermath(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing);
  absl::Status FindRequests(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing);
  absl::Status FindPayment(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing);
  absl::Status FindMembers(Job& job, WalletSlot& slot, absl::Time now,
                           std::vector<LoadKey>& missing);
  absl::StatusOr<absl::Time> Stamp(const WalletSlot* slot);
  // `waits_for` is set where a part must be durable before more of what is due can be journaled.
  absl::Status Prepare(Job& job, WalletSlot& slot, const DecisionContext& context,
                       std::vector<LoadKey>& missing, GroupPart** waits_for);
  void Settle(std::unique_ptr<Job> job, Disposition disposition, EndedJobs& ended);
  void End(std::unique_ptr<Job> job, absl::Status status, EndedJobs& ended);
  void ReleaseRequest(Job& job);
  static void FinishAll(EndedJobs& ended);

  // ---- Staging (engine_stage.cc), under the lock ----
  GroupPart& GatheringPart(WalletSlot& slot);
  absl::Status StageOne(WalletSlot& slot, EntryBody body, const Cause& cause,
                        const DecisionContext& context);
  // Whether any channel carries word of changed settings: where none does, none is written.
  bool TellsSettings(const NotificationChannels& channels) const;
  void StageNotice(WalletSlot& slot, StoredNotice notice);
  void LeaveAlone(WalletSlot& slot, const absl::Status& damage);

  // ---- Loading (engine_load.cc) ----
  void Park(std::unique_ptr<Job> job, WalletSlot* slot, std::vector<LoadKey> keys);
  void LoaderLoop();
  // What the store had for one job.
  struct LoadedForJob {
    std::vector<LoadedValue> values;  // In the order of the keys.
    // The wallet's header and its open holds, where it was asked for and is there.
    std::optional<StoredHeader> header;
    std::vector<RecordRow> holds;
    std::optional<std::vector<std::string>> open_requesters;  // As the job's, where it wants them.
  };
  using Fetched = absl::StatusOr<LoadedForJob>;
  Fetched FetchRest(const Parked& parked, std::vector<LoadedValue> values, JournalCache& cache);
  absl::Status ReadOpenRequesters(const std::string& organization_id, LoadedForJob& loaded);
  std::vector<Fetched> Fetch(const std::vector<Parked>& parked, JournalCache& cache);
  void ResumeLoaded(std::vector<Parked> parked, JournalCache& cache, EndedJobs& ended);
  absl::Status Install(Job& job, const LoadKey& key, const LoadedValue& value, LoadedForJob& loaded,
                       std::optional<std::string>& remembered);
  absl::StatusOr<WalletSlot*> InstallWallet(const std::string& organization_id, int64_t revision,
                                            StoredHeader stored,
                                            const std::vector<RecordRow>& holds);
  static absl::Status InstallRequest(Job& job, WalletSlot& slot, const LoadKey& key,
                                     const LoadedValue& value);
  static absl::Status InstallAftermath(Job& job, WalletSlot& slot, const LoadKey& key,
                                       const LoadedValue& value);
  absl::Status InstallMember(WalletSlot& slot, const std::string& member_id,
                             const LoadedValue& value);

  // ---- Committing (engine_commit.cc) ----
  void CommitLoop();
  std::vector<PartToCommit> TakeGroup();
  static void CopyHolds(const Wallet& wallet, PartToCommit& part);
  CommitGroup EncodeGroup(std::vector<PartToCommit>& parts);
  static void ForgetIfDurable(WalletSlot& slot, int64_t sequence);
  static void CountReaders(WalletSlot& slot, const std::vector<LoadKey>& keys, int change);
  void MarkDurable(const std::vector<PartToCommit>& parts, EndedJobs& ended);
  void Latch(const absl::Status& cause, EndedJobs& ended);

  // ---- Sweeping (engine_sweep.cc) ----
  void SweeperLoop();
  int SweepWallets(const std::vector<DueRow>& due);
  absl::Status ForgetOldRequests(absl::Time now);

  Store* const store_;
  const Clock* const clock_;
  const ZoneDatabase* const zones_;
  const std::unique_ptr<Catalogs> catalogs_;
  const std::string epoch_;
  const WebhookSecrets secrets_;
  const EngineOptions options_;
  WalletSignals signals_;
  Outbox outbox_;
  DenialLog denials_;

  // Guards everything below but the threads and what says otherwise.
  mutable std::mutex mutex_;
  mutable ClockGuard clock_guard_;
  WalletTable wallets_;
  std::vector<WalletSlot*> gathering_;          // Those with a gathering part.
  size_t committing_count_ = 0;                 // Wallets in the group that is being committed.
  std::vector<std::unique_ptr<Job>> runnable_;  // Followers whose first job was decided.
  std::deque<Parked> loader_queue_;
  int64_t parked_count_ = 0;  // In the loader queue or with a loader thread.
  int64_t queue_length_ = 0;
  int64_t members_in_memory_ = 0;
  EngineStats stats_;
  absl::Status latched_;      // What callers get once a commit failed.
  absl::Status store_error_;  // What the store said then.
  bool stopping_ = false;     // No new calls.
  bool stopped_ = false;      // Threads end.
  bool shut_down_ = false;

  std::condition_variable commit_ready_;
  std::condition_variable loader_ready_;
  std::condition_variable sweeper_ready_;
  std::condition_variable drained_;

  std::mutex sweep_mutex_;                          // One sweep at a time; taken before mutex_.
  absl::Time forgotten_at_ = absl::InfinitePast();  // Guarded by sweep_mutex_.
  size_t stuck_wallets_ = 0;                        // Guarded by sweep_mutex_.
  std::mt19937_64 nonces_;                          // The commit thread's.
  std::mutex shutdown_mutex_;
  std::thread commit_thread_;
  std::thread sweeper_thread_;
  std::vector<std::thread> loader_threads_;
};

// RESOURCE_EXHAUSTED with reason QUEUE_FULL.
absl::Status QueueFull();

}  // namespace bursar
