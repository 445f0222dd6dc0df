#include "storage/table_inspector.h"

#include <xxhash.h>

#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "storage/little_endian.h"

namespace bursar {
namespace {

constexpr size_t kFooterBytes = 53;
constexpr size_t kTrailerBytes = 5;  // Compression and checksum behind a block.
constexpr uint64_t kMagic = 0x88e241b785f4cff7;
constexpr uint32_t kVersion = 5;
constexpr uint8_t kXxh3 = 4;
// Far above what an index of some ten meta blocks, or the properties, take.
constexpr uint64_t kMaxBlockBytes = 16 << 20;

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("the table is damaged: ", std::string(what)));
}

// Takes a varint from the front of `bytes`; nothing where there is none.
std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    number |= static_cast<uint64_t>(bytes[i] & 0x7f) << (7 * i);
    if ((bytes[i] & 0x80) != 0) continue;
    bytes.remove_prefix(i + 1);
    return number;
  }
  return std::nullopt;
}

std::optional<BlockHandle> TakeHandle(std::string_view& bytes) {
  const std::optional<uint64_t> offset = TakeVarint(bytes);
  const std::optional<uint64_t> size = offset.has_value() ? TakeVarint(bytes) : std::nullopt;
  if (!size.has_value()) return std::nullopt;
  return BlockHandle{*offset, *size};
}

// The checksum of a block and its compression, whose byte is mixed in afterwards.
uint32_t ChecksumOf(std::string_view block, char compression) {
  const auto hash = static_cast<uint32_t>(XXH3_64bits(block.data(), block.size()));
  return hash ^ static_cast<uint32_t>(static_cast<uint8_t>(compression)) * 0x6b9083d9U;
}

// The bytes of a block whose checksum is right.
absl::StatusOr<std::string> ReadBlock(const char* name, const BlockHandle& handle,
                                      uint64_t file_bytes, const ReadAt& read) {
  const bool is_inside = handle.bytes <= kMaxBlockBytes && handle.offset <= file_bytes &&
                         handle.bytes + kTrailerBytes <= file_bytes - handle.offset;
  if (!is_inside) return Damaged(absl::StrCat(name, " would lie outside of the file"));
  const size_t size = static_cast<size_t>(handle.bytes);
  absl::StatusOr<std::string> bytes = read(handle.offset, size + kTrailerBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() != size + kTrailerBytes) return Damaged(absl::StrCat(name, " is cut"));
  const std::string_view trailer = std::string_view(*bytes).substr(size);
  const uint32_t checksum = ChecksumOf(std::string_view(*bytes).substr(0, size), trailer[0]);
  if (ReadLittle(trailer.substr(1), 4) != checksum) {
    return Damaged(absl::StrCat("the checksum of ", name, " at byte ", handle.offset, " is wrong"));
  }
  bytes->resize(size);
  return bytes;
}

// Where the index of meta blocks says that the properties are. Its entries are whole keys: lengths
// of what a key shares with the one before it (nothing), of the rest and of the value, then both.
absl::StatusOr<BlockHandle> FindProperties(std::string_view index) {
  const absl::Status malformed = Damaged("its index of meta blocks is malformed");
  if (index.size() < 4) return malformed;
  const uint64_t restarts = ReadLittle(index.substr(index.size() - 4), 4) * 4 + 4;
  if (restarts > index.size()) return malformed;
  std::string_view entries = index.substr(0, index.size() - static_cast<size_t>(restarts));
  while (!entries.empty()) {
    const auto shared = TakeVarint(entries), key_bytes = TakeVarint(entries),
               value_bytes = TakeVarint(entries);
    if (shared != 0 || !key_bytes.has_value() || !value_bytes.has_value() ||
        *key_bytes > entries.size() || *value_bytes > entries.size() - *key_bytes) {
      return malformed;
    }
    const std::string_view key = entries.substr(0, *key_bytes);
    std::string_view value = entries.substr(*key_bytes, *value_bytes);
    entries.remove_prefix(*key_bytes + *value_bytes);
    if (key != "rocksdb.properties") continue;
    const std::optional<BlockHandle> handle = TakeHandle(value);
    return handle.has_value() ? absl::StatusOr<BlockHandle>(*handle) : malformed;
  }
  return Damaged("it has no properties");
}

}  // namespace

absl::Status CheckTableEnd(uint64_t file_bytes, const ReadAt& read) {
  if (file_bytes < kFooterBytes) return Damaged("it is shorter than its footer");
  const absl::StatusOr<std::string> footer = read(file_bytes - kFooterBytes, kFooterBytes);
  if (!footer.ok()) return footer.status();
  if (footer->size() != kFooterBytes) return Damaged("its footer is cut");
  std::string_view rest(*footer);
  if (ReadLittle(rest.substr(kFooterBytes - 8), 8) != kMagic) return Damaged("it has no footer");
  if (ReadLittle(rest.substr(kFooterBytes - 12), 4) != kVersion ||
      static_cast<uint8_t>(rest[0]) != kXxh3) {
    return Damaged("its footer names a form that the store does not write");
  }
  rest.remove_prefix(1);
  const std::optional<BlockHandle> index = TakeHandle(rest);
  if (!index.has_value()) return Damaged("its footer is malformed");
  const absl::StatusOr<std::string> metas =
      ReadBlock("the index of meta blocks", *index, file_bytes, read);
  if (!metas.ok()) return metas.status();
  const absl::StatusOr<BlockHandle> properties = FindProperties(*metas);
  if (!properties.ok()) return properties.status();
  return ReadBlock("the properties", *properties, file_bytes, read).status();
}

}  // namespace bursar
