// An independent model of the wallet, to judge the ledger by.
//
// It keeps nothing but the list of what happened, and answers every question by going through all
// of it again with plain loops: no counters, no cache, no entry types. It shares with the ledger
// only plain data (plans, enums, amounts) and the arithmetic of windows, which has an independent
// judge of its own. Slow, and easy to believe. The one thing that it carries along is whether an
// episode is open.
//
// Thread rule: single-threaded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/base/zone.h"
#include "server/ledger/admission.h"
#include "server/ledger/plan.h"
#include "server/ledger/state.h"

namespace bursar {

// What a check says.
struct NaiveAnswer {
  bool found = true;  // False: the member is not known.
  bool admitted = false;
  DenialReason reason = DenialReason::kNone;
  Bucket bucket = Bucket::kIncluded;
  absl::Time ends_at = absl::InfiniteFuture();  // Of a denial.
  bool held = false;                            // Denied by live holds alone.
};

// What a record does.
struct NaiveCharge {
  bool found = true;
  Amount included;
  Amount extra;  // Or metered.
  Amount overshoot;
  Amount overdraft;
  bool unadmitted = false;
  bool unseated = false;
  std::string tier_id;
  Amount held;  // What the hold that it settled held.
};

// An open hold.
struct NaiveHold {
  int64_t id = 0;
  std::string member_id;
  std::string surface;
  std::string tier_id;
  Amount included;
  Amount extra;
  bool from_pool = false;
  absl::Time placed_at;
  absl::Time expires_at;
};

// What can happen to a wallet. Only the fields of its kind mean something.
struct NaiveEvent {
  enum class Kind {
    kOrganizationStatus,
    kSettings,
    kMember,
    kExtra,
    kLimit,
    kCredit,
    kCharge,
    kPolicy,
    kHold,
    kExtension,
    kHoldEnd,
    kReversal,
    kConfirmation
  };
  Kind kind = Kind::kCharge;
  absl::Time at;
  // When it took effect: for the capture of a hold the instant at which that expired.
  absl::Time effect_at;

  AccountStatus organization_status = AccountStatus::kActive;

  // kSettings: what waits from now on; nothing when `effective_at` is infinite.
  absl::Time effective_at;
  std::string time_zone;
  absl::Time anchor;
  IncludedScope included_scope = IncludedScope::kSeat;

  // kMember: an upsert as it was asked for.
  std::string member_id;
  std::optional<std::string> tier_id;
  std::optional<AccountStatus> status;
  bool unseated = false;    // Provisioned beyond the maximum.
  absl::Time downgrade_at;  // When a downgrade asked for now would act.

  // kExtra.
  bool enabled = false;
  ExtraUsageAudience audience = ExtraUsageAudience::kEveryone;
  std::optional<std::vector<std::string>> selected;

  // kLimit.
  Scope scope = Scope::kOrganization;
  SpendLimit limit;

  // kCredit: `amount` that expires. kCharge: included and extra parts, in `charge_tier`.
  Nanos amount;
  absl::Time expires_at;
  Amount included;
  Amount extra;
  std::string charge_tier;
  bool from_pool = false;

  // kPolicy.
  bool captures = false;
  bool confirms = false;
  // Holds: what is placed; what a charge or a reversal names. Charges and reversals: who it is.
  NaiveHold hold;
  int64_t hold_id = 0;     // Of a charge: the hold that it takes from.
  bool ends_hold = false;  // Of a charge.
  bool captured = false;   // Of a charge.
  int64_t id = 0;          // Of a charge; of a reversal: the charge's.
  absl::Time confirmed_until;
};

class NaiveWallet {
 public:
  // The plan and the zones must outlive the wallet.
  NaiveWallet(const Plan& plan, const OrganizationSettings& settings, const ZoneDatabase& zones);

  // Time goes on; never back. Every other call is at this instant.
  void MoveTo(absl::Time now);

  // Commands: the code of the refusal, or OK.
  absl::StatusCode Upsert(const std::string& member_id, std::optional<std::string> tier_id,
                          std::optional<AccountStatus> status);
  absl::StatusCode SetExtra(bool enabled, ExtraUsageAudience audience,
                            std::optional<std::vector<std::string>> selected);
  absl::StatusCode SetLimit(Scope scope, const std::string& scope_id, const SpendLimit& limit);
  absl::StatusCode Grant(Nanos amount, absl::Time expires_at);
  void ChangeSettings(std::optional<std::string> time_zone, std::optional<absl::Time> anchor,
                      std::optional<IncludedScope> included_scope);
  void SetStatus(AccountStatus status);
  NaiveAnswer Check(const std::string& member_id, const std::string& surface,
                    std::optional<Nanos> estimate, bool validate_only);
  NaiveCharge Record(const std::string& member_id, const std::string& surface, Nanos cost);

  // Holds, named by numbers of the caller's choice.
  void SetPolicy(bool captures, bool confirms);
  // As Check, and where it admits, an open hold `id` of the estimate or of what fits.
  NaiveAnswer Hold(int64_t id, const std::string& member_id, const std::string& surface,
                   Nanos estimate, bool up_to_available, absl::Duration ttl, Nanos max_hold);
  // A record that names a hold, open or not.
  NaiveCharge Settle(int64_t id, const std::string& member_id, const std::string& surface,
                     Nanos cost, bool partial);
  bool Extend(int64_t id, absl::Duration ttl);
  bool Release(int64_t id);
  // Takes back a charge by its number: the n-th, counted from zero. False: more than is left.
  bool Reverse(int64_t charge, Nanos amount);
  Amount LeftOf(int64_t charge) const;
  int64_t charge_count() const { return charge_count_; }
  bool Confirm(const std::string& member_id);

  std::vector<NaiveHold> OpenHolds() const;
  // Included usage of the current window of the longest kind.
  Amount IncludedSpent(const std::string& member_id, WindowKind kind) const {
    return UsedAt(member_id, kind, now_).spent;
  }

  // A setting, a limit or extra usage was changed: that ends an episode where nothing is in the
  // way.
  void EndEpisodeIfLifted();

  // What there is now.
  Amount Balance() const { return CreditAt(now_).balance; }
  Amount Overdraft() const { return CreditAt(now_).overdraft; }
  // Spend of the current month: extra (or metered) and included. An empty member or tier is any.
  struct MonthSum {
    Amount extra;
    Amount included;
  };
  MonthSum SumOf(const std::string& member_id, const std::string& tier_id) const;
  // The tier in force; nothing for an unknown member.
  std::optional<std::string> TierOf(const std::string& member_id) const;
  int SeatCount() const;
  bool episode_open() const { return episode_open_; }

 private:
  struct Settings {
    std::string time_zone;
    absl::Time anchor;
    IncludedScope included_scope = IncludedScope::kSeat;
    absl::Time effective_at = absl::InfiniteFuture();  // Of what waits.
    std::string next_time_zone;
    absl::Time next_anchor;
    IncludedScope next_included_scope = IncludedScope::kSeat;
  };
  struct MemberState {
    bool exists = false;
    std::string tier_id;
    AccountStatus status = AccountStatus::kActive;
    bool unseated = false;
    absl::Time pending_at = absl::InfiniteFuture();
    std::string pending_tier;
  };
  struct Extra {
    bool enabled = false;
    ExtraUsageAudience audience = ExtraUsageAudience::kEveryone;
    std::vector<std::string> selected;
  };
  struct Credit {
    Amount balance;
    Amount overdraft;
  };
  struct Used {
    Window window;
    Amount spent;
  };
  // One window, limit or balance.
  struct Bound {
    DenialReason reason;
    Amount limit;
    Amount spent;
    absl::Time reset;                                  // Infinite: never.
    std::vector<std::pair<absl::Time, Amount>> holds;  // When they expire, and what they reserve.
    Amount headroom;
  };
  // Everything that one request meets.
  struct Situation {
    DenialReason refusal = DenialReason::kNone;  // Suspended.
    DenialReason gate = DenialReason::kNone;
    bool included_applies = false;
    std::vector<Bound> windows;
    Amount included;  // The smallest headroom of them, or zero.
    std::vector<Bound> bounds;
    bool zero_limit = false;
  };

  // A charge that takes from an open hold, or from none.
  NaiveCharge Charge(const std::string& member_id, const std::string& surface, Nanos cost,
                     const NaiveHold* hold, bool ends_hold, bool captured);
  NaiveAnswer Decide(const Situation& situation, std::optional<Nanos> estimate,
                     std::optional<Nanos> max_hold, bool validate_only);
  void Join(const std::string& member_id, bool unseated);
  NaiveEvent ChargeEvent(int64_t charge) const;
  void TakeBack(const NaiveEvent& charge, Amount amount);
  absl::Time ConfirmedUntil(const std::string& member_id) const;
  bool Confirmed(const std::string& member_id) const;
  void EndExpired(const NaiveHold& hold);
  void EndEpisodeWithMonth(absl::Time until);
  absl::Time LastChargeAt() const;
  Settings SettingsAt(absl::Time instant) const;
  MemberState MemberAt(const std::string& member_id, absl::Time instant) const;
  std::vector<std::string> MemberIds() const;
  Extra CurrentExtra() const;
  std::optional<SpendLimit> LimitOf(Scope scope, const std::string& scope_id) const;
  AccountStatus OrganizationStatus() const;
  Credit CreditAt(absl::Time instant) const;
  bool EverCredited() const;
  Window MonthAt(absl::Time instant) const;
  // `member_id` empty: the pool.
  Used UsedAt(const std::string& member_id, WindowKind kind, absl::Time instant) const;
  Window BoundsOf(WindowKind kind, absl::Time instant, absl::Time effect_at) const;
  WindowKind LongestKind() const;
  const SeatTier& Tier(const std::string& tier_id) const;
  bool IsUpgrade(const std::string& from, const std::string& to) const;
  bool SeatsFull() const;
  Amount PoolAllowance(WindowKind kind, const std::string& joining_tier) const;
  // `settling`: a hold that is not in its own way; zero for none.
  Situation Meet(const std::string& member_id, const std::string& surface,
                 int64_t settling = 0) const;
  void MeetBounds(const std::string& member_id, const std::string& tier_id, int64_t settling,
                  Situation& situation) const;
  // What it says as it is, whether used up or held.
  NaiveAnswer JudgeAsItIs(const Situation& situation, std::optional<Nanos> estimate,
                          std::optional<Nanos> max_hold) const;
  NaiveAnswer Judge(const Situation& situation, std::optional<Nanos> estimate,
                    std::optional<Nanos> max_hold) const;
  bool Captures() const;
  // The situation at a later instant where nothing but time changes it.
  Situation Later(const Situation& situation, absl::Time at) const;
  static void Measure(Situation& situation);
  bool PoolBlocked(absl::Time instant, Amount spent) const;
  NaiveEvent Event(NaiveEvent::Kind kind) const;

  const Plan& plan_;
  const OrganizationSettings created_;
  const ZoneDatabase& zones_;
  absl::Time now_;
  // The instant whose settings, seats and credit are in force: now, or while what fell due is
  // caught up with, that instant.
  absl::Time effect_at_;
  int64_t charge_count_ = 0;
  std::vector<NaiveEvent> events_;
  bool episode_open_ = false;
};

}  // namespace bursar
