// Members from a file of comma-separated values, checked whole before anything is sent.
//
// The first line names the columns, in any order: member_id is required; email, display_name, role,
// seat_tier, status and time_zone may follow. An empty cell keeps what the server has.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bursar/v1/member.pb.h"

namespace bursar::cli {

// One member and the line that it was read from, counted from 1.
struct MemberRow {
  int64_t line = 0;
  v1::Member member;
};

// What is wrong with one line. An empty column: with the line as a whole.
struct RowProblem {
  int64_t line = 0;
  std::string column;
  std::string member_id;
  std::string problem;
};

// Reads a file. A usage error lists what is wrong by line and column: an unknown column, one that
// is missing or named twice, a line of another length, a malformed id, role, status or text, an id
// that an earlier line has, no member at all.
absl::StatusOr<std::vector<MemberRow>> ParseMemberFile(const std::string& name,
                                                       std::string_view content);

// "line 7, column role: is none of …".
std::string InWords(const RowProblem& problem);

// What a server's refusal of a batch says of single rows: the number of the row in the batch, the
// column and what is wrong. Empty where it refuses the batch as a whole.
struct BatchViolation {
  size_t index = 0;
  std::string column;
  std::string problem;
};
std::vector<BatchViolation> ViolationsOf(const absl::Status& status, size_t batch_size);

}  // namespace bursar::cli
