// A notice of the outbox: what it tells, as of its cause, and what became of its delivery.
//
// What a notice says is fixed when it is written: figures as facts, each with a name that templates
// and webhooks know. So an attempt a day later says the same as the first, and a new kind of notice
// needs nothing here but a number and its facts.
//
// Thread rule: plain values and pure functions.
//
// Source: rules N1 to N4 (docs/rules.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/entry.h"

namespace bursar {

// What a notice tells. PERSISTED (bursar.storage.v1.NoticeKind): never renumber. Kinds of other
// numbers are kept and delivered too.
enum class NoticeKind : uint32_t {
  kExhausted = 1,
  kResolved = 2,
  kCrossed = 3,
  kThreshold = 10,
  kRunaway = 11,
  kIncreaseRequested = 20,
  kIncreaseEscalated = 21,
  kIncreaseDecided = 22,
  kPaymentRequested = 30,  // For the payment system alone.
  kPaymentSucceeded = 31,
  kPaymentFailed = 32,
  kReloadPaused = 33,
  kLowBalance = 34,
  kPaymentLost = 35,
  kPaymentCancelled = 36,
  kChargedBack = 37,
  kSettingsChanged = 40,
  kRequestsDigest = 41,
  kTest = 42,
};

// The name of the event that changed settings are delivered as.
inline constexpr char kSettingsChangedEvent[] = "settings.changed";

// How a fact is to be read. PERSISTED: never renumber.
enum class FactKind : uint32_t {
  kWords = 1,   // `text`.
  kMoney = 2,   // `text`: decimal digits, in the currency of the fact "currency_code".
  kTime = 3,    // `number`: nanoseconds since the Unix epoch.
  kCount = 4,   // `number`.
  kSwitch = 5,  // `number`: 1 is yes.
};

// One fact of a notice.
struct NoticeFact {
  std::string name;  // A lower-case word, such as "spent".
  FactKind kind = FactKind::kWords;
  int64_t number = 0;
  std::string text;

  friend bool operator==(const NoticeFact&, const NoticeFact&) = default;
};
NoticeFact WordsFact(std::string name, std::string text);
NoticeFact MoneyFact(std::string name, Amount amount);
NoticeFact TimeFact(std::string name, absl::Time time);
NoticeFact CountFact(std::string name, int64_t count);
NoticeFact SwitchFact(std::string name, bool value);

// What one surface or member used in the period, against the period before.
struct UsageShare {
  bool is_member = false;  // Otherwise a surface.
  std::string name;
  std::string now;  // Decimal digits.
  std::string before;
  int now_percent = 0;  // Of the whole.
  int before_percent = 0;

  friend bool operator==(const UsageShare&, const UsageShare&) = default;
};

// Of a digest: a request for more that waits for a decision.
struct WaitingRequest {
  std::string member_id;
  std::string asks_for;  // In words.
  std::string reason;    // In the member's words; may be empty.
  absl::Time asked_at;

  friend bool operator==(const WaitingRequest&, const WaitingRequest&) = default;
};

// PERSISTED: never renumber.
enum class RecipientChannel : uint32_t { kMail = 1, kWebhook = 2 };
// PERSISTED: never renumber.
enum class RecipientState : uint32_t { kPending = 1, kDelivered = 2, kDead = 3 };

// One recipient: a mail address or a webhook target. What becomes of one never holds up another.
struct Recipient {
  RecipientChannel channel = RecipientChannel::kMail;
  std::string address;    // A mail address, or the target's id.
  std::string member_id;  // Whose mail address it is.
  RecipientState state = RecipientState::kPending;
  int64_t attempts = 0;
  absl::Time next_attempt_at;
  absl::Time last_attempt_at = absl::InfinitePast();  // Infinite: never.
  std::string last_error;                             // Why the last attempt failed.

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

// What became of a notice's delivery.
struct Delivery {
  std::vector<Recipient> recipients;  // Empty: nobody was there to be told.
  std::vector<UsageShare> shares;     // What drew the wallet down; surfaces first.
  absl::Time started_at;              // Its age counts from then: planned, or sent again by hand.
  // Where nobody was there: when it is planned again; infinite: not any more.
  absl::Time replan_at = absl::InfiniteFuture();
  bool nobody = false;                  // Nobody ever was: a dead letter without recipients.
  std::vector<WaitingRequest> waiting;  // Of a digest: what waits, oldest first; the first few.
  int64_t more_waiting = 0;             // How many wait beyond those.

  // A dead letter: nothing is tried any more, and somebody was not told.
  bool IsDead() const;
  // Whether everybody was told.
  bool IsDone() const;
  // When something is to be done next; InfiniteFuture for nothing.
  absl::Time NextAt() const;

  friend bool operator==(const Delivery&, const Delivery&) = default;
};

struct StoredNotice {
  NoticeKind kind = NoticeKind::kExhausted;
  bool balance = false;  // Of episodes: out of balance; otherwise the organization's spend limit.
  absl::Time created_at;
  int64_t sequence = 0;   // Of the entry that caused it; zero: none did.
  std::string member_id;  // Who met it first, crossed, or acted; empty when resolved.
  std::string organization_name;
  std::vector<NoticeFact> facts{};
  std::vector<FieldChange> changes{};
  std::optional<Delivery> delivery{};  // Nothing before it is planned.

  const NoticeFact* FindFact(std::string_view name) const;
  // Adds the fact, or replaces the one of that name.
  void SetFact(NoticeFact fact);

  friend bool operator==(const StoredNotice&, const StoredNotice&) = default;
};
std::string EncodeNotice(const StoredNotice& notice);
// DATA_LOSS for what is no notice; a kind of a newer program is one.
absl::StatusOr<StoredNotice> DecodeNotice(std::string_view bytes);

}  // namespace bursar
