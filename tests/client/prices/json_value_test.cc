#include "client/prices/json_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bursar {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Refusal(const std::string& text) {
  const absl::Status status = ParseJson(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

// Rules: M1, P7
TEST(JsonValue, NumbersKeepTheirText) {
  const auto value = ParseJson(
      R"({"a": [0.1, 1e-3, 3, -2, 123456789012345678901234567890, 0.30000000000000004]})");
  ASSERT_TRUE(value.ok()) << value.status().message();
  const JsonValue* list = value->Find("a");
  ASSERT_NE(list, nullptr);
  const char* expected[] = {
      "0.1", "1e-3", "3", "-2", "123456789012345678901234567890", "0.30000000000000004"};
  ASSERT_EQ(list->items.size(), 6U);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(list->items[i].text, expected[i]);
  EXPECT_EQ(value->Find("b"), nullptr);
}

// Rules: P7
TEST(JsonValue, ErrorsNameTheByteAndThePath) {
  EXPECT_THAT(Refusal(R"({"a": {"b": [1, 2, {"c": tru}]}})"), StartsWith("byte 29, a.b[2].c: "));
  EXPECT_EQ(Refusal(R"({"a": {"b": 1, "b": 2}})"), "byte 18, a.b: key \"b\" appears twice");
  EXPECT_THAT(Refusal(""), StartsWith("byte 1: "));
  EXPECT_THAT(Refusal("{} {}"), StartsWith("byte 4: "));
  EXPECT_THAT(Refusal("[1e999]"), HasSubstr("[0]"));
  EXPECT_THAT(Refusal("\"\xff\""), StartsWith("byte 2: "));
}

// Rules: P7
TEST(JsonValue, SameKeyInAnotherObjectIsFine) {
  EXPECT_TRUE(ParseJson(R"([{"a": 1}, {"a": {"a": 2}}])").ok());
}

// Rules: P7
TEST(JsonValue, LimitsAreEnforced) {
  EXPECT_TRUE(ParseJson(std::string(32, '[') + std::string(32, ']')).ok());
  EXPECT_THAT(Refusal(std::string(33, '[') + std::string(33, ']')), HasSubstr("32 levels"));
  EXPECT_THAT(Refusal(std::string((16 << 20) + 1, ' ')), HasSubstr("16 MiB"));
  std::string many = "[0";
  for (int i = 0; i < 1'000'000; ++i) many += ",0";
  EXPECT_THAT(Refusal(many + "]"), HasSubstr("a million values"));
}

}  // namespace
}  // namespace bursar
