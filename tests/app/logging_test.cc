// The log's JSON lines, and how many there are of one kind.
#include "server/app/logging.h"

#include <gtest/gtest.h>

#include "server/app/line_limit.h"

namespace bursar {
namespace {

// Rules: A1
TEST(Logging, JsonLineIsOneLineWhateverIsSaid) {
  EXPECT_EQ(FormatJsonLogLine("2026-01-01T00:00:00.000Z", "info", "a \"b\"\n\\c\x01"),
            "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\","
            "\"message\":\"a \\\"b\\\"\\u000a\\\\c\\u0001\"}");
}

// Rules: A1
TEST(Logging, LinesOfOneKindAreLimitedAndCountedWhereLeftOut) {
  LineLimit limit(2, absl::Seconds(10));
  const auto at = [&](int64_t milliseconds) {
    return limit.Take(absl::Milliseconds(milliseconds));
  };
  EXPECT_EQ(at(5), 0);
  EXPECT_EQ(at(6), 0);
  EXPECT_EQ(at(7), std::nullopt);
  EXPECT_EQ(at(10'004), std::nullopt);
  EXPECT_EQ(at(10'005), 2);
  EXPECT_EQ(at(10'006), 0);
  EXPECT_EQ(at(10'007), std::nullopt);
  EXPECT_EQ(at(30'000), 1);
}

}  // namespace
}  // namespace bursar
