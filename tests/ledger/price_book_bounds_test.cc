// The bounds of a price book: one step beyond each is refused and named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/ledger/price_book.h"
#include "server/ledger/price_book_validation.h"
#include "tests/ledger/price_book_samples.h"

namespace bursar {
namespace {

constexpr int64_t kTooMuch = 1'000'000'000'000'001;

PriceCardSpec& Card(PriceBookSpec& spec) { return spec.models[0].cards[0]; }

// Takes a book out of a bound, and the field that is told of it.
using Steps = std::vector<std::pair<std::string, std::function<void(PriceBookSpec&)>>>;

void ExpectNamed(const Steps& steps) {
  EXPECT_THAT(FindPriceBookProblems(SampleBook()), testing::IsEmpty());
  for (const auto& [path, step] : steps) {
    PriceBookSpec spec = SampleBook();
    step(spec);
    EXPECT_THAT(FindPriceBookProblems(spec), testing::Contains(testing::StartsWith(path))) << path;
  }
}

// Rules: P1, P2
TEST(PriceBookBounds, OfABookAreNamedWhereTheyArePassed) {
  ExpectNamed({
      {"version", [](PriceBookSpec& s) { s.version = ""; }},
      {"version", [](PriceBookSpec& s) { s.version = std::string(65, 'v'); }},
      {"version", [](PriceBookSpec& s) { s.version = "a b"; }},
      {"version", [](PriceBookSpec& s) { s.version = "{"; }},
      {"currency_code", [](PriceBookSpec& s) { s.currency_code = "USDX"; }},
      {"currency_code", [](PriceBookSpec& s) { s.currency_code = "usd"; }},
      {"source", [](PriceBookSpec& s) { s.source = std::string(1025, 's'); }},
      {"providers", [](PriceBookSpec& s) { s.providers.clear(); }},
      {"providers[0].id", [](PriceBookSpec& s) { s.providers[0].id = "Maker"; }},
      {"providers[1].id", [](PriceBookSpec& s) { s.providers.push_back(s.providers[0]); }},
      {"providers[0].fallback_provider_ids[0]",
       [](PriceBookSpec& s) { s.providers[0].fallback_provider_ids = {"nobody"}; }},
      {"providers[0].fallback_provider_ids[0]",
       [](PriceBookSpec& s) { s.providers[0].fallback_provider_ids = {"maker"}; }},
      {"providers[0].fallback_provider_ids: must",
       [](PriceBookSpec& s) {
         s.providers[0].fallback_provider_ids = std::vector<std::string>(257, "maker");
       }},
      {"models[0].provider", [](PriceBookSpec& s) { s.models[0].provider = "nobody"; }},
      {"models[0].id", [](PriceBookSpec& s) { s.models[0].id = ""; }},
      {"models[0].id", [](PriceBookSpec& s) { s.models[0].id = std::string(257, 'm'); }},
      {"models[0].id", [](PriceBookSpec& s) { s.models[0].id = "a\x01"; }},
      {"models[0].id", [](PriceBookSpec& s) { s.models[0].id = "a\x7f"; }},
      {"models[1].id", [](PriceBookSpec& s) { s.models.push_back(s.models[0]); }},
      {"models[0].cards", [](PriceBookSpec& s) { s.models[0].cards.clear(); }},
  });
}

// Rules: P1, P4
TEST(PriceBookBounds, OfCardsAreNamedWhereTheyArePassed) {
  ExpectNamed({
      {"models[0].cards: must",
       [](PriceBookSpec& s) { s.models[0].cards = std::vector<PriceCardSpec>(65, Card(s)); }},
      {"models[0].cards[1].effective_from",
       [](PriceBookSpec& s) {
         s.models[0].cards.push_back(Card(s));
         s.models[0].cards[1].id = "another";
       }},
      {"models[0].cards[0].id", [](PriceBookSpec& s) { Card(s).id = ""; }},
      {"models[0].cards[0].id", [](PriceBookSpec& s) { Card(s).id = std::string(353, 'c'); }},
      {"models[0].cards[0].id", [](PriceBookSpec& s) { Card(s).id = "a\n"; }},
      {"models[0].cards[0].id", [](PriceBookSpec& s) { Card(s).id = "a@b"; }},
      {"models[0].cards[0].id", [](PriceBookSpec& s) { Card(s).id = "fallback"; }},
      {"models[0].cards[0].prices.input_nanos_per_million",
       [](PriceBookSpec& s) { Card(s).prices.nanos[0] = -1; }},
      {"models[0].cards[0].prices.output_nanos_per_million",
       [](PriceBookSpec& s) { Card(s).prices.nanos[1] = kTooMuch; }},
      {"models[0].cards[0].tiers: must", [](PriceBookSpec& s) { Card(s).tiers.resize(17); }},
      {"models[0].cards[0].tiers[0].prompt_tokens_above",
       [](PriceBookSpec& s) {
         Card(s).tiers = {{-1, Card(s).prices}};
       }},
      {"models[0].cards[0].tiers[0].prompt_tokens_above",
       [](PriceBookSpec& s) {
         Card(s).tiers = {{4'000'000'000'001, Card(s).prices}};
       }},
      {"models[0].cards[0].tiers[1].prompt_tokens_above",
       [](PriceBookSpec& s) {
         Card(s).tiers = {{5, Card(s).prices}, {5, Card(s).prices}};
       }},
      {"models[0].cards[0].prices.other_meters: must",
       [](PriceBookSpec& s) { Card(s).prices.other_meters.resize(65); }},
      {"models[0].cards[0].prices.other_meters[0].name",
       [](PriceBookSpec& s) {
         Card(s).prices.other_meters = {{"Pages", 1}};
       }},
      {"models[0].cards[0].prices.other_meters[1].name",
       [](PriceBookSpec& s) {
         Card(s).prices.other_meters = {{"pages", 1}, {"pages", 1}};
       }},
      {"models[0].cards[0].prices.other_meters[0].nanos_per_million",
       [](PriceBookSpec& s) {
         Card(s).prices.other_meters = {{"pages", -1}};
       }},
      {"models[0].cards[0].prices.other_meters[0].nanos_per_million",
       [](PriceBookSpec& s) {
         Card(s).prices.other_meters = {{"pages", kTooMuch}};
       }},
  });
}

// Rules: P1, P6
TEST(PriceBookBounds, OfMultipliersAreNamedWhereTheyArePassed) {
  ExpectNamed({
      {"service_tiers: must", [](PriceBookSpec& s) { s.service_tiers.resize(65); }},
      {"service_tiers[0].name",
       [](PriceBookSpec& s) {
         s.service_tiers = {{"a b", 1}};
       }},
      {"regions[1].name", [](PriceBookSpec& s) { s.regions.push_back(s.regions[0]); }},
      {"service_tiers[0].multiplier_millionths",
       [](PriceBookSpec& s) {
         s.service_tiers = {{"batch", 0}};
       }},
      {"service_tiers[0].multiplier_millionths",
       [](PriceBookSpec& s) {
         s.service_tiers = {{"batch", 1'000'000'001}};
       }},
      {"service_tiers[0].multiplier_millionths",
       [](PriceBookSpec& s) {
         s.service_tiers = {{"batch", 1}};
       }},
      {"service_tiers[0].multiplier_millionths",
       [](PriceBookSpec& s) {
         s.service_tiers = {{"batch", 1'000'000'000}};
       }},
      {"fallback.input_nanos_per_million", [](PriceBookSpec& s) { s.fallback.nanos[0] = 0; }},
      {"fallback.input_nanos_per_million",
       [](PriceBookSpec& s) { s.fallback.nanos[0] = kTooMuch; }},
      {"fallback.other_meter_nanos_per_million",
       [](PriceBookSpec& s) { s.fallback.other_meter_nanos_per_million = 0; }},
      {"fallback.other_meter_nanos_per_million",
       [](PriceBookSpec& s) { s.fallback.other_meter_nanos_per_million = kTooMuch; }},
  });
}

// Rules: P1
TEST(PriceBookBounds, TellsTwentyProblemsAndStops) {
  PriceBookSpec spec = SampleBook();
  for (int i = 0; i < 30; ++i) spec.models.push_back(Model("nobody", "m" + std::to_string(i), {}));
  EXPECT_EQ(FindPriceBookProblems(spec).size(), 20u);
}

}  // namespace
}  // namespace bursar
