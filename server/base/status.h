// What a status says beyond its code and message: why, for programs, and which fields were wrong.
//
// Every layer speaks absl::Status. The reason (such as REQUEST_ID_REUSED) and the field violations
// travel as payloads, so that the edge can turn them into the structured error details that callers
// receive, while nothing below the edge knows of gRPC.
//
// Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace bursar {

// A field of a request and what is wrong with it.
struct FieldViolation {
  std::string field;        // Path in the request's proto: "members[2].email".
  std::string description;  // A sentence for people, without the field's name.
};

// INVALID_ARGUMENT that names one field.
absl::Status InvalidField(std::string_view field, std::string_view description);

// Collects the violations of a request, so that all of them are reported at once.
class FieldViolations {
 public:
  // Notes a violation. Of several for one field the first is kept.
  void Add(std::string_view field, std::string_view description);
  // Notes what a status says: its own violations with `prefix` before each field, or its message
  // as a violation of `prefix`. OK notes nothing.
  void AddFrom(std::string_view prefix, const absl::Status& status);

  bool empty() const { return violations_.empty(); }
  const std::vector<FieldViolation>& violations() const { return violations_; }

  // OK when there is none, otherwise INVALID_ARGUMENT naming each.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
};

// The violations that a status carries, by field.
std::vector<FieldViolation> Violations(const absl::Status& status);

// The same status with a reason in UPPER_SNAKE_CASE. OK stays OK without one.
absl::Status WithReason(absl::Status status, std::string_view reason);
// The reason that a status carries; empty where it has none.
std::string Reason(const absl::Status& status);

// The same status with a fact for programs, such as {"retention_days", "36"}: keys in
// lower_snake_case. Never secrets, never another organization's names.
absl::Status WithMetadata(absl::Status status, std::string_view key, std::string_view value);
// The facts that a status carries, by key.
std::vector<std::pair<std::string, std::string>> Metadata(const absl::Status& status);

// The same status with words before its message; code and payloads stay. OK stays OK.
absl::Status Prefixed(const absl::Status& status, std::string_view prefix);

}  // namespace bursar
