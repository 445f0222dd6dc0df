#include "client/cli/format.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

constexpr char kUsageErrorUrl[] = "bursar.cli/usage_error";

// "MemberRole" gives "MEMBER_ROLE_".
std::string PrefixOf(const google::protobuf::EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return prefix + "_";
}

const google::protobuf::Message* SetField(const google::protobuf::Message& message,
                                          const char* name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || !message.GetReflection()->HasField(message, field)) return nullptr;
  return &message.GetReflection()->GetMessage(message, field);
}

}  // namespace

absl::Status UsageError(const std::string& message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsageErrorUrl, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsageErrorUrl).has_value();
}

std::string FormatCount(int64_t count) {
  std::string digits = absl::StrCat(count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t place = digits.size(); place > first + 3;) {
    place -= 3;
    digits.insert(place, 1, ',');
  }
  return digits;
}

std::string FormatInstant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string FormatTimeField(const google::protobuf::Message& message, const char* field) {
  const google::protobuf::Message* value = SetField(message, field);
  if (value == nullptr) return "-";
  return FormatInstant(FromProto(static_cast<const google::protobuf::Timestamp&>(*value)));
}

std::string FormatMoneyField(const google::protobuf::Message& message, const char* field,
                             const std::string& unset) {
  const google::protobuf::Message* value = SetField(message, field);
  if (value == nullptr) return unset;
  return FormatMoney(static_cast<const v1::Money&>(*value));
}

std::string FormatCents(absl::int128 nanos, const std::string& currency_code) {
  constexpr int64_t kNanosPerCent = kNanosPerCurrencyUnit / 100;
  const int64_t half = nanos < 0 ? -kNanosPerCent / 2 : kNanosPerCent / 2;
  const absl::int128 cents = (nanos + half) / kNanosPerCent;
  if (cents == 0 && nanos > 0) return absl::StrCat("under 0.01 ", currency_code);
  return absl::StrCat(FormatNanos(cents * kNanosPerCent), " ", currency_code);
}

absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  const absl::Time whole = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - whole)));
  return timestamp;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  absl::Duration rest;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return result;
}

std::string FormatSpan(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Seconds(duration.seconds()) +
                              absl::Nanoseconds(duration.nanos()));
}

bool TryParseInstant(const std::string& text, absl::Time* time) {
  // Abseil's parser also takes "infinite-past" and surrounding blanks.
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text.front())) ||
      std::isspace(static_cast<unsigned char>(text.back()))) {
    return false;
  }
  for (const char* format : {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%dT%H:%M:%E*S",
                             "%Y-%m-%d %H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S"}) {
    if (absl::ParseTime(format, text, time, nullptr)) return true;
  }
  return false;
}

absl::StatusOr<absl::Time> ParseInstant(const std::string& text, const std::string& what) {
  absl::Time time;
  if (!TryParseInstant(text, &time)) {
    return UsageError(
        absl::StrCat(what, ": \"", text, "\" is not an instant such as 2026-01-31T10:00:00Z."));
  }
  return time;
}

absl::StatusOr<absl::Duration> ParseSpan(const std::string& text, const std::string& what) {
  absl::Duration span;
  if (!absl::ParseDuration(text, &span) || span <= absl::ZeroDuration() ||
      span == absl::InfiniteDuration()) {
    return UsageError(absl::StrCat(what, " is not a duration such as 90s, 10m or 1h30m."));
  }
  return span;
}

absl::StatusOr<v1::Money> ParseAmount(const std::string& text, const std::string& what) {
  const std::optional<v1::Money> money = ParseMoney(text);
  if (!money.has_value()) {
    return UsageError(absl::StrCat(
        what, ": \"", text,
        "\" is not an amount such as 25 or 0.10 (at most nine decimals, no currency sign)."));
  }
  return *money;
}

std::string WordOf(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  std::string word = value->name();
  const std::string prefix = PrefixOf(type);
  if (word.compare(0, prefix.size(), prefix) == 0) word = word.substr(prefix.size());
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

std::vector<std::string> WordsOf(const google::protobuf::EnumDescriptor& type) {
  std::vector<std::string> words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) words.push_back(WordOf(type, type.value(i)->number()));
  }
  return words;
}

absl::StatusOr<int> NumberOf(const google::protobuf::EnumDescriptor& type, const std::string& word,
                             const std::string& what) {
  std::string wanted = word;
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (int i = 0; i < type.value_count(); ++i) {
    const int number = type.value(i)->number();
    if (number != 0 && WordOf(type, number) == wanted) return number;
  }
  return UsageError(
      absl::StrCat(what, ": \"", word, "\" is none of ", absl::StrJoin(WordsOf(type), ", "), "."));
}

std::string Spaced(std::string word) {
  std::replace(word.begin(), word.end(), '_', ' ');
  return word;
}

}  // namespace bursar::cli
