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
#include "server/service/authorization.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// Whether a member of that role, not suspended and not removed, may do it. `is_own`: it is about
// the actor itself.
bool RoleMay(MemberRole role, ActorNeed need, bool is_own);

// Whether the caller is one of role `admin`, which acts for a person.
bool ActsForAPerson(const CallContext& call);

// OK where the call acts for itself, or its person may do that in the organization; otherwise
// PERMISSION_DENIED, also for an unknown organization or actor; with reason ACTOR_REQUIRED where a
// call acts for a person and names none. Without an organization only the last is looked at.
// `member_id`: whom it is about, for kSeeMember.
absl::Status AuthorizeActor(Engine& engine, const CallContext& call, ActorNeed need,
                            const std::string& organization_id, const std::string& member_id = "");

// The same for the gate, on that engine, which must outlive it.
class WalletActors final : public ActorJudge {
 public:
  explicit WalletActors(Engine* engine) : engine_(engine) {}
  absl::Status Judge(const CallContext& call, ActorNeed need, const std::string& organization_id,
                     const std::string& member_id) const override {
    return AuthorizeActor(*engine_, call, need, organization_id, member_id);
  }

 private:
  Engine* const engine_;
};

// Rule A3: of limits an admin sets those of members alone, and within the organization's own. OK
// for every other caller and role.
absl::Status AuthorizeLimit(Engine& engine, const CallContext& call,
                            const std::string& organization_id,
                            const SetSpendLimitCommand& command);

}  // namespace bursar
