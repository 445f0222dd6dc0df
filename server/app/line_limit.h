// Holds lines of one kind in the log to so many in a stretch of time: strangers can cause some of
// them at will.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/time/time.h"

namespace bursar {

class LineLimit {
 public:
  // A stretch begins with a line, and has room for `lines` of them.
  LineLimit(int64_t lines, absl::Duration stretch) : lines_(lines), stretch_(stretch) {}

  // Asks for a line at that instant of a monotonic clock. Nothing: leave it out. Otherwise how many
  // were left out since the last one that was written.
  std::optional<int64_t> Take(absl::Duration now) {
    const std::lock_guard lock(mutex_);
    if (now - begun_ >= stretch_) {
      begun_ = now;
      written_ = 0;
    }
    if (written_ == lines_) {
      ++left_out_;
      return std::nullopt;
    }
    ++written_;
    return std::exchange(left_out_, 0);
  }

 private:
  const int64_t lines_;
  const absl::Duration stretch_;
  std::mutex mutex_;  // Guards the rest.
  absl::Duration begun_ = -absl::InfiniteDuration();
  int64_t written_ = 0;
  int64_t left_out_ = 0;
};

}  // namespace bursar
