// Spend limits as they are shown: the limit, what is spent of it, and which of several applies.
//
// Thread rule: pure functions.
#pragma once

#include "bursar/v1/admin_service.pb.h"
#include "server/ledger/ledger.h"
#include "server/ledger/limits.h"

namespace bursar {

// The organization's calendar month at the context's instant.
Window CurrentMonthOf(const WalletHeader& header, const DecisionContext& context);

// A limit with what is in force at `now`, and with what returns where that is temporary.
void WriteLimit(const WalletHeader& header, const LimitLine& line, absl::Time now,
                v1::SpendLimit* proto);

// A row of the member table: the member, its month, and of the limits that apply to it the one that
// leaves the least, of equal ones the narrowest (rules L2, S3). Limits of surfaces and models are
// left out: they depend on what is used.
void WriteMemberSummary(const WalletHeader& header, const Member& member,
                        const DecisionContext& context, v1::MemberSummary* proto);

}  // namespace bursar
