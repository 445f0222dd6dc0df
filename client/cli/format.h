// Words for people: money, instants, counts, enum values, and the reverse for what people type.
//
// Thread rule: pure functions.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bursar/v1/common.pb.h"

namespace bursar::cli {

// An error of whoever typed the command: exit status 2 instead of 4.
absl::Status UsageError(const std::string& message);
// Whether `status` was made by UsageError.
bool IsUsageError(const absl::Status& status);

// "1,234,567".
std::string FormatCount(int64_t count);
// "2026-11-22 02:15:04 UTC"; "-" where the message's field is unset.
std::string FormatInstant(absl::Time time);
std::string FormatTimeField(const google::protobuf::Message& message, const char* field);
// The Money field of a message: "25.00 USD"; `unset` where it is not set.
std::string FormatMoneyField(const google::protobuf::Message& message, const char* field,
                             const std::string& unset);
// To the nearest cent, for figures that are read at a glance: "25.00 USD"; what is more than
// nothing and would be shown as nothing is "under 0.01 USD".
std::string FormatCents(absl::int128 nanos, const std::string& currency_code);

// Conversions between Abseil's time and the wire's.
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

// A duration as people write it: "10m", "1h30m".
std::string FormatSpan(const google::protobuf::Duration& duration);

// Reads an instant: "2026-01-31T10:00:00Z", the same with an offset, or date and time of day
// separated by a blank or a T and without an offset, which is read as UTC. Any number of
// fractional digits; what is below a nanosecond is cut off. A usage error that names `what`
// otherwise.
absl::StatusOr<absl::Time> ParseInstant(const std::string& text, const std::string& what);
// The same without the words; false when it is no instant.
bool TryParseInstant(const std::string& text, absl::Time* time);
// Reads a duration such as "10m"; a usage error that names `what` otherwise.
absl::StatusOr<absl::Duration> ParseSpan(const std::string& text, const std::string& what);
// Reads an amount of money such as "25.00"; a usage error that names `what` otherwise.
absl::StatusOr<v1::Money> ParseAmount(const std::string& text, const std::string& what);

// An enum value as a word: MEMBER_ROLE_PRIMARY_OWNER is "primary_owner". Values that this program
// does not know are shown as their number.
std::string WordOf(const google::protobuf::EnumDescriptor& type, int number);
template <class Enum>
std::string Word(Enum value) {
  return WordOf(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}
// Every word of an enum but the unspecified one.
std::vector<std::string> WordsOf(const google::protobuf::EnumDescriptor& type);
// The number of a word, hyphens counting as underscores; a usage error that lists the choices
// otherwise.
absl::StatusOr<int> NumberOf(const google::protobuf::EnumDescriptor& type, const std::string& word,
                             const std::string& what);
template <class Enum>
absl::StatusOr<Enum> ParseWord(const std::string& word, const std::string& what) {
  const absl::StatusOr<int> number =
      NumberOf(*google::protobuf::GetEnumDescriptor<Enum>(), word, what);
  if (!number.ok()) return number.status();
  return static_cast<Enum>(*number);
}

// The same word with blanks: "balance exhausted".
std::string Spaced(std::string word);

}  // namespace bursar::cli
