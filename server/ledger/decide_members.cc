// Decisions about members: creating, changing, removing, moving between seats.
#include <algorithm>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/ledger.h"
#include "server/ledger/settings_text.h"

namespace bursar {

namespace {

bool TakesSeat(const Member& member) {
  return member.status != AccountStatus::kRemoved && !member.unseated;
}

bool LooksLikeEmail(const std::string& email) {
  const size_t at = email.find('@');
  return at != std::string::npos && at > 0 && at + 1 < email.size() && email.size() <= 254 &&
         email.find('@', at + 1) == std::string::npos &&
         std::none_of(email.begin(), email.end(),
                      [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

// Puts a member on another tier: an upgrade at once, a downgrade at the next of the plan's longest
// windows (rule O5). Asking for the tier in force cancels what waits.
void MoveTier(const Wallet& wallet, const Plan& plan, const std::string& tier_id,
              const DecisionContext& context, Member& member) {
  member.unseated = false;
  if (tier_id == member.tier_id) {
    member.pending_seat.reset();
    return;
  }
  // A tier of an earlier plan stands for the default one (rule O8).
  const std::string& in_force = TierOf(plan, &member)->id;
  if (member.tier_id.empty() || tier_id == in_force || plan.IsUpgrade(in_force, tier_id)) {
    member.tier_id = tier_id;
    member.pending_seat.reset();
    return;
  }
  if (member.pending_seat.has_value() && member.pending_seat->to_tier == tier_id) return;
  const bool pool = wallet.header.settings.included_scope == IncludedScope::kOrganization;
  const CurrentWindow window =
      FindCurrentWindow(pool ? wallet.header.pool_windows : member.windows, plan.LongestWindow(),
                        wallet.header.settings, context);
  member.pending_seat =
      PendingSeat{window.counter.window.end, member.member_id, member.tier_id, tier_id};
}

// Applies one change to a copy of the member. `created`: it did not exist.
Member Changed(const Wallet& wallet, const Plan& plan, const MemberChange& change,
               const DecisionContext& context, bool created, const Member* existing) {
  Member member;
  if (created) {
    member.member_id = change.member_id;
    member.display_name = change.member_id;
    member.tier_id = change.tier_id.value_or(plan.seat_tiers.front().id);
  } else {
    member = *existing;
  }
  member.email = change.email.value_or(member.email);
  member.display_name = change.display_name.value_or(member.display_name);
  member.role = change.role.value_or(member.role);
  member.status = change.status.value_or(member.status);
  member.time_zone = change.time_zone.value_or(member.time_zone);
  if (!created && change.tier_id.has_value()) {
    MoveTier(wallet, plan, *change.tier_id, context, member);
  }
  if (member.status == AccountStatus::kRemoved) {
    member.pending_seat.reset();
    if (member.role == MemberRole::kPrimaryOwner) member.role = MemberRole::kOwner;
  }
  return member;
}

void ValidateChange(const Plan& plan, const MemberChange& change, const std::string& path,
                    const DecisionContext& context, FieldViolations& violations) {
  if (change.tier_id.has_value() && plan.FindTier(*change.tier_id) == nullptr) {
    std::string tiers;
    for (const SeatTier& tier : plan.seat_tiers) {
      absl::StrAppend(&tiers, tiers.empty() ? "" : ", ", tier.id);
    }
    violations.Add(path + ".seat_tier", absl::StrCat("the plan ", plan.id, " has no seat tier \"",
                                                     *change.tier_id, "\"; it has: ", tiers));
  }
  if (change.email.has_value() && !change.email->empty() && !LooksLikeEmail(*change.email)) {
    violations.Add(path + ".email", "must be a mail address of at most 254 bytes, or empty");
  }
  if (change.display_name.has_value() && change.display_name->empty()) {
    violations.Add(path + ".display_name", "must not be empty");
  }
  if (change.time_zone.has_value() && !change.time_zone->empty()) {
    const absl::StatusOr<Zone> zone = context.zones->Find(*change.time_zone);
    if (!zone.ok()) violations.Add(path + ".time_zone", std::string(zone.status().message()));
  }
}

absl::Status Precondition(const std::string& message, const char* reason) {
  return WithReason(absl::FailedPreconditionError(message), reason);
}

// What the whole change adds up to.
struct Totals {
  int64_t members = 0;
  int64_t owners = 0;                       // Active ones.
  std::vector<std::string> primary_owners;  // Among the changed.
  bool primary_changed = false;             // The present primary owner is among the changed.
};

absl::Status CheckTotals(const WalletHeader& header, const Plan& plan, const Totals& totals) {
  if (plan.max_members > 0 && totals.members > plan.max_members &&
      totals.members > header.member_count) {
    return Precondition(absl::StrCat("the plan ", plan.id, " has at most ", plan.max_members,
                                     " members; this would make ", totals.members),
                        "TOO_MANY_MEMBERS");
  }
  size_t primaries = totals.primary_owners.size();
  if (!header.primary_owner_id.empty() && !totals.primary_changed) ++primaries;
  if (primaries > 1) {
    return Precondition(
        "there is exactly one primary owner; give the present one another role in the same call",
        "PRIMARY_OWNER_NOT_UNIQUE");
  }
  if (!header.primary_owner_id.empty() && primaries == 0) {
    return Precondition(
        absl::StrCat("this would leave no primary owner; make another member the primary owner in "
                     "the same call as changing ",
                     header.primary_owner_id),
        "NO_PRIMARY_OWNER");
  }
  if (header.owner_count > 0 && totals.owners == 0) {
    return Precondition(
        "the last active owner cannot be removed, suspended or given another role; make another "
        "member an owner first",
        "LAST_OWNER");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Decision<AdministrationOutcome>> Decide(const Wallet& wallet,
                                                       const UpsertMembersCommand& command,
                                                       const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(plan != nullptr);
  Decision<AdministrationOutcome> decision;
  FieldViolations violations;
  Totals totals{header.member_count, header.owner_count, {}, false};
  std::unordered_set<std::string> seen;
  for (size_t i = 0; i < command.members.size(); ++i) {
    const MemberChange& change = command.members[i];
    const std::string path = absl::StrCat("members[", i, "]");
    if (!seen.insert(change.member_id).second) {
      violations.Add(path + ".member_id", "is named more than once");
      continue;
    }
    ValidateChange(*plan, change, path, context, violations);
    const Member* existing = wallet.FindMember(change.member_id);
    if (existing == nullptr && change.status == AccountStatus::kRemoved) {
      violations.Add(path + ".member_id",
                     absl::StrCat("there is no member ", change.member_id, " to remove"));
      continue;
    }
    if (change.expected_version.has_value() &&
        *change.expected_version != (existing == nullptr ? 0 : existing->settings_version)) {
      return WithReason(absl::AbortedError(absl::StrCat("member ", change.member_id,
                                                        " was changed meanwhile; read it again "
                                                        "and repeat with its etag")),
                        "ETAG_MISMATCH");
    }
    Member member = Changed(wallet, *plan, change, context, existing == nullptr, existing);
    static const Member kAbsent = [] {
      Member absent;
      absent.status = AccountStatus::kRemoved;
      return absent;
    }();
    const Member& before = existing == nullptr ? kAbsent : *existing;
    totals.members += (TakesSeat(member) ? 1 : 0) - (TakesSeat(before) ? 1 : 0);
    totals.owners += (IsActiveOwner(member) ? 1 : 0) - (IsActiveOwner(before) ? 1 : 0);
    if (change.member_id == header.primary_owner_id) totals.primary_changed = true;
    if (member.role == MemberRole::kPrimaryOwner && member.status != AccountStatus::kRemoved) {
      totals.primary_owners.push_back(member.member_id);
    }
    std::vector<FieldChange> changes = DescribeChanges(before, member);
    if (existing != nullptr && changes.empty()) continue;
    ++(existing == nullptr ? decision.outcome.created_count : decision.outcome.updated_count);
    member.settings_version += 1;
    if (existing == nullptr) changes.clear();
    decision.bodies.push_back(
        MemberUpserted{std::move(member), existing == nullptr, false, std::move(changes)});
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (absl::Status status = CheckTotals(header, *plan, totals); !status.ok()) return status;
  return decision;
}

}  // namespace bursar
