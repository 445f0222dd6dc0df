#include "client/cli/top_feed.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/lib/error.h"

namespace bursar::cli {
namespace {

// How long a watch that ended is left alone.
constexpr absl::Duration kWatchPause = absl::Seconds(2);
constexpr int kListPage = 1'000;

}  // namespace

// One watch. What is not const is guarded by the feed's mutex.
struct TopFeed::Watcher {
  explicit Watcher(std::string id) : organization(std::move(id)) {}

  const std::string organization;
  bool ends = false;
  bool serves = false;  // Whether the watch brought something and goes on.
  bool done = false;    // Whether the thread is at its end.
  grpc::ClientContext* context = nullptr;
  v1::WatchWalletRequest request;  // Of the thread alone.
  std::thread thread;
};

TopFeed::TopFeed(std::shared_ptr<const Connection> connection,
                 std::vector<std::string> organizations, absl::Duration interval,
                 std::function<void()> tell)
    : connection_(std::move(connection)),
      given_(std::move(organizations)),
      interval_(interval),
      tell_(std::move(tell)) {
  reader_ = std::thread([this] { ReadForever(); });
}

TopFeed::~TopFeed() {
  Watch({});
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
    if (reading_ != nullptr) reading_->TryCancel();
    changed_.notify_all();
  }
  reader_.join();
  for (const std::unique_ptr<Watcher>& watcher : ended_) watcher->thread.join();
}

TopNews TopFeed::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  TopNews news = std::move(news_);
  news_ = TopNews();
  news_.status = news.status;
  news_.rounds = news.rounds;
  for (const auto& [id, watcher] : watchers_) news.watched += watcher->serves ? 1 : 0;
  return news;
}

void TopFeed::Watch(const std::vector<std::string>& organizations) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Threads that are at their end are joined here, so that they do not pile up.
  for (auto it = ended_.begin(); it != ended_.end();) {
    if ((*it)->done) {
      (*it)->thread.join();
      it = ended_.erase(it);
    } else {
      ++it;
    }
  }
  const std::set<std::string> wanted(organizations.begin(), organizations.end());
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->ends = true;
    if (it->second->context != nullptr) it->second->context->TryCancel();
    ended_.push_back(std::move(it->second));
    it = watchers_.erase(it);
  }
  for (const std::string& id : wanted) {
    std::unique_ptr<Watcher>& watcher = watchers_[id];
    if (watcher != nullptr) continue;
    watcher = std::make_unique<Watcher>(id);
    watcher->request.set_organization_id(id);
    Watcher* const one = watcher.get();
    watcher->thread = std::thread([this, one] { WatchForever(one); });
  }
  changed_.notify_all();
}

void TopFeed::Tell() {
  if (tell_) tell_();
}

void TopFeed::ReadForever() {
  absl::Time next = absl::Now();
  while (true) {
    std::string organization;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto wait =
          absl::ToChronoNanoseconds(std::max(next - absl::Now(), absl::ZeroDuration()));
      changed_.wait_for(lock, wait, [this] { return ends_ || !stale_.empty(); });
      if (ends_) return;
      if (!stale_.empty() && absl::Now() < next) {
        organization = *stale_.begin();
        stale_.erase(stale_.begin());
      } else if (absl::Now() < next) {
        continue;
      } else {
        stale_.clear();
      }
    }
    if (organization.empty()) {
      ReadRound();
      next = absl::Now() + interval_;
    } else {
      ReadWallet(organization);
    }
    Tell();
  }
}

absl::StatusOr<std::vector<std::string>> TopFeed::List() {
  if (!given_.empty()) return given_;
  v1::AdminService::Stub stub(connection_->channel());
  v1::ListOrganizationsRequest request;
  request.set_page_size(kListPage);
  std::vector<std::string> ids;
  do {
    const auto page = connection_->Call(stub, &v1::AdminService::Stub::ListOrganizations, request,
                                        RetrySafety::kNever);
    if (!page.ok()) return page.status();
    for (const v1::Organization& one : page->organizations()) ids.push_back(one.organization_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return ids;
}

void TopFeed::ReadRound() {
  const absl::StatusOr<std::vector<std::string>> ids = List();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    news_.status = ids.status();
    if (ids.ok()) {
      news_.has_organizations = true;
      news_.organizations = *ids;
    }
  }
  if (ids.ok()) {
    for (const std::string& id : *ids) ReadWallet(id);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ++news_.rounds;
}

void TopFeed::ReadWallet(const std::string& organization) {
  grpc::ClientContext context;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ends_) return;
    reading_ = &context;
  }
  connection_->Prepare(&context, absl::Now() + connection_->options().deadline);
  v1::AdminService::Stub stub(connection_->channel());
  v1::GetWalletRequest request;
  request.set_organization_id(organization);
  v1::GetWalletResponse wallet;
  const absl::Status status = StatusFromGrpc(stub.GetWallet(&context, request, &wallet));
  const std::lock_guard<std::mutex> lock(mutex_);
  reading_ = nullptr;
  if (status.ok()) {
    news_.wallets.push_back(std::move(wallet));
  } else {
    news_.problems.emplace_back(organization, status);
  }
}

absl::Status TopFeed::WatchOnce(Watcher* watcher) {
  grpc::ClientContext context;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (watcher->ends) return absl::OkStatus();
    watcher->context = &context;
  }
  connection_->Prepare(&context, absl::InfiniteFuture());
  v1::QuotaService::Stub stub(connection_->channel());
  const auto reader = stub.WatchWallet(&context, watcher->request);
  v1::WatchWalletResponse news;
  while (reader->Read(&news)) {
    watcher->request.set_from_revision(news.position().revision());
    watcher->request.set_epoch(news.position().epoch());
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      // What happened between the last reading and the watch is in no message.
      if (!watcher->serves) stale_.insert(watcher->organization);
      watcher->serves = true;
      for (const v1::JournalEntry& entry : news.entries()) {
        news_.entries.emplace_back(watcher->organization, entry);
      }
      if (!news.entries().empty()) stale_.insert(watcher->organization);
      changed_.notify_all();
    }
    Tell();
  }
  const absl::Status status = StatusFromGrpc(reader->Finish());
  const std::lock_guard<std::mutex> lock(mutex_);
  watcher->context = nullptr;
  watcher->serves = false;
  return status;
}

void TopFeed::WatchForever(Watcher* watcher) {
  while (true) {
    const absl::Status status = WatchOnce(watcher);
    std::unique_lock<std::mutex> lock(mutex_);
    // A wallet of another epoch begins anew.
    if (absl::IsOutOfRange(status)) {
      watcher->request.clear_from_revision();
      watcher->request.clear_epoch();
    }
    // Neither will be otherwise in a moment.
    const bool is_final = absl::IsPermissionDenied(status) || absl::IsUnimplemented(status);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(is_final ? absl::Minutes(1) : kWatchPause),
                      [watcher] { return watcher->ends; });
    if (!watcher->ends) continue;
    watcher->done = true;
    return;
  }
}

}  // namespace bursar::cli
