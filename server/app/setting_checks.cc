#include "server/app/setting_checks.h"

#include "absl/strings/str_cat.h"

namespace bursar {

void CheckRange(const char* flag, int value, int least, int most,
                std::vector<std::string>* problems) {
  if (value >= least && value <= most) return;
  problems->push_back(absl::StrCat(flag, " must be from ", least, " to ", most));
}

void CheckDuration(const char* flag, const std::string& text, absl::Duration least,
                   absl::Duration most, ZeroDuration zero, absl::Duration* duration,
                   std::vector<std::string>* problems) {
  const bool may_be_zero = zero == ZeroDuration::kIsNone;
  if (absl::ParseDuration(text, duration)) {
    if (*duration >= least && *duration <= most) return;
    if (may_be_zero && *duration == absl::ZeroDuration()) return;
  }
  problems->push_back(absl::StrCat(flag, " must be a duration from ", absl::FormatDuration(least),
                                   " to ", absl::FormatDuration(most),
                                   may_be_zero ? ", or 0s for none" : ""));
}

}  // namespace bursar
