// One line on a terminal that says how far long work has come; silent where nobody looks.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace bursar::cli {

// See the head of the file.
class ProgressLine {
 public:
  // Shows nothing at all unless `on_terminal`. The stream must outlive this.
  ProgressLine(std::ostream& out, bool on_terminal) : out_(out), on_terminal_(on_terminal) {}
  // Leaves the terminal with a clean line.
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Whether the line is due to be drawn again: at most ten times a second.
  bool IsDue(absl::Time now) const;
  // Draws "label [####    ]  40 %  words".
  void Draw(absl::Time now, const std::string& label, int64_t done, int64_t total,
            const std::string& words);
  // Wipes the line.
  void Clear();

 private:
  std::ostream& out_;
  bool on_terminal_;
  bool drawn_ = false;
  absl::Time last_drawn_ = absl::InfinitePast();
};

}  // namespace bursar::cli
