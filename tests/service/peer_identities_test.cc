// The table of callers' certificates: what it takes, what it refuses by name, and who is who.
#include "server/service/peer_identities.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace bursar {
namespace {

using testing::HasSubstr;

constexpr char kTable[] = R"({"identities": [
  {"name": "chat", "san": "spiffe://example/chat", "role": "frontend", "organizations": ["b", "a"]},
  {"name": "dash", "san": "dash.example", "role": "viewer", "organizations": ["*"]}]})";

// Rules: A1, A2
TEST(PeerIdentities, AreWhoTheTableSaysExactly) {
  const auto table = PeerIdentities::Parse(kTable);
  ASSERT_TRUE(table.ok()) << table.status();
  const auto chat = (*table)->Find({"other", "spiffe://example/chat"});
  ASSERT_NE(chat, nullptr);
  EXPECT_EQ(chat->name, "cert:chat");
  EXPECT_EQ(chat->role, ServiceRole::kFrontend);
  EXPECT_TRUE(chat->Covers("a"));
  EXPECT_TRUE(chat->Covers("b"));
  EXPECT_FALSE(chat->Covers("c"));
  EXPECT_TRUE((*table)->Find({"dash.example"})->Covers("c"));
  for (const std::vector<std::string>& names :
       std::vector<std::vector<std::string>>{{},
                                             {""},
                                             {"dash.example."},
                                             {"DASH.EXAMPLE"},
                                             {"spiffe://example/chat/"},
                                             {"spiffe://example/chat", "dash.example"}}) {
    EXPECT_EQ((*table)->Find(names), nullptr) << testing::PrintToString(names);
  }
  EXPECT_NE((*table)->Find({"dash.example", "dash.example"}), nullptr) << "one row, twice";
}

// Rules: A1
TEST(PeerIdentities, RefuseATableByTheFieldThatIsWrong) {
  const auto row = [](const std::string& fields) { return "{\"identities\": [" + fields + "]}"; };
  const std::string good = R"({"name": "n", "san": "s", "role": "viewer", "organizations": ["a"]})";
  const struct {
    std::string text;
    const char* expected;
  } kCases[] = {
      {"", "\"identities\""},
      {"[]", "\"identities\""},
      {R"({"identities": {}})", "\"identities\""},
      {row("3"), "identities[0]"},
      {row(good + "," + good), "identities[1].san"},
      {row(R"({"name": "", "san": "s", "role": "viewer", "organizations": ["a"]})"), "[0].name"},
      {row(R"({"name": "n", "role": "viewer", "organizations": ["a"]})"), "[0].san"},
      {row(R"({"name": "n", "san": "s", "role": "king", "organizations": ["a"]})"), "[0].role"},
      {row(R"({"name": "n", "san": "s", "role": "viewer"})"), "[0].organizations"},
      {row(R"({"name": "n", "san": "s", "role": "viewer", "organizations": []})"),
       "[0].organizations"},
      {row(R"({"name": "n", "san": "s", "role": "viewer", "organizations": ["*", "a"]})"),
       "[0].organizations"},
      {row(R"({"name": "n", "san": "s", "role": "viewer", "organizations": [3]})"),
       "[0].organizations"},
      {row(R"({"name": "n", "san": "s", "role": "viewer", "organizations": ["a"], "org": 1})"),
       "[0].org"},
      {row(R"({"name": "n", "san": "s", "role": "operator", "organizations": ["a"]})"),
       "[0].organizations"},
  };
  EXPECT_TRUE(PeerIdentities::Parse(row(good)).ok());
  for (const auto& one : kCases) {
    const absl::Status refused = PeerIdentities::Parse(one.text).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << one.text;
    EXPECT_THAT(refused.ToString(), HasSubstr(one.expected)) << one.text;
  }
}

}  // namespace
}  // namespace bursar
