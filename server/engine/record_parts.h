// The pieces that records share: amounts, instants, enums, windows, limits, settings. Only the
// record codecs use them.
//
// Decoding notes the first thing that is wrong in a `Damage` and goes on with a harmless value, so
// that a decoder reads like an encoder and asks once at its end.
//
// Thread rule: pure functions; a Damage belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "google/protobuf/message_lite.h"
#include "server/ledger/state.h"

namespace bursar {

// What is wrong with a record.
class Damage {
 public:
  // `what` names the record in messages: "a member record".
  explicit Damage(const char* what) : what_(what) {}

  // Notes a problem, in a few words. The first is kept.
  void Note(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
  }
  bool found() const { return problem_ != nullptr; }
  // OK, or DATA_LOSS with the first problem.
  absl::Status ToStatus() const {
    if (problem_ == nullptr) return absl::OkStatus();
    return absl::DataLossError(std::string(what_) + " is damaged: " + problem_);
  }

 private:
  const char* const what_;
  const char* problem_ = nullptr;
};

// Parses, noting bytes that are no such message.
template <typename Message>
void ParseRecord(std::string_view bytes, Message& message, Damage& damage) {
  if (bytes.size() > INT32_MAX ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    damage.Note("its bytes are not a record");
  }
}

// A persisted enum whose numbers are `first` to `last`.
template <typename Enum>
Enum EnumFromRecord(uint32_t number, Enum first, Enum last, Damage& damage) {
  if (number < static_cast<uint32_t>(first) || number > static_cast<uint32_t>(last)) {
    damage.Note("it holds an unknown enum number");
    return first;
  }
  return static_cast<Enum>(number);
}

// The bytes of a UUID.
inline constexpr size_t kUuidBytes = 16;
// The bytes of a UUID in lower-case hexadecimal with hyphens, or nothing when the text is not one.
std::string PackUuid(const std::string& text);
// The text of kUuidBytes bytes.
std::string UnpackUuid(const std::string& packed);

inline int64_t TimeToRecord(absl::Time instant) { return absl::ToUnixNanos(instant); }
inline absl::Time TimeFromRecord(int64_t unix_nanos) { return absl::FromUnixNanos(unix_nanos); }

inline AccountStatus AccountStatusFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, AccountStatus::kActive, AccountStatus::kRemoved, damage);
}
inline IncludedScope IncludedScopeFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, IncludedScope::kSeat, IncludedScope::kOrganization, damage);
}
inline ExtraUsageAudience AudienceFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, ExtraUsageAudience::kEveryone, ExtraUsageAudience::kSelected,
                        damage);
}
inline CreditKind CreditKindFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, CreditKind::kPurchase, CreditKind::kAdjustment, damage);
}
inline WindowKind WindowKindFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, WindowKind::kMonth, WindowKind::kFiveHours, damage);
}
inline Scope ScopeFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, Scope::kOrganization, Scope::kModel, damage);
}

void ToRecord(Amount amount, storage::v1::AmountRecord* record);
Amount FromRecord(const storage::v1::AmountRecord& record, Damage& damage);

void ToRecord(const Window& window, storage::v1::WindowRecord* record);
Window FromRecord(const storage::v1::WindowRecord& record, Damage& damage);

void ToRecord(const MonthCounter& counter, storage::v1::MonthCounterRecord* record);
MonthCounter FromRecord(const storage::v1::MonthCounterRecord& record, Damage& damage);

void ToRecord(const SpendLimit& limit, storage::v1::SpendLimitRecord* record);
SpendLimit FromRecord(const storage::v1::SpendLimitRecord& record, Damage& damage);

void ToRecord(const OrganizationSettings& settings,
              storage::v1::OrganizationSettingsRecord* record);
OrganizationSettings FromRecord(const storage::v1::OrganizationSettingsRecord& record,
                                Damage& damage);

void ToRecord(const Hold& hold, storage::v1::HoldRecord* record);
Hold FromRecord(const storage::v1::HoldRecord& record, Damage& damage);

void ToRecord(const GrantDraw& draw, storage::v1::GrantDrawRecord* record);
GrantDraw FromRecord(const storage::v1::GrantDrawRecord& record);

void ToRecord(const ChargeFacts& facts, storage::v1::ChargeFactsRecord* record);
ChargeFacts FromRecord(const storage::v1::ChargeFactsRecord& record, Damage& damage);

void ToRecord(const PendingSettings& pending, storage::v1::PendingSettingsRecord* record);
PendingSettings FromRecord(const storage::v1::PendingSettingsRecord& record, Damage& damage);

void ToRecord(const PendingSeat& pending, storage::v1::PendingSeatRecord* record);
PendingSeat FromRecord(const storage::v1::PendingSeatRecord& record, Damage& damage);

// What people set on a member, without counters, limit and holds.
void SettingsToRecord(const Member& member, storage::v1::MemberRecord* record);
Member SettingsFromRecord(const storage::v1::MemberRecord& record, Damage& damage);

// A sum of zero is not written at all: `mutable_field` makes the field.
template <typename Mutable>
void PutAmount(Amount amount, const Mutable& mutable_field) {
  if (!amount.is_zero()) ToRecord(amount, mutable_field());
}

}  // namespace bursar
