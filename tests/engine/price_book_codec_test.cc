#include "server/engine/price_book_codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "client/prices/default_price_book.h"

namespace bursar {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

v1::PriceBook ShippedBook() {
  v1::PriceBook message;
  const std::string_view bytes = DefaultPriceBook();
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

// The shipped book with what it does not happen to use.
v1::PriceBook FullBook() {
  v1::PriceBook message = ShippedBook();
  v1::PriceCard& card = *message.mutable_models(0)->mutable_cards(0);
  card.mutable_effective_from()->set_seconds(-5);
  card.mutable_effective_from()->set_nanos(250'000'000);
  v1::OtherMeterPrice& other = *card.mutable_prices()->add_other_meters();
  other.set_name("pages");
  other.set_nanos_per_million(12);
  other.set_modifiers_apply(true);
  return message;
}

// Rules: P1
TEST(PriceBookCodec, DecodedAndEncodedAgainABookIsTheSameInEveryField) {
  for (const v1::PriceBook& message : {ShippedBook(), FullBook()}) {
    const auto book = DecodePriceBook(message);
    ASSERT_TRUE(book.ok()) << book.status().message();
    std::string difference;
    MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(message, EncodePriceBook(**book))) << difference;
  }
}

// Rules: P2, P6
TEST(PriceBookCodec, WhatTheLedgerRefusesIsRefusedByPath) {
  v1::PriceBook message = ShippedBook();
  message.clear_fallback();
  auto book = DecodePriceBook(message);
  EXPECT_EQ(book.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(book.status().message()),
              HasSubstr("fallback.output_nanos_per_million:"));

  message = ShippedBook();
  message.mutable_models(2)->clear_match();
  EXPECT_THAT(std::string(DecodePriceBook(message).status().message()),
              HasSubstr("models[2].match: sets no rule"));
}

// Rules: P1
TEST(PriceBookCodec, TimestampOutOfRangeIsRefused) {
  for (const auto& [seconds, nanos] : {std::pair<int64_t, int32_t>{253'402'300'800, 0},
                                       {-62'135'596'801, 0},
                                       {0, -1},
                                       {0, 1'000'000'000}}) {
    v1::PriceBook message = ShippedBook();
    auto* from = message.mutable_models(1)->mutable_cards(0)->mutable_effective_from();
    from->set_seconds(seconds);
    from->set_nanos(nanos);
    EXPECT_THAT(std::string(DecodePriceBook(message).status().message()),
                HasSubstr("models[1].cards[0].effective_from:"));
  }
}

// Rules: P1
TEST(PriceBookCodec, RulesNestedWithoutEndAreRefusedNotFollowed) {
  v1::PriceBook message = ShippedBook();
  v1::NameMatch* match = message.mutable_models(0)->mutable_match();
  for (int i = 0; i < 5'000; ++i) match = match->mutable_all_of()->add_rules();
  match->set_equals("deep");
  EXPECT_THAT(std::string(DecodePriceBook(message).status().message()),
              HasSubstr("models[0].match: nests more than 8 deep"));
}

// Rules: P5
TEST(PriceBookCodec, RecordKeepsThePublicationAndTellsDamage) {
  const auto book = DecodePriceBook(ShippedBook());
  ASSERT_TRUE(book.ok());
  const absl::Time published = absl::FromUnixNanos(1'790'000'000'123'456'789);
  storage::v1::PriceBookRecord record = EncodePriceBookRecord({published, *book});
  const auto entry = DecodePriceBookRecord(record);
  ASSERT_TRUE(entry.ok()) << entry.status().message();
  EXPECT_EQ(entry->published, published);
  EXPECT_EQ(entry->book->version(), (*book)->version());
  record.mutable_book()->clear_version();
  EXPECT_EQ(DecodePriceBookRecord(record).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace bursar
