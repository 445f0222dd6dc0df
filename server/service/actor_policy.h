// What an acting person may do: the second question, after the calling service's own role.
//
// It is asked of callers with service role `admin`, which act for a person: the person is a member
// of the organization, and its role there decides. Other callers act for themselves; an actor that
// they name is only written to the journal.
//
// Thread rule: every function may be called from any thread.
//
// Source: rules A2 and A3 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/engine/engine.h"
#include "server/ledger/ledger.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Kinds of things that need a role in the organization.
enum class ActorNeed {
  kChangeSettings,  // Money settings, seats, roles: primary owner and owner.
  kSetMemberLimit,  // Also admin.
  kReviewRequests,  // Also admin.
  kSeeSpend,        // Also admin and billing.
  kSeeMember,       // Anyone of these, and every member its own.
};

// Whether a member of that role, not suspended and not removed, may do it. `is_own`: it is about
// the actor itself.
bool RoleMay(MemberRole role, ActorNeed need, bool is_own);

// Whether the caller is one of role `admin`, which acts for a person.
bool ActsForAPerson(const CallContext& call);

// PERMISSION_DENIED with reason ACTOR_REQUIRED where a call acts for a person and names none.
absl::Status RequireActor(const CallContext& call);

// OK when the call may do it in the organization; otherwise PERMISSION_DENIED, also for an unknown
// organization or actor. `subject_member_id`: whom it is about, for kSeeMember.
absl::Status AuthorizeActor(Engine& engine, const CallContext& call,
                            const std::string& organization_id, ActorNeed need,
                            const std::string& subject_member_id = "");

// Rule A3: an admin sets member limits within the organization's own. OK for every other scope,
// caller and role.
absl::Status AuthorizeMemberLimit(Engine& engine, const CallContext& call,
                                  const std::string& organization_id,
                                  const SetSpendLimitCommand& command);

}  // namespace bursar
