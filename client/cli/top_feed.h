// Where `bursar top` gets its news: one thread reads wallets again and again, further threads watch
// some of them; what they find waits in a mailbox until the screen takes it.
//
// A watch that the server refuses or drops is tried again after a while, from where it stood; until
// then the wallet is only read at the interval. A change seen by a watch has its wallet read anew
// at once.
//
// Thread rule: any thread; the destructor ends and joins every thread of its own.
#pragma once

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bursar/v1/wallet.pb.h"
#include "client/lib/connection.h"

namespace bursar::cli {

// What was found since the last look.
struct TopNews {
  // Set when the organizations were listed anew.
  bool has_organizations = false;
  std::vector<std::string> organizations;
  std::vector<v1::GetWalletResponse> wallets;
  std::vector<std::pair<std::string, absl::Status>> problems;  // By organization.
  std::vector<std::pair<std::string, v1::JournalEntry>> entries;
  size_t watched = 0;
  // How the last reading of the whole went.
  absl::Status status;
  // How many readings of the whole have ended.
  int64_t rounds = 0;
};

// See the head of the file.
class TopFeed {
 public:
  // Reads those organizations, or all that the caller may list where there are none, every
  // `interval`. `tell` is called from the feed's threads when the mailbox is no longer empty.
  TopFeed(std::shared_ptr<const Connection> connection, std::vector<std::string> organizations,
          absl::Duration interval, std::function<void()> tell);
  ~TopFeed();
  TopFeed(const TopFeed&) = delete;
  TopFeed& operator=(const TopFeed&) = delete;

  // Empties the mailbox.
  TopNews Take();
  // From now on exactly these are watched.
  void Watch(const std::vector<std::string>& organizations);

 private:
  struct Watcher;

  void ReadForever();
  void ReadRound();
  void ReadWallet(const std::string& organization);
  absl::StatusOr<std::vector<std::string>> List();
  void WatchForever(Watcher* watcher);
  absl::Status WatchOnce(Watcher* watcher);
  void Tell();

  const std::shared_ptr<const Connection> connection_;
  const std::vector<std::string> given_;
  const absl::Duration interval_;
  const std::function<void()> tell_;

  std::mutex mutex_;
  std::condition_variable changed_;  // Guarded by mutex_, as everything below.
  bool ends_ = false;
  TopNews news_;
  std::set<std::string> stale_;  // To be read at once.
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
  std::vector<std::unique_ptr<Watcher>> ended_;  // Their threads end by themselves.
  grpc::ClientContext* reading_ = nullptr;
  std::thread reader_;
};

}  // namespace bursar::cli
