// Bounds of settings, said in one way.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace bursar {

// Adds to `problems` where the value is not from `least` to `most`.
void CheckRange(const char* flag, int value, int least, int most,
                std::vector<std::string>* problems);

// Whether a duration of zero is taken below the least one, as "none".
enum class ZeroDuration { kIsNone, kIsOutOfRange };

// Reads a duration such as "20s"; adds to `problems` where it is none from `least` to `most`.
void CheckDuration(const char* flag, const std::string& text, absl::Duration least,
                   absl::Duration most, ZeroDuration zero, absl::Duration* duration,
                   std::vector<std::string>* problems);

}  // namespace bursar
