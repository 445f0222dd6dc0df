#include "server/http/bounded_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bursar {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Tls = std::unique_ptr<SSL, decltype(&SSL_free)>;

// How often a connection that waits for its peer looks whether others wait for its thread.
constexpr std::chrono::milliseconds kLookInterval{25};

// On the accepting thread: the connection at hand is one too many.
thread_local bool t_is_refused = false;

// A connection, until its time is over. One thread's.
class TimedStream final : public httplib::Stream {
 public:
  // `connections` are those that have a thread or wait for one.
  TimedStream(int descriptor, SSL_CTX* tls, const HttpBounds& bounds,
              const std::atomic<int>* connections)
      : descriptor_(descriptor),
        bounds_(bounds),
        connections_(connections),
        begin_(SteadyClock::now()),
        tls_(tls == nullptr ? nullptr : SSL_new(tls), &SSL_free) {
    if (tls_ != nullptr) SSL_set_fd(tls_.get(), descriptor);
  }

  // The TLS handshake, where there is one.
  bool Begin() {
    if (tls_ == nullptr) return true;
    for (int result = SSL_accept(tls_.get()); result != 1; result = SSL_accept(tls_.get())) {
      if (!WaitForTls(result)) return false;
    }
    return true;
  }

  void End() {
    if (tls_ != nullptr) SSL_shutdown(tls_.get());
  }

  bool is_readable() const override { return Wait(POLLIN); }
  bool is_writable() const override { return Wait(POLLOUT); }

  ssize_t read(char* bytes, size_t size) override {
    if (position_ == filled_ && !Fill()) return -1;
    const size_t count = std::min(size, filled_ - position_);
    std::copy_n(buffer_ + position_, count, bytes);
    position_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* bytes, size_t size) override {
    size_t written = 0;
    while (written < size) {
      ssize_t result = 0;
      if (tls_ != nullptr) {
        result = SSL_write(tls_.get(), bytes + written, static_cast<int>(size - written));
        if (result <= 0 && !WaitForTls(static_cast<int>(result))) return -1;
      } else {
        result = send(descriptor_, bytes + written, size - written, MSG_NOSIGNAL);
        if (result < 0 && (errno != EAGAIN || !Wait(POLLOUT))) return -1;
      }
      if (result > 0) written += static_cast<size_t>(result);
    }
    return static_cast<ssize_t>(size);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return descriptor_; }

 private:
  bool Fill() {
    while (received_ < bounds_.max_request_bytes) {
      ssize_t result = 0;
      if (tls_ != nullptr) {
        result = SSL_read(tls_.get(), buffer_, sizeof(buffer_));
        if (result <= 0 && !WaitForTls(static_cast<int>(result))) return false;
      } else {
        result = recv(descriptor_, buffer_, sizeof(buffer_), 0);
        if (result == 0 || (result < 0 && (errno != EAGAIN || !Wait(POLLIN)))) return false;
      }
      if (result <= 0) continue;
      position_ = 0;
      filled_ = static_cast<size_t>(result);
      received_ += filled_;
      return true;
    }
    return false;
  }

  bool WaitForTls(int result) const {
    switch (SSL_get_error(tls_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return Wait(POLLIN);
      case SSL_ERROR_WANT_WRITE:
        return Wait(POLLOUT);
      default:
        return false;
    }
  }

  // False: the time is over.
  bool Wait(short events) const {
    while (true) {
      const auto spent = SteadyClock::now() - begin_;
      const bool is_crowded = *connections_ > bounds_.threads;
      const auto allowed = is_crowded ? bounds_.crowded_timeout : bounds_.exchange_timeout;
      if (spent >= allowed) return false;
      pollfd polled = {descriptor_, events, 0};
      const int ready = poll(&polled, 1, static_cast<int>(kLookInterval.count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  const int descriptor_;
  const HttpBounds& bounds_;
  const std::atomic<int>* const connections_;
  const SteadyClock::time_point begin_;
  const Tls tls_;
  char buffer_[4096];
  size_t position_ = 0;
  size_t filled_ = 0;
  size_t received_ = 0;
};

}  // namespace

// The library's threads, behind a count of the connections.
class BoundedServer::Queue final : public httplib::TaskQueue {
 public:
  explicit Queue(BoundedServer* server)
      : server_(server), pool_(static_cast<size_t>(server->bounds_.threads)) {}

  void enqueue(std::function<void()> task) override {
    if (++server_->connections_ > server_->bounds_.threads + server_->bounds_.max_waiting) {
      t_is_refused = true;
      task();  // It only closes the connection, which nobody but the task can.
      t_is_refused = false;
      --server_->connections_;
      return;
    }
    pool_.enqueue([server = server_, task = std::move(task)] {
      task();
      --server->connections_;
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  BoundedServer* const server_;
  httplib::ThreadPool pool_;
};

BoundedServer::BoundedServer(const HttpBounds& bounds) : bounds_(bounds) {
  new_task_queue = [this] { return new Queue(this); };
  set_payload_max_length(bounds.max_request_bytes);
}

BoundedServer::~BoundedServer() = default;

bool BoundedServer::UseTls(const std::string& identity_file) {
  std::shared_ptr<SSL_CTX> tls(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const bool is_usable =
      tls != nullptr && SSL_CTX_set_min_proto_version(tls.get(), TLS1_2_VERSION) == 1 &&
      SSL_CTX_use_certificate_chain_file(tls.get(), identity_file.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(tls.get(), identity_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(tls.get()) == 1;
  if (!is_usable) return false;
  const std::lock_guard lock(mutex_);
  tls_ = std::move(tls);
  return true;
}

std::shared_ptr<SSL_CTX> BoundedServer::tls() {
  const std::lock_guard lock(mutex_);
  return tls_;
}

bool BoundedServer::process_and_close_socket(int descriptor) {
  bool is_answered = false;
  if (!t_is_refused && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0) {
    const std::shared_ptr<SSL_CTX> tls = this->tls();
    TimedStream stream(descriptor, tls.get(), bounds_, &connections_);
    bool was_closed = false;
    is_answered = stream.Begin() && process_request(stream, true, was_closed, nullptr);
    stream.End();
  }
  shutdown(descriptor, SHUT_RDWR);
  close(descriptor);
  return is_answered;
}

}  // namespace bursar
