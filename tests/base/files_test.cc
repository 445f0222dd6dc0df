// Reading small files whole.
#include "server/base/files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bursar {
namespace {

class Files : public testing::Test {
 protected:
  Files() {
    std::string name = testing::TempDir() + "bursar-files-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~Files() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(Files, AreReadByteByByte) {
  const std::string bytes("a\0\r\n\xff", 5), path = directory_ + "/bytes";
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(*ReadFile(path), bytes);
  std::ofstream(directory_ + "/empty").close();
  EXPECT_EQ(*ReadFile(directory_ + "/empty"), "");
}

TEST_F(Files, ThatCannotBeReadAreNamed) {
  const absl::Status missing = ReadFile(directory_ + "/none").status();
  EXPECT_EQ(missing, absl::NotFoundError("cannot read the file " + directory_ + "/none"));
  // A directory can be opened like a file; its first byte is where that ends.
  EXPECT_EQ(ReadFile(directory_).status(),
            absl::NotFoundError("cannot read the file " + directory_));
}

}  // namespace
}  // namespace bursar
