// Statements: what each month of recording adds up to, counted as entries are applied and final
// once the month is over (rule S4).
//
// A statement's period is the organization's calendar month, as the first charge of the month opens
// it (rule T4); where credit, its expiry or a refund comes before any charge, a StatementOpened
// entry gives the same month. Periods never overlap, and every entry that counts lies in one.
//
// Thread rule: pure functions of their arguments.
#pragma once

#include <optional>

#include "server/ledger/admission.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

// Adds what one entry counts for; most count for nothing. One definition for the statement that is
// open and for whoever adds up entries again.
void AddToTotals(const EntryBody& body, StatementTotals& totals);

// The period that a statement has at the context's instant where none is open: the organization's
// month, from where the statement before it ended.
Window StatementPeriodAt(const WalletHeader& header, const DecisionContext& context);

// The entry that opens a statement, where something counted and none is open. For a wallet to which
// a decision's entries were just applied.
std::optional<EntryBody> StatementOpening(const WalletHeader& header,
                                          const DecisionContext& context);

// The entry that finalizes the open statement. Requires: one is open.
StatementFinalized FinalizeStatement(const WalletHeader& header);

// ---- Folding: only Apply calls these ----

// Counts an entry that was just applied, and lets a statement follow the organization's month.
void CountOnStatement(const EntryBody& body, WalletHeader& header);
// False where a statement is open already or the period lies before the last one's end.
bool OpenStatementFor(WalletHeader& header, const StatementOpened& body);
// False where the entry says anything but what was counted.
bool CloseStatement(WalletHeader& header, const StatementFinalized& body, int64_t sequence);

}  // namespace bursar
