// Small files that are read whole: certificates, keys, tokens, tables.
//
// Thread rule: may be called from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace bursar {

// The bytes of a file. NOT_FOUND, naming it, where it is missing, unreadable or a directory.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace bursar
