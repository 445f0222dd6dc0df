// The journal: what may be written in it.
//
// An entry says what changed, complete enough that folding the entries in order gives the state
// without deciding anything again (rule J1). Bodies are facts with amounts, not requests.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "server/ledger/state.h"
#include "server/ledger/usage.h"

namespace bursar {

// Who and what caused an entry (rule A4). Empty for what time alone causes.
struct Cause {
  std::string actor;       // Metadata key `bursar-actor`.
  std::string caller;      // Name of the calling service's token.
  std::string request_id;  // Of the request, within its family.

  friend bool operator==(const Cause&, const Cause&) = default;
};

// A setting before and after, in words (rule A4).
struct FieldChange {
  std::string field;
  std::string before;
  std::string after;

  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

struct OrganizationCreated {
  std::string organization_id;
  OrganizationSettings settings;
};

struct OrganizationUpdated {
  OrganizationSettings settings;           // As of now, complete.
  std::optional<PendingSettings> pending;  // What waits, complete; replaces what waited.
  std::vector<FieldChange> changes;
};

// A member was created or its settings changed. Counters are never touched by it.
struct MemberUpserted {
  Member settings;  // Counters, limit and held of it are ignored; everything else is complete.
  bool created = false;
  bool automatic = false;  // By automatic provisioning.
  std::vector<FieldChange> changes;
};

struct ExtraUsageUpdated {
  bool enabled = false;
  ExtraUsageAudience audience = ExtraUsageAudience::kEveryone;
  // The generation in force from now on. Where it is a new one, exactly `selected` are selected;
  // otherwise `selected` is empty and the selection stays.
  int64_t selection_generation = 0;
  std::vector<std::string> selected;
  std::vector<FieldChange> changes;
};

struct SpendLimitSet {
  Scope scope = Scope::kOrganization;
  std::string scope_id;  // Tier, member, surface or model; the organization's id otherwise.
  SpendLimit limit;      // Complete: base and temporary value.
  std::vector<FieldChange> changes;
  PeriodKind period = PeriodKind::kMonth;
};

// A temporary limit expired, and its base is in force again (rule L4).
struct LimitRaiseExpired {
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  PeriodKind period = PeriodKind::kMonth;
  std::vector<FieldChange> changes;
};

// The plan changed (rule O8).
struct PlanChanged {
  std::string plan_id;
  Funding funding = Funding::kPrepaid;  // The new plan's.
  Amount billed_overdraft;  // What was overdrawn opens the statement; zero on prepaid plans.
  std::vector<FieldChange> changes;
};

struct CreditGranted {
  CreditKind kind = CreditKind::kPurchase;
  Nanos amount;
  absl::Time expires_at = absl::InfiniteFuture();
  std::string reference;
  Nanos repaid_overdraft;  // The part that overdraft took at once.
  // Credit that a refund gave back: the charge's entry. It counts as less consumed, not as
  // credited.
  int64_t refund_of = 0;
  int64_t payment_sequence = 0;  // The payment that it comes from; zero for none.
};

struct CreditExpired {
  int64_t grant_sequence = 0;
  Nanos amount;  // What was left.
};

// An included window opened at its first use (rule B5).
struct WindowOpened {
  Scope scope = Scope::kMember;  // kMember or kOrganization (the pool).
  std::string member_id;         // Of the member; empty for the pool.
  WindowKind kind = WindowKind::kMonth;
  Window window;
  Amount previous_spent;  // What the instance before it ended with.
};

// A calendar month opened at its first charge (rule B5).
struct MonthOpened {
  Scope scope = Scope::kOrganization;
  std::string scope_id;
  Window month;
  MonthCounter previous;  // What the month before it ended with.
};

// The organization's week or day, or both, opened at their first extra or metered usage (rule B5).
// Every other scope follows its bounds.
struct PeriodsOpened {
  std::optional<Window> week;  // Unset: the one before goes on.
  std::optional<Window> day;
  Amount previous_week;  // What the instance before ended with; zero where it goes on.
  Amount previous_day;
};

// A spend limit reached a threshold, by the charge that follows (rule L5).
struct ThresholdNoticed {
  Scope scope = Scope::kOrganization;  // The limit's.
  std::string scope_id;
  std::string member_id;  // Whom it counts alone; empty where it counts more than one.
  PeriodKind period = PeriodKind::kMonth;
  Window window;
  int percent = 0;
  Nanos limit;
  int64_t limit_sequence = 0;
  std::string surface;  // Of the charge.
};

// What became of a named admission. Persisted: never renumber or reuse.
enum class AdmissionStatus : uint8_t {
  kNone = 0,
  kSettled = 1,
  kUnknown = 2,
  kFinal = 3,
  kExpired = 4,
  kForeign = 5,
};

// Why usage went beyond what headroom or a hold covered (rule H7). Persisted: never renumber or
// reuse.
enum class OvershootKind : uint8_t {
  kNone = 0,        // There was no overshoot.
  kHeld = 1,        // It settled a live hold and cost more than that held.
  kSoft = 2,        // A check without a hold would have admitted it, on the headroom left then.
  kUnadmitted = 3,  // A check would have denied it, or its admission was not live.
  kPolicy = 4,      // Its hold had expired: the organization's policy took back what covered it.
};

// Usage that happened (rules R1, R5), or a hold that was captured as such (rule H5).
struct UsageCharged {
  std::string member_id;
  std::string tier_id;  // Held at recording.
  std::string surface;
  std::string provider;
  std::string model;
  std::optional<Usage> usage;  // Absent where a cost was given.
  absl::Time occurred_at;

  Nanos cost;
  Nanos included;  // included + extra + metered = cost.
  Nanos extra;
  Nanos metered;
  // Of a settled hold: what it cost beyond what was held. Otherwise: the part of the cost that no
  // headroom covered.
  Nanos overshoot;
  OvershootKind overshoot_kind = OvershootKind::kNone;
  std::vector<GrantDraw> grant_draws;  // Prepaid: where extra or metered came from.
  Nanos overdraft;                     // Prepaid: the part that no grant covered.

  std::string price_card;  // `id@version`; empty where a cost was given.
  bool price_fallback = false;
  bool unadmitted = false;
  bool unseated = false;
  std::string admission_id;
  AdmissionStatus admission_status = AdmissionStatus::kNone;
  std::string parent_session_id;
  std::vector<std::pair<std::string, std::string>> labels;  // By key.

  // The live hold that it settled or captured; zero for none.
  int64_t hold_sequence = 0;
  bool hold_ends = false;   // The hold ends; otherwise it stays open with the rest (`partial`).
  Nanos released_included;  // By how much the hold's parts go down: all of them where it ends.
  Nanos released_extra;
  bool of_pool = false;   // `included` was drawn from the organization's pool.
  bool captured = false;  // The hold expired and was captured: usage unknown, cost what it held.
};

// A hold was placed (rule H3). Named by this entry's sequence.
struct HoldPlaced {
  Hold hold;  // Its sequence and instant of placing are the entry's; zero and unset in the body.
  std::vector<std::pair<std::string, std::string>> labels;  // Of the check, by key.
};

// A hold lives longer.
struct HoldExtended {
  int64_t hold_sequence = 0;
  std::string member_id;
  absl::Time expires_at;
};

// A hold was given back unused, or expired by the policy that releases. (One that is settled or
// captured ends by its UsageCharged.)
struct HoldEnded {
  int64_t hold_sequence = 0;
  std::string member_id;
  HoldEnd end = HoldEnd::kReleased;  // kReleased or kExpired.
  Nanos included;                    // What it still held.
  Nanos extra;
};

// A charge was taken back, all or part of it (rule R7). Prepaid credit comes back by CreditGranted
// entries of the same commit.
struct EntryReversed {
  int64_t reversed_sequence = 0;  // Of the charge's entry.
  int64_t hold_sequence = 0;      // The hold that the charge captured; zero for other charges.
  ChargeFacts facts;              // Of the charge.
  Nanos included;                 // Taken back now.
  Nanos extra;
  Nanos metered;
  bool lowers_month = false;  // The charge's month is current: its counters go down.
  bool of_pool = false;       // Whose windows go down.
  // Likewise of the charge's week, day and hour.
  bool lowers_week = false;
  bool lowers_day = false;
  bool lowers_hour = false;
  std::vector<WindowKind> windows;  // The windows of the charge that are still open.
  std::string reason;               // In the caller's words; may be empty.
};

// A member confirmed that it goes on in extra usage (rule B9).
struct ExtraUsageConfirmed {
  std::string member_id;
  Window window;  // Its longest window, in which that holds.
};

// A member drew extra usage for the first time in its longest window (rule B9).
struct CrossingNoticed {
  std::string member_id;
  std::string surface;
  Window window;
};

struct EpisodeOpened {
  bool balance = false;   // Ran out of balance; otherwise the organization's spend limit.
  std::string member_id;  // Who met it first.
  std::string surface;
};

struct EpisodeEnded {
  int64_t episode_sequence = 0;
  std::string cause;  // "credit", "limit", "settings", "period" or "refund".
};

// A change that waited took effect at its due instant.
struct PendingChangeApplied {
  std::optional<PendingSettings> settings;
  std::optional<PendingSeat> seat;
};

// A statement opened without a charge: by credit, its expiry or a refund. (A charge opens one with
// the organization's month.)
struct StatementOpened {
  Window period;
};

// The period of a statement is over and nothing that fell due in it is outstanding (rules S4, T3).
// It covers the entries from `first_sequence` to the one before this.
struct StatementFinalized {
  Window period;
  int64_t first_sequence = 0;
  StatementTotals totals;
  Amount opening_balance;
  Amount opening_overdraft;
  Amount closing_balance;
  Amount closing_overdraft;
};

// A member asked for more (rule Q1). Named by this entry's sequence.
struct IncreaseRequested {
  // Pending; its sequence and instant are the entry's, zero and unset in the body.
  IncreaseRequest request;
};

// An open request moved to another state (rules Q2, Q3). What an approval grants is in entries of
// its own, of the same commit.
struct IncreaseDecided {
  int64_t request_sequence = 0;
  std::string member_id;
  IncreaseKind kind = IncreaseKind::kExtraUsage;
  IncreaseState state = IncreaseState::kApproved;  // Any but pending.
  std::string note;
  // Of a higher limit: what is granted, or what the admin who escalates would grant.
  std::optional<Nanos> granted_amount;
  absl::Time granted_until = absl::InfiniteFuture();
};

// A member was selected for extra usage; whoever is selected already stays so.
struct MemberSelected {
  std::string member_id;
};

// An owner answered the open episode; replaces what was answered before (rule N6).
struct EpisodeAnswered {
  int64_t episode_sequence = 0;
  EpisodeAnswerKind kind = EpisodeAnswerKind::kNote;
  std::string note;
};

// A payment was opened (rules X4, X7). Named by this entry's sequence.
struct PaymentRequested {
  // Requested; its sequence and instant are the entry's: zero and unset in the body.
  Payment payment;
  Window day;  // Of a reload: the organization's day that the attempt counts in.
  absl::Time not_before = absl::InfinitePast();  // Of a reload: when the next may follow.
};

// A payment is about to leave for the payment system.
struct PaymentSent {
  int64_t payment_sequence = 0;
};

// A payment ended, or, where it had ended before, ended otherwise after all.
struct PaymentFinished {
  int64_t payment_sequence = 0;
  PaymentKind kind = PaymentKind::kPurchase;
  PaymentState state = PaymentState::kFailed;  // Succeeded, failed, lost or cancelled.
  Nanos amount;
  bool late = false;  // It had ended before.
  std::string code;
  std::string message;
  std::string reference;  // The payment system's.
  // Of a reload: how auto-reload stands after it.
  ReloadPause pause = ReloadPause::kNone;
  int64_t failures = 0;
  absl::Time not_before = absl::InfinitePast();
};

// What an owner set about auto-reload, or what a change of plan made of it.
struct AutoReloadUpdated {
  AutoReloadSettings settings;  // Complete.
  bool metered = false;
  bool resumed = false;  // A pause ends, failures are forgotten.
  std::vector<FieldChange> changes;
};

// Money of a payment was taken back: a negative adjustment (rule X4). What is left of the payment's
// own credit goes first, then other live credit; the rest is overdraft on prepaid plans. On
// postpaid ones, where nothing would repay it, it goes onto the statement.
struct ChargedBack {
  int64_t payment_sequence = 0;
  Nanos amount;  // The draws, the overdraft and what is billed together.
  std::vector<GrantDraw> grant_draws;
  Nanos overdraft;
  Nanos billed;
  ReloadPause pause = ReloadPause::kNone;  // Of auto-reload after it.
  std::string reason;
};

// The balance fell to the threshold (rule N4).
struct LowBalanceNoticed {
  Nanos threshold;
  Amount balance;  // Credit less overdraft.
};

// Where notices go was set.
struct NotificationChannelsSet {
  NotificationChannels channels;  // Complete; replaces what was.
  std::vector<FieldChange> changes;
};

// The digest of outstanding requests was planned, cancelled or fell due.
struct DigestScheduled {
  absl::Time next = absl::InfiniteFuture();  // When it is due next; infinite: not any more.
  int64_t outstanding = 0;                   // Requests that wait.
  bool is_due = false;                       // It is due now, and people are told.
};

// The alternatives. Their order is persisted through the kinds of the record proto, not through
// this index.
using AnyEntryBody =
    std::variant<OrganizationCreated, OrganizationUpdated, MemberUpserted, ExtraUsageUpdated,
                 SpendLimitSet, CreditGranted, CreditExpired, WindowOpened, MonthOpened,
                 UsageCharged, EpisodeOpened, EpisodeEnded, PendingChangeApplied, HoldPlaced,
                 HoldExtended, HoldEnded, EntryReversed, ExtraUsageConfirmed, CrossingNoticed,
                 IncreaseRequested, IncreaseDecided, MemberSelected, EpisodeAnswered, PeriodsOpened,
                 ThresholdNoticed, LimitRaiseExpired, PlanChanged, PaymentRequested, PaymentSent,
                 PaymentFinished, AutoReloadUpdated, ChargedBack, LowBalanceNoticed,
                 NotificationChannelsSet, DigestScheduled, StatementOpened, StatementFinalized>;

// What an entry says: one of the above, to be visited as the variant that it is. Copying so many
// alternatives is much code, compiled once (entry.cc) instead of in every file that has an entry.
class EntryBody : public AnyEntryBody {
 public:
  using AnyEntryBody::AnyEntryBody;
  EntryBody();
  EntryBody(const EntryBody& other);
  EntryBody(EntryBody&& other) noexcept;
  EntryBody& operator=(const EntryBody& other);
  EntryBody& operator=(EntryBody&& other) noexcept;
  ~EntryBody();
};

// One entry. The engine gives it its sequence and instant.
struct Entry {
  int64_t sequence = 0;
  absl::Time recorded_at;
  Cause cause;
  EntryBody body;
};

}  // namespace bursar
