// What people, or the payment system, must be told of a journal entry about money (rule N4).
//
// Thread rule: pure functions.
#pragma once

#include <string_view>

#include "server/engine/notice.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// Whether an entry of that body owes a notice about payments, auto-reload or the balance.
bool OwesPaymentNotice(const EntryBody& body);

// What it is of; for bodies that owe one.
NoticeKind PaymentNoticeKind(const EntryBody& body);

// Says what the entry tells, in facts: all that the payment system and people must know. `wallet`
// is as it is once the entry is applied: a finished payment is in it. Requires:
// OwesPaymentNotice(entry.body).
void DescribePayment(std::string_view epoch, const Wallet& wallet, const Entry& entry,
                     StoredNotice& notice);

}  // namespace bursar
