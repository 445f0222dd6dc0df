#include "client/lib/money.h"

#include <limits>

namespace bursar {
namespace {

// The value of a run of one to nineteen digits, or nothing when it is not one.
std::optional<uint64_t> ParseDigits(const std::string& text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

std::optional<v1::Money> ParseMoney(const std::string& text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string digits = negative ? text.substr(1) : text;
  const size_t point = digits.find('.');
  const std::optional<uint64_t> units = ParseDigits(digits.substr(0, point));
  std::optional<uint64_t> nanos = 0;
  if (point != std::string::npos) {
    std::string decimals = digits.substr(point + 1);
    if (decimals.empty() || decimals.size() > 9) return std::nullopt;
    decimals.resize(9, '0');
    nanos = ParseDigits(decimals);
  }
  if (!units.has_value() || !nanos.has_value()) return std::nullopt;
  const absl::int128 magnitude = absl::int128(*units) * kNanosPerCurrencyUnit + *nanos;
  if (magnitude > std::numeric_limits<int64_t>::max()) return std::nullopt;
  const int64_t sign = negative ? -1 : 1;
  v1::Money money;
  money.set_units(sign * static_cast<int64_t>(*units));
  money.set_nanos(static_cast<int32_t>(sign * static_cast<int64_t>(*nanos)));
  return money;
}

absl::int128 NanosOf(const v1::Money& money) {
  return absl::int128(money.units()) * kNanosPerCurrencyUnit + money.nanos();
}

std::string FormatNanos(absl::int128 nanos) {
  const bool negative = nanos < 0;
  absl::uint128 magnitude = negative ? absl::uint128(-nanos) : absl::uint128(nanos);
  std::string decimals;
  for (int i = 0; i < 9; ++i) {
    decimals.insert(decimals.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
    magnitude /= 10;
  }
  while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
  std::string units;
  do {
    units.insert(units.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
    magnitude /= 10;
  } while (magnitude != 0);
  return (negative ? "-" : "") + units + "." + decimals;
}

std::string FormatMoney(const v1::Money& money) {
  const std::string amount = FormatNanos(NanosOf(money));
  return money.currency_code().empty() ? amount : amount + " " + money.currency_code();
}

}  // namespace bursar
