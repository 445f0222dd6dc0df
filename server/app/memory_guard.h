// Keeps the process under its memory limit, or ends it in words rather than by the kernel's killer.
//
// From the first mark on credentials are watched for; above the soft mark connections are shed that
// none was shown on, at each look until memory is under the mark; at the hard mark the process ends
// with a status of its own, for its supervisor to start it again. What was acknowledged is durable,
// so nothing is lost by that.
//
// Thread rule: Look belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bursar {

struct MemoryMarks {
  int64_t watch_bytes = 0;
  int64_t soft_bytes = 0;
  int64_t hard_bytes = 0;
};

// The marks of a limit: two fifths, half, and all of it. They are that far apart because a hostile
// client fills memory by hundreds of megabytes a second, and callers are given a second to show who
// they are.
MemoryMarks MarksOf(int64_t limit_bytes);

class MemoryGuard {
 public:
  struct Actions {
    // Resident memory; nothing where it cannot be read, which changes nothing.
    std::function<std::optional<int64_t>()> read_bytes;
    // Whether credentials are to be watched for: from the first look above that mark to the first
    // one well under it.
    std::function<void(bool on)> watch;
    // Makes room; returns how many connections it closed.
    std::function<int()> shed;
    // Ends the process. Where it returns (in tests), the guard goes on.
    std::function<void(const std::string& why)> end;
  };

  MemoryGuard(MemoryMarks marks, Actions actions);

  // Looks once and does what is to be done.
  void Look();

 private:
  const MemoryMarks marks_;
  const Actions actions_;
  bool is_watching_ = false;
};

// This process's resident memory.
std::optional<int64_t> ReadResidentBytes();

// The least memory.max of this process's control group (version 2) and those above it; nothing
// where none is set. `root` is where /proc and /sys are, for tests.
std::optional<int64_t> ReadControlGroupLimit(const std::string& root = "");

}  // namespace bursar
