// From the journal's entries to the public messages, with a sentence each.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bursar/v1/admin_service.pb.h"
#include "server/engine/queries.h"

namespace bursar {

// The index into EntryBody that a kind filters for; nothing for «any».
std::optional<size_t> BodyIndexOf(v1::JournalEntryKind kind);

// What an organization's entries are written with. Views must outlive it.
struct JournalWords {
  std::string_view organization_id;
  std::string_view epoch;  // Of the store: part of admission ids.
  std::string_view currency_code;
};

// Sequence, instant and kind: what whoever may watch a wallet learns of an entry.
void WriteJournalHead(const JournalPage::Item& item, v1::JournalEntry* proto);

// The whole entry.
void WriteJournalEntry(const JournalPage::Item& item, const JournalWords& words,
                       v1::JournalEntry* proto);

}  // namespace bursar
