// The engine: wallets in memory, one decision at a time, many of them durable at once.
//
// How a request goes through (docs/ARCHITECTURE.md has the picture):
//   1. Under the engine's lock: what the command names is found in memory, or the command waits
//      while a loader thread fetches it from the store, and starts again.
//   2. The instant is stamped (rule T1), what has fallen due is journaled first (T3), the ledger
//      decides, the entries are applied, and the wallet joins the gathering group.
//   3. The commit thread takes the group as one store commit (one sync) while the next one gathers,
//      and then completes the callers. Acknowledged means durable (R3).
// A check that changes nothing is answered at once, on applied state, unless a credit or a change
// of policy of that wallet is not durable yet: then it waits for it (X5).
//
// What may fail: a full queue (RESOURCE_EXHAUSTED with reason QUEUE_FULL; administration has a
// reserve, so that a credit works under overload; a check takes a place only where it must wait), a
// clock that cannot be trusted (UNAVAILABLE, CLOCK_NOT_TRUSTED, for everything that needs an
// instant, checks and reads included; clock_guard.h says when), a wallet whose stored state is
// damaged (DATA_LOSS, that wallet only), a server that drains (UNAVAILABLE, SHUTTING_DOWN), and a
// failed commit: its result is unknown, so the engine latches, every waiter and every later call
// gets UNAVAILABLE (STORE_FAILED), and the process must be restarted.
//
// Thread rule: every public method may be called from any thread. Completions run on the caller's
// thread, a loader thread or the commit thread, never under the lock, and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/zone.h"
#include "server/engine/catalogs.h"
#include "server/engine/outbox.h"
#include "server/engine/wallet_signals.h"
#include "server/engine/webhook_secrets.h"
#include "server/ledger/ledger.h"
#include "storage/store.h"

namespace bursar {

struct EngineOptions {
  int queue_limit = 8192;         // Commands that may wait for durability.
  int admin_queue_reserve = 512;  // Further places that only administration may take.
  int loader_threads = 1;
  // What wallets in memory may take, about; those not used of late are put away beyond that, and
  // read again when they are asked for.
  int64_t wallet_memory_bytes = int64_t{512} << 20;
  absl::Duration sweep_interval = absl::Seconds(1);  // How often due wallets are looked for.
  // Start although the clock is more than a day away from the journal (rule T1).
  bool confirm_clock = false;
  // Whether notices are mailed: changed settings are written as notices only where a channel
  // carries them.
  bool mails_notices = false;
};

// Where in a wallet's journal an answer was computed.
struct Position {
  int64_t revision = 0;
  absl::Time as_of;
};

// Who calls.
struct CallInfo {
  std::string actor;   // Metadata key `bursar-actor`; may be empty.
  std::string caller;  // Name of the calling service's token.
};

// How a repeated call is recognized (rule R2).
struct Idempotency {
  std::string request_id;    // Empty: the call is not deduplicated (administration only).
  std::string content_hash;  // 16 bytes: canonical hash of the request as sent.
};

struct CheckReply {
  CheckAdmissionOutcome outcome;
  Position position;
  bool replayed = false;      // The hold was placed by an earlier call with the request id (H9).
  std::string currency_code;  // The organization's.
};

struct RecordReply {
  UsageCharged charge;
  int64_t sequence = 0;  // Of the charge.
  int64_t revision = 0;  // After the record.
  bool replayed = false;
  std::string currency_code;  // The organization's.
  // What the named hold still holds, where a partial record leaves it open; not with a replay.
  struct Rest {
    Nanos held;
    absl::Time expires_at;
  };
  std::optional<Rest> rest;
};

// Turns an administrative outcome into the reply's bytes, under the lock, on the wallet after the
// change. The bytes are kept with the request id and are what a repeat gets.
using RenderReply =
    std::function<std::string(const Wallet& wallet, const AdministrationOutcome& outcome,
                              const Position& position, const DecisionContext& context)>;

struct AdministrationReply {
  std::string bytes;  // As rendered, or as remembered.
  bool replayed = false;
};

using AdministrationCommand =
    std::variant<CreateOrganizationCommand, UpdateOrganizationCommand, UpsertMembersCommand,
                 UpdateExtraUsageCommand, SetSpendLimitCommand, GrantCreditCommand,
                 ExtendAdmissionCommand, ReleaseAdmissionCommand, ConfirmExtraUsageCommand,
                 ReverseEntryCommand, CreateIncreaseRequestCommand, CancelIncreaseRequestCommand,
                 ApproveIncreaseRequestCommand, DenyIncreaseRequestCommand, AnswerEpisodeCommand,
                 PurchaseCreditCommand, UpdateAutoReloadCommand, CompletePaymentCommand,
                 MarkPaymentSentCommand, RecordChargebackCommand, SetNotificationChannelsCommand>;

// Counters for /metrics, all monotonic unless said otherwise.
struct EngineStats {
  int64_t checks_admitted = 0;
  int64_t checks_denied = 0;
  int64_t holds_placed = 0;
  int64_t holds_settled = 0;
  int64_t records = 0;
  int64_t records_replayed = 0;
  int64_t price_fallbacks = 0;
  int64_t unadmitted_records = 0;
  int64_t commands_refused_queue_full = 0;
  int64_t groups_committed = 0;
  int64_t entries_committed = 0;
  int64_t wallet_loads = 0;
  int64_t wallets_put_away = 0;
  int64_t wallets_in_memory = 0;  // A gauge.
  int64_t members_in_memory = 0;  // A gauge.
  int64_t queue_length = 0;       // A gauge.
  int64_t denials_not_kept = 0;   // More different ones at once than are remembered (rule D6).
  bool latched = false;
};

class Engine {
 public:
  // Takes an opened store (owned by the caller, must outlive the engine), loads catalogs and epoch,
  // and starts the threads. Publishes `defaults` where the store has no price book or plan catalog
  // yet. FAILED_PRECONDITION (CLOCK_NOT_CONFIRMED) where the clock is more than a day away from
  // the last commit and `confirm_clock` is not set.
  static absl::StatusOr<std::unique_ptr<Engine>> Start(Store* store, const Clock* clock,
                                                       const ZoneDatabase* zones,
                                                       const DefaultCatalogs& defaults,
                                                       const EngineOptions& options);
  // Drains: refuses new commands with UNAVAILABLE, makes what was accepted durable, completes
  // every caller, stops the threads.
  virtual ~Engine() = default;
  virtual void Shutdown() = 0;

  // ---- Data plane, asynchronous ----
  // Usage in the command (`estimate_usage`, `usage`) is priced here, in the wallet's currency and
  // by the card in force at the instant (see Catalogs::Price), whatever its `estimate` or `cost`
  // say.
  // A check that may place a hold carries its request id in `idempotency`, others none: repeated,
  // it shows the live hold that it placed, or is decided anew (rule H9). ALREADY_EXISTS
  // (REQUEST_ID_REUSED) for a request id with other content.
  virtual void CheckAdmission(std::string organization_id, CheckAdmissionCommand command,
                              Idempotency idempotency, CallInfo call,
                              absl::AnyInvocable<void(absl::StatusOr<CheckReply>) &&> done) = 0;
  // `occurred_at` InfinitePast means: now; INVALID_ARGUMENT more than 5 minutes in the future or 35
  // days in the past (rule T2), which a repeat never is. ALREADY_EXISTS (REQUEST_ID_REUSED) for a
  // request id with other content. With `replayed` the charge is the first one's.
  virtual void RecordConsumption(std::string organization_id, RecordConsumptionCommand command,
                                 Idempotency idempotency, CallInfo call,
                                 absl::AnyInvocable<void(absl::StatusOr<RecordReply>) &&> done) = 0;

  // ---- Administration, changes of holds, and reads, blocking ----
  // Durable when it returns, a refusal too: whatever it rests on is durable. A command that changes
  // nothing is remembered with its request id like any other: a repeat never undoes what others did
  // meanwhile (rule R2). A refused one is not, and is decided anew when it is repeated.
  // ALREADY_EXISTS (ORGANIZATION_EXISTS, REQUEST_ID_REUSED); FAILED_PRECONDITION (NO_PRICE_BOOK)
  // for an organization in a currency without prices (rule M4).
  virtual absl::StatusOr<AdministrationReply> Administer(const std::string& organization_id,
                                                         AdministrationCommand command,
                                                         Idempotency idempotency, CallInfo call,
                                                         const RenderReply& render) = 0;
  // Runs `read` under the lock on the wallet with the named members loaded (those that exist), due
  // effects applied; returns when everything it saw is durable. NOT_FOUND for an unknown
  // organization; a status from `read` is returned as it is.
  virtual absl::Status Read(const std::string& organization_id,
                            const std::vector<std::string>& member_ids,
                            const std::function<absl::Status(const Wallet&, const Position&,
                                                             const DecisionContext&)>& read) = 0;

  // Writes the denied checks that are only in memory yet to the store, for whoever lists them next
  // (rule D6); the sweeper does so by itself. Errors: the store's.
  virtual absl::Status SaveDenials() = 0;

  // Price books and plan catalogs in force, and how to publish (durable, then in force at once).
  virtual Catalogs& catalogs() = 0;
  // Whom to tell when a wallet has become durable further: for watches, which then read the store.
  virtual WalletSignals& signals() = 0;
  // The notices, for whoever delivers them.
  virtual Outbox& outbox() = 0;
  // What signs webhooks.
  virtual const WebhookSecrets& webhook_secrets() const = 0;
  // The store, for long reads on snapshots (queries.h): they show durable state only.
  virtual Store& store() = 0;
  virtual const std::string& epoch() const = 0;
  virtual const ZoneDatabase& zones() const = 0;
  virtual absl::Time Now() const = 0;
  virtual EngineStats Stats() const = 0;
  // OK while commits can succeed; otherwise why not.
  virtual absl::Status Health() const = 0;
};

}  // namespace bursar
