#include "client/lib/money.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>

#include "tests/support/test_seed.h"

namespace bursar {
namespace {

// Rules: M1
TEST(ClientMoney, ReadsWhatPeopleType) {
  const struct {
    const char* text;
    int64_t units;
    int32_t nanos;
  } kCases[] = {
      {"25", 25, 0},
      {"25.00", 25, 0},
      {"0.10", 0, 100'000'000},
      {"0.000000001", 0, 1},
      {"007", 7, 0},
      {"-1.5", -1, -500'000'000},
      {"-0.000000001", 0, -1},
      {"9223372036.854775807", 9'223'372'036, 854'775'807},
  };
  for (const auto& one : kCases) {
    const std::optional<v1::Money> money = ParseMoney(one.text);
    ASSERT_TRUE(money.has_value()) << one.text;
    EXPECT_EQ(money->units(), one.units) << one.text;
    EXPECT_EQ(money->nanos(), one.nanos) << one.text;
    EXPECT_EQ(money->currency_code(), "") << one.text;
  }
}

// Rules: M1, M2
TEST(ClientMoney, RefusesWhatIsNoAmount) {
  for (const char* text :
       {"", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1,000", "1e3", "0x10", "1.0000000001", "--1",
        "1.-5", "$5", "nan", "9223372036.854775808", "99999999999999999999"}) {
    EXPECT_FALSE(ParseMoney(text).has_value()) << text;
  }
}

// Rules: M1
TEST(ClientMoney, WhatIsShownReadsBackAsTheSameAmount) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 10'000; ++i) {
    const auto nanos = static_cast<int64_t>(random()) >> (random() % 63);
    if (nanos == std::numeric_limits<int64_t>::min()) continue;
    const std::optional<v1::Money> money = ParseMoney(FormatNanos(nanos));
    ASSERT_TRUE(money.has_value()) << nanos;
    EXPECT_EQ(NanosOf(*money), absl::int128(nanos));
  }
}

// Rules: M1
TEST(ClientMoney, ShowsAtLeastTwoDecimalsAndNoFurtherZeros) {
  EXPECT_EQ(FormatNanos(0), "0.00");
  EXPECT_EQ(FormatNanos(12'500'000'000), "12.50");
  EXPECT_EQ(FormatNanos(1'000), "0.000001");
  EXPECT_EQ(FormatNanos(-3'000'000'000), "-3.00");
  EXPECT_EQ(FormatNanos(-1), "-0.000000001");
}

// Rules: M1
TEST(ClientMoney, SumsBeyondSixtyFourBitsAreShownExactly) {
  const absl::int128 sum = absl::int128(std::numeric_limits<int64_t>::max()) * 1000;
  EXPECT_EQ(FormatNanos(sum), "9223372036854.775807");
  EXPECT_EQ(FormatNanos(-sum), "-9223372036854.775807");
}

// Rules: M1
TEST(ClientMoney, CurrencyFollowsTheAmount) {
  v1::Money money;
  money.set_units(214);
  money.set_nanos(25'975'000);
  EXPECT_EQ(FormatMoney(money), "214.025975");
  money.set_currency_code("USD");
  EXPECT_EQ(FormatMoney(money), "214.025975 USD");
}

}  // namespace
}  // namespace bursar
