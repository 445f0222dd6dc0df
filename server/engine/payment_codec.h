// Between payments and auto-reload and the records that the store keeps of them. Part of the record
// codecs (record_codec.h), which promise the rest.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/statusor.h"
#include "bursar/storage/v1/journal.pb.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "server/engine/record_codec.h"
#include "server/engine/record_parts.h"
#include "server/ledger/entry.h"
#include "server/ledger/payment.h"

namespace bursar {

void ToRecord(const AutoReloadSettings& settings, storage::v1::AutoReloadSettingsRecord* record);
AutoReloadSettings FromRecord(const storage::v1::AutoReloadSettingsRecord& record);

void ToRecord(const AutoReload& reload, storage::v1::AutoReloadRecord* record);
AutoReload FromRecord(const storage::v1::AutoReloadRecord& record, Damage& damage);

void ToRecord(const Payment& payment, storage::v1::PaymentRecord* record);
Payment FromRecord(const storage::v1::PaymentRecord& record, Damage& damage);

// Writes a body into its field.
void BodyToRecord(const PaymentRequested& body, storage::v1::EntryRecord* record);
void BodyToRecord(const PaymentSent& body, storage::v1::EntryRecord* record);
void BodyToRecord(const PaymentFinished& body, storage::v1::EntryRecord* record);
void BodyToRecord(const AutoReloadUpdated& body, storage::v1::EntryRecord* record);
void BodyToRecord(const ChargedBack& body, storage::v1::EntryRecord* record);
void BodyToRecord(const LowBalanceNoticed& body, storage::v1::EntryRecord* record);
// The body, where the record holds one of these.
std::optional<EntryBody> TakePaymentBody(const storage::v1::EntryRecord& record, Damage& damage);

// A finished payment is a record of its own.
std::string EncodePayment(const Payment& payment);
absl::StatusOr<Payment> DecodePayment(std::string_view bytes);
// Its id: eight bytes, most significant first, that fall as the sequence rises, so that the newest
// payment sorts first.
std::string PaymentKey(int64_t sequence);

}  // namespace bursar
