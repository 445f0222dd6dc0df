#include "client/prices/litellm_prices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "client/prices/price_list.h"
#include "server/engine/price_book_codec.h"
#include "server/ledger/pricing.h"

namespace bursar {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'795'000'000);  // November 2026.

// A list of one model "m" of provider "p" with those further members.
std::string List(const std::string& members, const std::string& provider = "p",
                 const std::string& key = "m") {
  return R"({")" + key + R"(": {"litellm_provider": ")" + provider + R"(", )" + members + "}}";
}

ImportResult Imported(const std::string& text) {
  auto result = ImportLitellmPrices(text, ImportOptions());
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ImportResult();
}

std::string Refusal(const std::string& text) {
  const absl::Status status = ImportLitellmPrices(text, ImportOptions()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

std::string Sample() {
  std::ifstream file(BURSAR_LITELLM_SAMPLE, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::shared_ptr<const PriceBook> BookOf(const std::string& text) {
  auto book = DecodePriceBook(Imported(text).book);
  EXPECT_TRUE(book.ok()) << book.status().message();
  return book.ok() ? *book : nullptr;
}

// What so many input tokens cost a model in that book; nanos.
int64_t CostOfInput(const PriceBook& book, const std::string& provider, const std::string& model,
                    int64_t tokens) {
  Usage usage;
  usage.input = tokens;
  const auto priced = PriceUsage(book, book.Resolve(provider, model), usage, kNow);
  EXPECT_TRUE(priced.ok() && !priced->fallback) << provider << "/" << model;
  return priced.ok() ? priced->cost.value : -1;
}

// Rules: M1, P7
TEST(LitellmPrices, PricesATokenBecomePricesAMillionExactly) {
  const ImportResult result = Imported(List(
      R"("input_cost_per_token": 3e-06, "output_cost_per_token": 0.00018,
         "cache_read_input_token_cost": 5.46875e-07, "cache_creation_input_token_cost": "1e-15",
         "cache_creation_input_token_cost_above_1hr": null,
         "search_context_cost_per_query": {"search_context_size_medium": 0.014})"));
  const v1::MeterPrices& prices = result.book.models(0).cards(0).prices();
  EXPECT_EQ(prices.input_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(prices.output_nanos_per_million(), 180'000'000'000);
  EXPECT_EQ(prices.cache_read_nanos_per_million(), 546'875'000);
  EXPECT_EQ(prices.cache_write_5m_nanos_per_million(), 1);
  EXPECT_EQ(prices.cache_write_1h_nanos_per_million(), 1);
  EXPECT_EQ(prices.web_search_nanos_per_thousand(), 14'000'000'000);
  EXPECT_THAT(result.skipped, IsEmpty());
}

// Rules: M1, P7
TEST(LitellmPrices, DigitsBehindTheFifteenthDecimalAreRoundedHalfUpAndReported) {
  const ImportResult result = Imported(List(R"("input_cost_per_token": 2.0000000000000002e-07,
                       "output_cost_per_token": 2.000000005e-07,
                       "cache_read_input_token_cost": 1e-20)"));
  const v1::MeterPrices& prices = result.book.models(0).cards(0).prices();
  EXPECT_EQ(prices.input_nanos_per_million(), 200'000'000);
  EXPECT_EQ(prices.output_nanos_per_million(), 200'000'001);
  EXPECT_EQ(prices.cache_read_nanos_per_million(), 1) << "never down to nothing";
  EXPECT_THAT(result.skipped,
              ElementsAre("p/m: input_cost_per_token 2.0000000000000002e-07 is rounded to "
                          "200000000 nano-units",
                          HasSubstr("output_cost_per_token"), HasSubstr("to 1 nano-units")));
}

// Rules: P7
TEST(LitellmPrices, MissingCachePricesAreTheInputPriceAndTheFiveMinuteOne) {
  const v1::MeterPrices none =
      Imported(List(R"("input_cost_per_token": 3e-06)")).book.models(0).cards(0).prices();
  EXPECT_EQ(none.cache_read_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(none.cache_write_5m_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(none.cache_write_1h_nanos_per_million(), 3'000'000'000);
  EXPECT_FALSE(none.has_output_nanos_per_million());
  EXPECT_FALSE(none.has_web_search_nanos_per_thousand());
  const v1::MeterPrices some = Imported(List(R"("input_cost_per_token": 3e-06,
                                                "cache_creation_input_token_cost": 3.75e-06)"))
                                   .book.models(0)
                                   .cards(0)
                                   .prices();
  EXPECT_EQ(some.cache_write_1h_nanos_per_million(), 3'750'000'000);
}

// Rules: P2, P3
TEST(LitellmPrices, ATierHoldsForTheWholeRequestAboveItsStartCacheTokensIncluded) {
  const auto book = BookOf(List(
      R"("input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06,
         "cache_read_input_token_cost": 1e-07, "output_cost_per_token": 5e-06,
         "output_cost_per_token_above_200k_tokens": 7e-06)"));
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(CostOfInput(*book, "p", "m", 200'000), 200'000'000);
  EXPECT_EQ(CostOfInput(*book, "p", "m", 200'001), 400'002'000);
  Usage usage;
  usage.input = 1;
  usage.cache_read = 200'000;
  usage.output = 10;
  const auto priced = PriceUsage(*book, book->Resolve("p", "m"), usage, kNow);
  ASSERT_TRUE(priced.ok());
  // The base's cache price holds where the tier has none.
  EXPECT_EQ(priced->cost.value, 2'000 + 200'000 * 100 + 10 * 7'000);
}

// Rules: P3
TEST(LitellmPrices, TiersThatBeginAtTheirStartAreMovedByOneToken) {
  const auto book = BookOf(
      List(R"("input_cost_per_token": 1e-06, "input_cost_per_token_above_128k_tokens": 2e-06)",
           "xai", "xai/grok"));
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(CostOfInput(*book, "xai", "grok", 127'999), 127'999'000);
  EXPECT_EQ(CostOfInput(*book, "xai", "grok", 128'000), 256'000'000);
}

// Rules: P3, P7
TEST(LitellmPrices, RangesOfPromptsAreTiersAndStandForThemselves) {
  const ImportResult result = Imported(List(
      R"("cache_read_input_token_cost": 9e-06, "output_cost_per_token": 8e-06, "tiered_pricing": [
         {"range": [0, 32000.0], "input_cost_per_token": 1e-06},
         {"range": [32000, 1e6], "input_cost_per_token": 2e-06, "output_cost_per_token": 4e-06}])"));
  const v1::PriceCard& card = result.book.models(0).cards(0);
  EXPECT_EQ(card.prices().input_nanos_per_million(), 1'000'000'000);
  EXPECT_EQ(card.prices().cache_read_nanos_per_million(), 1'000'000'000);
  EXPECT_EQ(card.prices().output_nanos_per_million(), 8'000'000'000);
  ASSERT_EQ(card.tiers_size(), 1);
  EXPECT_EQ(card.tiers(0).prompt_tokens_above(), 32'000);
  EXPECT_EQ(card.tiers(0).prices().cache_write_1h_nanos_per_million(), 2'000'000'000);
  EXPECT_EQ(card.tiers(0).prices().output_nanos_per_million(), 4'000'000'000);
}

// Rules: P7
TEST(LitellmPrices, RangesThatAreNoPromptsOrLeaveGapsAreReported) {
  for (const char* tiers : {R"([{"max_results_range": [0, 25], "input_cost_per_query": 0.005}])",
                            R"([{"range": [1, 5], "input_cost_per_token": 1e-06}])",
                            R"([{"range": [0, 5], "input_cost_per_token": 1e-06},
                                {"range": [6, 9], "input_cost_per_token": 2e-06}])"}) {
    const ImportResult result =
        Imported(List(R"("input_cost_per_token": 3e-06, "tiered_pricing": )" + std::string(tiers)));
    EXPECT_EQ(result.book.models(0).cards(0).prices().input_nanos_per_million(), 3'000'000'000);
    EXPECT_THAT(result.skipped, ElementsAre(HasSubstr("p/m: meter tiered_pricing"))) << tiers;
  }
}

// Rules: P4, P7
TEST(LitellmPrices, BatchPricesAreReportedOnlyWhereTheBatchTierChargesSomethingElse) {
  const ImportResult result = Imported(List(
      R"("input_cost_per_token": 4e-06, "input_cost_per_token_batches": 2e-06,
         "input_cost_per_token_above_200k_tokens": 8e-06,
         "input_cost_per_token_above_200k_tokens_batches": 4e-06,
         "output_cost_per_token": 9e-06, "output_cost_per_token_batches": 4e-06,
         "output_cost_per_token_flex": 1e-06, "output_cost_per_reasoning_token": 9e-06)"));
  EXPECT_THAT(result.skipped, ElementsAre(HasSubstr("output_cost_per_token_batches is not half"),
                                          HasSubstr("output_cost_per_token_flex is the price of a "
                                                    "service tier")));
}

// Rules: P6, P7
TEST(LitellmPrices, WhatUsageCannotExpressIsReportedAndNeverBecomesFree) {
  const ImportResult result = Imported(
      R"({"a": {"litellm_provider": "p", "output_cost_per_image": 0.04},
          "b": {"litellm_provider": "p", "input_cost_per_token": 0.0, "input_cost_per_query": 0.002},
          "c": {"litellm_provider": "p", "input_cost_per_token": 1e-06,
                "input_cost_per_audio_token": 1e-06, "max_tokens": 4, "deprecation_date": "2026-01-01"},
          "d": {"mode": "chat"},
          "e": {"litellm_provider": "a provider", "input_cost_per_token": 1e-06}})");
  ASSERT_EQ(result.book.models_size(), 1);
  EXPECT_EQ(result.book.models(0).id(), "c");
  EXPECT_THAT(result.skipped,
              ElementsAre("p/a: meter output_cost_per_image has no place in usage",
                          HasSubstr("p/a: has no price for any meter"),
                          "p/b: meter input_cost_per_query has no place in usage",
                          HasSubstr("p/b: has no price above zero"),
                          "p/c: meter input_cost_per_audio_token has no place in usage",
                          "d: names no provider", HasSubstr("e: no provider can be called")));
}

// Rules: P7
TEST(LitellmPrices, HousesAreJoinedAndModelsAnswerToBothTheirNames) {
  const std::string price = R"("input_cost_per_token": )";
  const auto entry = [&](const char* key, const char* provider, const char* nanos) {
    return "\"" + std::string(key) + R"(": {"litellm_provider": ")" + provider + "\", " + price +
           nanos + "}";
  };
  const std::string list = "{" + entry("zulu/z", "zulu", "1e-06") + "," +
                           entry("vertex_ai/claude-x@1", "vertex_ai-anthropic_models", "2e-06") +
                           "," + entry("gemini/flash", "gemini", "3e-06") + "," +
                           entry("gpt", "openai", "4e-06") + "," +
                           entry("text-completion-openai/gpt", "text-completion-openai", "5e-06") +
                           "," + entry("claude-x", "anthropic", "6e-06") + "," +
                           entry("pro", "vertex_ai-language-models", "7e-06") + "}";
  const ImportResult result = Imported(list);
  std::vector<std::string> order;
  for (const auto& provider : result.book.providers()) order.push_back(provider.id());
  EXPECT_THAT(order, ElementsAre("anthropic", "openai", "google", "zulu", "vertex_ai"));
  EXPECT_THAT(result.skipped,
              ElementsAre("text-completion-openai/gpt: costs something else than an earlier entry "
                          "for openai/gpt"));
  const auto book = BookOf(list);
  ASSERT_NE(book, nullptr);
  const struct {
    const char* provider;
    const char* model;
    int64_t nanos;
  } kCases[] = {{"", "claude-x", 6'000},
                {"", "gemini/flash", 3'000},
                {"gemini", "flash", 3'000},
                {"google", "gemini/flash", 3'000},
                {"google", "pro", 7'000},
                {"vertex_ai", "claude-x@1", 2'000},
                {"vertex_ai-anthropic_models", "vertex_ai/claude-x@1", 2'000},
                {"google-vertex", "claude-x", 6'000},
                {"text-completion-openai", "gpt", 4'000},
                {"", "zulu/z", 1'000}};
  for (const auto& c : kCases) {
    EXPECT_EQ(CostOfInput(*book, c.provider, c.model, 1), c.nanos) << c.provider << " " << c.model;
  }
}

// Rules: P7
TEST(LitellmPrices, MistakesInTheListAreRefusedByByteAndPath) {
  const struct {
    std::string text;
    const char* expected;
  } kCases[] = {
      {"[1]", "must be an object of models"},
      {"{}", "has no model with a price"},
      {R"({"sample_spec": {"litellm_provider": "p", "input_cost_per_token": 1e-06}})",
       "has no model with a price"},
      {R"({"m": 4})", ", m: must be an object"},
      {R"({"m": {"litellm_provider": 4}})", "m.litellm_provider: must be a string"},
      {List(R"("input_cost_per_token": -1e-06)"), "m.input_cost_per_token: is negative"},
      {List(R"("input_cost_per_token": 1.1)"), "exceeds 1 unit each"},
      {List(R"("input_cost_per_token": true)"), "m.input_cost_per_token: must be a number"},
      {List(R"("input_cost_per_token": "free")"), "\"free\" is not a number"},
      {List(R"("tiered_pricing": 3)"), "m.tiered_pricing: must be an array"},
      {List(R"("tiered_pricing": [{"range": [0, 9], "input_cost_per_token": []}])"),
       "m.tiered_pricing[0].input_cost_per_token: must be a number"},
      {List(R"("search_context_cost_per_query": {"search_context_size_low": -1})"), "is negative"},
      {R"({"m": {}, "m": {}})", "key \"m\" appears twice"},
  };
  for (const auto& c : kCases) EXPECT_THAT(Refusal(c.text), HasSubstr(c.expected)) << c.text;
}

// Rules: P1, P6, P7
TEST(LitellmPrices, EveryShapeOfEntryIsABookThatAServerTakes) {
  const ImportResult result = Imported(Sample());
  const auto book = DecodePriceBook(result.book);
  ASSERT_TRUE(book.ok()) << book.status().message();
  EXPECT_EQ(result.book.models_size(), 20);
  for (const char* unknown : {"openai/basalt-draw", "codestral/free-code", "bedrock/ember-rerank:0",
                              "soniox/scribe-async"}) {
    EXPECT_THAT(result.skipped, Contains(HasSubstr(std::string(unknown) + ": has no price")));
    EXPECT_EQ((*book)->Resolve("", unknown), nullptr) << unknown;
  }
  EXPECT_EQ(CostOfInput(**book, "", "basalt-9", 272'001), 272'001LL * 8'000);
}

// Rules: P7
TEST(PriceList, IsRecognizedByItsContentAndTheOptionForcesIt) {
  const std::string litellm = List(R"("input_cost_per_token": 3e-06)");
  const std::string genai =
      R"({"p": {"id": "p", "models": [{"id": "m", "match": {"equals": "m"},
          "prices": {"input_mtok": 3}}]}})";
  const auto version = [](const std::string& text, PriceListFormat format) {
    const auto result = ImportPriceList(text, format, ImportOptions());
    return result.ok() ? result->book.version() : std::string(result.status().message());
  };
  EXPECT_THAT(version(litellm, PriceListFormat::kByContent), HasSubstr("litellm-"));
  EXPECT_THAT(version(genai, PriceListFormat::kByContent), HasSubstr("genai-prices-"));
  EXPECT_THAT(version(R"({"sample_spec": {}, )" + litellm.substr(1), PriceListFormat::kByContent),
              HasSubstr("litellm-"));
  EXPECT_THAT(version("{\"a\": {}}", PriceListFormat::kByContent), HasSubstr("is neither"));
  EXPECT_THAT(version("7", PriceListFormat::kByContent), HasSubstr("is neither"));
  EXPECT_THAT(version(genai, PriceListFormat::kLitellm), HasSubstr("has no model with a price"));
  EXPECT_THAT(version(litellm, PriceListFormat::kGenaiPrices), HasSubstr("m: has no \"id\""));
}

}  // namespace
}  // namespace bursar
