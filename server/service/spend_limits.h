// Spend limits as they are shown: the limit, what is spent of it, and which of several applies.
//
// Thread rule: pure functions.
#pragma once

#include <string>

#include "bursar/v1/admin_service.pb.h"
#include "server/ledger/ledger.h"

namespace bursar {

// The organization's calendar month at the context's instant.
Window CurrentMonthOf(const WalletHeader& header, const DecisionContext& context);

void WriteOrganizationLimit(const WalletHeader& header, const DecisionContext& context,
                            v1::SpendLimit* proto);
void WriteTierLimit(const WalletHeader& header, const TierState& tier,
                    const DecisionContext& context, v1::SpendLimit* proto);
void WriteMemberLimit(const WalletHeader& header, const Member& member,
                      const DecisionContext& context, v1::SpendLimit* proto);

// A row of the member table: the member, its month, and the least of the limits that apply to it,
// of equal ones the narrowest (rules L2, S3).
void WriteMemberSummary(const WalletHeader& header, const Member& member,
                        const DecisionContext& context, v1::MemberSummary* proto);

}  // namespace bursar
