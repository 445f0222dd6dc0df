#include "server/base/money.h"

#include <algorithm>

namespace bursar {

namespace {

constexpr size_t kMaxDecimals = 9;  // A nano-unit is the ninth.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits of `value`, which may exceed what std::to_string takes.
std::string Digits(absl::uint128 value) {
  std::string reversed;
  do {
    reversed.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return std::string(reversed.rbegin(), reversed.rend());
}

}  // namespace

std::string FormatAmount(Amount amount) {
  // Negated as unsigned, because the smallest signed value has no positive counterpart.
  const absl::uint128 bits(amount.nanos());
  const absl::uint128 magnitude = amount.is_negative() ? -bits : bits;
  std::string decimals = Digits(magnitude % kNanosPerUnit);
  decimals.insert(0, kMaxDecimals - decimals.size(), '0');
  const size_t last = decimals.find_last_not_of('0');
  decimals.resize(std::max<size_t>(2, last == std::string::npos ? 0 : last + 1));
  return (amount.is_negative() ? "-" : "") + Digits(magnitude / kNanosPerUnit) + "." + decimals;
}

std::optional<Nanos> ParseNanos(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const std::string_view units = text.substr(0, point);
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view("0") : text.substr(point + 1);
  if (units.empty() || decimals.empty() || decimals.size() > kMaxDecimals) return std::nullopt;
  if (!std::all_of(units.begin(), units.end(), IsDigit)) return std::nullopt;
  if (!std::all_of(decimals.begin(), decimals.end(), IsDigit)) return std::nullopt;

  absl::int128 nanos = 0;
  for (const char c : units) {
    nanos = nanos * 10 + (c - '0');
    // Far above any entry: stop, so that no length of input can overflow what follows.
    if (nanos > std::numeric_limits<int64_t>::max()) return std::nullopt;
  }
  for (size_t i = 0; i < kMaxDecimals; ++i) {
    nanos = nanos * 10 + (i < decimals.size() ? decimals[i] - '0' : 0);
  }
  return Amount(negative ? -nanos : nanos).ToNanos();
}

}  // namespace bursar
