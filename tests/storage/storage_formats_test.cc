// The bytes of the store's formats: keys, rows, checksums, the watermark's text, the log's frames.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/escaping.h"
#include "storage/crc32c.h"
#include "storage/dedupe_generation.h"
#include "storage/key_schema.h"
#include "storage/wal_inspector.h"
#include "storage/watermark.h"
#include "tests/storage/store_contract.h"

namespace bursar {
namespace {

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

GroupRow SomeRow() {
  GroupRow row;
  row.group = 0x1234;
  row.hash.fill(0xab);
  row.last_committed_at = 1'790'000'000'000'000'000;
  return row;
}

// Rules: J1
TEST(KeySchema, KeysAreTheDocumentedBytes) {
  EXPECT_EQ(Hex(OrganizationKey("ab")), "016162");
  EXPECT_EQ(Hex(RecordPrefix("ab", RecordKind::kMember)), "0261620002");
  EXPECT_EQ(Hex(JournalKey("ab", 258)), "6162000000000000000102");
  EXPECT_EQ(Hex(DedupeKey(0x0102, "ab", RequestFamily::kAdmission, "r")),
            "0102026162"
            "0072");
  std::string other = DedupeKey(0, "ab", RequestFamily::kAdmission, "r");
  SetDedupeGeneration(0x0102, &other);
  EXPECT_EQ(other, DedupeKey(0x0102, "ab", RequestFamily::kAdmission, "r"));
  EXPECT_EQ(Hex(DueKey(1, "ab")), "80000000000000016162");
  EXPECT_EQ(Hex(DueKey(-1, "ab")), "7fffffffffffffff6162");
  EXPECT_EQ(Hex(SystemKey("k")), "106b");
  EXPECT_EQ(Hex(AfterPrefix(std::string("a\xff", 2))), "62");
}

// Rules: J1, T3
TEST(KeySchema, BytewiseOrderIsNumericOrder) {
  EXPECT_LT(JournalKey("a", 255), JournalKey("a", 256));
  EXPECT_LT(DueKey(INT64_MIN, "z"), DueKey(-1, "a"));
  EXPECT_LT(DueKey(-1, "z"), DueKey(0, "a"));
  EXPECT_LT(DueKey(0, "z"), DueKey(INT64_MAX, "a"));
  EXPECT_LT(DedupeKey(255, "z", RequestFamily::kAdmission, "z"), DedupeGenerationKey(256));
  // No organization's keys lie among another's.
  EXPECT_LT(JournalKey("a", INT64_MAX), JournalKey("a!", 0));
}

// Rules: J1
TEST(KeySchema, RowsReadBackAndDamagedOnesAreNothing) {
  const std::string group = GroupRowValue(SomeRow());
  EXPECT_EQ(ParseGroupRow(group), SomeRow());
  EXPECT_FALSE(ParseGroupRow(group.substr(1)).has_value());
  EXPECT_FALSE(ParseGroupRow("").has_value());
  OrganizationHead head;
  head.revision = 9;
  head.has_header = true;
  head.due = -5;
  std::string_view header;
  const std::string value = OrganizationValue(head, "text");
  const auto parsed = ParseOrganization(value, &header);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->revision, 9);
  EXPECT_EQ(parsed->due, -5);
  EXPECT_EQ(header, "text");
  for (size_t size = 0; size < 18; ++size) {
    EXPECT_FALSE(ParseOrganization(value.substr(0, size), &header).has_value());
  }
  // Each flag is of the bytes that it speaks of: one that is lost loses nothing in silence.
  for (const char flags : {0, 1, 2}) {
    std::string damaged = value;
    damaged[1] = flags;
    EXPECT_FALSE(ParseOrganization(damaged, &header).has_value()) << static_cast<int>(flags);
  }
  EXPECT_FALSE(ParseJournal("short", "short").has_value());
  EXPECT_FALSE(ParseDueKey("12345678").has_value());
  EXPECT_FALSE(ParseOutboxKey("none").has_value());
}

// Rules: T3
TEST(KeySchema, InstantsBeyondWhatIsKeptAreSaturated) {
  EXPECT_EQ(FromNanos(ToNanos(absl::InfiniteFuture())), absl::InfiniteFuture());
  EXPECT_EQ(FromNanos(ToNanos(absl::InfinitePast())), absl::InfinitePast());
  EXPECT_EQ(FromNanos(ToNanos(TestStart())), TestStart());
}

// Rules: R2
TEST(DedupeGeneration, NoneIsDeadWhileItsYoungestIdIsWithinRetention) {
  for (int hour = 0; hour < 24 * 13; ++hour) {
    const absl::Time committed_at = TestStart() + absl::Hours(hour);
    const uint16_t generation = DedupeGeneration(committed_at);
    EXPECT_LE(FirstLiveDedupeGeneration(committed_at + kDedupeRetention), generation);
    EXPECT_GT(FirstLiveDedupeGeneration(committed_at + absl::Hours(24 * 48)), generation);
    EXPECT_LE(generation - FirstLiveDedupeGeneration(committed_at), 3);
  }
  EXPECT_EQ(DedupeGeneration(absl::InfinitePast()), 0);
  EXPECT_EQ(DedupeGeneration(absl::InfiniteFuture()), UINT16_MAX);
}

// Published check values: RFC 3720, B.4.
TEST(Crc32c, AgreesWithPublishedValues) {
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(ExtendCrc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, "1234"), "56789"), 0xe3069283u);
}

// Rules: R3
TEST(Watermark, EverySingleBitFlipIsNoticed) {
  const std::string text = FormatWatermark(SomeRow());
  ASSERT_TRUE(ParseWatermark(text).ok());
  EXPECT_EQ(*ParseWatermark(text), SomeRow());
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_TRUE(absl::IsDataLoss(ParseWatermark(flipped).status())) << bit;
  }
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(ParseWatermark(text.substr(0, size)).status())) << size;
  }
}

// Rules: R3
TEST(WalInspector, EmptyLogIsCleanAndGarbageIsDamage) {
  EXPECT_EQ(InspectWal("").end, WalEnd::kClean);
  EXPECT_EQ(InspectWal(std::string(40'000, '\0')).end, WalEnd::kTorn);
  EXPECT_EQ(InspectWal("abc").end, WalEnd::kTorn);
  EXPECT_EQ(InspectWal(std::string(100, 'x')).end, WalEnd::kDamaged);
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 200; ++i) {
    std::string noise(random() % 70'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    EXPECT_EQ(InspectWal(noise).records, 0);
  }
}

}  // namespace
}  // namespace bursar
