#include "client/prices/genai_prices.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "client/prices/default_price_book.h"
#include "server/engine/price_book_codec.h"
#include "server/ledger/pricing.h"

namespace bursar {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'795'000'000);  // November 2026.

// A list of one provider "p" with those models.
std::string List(const std::string& models) {
  return R"({"p": {"id": "p", "models": [)" + models + "]}}";
}

std::string Model(const std::string& prices, const std::string& id = "m") {
  return R"({"id": ")" + id + R"(", "match": {"equals": ")" + id + R"("}, "prices": )" + prices +
         "}";
}

ImportResult Imported(const std::string& text) {
  auto result = ImportGenaiPrices(text, ImportOptions());
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ImportResult();
}

std::string Refusal(const std::string& text) {
  const absl::Status status = ImportGenaiPrices(text, ImportOptions()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

std::shared_ptr<const PriceBook> ShippedBook() {
  v1::PriceBook message;
  const std::string_view bytes = DefaultPriceBook();
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  auto book = DecodePriceBook(message);
  EXPECT_TRUE(book.ok()) << book.status().message();
  return book.ok() ? *book : nullptr;
}

// Rules: P7
TEST(GenaiPrices, MissingCachePricesAreTheInputPriceAndTheFiveMinuteOne) {
  const ImportResult result = Imported(List(
      Model(R"({"input_mtok": 3, "output_mtok": 15.5})", "none") + "," +
      Model(R"({"input_mtok": 3, "cache_write_mtok": 3.75, "cache_read_mtok": 0.3})", "some")));
  const v1::MeterPrices& none = result.book.models(0).cards(0).prices();
  EXPECT_EQ(none.input_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(none.output_nanos_per_million(), 15'500'000'000);
  EXPECT_EQ(none.cache_write_5m_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(none.cache_write_1h_nanos_per_million(), 3'000'000'000);
  EXPECT_EQ(none.cache_read_nanos_per_million(), 3'000'000'000);
  EXPECT_FALSE(none.has_web_search_nanos_per_thousand());
  const v1::MeterPrices& some = result.book.models(1).cards(0).prices();
  EXPECT_FALSE(some.has_output_nanos_per_million());
  EXPECT_EQ(some.cache_write_5m_nanos_per_million(), 3'750'000'000);
  EXPECT_EQ(some.cache_write_1h_nanos_per_million(), 3'750'000'000);
  EXPECT_EQ(some.cache_read_nanos_per_million(), 300'000'000);
}

// Rules: P3, P7
TEST(GenaiPrices, TiersOfSingleMetersBecomeTiersOfTheCard) {
  const ImportResult result = Imported(List(Model(
      R"({"input_mtok": {"base": 1, "tiers": [{"start": 100, "price": 2}, {"start": 300, "price": 4}]},
          "output_mtok": {"base": 5, "tiers": [{"start": 200, "price": 6}]}})")));
  const v1::PriceCard& card = result.book.models(0).cards(0);
  ASSERT_EQ(card.tiers_size(), 3);
  const int64_t starts[] = {100, 200, 300};
  const int64_t inputs[] = {2, 2, 4};
  const int64_t outputs[] = {5, 6, 6};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(card.tiers(i).prompt_tokens_above(), starts[i]);
    const v1::MeterPrices& prices = card.tiers(i).prices();
    EXPECT_EQ(prices.input_nanos_per_million(), inputs[i] * 1'000'000'000);
    EXPECT_EQ(prices.output_nanos_per_million(), outputs[i] * 1'000'000'000);
    EXPECT_EQ(prices.cache_read_nanos_per_million(), inputs[i] * 1'000'000'000);
  }
}

// Rules: P5, P7
TEST(GenaiPrices, DatedPricesBecomeCardsFromMidnightUtc) {
  const ImportResult result = Imported(List(Model(
      R"([{"prices": {"input_mtok": 1}},
          {"constraint": {"start_date": "2026-03-13", "type": "start_date"},
           "prices": {"input_mtok": 2}}])")));
  ASSERT_EQ(result.book.models(0).cards_size(), 2);
  EXPECT_FALSE(result.book.models(0).cards(0).has_effective_from());
  EXPECT_EQ(result.book.models(0).cards(0).id(), "p/m");
  EXPECT_EQ(result.book.models(0).cards(1).effective_from().seconds(), 1'773'360'000);
  EXPECT_EQ(result.book.models(0).cards(1).id(), "p/m/2026-03-13");
}

// Rules: P7
TEST(GenaiPrices, WhatUsageCannotExpressIsSkippedAndReported) {
  const ImportResult result = Imported(List(
      Model(R"({"input_mtok": 1, "input_audio_mtok": 2, "requests_kcount": "dear"})", "sound") +
      "," + Model(R"({"audio_hours": 0.36})", "hours") + "," + Model("{}", "nothing") + "," +
      Model(R"([{"prices": {"input_mtok": 1}}, {"constraint": {"start_time": "00:30:00Z",
                 "end_time": "16:30:00Z"}, "prices": {"input_mtok": 2}}])",
            "night")));
  ASSERT_EQ(result.book.models_size(), 1);
  EXPECT_EQ(result.book.models(0).id(), "sound");
  EXPECT_THAT(result.skipped,
              ElementsAre("p/sound: meter input_audio_mtok has no place in usage",
                          "p/sound: meter requests_kcount has no place in usage",
                          "p/hours: meter audio_hours has no place in usage",
                          HasSubstr("p/hours: has no price for any meter"),
                          HasSubstr("p/nothing: has no price for any meter"),
                          HasSubstr("p/night: its price depends on more than a date")));
}

// Rules: P7
TEST(GenaiPrices, ProvidersComeInTheShippedOrderAndAnArrayIsReadToo) {
  const auto provider = [](const std::string& id) {
    return R"({"id": ")" + id +
           R"(", "fallback_model_providers": ["openai", "gone"], "models": [)" +
           Model(R"({"input_mtok": 1})") + "]}";
  };
  const ImportResult result = Imported("[" + provider("zulu") + "," + provider("google") + "," +
                                       provider("alpha") + "," + provider("openai") + "]");
  std::vector<std::string> order;
  for (const auto& p : result.book.providers()) order.push_back(p.id());
  EXPECT_THAT(order, ElementsAre("openai", "google", "zulu", "alpha"));
  EXPECT_EQ(result.book.providers(0).fallback_provider_ids_size(), 0);
  EXPECT_THAT(result.book.providers(1).fallback_provider_ids(), ElementsAre("openai"));
  EXPECT_EQ(result.skipped.size(), 5U);
}

// Rules: P7
TEST(GenaiPrices, MistakesInTheListAreRefusedByByteAndPath) {
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"7", "byte 1: must be an object or an array"},
      {"{}", "has no model with a price"},
      {R"({"p": 5})", "byte 8, p: must be an object"},
      {R"({"p": {"models": []}})", "p: has no \"id\""},
      {R"({"p": {"id": "P:"}})", "p.id: must be 1 to 64 lower-case letters"},
      {R"({"p": {"id": "p"}})", "p: has no \"models\""},
      {List("5"), "p.models[0]: must be an object"},
      {List(R"({"id": "m"})"), "p.models[0]: has no \"match\""},
      {List(R"({"id": "m", "match": {"equals": "m"}})"), "p.models[0]: has no \"prices\""},
      {List(R"({"id": "m", "match": {"like": "m"}, "prices": {}})"), "p.models[0].match.like: "},
      {List(R"({"id": "m", "match": {"or": []}, "prices": {}})"), "p.models[0].match.or: "},
      {List(R"({"id": "m", "match": {"or": [{}]}, "prices": {}})"), "p.models[0].match.or[0]: "},
      {List(R"({"id": "m", "match": {"equals": 5}, "prices": {}})"), "match.equals: must be a"},
      {List(Model(R"({"input_mtok": -1})")), "p.models[0].prices.input_mtok: is negative"},
      {List(Model(R"({"input_mtok": 0.12345678901})")), "input_mtok: has more than nine decimals"},
      {List(Model(R"({"input_mtok": 1000001})")), "input_mtok: exceeds 1000000 units"},
      {List(Model(R"({"input_mtok": "1"})")), "input_mtok: must be a number"},
      {List(Model(R"({"input_mtok": null})")), "input_mtok: must be a number"},
      {List(Model(R"({"input_mtok": {"base": 1}})")), "input_mtok: has no \"tiers\""},
      {List(Model(R"({"input_mtok": {"base": 1, "tiers": [{"start": 1.5, "price": 1}]}})")),
       "prices.input_mtok.tiers[0].start: is not a whole number"},
      {List(Model(R"({"input_mtok": {"base": 1, "tiers": [{"start": 2, "price": 1},
                                                          {"start": 2, "price": 1}]}})")),
       "prices.input_mtok.tiers[1].start: must be above"},
      {List(Model("[]")), "p.models[0].prices: must be an object or an array"},
      {List(Model(R"([{"prices": {"input_mtok": 1}}, {"prices": {"input_mtok": 1}}])")),
       "p.models[0].prices[1]: must begin after"},
      {List(Model(R"([{"prices": {"input_mtok": 1}}, {"constraint": {"start_date": "2026-02-30"},
                       "prices": {"input_mtok": 1}}])")),
       "p.models[0].prices[1].constraint.start_date: must be a date"},
      {List(Model(R"({"input_mtok": 1})") + "," + Model(R"({"input_mtok": 1})")),
       "p.models[1].id: is that of another model"},
      {List(Model(R"({"input_mtok": 1, "input_mtok": 2})")), "appears twice"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Refusal(c.text), HasSubstr(c.message));
    EXPECT_THAT(Refusal(c.text), HasSubstr("byte "));
  }
}

// Rules: P5, P7
TEST(GenaiPrices, VersionIsTheGivenOneElseDependsOnTheTextAlone) {
  const std::string one = List(Model(R"({"input_mtok": 1})"));
  const std::string two = List(Model(R"({"input_mtok": 2})"));
  EXPECT_EQ(Imported(one).book.version(), Imported(one).book.version());
  EXPECT_NE(Imported(one).book.version(), Imported(two).book.version());
  EXPECT_THAT(Imported(one).book.version(), ::testing::MatchesRegex("genai-prices-[0-9a-f]{16}"));
  ImportOptions options;
  options.version = "mine-7";
  EXPECT_EQ(ImportGenaiPrices(one, options)->book.version(), "mine-7");
}

// Rules: P6, P7
TEST(GenaiPrices, AnyImportedBookIsOneThatTheServerTakes) {
  // Ids with what card ids may not hold, and two that become alike.
  const ImportResult result = Imported(List(Model(R"({"input_mtok": 1})", "a@b") + "," +
                                            Model(R"({"input_mtok": 1})", "a b") + "," +
                                            Model(R"({"input_mtok": 0})", "c")));
  const auto book = DecodePriceBook(result.book);
  ASSERT_TRUE(book.ok()) << book.status().message();
  EXPECT_EQ((*book)->Resolve("p", "a@b")->CardAt(kNow)->reference(),
            "p/a_b@" + result.book.version());
  EXPECT_EQ((*book)->Resolve("p", "a b")->CardAt(kNow)->reference(),
            "p/a_b~2@" + result.book.version());
}

// Rules: P1, P7
TEST(DefaultPriceBook, WellKnownModelsCostWhatTheirMakersSay) {
  const auto book = ShippedBook();
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(book->version(), "genai-prices-0.1.8");
  EXPECT_EQ(book->currency_code(), "USD");
  const struct {
    const char* provider;
    const char* model;
    const char* card;
    int64_t cents_in;
    int64_t cents_out;
  } kCases[] = {
      {"", "claude-opus-4-5", "anthropic/claude-opus-4-5", 500, 2500},
      {"", "claude-haiku-4-5", "anthropic/claude-haiku-4-5", 100, 500},
      {"", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5", 100, 500},
      {"anthropic", "claude-opus-4-5", "anthropic/claude-opus-4-5", 500, 2500},
      {"", "anthropic/claude-opus-4-5", "anthropic/claude-opus-4-5", 500, 2500},
      // Google sells it at the maker's price and lists no price of its own.
      {"google", "claude-opus-4-5", "anthropic/claude-opus-4-5", 500, 2500},
      {"", "google/claude-opus-4-7", "google/claude-opus-4-7", 500, 2500},
      // A model of Google's list whose own name has a slash.
      {"google", "anthropic/claude-sonnet-4", "google/claude-4-sonnet", 300, 1500},
      {"", "anthropic/claude-sonnet-4", "anthropic/claude-sonnet-4-0", 300, 1500},
      {"", "claude-opus-4-6", "anthropic/claude-opus-4-6/2026-03-13", 500, 2500},
      {"", "gpt-5", "openai/gpt-5", 125, 1000},
      {"", "gemini-2.5-pro", "google/gemini-2.5-pro", 125, 1000},
      {"vertex", "gemini-2.5-pro-preview-06-05", "google/gemini-2.5-pro", 125, 1000},
      {"", "gemini-2.5-pro-tts", "google/gemini-2.5-pro-tts", 100, 2000},
  };
  for (const auto& c : kCases) {
    const ModelPrices* model = book->Resolve(c.provider, c.model);
    ASSERT_NE(model, nullptr) << c.model;
    const PriceCard* card = model->CardAt(kNow);
    ASSERT_NE(card, nullptr) << c.model;
    EXPECT_EQ(card->reference(), std::string(c.card) + "@genai-prices-0.1.8");
    EXPECT_EQ(card->RatesFor(0).nanos[0], c.cents_in * 10'000'000) << c.model;
    EXPECT_EQ(card->RatesFor(0).nanos[1], c.cents_out * 10'000'000) << c.model;
  }
  EXPECT_EQ(book->Resolve("", "whisper-1"), nullptr);
  EXPECT_EQ(book->Resolve("", "claude-opus-9"), nullptr);
}

// Rules: P4, P6
TEST(DefaultPriceBook, BatchIsHalfPriceOnTokensAndTheFallbackIsDear) {
  const auto book = ShippedBook();
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(book->ModifierFor("batch", "").millionths, 500'000);
  EXPECT_EQ(book->ModifierFor("batch", "us").millionths, 550'000);
  EXPECT_EQ(book->ModifierFor("standard", "global").millionths, 1'000'000);
  Usage usage;
  usage.input = usage.output = 1'000'000;
  usage.web_searches = 1'000;
  usage.service_tier = "batch";
  EXPECT_EQ(PriceUsage(*book, book->Resolve("", "claude-opus-4-5"), usage, kNow)->cost,
            Nanos(25'000'000'000));  // (5 + 25) / 2 + 10
  const auto unknown = PriceUsage(*book, nullptr, usage, kNow);
  EXPECT_EQ(unknown->cost, Nanos(55'000'000'000));  // (15 + 75) / 2 + 10
  EXPECT_TRUE(unknown->fallback);
}

}  // namespace
}  // namespace bursar
