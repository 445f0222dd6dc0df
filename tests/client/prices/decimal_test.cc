#include "client/prices/decimal.h"

#include <gtest/gtest.h>

#include <string>

namespace bursar {
namespace {

// Rules: M1, P7
TEST(Decimal, EveryWayOfWritingANumberIsReadExactly) {
  const struct {
    const char* text;
    int64_t nanos;
  } kCases[] = {{"0", 0},
                {"-0", 0},
                {"0.0000000000", 0},
                {"3", 3'000'000'000},
                {"3.75", 3'750'000'000},
                {"0.000000001", 1},
                {"1e-9", 1},
                {"10e-10", 1},
                {"0.1", 100'000'000},
                {"0.30000000000", 300'000'000},
                {"1.5E+3", 1'500'000'000'000},
                {"0.0000015e6", 1'500'000'000},
                {"1000000", 1'000'000'000'000'000},
                {"999999.999999999", 999'999'999'999'999},
                {"0e99999999999", 0}};
  for (const auto& c : kCases) {
    const auto nanos = ParseDecimalNanos(c.text);
    ASSERT_TRUE(nanos.ok()) << c.text << ": " << nanos.status().message();
    EXPECT_EQ(*nanos, c.nanos) << c.text;
  }
}

// Rules: M1, P2, P7
TEST(Decimal, NothingIsRoundedAndNothingBeyondTheBoundsIsTaken) {
  for (const char* bad : {"0.0000000001",
                          "1e-10",
                          "1000000.000000001",
                          "1000001",
                          "1e7",
                          "1e999999999999",
                          "1e-999999999999",
                          "-1",
                          "-0.5",
                          "",
                          "-",
                          ".5",
                          "5.",
                          "1e",
                          "1e+",
                          "0x10",
                          "1 ",
                          "nan",
                          "99999999999999999999999999",
                          "1.2.3"}) {
    EXPECT_EQ(ParseDecimalNanos(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

// Rules: M1, P2, P7
TEST(Decimal, PricesOfOneBecomePricesOfAMillionRoundedHalfUpBehindANano) {
  const struct {
    const char* text;
    int64_t nanos;
    bool rounded;
  } kCases[] = {{"3e-06", 3'000'000'000, false},
                {"0.00018", 180'000'000'000, false},
                {"1", 1'000'000'000'000'000, false},
                {"0e-99", 0, false},
                {"1e-15", 1, false},
                {"1.4e-15", 1, true},
                {"1.5e-15", 2, true},
                {"1.49999999999999999999999e-15", 1, true},
                {"9.5e-15", 10, true},
                {"4e-16", 1, true},
                {"5e-16", 1, true},
                {"1e-999999999999", 1, true}};
  for (const auto& c : kCases) {
    const auto price = ParseNanosPerMillion(c.text);
    ASSERT_TRUE(price.ok()) << c.text << ": " << price.status().message();
    EXPECT_EQ(price->nanos, c.nanos) << c.text;
    EXPECT_EQ(price->rounded, c.rounded) << c.text;
  }
  EXPECT_EQ(ParseNanosPerThousand("0.0125")->nanos, 12'500'000'000);
  for (const char* bad : {"2", "1.1", "1e400", "-1e-06", "free", ""}) {
    EXPECT_EQ(ParseNanosPerMillion(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

// Rules: P3
TEST(Decimal, WholeNumbersAreWhole) {
  EXPECT_EQ(*ParseWholeNumber("200000"), 200'000);
  EXPECT_EQ(*ParseWholeNumber("2e5"), 200'000);
  EXPECT_EQ(*ParseWholeNumber("200000.0"), 200'000);
  EXPECT_FALSE(ParseWholeNumber("0.5").ok());
  EXPECT_FALSE(ParseWholeNumber("1000000000000001").ok());
}

}  // namespace
}  // namespace bursar
