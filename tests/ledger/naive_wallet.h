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
  absl::Time ends_at = absl::InfiniteFuture();  // Of a denial without an estimate.
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
};

// What can happen to a wallet. Only the fields of its kind mean something.
struct NaiveEvent {
  enum class Kind { kOrganizationStatus, kSettings, kMember, kExtra, kLimit, kCredit, kCharge };
  Kind kind = Kind::kCharge;
  absl::Time at;

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
  // One bound beyond included usage.
  struct Bound {
    DenialReason reason;
    Amount limit;
    Amount headroom;
    absl::Time reopens_at;
  };
  // Everything that one request meets.
  struct Situation {
    DenialReason refusal = DenialReason::kNone;  // Suspended.
    DenialReason gate = DenialReason::kNone;
    bool included_applies = false;
    std::vector<std::pair<Amount, absl::Time>> windows;  // Headroom and reset of each.
    Amount included;                                     // The smallest of them.
    std::vector<Bound> bounds;
    bool zero_limit = false;
  };

  Settings SettingsAt(absl::Time instant) const;
  MemberState MemberAt(const std::string& member_id, absl::Time instant) const;
  std::vector<std::string> MemberIds() const;
  Extra CurrentExtra() const;
  std::optional<SpendLimit> LimitOf(Scope scope, const std::string& scope_id) const;
  AccountStatus OrganizationStatus() const;
  Credit CreditAt(absl::Time instant) const;
  Window MonthAt(absl::Time instant) const;
  // `member_id` empty: the pool.
  Used UsedAt(const std::string& member_id, WindowKind kind, absl::Time instant) const;
  Window BoundsOf(WindowKind kind, absl::Time instant) const;
  WindowKind LongestKind() const;
  const SeatTier& Tier(const std::string& tier_id) const;
  bool IsUpgrade(const std::string& from, const std::string& to) const;
  bool SeatsFull() const;
  Amount PoolAllowance(WindowKind kind, const std::string& joining_tier) const;
  Situation Meet(const std::string& member_id, const std::string& surface) const;
  NaiveAnswer Judge(const Situation& situation, std::optional<Nanos> estimate) const;
  bool PoolBlocked(absl::Time instant, Amount spent) const;
  void EndEpisodeIfLifted();
  NaiveEvent Event(NaiveEvent::Kind kind) const;

  const Plan& plan_;
  const OrganizationSettings created_;
  const ZoneDatabase& zones_;
  absl::Time now_;
  std::vector<NaiveEvent> events_;
  bool episode_open_ = false;
};

}  // namespace bursar
