// Comma-separated values as RFC 4180 has them: fields may stand in quotes, a quote inside quotes is
// doubled, lines end in LF or CRLF, the last one need not end.
//
// Thread rule: one thread; the text must outlive the reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace bursar::cli {

// See the head of the file.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}

  // Reads one record into `fields` (reusing what they hold); false at the end. Blank lines are
  // passed over. INVALID_ARGUMENT for a quote that is never closed or that is followed by text.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields);

  // The line, counted from 1, on which the last record began.
  int64_t line() const { return record_line_; }

 private:
  // Reads one field at `position_` into `field`; INVALID_ARGUMENT as Next.
  absl::Status ReadField(std::string* field);
  absl::Status ReadQuoted(std::string* field);
  // Whether a line ends here; if so, passes over its end.
  bool EatLineEnd();

  std::string_view text_;
  size_t position_ = 0;
  int64_t line_ = 1;
  int64_t record_line_ = 0;
};

// One record as a line, fields in quotes where they need them (RFC 4180, ending in LF). What a
// spreadsheet would take for a formula begins with an apostrophe, which makes it text there.
std::string CsvLine(const std::vector<std::string>& fields);

}  // namespace bursar::cli
