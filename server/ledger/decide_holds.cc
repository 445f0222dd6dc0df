// Decisions about open holds, and about going on in extra usage.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/ledger/charging.h"
#include "server/ledger/ledger.h"

namespace bursar {

absl::Status UnknownAdmission() {
  return WithReason(absl::NotFoundError("this organization has no such admission"),
                    "ADMISSION_NOT_FOUND");
}

namespace {

absl::Status NotLive(const Wallet& wallet, int64_t sequence) {
  if (wallet.FindHold(sequence) == nullptr && wallet.FindEndedHold(sequence) == nullptr) {
    return UnknownAdmission();
  }
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat("the hold of entry ", sequence,
                                     " is not live: it was settled or released, or has expired")),
                    "ADMISSION_NOT_LIVE");
}

}  // namespace

absl::StatusOr<Decision<HoldOutcome>> Decide(const Wallet& wallet,
                                             const ExtendAdmissionCommand& command,
                                             const DecisionContext& context) {
  const Hold* hold = wallet.FindHold(command.sequence);
  if (hold == nullptr || hold->expires_at <= context.now) return NotLive(wallet, command.sequence);
  const absl::Duration ttl = command.ttl.value_or(wallet.header.settings.default_hold_ttl);
  if (ttl < kMinHoldTtl || ttl > kMaxHoldTtl) {
    return InvalidField("hold_ttl", "must be from one second to 24 hours");
  }
  const absl::Time expires_at = absl::FromUnixNanos(absl::ToUnixNanos(context.now + ttl));
  const absl::Time latest = hold->placed_at + kMaxHoldTtl;
  if (expires_at > latest) {
    return InvalidField(
        "hold_ttl",
        absl::StrCat("would let the hold live for more than 24 hours in all; it may live until ",
                     absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", latest, absl::UTCTimeZone()), ", ",
                     absl::FormatDuration(absl::Floor(latest - context.now, absl::Seconds(1))),
                     " from now"));
  }
  Decision<HoldOutcome> decision;
  decision.outcome.hold = *hold;
  if (expires_at <= hold->expires_at) return decision;
  decision.outcome.hold.expires_at = expires_at;
  decision.bodies.push_back(HoldExtended{hold->sequence, hold->member_id, expires_at});
  return decision;
}

absl::StatusOr<Decision<HoldOutcome>> Decide(const Wallet& wallet,
                                             const ReleaseAdmissionCommand& command,
                                             const DecisionContext& context) {
  const Hold* hold = wallet.FindHold(command.sequence);
  if (hold == nullptr || hold->expires_at <= context.now) return NotLive(wallet, command.sequence);
  Decision<HoldOutcome> decision;
  decision.outcome.hold = *hold;
  decision.bodies.push_back(
      HoldEnded{hold->sequence, hold->member_id, HoldEnd::kReleased, hold->included, hold->extra});
  return decision;
}

absl::StatusOr<Decision<ConfirmExtraUsageOutcome>> Decide(const Wallet& wallet,
                                                          const ConfirmExtraUsageCommand& command,
                                                          const DecisionContext& context) {
  const WalletHeader& header = wallet.header;
  const Plan* plan = context.plans->Find(header.settings.plan_id);
  BURSAR_CHECK(plan != nullptr);
  const Member* member = wallet.FindMember(command.member_id);
  if (member == nullptr && !header.settings.auto_provision_members) {
    return UnknownMember(header, command.member_id);
  }
  if (plan->metered) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("on the plan ", plan->id,
                                                   " everything is metered: there is no extra "
                                                   "usage to confirm")),
        "EXTRA_USAGE_NOT_APPLICABLE");
  }
  const Window window = LongestWindowOf(header, *plan, member, context);
  Decision<ConfirmExtraUsageOutcome> decision;
  decision.outcome.confirmed_until = window.end;
  if (member != nullptr && member->confirmed_until > context.now) {
    decision.outcome.confirmed_until = member->confirmed_until;
    return decision;
  }
  if (member == nullptr) {
    decision.bodies.push_back(
        MemberUpserted{ProvisionedMember(header, *plan, command.member_id), true, true, {}});
  }
  decision.bodies.push_back(ExtraUsageConfirmed{command.member_id, window});
  return decision;
}

}  // namespace bursar
