// The one bridge between std::string_view and absl::string_view: Debian 12's Abseil is built with
// a string_view of its own that does not convert to or from the standard one.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace bursar {

inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}
inline std::string_view ToStd(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

}  // namespace bursar
