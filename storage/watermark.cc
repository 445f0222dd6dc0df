#include "storage/watermark.h"

#include <algorithm>
#include <chrono>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "server/base/sha256.h"
#include "server/base/strings.h"
#include "storage/rocksdb_status.h"
#include "storage/store_directory.h"

namespace bursar {
namespace {

std::string Hex(std::string_view bytes) { return absl::BytesToHexString(ToAbsl(bytes)); }

std::string Hex(const GroupHash& hash) {
  return Hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace

std::string FormatWatermark(const GroupId& row) {
  std::string text = "bursar-watermark 1\ngroup " + std::to_string(row.group) + "\nhash " +
                     Hex(row.hash) + "\ncommitted_at " + std::to_string(row.last_committed_at) +
                     "\n";
  text += "checksum " + Hex(Sha256({text})) + "\n";
  return text;
}

absl::StatusOr<GroupId> ParseWatermark(const std::string& text) {
  std::istringstream lines(text);
  std::string version, group, hash, committed_at;
  std::string word;
  lines >> word >> version >> word >> group >> word >> hash >> word >> committed_at;
  GroupId row;
  // The text is made again from what was read: anything else in it is damage.
  const bool numbers =
      absl::SimpleAtoi(group, &row.group) && absl::SimpleAtoi(committed_at, &row.last_committed_at);
  if (numbers && hash.size() == 2 * row.hash.size() &&
      hash.find_first_not_of("0123456789abcdef") == std::string::npos) {
    const std::string bytes = absl::HexStringToBytes(hash);
    std::copy(bytes.begin(), bytes.end(), row.hash.begin());
    if (row.group >= 1 && FormatWatermark(row) == text) return row;
  }
  return absl::DataLossError("store: the file WATERMARK is damaged");
}

absl::Status ReplaceFile(rocksdb::Env* env, const std::string& directory, const std::string& name,
                         const std::string& text) {
  const std::string path = directory + "/" + name;
  const std::string temporary = path + kTemporarySuffix;
  rocksdb::Status status = rocksdb::WriteStringToFile(env, text, temporary, /*should_sync=*/true);
  if (status.ok()) status = env->RenameFile(temporary, path);
  if (!status.ok()) return FromRocksDb(status, "writing " + path);
  return SyncDirectory(env, directory);
}

WatermarkWriter::WatermarkWriter(rocksdb::Env* env, std::string directory, GroupId written,
                                 absl::Duration interval, std::function<void(absl::Status)> failed)
    : env_(env),
      directory_(std::move(directory)),
      interval_(interval),
      failed_(std::move(failed)),
      noted_(written),
      written_(written),
      thread_([this] { Run(); }) {}

WatermarkWriter::~WatermarkWriter() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void WatermarkWriter::Note(const GroupId& row) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    // The thread waits for news only when it has none; then each note wakes it once.
    wake = noted_.group == written_.group;
    noted_ = row;
  }
  if (wake) changed_.notify_one();
}

void WatermarkWriter::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || noted_.group != written_.group; });
    if (noted_.group == written_.group) return;  // Stopped, with nothing left to write.
    const GroupId row = noted_;
    lock.unlock();
    const absl::Status status = ReplaceFile(env_, directory_, kWatermarkFile, FormatWatermark(row));
    if (!status.ok()) {
      failed_(status);
      return;
    }
    lock.lock();
    written_ = row;
    changed_.wait_for(lock, absl::ToChronoNanoseconds(interval_), [this] { return stop_; });
  }
}

}  // namespace bursar
