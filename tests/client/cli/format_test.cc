#include "client/cli/format.h"

#include <gtest/gtest.h>

#include "bursar/v1/admin_service.pb.h"

namespace bursar::cli {
namespace {

TEST(Format, CountsAreGroupedByThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
}

// Rules: T2
TEST(Format, InstantsAreReadWithAndWithoutZone) {
  const absl::Time expected = absl::FromUnixSeconds(1'700'158'623) + absl::Nanoseconds(979'960'000);
  for (const char* text :
       {"2023-11-16 18:17:03.9799600", "2023-11-16T18:17:03.97996Z",
        "2023-11-16T19:17:03.979960000+01:00", "2023-11-16 18:17:03.97996+00:00"}) {
    const absl::StatusOr<absl::Time> time = ParseInstant(text, "--at");
    ASSERT_TRUE(time.ok()) << text;
    EXPECT_EQ(*time, expected) << text;
  }
}

TEST(Format, WhatIsNoInstantIsAUsageErrorThatNamesTheOption) {
  for (const char* text :
       {"", "now", "2023-11-16", "2023-13-01T00:00:00Z", " 2023-11-16T00:00:00Z",
        "2023-11-16T00:00:00Z ", "infinite-future", "1700158623", "2023-02-29T00:00:00Z"}) {
    const absl::StatusOr<absl::Time> time = ParseInstant(text, "--at");
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_TRUE(IsUsageError(time.status()));
    EXPECT_EQ(std::string(time.status().message()).find("--at"), 0u);
  }
}

TEST(Format, TimestampsBeforeTheEpochHaveNonNegativeNanos) {
  const google::protobuf::Timestamp before = ToProto(absl::FromUnixNanos(-1));
  EXPECT_EQ(before.seconds(), -1);
  EXPECT_EQ(before.nanos(), 999'999'999);
  EXPECT_EQ(FromProto(before), absl::FromUnixNanos(-1));
}

TEST(Format, EnumValuesAreWordsBothWays) {
  EXPECT_EQ(Word(v1::MEMBER_ROLE_PRIMARY_OWNER), "primary_owner");
  EXPECT_EQ(Word(v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED), "usage_charged");
  EXPECT_EQ(Word(static_cast<v1::MemberRole>(99)), "99");
  EXPECT_EQ(*ParseWord<v1::MemberRole>("primary_owner", "--role"), v1::MEMBER_ROLE_PRIMARY_OWNER);
  EXPECT_EQ(*ParseWord<v1::MemberRole>("primary-owner", "--role"), v1::MEMBER_ROLE_PRIMARY_OWNER);
}

TEST(Format, UnknownWordListsTheChoices) {
  const auto role = ParseWord<v1::MemberRole>("king", "--role");
  ASSERT_FALSE(role.ok());
  EXPECT_TRUE(IsUsageError(role.status()));
  EXPECT_EQ(role.status().message(),
            "--role: \"king\" is none of primary_owner, owner, admin, billing, member.");
  EXPECT_FALSE((ParseWord<v1::MemberRole>("unspecified", "--role").ok()));
}

TEST(Format, UnsetFieldsAreShownAsSuch) {
  v1::SpendLimit limit;
  EXPECT_EQ(FormatMoneyField(limit, "amount", "unlimited"), "unlimited");
  EXPECT_EQ(FormatTimeField(limit, "reset_time"), "-");
  limit.mutable_amount()->set_units(5);
  limit.mutable_reset_time()->set_seconds(0);
  EXPECT_EQ(FormatMoneyField(limit, "amount", "unlimited"), "5.00");
  EXPECT_EQ(FormatTimeField(limit, "reset_time"), "1970-01-01 00:00:00 UTC");
}

// Rules: M1
TEST(Format, CentsAreTheNearest) {
  EXPECT_EQ(FormatCents(0, "USD"), "0.00 USD");
  EXPECT_EQ(FormatCents(4'999'999, "USD"), "under 0.01 USD");
  EXPECT_EQ(FormatCents(5'000'000, "USD"), "0.01 USD");
  EXPECT_EQ(FormatCents(1'014'999'999, "USD"), "1.01 USD");
  EXPECT_EQ(FormatCents(1'015'000'000, "USD"), "1.02 USD");
  EXPECT_EQ(FormatCents(-1'015'000'000, "USD"), "-1.02 USD");
}

}  // namespace
}  // namespace bursar::cli
