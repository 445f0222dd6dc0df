// Usage as comma-separated values, ours and FOCUS.
#include "client/cli/usage_csv.h"

#include <gtest/gtest.h>

#include "client/cli/csv.h"

namespace bursar::cli {
namespace {

v1::Money Amount(int64_t units, int32_t nanos) {
  v1::Money money;
  money.set_currency_code("USD");
  money.set_units(units);
  money.set_nanos(nanos);
  return money;
}

std::vector<std::vector<std::string>> Parse(const std::string& text) {
  std::vector<std::vector<std::string>> records;
  CsvReader reader(text);
  std::vector<std::string> fields;
  while (*reader.Next(&fields)) records.push_back(fields);
  return records;
}

// Rules: S2
TEST(UsageCsv, LinesComeBackAsTheyWereWhateverTheyHold) {
  const std::vector<std::string> fields = {"a", "", "b,c", "say \"so\"", "two\nlines"};
  EXPECT_EQ(CsvLine({"plain", "1"}), "plain,1\n");
  EXPECT_EQ(Parse(CsvLine(fields)), (std::vector<std::vector<std::string>>{fields}));
}

// Rules: S2, M1
TEST(UsageCsv, AmountsArePlainDecimalsToTheNano) {
  EXPECT_EQ(PlainAmount(Amount(12, 500'000'000)), "12.5");
  EXPECT_EQ(PlainAmount(Amount(0, 1)), "0.000000001");
  EXPECT_EQ(PlainAmount(Amount(0, -10)), "-0.00000001");
  EXPECT_EQ(PlainAmount(Amount(-3, 0)), "-3");
  EXPECT_EQ(PlainAmount(Amount(100, 0)), "100");
  EXPECT_EQ(PlainAmount(Amount(INT64_MIN, 0)), "-9223372036854775808");
}

// Rules: S2
TEST(UsageCsv, ColumnsAreTheDimensionsThenTheFigures) {
  v1::QueryUsageRequest request;
  request.add_group_by(v1::USAGE_DIMENSION_MEMBER);
  request.add_group_by(v1::USAGE_DIMENSION_MODEL);
  v1::QueryUsageResponse usage;
  v1::UsageRow* row = usage.add_rows();
  row->set_member_id("ann, of \"it\"");
  row->set_provider("anthropic");
  row->set_model("claude");
  row->set_record_count(2);
  *row->mutable_cost() = Amount(1, 1);
  const auto records = Parse(UsageAsCsv(request, usage));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0][0], "member");
  EXPECT_EQ(records[0][2], "model");
  EXPECT_EQ(records[1][0], "ann, of \"it\"");
  EXPECT_EQ(records[1][3], "2");
  ASSERT_EQ(records[0].size(), records[1].size());
}

// Rules: S2
TEST(UsageCsv, FocusBillsWhatIsBeyondIncludedUsage) {
  v1::Organization organization;
  organization.set_organization_id("acme");
  v1::QueryUsageResponse usage;
  v1::UsageRow* row = usage.add_rows();
  *row->mutable_cost() = Amount(5, 0);
  *row->mutable_included() = Amount(3, 600'000'000);
  *row->mutable_extra() = Amount(1, 700'000'000);
  *row->mutable_metered() = Amount(-1, -900'000'000);
  row->mutable_period_start()->set_seconds(86'400);
  const auto records = Parse(UsageAsFocus(organization, usage));
  ASSERT_EQ(records.size(), 2u);
  ASSERT_EQ(records[0].size(), records[1].size());
  for (size_t i = 0; i < records[0].size(); ++i) {
    if (records[0][i] == "BilledCost") {
      EXPECT_EQ(records[1][i], "-0.2");
    }
    if (records[0][i] == "ListCost") {
      EXPECT_EQ(records[1][i], "5");
    }
    if (records[0][i] == "ChargePeriodStart") {
      EXPECT_EQ(records[1][i], "1970-01-02T00:00:00Z");
    }
    if (records[0][i] == "BillingAccountId") {
      EXPECT_EQ(records[1][i], "acme");
    }
  }
}

}  // namespace
}  // namespace bursar::cli
