// Commands about requests for more (rules Q1 to Q3) and the answer to an episode (rule N6);
// ledger.h says how commands are decided. What ends a request without a decision on it is here too.
//
// Thread rule: pure functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/money.h"
#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/increase_request.h"
#include "server/ledger/state.h"

namespace bursar {

struct CreateIncreaseRequestCommand {
  std::string member_id;
  IncreaseKind kind = IncreaseKind::kExtraUsage;
  std::optional<Nanos> amount;  // Of a higher limit; more than zero.
  std::string currency_code;    // Of the amount, as sent; empty: the wallet's.
  std::string tier_id;          // Of a higher seat; empty: the next one.
  std::string surface;          // Never empty: the caller fills in "api".
  std::string model;            // Without its provider; empty: whatever the model.
  std::string reason;
};

struct CancelIncreaseRequestCommand {
  int64_t sequence = 0;   // Of the request.
  std::string member_id;  // Whose it must be.
};

// Who decides a request. A member decides within its role's powers: owners everything, admins a
// member's limit within the organization's. Others (operators) have every power.
struct Reviewer {
  std::string member_id;  // Empty: no member.
};

struct ApproveIncreaseRequestCommand {
  int64_t sequence = 0;  // Of the request.
  Reviewer reviewer;
  std::optional<Nanos> amount;           // Of a higher limit.
  std::string currency_code;             // Of the amount, as sent; empty: the wallet's.
  std::optional<absl::Time> expires_at;  // Of a higher limit: when the raise ends.
  std::string note;
};

struct DenyIncreaseRequestCommand {
  int64_t sequence = 0;  // Of the request.
  Reviewer reviewer;
  std::string note;
};

struct AnswerEpisodeCommand {
  EpisodeAnswerKind kind = EpisodeAnswerKind::kNote;
  std::string note;
};

// From when a member can ask again; InfinitePast where it can at once (rule Q3).
absl::Time AskAgainAt(const WalletHeader& header, const Member* member,
                      const DecisionContext& context);

// A member whose open request the entries of one commit may end without deciding it: the member is
// removed, or gets more than it had.
struct RequestAtStake {
  std::string member_id;
  bool removed = false;
  bool was_denied = false;              // Before: a plain check would have denied.
  std::optional<IncreaseKind> granted;  // What the entries give this very member.
};

// Those members, before `bodies` are applied. None where no request is open. Of what is raised for
// many at once (a limit of the organization or a tier, extra usage for everyone) only those members
// are found that are loaded.
std::vector<RequestAtStake> RequestsAtStake(const Wallet& wallet,
                                            const std::vector<EntryBody>& bodies,
                                            const DecisionContext& context);

// Given a wallet to which those entries were just applied: the entries that cancel the requests of
// removed members, and supersede those that are granted or whose members are blocked no more.
std::vector<EntryBody> RequestsEnded(const Wallet& wallet,
                                     const std::vector<RequestAtStake>& at_stake,
                                     const DecisionContext& context);

}  // namespace bursar
