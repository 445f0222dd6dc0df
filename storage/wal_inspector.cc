#include "storage/wal_inspector.h"

#include <rocksdb/write_batch.h>

#include <algorithm>

#include "storage/crc32c.h"
#include "storage/little_endian.h"

namespace bursar {
namespace {

constexpr size_t kBlockBytes = 32 * 1024;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kSectorBytes = 512;

enum FragmentType : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

enum class Read { kOk, kEnd, kPastEnd, kBad };

struct Fragment {
  Read read = Read::kBad;
  uint8_t type = kZero;
  std::string_view payload;
  size_t begin = 0;
  size_t end = 0;  // Where the next one begins.
};

bool IsZero(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

// Skips the filler at the end of a block.
size_t SkipTrailer(size_t at) {
  const size_t left = kBlockBytes - at % kBlockBytes;
  return left < kHeaderBytes ? at + left : at;
}

// Reads the fragment at `at`, which is not in a block's filler.
Fragment ReadFragment(std::string_view file, size_t at) {
  Fragment fragment;
  fragment.begin = at;
  fragment.end = file.size();
  if (at >= file.size()) {
    fragment.read = Read::kEnd;
    return fragment;
  }
  if (file.size() - at < kHeaderBytes) {
    fragment.read = Read::kPastEnd;
    return fragment;
  }
  const size_t length = ReadLittle(file.substr(at + 4), 2);
  fragment.type = static_cast<uint8_t>(file[at + 6]);
  const size_t block_left = kBlockBytes - at % kBlockBytes;
  if (kHeaderBytes + length > block_left) return fragment;
  if (fragment.type < kFull || fragment.type > kLast) return fragment;
  if (at + kHeaderBytes + length > file.size()) {
    fragment.read = Read::kPastEnd;
    return fragment;
  }
  fragment.end = at + kHeaderBytes + length;
  const uint32_t crc = ExtendCrc32c(0, file.substr(at + 6, 1 + length));
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  if (masked != ReadLittle(file.substr(at), 4)) return fragment;
  fragment.read = Read::kOk;
  fragment.payload = file.substr(at + kHeaderBytes, length);
  return fragment;
}

// True when the fragment begins a group later than `last_group`. Payloads may hold any bytes, even
// those of a fragment, so a full one must also make sense.
bool BeginsLaterGroup(const Fragment& fragment, int64_t last_group) {
  if (fragment.read != Read::kOk) return false;
  if (fragment.type == kFirst) return fragment.payload.size() > 12;
  if (fragment.type != kFull) return false;
  const std::optional<GroupRow> row = FindGroupRow(fragment.payload);
  return row.has_value() && row->group > last_group;
}

// Looks for the start of a later group behind an unreadable fragment. A block's first fragment
// starts at its first byte; behind damage every byte of the block is tried.
bool LaterGroupFollows(std::string_view file, size_t bad, int64_t last_group) {
  bool lost = true;  // The position of the next fragment in this block is not known.
  for (size_t at = bad + 1; at < file.size();) {
    if (at % kBlockBytes == 0) lost = false;
    if (SkipTrailer(at) != at) {
      at = SkipTrailer(at);
      continue;
    }
    const Fragment fragment = ReadFragment(file, at);
    if (BeginsLaterGroup(fragment, last_group)) return true;
    if (fragment.read == Read::kOk && !lost) {
      at = fragment.end;
    } else {
      lost = true;
      ++at;
    }
  }
  return false;
}

// True when the write of the unreadable fragment was never finished, as opposed to changed later.
bool IsUnfinished(std::string_view file, const Fragment& fragment) {
  if (fragment.read == Read::kPastEnd) return true;
  // Clipped to the fragment's beginning (what is before it was written earlier) and to the file.
  for (size_t at = fragment.begin; at < file.size();) {
    const size_t end = std::min(file.size(), (at / kSectorBytes + 1) * kSectorBytes);
    if (IsZero(file.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

class Inspector {
 public:
  explicit Inspector(std::string_view file) : file_(file) {}

  WalContents Run() {
    size_t at = 0;
    while (true) {
      at = SkipTrailer(at);
      const Fragment fragment = ReadFragment(file_, at);
      if (fragment.read == Read::kEnd) {
        // An unfinished record at a fragment's end is a write that got no further.
        if (in_record_) contents_.end = WalEnd::kTorn;
        return contents_;
      }
      if (fragment.read != Read::kOk) return Judge(fragment);
      if (!Take(fragment)) return contents_;
      at = fragment.end;
    }
  }

 private:
  int64_t last_group() const { return contents_.last_group ? contents_.last_group->group : 0; }

  WalContents Damaged(const char* what, size_t at) {
    contents_.end = WalEnd::kDamaged;
    contents_.damage = std::string(what) + " at byte " + std::to_string(at);
    return contents_;
  }

  WalContents Judge(const Fragment& fragment) {
    if (LaterGroupFollows(file_, fragment.begin, last_group())) {
      return Damaged("a record is unreadable, with later records behind it,", fragment.begin);
    }
    if (!IsUnfinished(file_, fragment)) {
      return Damaged("the last record is whole but its checksum is wrong", fragment.begin);
    }
    contents_.end = WalEnd::kTorn;
    return contents_;
  }

  // Adds a fragment; false when it cannot stand where it does.
  bool Take(const Fragment& fragment) {
    const bool starts = fragment.type == kFull || fragment.type == kFirst;
    if (starts == in_record_) {
      Damaged(starts ? "a record begins inside another" : "a record has no beginning",
              fragment.begin);
      return false;
    }
    if (starts) record_.clear();
    record_ += fragment.payload;
    in_record_ = fragment.type == kFirst || fragment.type == kMiddle;
    return in_record_ || Finish(fragment);
  }

  bool Finish(const Fragment& fragment) {
    const std::optional<GroupRow> row = FindGroupRow(record_);
    if (!row.has_value()) {
      Damaged("a record is not a group of this store", fragment.begin);
      return false;
    }
    if (contents_.last_group.has_value() && row->group != last_group() + 1) {
      Damaged("groups are missing or out of order", fragment.begin);
      return false;
    }
    if (!contents_.first_group.has_value()) contents_.first_group = row;
    contents_.last_group = row;
    ++contents_.records;
    contents_.valid_bytes = static_cast<int64_t>(fragment.end);
    return true;
  }

  const std::string_view file_;
  WalContents contents_;
  std::string record_;
  bool in_record_ = false;
};

// Picks the group row out of a batch; takes everything else in silence.
class GroupRowFinder final : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (family == 0 && std::string_view(key.data(), key.size()) == kGroupRowKey) {
      row_ = ParseGroupRow({value.data(), value.size()});
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteRangeCF(uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }
  const std::optional<GroupRow>& row() const { return row_; }

 private:
  std::optional<GroupRow> row_;
};

}  // namespace

std::optional<GroupRow> FindGroupRow(std::string_view batch) {
  constexpr size_t kBatchHeaderBytes = 12;
  if (batch.size() < kBatchHeaderBytes) return std::nullopt;
  const rocksdb::WriteBatch parsed{std::string(batch)};
  GroupRowFinder finder;
  if (!parsed.Iterate(&finder).ok()) return std::nullopt;
  return finder.row();
}

std::optional<int64_t> FindUnwrittenTail(std::string_view file) {
  size_t whole = 0;
  for (size_t at = SkipTrailer(0);;) {
    const Fragment fragment = ReadFragment(file, at);
    if (fragment.read == Read::kEnd || fragment.read == Read::kPastEnd) return std::nullopt;
    if (fragment.read == Read::kBad) {
      if (!IsUnfinished(file, fragment)) return std::nullopt;
      return static_cast<int64_t>(whole);
    }
    if (fragment.type == kFull || fragment.type == kLast) whole = fragment.end;
    at = SkipTrailer(fragment.end);
  }
}

WalContents InspectWal(std::string_view file) { return Inspector(file).Run(); }

}  // namespace bursar
