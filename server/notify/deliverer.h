// Delivery of the outbox, step by step:
//
//   Learn    names of new notices, or a reading of the whole outbox, become steps
//   RunOne   takes the next due step and does it:
//              plan      whom it goes to and what it says are fixed, and kept with the notice
//              attempt   one recipient, by its transport; what came of it is kept with the notice
//
// A request to the payment system is told to the wallet first: the payment is durably `sent` before
// the first byte leaves, and what was withdrawn or has ended meanwhile never leaves (rule X4).
//
// A notice is sent under its own id and nothing else: a crash between sending and noting sends the
// same id again, and never another. Recipients are apart: what one refuses or misses holds up no
// other. A recipient that fails is tried again by the back-off, which is kept, so that a restart
// goes on with it; after too many attempts or too long it is a dead letter, which stays listed
// until somebody sends it again, or it is very old. A destination that fails is left alone for a
// while for everything, without counting against what waits.
//
// It has no clock, no randomness and no threads of its own: DeliveryWorker brings them, tests bring
// theirs.
//
// Thread rule: every method may be called from any thread.
//
// Source: rules N1 to N3 and X4 (docs/rules.md).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/notify/delivery_schedule.h"
#include "server/notify/mail_message.h"
#include "server/notify/retry_schedule.h"
#include "server/notify/transport.h"

namespace bursar {

struct DelivererOptions {
  MailSender sender;
  RetrySchedule retry;
  int64_t max_attempts = 100;
  absl::Duration max_age = absl::Hours(72);
  // A dead letter goes away by itself after that long.
  absl::Duration dead_letter_age = absl::Hours(24 * 30);
  // Where nobody is there to be told, that is looked at again so often.
  absl::Duration replan_interval = absl::Hours(1);
  // The longest that a mail server that fails is left alone; a webhook's target follows `retry`.
  absl::Duration longest_pause = absl::Minutes(5);
};

// What delivery has to say to an operator.
class DeliveryLog {
 public:
  virtual ~DeliveryLog() = default;
  // Somebody was not told, and will not be. `recipient` is "mail of MEMBER", "webhook TARGET" or
  // "nobody".
  virtual void DeadLetter(const NoticeName& name, const std::string& event,
                          const std::string& recipient, const std::string& error) = 0;
  // Delivery itself cannot work: the store's error.
  virtual void Failure(const absl::Status& status) = 0;
};

// Counters since the start, but for the last two.
struct DeliveryStats {
  int64_t mails_delivered = 0;
  int64_t mails_failed = 0;  // Attempts.
  int64_t webhooks_delivered = 0;
  int64_t webhooks_failed = 0;
  int64_t dead = 0;     // Recipients given up.
  int64_t backlog = 0;  // Notices that wait for a step, as far as they are in memory.
  absl::Time oldest_at = absl::InfiniteFuture();  // When the oldest of them was written.
};

class Deliverer {
 public:
  // All outlive this. `mail` null: the server has no mail server.
  Deliverer(Engine* engine, const Clock* clock, MailTransport* mail, WebhookTransport* webhooks,
            std::function<uint64_t()> random, DeliveryLog* log, DelivererOptions options);

  // Takes in what is new; with `missed` reads the whole outbox, which also forgets old dead
  // letters.
  absl::Status Learn(const Outbox::News& news);
  // Does one step that is due; false where none is.
  bool RunOne();
  // When the next step is due; the past where one is due already.
  absl::Time NextAt() const;
  // Whether the outbox is to be read again, because not all of it fit into memory.
  bool TakeMissed();
  DeliveryStats Stats() const;

 private:
  // What came of a step, for its destination.
  struct StepEnd {
    bool delivered = false;
    bool destination_failed = false;
  };

  void Schedule(const NoticeName& name, const StoredNotice& notice);
  StepEnd Run(const DeliveryStep& step);
  absl::Status Plan(const NoticeName& name);
  // Nobody is there to be told: later perhaps, or never.
  void SettleNobody(StoredNotice& notice, absl::Time now) const;
  absl::Status Attempt(const DeliveryStep& step, StepEnd& end);
  // Whether a notice may leave now.
  struct Passage {
    bool leaves = true;
    // Where it may not: what came of the attempt; nothing: it never may, and is gone.
    std::optional<AttemptResult> result;
  };
  absl::StatusOr<Passage> AskPassage(const NoticeName& name, const StoredNotice& notice);
  AttemptResult Send(const NoticeName& name, const StoredNotice& notice,
                     const Recipient& recipient);
  AttemptResult SendMail(const NoticeName& name, const StoredNotice& notice,
                         const Recipient& recipient);
  AttemptResult PostWebhook(const NoticeName& name, const StoredNotice& notice,
                            const Recipient& recipient);
  // Notes what came of an attempt.
  absl::Status Note(const DeliveryStep& step, const AttemptResult& result);
  void Settle(const AttemptResult& result, absl::Time now, const Delivery& delivery,
              Recipient& recipient);
  void Count(RecipientChannel channel, const AttemptResult& result);
  void TellDead(const NoticeName& name, const StoredNotice& notice, const Recipient* recipient);

  Engine* const engine_;
  const Clock* const clock_;
  MailTransport* const mail_;
  WebhookTransport* const webhooks_;
  const std::function<uint64_t()> random_;  // Called from any thread.
  DeliveryLog* const log_;
  const DelivererOptions options_;

  mutable std::mutex mutex_;  // Guards the rest.
  DeliverySchedule schedule_;
  DeliveryStats stats_;
};

}  // namespace bursar
