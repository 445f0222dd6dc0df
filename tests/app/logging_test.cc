// The log's JSON lines.
#include "server/app/logging.h"

#include <gtest/gtest.h>

namespace bursar {
namespace {

// Rules: A1
TEST(Logging, JsonLineIsOneLineWhateverIsSaid) {
  EXPECT_EQ(FormatJsonLogLine("2026-01-01T00:00:00.000Z", "info", "a \"b\"\n\\c\x01"),
            "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\","
            "\"message\":\"a \\\"b\\\"\\u000a\\\\c\\u0001\"}");
}

}  // namespace
}  // namespace bursar
