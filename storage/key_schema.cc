#include "storage/key_schema.h"

#include <algorithm>

namespace bursar {
namespace {

constexpr char kRowVersion = 1;
constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr uint8_t kHasHeader = 1;
constexpr uint8_t kHasDue = 2;

void AppendU16(std::string& to, uint16_t value) {
  to.push_back(static_cast<char>(value >> 8));
  to.push_back(static_cast<char>(value & 0xff));
}

void AppendU64(std::string& to, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    to.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

void AppendI64(std::string& to, int64_t value) { AppendU64(to, static_cast<uint64_t>(value)); }

uint64_t ReadU64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

int64_t ReadI64(std::string_view bytes) { return static_cast<int64_t>(ReadU64(bytes)); }

}  // namespace

std::string SystemKey(std::string_view key) {
  std::string bytes(kSystemPrefix);
  bytes += key;
  return bytes;
}

std::string OrganizationKey(std::string_view organization_id) {
  std::string bytes(kOrganizationPrefix);
  bytes += organization_id;
  return bytes;
}

std::string RecordPrefix(std::string_view organization_id, RecordKind kind) {
  std::string bytes = "\x02";
  bytes += organization_id;
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(kind));
  return bytes;
}

std::string OrganizationPrefix(std::string_view organization_id) {
  std::string bytes(organization_id);
  bytes.push_back('\0');
  return bytes;
}

std::string JournalKey(std::string_view organization_id, int64_t last_sequence) {
  std::string bytes = OrganizationPrefix(organization_id);
  AppendI64(bytes, last_sequence);
  return bytes;
}

std::string DedupeKey(uint16_t generation, std::string_view organization_id, RequestFamily family,
                      std::string_view request_id) {
  std::string bytes;
  bytes.reserve(4 + organization_id.size() + request_id.size());
  AppendU16(bytes, generation);
  bytes.push_back(static_cast<char>(family));
  bytes += organization_id;
  bytes.push_back('\0');
  bytes += request_id;
  return bytes;
}

void SetDedupeGeneration(uint16_t generation, std::string* key) {
  const std::string bytes = GenerationValue(generation);
  std::copy(bytes.begin(), bytes.end(), key->begin());
}

std::string DedupeGenerationKey(uint16_t generation) { return GenerationValue(generation); }

std::string DueKey(int64_t due_nanos, std::string_view organization_id) {
  std::string bytes;
  AppendU64(bytes, static_cast<uint64_t>(due_nanos) ^ kSignBit);
  bytes += organization_id;
  return bytes;
}

std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

std::string GroupRowValue(const GroupRow& row) {
  std::string bytes(1, kRowVersion);
  AppendI64(bytes, row.group);
  bytes.append(reinterpret_cast<const char*>(row.hash.data()), row.hash.size());
  AppendI64(bytes, row.last_committed_at);
  bytes.push_back(static_cast<char>(row.touched));
  for (int64_t group : row.before) AppendI64(bytes, group);
  return bytes;
}

std::optional<GroupRow> ParseGroupRow(std::string_view value) {
  GroupRow row;
  const size_t fixed = 18 + row.hash.size();
  if (value.size() != fixed + 8 * kFamilies || value[0] != kRowVersion) return std::nullopt;
  row.group = ReadI64(value.substr(1));
  std::copy_n(value.begin() + 9, row.hash.size(), row.hash.begin());
  row.last_committed_at = ReadI64(value.substr(9 + row.hash.size()));
  row.touched = static_cast<uint8_t>(value[fixed - 1]);
  for (size_t i = 0; i < kFamilies; ++i) row.before[i] = ReadI64(value.substr(fixed + 8 * i));
  if (row.group < 1) return std::nullopt;
  return row;
}

std::string MarkValue(int64_t group) {
  std::string bytes;
  AppendI64(bytes, group);
  return bytes;
}

std::optional<int64_t> ParseMark(std::string_view value) {
  if (value.size() != 8) return std::nullopt;
  return ReadI64(value);
}

std::string OrganizationValue(const OrganizationHead& head, std::string_view header) {
  std::string bytes(1, kRowVersion);
  bytes.push_back(
      static_cast<char>((head.has_header ? kHasHeader : 0) | (head.due.has_value() ? kHasDue : 0)));
  AppendI64(bytes, head.revision);
  AppendI64(bytes, head.due.value_or(0));
  if (head.has_header) bytes += header;
  return bytes;
}

std::optional<OrganizationHead> ParseOrganization(std::string_view value,
                                                  std::string_view* header) {
  if (value.size() < 18 || value[0] != kRowVersion) return std::nullopt;
  const uint8_t flags = static_cast<uint8_t>(value[1]);
  OrganizationHead head;
  head.has_header = (flags & kHasHeader) != 0;
  head.revision = ReadI64(value.substr(2));
  if ((flags & kHasDue) != 0) head.due = ReadI64(value.substr(10));
  *header = value.substr(18);
  if (head.revision < 1 || (flags & ~(kHasHeader | kHasDue)) != 0) return std::nullopt;
  // What is not there is written as nothing: otherwise a flag is damaged.
  if (!head.has_header && !header->empty()) return std::nullopt;
  if (!head.due.has_value() && ReadI64(value.substr(10)) != 0) return std::nullopt;
  return head;
}

std::string JournalValue(const OrganizationCommit& commit) {
  std::string bytes(1, kRowVersion);
  bytes.reserve(25 + commit.journal_record.size());
  AppendI64(bytes, commit.expected_revision + 1);
  AppendU64(bytes, commit.nonce);
  AppendI64(bytes, ToNanos(commit.committed_at));
  bytes += commit.journal_record;
  return bytes;
}

std::optional<JournalRecord> ParseJournal(std::string_view key, std::string_view value) {
  if (key.size() < 9 || value.size() < 25 || value[0] != kRowVersion) return std::nullopt;
  JournalRecord record;
  record.last_sequence = ReadI64(key.substr(key.size() - 8));
  record.first_sequence = ReadI64(value.substr(1));
  record.nonce = ReadU64(value.substr(9));
  record.committed_at = FromNanos(ReadI64(value.substr(17)));
  record.record = value.substr(25);
  if (record.first_sequence < 1 || record.last_sequence < record.first_sequence) {
    return std::nullopt;
  }
  return record;
}

std::optional<ParsedDueKey> ParseDueKey(std::string_view key) {
  if (key.size() < 9) return std::nullopt;
  return ParsedDueKey{static_cast<int64_t>(ReadU64(key) ^ kSignBit), std::string(key.substr(8))};
}

std::optional<ParsedOutboxKey> ParseOutboxKey(std::string_view key) {
  const size_t end = key.find('\0');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return ParsedOutboxKey{std::string(key.substr(0, end)), std::string(key.substr(end + 1))};
}

std::optional<uint16_t> ParseDedupeGeneration(std::string_view key) {
  if (key.size() < 2) return std::nullopt;
  return static_cast<uint16_t>(static_cast<uint8_t>(key[0]) << 8 | static_cast<uint8_t>(key[1]));
}

std::string GenerationValue(uint16_t generation) {
  std::string bytes;
  AppendU16(bytes, generation);
  return bytes;
}

int64_t ToNanos(absl::Time instant) { return absl::ToUnixNanos(instant); }

absl::Time FromNanos(int64_t nanos) {
  // What was saturated on the way in is shown as what it was.
  if (nanos == INT64_MAX) return absl::InfiniteFuture();
  if (nanos == INT64_MIN) return absl::InfinitePast();
  return absl::FromUnixNanos(nanos);
}

}  // namespace bursar
