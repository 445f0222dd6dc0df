#include "storage/file_view.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "storage/table_inspector.h"

namespace bursar {
namespace {

// The first bytes of a file.
class ShortenedFile final : public rocksdb::FSSequentialFile {
 public:
  ShortenedFile(std::unique_ptr<rocksdb::FSSequentialFile> file, uint64_t bytes)
      : file_(std::move(file)), left_(bytes) {}

  rocksdb::IOStatus Read(size_t count, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                         char* scratch, rocksdb::IODebugContext* debug) override {
    if (left_ == 0) {
      *result = rocksdb::Slice();
      return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus status =
        file_->Read(std::min<uint64_t>(count, left_), options, result, scratch, debug);
    if (status.ok()) left_ -= result->size();
    return status;
  }

  rocksdb::IOStatus Skip(uint64_t count) override {
    count = std::min(count, left_);
    left_ -= count;
    return file_->Skip(count);
  }

 private:
  const std::unique_ptr<rocksdb::FSSequentialFile> file_;
  uint64_t left_;
};

class ViewFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  ViewFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, bool empty_logs,
                 std::optional<UnfinishedFile> shortened)
      : FileSystemWrapper(base), empty_logs_(empty_logs), shortened_(std::move(shortened)) {}

  const char* Name() const override { return "BursarView"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewSequentialFile(path, options, file, debug);
    if (!status.ok()) return status;
    if (empty_logs_ && std::string_view(path).ends_with(".log")) {
      *file = std::make_unique<ShortenedFile>(std::move(*file), 0);
    } else if (shortened_.has_value() && path == shortened_->path) {
      *file = std::make_unique<ShortenedFile>(std::move(*file),
                                              static_cast<uint64_t>(shortened_->whole_bytes));
    }
    return status;
  }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewRandomAccessFile(path, options, file, debug);
    if (!status.ok() || !std::string_view(path).ends_with(".sst")) return status;
    uint64_t bytes = 0;
    status = target()->GetFileSize(path, options.io_options, &bytes, debug);
    if (status.ok()) status = CheckTable(**file, path, bytes, options.io_options, debug);
    if (!status.ok()) file->reset();
    return status;
  }

 private:
  static rocksdb::IOStatus CheckTable(const rocksdb::FSRandomAccessFile& file,
                                      const std::string& path, uint64_t bytes,
                                      const rocksdb::IOOptions& options,
                                      rocksdb::IODebugContext* debug) {
    rocksdb::IOStatus read_status;
    const auto read = [&](uint64_t offset, size_t count) -> absl::StatusOr<std::string> {
      std::string space(count, '\0');
      rocksdb::Slice found;
      read_status = file.Read(offset, count, options, &found, space.data(), debug);
      if (!read_status.ok()) return absl::UnavailableError(read_status.ToString());
      return found.ToString();
    };
    const absl::Status checked = CheckTableEnd(bytes, read);
    if (!read_status.ok() || checked.ok()) return read_status;
    return rocksdb::IOStatus::Corruption(path, std::string(checked.message()));
  }

  const bool empty_logs_;
  const std::optional<UnfinishedFile> shortened_;
};

// The base's clock and threads, another's files.
class ViewEnv final : public rocksdb::EnvWrapper {
 public:
  ViewEnv(rocksdb::Env* base, std::shared_ptr<rocksdb::FileSystem> files) : EnvWrapper(base) {
    file_system_ = std::move(files);
    system_clock_ = base->GetSystemClock();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewFileView(rocksdb::Env* base, bool empty_logs,
                                          std::optional<UnfinishedFile> shortened) {
  return std::make_unique<ViewEnv>(
      base,
      std::make_shared<ViewFileSystem>(base->GetFileSystem(), empty_logs, std::move(shortened)));
}

}  // namespace bursar
