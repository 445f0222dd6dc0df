// What a well-formed request is.
#include "server/service/validation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace bursar {
namespace {

v1::Money MakeMoney(int64_t units, int32_t nanos, const std::string& currency = "") {
  v1::Money money;
  money.set_units(units);
  money.set_nanos(nanos);
  money.set_currency_code(currency);
  return money;
}

// Rules: R5
TEST(Validation, IdsAreOneTo128OfTheirAlphabet) {
  for (const std::string& id :
       {std::string("a"), std::string("Ann.Lee_2:x@corp-1"), std::string(128, 'z')}) {
    EXPECT_TRUE(IsValidId(id)) << id;
  }
  for (const std::string& id :
       {std::string(), std::string(129, 'z'), std::string("a b"), std::string("a/b"),
        std::string("\xC3\xA4"), std::string("a\0b", 3), std::string("a\n")}) {
    EXPECT_FALSE(IsValidId(id)) << id;
  }
}

// Rules: R5
TEST(Validation, SurfacesAreLowerCaseWords) {
  for (const char* surface : {"chat", "claude-code", "mcp", "a_b", "3d"}) {
    EXPECT_TRUE(IsValidSurface(surface)) << surface;
  }
  for (const std::string& surface : {std::string("Chat"), std::string("a b"), std::string("-x"),
                                     std::string(65, 'a'), std::string()}) {
    EXPECT_FALSE(IsValidSurface(surface)) << surface;
  }
}

// Rules: R5
TEST(Validation, TextShowsWhatItSays) {
  const auto violates = [](const std::string& text) {
    FieldViolations violations;
    CheckText("name", text, 64, &violations);
    FieldViolations of_labels;
    google::protobuf::Map<std::string, std::string> labels;
    labels["key"] = text;
    CheckLabels("labels", labels, &of_labels);
    EXPECT_EQ(violations.empty(), of_labels.empty()) << text;
    return !violations.empty();
  };
  for (const char* text : {"", "Ann Lee", "Zoë Müller-Åse", "日本語", "שלום", "مرحبا",
                           "👩‍💻", "a\u00a0b", "\u00a0", "“q”", "\u200b", "\u200d", "\u2010",
                           "\u2027", "\u202f", "\u2065", "\u206a", "\u1028", "\u3028"}) {
    EXPECT_FALSE(violates(text)) << text;
  }
  for (const char* text :
       {"a\n",      "\x7f",          "\x1b[2J", "a\u0080", "\u0085b", "\u009b", "\u009f",
        "a\u200eb", "\u200f",        "\u2028",  "\u2029",  "\u202a",  "\u202b", "\u202c",
        "\u202d",   "gpj.\u202eexe", "\u2066",  "\u2067",  "\u2068",  "\u2069"}) {
    EXPECT_TRUE(violates(text)) << text;
  }
}

// Rules: M1, M2
TEST(Validation, MoneyOfEitherSignIsReadExactly) {
  const struct {
    int64_t units;
    int32_t nanos;
    int64_t expected;
  } rows[] = {
      {0, 0, 0},
      {25, 0, 25'000'000'000},
      {0, 1, 1},
      {0, -1, -1},
      {-1, -500'000'000, -1'500'000'000},
      {0, 999'999'999, 999'999'999},
      {9'223'372'036, 854'775'807, std::numeric_limits<int64_t>::max()},
      {-9'223'372'036, -854'775'808, std::numeric_limits<int64_t>::min()},
  };
  for (const auto& row : rows) {
    FieldViolations violations;
    const Nanos nanos =
        ReadMoney("cost", MakeMoney(row.units, row.nanos), MoneySign::kAny, &violations);
    EXPECT_TRUE(violations.empty()) << violations.ToStatus();
    EXPECT_EQ(nanos.value, row.expected);
    v1::Money back;
    WriteMoney(nanos, "USD", &back);
    EXPECT_EQ(back.units(), row.units);
    EXPECT_EQ(back.nanos(), row.nanos);
    EXPECT_EQ(back.currency_code(), "USD");
  }
}

// Rules: M2
TEST(Validation, MoneyThatIsNoneIsRefusedNamingTheField) {
  const struct {
    v1::Money money;
    MoneySign sign;
    std::string field;
  } rows[] = {
      {MakeMoney(0, 1'000'000'000), MoneySign::kAny, "cost.nanos"},
      {MakeMoney(0, -1'000'000'000), MoneySign::kAny, "cost.nanos"},
      {MakeMoney(0, std::numeric_limits<int32_t>::min()), MoneySign::kAny, "cost.nanos"},
      {MakeMoney(1, -1), MoneySign::kAny, "cost.nanos"},
      {MakeMoney(-1, 1), MoneySign::kAny, "cost.nanos"},
      {MakeMoney(9'223'372'036, 854'775'808), MoneySign::kAny, "cost.units"},
      {MakeMoney(-9'223'372'036, -854'775'809), MoneySign::kAny, "cost.units"},
      {MakeMoney(std::numeric_limits<int64_t>::max(), 0), MoneySign::kAny, "cost.units"},
      {MakeMoney(0, -1), MoneySign::kNotNegative, "cost"},
      {MakeMoney(0, 0), MoneySign::kPositive, "cost"},
      {MakeMoney(1, 0, "usd"), MoneySign::kAny, "cost.currency_code"},
      {MakeMoney(1, 0, "DOLLAR"), MoneySign::kAny, "cost.currency_code"},
  };
  for (const auto& row : rows) {
    FieldViolations violations;
    ReadMoney("cost", row.money, row.sign, &violations);
    ASSERT_EQ(violations.violations().size(), 1U) << row.money.ShortDebugString();
    EXPECT_EQ(violations.violations()[0].field, row.field) << row.money.ShortDebugString();
  }
}

// Rules: M1
TEST(Validation, SumBeyondTheWireIsShownAsTheLargestThatFits) {
  v1::Money money;
  WriteMoney(Amount(absl::Int128Max()), "USD", &money);
  EXPECT_EQ(money.units(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(money.nanos(), 999'999'999);
}

// Rules: T2
TEST(Validation, InstantsKeepTheirNanosecond) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(1'700'000'000);
  timestamp.set_nanos(123'456'789);
  FieldViolations violations;
  const std::optional<absl::Time> time = ReadTimestamp("occurred_at", timestamp, &violations);
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(absl::ToUnixNanos(*time), 1'700'000'000'123'456'789);
  google::protobuf::Timestamp back;
  WriteTimestamp(*time, &back);
  EXPECT_EQ(back.seconds(), timestamp.seconds());
  EXPECT_EQ(back.nanos(), timestamp.nanos());
  google::protobuf::Timestamp never;
  WriteTimestamp(absl::InfiniteFuture(), &never);
  EXPECT_EQ(never.seconds(), 0);
}

// Rules: T2
TEST(Validation, InstantsOutOfRangeAreRefused) {
  const struct {
    int64_t seconds;
    int32_t nanos;
  } rows[] = {{-1, 0},
              {0, -1},
              {0, 1'000'000'000},
              {9'183'110'400, 0},
              {std::numeric_limits<int64_t>::max(), 0},
              {std::numeric_limits<int64_t>::min(), 0}};
  for (const auto& row : rows) {
    google::protobuf::Timestamp timestamp;
    timestamp.set_seconds(row.seconds);
    timestamp.set_nanos(row.nanos);
    FieldViolations violations;
    EXPECT_EQ(ReadTimestamp("occurred_at", timestamp, &violations), std::nullopt) << row.seconds;
    EXPECT_EQ(violations.violations().size(), 1U);
  }
}

// Rules: R5
TEST(Validation, EveryQuantityOfAUsageIsBoundedAndNamed) {
  v1::Usage usage;
  usage.set_input_tokens(kMaxQuantity);
  FieldViolations none;
  CheckUsage("usage", usage, &none);
  EXPECT_TRUE(none.empty());

  usage.set_input_tokens(kMaxQuantity + 1);
  usage.set_output_tokens(-1);
  usage.set_cache_write_5m_tokens(-1);
  usage.set_cache_write_1h_tokens(-1);
  usage.set_cache_read_tokens(-1);
  usage.set_web_searches(-1);
  usage.add_other_meters()->set_name("Bad Name");
  usage.add_other_meters()->set_name("images");
  usage.mutable_other_meters(1)->set_quantity(-1);
  FieldViolations violations;
  CheckUsage("usage", usage, &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations.violations()) {
    fields.push_back(violation.field);
  }
  EXPECT_EQ(fields,
            (std::vector<std::string>{
                "usage.input_tokens", "usage.output_tokens", "usage.cache_write_5m_tokens",
                "usage.cache_write_1h_tokens", "usage.cache_read_tokens", "usage.web_searches",
                "usage.other_meters[0].name", "usage.other_meters[1].quantity"}));
}

// Rules: R5
TEST(Validation, MetersAreFewAndNamedOnce) {
  v1::Usage usage;
  for (int i = 0; i < 17; ++i) usage.add_other_meters()->set_name(absl::StrCat("m", i));
  FieldViolations many;
  CheckUsage("usage", usage, &many);
  ASSERT_EQ(many.violations().size(), 1U);
  EXPECT_EQ(many.violations()[0].field, "usage.other_meters");

  v1::Usage twice;
  twice.add_other_meters()->set_name("images");
  twice.add_other_meters()->set_name("images");
  FieldViolations repeated;
  CheckUsage("usage", twice, &repeated);
  ASSERT_EQ(repeated.violations().size(), 1U);
  EXPECT_EQ(repeated.violations()[0].field, "usage.other_meters[1].name");
}

// Rules: R5
TEST(Validation, LabelsAreFewAndShort) {
  google::protobuf::Map<std::string, std::string> labels;
  for (int i = 0; i < 16; ++i) labels[absl::StrCat("key", i)] = std::string(256, 'v');
  FieldViolations none;
  CheckLabels("labels", labels, &none);
  EXPECT_TRUE(none.empty());

  labels["one-more"] = "x";
  FieldViolations many;
  CheckLabels("labels", labels, &many);
  EXPECT_EQ(many.violations().size(), 1U);

  google::protobuf::Map<std::string, std::string> bad;
  bad["k"] = std::string(257, 'v');
  bad[std::string(64, 'k')] = "v";
  FieldViolations violations;
  CheckLabels("labels", bad, &violations);
  EXPECT_EQ(violations.violations().size(), 2U);
}

// Rules: S2
TEST(PageToken, IsGoodOnlyForTheQueryItCameFrom) {
  const std::string token = MakePageToken("ListMembers|acme", "ann");
  FieldViolations violations;
  EXPECT_EQ(ReadPageToken("page_token", "ListMembers|acme", token, &violations), "ann");
  EXPECT_EQ(ReadPageToken("page_token", "ListMembers|acme", "", &violations), "");
  EXPECT_TRUE(violations.empty());

  std::string changed = token;
  changed.back() = changed.back() == 'A' ? 'B' : 'A';
  for (const auto& [scope, bad] : std::vector<std::pair<std::string, std::string>>{
           {"ListMembers|other", token},
           {"ListMembers|acme", changed},
           {"ListMembers|acme", token + "="},
           {"ListMembers|acme", "!!!"},
           {"ListMembers|acme", "AAAA"},
           {"ListMembers|acme", std::string(5000, 'A')}}) {
    FieldViolations refused;
    EXPECT_EQ(ReadPageToken("page_token", scope, bad, &refused), "");
    ASSERT_EQ(refused.violations().size(), 1U) << bad;
    EXPECT_EQ(refused.violations()[0].field, "page_token");
  }
}

// Rules: S2
TEST(PageSize, ZeroIsTheDefaultAndTooMuchIsRefused) {
  FieldViolations violations;
  EXPECT_EQ(ReadPageSize("page_size", 0, 100, 1000, &violations), 100U);
  EXPECT_EQ(ReadPageSize("page_size", 1000, 100, 1000, &violations), 1000U);
  EXPECT_TRUE(violations.empty());
  ReadPageSize("page_size", -1, 100, 1000, &violations);
  ReadPageSize("other_size", 1001, 100, 1000, &violations);
  EXPECT_EQ(violations.violations().size(), 2U);
}

}  // namespace
}  // namespace bursar
