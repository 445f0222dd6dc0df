// Limits and their counters in records. Only the record codecs use them.
//
// Thread rule: pure functions.
#pragma once

#include <optional>

#include "bursar/storage/v1/journal.pb.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "server/engine/record_parts.h"
#include "server/ledger/entry.h"
#include "server/ledger/state.h"

namespace bursar {

inline PeriodKind PeriodFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, PeriodKind::kMonth, PeriodKind::kHour, damage);
}

// What of headers, tiers and members belongs to limits of other periods than the month, to surfaces
// and models, and to thresholds.
void LimitsToRecord(const WalletHeader& header, storage::v1::HeaderRecord* record);
void LimitsFromRecord(const storage::v1::HeaderRecord& record, WalletHeader& header,
                      Damage& damage);
void LimitsToRecord(const TierState& tier, storage::v1::TierStateRecord* record);
void LimitsFromRecord(const storage::v1::TierStateRecord& record, TierState& tier, Damage& damage);
void LimitsToRecord(const Member& member, storage::v1::MemberRecord* record);
void LimitsFromRecord(const storage::v1::MemberRecord& record, Member& member, Damage& damage);

// Entries.
// Writes a body into its field.
void BodyToRecord(const PeriodsOpened& body, storage::v1::EntryRecord* record);
void BodyToRecord(const ThresholdNoticed& body, storage::v1::EntryRecord* record);
void BodyToRecord(const LimitRaiseExpired& body, storage::v1::EntryRecord* record);
void BodyToRecord(const PlanChanged& body, storage::v1::EntryRecord* record);
// The body, where the record holds one of these.
std::optional<EntryBody> TakeLimitBody(const storage::v1::EntryRecord& record, Damage& damage);

}  // namespace bursar
