// Which entries owe people a notice, and what it says.
//
// Thread rule: pure functions.
//
// Source: rules N1, N3 and N4 (docs/rules.md).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "server/engine/notice.h"
#include "server/ledger/ledger.h"

namespace bursar {

// A notice that still lacks how the wallet stands. That is told as of the end of the command that
// caused it: a payment that succeeded is told with the credit that came of it, and a crossing with
// the charge that crossed.
struct DraftNotice {
  StoredNotice notice;
  // Where among its facts the wallet's figures go; nothing where they are not told.
  std::optional<size_t> figures_at;
};

// Adds the wallet's figures where they are told, but for those that the notice has of its own.
void CompleteNotice(const WalletHeader& header, const DecisionContext& context, DraftNotice& draft);

// The notice that an entry by itself owes, on the wallet after it; nothing where it owes none.
// `epoch` is the store's; `out_of_balance`: an episode that the entry ended had run out of balance.
std::optional<DraftNotice> NoticeOf(std::string_view epoch, const Entry& entry,
                                    const Wallet& wallet, const DecisionContext& context,
                                    bool out_of_balance);

// What of an entry owners are told as changed settings: extra usage, auto-reload, limits, roles,
// channels. The header is the one before the entry. Empty for everything else, and while an
// organization is being set up: before it has an owner.
std::vector<FieldChange> NoticedChanges(const EntryBody& body, const WalletHeader& header);

// The one notice for all such changes of a command. `sequence` is that of the first.
DraftNotice SettingsNotice(int64_t sequence, const Cause& cause, std::vector<FieldChange> changes,
                           const WalletHeader& header, const DecisionContext& context);

// Whether an entry may owe a notice at all, of whatever kind; for verification.
bool MayOweNotice(const EntryBody& body);

}  // namespace bursar
