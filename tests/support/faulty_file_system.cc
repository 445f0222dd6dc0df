#include "tests/support/faulty_file_system.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace bursar {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

// A path without doubled or trailing slashes.
std::string Normal(const std::string& path) {
  std::string normal;
  for (char c : path) {
    if (c != '/' || normal.empty() || normal.back() != '/') normal.push_back(c);
  }
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

}  // namespace

// A file that reports its changes.
class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> target, FaultyFileSystem* system,
             std::shared_ptr<FaultyFileSystem::Node> node)
      : FSWritableFileOwnerWrapper(std::move(target)), system_(system), node_(std::move(node)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    std::lock_guard lock(system_->mutex_);
    if (IOStatus failed = system_->Step(); !failed.ok()) {
      // A write that fails may have got anywhere.
      node_->data.append(data.data(), data.size() / 2);
      return failed;
    }
    node_->data.append(data.data(), data.size());
    return target()->Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    std::lock_guard lock(system_->mutex_);
    if (size < node_->data.size()) node_->data.resize(size);
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(system_->mutex_);
    if (IOStatus failed = system_->Step(); !failed.ok()) return failed;
    if (!system_->ignore_syncs_) node_->synced = node_->data.size();
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  // Promises nothing.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  FaultyFileSystem* const system_;
  const std::shared_ptr<FaultyFileSystem::Node> node_;
};

// A directory whose syncs count.
class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> target, FaultyFileSystem* system,
                  std::shared_ptr<FaultyFileSystem::Node> node)
      : FSDirectoryWrapper(std::move(target)), system_(system), node_(std::move(node)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(system_->mutex_);
    if (IOStatus failed = system_->Step(); !failed.ok()) return failed;
    if (!system_->ignore_syncs_) {
      node_->durable_entries = node_->entries;
      node_->pending.clear();
    }
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  FaultyFileSystem* const system_;
  const std::shared_ptr<FaultyFileSystem::Node> node_;
};

FaultyFileSystem::FaultyFileSystem(std::string root, uint64_t seed)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), root_(Normal(root)), random_(seed) {
  tree_->is_directory = true;
}

void FaultyFileSystem::IgnoreSyncs(bool ignore) {
  std::lock_guard lock(mutex_);
  ignore_syncs_ = ignore;
}

void FaultyFileSystem::FailAfter(int64_t operations) {
  std::lock_guard lock(mutex_);
  left_ = operations;
}

int64_t FaultyFileSystem::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

IOStatus FaultyFileSystem::Step() {
  ++operations_;
  if (left_ < 0) return IOStatus::OK();
  if (left_ == 0) return IOStatus::IOError("injected fault");
  --left_;
  return IOStatus::OK();
}

std::shared_ptr<FaultyFileSystem::Node> FaultyFileSystem::Find(const std::string& path) const {
  const std::string normal = Normal(path);
  if (normal == root_) return tree_;
  std::string name;
  const std::shared_ptr<Node> parent = FindParent(normal, &name);
  if (parent == nullptr) return nullptr;
  const auto found = parent->entries.find(name);
  return found == parent->entries.end() ? nullptr : found->second;
}

std::shared_ptr<FaultyFileSystem::Node> FaultyFileSystem::FindParent(const std::string& path,
                                                                     std::string* name) const {
  const std::string normal = Normal(path);
  if (normal.compare(0, root_.size() + 1, root_ + "/") != 0) return nullptr;
  const size_t slash = normal.rfind('/');
  *name = normal.substr(slash + 1);
  const std::shared_ptr<Node> parent = Find(normal.substr(0, slash));
  return parent != nullptr && parent->is_directory ? parent : nullptr;
}

void FaultyFileSystem::Apply(Node& directory, Node::Change change) {
  for (const auto& [name, node] : change) {
    if (node == nullptr) {
      directory.entries.erase(name);
    } else {
      directory.entries[name] = node;
    }
  }
  directory.pending.push_back(std::move(change));
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& path, const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                                           IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  std::string name;
  const std::shared_ptr<Node> parent = FindParent(path, &name);
  if (parent == nullptr) return target()->NewWritableFile(path, options, file, debug);
  if (IOStatus failed = Step(); !failed.ok()) return failed;
  std::unique_ptr<rocksdb::FSWritableFile> made;
  IOStatus status = target()->NewWritableFile(path, options, &made, debug);
  if (!status.ok()) return status;
  auto node = std::make_shared<Node>();
  Apply(*parent, {{name, node}});
  *file = std::make_unique<FaultyFile>(std::move(made), this, node);
  return status;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                                              IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Node> node = Find(path);
  if (node == nullptr) return IOStatus::NotSupported("only files that exist are reopened");
  if (IOStatus failed = Step(); !failed.ok()) return failed;
  std::unique_ptr<rocksdb::FSWritableFile> made;
  IOStatus status = target()->ReopenWritableFile(path, options, &made, debug);
  if (!status.ok()) return status;
  *file = std::make_unique<FaultyFile>(std::move(made), this, node);
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                                        IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<rocksdb::FSDirectory> made;
  IOStatus status = target()->NewDirectory(path, options, &made, debug);
  if (!status.ok()) return status;
  const std::shared_ptr<Node> node = Find(path);
  if (node == nullptr) {
    *directory = std::move(made);
  } else {
    *directory = std::make_unique<FaultyDirectory>(std::move(made), this, node);
  }
  return status;
}

IOStatus FaultyFileSystem::CreateDir(const std::string& path, const IOOptions& options,
                                     IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  std::string name;
  const std::shared_ptr<Node> parent = FindParent(path, &name);
  if (parent != nullptr) {
    if (IOStatus failed = Step(); !failed.ok()) return failed;
  }
  IOStatus status = target()->CreateDir(path, options, debug);
  if (status.ok() && parent != nullptr) {
    auto node = std::make_shared<Node>();
    node->is_directory = true;
    Apply(*parent, {{name, node}});
  }
  return status;
}

IOStatus FaultyFileSystem::CreateDirIfMissing(const std::string& path, const IOOptions& options,
                                              IODebugContext* debug) {
  {
    std::lock_guard lock(mutex_);
    if (Find(path) != nullptr) return IOStatus::OK();
  }
  return CreateDir(path, options, debug);
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& path, const IOOptions& options,
                                      IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  if (Find(path) == nullptr) return target()->DeleteFile(path, options, debug);
  if (IOStatus failed = Step(); !failed.ok()) return failed;
  IOStatus status = target()->DeleteFile(path, options, debug);
  std::string name;
  const std::shared_ptr<Node> parent = FindParent(path, &name);
  if (status.ok()) Apply(*parent, {{name, nullptr}});
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* debug) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Node> node = Find(from);
  if (node == nullptr) return target()->RenameFile(from, to, options, debug);
  std::string from_name, to_name;
  const std::shared_ptr<Node> parent = FindParent(from, &from_name);
  if (FindParent(to, &to_name) != parent) {
    return IOStatus::NotSupported("renames stay within a directory");
  }
  if (IOStatus failed = Step(); !failed.ok()) return failed;
  IOStatus status = target()->RenameFile(from, to, options, debug);
  if (status.ok()) Apply(*parent, {{from_name, nullptr}, {to_name, node}});
  return status;
}

void FaultyFileSystem::Survive(Node& node, bool keep_nothing) {
  const auto draw = [this](size_t most) {
    return std::uniform_int_distribution<size_t>(0, most)(random_);
  };
  if (node.is_directory) {
    const size_t kept = keep_nothing ? 0 : draw(node.pending.size());
    std::vector<Node::Change> pending = std::move(node.pending);
    node.entries = node.durable_entries;
    for (size_t i = 0; i < kept; ++i) Apply(node, pending[i]);
    node.durable_entries = node.entries;
    node.pending.clear();
    for (auto& [name, child] : node.entries) Survive(*child, keep_nothing);
    return;
  }
  const size_t kept = keep_nothing ? 0 : draw(node.data.size() - node.synced);
  node.data.resize(node.synced + kept);
  // Now and then the file has grown and its pages were not all written.
  if (kept > 0 && draw(3) == 0) {
    constexpr size_t kSectorBytes = 512;
    for (size_t at = node.synced; at < node.data.size();) {
      const size_t end = std::min(node.data.size(), (at / kSectorBytes + 1) * kSectorBytes);
      if (draw(1) == 0)
        std::fill(node.data.begin() + static_cast<long>(at),
                  node.data.begin() + static_cast<long>(end), '\0');
      at = end;
    }
  }
  node.synced = node.data.size();
}

void FaultyFileSystem::Rebuild(const Node& node, const std::string& path) {
  for (const auto& [name, child] : node.entries) {
    const std::string child_path = path + "/" + name;
    if (child->is_directory) {
      std::filesystem::create_directory(child_path);
      Rebuild(*child, child_path);
    } else {
      std::ofstream(child_path, std::ios::binary) << child->data;
    }
  }
}

void FaultyFileSystem::Crash(bool keep_nothing) {
  std::lock_guard lock(mutex_);
  Survive(*tree_, keep_nothing);
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    std::filesystem::remove_all(entry.path());
  }
  Rebuild(*tree_, root_);
  left_ = -1;
}

namespace {

class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(std::shared_ptr<FaultyFileSystem> files)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = files;
    system_clock_ = std::make_shared<ImpatientClock>();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewFaultyEnv(std::shared_ptr<FaultyFileSystem> files) {
  return std::make_unique<FaultyEnv>(std::move(files));
}

}  // namespace bursar
