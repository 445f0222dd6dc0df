#include "storage/file_view.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <string_view>
#include <utility>

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

 private:
  const bool empty_logs_;
  const std::optional<UnfinishedFile> shortened_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewFileView(rocksdb::Env* base, bool empty_logs,
                                          std::optional<UnfinishedFile> shortened) {
  return rocksdb::NewCompositeEnv(
      std::make_shared<ViewFileSystem>(base->GetFileSystem(), empty_logs, std::move(shortened)));
}

}  // namespace bursar
