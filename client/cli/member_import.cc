#include "client/cli/member_import.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command_line.h"
#include "client/cli/csv.h"
#include "client/cli/format.h"
#include "client/lib/error.h"

namespace bursar::cli {
namespace {

// As the server bounds them.
constexpr size_t kMaxIdBytes = 128;
constexpr size_t kMaxEmailBytes = 254;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxOtherBytes = 200;
// Further problems are counted, not listed.
constexpr size_t kMaxProblemsShown = 20;

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80           ? 1
                          : (byte >> 5) == 0x06 ? 2
                          : (byte >> 4) == 0x0e ? 3
                          : (byte >> 3) == 0x1e ? 4
                                                : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t code = length == 1 ? byte : byte & (0xffU >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next >> 6) != 0x02) return false;
      code = (code << 6) | (next & 0x3fU);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return false;
    }
    i += length;
  }
  return true;
}

bool IsMemberId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("._:@-").find(c) != std::string_view::npos;
  });
}

// Each puts a cell into the member; the result says what is wrong, or nothing.
std::string SetId(const std::string& cell, v1::Member* member) {
  member->set_member_id(cell);
  return IsMemberId(cell) ? "" : "must be 1 to 128 letters, digits and any of . _ : @ -";
}
std::string SetEmail(const std::string& cell, v1::Member* member) {
  member->set_email(cell);
  const size_t at = cell.find('@');
  const bool good =
      cell.empty() || (cell.size() <= kMaxEmailBytes && at != std::string::npos && at > 0 &&
                       at + 1 < cell.size() && cell.find_first_of(" \t\r\n") == std::string::npos);
  return good ? "" : "must be a mail address of at most 254 bytes";
}
std::string SetDisplayName(const std::string& cell, v1::Member* member) {
  member->set_display_name(cell);
  return cell.size() <= kMaxNameBytes ? "" : "must have at most 200 bytes";
}
std::string SetSeatTier(const std::string& cell, v1::Member* member) {
  member->set_seat_tier(cell);
  return cell.size() <= kMaxOtherBytes ? "" : "is too long to be a seat tier";
}
std::string SetTimeZone(const std::string& cell, v1::Member* member) {
  member->set_time_zone(cell);
  return cell.size() <= kMaxOtherBytes ? "" : "is too long to be a time zone";
}
template <class Enum>
std::string ReadWord(const std::string& cell, Enum* value) {
  if (cell.empty()) return "";
  const auto word = ParseWord<Enum>(cell, absl::StrCat("\"", cell, "\""));
  if (!word.ok()) {
    return absl::StrCat("\"", cell, "\" is none of ",
                        absl::StrJoin(WordsOf(*google::protobuf::GetEnumDescriptor<Enum>()), ", "));
  }
  *value = *word;
  return "";
}
std::string SetRole(const std::string& cell, v1::Member* member) {
  v1::MemberRole role = v1::MEMBER_ROLE_UNSPECIFIED;
  const std::string problem = ReadWord(cell, &role);
  member->set_role(role);
  return problem;
}
std::string SetStatus(const std::string& cell, v1::Member* member) {
  v1::AccountStatus status = v1::ACCOUNT_STATUS_UNSPECIFIED;
  const std::string problem = ReadWord(cell, &status);
  member->set_status(status);
  return problem;
}

struct MemberColumn {
  const char* name;
  std::string (*set)(const std::string& cell, v1::Member* member);
};
constexpr MemberColumn kColumns[] = {
    {"member_id", &SetId},      {"email", &SetEmail},        {"display_name", &SetDisplayName},
    {"role", &SetRole},         {"seat_tier", &SetSeatTier}, {"status", &SetStatus},
    {"time_zone", &SetTimeZone}};

std::vector<std::string> ColumnNames() {
  std::vector<std::string> names;
  for (const MemberColumn& column : kColumns) names.emplace_back(column.name);
  return names;
}

class MemberFile {
 public:
  explicit MemberFile(std::string_view content) : reader_(content) {}

  // False: reading cannot go on.
  bool ReadHeading() {
    if (!Next()) {
      if (problems_.empty()) Add("", "the file is empty; its first line names the columns");
      return false;
    }
    for (const std::string& name : cells_) ReadColumnName(name);
    const bool has_id = std::any_of(columns_.begin(), columns_.end(),
                                    [](const auto* one) { return one == &kColumns[0]; });
    if (!has_id && problems_.empty()) Add("", "there is no column member_id");
    return problems_.empty();
  }

  void ReadRows() {
    while (Next()) ReadRow();
    if (problems_.empty() && rows_.empty()) Add("", "there is no member below the heading");
  }

  std::vector<RowProblem>& problems() { return problems_; }
  std::vector<MemberRow>& rows() { return rows_; }

 private:
  void Add(const std::string& column, const std::string& problem) {
    problems_.push_back({std::max<int64_t>(1, reader_.line()), column, "", problem});
  }

  bool Next() {
    const absl::StatusOr<bool> read = reader_.Next(&cells_);
    if (!read.ok()) {
      // The reader's own words begin with the line.
      problems_.push_back({0, "", "", std::string(read.status().message())});
      return false;
    }
    return *read;
  }

  void ReadColumnName(const std::string& name) {
    const auto* column = std::find_if(std::begin(kColumns), std::end(kColumns),
                                      [&](const MemberColumn& one) { return name == one.name; });
    if (column == std::end(kColumns)) {
      const std::string near = Nearest(name, ColumnNames());
      Add(name, absl::StrCat("is no column of members",
                             near.empty() ? "; they are " + absl::StrJoin(ColumnNames(), ", ")
                                          : "; did you mean " + near + "?"));
    } else if (std::find(columns_.begin(), columns_.end(), column) != columns_.end()) {
      Add(name, "is named twice");
    } else {
      columns_.push_back(column);
    }
  }

  void ReadRow() {
    if (cells_.size() != columns_.size()) {
      Add("",
          absl::StrCat("has ", cells_.size(), " fields where the heading has ", columns_.size()));
      return;
    }
    MemberRow row;
    row.line = reader_.line();
    for (size_t i = 0; i < cells_.size(); ++i) {
      const std::string problem =
          IsUtf8(cells_[i]) ? columns_[i]->set(cells_[i], &row.member) : "is not UTF-8";
      if (!problem.empty()) Add(columns_[i]->name, problem);
    }
    const auto [earlier, is_new] = lines_.emplace(row.member.member_id(), row.line);
    if (!is_new && !row.member.member_id().empty()) {
      Add("member_id",
          absl::StrCat("\"", row.member.member_id(), "\" is that of line ", earlier->second));
    }
    rows_.push_back(std::move(row));
  }

  CsvReader reader_;
  std::vector<std::string> cells_;
  std::vector<const MemberColumn*> columns_;
  std::map<std::string, int64_t> lines_;  // Of ids.
  std::vector<MemberRow> rows_;
  std::vector<RowProblem> problems_;
};

}  // namespace

std::string InWords(const RowProblem& problem) {
  if (problem.line == 0) return problem.problem;
  return absl::StrCat("line ", problem.line,
                      problem.column.empty() ? "" : ", column " + problem.column, ": ",
                      problem.problem);
}

absl::StatusOr<std::vector<MemberRow>> ParseMemberFile(const std::string& name,
                                                       std::string_view content) {
  // Spreadsheets put a byte order mark in front.
  if (content.substr(0, 3) == "\xef\xbb\xbf") content.remove_prefix(3);
  MemberFile file(content);
  if (file.ReadHeading()) file.ReadRows();
  const std::vector<RowProblem>& problems = file.problems();
  if (problems.empty()) return std::move(file.rows());
  std::string message = absl::StrCat(name, " is not as it should be; nothing was sent:");
  for (size_t i = 0; i < std::min(problems.size(), kMaxProblemsShown); ++i) {
    absl::StrAppend(&message, "\n  ", InWords(problems[i]));
  }
  if (problems.size() > kMaxProblemsShown) {
    absl::StrAppend(&message, "\n  and ", problems.size() - kMaxProblemsShown, " more");
  }
  return UsageError(message);
}

std::vector<BatchViolation> ViolationsOf(const absl::Status& status, size_t batch_size) {
  std::vector<BatchViolation> violations;
  constexpr std::string_view kPrefix = "members[";
  for (const FieldViolation& one : DetailsOf(status).field_violations) {
    const std::string& field = one.field;
    const size_t bracket = field.find(']');
    if (field.compare(0, kPrefix.size(), kPrefix) != 0 || bracket == std::string::npos) return {};
    size_t index = 0;
    for (size_t i = kPrefix.size(); i < bracket; ++i) {
      if (field[i] < '0' || field[i] > '9' || index >= batch_size) return {};
      index = index * 10 + static_cast<size_t>(field[i] - '0');
    }
    if (bracket == kPrefix.size() || index >= batch_size) return {};
    const size_t dot = field.find('.', bracket);
    violations.push_back(
        {index, dot == std::string::npos ? "" : field.substr(dot + 1), one.description});
  }
  return violations;
}

}  // namespace bursar::cli
