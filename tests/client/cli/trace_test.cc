#include "client/cli/trace.h"

#include <gtest/gtest.h>

#include "client/cli/format.h"

namespace bursar::cli {
namespace {

constexpr char kCsv[] =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:17:04.0319600,3180,8\r\n"
    "2023-11-16 18:17:03.9799600,4808,10\r\n";

TEST(Trace, ReadsTimesAsUtcToTheHundredNanoseconds) {
  const absl::StatusOr<Trace> trace = ParseTrace("a.csv", kCsv, TraceColumns());
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->rows.size(), 2u);
  EXPECT_EQ(trace->rows[1].time_unix_nanos, 1'700'158'623'979'960'000);
  EXPECT_EQ(trace->rows[1].input_tokens, 4808);
  EXPECT_EQ(trace->rows[1].output_tokens, 10);
  EXPECT_EQ(trace->first_unix_nanos, trace->rows[1].time_unix_nanos);
  EXPECT_EQ(trace->last_unix_nanos, trace->rows[0].time_unix_nanos);
}

TEST(Trace, RecordedTracesAreReadWhole) {
  const struct {
    const char* file;
    size_t rows;
    int64_t input;
    int64_t output;
  } kTraces[] = {
      {"azure_llm_2023_code.csv", 8819, 18'059'974, 245'896},
      {"azure_llm_2023_conv.csv", 19366, 22'361'870, 4'088'665},
  };
  for (const auto& one : kTraces) {
    const absl::StatusOr<Trace> trace =
        ReadTrace(std::string(BURSAR_TESTDATA "/traces/") + one.file, TraceColumns());
    ASSERT_TRUE(trace.ok()) << trace.status();
    EXPECT_EQ(trace->name, one.file);
    EXPECT_EQ(trace->rows.size(), one.rows);
    int64_t input = 0;
    int64_t output = 0;
    for (const TraceRow& row : trace->rows) {
      input += row.input_tokens;
      output += row.output_tokens;
    }
    EXPECT_EQ(input, one.input);
    EXPECT_EQ(output, one.output);
  }
}

TEST(Trace, JsonLinesAreReadByKey) {
  TraceColumns columns;
  columns.time = "at";
  columns.input = "in";
  columns.output = "";
  columns.cache_read = "cached";
  const absl::StatusOr<Trace> trace = ParseTrace(
      "a.jsonl",
      "{\"at\": \"2026-01-01T00:00:00Z\", \"in\": 5, \"cached\": \"7\", \"more\": null}\n\n"
      "{\"at\": \"2026-01-01T00:00:01Z\", \"in\": 6, \"cached\": 0}",
      columns);
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->rows.size(), 2u);
  EXPECT_EQ(trace->rows[0].input_tokens, 5);
  EXPECT_EQ(trace->rows[0].output_tokens, 0);
  EXPECT_EQ(trace->rows[0].cache_read_tokens, 7);
}

TEST(Trace, MalformedRowsAreRefusedWithLineAndColumn) {
  const struct {
    const char* content;
    const char* expected;
  } kCases[] = {
      {"", "the file is empty"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n", "there are no rows"},
      {"TIMESTAMP,ContextTokens\n2026-01-01T00:00:00Z,1\n", "no column \"GeneratedTokens\""},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01T00:00:00Z,1\n",
       "line 2: 2 fields where the heading has 3"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", "line 2: TIMESTAMP"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01T00:00:00Z,-1,1\n",
       "line 2: ContextTokens"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01T00:00:00Z,1,1.5\n",
       "line 2: GeneratedTokens"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01T00:00:00Z,1000000000001,1\n",
       "line 2: ContextTokens"},
      {"TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01T00:00:00Z,,1\n",
       "line 2: ContextTokens"},
      {"{\"TIMESTAMP\": 1}\n", "line 1: TIMESTAMP"},
      {"{]\n", "line 1: not a JSON object"},
      {"{\"ContextTokens\": 1}\n", "line 1: there is no key \"TIMESTAMP\""},
  };
  for (const auto& one : kCases) {
    const absl::StatusOr<Trace> trace = ParseTrace("a.csv", one.content, TraceColumns());
    ASSERT_FALSE(trace.ok()) << one.content;
    EXPECT_TRUE(IsUsageError(trace.status()));
    const std::string message(trace.status().message());
    EXPECT_NE(message.find(one.expected), std::string::npos) << message;
  }
}

TEST(Trace, ColumnsAreNamedByList) {
  const absl::StatusOr<TraceColumns> columns = ParseTraceColumns("time=t,cache_write_1h=w,output=");
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->time, "t");
  EXPECT_EQ(columns->input, "ContextTokens");
  EXPECT_EQ(columns->output, "");
  EXPECT_EQ(columns->cache_write_1h, "w");
  for (const char* text : {"when=t", "time", "time="}) {
    EXPECT_FALSE(ParseTraceColumns(text).ok()) << text;
  }
}

TEST(Trace, ContentIdDependsOnEveryByte) {
  // The published values of 128-bit FNV-1a.
  EXPECT_EQ(ContentId(""), "6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(ContentId("a"), "d228cb696f1a8caf78912b704e4a8964");
  EXPECT_NE(ContentId("ab"), ContentId("ba"));
}

}  // namespace
}  // namespace bursar::cli
