#include "server/service/actor_policy.h"

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/ledger/limits.h"
#include "server/service/errors.h"

namespace bursar {
namespace {

// Reads the actor; `read` decides on it. Whatever is not found is refused alike.
template <class Judge>
absl::Status JudgeActor(Engine& engine, const std::string& organization_id,
                        const std::string& actor, const Judge& judge) {
  const absl::Status status = engine.Read(
      organization_id, {actor},
      [&](const Wallet& wallet, const Position&, const DecisionContext& context) -> absl::Status {
        const Member* member = wallet.FindMember(actor);
        if (member == nullptr || member->status != AccountStatus::kActive) {
          return PermissionDeniedError();
        }
        return judge(wallet, *member, context);
      });
  return absl::IsNotFound(status) ? PermissionDeniedError() : status;
}

const char* RoleInWords(MemberRole role) {
  switch (role) {
    case MemberRole::kPrimaryOwner:
      return "the primary owner";
    case MemberRole::kOwner:
      return "an owner";
    case MemberRole::kAdmin:
      return "an admin";
    case MemberRole::kBilling:
      return "of role billing";
    case MemberRole::kMember:
      break;
  }
  return "a member";
}

// Whoever may, where not everybody may.
const char* WhoMay(ActorNeed need) {
  switch (need) {
    case ActorNeed::kNothing:
      break;
    case ActorNeed::kChangeSettings:
      return "an owner";
    case ActorNeed::kSetLimits:
    case ActorNeed::kReviewRequests:
      return "an owner or an admin";
    case ActorNeed::kSeeSpend:
      return "an owner, an admin or somebody of role billing";
    case ActorNeed::kBuyCredit:
      return "an owner or somebody of role billing";
    case ActorNeed::kSeeMember:
      return "the member itself, an owner, an admin or somebody of role billing";
  }
  return "anybody";
}

// Said to active members only: nobody else learns who is what.
absl::Status RoleIsTooLow(const Member& member, ActorNeed need) {
  return WithReason(
      absl::PermissionDeniedError(absl::StrCat(member.member_id, " is ", RoleInWords(member.role),
                                               " here; this takes ", WhoMay(need))),
      "PERMISSION_DENIED");
}

}  // namespace

bool ActsForAPerson(const CallContext& call) {
  return call.credential == nullptr || call.credential->role == ServiceRole::kAdmin;
}

bool RoleMay(MemberRole role, ActorNeed need, bool is_own) {
  const bool is_owner = role == MemberRole::kPrimaryOwner || role == MemberRole::kOwner;
  switch (need) {
    case ActorNeed::kNothing:
      return true;
    case ActorNeed::kChangeSettings:
      return is_owner;
    case ActorNeed::kSetLimits:
    case ActorNeed::kReviewRequests:
      return is_owner || role == MemberRole::kAdmin;
    case ActorNeed::kSeeSpend:
      return is_owner || role == MemberRole::kAdmin || role == MemberRole::kBilling;
    case ActorNeed::kBuyCredit:
      return is_owner || role == MemberRole::kBilling;
    case ActorNeed::kSeeMember:
      return is_own || RoleMay(role, ActorNeed::kSeeSpend, false);
  }
  return false;
}

absl::Status AuthorizeActor(Engine& engine, const CallContext& call, ActorNeed need,
                            const std::string& organization_id, const std::string& member_id) {
  if (!ActsForAPerson(call)) return absl::OkStatus();
  if (call.actor.empty()) {
    return WithReason(
        absl::PermissionDeniedError("a token of role admin acts for a person: name its member id "
                                    "in the metadata key bursar-actor"),
        "ACTOR_REQUIRED");
  }
  if (organization_id.empty()) return absl::OkStatus();
  return JudgeActor(
      engine, organization_id, call.actor,
      [&](const Wallet&, const Member& member, const DecisionContext&) -> absl::Status {
        const bool is_own = member_id == call.actor;
        return RoleMay(member.role, need, is_own) ? absl::OkStatus() : RoleIsTooLow(member, need);
      });
}

absl::Status AuthorizeLimit(Engine& engine, const CallContext& call,
                            const std::string& organization_id,
                            const SetSpendLimitCommand& command) {
  if (!ActsForAPerson(call)) return absl::OkStatus();
  return JudgeActor(engine, organization_id, call.actor,
                    [&](const Wallet& wallet, const Member& member,
                        const DecisionContext& context) -> absl::Status {
                      if (member.role != MemberRole::kAdmin) return absl::OkStatus();
                      if (command.scope != Scope::kMember) {
                        return RoleIsTooLow(member, ActorNeed::kChangeSettings);
                      }
                      if (IsWithinOrganizationLimits(wallet.header, command.period,
                                                     command.limit.amount, context)) {
                        return absl::OkStatus();
                      }
                      return WithReason(
                          absl::PermissionDeniedError(
                              "an admin sets member limits within the organization's own"),
                          "ABOVE_ORGANIZATION_LIMIT");
                    });
}

}  // namespace bursar
