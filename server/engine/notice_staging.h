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

// The notice that an entry by itself owes; nothing where it owes none. `epoch` is the store's;
// `wallet` is as the entry's command leaves it: a payment that succeeded is told with the credit
// that came of it, a crossing with the charge that crossed. `out_of_balance`: the episode that was
// open before the command had run out of balance.
std::optional<StoredNotice> NoticeOf(std::string_view epoch, const Entry& entry,
                                     const Wallet& wallet, const DecisionContext& context,
                                     bool out_of_balance);

// What of an entry owners are told as changed settings: extra usage, auto-reload, limits, roles,
// channels. The header is the one before the entry. Empty for everything else, and while an
// organization is being set up: before it has an owner.
std::vector<FieldChange> NoticedChanges(const EntryBody& body, const WalletHeader& header);

// The one notice for all such changes of a command. `sequence` is that of the first; `header` is as
// the command leaves it.
StoredNotice SettingsNotice(int64_t sequence, const Cause& cause, std::vector<FieldChange> changes,
                            const WalletHeader& header, const DecisionContext& context);

// Whether an entry may owe a notice at all, of whatever kind; for verification.
bool MayOweNotice(const EntryBody& body);

}  // namespace bursar
