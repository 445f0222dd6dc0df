#include "server/ledger/pricing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/ledger/price_book_samples.h"

namespace bursar {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDollar = 1'000'000'000;
const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

class Pricing : public ::testing::Test {
 protected:
  void Use(PriceBookSpec spec) {
    auto book = PriceBook::Create(std::move(spec));
    ASSERT_TRUE(book.ok()) << book.status().message();
    book_ = *book;
  }

  // What the usage costs on maker's model of that name; an unknown one unless the book has it.
  PricedUsage Price(const Usage& usage, const std::string& model = "plain", absl::Time at = kNow) {
    auto priced = PriceUsage(*book_, book_->Resolve("maker", model), usage, at);
    EXPECT_TRUE(priced.ok()) << priced.status().message();
    return priced.ok() ? *priced : PricedUsage();
  }
  absl::Status Refusal(const Usage& usage) {
    return PriceUsage(*book_, book_->Resolve("maker", "plain"), usage, kNow).status();
  }

  std::shared_ptr<const PriceBook> book_;
};

// Rules: M3, P1, P5
TEST_F(Pricing, EachMeterIsChargedAtItsOwnPriceInOrderOfUsage) {
  Use(SampleBook());
  Usage usage;
  usage.input = 1'000'000;
  usage.output = 1'000'000;
  usage.cache_write_5m = 1'000'000;
  usage.cache_write_1h = 1'000'000;
  usage.cache_read = 1'000'000;
  usage.web_searches = 1'000;
  const PricedUsage priced = Price(usage);
  ASSERT_EQ(priced.lines.size(), 6U);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(priced.lines[i].meter, static_cast<Meter>(i));
    EXPECT_EQ(priced.lines[i].cost, Nanos(static_cast<int64_t>(i + 1) * kDollar));
  }
  EXPECT_EQ(priced.cost, Nanos(21 * kDollar));
  EXPECT_FALSE(priced.fallback);
  EXPECT_EQ(priced.card, "maker/plain@v1");
}

// Rules: M3
TEST_F(Pricing, EachLineIsRoundedOnceHalfUp) {
  PriceBookSpec spec = SampleBook();
  spec.models[0] = Model("maker", "plain", Prices(500'000, 499'999, 1, 0, 1'499'999, 500));
  Use(spec);
  Usage usage;
  usage.input = 1;           // 0.5 nanos
  usage.output = 1;          // 0.499999
  usage.cache_write_5m = 1;  // 0.000001
  usage.cache_write_1h = 7;  // free
  usage.cache_read = 1;      // 1.499999
  usage.web_searches = 1;    // 0.5
  const PricedUsage priced = Price(usage);
  ASSERT_EQ(priced.lines.size(), 6U);
  const int64_t expected[] = {1, 0, 0, 0, 1, 1};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(priced.lines[i].cost, Nanos(expected[i])) << i;
  EXPECT_EQ(priced.cost, Nanos(3));  // The exact sum, 2.999999, is not what is rounded.
}

// Rules: M3, P4
TEST_F(Pricing, ModifiersMultiplyBeforeTheSingleRounding) {
  PriceBookSpec spec = SampleBook();
  spec.models[0] = Model("maker", "plain", Prices(909'091, 0, 0, 0, 0, 6 * kDollar));
  Use(spec);
  Usage usage;
  usage.input = 1;
  usage.service_tier = "batch";
  EXPECT_EQ(Price(usage).cost, Nanos(0));  // 0.4545455
  usage.region = "us";
  EXPECT_EQ(Price(usage).cost,
            Nanos(1));  // 0.50000005; rounding the half first would give 0 or 1.1
  usage.service_tier.clear();
  EXPECT_EQ(Price(usage).cost, Nanos(1));  // 1.0000001
}

// Rules: P4
TEST_F(Pricing, ModifiersLeaveWebSearchesAloneAndTouchOtherMetersOnlyWhereMarked) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].cards[0].prices.other_meters = {{"image_tokens", 8 * kDollar, true},
                                                 {"pages", 9 * kDollar, false}};
  Use(spec);
  Usage usage;
  usage.output = 1'000'000;
  usage.web_searches = 1'000;
  usage.other_meters = {{"image_tokens", 1'000'000}, {"pages", 1'000'000}};
  usage.service_tier = "batch";
  const PricedUsage priced = Price(usage);
  ASSERT_EQ(priced.lines.size(), 4U);
  EXPECT_EQ(priced.lines[0].cost, Nanos(kDollar));
  EXPECT_EQ(priced.lines[1].cost, Nanos(6 * kDollar));
  EXPECT_EQ(priced.lines[2].cost, Nanos(4 * kDollar));
  EXPECT_EQ(priced.lines[3].cost, Nanos(9 * kDollar));
  EXPECT_EQ(LineName(priced.lines[1], usage), "web_search");
  EXPECT_EQ(LineName(priced.lines[3], usage), "pages");
  EXPECT_FALSE(priced.fallback);
}

// Rules: P3
TEST_F(Pricing, TierAppliesAboveItsStartToTheWholeRequestAndCountsCacheTokens) {
  PriceBookSpec spec = SampleBook();
  PriceTierSpec high{300, {}};
  high.prices.nanos[0] = 100 * kDollar;
  PriceTierSpec low{200, {}};
  low.prices.nanos[0] = 10 * kDollar;
  low.prices.nanos[1] = 20 * kDollar;
  spec.models[0].cards[0].tiers = {high, low};  // In any order.
  Use(spec);
  Usage usage;
  usage.input = 50;
  usage.cache_read = 50;
  usage.cache_write_5m = 50;
  usage.cache_write_1h = 50;
  usage.output = 10;
  // Exactly at the start: the card's own prices. 50 × 1, 10 × 2 (in millionths of a dollar) …
  EXPECT_EQ(Price(usage).cost, Nanos((50 * 1 + 10 * 2 + 50 * 3 + 50 * 4 + 50 * 5) * 1000));
  usage.cache_read = 51;
  EXPECT_EQ(Price(usage).cost, Nanos((50 * 10 + 10 * 20 + 50 * 3 + 50 * 4 + 51 * 5) * 1000));
  usage.cache_read = 150;
  EXPECT_EQ(Price(usage).cost, Nanos((50 * 10 + 10 * 20 + 50 * 3 + 50 * 4 + 150 * 5) * 1000));
  usage.cache_read = 151;
  // The higher tier says nothing of output, so output costs what the card's own prices say.
  EXPECT_EQ(Price(usage).cost, Nanos((50 * 100 + 10 * 2 + 50 * 3 + 50 * 4 + 151 * 5) * 1000));
  // Output is no part of the prompt.
  usage.cache_read = 50;
  usage.output = 1'000'000;
  EXPECT_EQ(Price(usage).lines[0].cost, Nanos(50 * 1000));
}

// Rules: P5
TEST_F(Pricing, TheCardInForceWhenTheUsageOccurredDecides) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].cards.push_back(
      {"maker/plain/late", kNow, Prices(7 * kDollar, 0, 0, 0, 0, 0), {}});
  Use(spec);
  Usage usage;
  usage.input = 1'000'000;
  const PricedUsage before = Price(usage, "plain", kNow - absl::Nanoseconds(1));
  EXPECT_EQ(before.cost, Nanos(kDollar));
  EXPECT_EQ(before.card, "maker/plain@v1");
  const PricedUsage at = Price(usage, "plain", kNow);
  EXPECT_EQ(at.cost, Nanos(7 * kDollar));
  EXPECT_EQ(at.card, "maker/plain/late@v1");
  EXPECT_EQ(Price(usage, "plain", absl::InfiniteFuture()).cost, Nanos(7 * kDollar));
}

// Rules: P6
TEST_F(Pricing, UnknownModelIsChargedAtTheFallbackAndFlagged) {
  Use(SampleBook());
  Usage usage;
  usage.input = 1'000'000;
  usage.web_searches = 1'000;
  usage.other_meters = {{"pages", 1'000'000}};
  const PricedUsage priced = Price(usage, "unheard-of");
  EXPECT_EQ(priced.cost, Nanos((10 + 60 + 70) * kDollar));
  EXPECT_TRUE(priced.fallback);
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kUnknownModel);
  EXPECT_EQ(priced.card, "fallback@v1");
  usage.service_tier = "batch";
  EXPECT_EQ(Price(usage, "unheard-of").cost, Nanos((5 + 60 + 70) * kDollar));
}

// Rules: P6
TEST_F(Pricing, OnlyTheMeterThatTheCardLacksIsChargedAtTheFallback) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].cards[0].prices.nanos[1].reset();
  Use(spec);
  Usage usage;
  usage.input = 1'000'000;
  EXPECT_FALSE(Price(usage).fallback);  // The meter that is missing was not used.
  usage.output = 1'000'000;
  PricedUsage priced = Price(usage);
  EXPECT_EQ(priced.cost, Nanos((1 + 20) * kDollar));
  EXPECT_TRUE(priced.fallback);
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kMissingMeter);
  EXPECT_EQ(priced.card, "maker/plain@v1");
  usage.output = 0;
  usage.other_meters = {{"pages", 1}};
  priced = Price(usage);
  EXPECT_EQ(priced.cost, Nanos(kDollar + 70'000));
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kMissingMeter);
}

// Rules: P6
TEST_F(Pricing, ModelWhoseFirstCardIsYetToTakeEffectIsChargedAtTheFallback) {
  PriceBookSpec spec = SampleBook();
  spec.models[0].cards[0].effective_from = kNow;
  Use(spec);
  Usage usage;
  usage.input = 1'000'000;
  const PricedUsage priced = Price(usage, "plain", kNow - absl::Nanoseconds(1));
  EXPECT_EQ(priced.cost, Nanos(10 * kDollar));
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kNoCardInForce);
  EXPECT_EQ(priced.card, "fallback@v1");
}

// Rules: P4, P6
TEST_F(Pricing, UnknownServiceTierOrRegionIsChargedAtOneTimesThePriceAndFlagged) {
  Use(SampleBook());
  Usage usage;
  usage.input = 1'000'000;
  usage.service_tier = "turbo";
  usage.region = "us";
  PricedUsage priced = Price(usage);
  EXPECT_EQ(priced.cost, Nanos(1'100'000'000));
  EXPECT_TRUE(priced.fallback);
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kUnknownServiceTier);
  usage.service_tier = "batch";
  usage.region = "moon";
  priced = Price(usage);
  EXPECT_EQ(priced.cost, Nanos(500'000'000));
  EXPECT_EQ(priced.fallback_cause, FallbackCause::kUnknownRegion);
  // The gravest cause is the one that is told.
  EXPECT_EQ(Price(usage, "unheard-of").fallback_cause, FallbackCause::kUnknownModel);
}

// Rules: M2, P2
TEST_F(Pricing, QuantitiesOutOfRangeAreRefusedByNameAllAtOnce) {
  Use(SampleBook());
  Usage usage;
  usage.input = -1;
  usage.output = kMaxQuantity + 1;
  usage.cache_read = std::numeric_limits<int64_t>::min();
  usage.other_meters = {{"fine", 1}, {"Not Fine", -1}};
  usage.region = std::string(65, 'x');
  const absl::Status refusal = Refusal(usage);
  EXPECT_EQ(refusal.code(), absl::StatusCode::kInvalidArgument);
  for (const char* field :
       {"usage.input_tokens:", "usage.output_tokens:", "usage.cache_read_tokens:",
        "usage.other_meters[1].name:", "usage.other_meters[1].quantity:", "usage.region:"}) {
    EXPECT_THAT(std::string(refusal.message()), HasSubstr(field));
  }
  EXPECT_EQ(std::string(refusal.message()).find("cache_write"), std::string::npos);
  EXPECT_EQ(ValidateUsage(usage), refusal);
}

// Rules: P2
TEST_F(Pricing, EachBoundOfUsageIsRefusedByItself) {
  const auto refused = [](const auto& change) {
    Usage usage;
    change(usage);
    return std::string(ValidateUsage(usage).message());
  };
  const std::string long_name(65, 'a');
  EXPECT_THAT(refused([&](Usage& usage) { usage.service_tier = long_name; }),
              HasSubstr("usage.service_tier"));
  EXPECT_THAT(refused([&](Usage& usage) { usage.region = long_name; }), HasSubstr("usage.region"));
  EXPECT_THAT(refused([](Usage& usage) { usage.web_searches = -1; }),
              HasSubstr("usage.web_searches"));
  EXPECT_EQ(refused([&](Usage& usage) {
              usage.service_tier = long_name.substr(1);
              usage.region = long_name.substr(1);
            }),
            "");
}

// Rules: P2
TEST_F(Pricing, NoMoreFurtherMetersThanTheLimit) {
  Use(SampleBook());
  Usage usage;
  usage.other_meters.assign(kMaxOtherMeters, {"pages", 1});
  EXPECT_EQ(Price(usage).lines.size(), kMaxOtherMeters);
  usage.other_meters.push_back({"pages", 1});
  EXPECT_THAT(std::string(Refusal(usage).message()), HasSubstr("usage.other_meters:"));
}

// Rules: M2, P2
TEST_F(Pricing, TheLargestEntryIsPricedAndTheNextIsRefused) {
  PriceBookSpec spec = SampleBook();
  // 10^12 tokens at 9,223,372,036,854 nanos a million, and the rest of 2^63 - 1 by single tokens.
  spec.models[0] = Model("maker", "plain", Prices(9'223'372'036'854, 1'000'000, 0, 0, 0, 0));
  Use(spec);
  Usage usage;
  usage.input = kMaxQuantity;
  usage.output = 775'807;
  EXPECT_EQ(Price(usage).cost, Nanos::Max());
  usage.output = 775'808;
  EXPECT_EQ(Refusal(usage).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Refusal(usage).message()), HasSubstr("usage: "));
}

// Rules: M2, P2
TEST_F(Pricing, TheLargestBoundsTogetherAreRefusedAndDoNotWrapAround) {
  PriceBookSpec spec = SampleBook();
  spec.models[0] = Model("maker", "plain",
                         Prices(kMaxPriceNanos, kMaxPriceNanos, kMaxPriceNanos, kMaxPriceNanos,
                                kMaxPriceNanos, kMaxPriceNanos));
  spec.service_tiers = {{"dear", kMaxMultiplierMillionths}};
  spec.regions = {{"plain", kMillionthsPerUnit}};
  Use(spec);
  Usage usage;
  usage.service_tier = "dear";
  usage.region = "plain";
  usage.input = usage.output = usage.cache_read = kMaxQuantity;
  usage.cache_write_5m = usage.cache_write_1h = usage.web_searches = kMaxQuantity;
  EXPECT_EQ(Refusal(usage).code(), absl::StatusCode::kInvalidArgument);
  // In range again: 9 tokens at 10^15 a million, times a thousand.
  usage = Usage();
  usage.input = 9;
  usage.service_tier = "dear";
  EXPECT_EQ(Price(usage).cost, Nanos(9'000'000'000'000));
}

// Rules: M3
TEST_F(Pricing, NoUsageCostsNothingAndHasNoLines) {
  Use(SampleBook());
  const PricedUsage priced = Price(Usage());
  EXPECT_EQ(priced.cost, Nanos(0));
  EXPECT_TRUE(priced.lines.empty());
  EXPECT_FALSE(priced.fallback);
}

}  // namespace
}  // namespace bursar
