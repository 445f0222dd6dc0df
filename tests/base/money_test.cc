#include "server/base/money.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include "tests/support/test_seed.h"

namespace bursar {
namespace {

constexpr int64_t kMaxNanos = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinNanos = std::numeric_limits<int64_t>::min();

std::optional<int64_t> Parsed(std::string_view text) {
  const std::optional<Nanos> nanos = ParseNanos(text);
  return nanos ? std::optional<int64_t>(nanos->value) : std::nullopt;
}

// Rules: M1
TEST(Money, SumsOfTheLargestEntriesDoNotOverflow) {
  Amount sum;
  for (int i = 0; i < 1000; ++i) sum += Nanos::Max();
  EXPECT_EQ(sum.nanos(), absl::int128(kMaxNanos) * 1000);
  for (int i = 0; i < 1000; ++i) sum -= Nanos::Max();
  EXPECT_TRUE(sum.is_zero());
}

// Rules: M2
TEST(Money, SumFitsAnEntryExactlyWithinSixtyFourBits) {
  EXPECT_EQ(Amount(Nanos(kMaxNanos)).ToNanos(), Nanos(kMaxNanos));
  EXPECT_EQ(Amount(Nanos(kMinNanos)).ToNanos(), Nanos(kMinNanos));
  EXPECT_EQ((Amount(Nanos(kMaxNanos)) + Nanos(1)).ToNanos(), std::nullopt);
  EXPECT_EQ((Amount(Nanos(kMinNanos)) - Nanos(1)).ToNanos(), std::nullopt);
}

// Rules: M1
TEST(Money, AmountsCompareAndNegateAcrossZero) {
  const Amount debt = -Amount(Nanos(5));
  EXPECT_EQ(debt.nanos(), -5);
  EXPECT_LT(debt, Amount());
  EXPECT_GT(Amount(Nanos(1)), Amount());
  EXPECT_EQ(Amount(Nanos(5)) + debt, Amount());
  EXPECT_TRUE(debt.is_negative());
  EXPECT_FALSE(debt.is_positive());
  EXPECT_FALSE(Amount().is_positive());
  EXPECT_FALSE(Amount().is_negative());
  EXPECT_EQ(Min(debt, Amount()), debt);
  EXPECT_EQ(Max(debt, Amount()), Amount());
  EXPECT_LT(Nanos(-1), Nanos(0));
}

// Rules: B1
TEST(Money, HeadroomIsShownFlooredAtZero) {
  EXPECT_EQ(Amount(Nanos(-1)).FlooredAtZero(), Amount());
  EXPECT_EQ(Amount().FlooredAtZero(), Amount());
  EXPECT_EQ(Amount(Nanos(1)).FlooredAtZero(), Amount(Nanos(1)));
}

// Rules: M1
TEST(Money, ArithmeticIsUsableInConstants) {
  static_assert(Nanos::Units(-2).value == -2'000'000'000);
  static_assert((Amount(Nanos::Units(1)) + Nanos(1)).nanos() == 1'000'000'001);
  static_assert(Max(Amount(Nanos(1)), Amount(Nanos(2))) == Amount(Nanos(2)));
  EXPECT_EQ(Nanos::Units(9).value, 9 * kNanosPerUnit);
}

// Rules: M1
TEST(FormatAmount, ShowsAtLeastTwoDecimalsAndNoFurtherTrailingZeros) {
  const struct {
    int64_t nanos;
    const char* text;
  } cases[] = {
      {0, "0.00"},
      {1, "0.000000001"},
      {-1, "-0.000000001"},
      {1'000, "0.000001"},
      {10'000'000, "0.01"},
      {100'000'000, "0.10"},
      {120'000'000, "0.12"},
      {125'000'000, "0.125"},
      {kNanosPerUnit, "1.00"},
      {-3 * kNanosPerUnit, "-3.00"},
      {12'500'000'000, "12.50"},
      {214'025'975'000, "214.025975"},
      {999'999'999, "0.999999999"},
      {kMaxNanos, "9223372036.854775807"},
      {kMinNanos, "-9223372036.854775808"},
  };
  for (const auto& [nanos, text] : cases) EXPECT_EQ(FormatAmount(Nanos(nanos)), text);
}

// Rules: M1
TEST(FormatAmount, ShowsSumsBeyondSixtyFourBits) {
  EXPECT_EQ(FormatAmount(Amount(Nanos(kMaxNanos)) + Nanos(1)), "9223372036.854775808");
  EXPECT_EQ(FormatAmount(Amount(absl::Int128Max())), "170141183460469231731687303715.884105727");
  EXPECT_EQ(FormatAmount(Amount(absl::Int128Min())), "-170141183460469231731687303715.884105728");
}

// Rules: M1
TEST(ParseNanos, ReadsWholeAndDecimalAmounts) {
  const struct {
    const char* text;
    int64_t nanos;
  } cases[] = {
      {"0", 0},
      {"-0", 0},
      {"0.00", 0},
      {"25", 25 * kNanosPerUnit},
      {"25.00", 25 * kNanosPerUnit},
      {"0025", 25 * kNanosPerUnit},
      {"00000000000000000000000000000000000000000001", kNanosPerUnit},
      {"-0.000001", -1'000},
      {"0.000000001", 1},
      {"-12.5", -12'500'000'000},
      {"9223372036.854775807", kMaxNanos},
      {"-9223372036.854775808", kMinNanos},
  };
  for (const auto& [text, nanos] : cases) EXPECT_EQ(Parsed(text), nanos) << text;
}

// Rules: M2
TEST(ParseNanos, RefusesWhatIsMalformed) {
  for (const char* const text :
       {"",   "-",   ".",    "-.",  "5.",   ".5", "+5",           "--5", "1.2.3", "1,000", "1 ",
        " 1", "1e3", "0x10", "12a", "1.5-", "$5", "1.0000000000", "٣",   "NaN",   "inf",   "1\n"}) {
    EXPECT_EQ(Parsed(text), std::nullopt) << "\"" << text << "\"";
  }
  EXPECT_EQ(Parsed(std::string_view("1\0", 2)), std::nullopt);
}

// Rules: M2
TEST(ParseNanos, RefusesWhatDoesNotFitAnEntry) {
  for (const char* const text :
       {"9223372036.854775808", "-9223372036.854775809", "9223372037", "10000000000",
        "9223372036854775807.999999999", "-9223372036854775808", "18446744073709551616"}) {
    EXPECT_EQ(Parsed(text), std::nullopt) << text;
  }
  EXPECT_EQ(Parsed(std::string(100'000, '9')), std::nullopt);
}

// Rules: M1
TEST(ParseNanos, ReadsBackWhatFormatAmountWrites) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 20'000; ++i) {
    // Every magnitude is as likely as any other.
    const int64_t nanos = static_cast<int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(Parsed(FormatAmount(Nanos(nanos))), nanos);
  }
}

}  // namespace
}  // namespace bursar
