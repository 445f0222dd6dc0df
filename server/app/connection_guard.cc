#include "server/app/connection_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/app/peer_name.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

// Descriptors of everything that is not a connection: the store's files, logs, deliveries, spares.
constexpr int kOwnDescriptors = 1024;
// Connections accepted at one listener before the others get their turn.
constexpr int kAcceptBatch = 64;
// How long the thread rests where accepting failed and trying at once would spin.
constexpr absl::Duration kRest = absl::Milliseconds(20);
// Between two looks at all connections, and while the server is full.
constexpr absl::Duration kSweepInterval = absl::Seconds(1);
constexpr absl::Duration kFullSweepInterval = absl::Milliseconds(100);
// How long credentials are watched for after a new connection, or after descriptors were short.
constexpr absl::Duration kWatchTime = absl::Minutes(1);

absl::Duration Now() { return SystemClock().Monotonic(); }

std::optional<uint64_t> CookieOf(int descriptor) {
  uint64_t cookie = 0;
  socklen_t bytes = sizeof(cookie);
  if (getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) != 0) return std::nullopt;
  return cookie;
}

// What the peer has sent over the connection's life.
uint64_t ReceivedBytes(int descriptor) {
  tcp_info info = {};
  socklen_t bytes = sizeof(info);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) return 0;
  return info.tcpi_bytes_received;
}

// How many descriptors this process may have now.
rlim_t DescriptorLimit() {
  rlimit limit = {};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

}  // namespace

absl::Status ConnectionGuard::EnsureDescriptors(int max_connections) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::OkStatus();
  const rlim_t needed = static_cast<rlim_t>(max_connections) + kOwnDescriptors;
  if (limit.rlim_cur >= needed) return absl::OkStatus();
  const rlim_t allowed = limit.rlim_max;
  limit.rlim_cur = std::min(needed, allowed);
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= needed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--max-connections ", max_connections, " needs ", needed,
                   " descriptors, and this process may have ", allowed,
                   ": raise the hard limit (ulimit -Hn, LimitNOFILE=), or lower the setting"));
}

absl::StatusOr<int> ConnectionGuard::Listen(const ListenAddress& address, Take take) {
  auto sockets = ListeningSocket::Open(address);
  if (!sockets.ok()) return sockets.status();
  const int port = sockets->front().port();
  for (ListeningSocket& socket : *sockets) listeners_.push_back({std::move(socket), take});
  return port;
}

absl::Status ConnectionGuard::Start() {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  nothing_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  copy_ = fcntl(nothing_, F_DUPFD_CLOEXEC, 0);
  RefillSpares();
  if (wake_ < 0 || copy_ < 0 || spares_.empty()) {
    return absl::ResourceExhaustedError("no descriptors are left to begin with");
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void ConnectionGuard::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // An eventfd of value zero takes a write at once.
    BURSAR_CHECK(write(wake_, &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  listeners_.clear();
  for (const int spare : std::exchange(spares_, {})) close(spare);
  const std::lock_guard lock(mutex_);
  for (int* const own : {&wake_, &nothing_, &copy_}) {
    if (*own >= 0) close(std::exchange(*own, -1));
  }
}

void ConnectionGuard::Run() {
  std::vector<pollfd> polled;
  polled.push_back({wake_, POLLIN, 0});
  for (const Listener& listener : listeners_) {
    polled.push_back({listener.socket.descriptor(), POLLIN, 0});
  }
  const auto poll_ms = static_cast<int>(absl::ToInt64Milliseconds(kSweepInterval));
  while (true) {
    if (poll(polled.data(), polled.size(), poll_ms) < 0 && errno != EINTR) Rest(kRest);
    if ((polled[0].revents & POLLIN) != 0) return;
    {
      const std::lock_guard lock(mutex_);
      if (Now() >= next_sweep_) SweepLocked();
    }
    bool must_rest = false;
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[i + 1].revents != 0 && !AcceptFrom(listeners_[i])) must_rest = true;
    }
    if (must_rest) Rest(kRest);
  }
}

// Until the time is over, or the thread is to end.
void ConnectionGuard::Rest(absl::Duration duration) const {
  pollfd wake = {wake_, POLLIN, 0};
  poll(&wake, 1, static_cast<int>(absl::ToInt64Milliseconds(duration)));
}

bool ConnectionGuard::AcceptFrom(const Listener& listener) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    const int descriptor =
        accept4(listener.socket.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      if (MakeRoom(descriptor)) {
        HandOver(listener, descriptor);
      } else {
        close(descriptor);
      }
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return true;
      case EMFILE:
      case ENFILE:
        AcceptOnSpare(listener);
        return false;
      case ENOBUFS:
      case ENOMEM:
        SayRefused(std::strerror(errno));
        return false;
      default:
        break;  // That connection is gone already; the next may be well.
    }
  }
  return true;
}

void ConnectionGuard::AcceptOnSpare(const Listener& listener) {
  int refused = 0;
  if (!spares_.empty()) {
    close(spares_.back());
    spares_.pop_back();
    for (int descriptor; refused < kAcceptBatch &&
                         (descriptor = accept4(listener.socket.descriptor(), nullptr, nullptr,
                                               SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;
         ++refused) {
      {
        const std::lock_guard lock(mutex_);
        ++counts_.refused_descriptors;
      }
      close(descriptor);
    }
  }
  RefillSpares();
  SayRefused("no descriptors are left (EMFILE)");
}

bool ConnectionGuard::MakeRoom(int descriptor) {
  const auto limit = static_cast<size_t>(options_.max_connections);
  // The system gives out the lowest number that is free, so a high one means that few are left.
  const bool is_last =
      static_cast<rlim_t>(descriptor + options_.kept_descriptors) >= DescriptorLimit();
  {
    const std::lock_guard lock(mutex_);
    if (!is_last && connections_.size() < limit) return true;
    const absl::Duration now = Now();
    if (now + kSweepInterval - kFullSweepInterval >= next_sweep_) SweepLocked();
    if (is_last) {
      // One less for the next: this newcomer has the number that it has.
      watch_until_ = now + kWatchTime;
      UpdateWatchingLocked();
      DisplaceOldestLocked();
      ++counts_.refused_descriptors;
    } else {
      while (connections_.size() >= limit && DisplaceOldestLocked()) {
      }
      if (connections_.size() < limit) return true;
      ++counts_.refused_full;
    }
  }
  SayRefused(is_last ? "the descriptors that are left are for the store"
                     : "--max-connections are in use by callers with credentials");
  return false;
}

// False where nobody's place can be taken.
bool ConnectionGuard::DisplaceOldestLocked() {
  if (strangers_.empty()) return false;
  const int oldest = strangers_.begin()->second;
  if (!HadTimeLocked(oldest, Now())) return false;
  if (ShutDownLocked(oldest)) ++counts_.displaced;
  ForgetLocked(oldest);
  return true;
}

bool ConnectionGuard::ShutDownLocked(int descriptor) {
  // Between a look at a descriptor and its use, another thread may close it and get it back for
  // something else. A copy stays what it is; its place is ours already, so that it can be made when
  // no descriptors are left.
  if (dup3(descriptor, copy_, O_CLOEXEC) < 0) return false;
  const bool is_same = CookieOf(copy_) == connections_.at(descriptor).cookie;
  if (is_same) shutdown(copy_, SHUT_RDWR);
  (void)dup3(nothing_, copy_, O_CLOEXEC);
  return is_same;
}

bool ConnectionGuard::HadTimeLocked(int descriptor, absl::Duration now) const {
  if (!is_watching_.load(std::memory_order_relaxed)) return false;
  const absl::Duration since = std::max(connections_.at(descriptor).accepted_at, watching_since_);
  return now - since >= options_.show_time;
}

void ConnectionGuard::HandOver(const Listener& listener, int descriptor) {
  const std::optional<uint64_t> cookie = CookieOf(descriptor);
  if (!cookie.has_value()) {
    close(descriptor);
    return;
  }
  Connection connection;
  connection.cookie = *cookie;
  connection.accepted_at = Now();
  const bool is_stranger = !listener.socket.is_unix();
  if (is_stranger) {
    const int on = 1;
    const auto timeout_ms = static_cast<unsigned>(absl::ToInt64Milliseconds(options_.user_timeout));
    // As gRPC sets its own; without them a connection works too.
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    connection.peer = PeerNameOf(descriptor);
  }
  {
    const std::lock_guard lock(mutex_);
    // The system gave the descriptor out again, so whoever had it is gone.
    ForgetLocked(descriptor);
    connection.number = ++next_number_;
    ++counts_.accepted;
    if (!connection.peer.empty()) by_peer_[connection.peer] = descriptor;
    if (is_stranger) {
      strangers_[connection.number] = descriptor;
      watch_until_ = connection.accepted_at + kWatchTime;
    }
    connections_[descriptor] = std::move(connection);
    UpdateWatchingLocked();
  }
  listener.take(descriptor);
}

void ConnectionGuard::RefillSpares() {
  while (spares_.size() < static_cast<size_t>(options_.spare_descriptors)) {
    const int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (spare < 0) return;
    spares_.push_back(spare);
  }
}

void ConnectionGuard::SayRefused(const char* why) {
  const std::optional<int64_t> left_out = refusals_.Take(Now());
  if (!left_out.has_value()) return;
  spdlog::warn("connections are refused: {}; {} live (left out before: {})", why, counts().live,
               *left_out);
}

void ConnectionGuard::Sweep() {
  const std::lock_guard lock(mutex_);
  SweepLocked();
}

void ConnectionGuard::SweepLocked() {
  std::vector<int> ended;
  for (const auto& [descriptor, connection] : connections_) {
    if (CookieOf(descriptor) != connection.cookie) ended.push_back(descriptor);
  }
  for (const int descriptor : ended) ForgetLocked(descriptor);
  next_sweep_ = Now() + kSweepInterval;
  UpdateWatchingLocked();
}

void ConnectionGuard::ForgetLocked(int descriptor) {
  const auto entry = connections_.find(descriptor);
  if (entry == connections_.end()) return;
  strangers_.erase(entry->second.number);
  const auto peer = by_peer_.find(entry->second.peer);
  if (peer != by_peer_.end() && peer->second == descriptor) by_peer_.erase(peer);
  connections_.erase(entry);
}

// From three quarters of the bound on, until half of it: credentials are seen before they count.
void ConnectionGuard::UpdateWatchingLocked() {
  const size_t live = connections_.size() * 4;
  const auto limit = static_cast<size_t>(options_.max_connections);
  const bool was_watching = is_watching_.load(std::memory_order_relaxed);
  const bool is_crowded = live >= limit * 3 || (was_watching && live >= limit * 2);
  const absl::Duration now = Now();
  const bool watches = !strangers_.empty() && (troubles_ != 0 || is_crowded || now < watch_until_);
  if (watches && !was_watching) watching_since_ = now;
  is_watching_.store(watches, std::memory_order_relaxed);
}

void ConnectionGuard::WatchForTrouble(Trouble trouble, bool on) {
  const std::lock_guard lock(mutex_);
  const auto bit = static_cast<unsigned>(trouble);
  troubles_ = on ? troubles_ | bit : troubles_ & ~bit;
  UpdateWatchingLocked();
}

int ConnectionGuard::Shed() {
  struct Stranger {
    uint64_t received = 0;
    int descriptor = -1;
  };
  const std::lock_guard lock(mutex_);
  SweepLocked();
  std::vector<Stranger> strangers;
  uint64_t all_received = 0;
  const absl::Duration now = Now();
  for (const auto& [number, descriptor] : strangers_) {
    if (!HadTimeLocked(descriptor, now)) break;  // Nor had any that follow.
    strangers.push_back({ReceivedBytes(descriptor), descriptor});
    all_received += strangers.back().received;
  }
  std::sort(strangers.begin(), strangers.end(),
            [](const Stranger& a, const Stranger& b) { return a.received > b.received; });
  int shed = 0;
  uint64_t shed_received = 0;
  for (const Stranger& stranger : strangers) {
    if (shed > 0 && shed_received * 2 >= all_received) break;
    if (ShutDownLocked(stranger.descriptor)) ++shed;
    shed_received += stranger.received;
    ForgetLocked(stranger.descriptor);
  }
  counts_.shed += shed;
  return shed;
}

void ConnectionGuard::SawCredential(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto entry = by_peer_.find(peer);
  if (entry == by_peer_.end()) return;
  if (strangers_.erase(connections_.at(entry->second).number) > 0 && strangers_.empty()) {
    UpdateWatchingLocked();
  }
}

ConnectionGuard::Counts ConnectionGuard::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.live = static_cast<int>(connections_.size());
  return counts;
}

}  // namespace bursar
