// From the journal's entries and the outbox's notices to the public messages, with a sentence each.
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

void WriteJournalEntry(const JournalPage::Item& item, const JournalWords& words,
                       v1::JournalEntry* proto);

void WriteNotice(const PendingNotice& notice, v1::Notice* proto);
void WriteNotice(const std::string& organization_id, const std::string& notice_id,
                 const StoredNotice& notice, v1::Notice* proto);

}  // namespace bursar
