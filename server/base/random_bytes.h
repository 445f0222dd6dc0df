// Random bytes that nobody can guess, for keys.
//
// Thread rule: may be called from any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace bursar {

// So many bytes; UNAVAILABLE where the machine gives none.
absl::StatusOr<std::string> RandomBytes(size_t count);

}  // namespace bursar
