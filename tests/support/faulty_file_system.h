// A file system for crash tests: it passes everything on to the machine's, and remembers what a
// power cut would leave. `Crash` puts the directory into that state.
//
// What survives a crash: of a file, the bytes up to its last sync; of a directory, the entries
// (files made, renamed, deleted, sub-directories made) up to its last sync. What was not synced may
// survive in part, in any way that a disk allows: a random number of a directory's changes in their
// order, a random length of a file's tail, any sector of that tail as zeros.
//
// It models files that are appended to and directories that are renamed within, which is all that
// the store uses; the rest is passed on and lost in a crash.
//
// Thread rule: every method may be called from any thread, but Crash only when nothing is open.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace bursar {

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // `root` is an existing, empty directory; what happens outside it is passed on.
  FaultyFileSystem(std::string root, uint64_t seed);

  const char* Name() const override { return "FaultyFileSystem"; }

  // From now on syncs are acknowledged and do nothing: a disk that lies, or a program that forgot.
  void IgnoreSyncs(bool ignore);

  // Lets `operations` more changes succeed; the next one fails, half done, and so does every one
  // after it until Crash. Negative = never fail (the state after construction and after Crash).
  void FailAfter(int64_t operations);

  // Changes (appends, syncs, creations, renames, deletions) since construction.
  int64_t operations() const;

  // The power cut. With `keep_nothing` exactly what was synced survives, else more may.
  void Crash(bool keep_nothing);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  friend class FaultyFile;
  friend class FaultyDirectory;

  // A file or directory, apart from its name.
  struct Node {
    bool is_directory = false;
    std::string data;   // A file's bytes.
    size_t synced = 0;  // How many of them are durable.
    std::map<std::string, std::shared_ptr<Node>> entries;
    std::map<std::string, std::shared_ptr<Node>> durable_entries;
    // The changes from the durable entries to the present ones: names set or (null) removed.
    using Change = std::vector<std::pair<std::string, std::shared_ptr<Node>>>;
    std::vector<Change> pending;
  };

  // Counts a change; an error when it must fail.
  rocksdb::IOStatus Step();
  std::shared_ptr<Node> Find(const std::string& path) const;
  // The directory that holds a path, and the name in it; null when it is not modelled.
  std::shared_ptr<Node> FindParent(const std::string& path, std::string* name) const;
  static void Apply(Node& directory, Node::Change change);
  void Survive(Node& node, bool keep_nothing);
  void Rebuild(const Node& node, const std::string& path);

  const std::string root_;
  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::shared_ptr<Node> tree_ = std::make_shared<Node>();
  bool ignore_syncs_ = false;
  int64_t operations_ = 0;
  int64_t left_ = -1;  // Changes that may still succeed; negative = all.
};

// An environment on this file system, for RocksDbStoreOptions::env. RocksDB's one-second pauses
// after a background error are cut to a millisecond in it.
std::unique_ptr<rocksdb::Env> NewFaultyEnv(std::shared_ptr<FaultyFileSystem> files);

}  // namespace bursar
