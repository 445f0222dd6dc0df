#include "tests/support/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace bursar {
namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::abort();
}

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// False: the receiver is gone.
bool SendAll(int socket, const char* bytes, ssize_t count) {
  while (count > 0) {
    const ssize_t sent = send(socket, bytes, static_cast<size_t>(count), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= sent;
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(int target_port, Budget budget)
    : target_port_(target_port), budget_(std::move(budget)) {
  Require(pipe(stop_pipe_) == 0, "pipe");
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Require(listener_ >= 0, "socket");
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  Require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  Require(listen(listener_, 16) == 0, "listen");
  Require(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

CuttingProxy::~CuttingProxy() {
  close(stop_pipe_[1]);
  acceptor_.join();
  for (std::thread& forwarder : forwarders_) forwarder.join();
  close(listener_);
  close(stop_pipe_[0]);
}

void CuttingProxy::AcceptLoop() {
  for (int index = 0;; ++index) {
    pollfd waits[] = {{listener_, POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}};
    while (poll(waits, 2, -1) < 0) {
    }
    if (waits[1].revents != 0) return;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    forwarders_.emplace_back([this, client, budget = budget_(index)] { Forward(client, budget); });
  }
}

void CuttingProxy::Forward(int client, int64_t budget) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(target_port_);
  bool is_open =
      server >= 0 && connect(server, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  std::vector<char> buffer(64 << 10);
  while (is_open) {
    pollfd waits[] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}};
    if (poll(waits, 3, -1) < 0) continue;
    if (waits[2].revents != 0) break;
    if (waits[1].revents != 0) {
      const ssize_t count = recv(server, buffer.data(), buffer.size(), 0);
      is_open = count > 0 && SendAll(client, buffer.data(), count);
    }
    if (is_open && waits[0].revents != 0) {
      const size_t most = budget == kNeverCut
                              ? buffer.size()
                              : std::min(buffer.size(), static_cast<size_t>(budget));
      const ssize_t count = recv(client, buffer.data(), most, 0);
      is_open = count > 0 && SendAll(server, buffer.data(), count);
      if (is_open && budget != kNeverCut && (budget -= count) == 0) {
        ++cut_count_;
        is_open = false;
      }
    }
  }
  close(client);
  if (server >= 0) close(server);
}

}  // namespace bursar
