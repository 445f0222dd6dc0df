// A JSON text as a tree that keeps every number as it was written.
//
// Price lists hold decimals; reading them through floating point would move prices. So numbers stay
// text here, and decimal.h turns them into integers exactly.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace bursar {

struct JsonMember;

struct JsonValue {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  // kNumber: as written; kString: unescaped; kBoolean: "true" or "false".
  std::string text;
  std::vector<JsonValue> items;     // kArray
  std::vector<JsonMember> members;  // kObject, in the order of the text
  // Where the value was read: the byte offset just behind it (behind its opening bracket for arrays
  // and objects), for messages.
  size_t offset = 0;

  // The member of that name, or nullptr.
  const JsonValue* Find(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// Reads one JSON text of at most 16 MiB, a million values, 32 levels deep. INVALID_ARGUMENT says
// what is wrong, at which byte and under which path ("openai.models[3].prices: …"): malformed text,
// a key twice in one object, anything behind the value, or a limit exceeded.
absl::StatusOr<JsonValue> ParseJson(std::string_view text);

}  // namespace bursar
