#include "client/prices/decimal.h"

#include <algorithm>
#include <string>

namespace bursar {
namespace {

constexpr int64_t kMaxValue = 1'000'000'000'000'000;
constexpr int kMaxExponent = 10'000;  // Beyond any text's own length; keeps sums in an int.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The number as digits × 10^exponent.
struct Decimal {
  bool negative = false;
  std::string digits;  // Without leading zeros; empty for zero.
  int exponent = 0;
};

absl::StatusOr<Decimal> Split(std::string_view text) {
  const absl::Status malformed =
      absl::InvalidArgumentError("\"" + std::string(text.substr(0, 64)) + "\" is not a number");
  Decimal decimal;
  size_t at = 0;
  if (at < text.size() && text[at] == '-') {
    decimal.negative = true;
    ++at;
  }
  const size_t start = at;
  while (at < text.size() && IsDigit(text[at])) decimal.digits += text[at++];
  if (at == start) return malformed;
  if (at < text.size() && text[at] == '.') {
    const size_t point = ++at;
    while (at < text.size() && IsDigit(text[at])) decimal.digits += text[at++];
    if (at == point) return malformed;
    decimal.exponent = -static_cast<int>(std::min<size_t>(at - point, kMaxExponent));
    if (at - point > kMaxExponent) return malformed;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool down = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const size_t first = at;
    int exponent = 0;
    while (at < text.size() && IsDigit(text[at])) {
      exponent = std::min(exponent * 10 + (text[at++] - '0'), kMaxExponent);
    }
    if (at == first) return malformed;
    decimal.exponent += down ? -exponent : exponent;
  }
  if (at != text.size()) return malformed;
  decimal.digits.erase(0, std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size()));
  return decimal;
}

// The number × 10^decimals, at most kMaxValue; digits behind it are rounded half up.
absl::StatusOr<RoundedNanos> Scale(std::string_view text, int decimals, const char* size_problem) {
  absl::StatusOr<Decimal> split = Split(text);
  if (!split.ok()) return split.status();
  Decimal& decimal = *split;
  if (decimal.digits.empty()) return RoundedNanos();
  if (decimal.negative) return absl::InvalidArgumentError("is negative");
  decimal.exponent += decimals;
  while (decimal.exponent < 0 && !decimal.digits.empty() && decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  RoundedNanos result;
  bool round_up = false;
  if (decimal.exponent < 0) {
    result.rounded = true;
    const size_t cut = static_cast<size_t>(-decimal.exponent);
    const size_t kept = decimal.digits.size() > cut ? decimal.digits.size() - cut : 0;
    round_up = decimal.digits.size() >= cut && decimal.digits[kept] >= '5';
    decimal.digits.resize(kept);
    decimal.exponent = 0;
  }
  for (const char digit : decimal.digits) {
    result.nanos = result.nanos * 10 + (digit - '0');
    if (result.nanos > kMaxValue) return absl::InvalidArgumentError(size_problem);
  }
  for (int i = 0; i < decimal.exponent; ++i) {
    result.nanos *= 10;
    if (result.nanos > kMaxValue) return absl::InvalidArgumentError(size_problem);
  }
  if (result.rounded && (round_up || result.nanos == 0)) ++result.nanos;
  if (result.nanos > kMaxValue) return absl::InvalidArgumentError(size_problem);
  return result;
}

// The same for numbers that must be whole then.
absl::StatusOr<int64_t> ScaleExactly(std::string_view text, int decimals,
                                     const char* fraction_problem, const char* size_problem) {
  const absl::StatusOr<RoundedNanos> scaled = Scale(text, decimals, size_problem);
  if (!scaled.ok()) return scaled.status();
  if (scaled->rounded) return absl::InvalidArgumentError(fraction_problem);
  return scaled->nanos;
}

}  // namespace

absl::StatusOr<int64_t> ParseDecimalNanos(std::string_view text) {
  return ScaleExactly(text, 9, "has more than nine decimals", "exceeds 1000000 units");
}

absl::StatusOr<RoundedNanos> ParseNanosPerMillion(std::string_view text) {
  return Scale(text, 15, "exceeds 1 unit each");
}

absl::StatusOr<RoundedNanos> ParseNanosPerThousand(std::string_view text) {
  return Scale(text, 12, "exceeds 1000 units each");
}

absl::StatusOr<int64_t> ParseWholeNumber(std::string_view text) {
  return ScaleExactly(text, 0, "is not a whole number", "exceeds 1000000000000000");
}

}  // namespace bursar
