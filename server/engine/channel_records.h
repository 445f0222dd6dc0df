// Channels and the digest as records keep them. Only the record codecs use them.
//
// Thread rule: pure functions; a Damage belongs to one thread.
#pragma once

#include <optional>

#include "bursar/storage/v1/journal.pb.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "server/engine/record_parts.h"
#include "server/ledger/entry.h"

namespace bursar {

void ToRecord(const NotificationChannels& channels, storage::v1::NotificationChannelsRecord* out);
NotificationChannels FromRecord(const storage::v1::NotificationChannelsRecord& in, Damage& damage);

void BodyToRecord(const NotificationChannelsSet& body, storage::v1::EntryRecord* out);
void BodyToRecord(const DigestScheduled& body, storage::v1::EntryRecord* out);
// The body, where the record holds one of these two.
std::optional<EntryBody> TakeDeliveryBody(const storage::v1::EntryRecord& in, Damage& damage);

}  // namespace bursar
