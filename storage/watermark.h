// The watermark: a small file beside the database that says up to which group the log is known to
// be durable. The log itself cannot say that it was cut short; the watermark can.
//
// It follows the log and is never ahead of it: a group is noted only after its sync. It is replaced
// in the background (new file, sync, rename, sync of the directory), at most once an interval, so
// that no commit waits for it; within an interval of the end it may lag by the last few groups.
//
// Thread rule: WatermarkWriter's methods may be called from any thread.
//
// Source: rule R3 (docs/rules.md); docs/storage_format.md.
#pragma once

#include <rocksdb/env.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_schema.h"

namespace bursar {

// The text of the file for a group, with a checksum of its own.
std::string FormatWatermark(const GroupId& row);
// DATA_LOSS when the text is not a whole and right watermark.
absl::StatusOr<GroupId> ParseWatermark(const std::string& text);

// Replaces `path` by a file with this text, durably and all at once: after a crash there is either
// the old file or the new one.
absl::Status ReplaceFile(rocksdb::Env* env, const std::string& directory, const std::string& name,
                         const std::string& text);

// Keeps the file up to date.
class WatermarkWriter {
 public:
  // `failed` is called once, on the writer's thread, with the error that ended it: a disk that
  // takes no watermark cannot be trusted with the log either. `env` must outlive the writer.
  WatermarkWriter(rocksdb::Env* env, std::string directory, GroupId written,
                  absl::Duration interval, std::function<void(absl::Status)> failed);
  // Writes the last noted group, unless it has failed.
  ~WatermarkWriter();
  WatermarkWriter(const WatermarkWriter&) = delete;
  WatermarkWriter& operator=(const WatermarkWriter&) = delete;

  // The log is durable up to this group. Never waits for the disk.
  void Note(const GroupId& row);

 private:
  void Run();

  rocksdb::Env* const env_;
  const std::string directory_;
  const absl::Duration interval_;
  const std::function<void(absl::Status)> failed_;

  std::mutex mutex_;
  std::condition_variable changed_;
  GroupId noted_;    // Guarded by mutex_.
  GroupId written_;  // Guarded by mutex_; changed by the thread only.
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace bursar
