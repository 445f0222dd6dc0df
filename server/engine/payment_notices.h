// What people, or the payment system, must be told of a journal entry about money (rule N4).
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "server/engine/record_codec.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// The notice that an entry causes; nothing for entries that cause none. `wallet` is as it is once
// the entry is applied: a finished payment is in it.
std::optional<PaymentNotice> MakePaymentNotice(std::string_view epoch, const Wallet& wallet,
                                               const Entry& entry);

// Whether an entry of that body causes one.
bool CausesPaymentNotice(const EntryBody& body);

}  // namespace bursar
