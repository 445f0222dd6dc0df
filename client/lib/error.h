// The server's errors as a caller of this library sees them: an absl::Status that carries the rich
// details which the server attached, and a function that reads them.
//
// A denial is not an error: it arrives in an OK reply.
//
// Thread rule: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace bursar {

// A field of the request that the server did not accept.
struct FieldViolation {
  // Path of the field, for example "usage.input_tokens".
  std::string field;
  // What is wrong with it, in words.
  std::string description;
};

// Where help is to be found.
struct HelpLink {
  std::string description;
  std::string url;
};

// What the server said about an error beyond code and message. Everything may be empty.
struct ErrorDetails {
  // For programs, for example "REQUEST_ID_REUSED"; unique within `domain`.
  std::string reason;
  // Who coined the reason; "bursar" for this service's own.
  std::string domain;
  // Further facts by name.
  std::map<std::string, std::string> metadata;
  // Each field that is malformed or out of range.
  std::vector<FieldViolation> field_violations;
  // How long to wait before the call is worth repeating; set only where a short wait helps.
  std::optional<absl::Duration> retry_delay;
  // Where to read on.
  std::vector<HelpLink> help_links;
};

// The answer of a call as absl::Status. Code and message are the same; the details that came in the
// `grpc-status-details-bin` trailer travel along for DetailsOf.
absl::Status StatusFromGrpc(const grpc::Status& status);

// The details of an error made by StatusFromGrpc; empty for any other, and where the server's bytes
// do not parse.
ErrorDetails DetailsOf(const absl::Status& status);

}  // namespace bursar
