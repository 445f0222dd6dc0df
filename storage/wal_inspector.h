// Reads RocksDB's write-ahead log without RocksDB, before RocksDB is let near it, to tell three
// things apart that its recovery cannot: a log that ends cleanly, one whose last write was never
// finished (a crash; fine), and one that is damaged (acknowledged writes are at stake).
//
// The log is a row of 32 KiB blocks of fragments: masked CRC-32C (4 bytes), length (2), type (1:
// full, first, middle, last), payload; little-endian. A fragment never crosses a block; the rest of
// a block too short for a header is filled with zeros. One write batch is one record of fragments,
// and each of our batches carries a GroupRow (key_schema.h).
//
// How the verdict is reached at the first fragment that cannot be read:
//   * Groups are synced one by one. If the start of a later group can be read after it, the
//     unreadable one had been synced: damage.
//   * Otherwise it belongs to the last group. If it runs past the end of the file, or its part of a
//     sector is all zeros (which the kernel leaves where a page was never written, and no flipped
//     bit does), its write was never finished: a torn tail. The watermark has the last word.
//   * Otherwise it is whole, and wrong: damage.
// Reuse of log files must be off (recycle_log_file_num = 0); its fragment types are damage here.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/key_schema.h"

namespace bursar {

enum class WalEnd { kClean, kTorn, kDamaged };

// What a log file holds.
struct WalContents {
  WalEnd end = WalEnd::kClean;
  std::string damage;  // What is wrong and at which byte, when damaged.
  // The bytes of the whole records at the front; what follows is the torn or damaged rest.
  int64_t valid_bytes = 0;
  int64_t records = 0;
  std::optional<GroupRow> first_group;
  std::optional<GroupRow> last_group;
};

WalContents InspectWal(std::string_view file);

// For a file of the same frames whose records are not groups (RocksDB's manifest): when its first
// unreadable fragment has a part of a sector that was never written, the bytes of the whole records
// before it. Nothing when it is readable to its end, ends early, or is wrong in another way.
std::optional<int64_t> FindUnwrittenTail(std::string_view file);

// The group row that a write batch (the payload of a log record) carries; nothing when it is not
// one of ours.
std::optional<GroupRow> FindGroupRow(std::string_view batch);

}  // namespace bursar
