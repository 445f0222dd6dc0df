#include "server/base/status.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

constexpr char kReasonUrl[] = "bursar/reason";
constexpr char kFieldPrefix[] = "bursar/field/";
constexpr char kMetadataPrefix[] = "bursar/metadata/";

// The payloads whose type URL starts with `prefix`, without it, in a fixed order: Abseil visits
// payloads in no order that one may rely on.
std::vector<std::pair<std::string, std::string>> PayloadsUnder(const absl::Status& status,
                                                               absl::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> found;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    if (absl::ConsumePrefix(&url, prefix)) found.emplace_back(std::string(url), std::string(value));
  });
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

absl::Status InvalidField(std::string_view field, std::string_view description) {
  FieldViolations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

void FieldViolations::Add(std::string_view field, std::string_view description) {
  const auto same = [field](const FieldViolation& violation) { return violation.field == field; };
  if (std::any_of(violations_.begin(), violations_.end(), same)) return;
  violations_.push_back({std::string(field), std::string(description)});
}

void FieldViolations::AddFrom(std::string_view prefix, const absl::Status& status) {
  if (status.ok()) return;
  const std::vector<FieldViolation> inner = Violations(status);
  if (inner.empty()) Add(prefix, ToStd(status.message()));
  for (const FieldViolation& violation : inner) {
    Add(absl::StrCat(ToAbsl(prefix), prefix.empty() ? "" : ".", violation.field),
        violation.description);
  }
}

absl::Status FieldViolations::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  const FieldViolation& first = violations_.front();
  std::string message = absl::StrCat(first.field, ": ", first.description);
  if (violations_.size() > 1) {
    absl::StrAppend(&message, " (and ", violations_.size() - 1, " more)");
  }
  absl::Status status = absl::InvalidArgumentError(message);
  for (const FieldViolation& violation : violations_) {
    status.SetPayload(absl::StrCat(kFieldPrefix, violation.field),
                      absl::Cord(violation.description));
  }
  return status;
}

std::vector<FieldViolation> Violations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  for (auto& [field, description] : PayloadsUnder(status, kFieldPrefix)) {
    violations.push_back({std::move(field), std::move(description)});
  }
  return violations;
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(ToAbsl(reason)));
  return status;
}

std::string Reason(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status WithMetadata(absl::Status status, std::string_view key, std::string_view value) {
  status.SetPayload(absl::StrCat(kMetadataPrefix, ToAbsl(key)), absl::Cord(ToAbsl(value)));
  return status;
}

std::vector<std::pair<std::string, std::string>> Metadata(const absl::Status& status) {
  return PayloadsUnder(status, kMetadataPrefix);
}

absl::Status Prefixed(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  absl::Status prefixed(status.code(), absl::StrCat(ToAbsl(prefix), ": ", status.message()));
  status.ForEachPayload([&prefixed](absl::string_view url, const absl::Cord& value) {
    prefixed.SetPayload(url, value);
  });
  return prefixed;
}

}  // namespace bursar
