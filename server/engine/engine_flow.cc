// The way of a job through the engine: see engine_core.h.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/engine/engine_core.h"
#include "server/engine/payment_codec.h"

namespace bursar {

absl::Status QueueFull() {
  return WithReason(
      absl::ResourceExhaustedError("this server has too much work under way; try again shortly"),
      "QUEUE_FULL");
}

namespace {

absl::Status RequestIdReused(const std::string& request_id) {
  return WithReason(absl::AlreadyExistsError(absl::StrCat("request id \"", request_id,
                                                          "\" was used with other content")),
                    "REQUEST_ID_REUSED");
}

// Plans in use are never published away, so the record or the catalog is damaged.
absl::Status UnknownPlan(const WalletHeader& header) {
  return absl::DataLossError(absl::StrCat("organization \"", header.organization_id,
                                          "\" is on the plan \"", header.settings.plan_id,
                                          "\", which is in no published catalog"));
}

}  // namespace

void EngineCore::Submit(std::unique_ptr<Job> job) {
  EndedJobs ended;
  {
    std::lock_guard lock(mutex_);
    if (absl::Status refused = Accept(*job); !refused.ok()) {
      ended.push_back({std::move(job), std::move(refused)});
    } else {
      Attempt(std::move(job), ended);
      RunJobs(ended);
    }
  }
  FinishAll(ended);
}

absl::Status EngineCore::Accept(Job& job) {
  if (!latched_.ok()) return latched_;
  if (stopping_) {
    return WithReason(absl::UnavailableError("this server is shutting down"), "SHUTTING_DOWN");
  }
  const bool waits_for_sure = job.kind != Job::Kind::kCheck && job.kind != Job::Kind::kSweep;
  if (waits_for_sure && !TakePlace(job)) return QueueFull();
  return absl::OkStatus();
}

bool EngineCore::TakePlace(Job& job) {
  if (job.has_place || job.kind == Job::Kind::kSweep) return true;
  const int64_t limit = options_.queue_limit +
                        (job.kind == Job::Kind::kAdministration ? options_.admin_queue_reserve : 0);
  if (queue_length_ >= limit) {
    ++stats_.commands_refused_queue_full;
    return false;
  }
  ++queue_length_;
  job.has_place = true;
  return true;
}

void EngineCore::RunJobs(EndedJobs& ended) {
  while (!runnable_.empty()) {
    std::vector<std::unique_ptr<Job>> jobs = std::exchange(runnable_, {});
    for (std::unique_ptr<Job>& job : jobs) Attempt(std::move(job), ended);
  }
  KeepWithinMemory();
}

void EngineCore::KeepWithinMemory() {
  // About what was measured with five members a wallet (docs/performance.md).
  constexpr int64_t kWalletBytes = 3000;
  constexpr int64_t kMemberBytes = 1000;
  // The lock is everybody's: what is not found soon is left to the next call.
  constexpr size_t kMostLookedAt = 16;
  const auto bytes = [this] {
    return static_cast<int64_t>(wallets_.size()) * kWalletBytes + members_in_memory_ * kMemberBytes;
  };
  constexpr int kMostPutAway = 256;
  for (int gone = 0; gone < kMostPutAway && bytes() > options_.wallet_memory_bytes; ++gone) {
    const std::optional<int64_t> members = wallets_.PutOneAway(kMostLookedAt);
    if (!members.has_value()) return;
    members_in_memory_ -= *members;
    ++stats_.wallets_put_away;
  }
}

void EngineCore::Attempt(std::unique_ptr<Job> job, EndedJobs& ended) {
  if (!latched_.ok()) return End(std::move(job), latched_, ended);
  std::vector<LoadKey> missing;
  absl::StatusOr<WalletSlot*> found = FindWallet(*job, missing);
  if (!found.ok()) return End(std::move(job), found.status(), ended);
  if (!missing.empty()) {
    if (!TakePlace(*job)) return End(std::move(job), QueueFull(), ended);
    return Park(std::move(job), nullptr, std::move(missing));
  }
  if (*found == nullptr) return AttemptWithoutWallet(std::move(job), ended);
  WalletSlot& slot = **found;
  if (!slot.damage.ok()) return End(std::move(job), slot.damage, ended);
  job->currency_code = slot.wallet.header.settings.currency_code;
  Recall(job, slot, missing, ended);
  if (job == nullptr) return;
  absl::StatusOr<absl::Time> now = Stamp(&slot);
  if (!now.ok()) return End(std::move(job), now.status(), ended);
  const std::shared_ptr<const PlanCatalog> plans = catalogs_->plans();
  if (plans->Find(slot.wallet.header.settings.plan_id) == nullptr) {
    return End(std::move(job), UnknownPlan(slot.wallet.header), ended);
  }
  const DecisionContext context = {*now, plans.get(), zones_};
  GroupPart* dues_first = nullptr;
  if (absl::Status s = Prepare(*job, slot, context, missing, &dues_first); !s.ok()) {
    return End(std::move(job), std::move(s), ended);
  }
  if (!missing.empty() || dues_first != nullptr) {
    if (!TakePlace(*job)) return End(std::move(job), QueueFull(), ended);
    if (dues_first == nullptr) return Park(std::move(job), &slot, std::move(missing));
    dues_first->waiting.push_back({std::move(job), absl::OkStatus(), true});
    return;
  }
  Turn turn = {*this, slot, context};
  Disposition disposition = job->Decide(turn);
  ForgetIfDurable(slot, job->NamedHold());
  ForgetIfDurable(slot, job->NamedCharge());
  ForgetIfDurable(slot, job->NamedRequest());
  ForgetIfDurable(slot, job->NamedPayment());
  Settle(std::move(job), std::move(disposition), ended);
}

absl::StatusOr<WalletSlot*> EngineCore::FindWallet(Job& job, std::vector<LoadKey>& missing) {
  WalletSlot* slot = wallets_.Find(job.organization_id);
  if (slot != nullptr || job.organization_absent) return slot;
  // The members will be wanted next: where the header must come from the disk, they come along.
  std::vector<LoadKey> keys = {LoadKey::Header(job.organization_id)};
  for (std::string& member_id : job.NamedMembers(nullptr)) {
    if (!member_id.empty()) {
      keys.push_back(LoadKey::Member(job.organization_id, std::move(member_id)));
    }
  }
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load(keys, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return loaded.status();
  const LoadedValue& header = loaded->front();
  if (header.state == LoadState::kAbsent) return nullptr;
  if (header.state == LoadState::kFound) {
    absl::StatusOr<StoredHeader> stored = DecodeHeader(header.value);
    if (!stored.ok()) return stored.status();
    if (stored->header.open_hold_count == 0) {
      return InstallWallet(job.organization_id, header.revision, *std::move(stored), {});
    }
  }
  missing = std::move(keys);
  return nullptr;
}

void EngineCore::AttemptWithoutWallet(std::unique_ptr<Job> job, EndedJobs& ended) {
  absl::StatusOr<absl::Time> now = Stamp(nullptr);
  if (!now.ok()) return End(std::move(job), now.status(), ended);
  const std::shared_ptr<const PlanCatalog> plans = catalogs_->plans();
  const DecisionContext context = {*now, plans.get(), zones_};
  Disposition disposition = job->DecideWithoutWallet(*this, context);
  Settle(std::move(job), std::move(disposition), ended);
}

void EngineCore::Recall(std::unique_ptr<Job>& job, WalletSlot& slot, std::vector<LoadKey>& missing,
                        EndedJobs& ended) {
  const std::string& request_id = job->idempotency.request_id;
  if (request_id.empty() || job->owns_request || job->is_repeat) return;
  auto found = slot.requests.find(RequestKey(job->family, request_id));
  if (found != slot.requests.end()) {
    RequestInFlight& request = found->second;
    if (request.part == nullptr) {
      request.followers.push_back(std::move(job));
      return;
    }
    if (request.content_hash != job->idempotency.content_hash) {
      absl::Status reused = RequestIdReused(request_id);
      return End(std::move(job), std::move(reused), ended);
    }
    if (job->DecidesRepeats()) {
      job->is_repeat = true;
      return;
    }
    job->RepeatStaged(*request.part, request.part->requests[request.index]);
    return Settle(std::move(job), {absl::OkStatus(), request.part}, ended);
  }
  LoadKey key = LoadKey::Dedupe(job->organization_id, job->family, request_id);
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load({key}, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return End(std::move(job), loaded.status(), ended);
  if (loaded->front().state == LoadState::kFound) {
    return Repeat(job, loaded->front().value, ended);
  }
  if (loaded->front().state == LoadState::kWouldBlock) missing.push_back(std::move(key));
}

void EngineCore::Repeat(std::unique_ptr<Job>& job, const std::string& remembered,
                        EndedJobs& ended) {
  absl::StatusOr<RememberedRequest> request = DecodeRemembered(remembered);
  if (!request.ok()) return End(std::move(job), request.status(), ended);
  if (request->content_hash != job->idempotency.content_hash) {
    absl::Status reused = RequestIdReused(job->idempotency.request_id);
    return End(std::move(job), std::move(reused), ended);
  }
  ReleaseRequest(*job);
  if (job->DecidesRepeats()) {
    job->is_repeat = true;
    return;
  }
  if (!job->RepeatRemembered(*request)) return End(std::move(job), absl::OkStatus(), ended);
  Park(std::move(job), nullptr, {});
}

// The ended hold or the charge that a job names, where it is neither open nor in memory.
absl::Status EngineCore::FindAftermath(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing) {
  const Wallet& wallet = slot.wallet;
  const int64_t charge = job.NamedCharge();
  const bool captured = job.charge.has_value() && std::get<UsageCharged>(job.charge->body).captured;
  if (charge > 0 && charge <= wallet.header.revision && !job.charge_unknown && !captured &&
      wallet.reversals.count(charge) == 0) {
    // The entry is read too, which only a loader may do.
    missing.push_back(
        LoadKey::Record(slot.organization_id, RecordKind::kReversal, SequenceKey(charge)));
    return absl::OkStatus();
  }
  const int64_t hold = job.NamedHold();
  if (hold <= 0 || hold > wallet.header.revision || job.hold_unknown ||
      wallet.FindHold(hold) != nullptr || wallet.FindEndedHold(hold) != nullptr) {
    return absl::OkStatus();
  }
  LoadKey key = LoadKey::Record(slot.organization_id, RecordKind::kEndedHold, SequenceKey(hold));
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load({key}, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state == LoadState::kWouldBlock) {
    missing.push_back(std::move(key));
    return absl::OkStatus();
  }
  return InstallAftermath(job, slot, key, loaded->front());
}

// The request for more that a job names, and who has an open one where any of them may end.
absl::Status EngineCore::FindRequests(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing) {
  const Wallet& wallet = slot.wallet;
  if (wallet.header.open_request_count > 0 && job.NamesOpenRequests() &&
      !job.open_requesters.has_value()) {
    // A scan, which only a loader may do; the header stands for it.
    missing.push_back(LoadKey::Header(slot.organization_id));
  }
  const int64_t sequence = job.NamedRequest();
  if (sequence <= 0 || sequence > wallet.header.revision || job.request_unknown ||
      wallet.requests.contains(sequence)) {
    return absl::OkStatus();
  }
  const std::string id = SequenceKey(sequence);
  std::vector<LoadKey> keys = {
      LoadKey::Record(slot.organization_id, RecordKind::kRequest, id),
      LoadKey::Record(slot.organization_id, RecordKind::kDecidedRequest, id)};
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load(keys, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return loaded.status();
  for (const LoadedValue& value : *loaded) {
    if (value.state != LoadState::kWouldBlock) continue;
    missing.insert(missing.end(), keys.begin(), keys.end());
    return absl::OkStatus();
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (absl::Status s = InstallRequest(job, slot, keys[i], (*loaded)[i]); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// The finished payment that a job names, where it is not in memory.
absl::Status EngineCore::FindPayment(Job& job, WalletSlot& slot, std::vector<LoadKey>& missing) {
  const int64_t payment = job.NamedPayment();
  if (payment <= 0 || payment > slot.wallet.header.revision || job.payment_unknown ||
      slot.wallet.FindPayment(payment) != nullptr) {
    return absl::OkStatus();
  }
  LoadKey key = LoadKey::Record(slot.organization_id, RecordKind::kPayment, PaymentKey(payment));
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load({key}, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state == LoadState::kWouldBlock) {
    missing.push_back(std::move(key));
    return absl::OkStatus();
  }
  return InstallAftermath(job, slot, key, loaded->front());
}

absl::Status EngineCore::FindMembers(Job& job, WalletSlot& slot, absl::Time now,
                                     std::vector<LoadKey>& missing) {
  std::vector<std::string> wanted = job.NamedMembers(&slot.wallet);
  if (slot.wallet.header.NextDue() <= now) {
    for (std::string& member_id : MembersDue(slot.wallet, now)) {
      wanted.push_back(std::move(member_id));
    }
  }
  std::vector<LoadKey> keys;
  for (std::string& member_id : wanted) {
    if (member_id.empty() || slot.wallet.FindMember(member_id) != nullptr) continue;
    if (std::find(job.absent_members.begin(), job.absent_members.end(), member_id) !=
        job.absent_members.end()) {
      continue;
    }
    keys.push_back(LoadKey::Member(slot.organization_id, std::move(member_id)));
  }
  if (keys.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<LoadedValue>> loaded = store_->Load(keys, LoadMode::kMemoryOnly);
  if (!loaded.ok()) return loaded.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    switch ((*loaded)[i].state) {
      case LoadState::kFound:
        if (absl::Status s = InstallMember(slot, keys[i].id, (*loaded)[i]); !s.ok()) return s;
        break;
      case LoadState::kAbsent:
        job.absent_members.push_back(keys[i].id);
        break;
      case LoadState::kWouldBlock:
        missing.push_back(std::move(keys[i]));
        break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> EngineCore::Stamp(const WalletSlot* slot) {
  absl::StatusOr<absl::Time> now = clock_guard_.Now();
  if (!now.ok() || slot == nullptr) return now;
  const absl::Time last = slot->wallet.header.last_entry_at;
  if (last > *now + kClockTolerance) {
    return ClockNotTrusted(absl::StrCat("this wallet's last entry is ",
                                        absl::FormatDuration(last - *now),
                                        " ahead of this server's clock"));
  }
  return std::max(*now, last);
}

// Journals what is due in batches, each with the members that it needs, until nothing is or the
// gathering part has as much of it as one commit may bring: the lock is everybody's.
absl::Status EngineCore::Prepare(Job& job, WalletSlot& slot, const DecisionContext& context,
                                 std::vector<LoadKey>& missing, GroupPart** waits_for) {
  absl::Status aftermath = FindAftermath(job, slot, missing);
  if (aftermath.ok()) aftermath = FindRequests(job, slot, missing);
  if (aftermath.ok() && missing.empty()) aftermath = FindPayment(job, slot, missing);
  if (!aftermath.ok() || !missing.empty()) return aftermath;
  while (true) {
    absl::Status found = FindMembers(job, slot, context.now, missing);
    if (!found.ok() || !missing.empty()) return found;
    std::vector<DueEntry> dues = DueEntries(slot.wallet, context);
    if (dues.empty()) return absl::OkStatus();
    const size_t staged_before = slot.gathering == nullptr ? 0 : slot.gathering->due_count;
    if (staged_before > 0 && staged_before + dues.size() > kMaxDueEntries) {
      *waits_for = slot.gathering.get();
      return absl::OkStatus();
    }
    const size_t due_count = dues.size();
    for (DueEntry& due : dues) {
      DecisionContext then = context;
      then.now = due.at;
      then.journals_dues = true;
      std::vector<EntryBody> body;
      body.push_back(std::move(due.body));
      absl::StatusOr<StagedRange> staged = Stage(slot, std::move(body), Cause(), then);
      if (!staged.ok()) return staged.status();
    }
    slot.gathering->due_count += due_count;
  }
}

void EngineCore::Settle(std::unique_ptr<Job> job, Disposition disposition, EndedJobs& ended) {
  if (disposition.waits_for == nullptr) {
    return End(std::move(job), std::move(disposition.status), ended);
  }
  ReleaseRequest(*job);
  disposition.waits_for->waiting.push_back({std::move(job), std::move(disposition.status)});
}

void EngineCore::End(std::unique_ptr<Job> job, absl::Status status, EndedJobs& ended) {
  ReleaseRequest(*job);
  if (job->has_place) {
    job->has_place = false;
    --queue_length_;
  }
  ended.push_back({std::move(job), std::move(status)});
}

void EngineCore::ReleaseRequest(Job& job) {
  if (!job.owns_request) return;
  job.owns_request = false;
  WalletSlot* slot = wallets_.Find(job.organization_id);
  if (slot == nullptr) return;
  auto found = slot->requests.find(RequestKey(job.family, job.idempotency.request_id));
  if (found == slot->requests.end()) return;
  for (std::unique_ptr<Job>& follower : found->second.followers) {
    runnable_.push_back(std::move(follower));
  }
  found->second.followers.clear();
  if (found->second.part == nullptr) slot->requests.erase(found);
}

void EngineCore::FinishAll(EndedJobs& ended) {
  for (Ended& one : ended) one.job->Finish(one.status);
  ended.clear();
}

}  // namespace bursar
