#include "client/cli/csv.h"

#include <gtest/gtest.h>

namespace bursar::cli {
namespace {

using Record = std::vector<std::string>;

std::vector<Record> ReadAll(std::string_view text) {
  CsvReader reader(text);
  std::vector<Record> records;
  Record fields;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&fields);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return records;
    records.push_back(fields);
  }
}

TEST(Csv, LinesEndInEitherWayOrNotAtAll) {
  const std::vector<Record> expected = {{"a", "b"}, {"1", "2"}};
  EXPECT_EQ(ReadAll("a,b\n1,2\n"), expected);
  EXPECT_EQ(ReadAll("a,b\r\n1,2\r\n"), expected);
  EXPECT_EQ(ReadAll("a,b\r\n1,2"), expected);
  EXPECT_EQ(ReadAll("\n\na,b\n\n1,2\n\n"), expected);
}

TEST(Csv, QuotesHoldCommasQuotesAndLineEnds) {
  const std::vector<Record> expected = {{"a,b", "say \"yes\"", "two\nlines"}, {"c"}};
  EXPECT_EQ(ReadAll("\"a,b\",\"say \"\"yes\"\"\",\"two\nlines\"\r\nc\r\n"), expected);
}

TEST(Csv, EmptyFieldsStay) {
  const std::vector<Record> expected = {{"", "", ""}, {"x", ""}};
  EXPECT_EQ(ReadAll(",,\nx,\n"), expected);
}

TEST(Csv, LinesAreCountedThroughQuotes) {
  CsvReader reader("a\n\"x\ny\"\nb\n");
  Record fields;
  ASSERT_TRUE(*reader.Next(&fields));
  EXPECT_EQ(reader.line(), 1);
  ASSERT_TRUE(*reader.Next(&fields));
  EXPECT_EQ(reader.line(), 2);
  ASSERT_TRUE(*reader.Next(&fields));
  EXPECT_EQ(reader.line(), 4);
}

TEST(Csv, BrokenQuotesAreRefusedWithTheLine) {
  for (const char* text : {"\"open", "a\n\"x", "a\"b,c", "\"a\"b,c"}) {
    CsvReader reader(text);
    Record fields;
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = reader.Next(&fields);
    ASSERT_FALSE(more.ok()) << text;
    EXPECT_NE(std::string(more.status().message()).find("line "), std::string::npos) << text;
  }
}

// Rules: S2
TEST(Csv, WhatSpreadsheetsTakeForAFormulaIsText) {
  EXPECT_EQ(CsvLine({"=1+1", "@x", "+cmd", "-cmd"}), "'=1+1,'@x,'+cmd,'-cmd\n");
  EXPECT_EQ(CsvLine({"-3.50", "+4", "a=b", ""}), "-3.50,+4,a=b,\n");
}

}  // namespace
}  // namespace bursar::cli
