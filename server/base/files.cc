#include "server/base/files.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace bursar {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  // A directory opens, and fails at its first byte. What is empty has none to copy.
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) contents << file.rdbuf();
  if (!file.is_open() || file.bad() || contents.fail()) {
    return absl::NotFoundError(absl::StrCat("cannot read the file ", path));
  }
  return std::move(contents).str();
}

}  // namespace bursar
