// Loading: jobs that miss something wait here while a loader thread reads it from the disk.
#include <cstddef>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/engine/engine_core.h"
#include "server/engine/payment_codec.h"
#include "server/engine/request_codec.h"

namespace bursar {

void EngineCore::Park(std::unique_ptr<Job> job, WalletSlot* slot, std::vector<LoadKey> keys) {
  // A repeat needs no claim on its id: whatever becomes of that, it is decided anew.
  const bool claims = !job->idempotency.request_id.empty() && !job->is_repeat;
  if (slot != nullptr && claims && !job->owns_request) {
    const std::string key = RequestKey(job->family, job->idempotency.request_id);
    BURSAR_CHECK(slot->requests.try_emplace(key).second);
    job->owns_request = true;
  }
  if (slot != nullptr) CountReaders(*slot, keys, 1);
  wallets_.Keep(job->organization_id);
  ++parked_count_;
  loader_queue_.push_back({std::move(job), std::move(keys)});
  loader_ready_.notify_one();
}

// Payments are among them, by PaymentKey.
void EngineCore::CountReaders(WalletSlot& slot, const std::vector<LoadKey>& keys, int change) {
  for (const LoadKey& key : keys) {
    if (key.is_dedupe) continue;
    if (key.kind != RecordKind::kEndedHold && key.kind != RecordKind::kReversal &&
        key.kind != RecordKind::kPayment) {
      continue;
    }
    const int readers = slot.aftermath_readers[key.id] += change;
    BURSAR_CHECK(readers >= 0);
    if (readers == 0) slot.aftermath_readers.erase(key.id);
  }
}

void EngineCore::LoaderLoop() {
  JournalCache cache;
  std::unique_lock lock(mutex_);
  while (true) {
    loader_ready_.wait(lock, [this] { return stopped_ || !loader_queue_.empty(); });
    if (loader_queue_.empty()) return;
    std::vector<Parked> parked(std::make_move_iterator(loader_queue_.begin()),
                               std::make_move_iterator(loader_queue_.end()));
    loader_queue_.clear();
    lock.unlock();
    EndedJobs ended;
    ResumeLoaded(std::move(parked), cache, ended);
    FinishAll(ended);
    lock.lock();
  }
}

// What is missing for all of them, in one read. Where that fails, each gets a read of its own, so
// that one damaged record fails only the job that wants it.
std::vector<EngineCore::Fetched> EngineCore::Fetch(const std::vector<Parked>& parked,
                                                   JournalCache& cache) {
  std::vector<LoadKey> keys;
  for (const Parked& one : parked) keys.insert(keys.end(), one.keys.begin(), one.keys.end());
  absl::StatusOr<std::vector<LoadedValue>> all = store_->Load(keys, LoadMode::kMayBlock);
  std::vector<Fetched> fetched;
  size_t place = 0;
  for (const Parked& one : parked) {
    if (one.keys.empty()) {
      const absl::Status replay = one.job->ReadReplay(*store_, cache);
      fetched.push_back(replay.ok() ? Fetched(LoadedForJob()) : Fetched(replay));
    } else if (all.ok()) {
      const auto begin = all->begin() + static_cast<ptrdiff_t>(place);
      const auto end = begin + static_cast<ptrdiff_t>(one.keys.size());
      fetched.push_back(FetchRest(one, std::vector<LoadedValue>(begin, end), cache));
    } else {
      absl::StatusOr<std::vector<LoadedValue>> own = store_->Load(one.keys, LoadMode::kMayBlock);
      fetched.push_back(own.ok() ? FetchRest(one, *std::move(own), cache) : Fetched(own.status()));
    }
    place += one.keys.size();
  }
  return fetched;
}

// What can only be read once the records are there: the open holds that a header counts, and the
// entry that a reversal is of. Nobody changes a wallet that is not in memory, so header and holds
// fit each other, and a journal entry never changes.
EngineCore::Fetched EngineCore::FetchRest(const Parked& parked, std::vector<LoadedValue> values,
                                          JournalCache& cache) {
  LoadedForJob loaded;
  for (size_t i = 0; i < parked.keys.size(); ++i) {
    const LoadKey& key = parked.keys[i];
    if (key.is_dedupe) continue;
    if (key.kind == RecordKind::kReversal) {
      absl::Status read = parked.job->ReadCharge(*store_, cache);
      if (!read.ok()) return read;
    }
    if (key.kind == RecordKind::kHeader && parked.job->NamesOpenRequests()) {
      absl::Status read = ReadOpenRequesters(key.organization_id, loaded);
      if (!read.ok()) return read;
    }
    if (key.kind != RecordKind::kHeader || values[i].state != LoadState::kFound) continue;
    absl::StatusOr<StoredHeader> stored = DecodeHeader(values[i].value);
    if (!stored.ok()) return stored.status();
    loaded.header = *std::move(stored);
    if (loaded.header->header.open_hold_count == 0) continue;
    absl::StatusOr<std::vector<RecordRow>> holds =
        store_->ScanRecords(key.organization_id, RecordKind::kHold, "", kMaxOpenHolds + 1);
    if (!holds.ok()) return holds.status();
    loaded.holds = *std::move(holds);
  }
  loaded.values = std::move(values);
  return loaded;
}

// Who has an open request for more, of those that are durable.
absl::Status EngineCore::ReadOpenRequesters(const std::string& organization_id,
                                            LoadedForJob& loaded) {
  absl::StatusOr<std::vector<RecordRow>> rows =
      store_->ScanRecords(organization_id, RecordKind::kRequest, "", kMaxOpenRequests + 1);
  if (!rows.ok()) return rows.status();
  loaded.open_requesters.emplace();
  for (const RecordRow& row : *rows) {
    absl::StatusOr<IncreaseRequest> request = DecodeRequest(row.value);
    if (!request.ok()) return request.status();
    loaded.open_requesters->push_back(std::move(request->member_id));
  }
  return absl::OkStatus();
}

// Reads without the lock; then goes on with each job under it.
void EngineCore::ResumeLoaded(std::vector<Parked> parked, JournalCache& cache, EndedJobs& ended) {
  std::vector<Fetched> fetched = Fetch(parked, cache);
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < parked.size(); ++i) {
    --parked_count_;
    std::unique_ptr<Job> job = std::move(parked[i].job);
    wallets_.Release(job->organization_id);
    WalletSlot* const slot = wallets_.Find(job->organization_id);
    if (slot != nullptr) CountReaders(*slot, parked[i].keys, -1);
    absl::Status status = fetched[i].status();
    if (!status.ok() || parked[i].keys.empty()) {
      End(std::move(job), std::move(status), ended);
      continue;
    }
    std::optional<std::string> remembered;
    for (size_t k = 0; status.ok() && k < parked[i].keys.size(); ++k) {
      status = Install(*job, parked[i].keys[k], fetched[i]->values[k], *fetched[i], remembered);
    }
    const int64_t named[] = {job->NamedHold(), job->NamedCharge(), job->NamedPayment()};
    if (status.ok() && fetched[i]->open_requesters.has_value()) {
      job->open_requesters = fetched[i]->open_requesters;
    }
    if (!status.ok()) {
      End(std::move(job), std::move(status), ended);
    } else if (remembered.has_value()) {
      Repeat(job, *remembered, ended);
    }
    if (job != nullptr) {
      Attempt(std::move(job), ended);
    } else if (slot != nullptr) {
      // It ended without having been decided: what was loaded for it is not wanted.
      for (const int64_t sequence : named) ForgetIfDurable(*slot, sequence);
    }
  }
  RunJobs(ended);
  drained_.notify_all();
}

absl::Status EngineCore::Install(Job& job, const LoadKey& key, const LoadedValue& value,
                                 LoadedForJob& loaded, std::optional<std::string>& remembered) {
  if (value.state == LoadState::kWouldBlock) {
    return absl::UnavailableError("the store could not read what it has");
  }
  if (key.is_dedupe) {
    if (value.state == LoadState::kFound) remembered = value.value;
    return absl::OkStatus();
  }
  WalletSlot* slot = wallets_.Find(job.organization_id);
  if (key.kind == RecordKind::kHeader) {
    if (slot != nullptr) return absl::OkStatus();
    if (!loaded.header.has_value()) {
      job.organization_absent = true;
      return absl::OkStatus();
    }
    return InstallWallet(job.organization_id, value.revision, *std::move(loaded.header),
                         loaded.holds)
        .status();
  }
  if (slot == nullptr) return absl::OkStatus();
  if (key.kind == RecordKind::kRequest || key.kind == RecordKind::kDecidedRequest) {
    return InstallRequest(job, *slot, key, value);
  }
  if (key.kind != RecordKind::kMember) return InstallAftermath(job, *slot, key, value);
  if (slot->wallet.FindMember(key.id) != nullptr) return absl::OkStatus();
  if (value.state == LoadState::kFound) return InstallMember(*slot, key.id, value);
  job.absent_members.push_back(key.id);
  return absl::OkStatus();
}

absl::StatusOr<WalletSlot*> EngineCore::InstallWallet(const std::string& organization_id,
                                                      int64_t revision, StoredHeader stored,
                                                      const std::vector<RecordRow>& holds) {
  const WalletHeader& header = stored.header;
  if (header.organization_id != organization_id || header.revision != revision) {
    return absl::DataLossError(
        absl::StrCat("the header of organization \"", organization_id, "\" is another's or stale"));
  }
  absl::Status zone = zones_->Find(header.settings.time_zone).status();
  if (zone.ok() && header.pending_settings.has_value()) {
    zone = zones_->Find(header.pending_settings->time_zone).status();
  }
  if (!zone.ok()) {
    return WithReason(absl::UnavailableError(absl::StrCat(
                          "this server lacks the organization's time zone: ", zone.message())),
                      "TIME_ZONE_MISSING");
  }
  std::vector<Hold> open;
  for (const RecordRow& row : holds) {
    absl::StatusOr<Hold> hold = DecodeHold(row.value);
    if (!hold.ok()) return hold.status();
    open.push_back(*std::move(hold));
  }
  if (static_cast<int64_t>(open.size()) != header.open_hold_count) {
    return absl::DataLossError(absl::StrCat("organization \"", organization_id, "\" counts ",
                                            header.open_hold_count, " open holds and has ",
                                            open.size()));
  }
  ++stats_.wallet_loads;
  WalletSlot& slot = wallets_.Add(organization_id);
  slot.wallet.header = std::move(stored.header);
  slot.chain_hash = std::move(stored.chain_hash);
  for (Hold& hold : open) slot.wallet.InstallHold(std::move(hold));
  return &slot;
}

// An ended hold, what was reversed of a charge, or a finished payment.
absl::Status EngineCore::InstallAftermath(Job& job, WalletSlot& slot, const LoadKey& key,
                                          const LoadedValue& value) {
  Wallet& wallet = slot.wallet;
  if (key.kind == RecordKind::kEndedHold) {
    job.hold_unknown = value.state == LoadState::kAbsent;
    if (job.hold_unknown) return absl::OkStatus();
    absl::StatusOr<EndedHold> hold = DecodeEndedHold(value.value);
    if (!hold.ok()) return hold.status();
    wallet.ended_holds.try_emplace(hold->sequence, *hold);
    return absl::OkStatus();
  }
  if (key.kind == RecordKind::kPayment) {
    job.payment_unknown = value.state == LoadState::kAbsent;
    if (job.payment_unknown) return absl::OkStatus();
    absl::StatusOr<Payment> payment = DecodePayment(value.value);
    if (!payment.ok()) return payment.status();
    wallet.payments.try_emplace(payment->sequence, *payment);
    return absl::OkStatus();
  }
  BURSAR_CHECK(key.kind == RecordKind::kReversal);
  job.charge_unknown = value.state == LoadState::kAbsent && !job.charge.has_value();
  if (value.state == LoadState::kFound) {
    absl::StatusOr<Reversal> reversal = DecodeReversal(value.value);
    if (!reversal.ok()) return reversal.status();
    wallet.reversals.try_emplace(reversal->sequence, *reversal);
  } else if (job.charge.has_value()) {
    const auto& charge = std::get<UsageCharged>(job.charge->body);
    if (charge.captured) return absl::OkStatus();
    const int64_t sequence = job.charge->sequence;
    wallet.reversals.try_emplace(sequence, ReversalOf(sequence, job.charge->recorded_at, charge));
  }
  return absl::OkStatus();
}

// A request is under one of two keys, of which the decided one's comes second.
absl::Status EngineCore::InstallRequest(Job& job, WalletSlot& slot, const LoadKey& key,
                                        const LoadedValue& value) {
  if (value.state == LoadState::kFound) {
    absl::StatusOr<IncreaseRequest> request = DecodeRequest(value.value);
    if (!request.ok()) return request.status();
    slot.wallet.requests.try_emplace(request->sequence, *request);
  }
  if (key.kind == RecordKind::kDecidedRequest) {
    job.request_unknown = !slot.wallet.requests.contains(job.NamedRequest());
  }
  return absl::OkStatus();
}

absl::Status EngineCore::InstallMember(WalletSlot& slot, const std::string& member_id,
                                       const LoadedValue& value) {
  absl::StatusOr<Member> member = DecodeMember(value.value);
  if (!member.ok()) return member.status();
  if (member->member_id != member_id) {
    return absl::DataLossError(absl::StrCat("the record of member \"", member_id,
                                            "\" of organization \"", slot.organization_id,
                                            "\" is another's"));
  }
  slot.wallet.members.emplace(member_id, *std::move(member));
  ++members_in_memory_;
  return absl::OkStatus();
}

WalletSlot& EngineCore::AddWallet(const std::string& organization_id) {
  WalletSlot& slot = wallets_.Add(organization_id);
  slot.chain_hash = FirstChainHash(organization_id);
  return slot;
}

}  // namespace bursar
