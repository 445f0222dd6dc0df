// Amounts of money, in integers only.
//
// An amount is a count of nano-units of one currency (1 USD = 1,000,000,000 nanos). `Nanos` is what
// one journal entry may carry (64 bits, about ±9.2 billion dollars); `Amount` is what sums are kept
// in (128 bits), so that no number of entries can overflow a counter. Neither knows its currency:
// a wallet has exactly one. There is no conversion from or to floating point, on purpose.
//
// Thread rule: plain values.
//
// Source: rule M1 and M2 (docs/rules.md).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "absl/numeric/int128.h"

namespace bursar {

// Nanos in one whole unit of a currency.
inline constexpr int64_t kNanosPerUnit = 1'000'000'000;

// One entry's amount.
struct Nanos {
  int64_t value = 0;

  constexpr Nanos() = default;
  constexpr explicit Nanos(int64_t nanos) : value(nanos) {}
  // The largest amount that one entry can carry.
  static constexpr Nanos Max() { return Nanos(std::numeric_limits<int64_t>::max()); }
  // That many whole units. Requires: within ±9,223,372,036 (for constants, not for input).
  static constexpr Nanos Units(int64_t units) { return Nanos(units * kNanosPerUnit); }

  friend constexpr auto operator<=>(Nanos, Nanos) = default;
};

// A sum of entries. Arithmetic cannot overflow in practice: 2^63 entries of the largest size fit.
class Amount {
 public:
  constexpr Amount() = default;
  constexpr Amount(Nanos nanos) : value_(nanos.value) {}  // NOLINT: every entry is a sum of one
  constexpr explicit Amount(absl::int128 nanos) : value_(nanos) {}

  constexpr absl::int128 nanos() const { return value_; }
  // The amount as one entry's, or nothing when it does not fit 64 bits.
  constexpr std::optional<Nanos> ToNanos() const {
    if (value_ > std::numeric_limits<int64_t>::max() ||
        value_ < std::numeric_limits<int64_t>::min()) {
      return std::nullopt;
    }
    return Nanos(static_cast<int64_t>(value_));
  }
  constexpr bool is_zero() const { return value_ == 0; }
  constexpr bool is_positive() const { return value_ > 0; }
  constexpr bool is_negative() const { return value_ < 0; }
  // The amount, or zero when it is negative: how headroom is shown (rule B1).
  constexpr Amount FlooredAtZero() const { return value_ < 0 ? Amount() : *this; }

  constexpr Amount& operator+=(Amount other) {
    value_ = value_ + other.value_;  // Abseil's += is not constexpr.
    return *this;
  }
  constexpr Amount& operator-=(Amount other) {
    value_ = value_ - other.value_;
    return *this;
  }
  friend constexpr Amount operator+(Amount a, Amount b) { return a += b; }
  friend constexpr Amount operator-(Amount a, Amount b) { return a -= b; }
  friend constexpr Amount operator-(Amount a) { return Amount(-a.value_); }
  friend constexpr bool operator==(Amount a, Amount b) { return a.value_ == b.value_; }
  friend constexpr std::strong_ordering operator<=>(Amount a, Amount b) {
    if (a.value_ < b.value_) return std::strong_ordering::less;
    return a.value_ == b.value_ ? std::strong_ordering::equal : std::strong_ordering::greater;
  }

 private:
  absl::int128 value_ = 0;
};

// The smaller and the larger of two amounts.
constexpr Amount Min(Amount a, Amount b) { return b < a ? b : a; }
constexpr Amount Max(Amount a, Amount b) { return a < b ? b : a; }

// The amount in decimal units without trailing zeros but with at least two decimals: "12.50",
// "0.000001", "-3.00". For people and messages.
std::string FormatAmount(Amount amount);

// Reads "25", "25.00", "-0.000001": digits, then, if there is a point, one to nine decimals.
// Nothing when the text is malformed (a plus sign, blanks, separators, an exponent, no digit on a
// side of the point) or the amount does not fit one entry.
std::optional<Nanos> ParseNanos(std::string_view text);

}  // namespace bursar
