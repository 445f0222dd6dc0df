// Keeps the process under its memory limit, or ends it in words rather than by the kernel's killer.
//
// Above the soft mark connections are shed that no credential was shown on, again at each look
// until memory is under the mark; above the hard mark the process ends with a status of its own,
// for its supervisor to start it again. What was acknowledged is durable, so nothing is lost by
// that.
//
// Thread rule: Look belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bursar {

struct MemoryMarks {
  int64_t soft_bytes = 0;
  int64_t hard_bytes = 0;
};

// The marks of a limit: it is the hard one, and four fifths of it are the soft one.
MemoryMarks MarksOf(int64_t limit_bytes);

class MemoryGuard {
 public:
  struct Actions {
    // Resident memory; nothing where it cannot be read, which changes nothing.
    std::function<std::optional<int64_t>()> read_bytes;
    // Whether credentials are to be watched for: between the first look above the soft mark and the
    // first one well under it.
    std::function<void(bool on)> watch;
    // Makes room; returns how many connections it closed.
    std::function<int()> shed;
    // Ends the process. Where it returns (in tests), the guard goes on.
    std::function<void(const std::string& why)> end;
  };

  MemoryGuard(MemoryMarks marks, Actions actions);

  // Looks once and does what is to be done. Callers have from one look to the next to show a
  // credential before their connections are shed.
  void Look();

 private:
  const MemoryMarks marks_;
  const Actions actions_;
  bool is_shedding_ = false;
};

// This process's resident memory.
std::optional<int64_t> ReadResidentBytes();

// The least memory.max of this process's control group (version 2) and those above it; nothing
// where none is set. `root` is where /proc and /sys are, for tests.
std::optional<int64_t> ReadControlGroupLimit(const std::string& root = "");

}  // namespace bursar
