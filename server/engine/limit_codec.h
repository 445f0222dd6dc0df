// Limits and their counters in records. Only the record codecs use them.
//
// Thread rule: pure functions.
#pragma once

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
void ToRecord(const PeriodsOpened& body, storage::v1::PeriodsOpenedRecord* record);
PeriodsOpened FromRecord(const storage::v1::PeriodsOpenedRecord& record, Damage& damage);
void ToRecord(const ThresholdNoticed& body, storage::v1::ThresholdNoticedRecord* record);
ThresholdNoticed FromRecord(const storage::v1::ThresholdNoticedRecord& record, Damage& damage);
void ToRecord(const LimitRaiseExpired& body, storage::v1::LimitRaiseExpiredRecord* record);
LimitRaiseExpired FromRecord(const storage::v1::LimitRaiseExpiredRecord& record, Damage& damage);
void ToRecord(const PlanChanged& body, storage::v1::PlanChangedRecord* record);
PlanChanged FromRecord(const storage::v1::PlanChangedRecord& record, Damage& damage);

}  // namespace bursar
