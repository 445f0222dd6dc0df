#include "server/service/validation.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/credentials.h"

namespace bursar {
namespace {

constexpr char kIdRule[] = "must be 1-128 of [A-Za-z0-9._:@-]";
constexpr int32_t kMaxMoneyNanos = 999'999'999;
constexpr size_t kPageTokenCheckBytes = 8;

constexpr bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

constexpr bool IsIdCharacter(char c) {
  return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':' ||
         c == '@' || c == '-';
}

// Characters that do something instead of showing something: C0 and C1 controls, line and paragraph
// separators, and those that turn the direction of text, with which a name can pose as another.
// Requires: UTF-8, so that a lead byte begins a character.
bool HasControlCharacter(std::string_view text) {
  const auto byte = [&](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const auto within = [](int value, int first, int last) {
    return value >= first && value <= last;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (byte(i) < 0x20 || byte(i) == 0x7f) return true;
    // U+0080-009F.
    if (byte(i) == 0xc2 && within(byte(i + 1), 0x80, 0x9f)) return true;
    if (byte(i) != 0xe2) continue;
    const int last = byte(i + 2);
    // U+200E-200F, U+2028-202E.
    if (byte(i + 1) == 0x80 && (within(last, 0x8e, 0x8f) || within(last, 0xa8, 0xae))) return true;
    // U+2066-2069.
    if (byte(i + 1) == 0x81 && within(last, 0xa6, 0xa9)) return true;
  }
  return false;
}

std::string Join(std::string_view field, std::string_view name) {
  return field.empty() ? std::string(name) : absl::StrCat(ToAbsl(field), ".", ToAbsl(name));
}

// Ties a page token to its scope. Not a secret: a forged position reads nothing that the query
// could not read anyway.
std::string PageTokenCheck(std::string_view scope, std::string_view position) {
  const TokenHash hash =
      HashToken(absl::StrCat(scope.size(), ":", ToAbsl(scope), ToAbsl(position)));
  return std::string(reinterpret_cast<const char*>(hash.data()), kPageTokenCheckBytes);
}

}  // namespace

bool IsValidId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength &&
         std::all_of(id.begin(), id.end(), IsIdCharacter);
}

bool IsValidSurface(std::string_view surface) {
  return !surface.empty() && surface.size() <= kMaxSurfaceLength &&
         IsLowerOrDigit(surface.front()) && std::all_of(surface.begin(), surface.end(), [](char c) {
           return IsLowerOrDigit(c) || c == '-' || c == '_';
         });
}

void CheckRequiredId(std::string_view field, std::string_view id, FieldViolations* violations) {
  if (id.empty()) {
    violations->Add(field, absl::StrCat("is required and ", kIdRule));
  } else if (!IsValidId(id)) {
    violations->Add(field, kIdRule);
  }
}

void CheckOptionalId(std::string_view field, std::string_view id, FieldViolations* violations) {
  if (!id.empty() && !IsValidId(id)) violations->Add(field, kIdRule);
}

void CheckSurface(std::string_view field, std::string_view surface, FieldViolations* violations) {
  if (!surface.empty() && !IsValidSurface(surface)) {
    violations->Add(field, "must be a lower-case word: 1-64 of [a-z0-9_-]");
  }
}

void CheckText(std::string_view field, std::string_view text, size_t max_bytes,
               FieldViolations* violations) {
  if (text.size() > max_bytes) {
    violations->Add(field, absl::StrCat("must be at most ", max_bytes, " bytes"));
  } else if (HasControlCharacter(text)) {
    violations->Add(field, "must not contain control characters");
  }
}

void CheckQuantity(std::string_view field, int64_t quantity, FieldViolations* violations) {
  if (quantity < 0 || quantity > kMaxQuantity) {
    violations->Add(field, "must be from 0 to 1,000,000,000,000");
  }
}

void CheckUsage(std::string_view field, const v1::Usage& usage, FieldViolations* violations) {
  const auto check = [&](const char* name, int64_t quantity) {
    // The path is only made when there is something to say: this is the request path.
    if (quantity < 0 || quantity > kMaxQuantity) {
      CheckQuantity(Join(field, name), quantity, violations);
    }
  };
  check("input_tokens", usage.input_tokens());
  check("output_tokens", usage.output_tokens());
  check("cache_write_5m_tokens", usage.cache_write_5m_tokens());
  check("cache_write_1h_tokens", usage.cache_write_1h_tokens());
  check("cache_read_tokens", usage.cache_read_tokens());
  check("web_searches", usage.web_searches());
  const auto& meters = usage.other_meters();
  if (static_cast<size_t>(meters.size()) > kMaxRequestMeters) {
    violations->Add(Join(field, "other_meters"), "must be at most 16");
  }
  for (int i = 0; i < std::min<int>(meters.size(), kMaxRequestMeters); ++i) {
    const std::string path = Join(field, absl::StrCat("other_meters[", i, "]"));
    const std::string& name = meters[i].name();
    const bool is_named =
        !name.empty() && name.size() <= kMaxMeterNameLength &&
        std::all_of(name.begin(), name.end(), [](char c) { return IsLowerOrDigit(c) || c == '_'; });
    if (!is_named) violations->Add(Join(path, "name"), "must be 1-64 of [a-z0-9_]");
    CheckQuantity(Join(path, "quantity"), meters[i].quantity(), violations);
    for (int j = 0; j < i; ++j) {
      if (meters[j].name() == name) violations->Add(Join(path, "name"), "is there twice");
    }
  }
  if (!usage.service_tier().empty()) {
    CheckText(Join(field, "service_tier"), usage.service_tier(), 64, violations);
  }
  if (!usage.region().empty()) CheckText(Join(field, "region"), usage.region(), 64, violations);
}

void CheckLabels(std::string_view field,
                 const google::protobuf::Map<std::string, std::string>& labels,
                 FieldViolations* violations) {
  if (labels.size() > kMaxLabels) violations->Add(field, "must be at most 16 labels");
  for (const auto& [key, value] : labels) {
    if (key.empty() || key.size() > kMaxLabelKeyBytes || HasControlCharacter(key)) {
      violations->Add(field, "keys must be 1-63 bytes without control characters");
    } else if (value.size() > kMaxLabelValueBytes || HasControlCharacter(value)) {
      violations->Add(absl::StrCat(ToAbsl(field), "[\"", key, "\"]"),
                      "must be at most 256 bytes without control characters");
    }
  }
}

void CheckCurrencyCode(std::string_view field, std::string_view code, FieldViolations* violations) {
  const bool is_code = code.size() == 3 && std::all_of(code.begin(), code.end(),
                                                       [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!code.empty() && !is_code) {
    violations->Add(field, "must be an ISO 4217 code of three capital letters");
  }
}

Nanos ReadMoney(std::string_view field, const v1::Money& money, MoneySign sign,
                FieldViolations* violations) {
  CheckCurrencyCode(Join(field, "currency_code"), money.currency_code(), violations);
  if (money.nanos() < -kMaxMoneyNanos || money.nanos() > kMaxMoneyNanos) {
    violations->Add(Join(field, "nanos"), "must be within 999,999,999 of zero");
    return Nanos();
  }
  if ((money.units() > 0 && money.nanos() < 0) || (money.units() < 0 && money.nanos() > 0)) {
    violations->Add(Join(field, "nanos"), "must have the sign of units");
    return Nanos();
  }
  const absl::int128 total = absl::int128(money.units()) * kNanosPerUnit + money.nanos();
  const std::optional<Nanos> nanos = Amount(total).ToNanos();
  if (!nanos.has_value()) {
    violations->Add(Join(field, "units"), "is more than one entry can carry (9,223,372,036)");
    return Nanos();
  }
  if (sign == MoneySign::kPositive && nanos->value <= 0) {
    violations->Add(field, "must be more than zero");
  } else if (sign == MoneySign::kNotNegative && nanos->value < 0) {
    violations->Add(field, "must not be negative");
  }
  return *nanos;
}

void WriteMoney(Amount amount, std::string_view currency_code, v1::Money* money) {
  absl::int128 units = amount.nanos() / kNanosPerUnit;
  absl::int128 nanos = amount.nanos() % kNanosPerUnit;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (units > kMost || units < -absl::int128(kMost)) {
    units = units > 0 ? absl::int128(kMost) : -absl::int128(kMost);
    nanos = units > 0 ? kMaxMoneyNanos : -kMaxMoneyNanos;
  }
  money->set_currency_code(currency_code.data(), currency_code.size());
  money->set_units(static_cast<int64_t>(units));
  money->set_nanos(static_cast<int32_t>(nanos));
}

std::optional<absl::Time> ReadTimestamp(std::string_view field,
                                        const google::protobuf::Timestamp& timestamp,
                                        FieldViolations* violations) {
  constexpr int64_t kEndSeconds = 9'183'110'400;  // 2261-01-01, inside what 64-bit nanos can say.
  if (timestamp.nanos() < 0 || timestamp.nanos() > kMaxMoneyNanos) {
    violations->Add(Join(field, "nanos"), "must be from 0 to 999,999,999");
    return std::nullopt;
  }
  if (timestamp.seconds() < 0 || timestamp.seconds() >= kEndSeconds) {
    violations->Add(field, "must be in the years 1970 to 2260");
    return std::nullopt;
  }
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

void WriteTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return;
  const int64_t seconds = absl::ToUnixSeconds(time);  // Rounds down.
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::optional<absl::Duration> ReadDuration(std::string_view field,
                                           const google::protobuf::Duration& duration,
                                           absl::Duration least, absl::Duration most,
                                           FieldViolations* violations) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;  // The well-known type's own bound.
  constexpr int32_t kMaxNanos = 999'999'999;
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  const bool signs_differ = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
  const bool sane = seconds >= -kMaxSeconds && seconds <= kMaxSeconds && nanos >= -kMaxNanos &&
                    nanos <= kMaxNanos && !signs_differ;
  const absl::Duration value =
      sane ? absl::Seconds(seconds) + absl::Nanoseconds(nanos) : absl::InfiniteDuration();
  if (value >= least && value <= most) return value;
  violations->Add(field, absl::StrCat("must be from ", absl::FormatDuration(least), " to ",
                                      absl::FormatDuration(most)));
  return std::nullopt;
}

void WriteDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  proto->set_seconds(absl::ToInt64Seconds(duration));
  proto->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(proto->seconds()))));
}

size_t ReadPageSize(std::string_view field, int32_t page_size, size_t fallback, size_t max,
                    FieldViolations* violations) {
  if (page_size == 0) return fallback;
  if (page_size < 0 || static_cast<size_t>(page_size) > max) {
    violations->Add(field, absl::StrCat("must be from 1 to ", max, ", or 0 for ", fallback));
    return fallback;
  }
  return static_cast<size_t>(page_size);
}

std::string MakePageToken(std::string_view scope, std::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(PageTokenCheck(scope, position), ToAbsl(position)));
}

std::string ReadPageToken(std::string_view field, std::string_view scope, std::string_view token,
                          FieldViolations* violations) {
  if (token.empty()) return "";
  std::string bytes;
  if (token.size() <= 4096 && absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) &&
      bytes.size() >= kPageTokenCheckBytes) {
    std::string position = bytes.substr(kPageTokenCheckBytes);
    // Only the one spelling that we made is accepted.
    if (MakePageToken(scope, position) == token) return position;
  }
  violations->Add(field, "is not a token of this query; start again without one");
  return "";
}

}  // namespace bursar
