// Every key and every row head of the RocksDB store, in bytes. PERSISTED: a change of anything
// here is a new format (kStoreFormat) and needs a migration.
//
// Integers are big-endian, so that bytewise order is numeric order. An organization id holds no
// zero byte, which is why 00 ends it. Ids that come last are plain bytes.
//
//   family   key                                             value
//   default  01                                              GroupRow
//   default  02                                              store id, 32 hexadecimal digits
//   default  03                                              first live dedupe generation, u16
//   default  10 key                                          system record
//   state    01 organization                                 OrganizationHead, then the header
//   state    02 organization 00 kind:u8 id                   record
//   journal  organization 00 last_sequence:u64               JournalHead, then the record
//   dedupe   generation:u16 family:u8 organization 00 id     value to answer a repetition with
//   outbox   organization 00 notice_id                       notice
//   due      due:i64, sign bit flipped, organization         empty
//
// In each family but the first, the key 00 holds the number (u64) of the last group that changed
// anything there; no other key of theirs sorts before it.
//
// A journal record is keyed by its last sequence, so that a seek to any sequence finds the record
// that contains it. Instants are nanoseconds since 1970, UTC.
//
//   GroupRow          01 group:u64 hash:32 bytes last_committed_at:i64 touched:u8 before:u64 ×5
//                     touched: bit 0 = state, then journal, dedupe, outbox, due; before: in that
//                     order
//   OrganizationHead  01 flags:u8 revision:u64 due:i64         flags: 1 = has header, 2 = has due
//   JournalHead       01 first_sequence:u64 nonce:u64 committed_at:i64
//
// The leading 01 of a value is its version.
//
// Thread rule: pure functions. Parse functions give nothing when the bytes are not theirs: that is
// damage, never a reason to crash.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/store.h"

namespace bursar {

// The format that this program reads and writes; stands in the file FORMAT.
inline constexpr int kStoreFormat = 1;

// Names of the column families, "default" apart.
inline constexpr char kStateFamily[] = "state";
inline constexpr char kJournalFamily[] = "journal";
inline constexpr char kDedupeFamily[] = "dedupe";
inline constexpr char kOutboxFamily[] = "outbox";
inline constexpr char kDueFamily[] = "due";

inline constexpr std::string_view kGroupRowKey = "\x01";
inline constexpr std::string_view kStoreIdKey = "\x02";
inline constexpr std::string_view kFirstGenerationKey = "\x03";
inline constexpr std::string_view kSystemPrefix = "\x10";
inline constexpr std::string_view kOrganizationPrefix = "\x01";
// The group mark of a family, and the first key after it that a scan may meet.
inline constexpr std::string_view kMarkKey("\x00", 1);
inline constexpr std::string_view kAfterMarkKey("\x00\x00", 2);

using GroupHash = std::array<uint8_t, 32>;

// Which group of writes it is, and the hash over all groups up to it.
struct GroupId {
  int64_t group = 0;  // 0 = nothing was ever written.
  GroupHash hash{};
  int64_t last_committed_at = INT64_MIN;  // Nanoseconds; INT64_MIN = no organization yet.

  friend bool operator==(const GroupId&, const GroupId&) = default;
};

// The families but "default", in the order of their bits and columns in a GroupRow. PERSISTED.
enum Family : size_t { kState = 0, kJournal = 1, kDedupe = 2, kOutbox = 3, kDue = 4 };
inline constexpr size_t kFamilies = 5;
// For each family, the number of the last group that changed it; 0 = none.
using FamilyGroups = std::array<int64_t, kFamilies>;

// Stands in every write batch. What it says of the families lets an open notice that a family has
// lost what was written out to its tables.
struct GroupRow : GroupId {
  uint8_t touched = 0;    // The families that this group changes, a bit for each.
  FamilyGroups before{};  // As of before this group.

  // As of after this group.
  FamilyGroups After() const {
    FamilyGroups after = before;
    for (size_t i = 0; i < kFamilies; ++i) {
      if ((touched >> i & 1) != 0) after[i] = group;
    }
    return after;
  }

  friend bool operator==(const GroupRow&, const GroupRow&) = default;
};

struct OrganizationHead {
  int64_t revision = 0;
  bool has_header = false;
  std::optional<int64_t> due;  // Nanoseconds.
};

std::string SystemKey(std::string_view key);
std::string OrganizationKey(std::string_view organization_id);
// The keys of all records of one organization and kind start with this.
std::string RecordPrefix(std::string_view organization_id, RecordKind kind);
// The keys of an organization's journal and outbox start with this.
std::string OrganizationPrefix(std::string_view organization_id);
std::string JournalKey(std::string_view organization_id, int64_t last_sequence);
std::string DedupeKey(uint16_t generation, std::string_view organization_id, RequestFamily family,
                      std::string_view request_id);
// Makes it the key of the same request id in another generation.
void SetDedupeGeneration(uint16_t generation, std::string* key);
// The smallest key of a generation.
std::string DedupeGenerationKey(uint16_t generation);
std::string DueKey(int64_t due_nanos, std::string_view organization_id);

// The smallest key greater than every key that starts with `prefix`; the prefix must have a byte
// other than FF.
std::string AfterPrefix(std::string prefix);

std::string GroupRowValue(const GroupRow& row);
std::optional<GroupRow> ParseGroupRow(std::string_view value);

// `header` is ignored unless the head says that there is one.
std::string OrganizationValue(const OrganizationHead& head, std::string_view header);
// The header is what follows the head: `header` points into `value`.
std::optional<OrganizationHead> ParseOrganization(std::string_view value, std::string_view* header);

std::string JournalValue(const OrganizationCommit& commit);
std::optional<JournalRecord> ParseJournal(std::string_view key, std::string_view value);

struct ParsedDueKey {
  int64_t due_nanos = 0;
  std::string organization_id;
};
std::optional<ParsedDueKey> ParseDueKey(std::string_view key);

struct ParsedOutboxKey {
  std::string organization_id;
  std::string notice_id;
};
std::optional<ParsedOutboxKey> ParseOutboxKey(std::string_view key);

// The generation of a dedupe key.
std::optional<uint16_t> ParseDedupeGeneration(std::string_view key);
std::string GenerationValue(uint16_t generation);

std::string MarkValue(int64_t group);
std::optional<int64_t> ParseMark(std::string_view value);

// An instant as it is kept: saturated to what 64 bits hold.
int64_t ToNanos(absl::Time instant);
absl::Time FromNanos(int64_t nanos);

}  // namespace bursar
