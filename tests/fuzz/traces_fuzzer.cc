// Files that people bring to the command line: recorded traffic, members, comma-separated values,
// amounts of money.
//
// Claims: what is read keeps the bounds that the reader promises; what cannot be read is a usage
// error; what is written can be read back the same.
//
// Input: a byte that chooses the reader, and the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/csv.h"
#include "client/cli/member_import.h"
#include "client/cli/trace.h"
#include "client/lib/money.h"
#include "tests/fuzz/parts.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {
namespace {

constexpr int64_t kMostTokens = 1'000'000'000'000;

void CheckTrace(std::string_view text, const cli::TraceColumns& columns) {
  const auto trace = cli::ParseTrace("fuzzed.csv", text, columns);
  if (!trace.ok()) {
    Require(!trace.status().message().empty(), "a refusal says why");
    return;
  }
  for (const cli::TraceRow& row : trace->rows) {
    Require(row.time_unix_nanos >= trace->first_unix_nanos &&
                row.time_unix_nanos <= trace->last_unix_nanos,
            "every row is within the trace");
    for (const int64_t tokens : {row.input_tokens, row.output_tokens, row.cache_read_tokens,
                                 row.cache_write_5m_tokens, row.cache_write_1h_tokens}) {
      Require(tokens >= 0 && tokens <= kMostTokens, "quantities have bounds");
    }
  }
}

// The first line names the columns.
void CheckTraceWithColumns(const std::string& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const auto columns = cli::ParseTraceColumns(std::string(text.substr(0, end)));
  if (columns.ok()) CheckTrace(text.substr(std::min(end + 1, text.size())), *columns);
}

void CheckCsv(const std::string& text) {
  cli::CsvReader reader(text);
  std::vector<std::string> fields;
  int64_t line = 0;
  while (true) {
    const auto more = reader.Next(&fields);
    if (!more.ok() || !*more) return;
    Require(reader.line() > line, "lines go on");
    line = reader.line();
    // What a spreadsheet would take for a formula is written as text, and so is another.
    const bool is_plain = std::all_of(fields.begin(), fields.end(), [](const std::string& field) {
      return field.empty() || std::string_view("=+-@\t\r").find(field[0]) == std::string_view::npos;
    });
    if (!is_plain || (fields.size() == 1 && fields[0].empty())) continue;
    const std::string written = cli::CsvLine(fields);
    cli::CsvReader again(written);
    std::vector<std::string> read;
    const auto found = again.Next(&read);
    Require(found.ok() && *found && read == fields, "what is written is read the same", written);
  }
}

void CheckMembers(const std::string& text) {
  const auto members = cli::ParseMemberFile("fuzzed.csv", text);
  if (!members.ok()) return Require(!members.status().message().empty(), "a refusal says why");
  Require(!members->empty(), "a file of members has one");
  for (const cli::MemberRow& row : *members) {
    Require(!row.member.member_id().empty(), "a member has an id");
    Require(row.line > 1, "a member has a line below the first");
  }
}

void CheckMoney(const std::string& text) {
  const auto money = ParseMoney(text);
  if (!money.has_value()) return;
  const std::string shown = FormatMoney(*money);
  const auto again = ParseMoney(shown);
  Require(again.has_value() && NanosOf(*again) == NanosOf(*money), "money is shown as it is",
          shown);
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  return RunPart(data, size,
                 {{'c', CheckTraceWithColumns},
                  {'v', CheckCsv},
                  {'m', CheckMembers},
                  {'a', CheckMoney},
                  {'t', [](const std::string& text) { CheckTrace(text, {}); }}});
}
