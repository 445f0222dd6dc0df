#include "server/app/listening_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

// Connections that wait to be accepted; the kernel caps it by its own setting.
constexpr int kBacklog = 4096;
// How often another port is asked for where one address of a name cannot have the chosen one.
constexpr int kPortAttempts = 16;

absl::Status CannotListen(const std::string& address, int error) {
  const std::string why =
      error == EADDRINUSE ? "the address is in use" : std::string(std::strerror(error));
  return absl::UnavailableError(absl::StrCat("cannot listen at ", address, ": ", why));
}

// Whether the machine simply lacks such an address, so that the name's others will do.
bool IsAbsent(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

// Whether somebody listens at the unix socket.
bool IsAlive(const sockaddr_un& name) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return true;
  const int result = connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  const bool is_dead = result != 0 && (errno == ECONNREFUSED || errno == ENOENT);
  close(descriptor);
  return !is_dead;
}

}  // namespace

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this == &other) return *this;
  Close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  port_ = std::exchange(other.port_, 0);
  path_ = std::exchange(other.path_, {});
  path_device_ = other.path_device_;
  path_inode_ = other.path_inode_;
  return *this;
}

void ListeningSocket::Close() {
  if (descriptor_ < 0) return;
  struct stat facts = {};
  if (is_unix() && lstat(path_.c_str(), &facts) == 0 && facts.st_dev == path_device_ &&
      facts.st_ino == path_inode_) {
    unlink(path_.c_str());
  }
  close(descriptor_);
  descriptor_ = -1;
}

absl::StatusOr<std::vector<ListeningSocket>> ListeningSocket::Open(const ListenAddress& address) {
  if (address.is_unix()) {
    auto socket = OpenUnix(address.path());
    if (!socket.ok()) return socket.status();
    std::vector<ListeningSocket> sockets;
    sockets.push_back(*std::move(socket));
    return sockets;
  }
  absl::StatusOr<std::vector<ListeningSocket>> sockets = OpenTcp(address, address.port());
  for (int i = 1; i < kPortAttempts && address.port() == 0 && !sockets.ok(); ++i) {
    sockets = OpenTcp(address, address.port());
  }
  return sockets;
}

absl::StatusOr<ListeningSocket> ListeningSocket::OpenUnix(const std::string& path) {
  const std::string shown = absl::StrCat("unix:", path);
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return CannotListen(shown, ENAMETOOLONG);
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  struct stat facts = {};
  if (lstat(path.c_str(), &facts) == 0) {
    if (!S_ISSOCK(facts.st_mode) || IsAlive(name)) return CannotListen(shown, EADDRINUSE);
    unlink(path.c_str());
  }
  ListeningSocket socket;
  socket.descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket.descriptor_ < 0 ||
      bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return CannotListen(shown, errno);
  }
  socket.path_ = path;
  if (lstat(path.c_str(), &facts) == 0) {
    socket.path_device_ = facts.st_dev;
    socket.path_inode_ = facts.st_ino;
  }
  if (listen(socket.descriptor_, kBacklog) != 0) return CannotListen(shown, errno);
  return socket;
}

// Returns 0 or the error.
int ListeningSocket::BindTcp(int family, const void* name, unsigned name_bytes,
                             ListeningSocket* socket) {
  socket->descriptor_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket->descriptor_ < 0) return errno;
  const int on = 1;
  // Connections of a server that just ended do not keep the next one from the address.
  if (setsockopt(socket->descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return errno;
  if (family == AF_INET6) {
    const auto* v6 = static_cast<const sockaddr_in6*>(name);
    const int only_v6 = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr) ? 0 : 1;
    if (setsockopt(socket->descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6)) != 0)
      return errno;
  }
  if (bind(socket->descriptor_, static_cast<const sockaddr*>(name), name_bytes) != 0) return errno;
  if (listen(socket->descriptor_, kBacklog) != 0) return errno;
  sockaddr_storage bound = {};
  socklen_t bound_bytes = sizeof(bound);
  if (getsockname(socket->descriptor_, reinterpret_cast<sockaddr*>(&bound), &bound_bytes) != 0) {
    return errno;
  }
  socket->port_ =
      ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                                        : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  return 0;
}

absl::StatusOr<std::vector<ListeningSocket>> ListeningSocket::OpenTcp(const ListenAddress& address,
                                                                      int port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  // The port is put in below: it may be one that the system has yet to choose.
  const int failure = getaddrinfo(address.host().c_str(), "0", &hints, &found);
  if (failure != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen at ", address.ToString(), ": ", gai_strerror(failure)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  std::vector<ListeningSocket> sockets;
  int error = EADDRNOTAVAIL;
  for (addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET) {
      reinterpret_cast<sockaddr_in*>(one->ai_addr)->sin_port = htons(static_cast<uint16_t>(port));
    } else if (one->ai_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(one->ai_addr)->sin6_port = htons(static_cast<uint16_t>(port));
    } else {
      continue;
    }
    ListeningSocket socket;
    error = BindTcp(one->ai_family, one->ai_addr, one->ai_addrlen, &socket);
    if (error == 0) {
      port = socket.port_;
      sockets.push_back(std::move(socket));
    } else if (!IsAbsent(error)) {
      return CannotListen(address.ToString(), error);
    }
  }
  // A wildcard on a machine without IPv6.
  if (sockets.empty() && address.host() == "::") {
    const auto v4 = ListenAddress::Parse(absl::StrCat("0.0.0.0:", port));
    if (v4.ok()) return OpenTcp(*v4, port);
  }
  if (sockets.empty()) return CannotListen(address.ToString(), error);
  return sockets;
}

}  // namespace bursar
