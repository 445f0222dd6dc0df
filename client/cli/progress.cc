#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace bursar::cli {
namespace {

constexpr int64_t kBarWidth = 24;

}  // namespace

bool ProgressLine::IsDue(absl::Time now) const {
  return on_terminal_ && now - last_drawn_ >= absl::Milliseconds(100);
}

void ProgressLine::Draw(absl::Time now, const std::string& label, int64_t done, int64_t total,
                        const std::string& words) {
  if (!on_terminal_) return;
  last_drawn_ = now;
  drawn_ = true;
  const int64_t whole = std::max<int64_t>(1, total);
  const int64_t filled = std::clamp<int64_t>(done * kBarWidth / whole, 0, kBarWidth);
  out_ << absl::StrFormat(
      "\r%s [%s%s] %3d %%  %s\x1b[K", label, std::string(static_cast<size_t>(filled), '#'),
      std::string(static_cast<size_t>(kBarWidth - filled), ' '), done * 100 / whole, words);
  out_.flush();
}

void ProgressLine::Clear() {
  if (!drawn_) return;
  out_ << "\r\x1b[K";
  out_.flush();
  drawn_ = false;
}

}  // namespace bursar::cli
