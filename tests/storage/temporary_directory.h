// A directory of a test's own, removed with everything in it at the end. In memory where the
// machine has such a place: these tests open, damage and copy thousands of small files, and none of
// them relies on what a real disk keeps.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "server/base/check.h"

namespace bursar {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const std::filesystem::path parent =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "bursar-test-XXXXXX").string();
    BURSAR_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace bursar
