// What people must be told of a request for more (rules N4, Q3): whoever decides of a new one,
// owners of an escalated one, and the member of every outcome that is not its own doing.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "server/engine/notice.h"
#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// "extra usage", "a higher limit", "a higher seat".
std::string_view IncreaseKindWords(IncreaseKind kind);
// What is asked for, with its amount or seat: "a higher limit of 50.00 USD".
std::string AskedWords(const IncreaseRequest& request, std::string_view currency_code);

// Whether an entry of that body owes a notice about a request.
bool OwesIncreaseNotice(const EntryBody& body);

// Says what the entry tells: kind, member and facts, among them what the limit to be raised is now.
// `wallet` is as it is once the entry is applied. Requires: OwesIncreaseNotice(entry.body).
void DescribeIncrease(std::string_view epoch, const Wallet& wallet, const Entry& entry,
                      const DecisionContext& context, StoredNotice& notice);

}  // namespace bursar
