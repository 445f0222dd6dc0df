// Charges: how a cost is split between the buckets, what it takes from a live hold, and what it
// opens on its way. Recording and the capture of expired holds both end here.
//
// Thread rule: pure functions of their arguments. Only the ledger's own decisions use them.
//
// Source: rules B1, B8, B9, H4, H5 and X2 (docs/rules.md).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// NOT_FOUND with reason MEMBER_NOT_FOUND.
absl::Status UnknownMember(const WalletHeader& header, const std::string& member_id);

// The member that a first use creates (rule O6).
Member ProvisionedMember(const WalletHeader& header, const Plan& plan,
                         const std::string& member_id);

// Appends the opening of the included windows that are not open yet (rule B5).
void OpenWindows(const WalletHeader& header, const Member& member, const AdmissionState& state,
                 const DecisionContext& context, std::vector<EntryBody>& bodies);

// Completes a charge and appends it, last, to what it opens: fills in tier, split, credit,
// overshoot and what it takes from `hold`.
//
// On entry `charge` has the request's own facts, cost and admission status, and where there is a
// hold `hold_ends` and `captured`. `hold` is the live hold that it settles or captures; null for
// none. `bodies` is what the same decision did before: the creation of `member`, where that is
// `new_member` (then the wallet does not have it yet), or the reversal of a capture, which the
// wallet shows.
void AppendCharge(const Wallet& wallet, const Member& member, bool new_member, const Hold* hold,
                  UsageCharged charge, const DecisionContext& context,
                  std::vector<EntryBody>& bodies);

// The charge of an expired hold: what it held, as usage that is not known (rule H5), and what it
// opens. Requires: the hold's member is loaded.
std::vector<EntryBody> CaptureHold(const Wallet& wallet, const Hold& hold,
                                   const DecisionContext& context);

// The entries that take back `amount` of a charge, extra usage first (rule R7): EntryReversed, then
// the credit that comes back. `hold_sequence` is that of the captured hold, or zero. Requires: the
// member is loaded, and 0 < amount <= reversal.Left().
std::vector<EntryBody> TakeBack(const Wallet& wallet, const Reversal& reversal,
                                int64_t hold_sequence, Nanos amount, const std::string& reason,
                                const DecisionContext& context);

}  // namespace bursar
