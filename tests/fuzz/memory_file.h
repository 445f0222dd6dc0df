// A file that is nowhere on a disk, for code that reads a file by its path.
//
// Thread rule: one thread.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {

class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("fuzz", 0)) {
    Require(descriptor_ >= 0, "a file can be made");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", descriptor_); }

  // Replaces what it holds.
  void Write(std::string_view text) {
    Require(ftruncate(descriptor_, 0) == 0 && pwrite(descriptor_, text.data(), text.size(), 0) ==
                                                  static_cast<ssize_t>(text.size()),
            "a file can be written");
  }

 private:
  const int descriptor_;
};

}  // namespace bursar::fuzz
