// The ledger: commands in, journal entries and outcomes out. Pure: no clock, no I/O, no locks, no
// logging, no randomness; the same wallet, command and instant always give the same decision.
//
//   Decide(wallet, command, context) -> Decision{outcome, entry bodies}   may refuse by a status
//   Apply(wallet, entry)                                                  folds one entry
//
// The engine stamps the bodies with sequence and instant, applies them, and makes them durable.
// Before it decides anything it writes what has fallen due (`DueEntries`, rule T3), so that a
// decision never sees a change that should have happened.
//
// A decision either refuses with a status and changes nothing, or returns an outcome with zero or
// more entries. A denial is an outcome.
//
// Thread rule: pure functions of their arguments; the engine guards the wallet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/admission.h"
#include "server/ledger/denial.h"
#include "server/ledger/entry.h"
#include "server/ledger/increase_commands.h"
#include "server/ledger/payment_commands.h"
#include "server/ledger/pricing.h"
#include "server/ledger/state.h"

namespace bursar {

template <typename Outcome>
struct Decision {
  Outcome outcome;
  std::vector<EntryBody> bodies;
};

// OK where `code` is empty or the wallet's currency; otherwise INVALID_ARGUMENT naming `field`
// (rule M2).
absl::Status CheckCurrency(const WalletHeader& header, const char* field, const std::string& code);

// ---- Admission --------------------------------------------------------------------------------

// How much an admission promises (rule H2).
enum class AdmissionMode : uint8_t { kCheckOnly = 1, kHold = 2, kHoldUpToAvailable = 3 };

struct CheckAdmissionCommand {
  std::string member_id;
  std::string surface;  // Empty: decided as kDefaultSurface, and a record of the hold may say it.
  std::string provider;
  std::string model;
  std::optional<Nanos> estimate;
  std::string currency_code;            // Of an estimate in money, as sent; empty: the wallet's.
  std::optional<Usage> estimate_usage;  // The engine prices it into `estimate` before deciding.
  bool validate_only = false;           // No hold, no episode, no notice.
  bool full_view = false;               // Evaluations always.
  AdmissionMode mode = AdmissionMode::kCheckOnly;
  std::optional<absl::Duration> hold_ttl;                   // Unset: the organization's policy.
  std::string parent_session_id;                            // These two go with the hold.
  std::vector<std::pair<std::string, std::string>> labels;  // By key.
};

// An evaluation that outlives the wallet's lock.
struct EvaluationLine {
  Evaluation bound;  // `scope_id` of it is not valid; use the field below.
  std::string scope_id;
  std::vector<MemberRole> changeable_by;
};

struct CheckAdmissionOutcome {
  bool admitted = false;
  Bucket bucket = Bucket::kIncluded;
  std::vector<EvaluationLine> evaluations;  // The blocking one first.
  std::optional<Denial> denial;
  std::vector<ThresholdReached> thresholds;
  // The denial's episode is open or opened by this decision: the answer waits for its durability.
  bool waits_for_episode = false;
  // The hold that the decision places, with its sequence: its HoldPlaced is the last body. Empty
  // when checking only, when denied and when validating.
  std::optional<Hold> hold;
};

// In a hold mode an admitted check places a hold (rule H3): of all of the estimate, or of as much
// of it as there is headroom for and `max_hold` allows. An estimate of zero places a hold of
// nothing where a check without an estimate would be admitted. The first hold creates an
// automatically provisioned member (rule O6).
//
// NOT_FOUND for an unknown member where members are not provisioned automatically;
// INVALID_ARGUMENT for a hold mode without an estimate, for a negative one or for a time to live
// out of range; RESOURCE_EXHAUSTED with reason TOO_MANY_HOLDS where kMaxOpenHolds, or of
// the member kMaxOpenHoldsOfMember, are open.
absl::StatusOr<Decision<CheckAdmissionOutcome>> Decide(const Wallet& wallet,
                                                       const CheckAdmissionCommand& command,
                                                       const DecisionContext& context);

// ---- Recording --------------------------------------------------------------------------------

// What the engine made of the admission that a record names.
struct AdmissionName {
  enum Kind : uint8_t {
    kNone = 0,     // None was named.
    kNamed = 1,    // `sequence` is a hold's of this wallet: open, ended, or never placed.
    kUnknown = 2,  // The text is no id of ours.
    kForeign = 3,  // It is another organization's.
  };
  Kind kind = kNone;
  int64_t sequence = 0;
};

struct RecordConsumptionCommand {
  // These four may be empty where the admission names a hold, open or ended: they default from it
  // (rule R4). An empty surface is "api" otherwise.
  std::string member_id;
  std::string surface;
  std::string provider;
  std::string model;
  std::optional<Usage> usage;  // As sent; absent where a cost was given.
  Nanos cost;                  // Zero or more. With `usage` the engine prices it before deciding.
  std::string currency_code;   // Of a given cost, as sent; empty: the wallet's.
  std::string price_card;      // Empty where a cost was given.
  bool price_fallback = false;
  std::string admission_id;  // As sent.
  AdmissionName admission;   // What it names. Its ended hold is loaded, or there is none.
  bool partial = false;      // The hold stays open with what is left of it.
  absl::Time occurred_at;
  std::string parent_session_id;
  std::vector<std::pair<std::string, std::string>> labels;  // By key.
};

struct RecordConsumptionOutcome {
  // The charge is the last body of the decision; the outcome repeats what the receipt shows.
  UsageCharged charge;
};

// Fills what the command leaves empty from the hold that its admission names (rule R4): what a
// record is priced and decided by. INVALID_ARGUMENT where member, surface, provider or model were
// sent and are not the hold's, or where no member is named at all.
absl::Status FillFromAdmission(const Wallet& wallet, RecordConsumptionCommand& command);

// The command must have been filled by FillFromAdmission on this wallet.
//
// Never refuses usage of a known member (rule R1), whatever became of the admission. A live hold is
// settled (rule H4); a record naming a captured one first reverses the capture (rule H5). NOT_FOUND
// for an unknown member where members are not provisioned automatically.
absl::StatusOr<Decision<RecordConsumptionOutcome>> Decide(const Wallet& wallet,
                                                          const RecordConsumptionCommand& command,
                                                          const DecisionContext& context);

// ---- Holds ------------------------------------------------------------------------------------

// NOT_FOUND with reason ADMISSION_NOT_FOUND.
absl::Status UnknownAdmission();

struct ExtendAdmissionCommand {
  int64_t sequence = 0;               // Of the hold.
  std::optional<absl::Duration> ttl;  // From now on; unset: the organization's policy.
};

struct ReleaseAdmissionCommand {
  int64_t sequence = 0;  // Of the hold.
};

// The hold after its extension, or before its release. Its member must be loaded.
struct HoldOutcome {
  Hold hold;
};

// Lets a hold live for `ttl` from now on, or as long as it does already where that is longer (then
// there is no entry). NOT_FOUND with reason ADMISSION_NOT_FOUND where there never was such a hold;
// FAILED_PRECONDITION with reason ADMISSION_NOT_LIVE where it is not open any more;
// INVALID_ARGUMENT naming `hold_ttl` where that is out of range, or more than 24 hours after
// placing.
absl::StatusOr<Decision<HoldOutcome>> Decide(const Wallet& wallet,
                                             const ExtendAdmissionCommand& command,
                                             const DecisionContext& context);
// Gives everything back. NOT_FOUND and FAILED_PRECONDITION as for extending.
absl::StatusOr<Decision<HoldOutcome>> Decide(const Wallet& wallet,
                                             const ReleaseAdmissionCommand& command,
                                             const DecisionContext& context);

// ---- Reversing --------------------------------------------------------------------------------

// The facts of a journaled charge: what the engine puts into `Wallet::reversals` where the store
// has no record of earlier reversals of it.
Reversal ReversalOf(int64_t sequence, absl::Time recorded_at, const UsageCharged& charge);

struct ReverseEntryCommand {
  int64_t sequence = 0;  // Of the charge. Zero fits no charge.
  // The hold that the charge captured (UsageCharged::captured, hold_sequence), which must then be
  // in `Wallet::ended_holds`; zero otherwise, and the charge must be in `Wallet::reversals`.
  int64_t hold_sequence = 0;
  std::optional<Nanos> amount;  // Unset: all that is left.
  std::string currency_code;    // Of the amount, as sent; empty: the wallet's.
  std::string reason;
};

struct ReverseEntryOutcome {
  EntryReversed reversed;  // Its sequence is that of the first body.
  Nanos left;              // What of the charge can still be reversed.
  Nanos returned_credit;   // Prepaid: what comes back, the part that repays overdraft included.
};

// Takes back a charge or a part of it, extra usage first (rule R7). The bodies are EntryReversed,
// then the credit that comes back. FAILED_PRECONDITION with reason NOT_REVERSIBLE where the entry
// is no charge that is loaded, ALREADY_REVERSED where nothing of it is left; INVALID_ARGUMENT
// naming `amount` where it is not more than zero or more than what is left.
absl::StatusOr<Decision<ReverseEntryOutcome>> Decide(const Wallet& wallet,
                                                     const ReverseEntryCommand& command,
                                                     const DecisionContext& context);

// ---- Confirming -------------------------------------------------------------------------------

struct ConfirmExtraUsageCommand {
  std::string member_id;
};

struct ConfirmExtraUsageOutcome {
  absl::Time confirmed_until;  // The end of the member's longest window.
};

// Confirms extra usage for the member's longest window that is open now (rule B9), also where no
// confirmation is asked for yet. Confirming again changes nothing. NOT_FOUND as for a check (an
// automatically provisioned member is created); FAILED_PRECONDITION with reason
// EXTRA_USAGE_NOT_APPLICABLE where everything is metered.
absl::StatusOr<Decision<ConfirmExtraUsageOutcome>> Decide(const Wallet& wallet,
                                                          const ConfirmExtraUsageCommand& command,
                                                          const DecisionContext& context);

// ---- Administration ---------------------------------------------------------------------------

struct CreateOrganizationCommand {
  std::string organization_id;
  // Empty display name, currency or zone and an infinite-past anchor mean the defaults.
  OrganizationSettings settings;
};

// What to change; unset fields stay.
struct UpdateOrganizationCommand {
  std::optional<std::string> display_name;
  std::optional<AccountStatus> status;  // Active or suspended.
  std::optional<std::string> settings_url;
  std::optional<std::string> time_zone;
  std::optional<absl::Time> billing_anchor;
  std::optional<IncludedScope> included_scope;
  std::optional<bool> auto_provision_members;
  std::optional<int64_t> max_seats;
  std::optional<HoldExpiryPolicy> hold_expiry_policy;
  std::optional<absl::Duration> default_hold_ttl;   // One second to 24 hours.
  std::optional<Nanos> max_hold;                    // More than zero.
  std::optional<absl::Duration> request_cool_down;  // Zero to 365 days.
  std::string max_hold_currency_code;               // As sent; empty: the wallet's.
  std::optional<CrossingPolicy> crossing_policy;
  std::optional<absl::Duration> payment_timeout;    // One minute to 30 days.
  std::optional<Nanos> low_balance_threshold;       // Zero or more.
  std::string low_balance_threshold_currency_code;  // As sent; empty: the wallet's.
  std::optional<std::string> plan_id;               // Acts at once (rule O8).
  std::optional<int64_t> expected_version;          // The etag; another version is ABORTED.
};

// One member to create or change; unset fields keep their value, or take the default.
struct MemberChange {
  std::string member_id;
  std::optional<std::string> email;
  std::optional<std::string> display_name;
  std::optional<std::string> tier_id;
  std::optional<MemberRole> role;
  std::optional<AccountStatus> status;
  std::optional<std::string> time_zone;
  std::optional<int64_t> expected_version;
};

struct UpsertMembersCommand {
  std::vector<MemberChange> members;  // Each id once.
};

struct UpdateExtraUsageCommand {
  bool enabled = false;
  std::optional<ExtraUsageAudience> audience;
  std::optional<std::vector<std::string>> selected_member_ids;  // Exactly these, each id once.
  // The organization's monthly spend limit, set in the same commit (rule X0); unset: as it is.
  std::optional<SpendLimit> limit = std::nullopt;
  std::string limit_currency_code = "";  // Of its amount, as sent; empty: the wallet's.
  std::optional<UpdateAutoReloadCommand> auto_reload = std::nullopt;  // In the same commit (X0).
};

struct SetSpendLimitCommand {
  Scope scope = Scope::kOrganization;
  std::string scope_id;       // Tier, member, surface or model.
  SpendLimit limit;           // Amount and basis; the rest is not read.
  std::string currency_code;  // Of the amount, as sent; empty: the wallet's.
  // A temporary limit, until then; unset: a permanent one, which ends a temporary one (rule L4).
  std::optional<absl::Time> expires_at;
  PeriodKind period = PeriodKind::kMonth;
};

struct GrantCreditCommand {
  CreditKind kind = CreditKind::kPurchase;
  Nanos amount;
  std::string currency_code;             // Of the amount, as sent; empty: the wallet's.
  std::optional<absl::Time> expires_at;  // Unset: one year from now.
  std::string reference;
};

// Where notices go, complete: what it does not name is removed.
struct SetNotificationChannelsCommand {
  NotificationChannels channels;         // Sequences and instants in it mean nothing.
  std::vector<std::string> rotated_ids;  // Targets that get a new secret; new ones always do.
  std::optional<int64_t> expected_version;
};

// What an administrative command left behind.
struct AdministrationOutcome {
  // UpsertMembers.
  int created_count = 0;
  int updated_count = 0;
  // GrantCredit: the credit with what is left of it after overdraft was repaid.
  CreditGrant granted;
  Nanos repaid_overdraft;
  // SetSpendLimit.
  bool spend_predates_limit = false;
  // UpdateExtraUsage: what is worth doing next, in words (rule X0).
  std::vector<std::string> next_steps;
  // The engine puts the outcomes of the other commands that are carried like these here, and where
  // the command's entries begin (zero where there are none).
  int64_t first_sequence = 0;
  std::optional<Hold> hold;                     // Extended or released.
  std::optional<ReverseEntryOutcome> reversal;  // ReverseEntry.
  std::optional<absl::Time> confirmed_until;    // ConfirmExtraUsage.
  // Of requests for more: the request after the command, and whether it was open before it.
  std::optional<IncreaseRequest> request;
  bool request_existed = false;
  std::optional<PaymentOutcome> payment;  // Every command about a payment.
};

// Each validates against the wallet and refuses with INVALID_ARGUMENT (field violations),
// NOT_FOUND, FAILED_PRECONDITION or ABORTED, or returns its entries. A command that changes nothing
// returns none.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const CreateOrganizationCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateOrganizationCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpsertMembersCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateExtraUsageCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const SetSpendLimitCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const GrantCreditCommand& command,
                                                       const DecisionContext& context);
// INVALID_ARGUMENT for malformed or too many targets and filters, and for a rotation of a target
// that is not named or is new; ABORTED (ETAG_MISMATCH).
absl::StatusOr<Decision<AdministrationOutcome>> Decide(
    const Wallet& wallet, const SetNotificationChannelsCommand& command,
    const DecisionContext& context);

// ---- Requests for more ------------------------------------------------------------------------

// Asks; an open request of the member is the outcome, whatever is asked, and nothing changes. The
// first request creates an automatically provisioned member (rule O6). INVALID_ARGUMENT naming
// `amount` or `seat_tier` where they are no increase; NOT_FOUND for an unknown member;
// FAILED_PRECONDITION (MEMBER_NOT_ACTIVE, EXTRA_USAGE_NOT_APPLICABLE, NOTHING_TO_ASK,
// REQUEST_COOL_DOWN); RESOURCE_EXHAUSTED (TOO_MANY_INCREASE_REQUESTS).
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const CreateIncreaseRequestCommand& command,
                                                       const DecisionContext& context);
// These three need the request in `Wallet::requests`, and its member and the reviewer loaded.
// NOT_FOUND (INCREASE_REQUEST_NOT_FOUND), FAILED_PRECONDITION (INCREASE_REQUEST_DECIDED).
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const CancelIncreaseRequestCommand& command,
                                                       const DecisionContext& context);
// Grants within the reviewer's powers, or escalates: an escalated request that the reviewer still
// may not grant stays as it is. PERMISSION_DENIED for a reviewer who is no active admin or owner;
// INVALID_ARGUMENT naming `amount` or `expire_time`; FAILED_PRECONDITION
// (MEMBER_NOT_ACTIVE, NOTHING_TO_ASK, EXTRA_USAGE_NOT_APPLICABLE).
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const ApproveIncreaseRequestCommand& command,
                                                       const DecisionContext& context);
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const DenyIncreaseRequestCommand& command,
                                                       const DecisionContext& context);
// FAILED_PRECONDITION (NO_OPEN_EPISODE).
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const AnswerEpisodeCommand& command,
                                                       const DecisionContext& context);

// ---- Payments (payment_commands.h) -------------------------------------------------------------

// FAILED_PRECONDITION with reason PLAN_IS_POSTPAID where the plan has no balance, and
// TOO_MANY_PAYMENTS where kMaxOpenPurchases are open; INVALID_ARGUMENT naming `amount`.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const PurchaseCreditCommand& command,
                                                       const DecisionContext& context);
// FAILED_PRECONDITION with reason PLAN_IS_POSTPAID; INVALID_ARGUMENT naming each field. Switching
// it off withdraws a reload that was not sent yet.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpdateAutoReloadCommand& command,
                                                       const DecisionContext& context);
// A success is credited once, whatever the state and the plan; repeated it changes nothing, as a
// repeated failure does. NOT_FOUND with reason PAYMENT_NOT_FOUND; FAILED_PRECONDITION with reason
// PAYMENT_SUCCEEDED where a success is said to have failed: that is a chargeback. Requires: the
// payment is open, or loaded where there is one.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const CompletePaymentCommand& command,
                                                       const DecisionContext& context);
// The outcome's payment says what became of it: only one that is kSent may leave. Repeated, or
// where the payment has ended, it changes nothing. NOT_FOUND as above.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const MarkPaymentSentCommand& command,
                                                       const DecisionContext& context);
// Takes credit back, and pauses auto-reload. NOT_FOUND as above; FAILED_PRECONDITION with reason
// PAYMENT_NOT_SUCCEEDED, or ALREADY_CHARGED_BACK where nothing is left; INVALID_ARGUMENT naming
// `amount` where it is not more than zero or more than what is left.
absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const RecordChargebackCommand& command,
                                                       const DecisionContext& context);

// What a wallet owes to its own state, decided after every commit of entries and journaled with
// them: the digest of open requests, the notice of a low balance, and the reload that policy asks
// for now (rules Q4, N4, X4). Empty almost always. Applied, it owes nothing more, except that after
// a change of plan the reload may fall due only then. While dues are journaled no reload is asked
// for: it is due itself once nothing else is, and its verdict is awaited from then on and not from
// an instant before an outage.
std::vector<EntryBody> FollowUps(const WalletHeader& header, const DecisionContext& context);

// ---- Time -------------------------------------------------------------------------------------

// At most this many due effects are journaled in one commit (rule T3).
inline constexpr int kMaxDueEntries = 256;

// Members that must be loaded before DueEntries is called for `now`.
std::vector<std::string> MembersDue(const Wallet& wallet, absl::Time now);

// Something that fell due, and when its entry is recorded: at the instant at which it fell due, so
// that what expired before a month's end counts in that month however late it is journaled (rule
// T3); never before the wallet's last entry.
struct DueEntry {
  absl::Time at;
  EntryBody body;
};

// What has fallen due by `context.now` and is not journaled, oldest first, at most kMaxDueEntries:
// expired credit, expired holds, expired temporary limits, pending seats, pending settings, lost
// payments, reloads, the digest. Empty where nothing has. Call Apply on them and ask again until
// none is left: a hold that is captured comes alone, because what it draws depends on everything
// before it.
std::vector<DueEntry> DueEntries(const Wallet& wallet, const DecisionContext& context);

// ---- Episodes ---------------------------------------------------------------------------------

// Given a wallet to which `bodies` were just applied: the entry that ends the open episode, if one
// is open and one of the bodies can end it (credit, a limit set or one that expired, settings, the
// plan, a period that opened, credit expired never, a refund, but not a released hold) and the
// pool, live holds left out, has headroom again (rule N3).
std::optional<EntryBody> EpisodeEnd(const WalletHeader& header,
                                    const std::vector<EntryBody>& bodies,
                                    const DecisionContext& context);

// ---- Folding ----------------------------------------------------------------------------------

// Applies one entry: its sequence must be the wallet's revision + 1 and its instant not before the
// last entry's. DATA_LOSS when it does not fit the wallet (a journal that is not this wallet's);
// the wallet is then not to be used further. Members that the entry names are created where the
// entry creates them, and must be present otherwise.
absl::Status Apply(Wallet& wallet, const Entry& entry);

// The members whose records an entry changes.
std::vector<std::string> MembersTouched(const EntryBody& body);

// The hold whose record an entry changes; zero for none. Afterwards it is in `Wallet::holds` (its
// record is to be put), or in `Wallet::ended_holds` (the open one's record is to be deleted, and
// the ended one's put).
int64_t HoldTouched(const Entry& entry);

// The finished payment whose record an entry changes: it is in `Wallet::payments` afterwards; zero
// for none.
int64_t PaymentTouched(const EntryBody& body);

// The charge whose record in `Wallet::reversals` an entry changes; zero for none.
int64_t ReversalTouched(const EntryBody& body);

// The request for more whose record in `Wallet::requests` an entry changes; zero for none.
int64_t RequestTouched(const Entry& entry);

// ---- Invariants -------------------------------------------------------------------------------

// Something that does not hold.
struct Violation {
  std::string rule;     // Such as "J2".
  std::string message;  // With the figures.
};

// Checks the invariants of rules J2, H3 and B1 on a wallet with *all* its members loaded.
std::vector<Violation> CheckInvariants(const Wallet& wallet);

}  // namespace bursar
