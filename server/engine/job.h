// A job is one call on its way through the engine: what it names, how it is decided, how it ends.
//
// The engine makes what a job names present (engine_core.h has the flow), calls Decide under its
// lock, and calls Finish exactly once, never under the lock.
//
// Thread rule: a job belongs to whoever holds it; all but Finish, ReadReplay and ReadCharge run
// under the lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/engine/journal_cache.h"
#include "server/engine/record_codec.h"
#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"
#include "storage/store.h"

namespace bursar {

class EngineCore;
struct GroupPart;
struct StagedRequest;
struct WalletSlot;

// What a job sees while it is decided.
struct Turn {
  EngineCore& core;
  WalletSlot& slot;
  const DecisionContext& context;
};

// How a decided job goes on.
struct Disposition {
  absl::Status status;             // How it ends.
  GroupPart* waits_for = nullptr;  // What must be durable first; null: nothing.
};

class Job {
 public:
  // Kinds differ in the queue places that they may take: a check takes one only where it must wait,
  // administration has a reserve, a sweep takes none.
  enum class Kind { kCheck, kRecord, kAdministration, kSweep };

  Job(Kind job_kind, std::string organization) : kind(job_kind), organization_id(organization) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // The members that must be loaded, or known not to exist. `wallet` is null while the wallet is
  // not loaded; more may be named once it is.
  virtual std::vector<std::string> NamedMembers(const Wallet* wallet) const = 0;
  // The hold that must be open, or loaded as an ended one, or known to be neither; zero for none.
  virtual int64_t NamedHold() const { return 0; }
  // The entry of the charge that must be loaded with what was reversed of it; zero for none.
  virtual int64_t NamedCharge() const { return 0; }
  // The request for more that must be loaded, open or decided, or known to be neither; zero for
  // none.
  virtual int64_t NamedRequest() const { return 0; }
  // Whether every member with an open request for more must be loaded.
  virtual bool NamesOpenRequests() const { return false; }
  // Decides on a wallet in which everything named is present and nothing is due.
  virtual Disposition Decide(Turn& turn) = 0;
  // Decides where there is no such organization.
  virtual Disposition DecideWithoutWallet(EngineCore& core, const DecisionContext& context);

  // Whether a repeated request is decided again, on the present state, rather than answered with
  // its first outcome; `is_repeat` is set then.
  virtual bool DecidesRepeats() const { return false; }
  // Repeats the outcome of an earlier call with the same request id, which is not durable yet.
  virtual void RepeatStaged(const GroupPart& part, const StagedRequest& request);
  // Repeats a durable one; true: a loader thread must call ReadReplay before Finish.
  virtual bool RepeatRemembered(const RememberedRequest& request);
  virtual absl::Status ReadReplay(const Store& store, JournalCache& cache);

  // Called by a loader thread: reads the entry of NamedCharge into `charge`.
  absl::Status ReadCharge(const Store& store, JournalCache& cache);

  // Ends the call.
  virtual void Finish(const absl::Status& status) = 0;

  const Kind kind;
  const std::string organization_id;
  CallInfo call;
  RequestFamily family = RequestFamily::kRecording;
  Idempotency idempotency;

  // ---- Kept by the engine ----
  std::string currency_code;                // The wallet's, once it is found.
  bool has_place = false;                   // Counted in the queue.
  bool owns_request = false;                // Holds its request id while it waits for the store.
  bool organization_absent = false;         // The store has no such organization.
  std::vector<std::string> absent_members;  // The store has no such members.
  bool is_repeat = false;                   // Its request id was seen before; see DecidesRepeats.
  bool hold_unknown = false;                // NamedHold is no hold that ended durably.
  bool charge_unknown = false;              // NamedCharge is no charge.
  std::optional<Entry> charge;              // Its entry, once it was read.
  bool request_unknown = false;             // NamedRequest is no request.
  // Who has an open request, once that was read; see NamesOpenRequests.
  std::optional<std::vector<std::string>> open_requesters;

  Cause MakeCause() const { return {call.actor, call.caller, idempotency.request_id}; }
};

}  // namespace bursar
