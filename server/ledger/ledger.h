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

struct CheckAdmissionCommand {
  std::string member_id;
  std::string surface;  // Never empty: the caller fills in "api".
  std::string provider;
  std::string model;
  std::optional<Nanos> estimate;
  std::string currency_code;            // Of an estimate in money, as sent; empty: the wallet's.
  std::optional<Usage> estimate_usage;  // The engine prices it into `estimate` before deciding.
  bool validate_only = false;           // No episode, no notice.
  bool full_view = false;               // Evaluations always.
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
};

// NOT_FOUND for an unknown member where members are not provisioned automatically.
absl::StatusOr<Decision<CheckAdmissionOutcome>> Decide(const Wallet& wallet,
                                                       const CheckAdmissionCommand& command,
                                                       const DecisionContext& context);

// ---- Recording --------------------------------------------------------------------------------

struct RecordConsumptionCommand {
  std::string member_id;
  std::string surface;  // Never empty.
  std::string provider;
  std::string model;
  std::optional<Usage> usage;  // As sent; absent where a cost was given.
  Nanos cost;                  // Zero or more. With `usage` the engine prices it before deciding.
  std::string currency_code;   // Of a given cost, as sent; empty: the wallet's.
  std::string price_card;      // Empty where a cost was given.
  bool price_fallback = false;
  std::string admission_id;  // As sent; no hold can be live yet, so a named one is unknown.
  absl::Time occurred_at;
  std::string parent_session_id;
  std::vector<std::pair<std::string, std::string>> labels;  // By key.
};

struct RecordConsumptionOutcome {
  // The charge is the last body of the decision; the outcome repeats what the receipt shows.
  UsageCharged charge;
};

// Never refuses usage of a known member (rule R1). NOT_FOUND for an unknown member where members
// are not provisioned automatically.
absl::StatusOr<Decision<RecordConsumptionOutcome>> Decide(const Wallet& wallet,
                                                          const RecordConsumptionCommand& command,
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
  std::optional<int64_t> expected_version;  // The etag; another version is ABORTED.
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
};

struct SetSpendLimitCommand {
  Scope scope = Scope::kOrganization;
  std::string scope_id;  // Tier or member.
  SpendLimit limit;
  std::string currency_code;  // Of the amount, as sent; empty: the wallet's.
};

struct GrantCreditCommand {
  CreditKind kind = CreditKind::kPurchase;
  Nanos amount;
  std::string currency_code;             // Of the amount, as sent; empty: the wallet's.
  std::optional<absl::Time> expires_at;  // Unset: one year from now.
  std::string reference;
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

// ---- Time -------------------------------------------------------------------------------------

// At most this many due effects are journaled in one commit (rule T3).
inline constexpr int kMaxDueEntries = 256;

// Members that must be loaded before DueEntries is called for `now`.
std::vector<std::string> MembersDue(const WalletHeader& header, absl::Time now);

// What has fallen due by `now` and is not journaled, oldest first, at most kMaxDueEntries: expired
// credit, pending seats, pending settings. Empty where nothing has. Call Apply on them and ask
// again until none is left.
std::vector<EntryBody> DueEntries(const WalletHeader& header, absl::Time now);

// ---- Episodes ---------------------------------------------------------------------------------

// Given a wallet to which `bodies` were just applied: the entry that ends the open episode, if one
// is open and one of the bodies can end it (credit, limit, settings, a month or pool window that
// opened, credit expired never) and the pool has headroom again (rule N3).
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

// ---- Invariants -------------------------------------------------------------------------------

// Something that does not hold.
struct Violation {
  std::string rule;     // Such as "J2".
  std::string message;  // With the figures.
};

// Checks the invariants of rules J2 and B1 on a wallet with *all* its members loaded.
std::vector<Violation> CheckInvariants(const Wallet& wallet);

}  // namespace bursar
