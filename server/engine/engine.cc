// Starting, stopping, and the public face of the engine.
#include "server/engine/engine.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/engine_core.h"
#include "server/engine/epoch.h"
#include "server/engine/jobs.h"

namespace bursar {
namespace {

// How far the clock may be from the last commit at a start without an operator's word (rule T1).
constexpr absl::Duration kMaxUnconfirmedGap = absl::Hours(24);

absl::Status CheckClock(const Store& store, absl::Time now, bool confirmed) {
  const absl::Time last = store.open_report().last_committed_at;
  if (confirmed || last == absl::InfinitePast()) return absl::OkStatus();
  if (absl::AbsDuration(now - last) <= kMaxUnconfirmedGap) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the clock says ", absl::FormatTime(now, absl::UTCTimeZone()),
          ", more than a day away from the last commit at ",
          absl::FormatTime(last, absl::UTCTimeZone()), "; an operator must confirm the clock")),
      "CLOCK_NOT_CONFIRMED");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Start(Store* store, const Clock* clock,
                                                      const ZoneDatabase* zones,
                                                      const DefaultCatalogs& defaults,
                                                      const EngineOptions& options) {
  absl::StatusOr<std::unique_ptr<EngineCore>> core =
      EngineCore::Start(store, clock, zones, defaults, options);
  if (!core.ok()) return core.status();
  return *std::move(core);
}

absl::StatusOr<std::unique_ptr<EngineCore>> EngineCore::Start(Store* store, const Clock* clock,
                                                              const ZoneDatabase* zones,
                                                              const DefaultCatalogs& defaults,
                                                              const EngineOptions& options) {
  absl::StatusOr<absl::Time> now = ClockGuard(clock).Now();
  if (!now.ok()) return now.status();
  if (absl::Status s = store->health(); !s.ok()) return s;
  if (absl::Status s = CheckClock(*store, *now, options.confirm_clock); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<Catalogs>> catalogs = Catalogs::Load(store, defaults, *now);
  if (!catalogs.ok()) return catalogs.status();
  absl::StatusOr<std::string> epoch = FindOrBeginEpoch(*store, *now);
  if (!epoch.ok()) return epoch.status();
  absl::StatusOr<WebhookSecrets> secrets = WebhookSecrets::Load(*store);
  if (!secrets.ok()) return secrets.status();
  std::unique_ptr<EngineCore> core(new EngineCore(store, clock, zones, *std::move(catalogs),
                                                  *std::move(epoch), *std::move(secrets), options));
  core->StartThreads();
  return core;
}

EngineCore::EngineCore(Store* store, const Clock* clock, const ZoneDatabase* zones,
                       std::unique_ptr<Catalogs> catalogs, std::string epoch,
                       WebhookSecrets secrets, const EngineOptions& options)
    : store_(store),
      clock_(clock),
      zones_(zones),
      catalogs_(std::move(catalogs)),
      epoch_(std::move(epoch)),
      secrets_(std::move(secrets)),
      options_(options),
      outbox_(store),
      clock_guard_(clock),
      nonces_(std::random_device()()) {}

void EngineCore::StartThreads() {
  commit_thread_ = std::thread([this] { CommitLoop(); });
  for (int i = 0; i < options_.loader_threads || i == 0; ++i) {
    loader_threads_.emplace_back([this] { LoaderLoop(); });
  }
  sweeper_thread_ = std::thread([this] { SweeperLoop(); });
}

EngineCore::~EngineCore() { Shutdown(); }

void EngineCore::Shutdown() {
  std::lock_guard shutdown_lock(shutdown_mutex_);
  if (shut_down_) return;
  shut_down_ = true;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    sweeper_ready_.notify_all();
  }
  sweeper_thread_.join();
  {
    std::unique_lock lock(mutex_);
    drained_.wait(lock, [this] {
      return parked_count_ == 0 && gathering_.empty() && committing_count_ == 0;
    });
    stopped_ = true;
    commit_ready_.notify_all();
    loader_ready_.notify_all();
  }
  commit_thread_.join();
  for (std::thread& thread : loader_threads_) thread.join();
  // Nobody waits for them, and they are no part of any journal.
  SaveDenials().IgnoreError();
}

void EngineCore::CheckAdmission(std::string organization_id, CheckAdmissionCommand command,
                                Idempotency idempotency, CallInfo call,
                                absl::AnyInvocable<void(absl::StatusOr<CheckReply>) &&> done) {
  auto job =
      std::make_unique<CheckJob>(std::move(organization_id), std::move(command), std::move(done));
  job->idempotency = std::move(idempotency);
  job->call = std::move(call);
  Submit(std::move(job));
}

void EngineCore::RecordConsumption(std::string organization_id, RecordConsumptionCommand command,
                                   Idempotency idempotency, CallInfo call,
                                   absl::AnyInvocable<void(absl::StatusOr<RecordReply>) &&> done) {
  auto job =
      std::make_unique<RecordJob>(std::move(organization_id), std::move(command), std::move(done));
  job->idempotency = std::move(idempotency);
  job->call = std::move(call);
  Submit(std::move(job));
}

absl::StatusOr<AdministrationReply> EngineCore::Administer(const std::string& organization_id,
                                                           AdministrationCommand command,
                                                           Idempotency idempotency, CallInfo call,
                                                           const RenderReply& render) {
  AdministrationReply reply;
  JobResult result;
  auto job = std::make_unique<AdministrationJob>(organization_id, std::move(command), render, reply,
                                                 result);
  job->idempotency = std::move(idempotency);
  job->call = std::move(call);
  Submit(std::move(job));
  if (absl::Status s = result.Wait(); !s.ok()) return s;
  return reply;
}

absl::Status EngineCore::Read(const std::string& organization_id,
                              const std::vector<std::string>& member_ids,
                              const std::function<absl::Status(const Wallet&, const Position&,
                                                               const DecisionContext&)>& read) {
  JobResult result;
  Submit(std::make_unique<ReadJob>(organization_id, member_ids, read, result));
  return result.Wait();
}

absl::Time EngineCore::Now() const { return clock_->Now(); }

EngineStats EngineCore::Stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.wallets_in_memory = static_cast<int64_t>(wallets_.size());
  stats.members_in_memory = members_in_memory_;
  stats.queue_length = queue_length_;
  stats.denials_not_kept = denials_.not_kept();
  return stats;
}

absl::Status EngineCore::Health() const {
  std::lock_guard lock(mutex_);
  if (!latched_.ok()) return Prefixed(latched_, ToStd(store_error_.message()));
  if (absl::Status s = store_->health(); !s.ok()) return s;
  if (stopping_) return absl::UnavailableError("this server is shutting down");
  return clock_guard_.Now().status();
}

}  // namespace bursar
