#include "server/app/peer_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace bursar {

std::string PeerNameOf(int descriptor) {
  sockaddr_storage name = {};
  socklen_t bytes = sizeof(name);
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&name), &bytes) != 0) return "";
  char text[INET6_ADDRSTRLEN] = {};
  if (name.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&name);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v4->sin_port));
  }
  if (name.ss_family != AF_INET6) return "";
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&name);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    in_addr v4 = {};
    std::memcpy(&v4, &v6->sin6_addr.s6_addr[12], sizeof(v4));
    inet_ntop(AF_INET, &v4, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v6->sin6_port));
  }
  inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
  if (v6->sin6_scope_id != 0) {
    return absl::StrCat("ipv6:%5B", text, "%25", v6->sin6_scope_id, "%5D:", ntohs(v6->sin6_port));
  }
  return absl::StrCat("ipv6:%5B", text, "%5D:", ntohs(v6->sin6_port));
}

}  // namespace bursar
