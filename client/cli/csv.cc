#include "client/cli/csv.h"

#include "absl/strings/str_cat.h"

namespace bursar::cli {

bool CsvReader::EatLineEnd() {
  if (position_ < text_.size() && text_[position_] == '\n') {
    position_ += 1;
  } else if (text_.substr(position_, 2) == "\r\n") {
    position_ += 2;
  } else {
    return false;
  }
  ++line_;
  return true;
}

absl::Status CsvReader::ReadQuoted(std::string* field) {
  const int64_t first_line = line_;
  for (++position_; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (c == '\n') ++line_;
    if (c != '"') {
      field->push_back(c);
    } else if (text_.substr(position_ + 1, 1) == "\"") {
      field->push_back('"');
      ++position_;
    } else {
      ++position_;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("line ", first_line, ": a quote is opened and never closed"));
}

absl::Status CsvReader::ReadField(std::string* field) {
  field->clear();
  if (text_.substr(position_, 1) == "\"") return ReadQuoted(field);
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == ',' || c == '\n' || text_.substr(position_, 2) == "\r\n") break;
    if (c == '"') {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_, ": a quote inside a field that does not begin with one"));
    }
    field->push_back(c);
    ++position_;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string>* fields) {
  while (EatLineEnd()) {
  }
  if (position_ >= text_.size()) return false;
  record_line_ = line_;
  size_t count = 0;
  while (true) {
    if (fields->size() == count) fields->emplace_back();
    const absl::Status status = ReadField(&(*fields)[count]);
    if (!status.ok()) return status;
    ++count;
    if (position_ >= text_.size() || EatLineEnd()) break;
    if (text_[position_] != ',') {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_, ": text behind a closing quote"));
    }
    ++position_;
  }
  fields->resize(count);
  return true;
}

namespace {

// A spreadsheet takes what begins like this for a formula. Numbers are left as they are.
bool IsFormula(const std::string& field) {
  if (field.empty() || std::string_view("=+-@\t").find(field[0]) == std::string_view::npos) {
    return false;
  }
  return field.find_first_not_of("+-0123456789.") != std::string::npos;
}

}  // namespace

std::string CsvLine(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& plain : fields) {
    if (&plain != &fields.front()) line += ',';
    const std::string field = IsFormula(plain) ? "'" + plain : plain;
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace bursar::cli
