// Recorded traffic: when requests were made and how many tokens they took, from a CSV file with a
// heading line or from JSON lines.
//
// Thread rule: pure functions but ReadTrace, which reads a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bursar::cli {

// Which column (or JSON key) holds what. An empty name means that the trace does not have it.
struct TraceColumns {
  std::string time = "TIMESTAMP";
  std::string input = "ContextTokens";
  std::string output = "GeneratedTokens";
  std::string cache_read;
  std::string cache_write_5m;
  std::string cache_write_1h;
};

// One recorded request.
struct TraceRow {
  // Nanoseconds since 1970 UTC, as recorded.
  int64_t time_unix_nanos = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cache_read_tokens = 0;
  int64_t cache_write_5m_tokens = 0;
  int64_t cache_write_1h_tokens = 0;
};

// One file of recorded requests, in the file's order.
struct Trace {
  // The file's name without its folder.
  std::string name;
  // 32 hexadecimal digits of the file's bytes: the same content is the same trace.
  std::string content_id;
  std::vector<TraceRow> rows;
  // The earliest and latest recorded times. Meaningless without rows.
  int64_t first_unix_nanos = 0;
  int64_t last_unix_nanos = 0;
};

// Reads "time=TIMESTAMP,input=ContextTokens": a list of what=column, what being one of time, input,
// output, cache_read, cache_write_5m, cache_write_1h. What is not named keeps its default.
absl::StatusOr<TraceColumns> ParseTraceColumns(const std::string& text);

// Reads a trace. JSON lines where the first character is a brace, else CSV. Times without a zone
// are UTC; quantities are whole numbers from 0 to 10^12. Usage errors name the line and column.
absl::StatusOr<Trace> ParseTrace(const std::string& name, std::string_view content,
                                 const TraceColumns& columns);

// The same from a file.
absl::StatusOr<Trace> ReadTrace(const std::string& path, const TraceColumns& columns);

// 32 hexadecimal digits that depend on every byte (FNV-1a of 128 bits): tells files apart, and is
// no protection against someone who wants two to look alike.
std::string ContentId(std::string_view content);

}  // namespace bursar::cli
