// Folding of requests for more and of what belongs to them (apply.cc folds the rest).
//
// Thread rule: pure functions of their arguments.
#pragma once

#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// Each folds one body; null, or why it does not fit the wallet, which is then unchanged.
const char* FoldRequest(Wallet& wallet, const Entry& entry, const IncreaseRequested& body);
const char* FoldRequest(Wallet& wallet, const Entry& entry, const IncreaseDecided& body);
const char* FoldRequest(Wallet& wallet, const MemberSelected& body);
const char* FoldRequest(Wallet& wallet, const Entry& entry, const EpisodeAnswered& body);

}  // namespace bursar
