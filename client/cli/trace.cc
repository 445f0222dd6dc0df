#include "client/cli/trace.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/numeric/int128.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/csv.h"
#include "client/cli/format.h"
#include "client/cli/session.h"

namespace bursar::cli {
namespace {

constexpr int64_t kLargestQuantity = 1'000'000'000'000;

// One column that a trace may have: what it is called on the command line, where its name is kept,
// and where its value goes. The first of them is the time.
struct ColumnKind {
  const char* what;
  std::string TraceColumns::*column;
  int64_t TraceRow::*value;
};
constexpr std::array<ColumnKind, 6> kColumnKinds = {{
    {"time", &TraceColumns::time, &TraceRow::time_unix_nanos},
    {"input", &TraceColumns::input, &TraceRow::input_tokens},
    {"output", &TraceColumns::output, &TraceRow::output_tokens},
    {"cache_read", &TraceColumns::cache_read, &TraceRow::cache_read_tokens},
    {"cache_write_5m", &TraceColumns::cache_write_5m, &TraceRow::cache_write_5m_tokens},
    {"cache_write_1h", &TraceColumns::cache_write_1h, &TraceRow::cache_write_1h_tokens},
}};

// Reads a cell into its place in `row`.
absl::Status ParseCell(const ColumnKind& kind, const std::string& column, const std::string& text,
                       TraceRow* row) {
  if (kind.value == &TraceRow::time_unix_nanos) {
    absl::Time time;
    if (!TryParseInstant(text, &time)) {
      return absl::InvalidArgumentError(absl::StrCat(column, " is not an instant: \"", text, "\""));
    }
    row->time_unix_nanos = absl::ToUnixNanos(time);
    return absl::OkStatus();
  }
  int64_t value = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &value) || value > kLargestQuantity) {
    return absl::InvalidArgumentError(
        absl::StrCat(column, " is not a whole number from 0 to 10^12: \"", text, "\""));
  }
  row->*kind.value = value;
  return absl::OkStatus();
}

absl::Status ParseCsv(std::string_view content, const TraceColumns& columns,
                      std::vector<TraceRow>* rows) {
  CsvReader reader(content);
  std::vector<std::string> fields;
  absl::StatusOr<bool> more = reader.Next(&fields);
  if (!more.ok()) return more.status();
  if (!*more) return absl::InvalidArgumentError("the file is empty");
  if (fields[0].compare(0, 3, "\xef\xbb\xbf") == 0) fields[0].erase(0, 3);  // A byte order mark.
  std::array<size_t, kColumnKinds.size()> places{};
  for (size_t i = 0; i < kColumnKinds.size(); ++i) {
    const std::string& wanted = columns.*kColumnKinds[i].column;
    const auto found = std::find(fields.begin(), fields.end(), wanted);
    if (!wanted.empty() && found == fields.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no column \"", wanted, "\" (--columns ", kColumnKinds[i].what, "=NAME)"));
    }
    places[i] = static_cast<size_t>(found - fields.begin());
  }
  const size_t width = fields.size();
  while ((more = reader.Next(&fields)).ok() && *more) {
    const std::string where = absl::StrCat("line ", reader.line(), ": ");
    if (fields.size() != width) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, fields.size(), " fields where the heading has ", width));
    }
    TraceRow row;
    for (size_t i = 0; i < kColumnKinds.size(); ++i) {
      const std::string& column = columns.*kColumnKinds[i].column;
      if (column.empty()) continue;
      const absl::Status status = ParseCell(kColumnKinds[i], column, fields[places[i]], &row);
      if (!status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(where, std::string(status.message())));
      }
    }
    rows->push_back(row);
  }
  return more.status();
}

absl::Status ParseJsonLine(const std::string& line, const TraceColumns& columns, TraceRow* row) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::InvalidArgumentError("not a JSON object");
  for (const ColumnKind& kind : kColumnKinds) {
    const std::string& column = columns.*kind.column;
    if (column.empty()) continue;
    const auto found = object.find(column);
    if (found == object.end()) {
      return absl::InvalidArgumentError(absl::StrCat("there is no key \"", column, "\""));
    }
    const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
    const absl::Status status = ParseCell(kind, column, text, row);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ParseJsonLines(std::string_view content, const TraceColumns& columns,
                            std::vector<TraceRow>* rows) {
  int64_t number = 0;
  while (!content.empty()) {
    ++number;
    const size_t end = std::min(content.find('\n'), content.size());
    const std::string line(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    TraceRow row;
    const absl::Status status = ParseJsonLine(line, columns, &row);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", std::string(status.message())));
    }
    rows->push_back(row);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TraceColumns> ParseTraceColumns(const std::string& text) {
  TraceColumns columns;
  const std::vector<std::string> pairs = absl::StrSplit(text, ',', absl::SkipEmpty());
  for (const std::string& pair : pairs) {
    const size_t sign = pair.find('=');
    const std::string what = pair.substr(0, sign);
    const auto kind = std::find_if(kColumnKinds.begin(), kColumnKinds.end(),
                                   [&](const ColumnKind& one) { return what == one.what; });
    if (sign == std::string::npos || kind == kColumnKinds.end()) {
      return UsageError(absl::StrCat(
          "--columns: \"", pair,
          "\" is not WHAT=NAME with one of time, input, output, cache_read, cache_write_5m, "
          "cache_write_1h."));
    }
    columns.*kind->column = pair.substr(sign + 1);
  }
  if (columns.time.empty()) return UsageError("--columns: a trace needs a time.");
  return columns;
}

std::string ContentId(std::string_view content) {
  const absl::uint128 prime = absl::MakeUint128(0x1000000, 0x13b);
  absl::uint128 hash = absl::MakeUint128(0x6c62272e07bb0142, 0x62b821756295c58d);
  for (const char c : content) {
    hash ^= static_cast<unsigned char>(c);
    hash *= prime;
  }
  return absl::StrFormat("%016x%016x", absl::Uint128High64(hash), absl::Uint128Low64(hash));
}

absl::StatusOr<Trace> ParseTrace(const std::string& name, std::string_view content,
                                 const TraceColumns& columns) {
  Trace trace;
  trace.name = name;
  trace.content_id = ContentId(content);
  const size_t start = content.find_first_not_of(" \t\r\n");
  const bool json = start != std::string_view::npos && content[start] == '{';
  const absl::Status status = json ? ParseJsonLines(content, columns, &trace.rows)
                                   : ParseCsv(content, columns, &trace.rows);
  if (!status.ok()) {
    return UsageError(absl::StrCat(name, ": ", std::string(status.message()), "."));
  }
  if (trace.rows.empty()) return UsageError(absl::StrCat(name, ": there are no rows."));
  const auto [first, last] = std::minmax_element(
      trace.rows.begin(), trace.rows.end(),
      [](const TraceRow& a, const TraceRow& b) { return a.time_unix_nanos < b.time_unix_nanos; });
  trace.first_unix_nanos = first->time_unix_nanos;
  trace.last_unix_nanos = last->time_unix_nanos;
  return trace;
}

absl::StatusOr<Trace> ReadTrace(const std::string& path, const TraceColumns& columns) {
  const absl::StatusOr<std::string> content = ReadInputFile(path);
  if (!content.ok()) return content.status();
  return ParseTrace(std::filesystem::path(path).filename().string(), *content, columns);
}

}  // namespace bursar::cli
