#include "server/ledger/price_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/ledger/name_matcher.h"
#include "tests/ledger/price_book_samples.h"

namespace bursar {
namespace {

using Kind = NameMatchSpec::Kind;
using ::testing::HasSubstr;

std::shared_ptr<const PriceBook> MakeBook(PriceBookSpec spec) {
  auto book = PriceBook::Create(std::move(spec));
  EXPECT_TRUE(book.ok()) << book.status().message();
  return book.ok() ? *book : nullptr;
}

std::string Refusal(PriceBookSpec spec) {
  const absl::Status status = PriceBook::Create(std::move(spec)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

bool Accepts(const NameMatchSpec& spec, const std::string& name) {
  auto matcher = NameMatcher::Create(spec);
  EXPECT_TRUE(matcher.ok()) << matcher.status().message();
  return matcher.ok() && matcher->Accepts(name);
}

// Two providers that sell "big", a reseller of the first, and a model whose own id has a slash.
PriceBookSpec TwoProviders() {
  PriceBookSpec spec = SampleBook();
  spec.providers = {{"first", std::nullopt, {}},
                    {"second", Match(Kind::kContains, "two"), {}},
                    {"reseller", std::nullopt, {"first"}}};
  const MeterPricesSpec prices = Prices(1, 1, 1, 1, 1, 1);
  spec.models = {Model("first", "big", prices), Model("second", "big", prices),
                 Model("second", "first/small", prices), Model("second", "only-second", prices),
                 Model("first", "only-first", prices)};
  return spec;
}

std::string Resolved(const PriceBook& book, const std::string& provider, const std::string& model) {
  const ModelPrices* found = book.Resolve(provider, model);
  return found == nullptr ? "unknown" : found->provider() + ":" + found->id();
}

// Rules: P1, P7
TEST(PriceBook, ProviderOfTheRequestElseTheBooksOrderDecides) {
  const auto book = MakeBook(TwoProviders());
  EXPECT_EQ(Resolved(*book, "", "big"), "first:big");
  EXPECT_EQ(Resolved(*book, "second", "big"), "second:big");
  EXPECT_EQ(Resolved(*book, "SECOND", "big"), "second:big");
  EXPECT_EQ(Resolved(*book, "", "only-second"), "second:only-second");
  EXPECT_EQ(Resolved(*book, "first", "only-second"), "unknown");
  EXPECT_EQ(Resolved(*book, "stranger", "big"), "unknown");
}

// Rules: P7
TEST(PriceBook, ExplicitFormNamesTheProviderAndYieldsToModelsWithASlashOfTheirOwn) {
  const auto book = MakeBook(TwoProviders());
  EXPECT_EQ(Resolved(*book, "", "second/big"), "second:big");
  EXPECT_EQ(Resolved(*book, "", "first/big"), "first:big");
  EXPECT_EQ(Resolved(*book, "second", "second/big"), "second:big");
  EXPECT_EQ(Resolved(*book, "first", "second/big"), "unknown");
  EXPECT_EQ(Resolved(*book, "", "first/small"), "second:first/small");
  EXPECT_EQ(Resolved(*book, "second", "first/small"), "second:first/small");
  EXPECT_EQ(Resolved(*book, "", "second/first/small"), "second:first/small");
  EXPECT_EQ(Resolved(*book, "", "stranger/big"), "unknown");
  EXPECT_EQ(Resolved(*book, "", "first/"), "unknown");
  EXPECT_EQ(Resolved(*book, "", "/big"), "unknown");
}

// Rules: P7
TEST(PriceBook, AliasesAndResellersLeadToTheMakersModels) {
  const auto book = MakeBook(TwoProviders());
  EXPECT_EQ(Resolved(*book, "number-two", "big"), "second:big");
  EXPECT_EQ(Resolved(*book, "reseller", "big"), "first:big");
  EXPECT_EQ(Resolved(*book, "reseller", "only-second"), "unknown");
  EXPECT_EQ(Resolved(*book, "", "reseller/only-first"), "first:only-first");
}

// Rules: P1
TEST(PriceBook, FirstModelInTheBooksOrderDecidesEvenBeforeAnExactName) {
  PriceBookSpec spec = SampleBook();
  const MeterPricesSpec prices = Prices(1, 1, 1, 1, 1, 1);
  spec.models = {Model("maker", "family", prices), Model("maker", "family-big", prices)};
  spec.models[0].match = Match(Kind::kStartsWith, "family");
  EXPECT_EQ(Resolved(*MakeBook(spec), "", "family-big"), "maker:family");
  std::swap(spec.models[0], spec.models[1]);
  EXPECT_EQ(Resolved(*MakeBook(spec), "", "family-big"), "maker:family-big");
  EXPECT_EQ(Resolved(*MakeBook(spec), "", "family-small"), "maker:family");
}

// Rules: P1
TEST(PriceBook, NamesThatAreEmptyTooLongOrHaveControlCharactersAreUnknown) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].match = Match(Kind::kStartsWith, "a");
  const auto book = MakeBook(spec);
  EXPECT_EQ(Resolved(*book, "", std::string(kMaxModelNameBytes, 'a')), "maker:plain");
  EXPECT_EQ(Resolved(*book, "", std::string(kMaxModelNameBytes + 1, 'a')), "unknown");
  EXPECT_EQ(Resolved(*book, "", ""), "unknown");
  EXPECT_EQ(Resolved(*book, "", "a\n"), "unknown");
  EXPECT_EQ(Resolved(*book, "maker\t", "a"), "unknown");
}

// Rules: P1
TEST(NameMatch, EveryKindOfRuleAcceptsWhatItSays) {
  EXPECT_TRUE(Accepts(Match(Kind::kEquals, "ab"), "ab"));
  EXPECT_FALSE(Accepts(Match(Kind::kEquals, "ab"), "AB"));
  EXPECT_TRUE(Accepts(Match(Kind::kStartsWith, "ab"), "abc"));
  EXPECT_FALSE(Accepts(Match(Kind::kStartsWith, "ab"), "cab"));
  EXPECT_TRUE(Accepts(Match(Kind::kEndsWith, "ab"), "cab"));
  EXPECT_FALSE(Accepts(Match(Kind::kEndsWith, "ab"), "abc"));
  EXPECT_TRUE(Accepts(Match(Kind::kContains, "ab"), "cabc"));
  EXPECT_FALSE(Accepts(Match(Kind::kContains, "ab"), "acb"));
  EXPECT_TRUE(Accepts(Match(Kind::kRegex, "-\\d{3}$"), "x-123"));
  EXPECT_FALSE(Accepts(Match(Kind::kRegex, "-\\d{3}$"), "x-1234"));
  const NameMatchSpec not_speech = Match(Kind::kRegex, "^(?!.*-[tT][tT][sS](?:$|-))");
  const NameMatchSpec pro{Kind::kAllOf, "", {Match(Kind::kStartsWith, "pro"), not_speech}};
  EXPECT_TRUE(Accepts(pro, "pro-2.5"));
  EXPECT_FALSE(Accepts(pro, "pro-2.5-tts"));
  EXPECT_TRUE(Accepts(pro, "pro-ttsx"));
  EXPECT_FALSE(Accepts(pro, "lite"));
  const NameMatchSpec either{Kind::kAnyOf, "", {Equals("lite"), pro}};
  EXPECT_TRUE(Accepts(either, "lite"));
  EXPECT_FALSE(Accepts(either, "pro-tts"));
}

// Rules: P1
TEST(NameMatch, ExpressionsThatCouldRunAwayOrAreMalformedAreRefused) {
  for (const char* bad : {"(a+)+$", "(a|a)*", "(?:ab){3}", "a.*b.*c.*d", "(a)\\1", "a{65}",
                          "a|b|c|d|e|f", "a+*", "a{2,3}{2}", "a???", "((((((((((a))))))))))", "(",
                          "[a", "a{2", "*a", "a{1,9}b+c*", "a?b?c?d?e?", "(a?)?*"}) {
    EXPECT_FALSE(NameMatcher::Create(Match(Kind::kRegex, bad)).ok()) << bad;
  }
  for (const char* good : {"^a\\d{8}$", "a.*b.*", "[*+?{(]x", "a\\*\\+\\?", "(ab)?c", "a+?b"}) {
    EXPECT_TRUE(NameMatcher::Create(Match(Kind::kRegex, good)).ok()) << good;
  }
}

// Rules: P1
TEST(NameMatch, EmptyDeepAndEndlessRulesAreRefused) {
  EXPECT_FALSE(NameMatcher::Create(NameMatchSpec()).ok());
  EXPECT_FALSE(NameMatcher::Create(Equals("")).ok());
  EXPECT_FALSE(NameMatcher::Create(Equals(std::string(257, 'a'))).ok());
  EXPECT_FALSE(NameMatcher::Create({Kind::kAnyOf, "", {}}).ok());
  NameMatchSpec deep = Equals("a");
  for (int i = 0; i < 7; ++i) deep = {Kind::kAllOf, "", {deep}};
  EXPECT_TRUE(NameMatcher::Create(deep).ok());
  EXPECT_FALSE(NameMatcher::Create({Kind::kAllOf, "", {deep}}).ok());
  NameMatchSpec wide{Kind::kAnyOf, "", std::vector<NameMatchSpec>(255, Equals("a"))};
  EXPECT_TRUE(NameMatcher::Create(wide).ok());
  wide.rules.push_back(Equals("a"));
  EXPECT_FALSE(NameMatcher::Create(wide).ok());
}

// Rules: P6
TEST(PriceBookValidation, BookWithoutFallbackOrWithAFreeOneIsRefused) {
  PriceBookSpec spec = SampleBook();
  spec.fallback = {};
  const std::string all = Refusal(spec);
  EXPECT_THAT(all, HasSubstr("fallback.input_nanos_per_million:"));
  EXPECT_THAT(all, HasSubstr("fallback.web_search_nanos_per_thousand:"));
  EXPECT_THAT(all, HasSubstr("fallback.other_meter_nanos_per_million:"));
  for (size_t i = 0; i < kFixedMeterCount; ++i) {
    spec = SampleBook();
    spec.fallback.nanos[i] = 0;
    EXPECT_THAT(Refusal(spec), HasSubstr("fallback.")) << i;
  }
  spec = SampleBook();
  spec.fallback.other_meter_nanos_per_million = 0;
  EXPECT_THAT(Refusal(spec), HasSubstr("fallback.other_meter_nanos_per_million"));
}

// Rules: P2
TEST(PriceBookValidation, PricesBeyondTheBoundsAreRefusedByPath) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].cards[0].prices.nanos[2] = kMaxPriceNanos;
  EXPECT_NE(MakeBook(spec), nullptr);
  spec.models[0].cards[0].prices.nanos[2] = kMaxPriceNanos + 1;
  EXPECT_THAT(Refusal(spec),
              HasSubstr("models[0].cards[0].prices.cache_write_5m_nanos_per_million:"));
  spec = SampleBook();
  spec.models[0].cards[0].tiers = {{5, Prices(0, -1, 0, 0, 0, 0)}};
  EXPECT_THAT(Refusal(spec),
              HasSubstr("models[0].cards[0].tiers[0].prices.output_nanos_per_million:"));
}

// Rules: P4
TEST(PriceBookValidation, ModifiersWhoseProductIsNotExactAreRefused) {
  PriceBookSpec spec = SampleBook();
  spec.service_tiers = {{"odd", 333'333}};
  EXPECT_THAT(Refusal(spec), HasSubstr("service_tiers[0].multiplier_millionths:"));
  spec.regions = {{"half", 500'000}, {"double", 2'000'000}};
  EXPECT_THAT(Refusal(spec), HasSubstr("whole number of millionths"));
  spec.regions = {{"double", 2'000'000}};
  EXPECT_EQ(MakeBook(spec)->ModifierFor("odd", "double").millionths, 666'666);
  spec.service_tiers = {{"dear", kMaxMultiplierMillionths}};
  EXPECT_THAT(Refusal(spec), HasSubstr("at most 1000000000"));
  spec.service_tiers = {{"free", 0}};
  EXPECT_THAT(Refusal(spec), HasSubstr("service_tiers[0].multiplier_millionths:"));
}

// Rules: P1, P5
TEST(PriceBookValidation, EveryFieldThatIsWrongIsNamed) {
  const struct {
    void (*spoil)(PriceBookSpec&);
    const char* path;
  } kCases[] = {
      {[](PriceBookSpec& s) { s.version = "a@b"; }, "version:"},
      {[](PriceBookSpec& s) { s.version.clear(); }, "version:"},
      {[](PriceBookSpec& s) { s.currency_code = "usd"; }, "currency_code:"},
      {[](PriceBookSpec& s) { s.source.assign(1025, 'x'); }, "source:"},
      {[](PriceBookSpec& s) { s.providers[0].id = "Maker"; }, "providers[0].id:"},
      {[](PriceBookSpec& s) { s.providers.push_back(s.providers[0]); }, "providers[1].id:"},
      {[](PriceBookSpec& s) { s.providers[0].fallback_provider_ids = {"maker"}; },
       "providers[0].fallback_provider_ids[0]:"},
      {[](PriceBookSpec& s) { s.providers[0].match = NameMatchSpec(); }, "providers[0].match:"},
      {[](PriceBookSpec& s) { s.models[0].provider = "other"; }, "models[0].provider:"},
      {[](PriceBookSpec& s) { s.models[0].id.clear(); }, "models[0].id:"},
      {[](PriceBookSpec& s) { s.models.push_back(s.models[0]); }, "models[1].id:"},
      {[](PriceBookSpec& s) { s.models[0].match = Equals(""); }, "models[0].match:"},
      {[](PriceBookSpec& s) { s.models[0].cards.clear(); }, "models[0].cards:"},
      {[](PriceBookSpec& s) { s.models[0].cards[0].id = "fallback"; }, "models[0].cards[0].id:"},
      {[](PriceBookSpec& s) { s.models[0].cards[0].id = "a b"; }, "models[0].cards[0].id:"},
      {[](PriceBookSpec& s) { s.models[0].cards.push_back(s.models[0].cards[0]); },
       "models[0].cards[1].effective_from:"},
      {[](PriceBookSpec& s) { s.models[0].cards[0].tiers.resize(2); },
       "models[0].cards[0].tiers[1].prompt_tokens_above:"},
      {[](PriceBookSpec& s) {
         s.models[0].cards[0].prices.other_meters = {{"A", 1, false}};
       },
       "models[0].cards[0].prices.other_meters[0].name:"},
      {[](PriceBookSpec& s) {
         s.models[0].cards[0].prices.other_meters = {{"a", -1, false}};
       },
       "models[0].cards[0].prices.other_meters[0].nanos_per_million:"},
      {[](PriceBookSpec& s) { s.regions.push_back(s.regions[0]); }, "regions[1].name:"},
  };
  for (const auto& c : kCases) {
    PriceBookSpec spec = SampleBook();
    c.spoil(spec);
    EXPECT_THAT(Refusal(spec), HasSubstr(c.path));
  }
}

// Rules: P5
TEST(PriceBookHistory, TheNewestBookAtOrBeforeTheInstantAndTheFirstForAllBefore) {
  const auto book = [](const std::string& version) {
    PriceBookSpec spec = SampleBook();
    spec.version = version;
    return MakeBook(spec);
  };
  const absl::Time noon = absl::FromUnixSeconds(1'790'000'000);
  PriceBookHistory history;
  EXPECT_EQ(history.At(noon), nullptr);
  ASSERT_TRUE(history.Publish(book("v1"), noon).ok());
  ASSERT_TRUE(history.Publish(book("v2"), noon + absl::Hours(1)).ok());
  EXPECT_EQ(history.At(absl::InfinitePast())->version(), "v1");
  EXPECT_EQ(history.At(noon - absl::Hours(100))->version(), "v1");
  EXPECT_EQ(history.At(noon + absl::Hours(1) - absl::Nanoseconds(1))->version(), "v1");
  EXPECT_EQ(history.At(noon + absl::Hours(1))->version(), "v2");
  EXPECT_EQ(history.At(absl::InfiniteFuture())->version(), "v2");
  EXPECT_EQ(history.Newest()->version(), "v2");
  EXPECT_EQ(history.Find("v1")->version(), "v1");
  EXPECT_EQ(history.Find("v9"), nullptr);
  // Two of one instant: the one published second.
  ASSERT_TRUE(history.Publish(book("v3"), noon + absl::Hours(1)).ok());
  EXPECT_EQ(history.At(noon + absl::Hours(1))->version(), "v3");
}

// Rules: M4, P5
TEST(PriceBookHistory, OlderRepeatedAndForeignBooksAreRefused) {
  const absl::Time noon = absl::FromUnixSeconds(1'790'000'000);
  PriceBookHistory history;
  PriceBookSpec spec = SampleBook();
  ASSERT_TRUE(history.Publish(MakeBook(spec), noon).ok());
  EXPECT_EQ(history.Publish(MakeBook(spec), noon).code(), absl::StatusCode::kAlreadyExists);
  spec.version = "v2";
  EXPECT_EQ(history.Publish(MakeBook(spec), noon - absl::Nanoseconds(1)).code(),
            absl::StatusCode::kFailedPrecondition);
  spec.currency_code = "EUR";
  EXPECT_EQ(history.Publish(MakeBook(spec), noon).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(history.entries().size(), 1U);
}

}  // namespace
}  // namespace bursar
