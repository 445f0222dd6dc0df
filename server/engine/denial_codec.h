// Denied checks: what is remembered of one, and its record.
//
// Decoding takes any bytes: what is no record of ours is DATA_LOSS.
//
// Thread rule: plain values and pure functions.
//
// Source: rule D6 (docs/rules.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/ledger.h"

namespace bursar {

// A check that was denied, and its repetitions within a minute.
struct DeniedCheck {
  // Names it within its organization: the instant of the first in unix nanoseconds, or a little
  // more where two were at once.
  int64_t number = 0;
  absl::Time first_at;
  absl::Time last_at;
  int64_t count = 0;
  int64_t revision = 0;  // Of the wallet at the first.
  std::string member_id;
  std::string surface;  // These three as sent.
  std::string provider;
  std::string model;
  std::string parent_session_id;
  std::string request_id;  // Of the first.
  std::optional<Nanos> estimate;
  AdmissionMode mode = AdmissionMode::kCheckOnly;
  Denial denial;                            // The first answer, without remedies and settings URL.
  std::vector<EvaluationLine> evaluations;  // What the first saw, the blocking one first.
};

std::string EncodeDeniedCheck(const DeniedCheck& check);
absl::StatusOr<DeniedCheck> DecodeDeniedCheck(std::string_view bytes);

}  // namespace bursar
