#include "server/app/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

// The longest path that a unix socket's address can carry.
constexpr size_t kMaxSocketPathBytes = 107;

absl::Status Malformed(std::string_view text, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", ToAbsl(text), "\" is no address to listen at: ", why,
                   "; write HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"));
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(std::string_view text) {
  ListenAddress address;
  constexpr std::string_view kUnix = "unix:";
  if (text.substr(0, kUnix.size()) == kUnix) {
    address.path_ = std::string(text.substr(kUnix.size()));
    if (address.path_.empty()) return Malformed(text, "the path is missing");
    if (address.path_.size() > kMaxSocketPathBytes) return Malformed(text, "the path is too long");
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Malformed(text, "the port is missing");
  const std::string_view port = text.substr(colon + 1);
  uint32_t number = 0;
  if (!absl::SimpleAtoi(ToAbsl(port), &number) || number > 65535 || port.front() == '+') {
    return Malformed(text, "the port must be from 0 to 65535");
  }
  address.port_ = static_cast<uint16_t>(number);
  std::string_view host = text.substr(0, colon);
  if (host.empty()) host = "[::]";
  if (host.front() == '[' && host.back() == ']') {
    address.host_ = std::string(host.substr(1, host.size() - 2));
    in6_addr parsed;
    if (inet_pton(AF_INET6, address.host_.c_str(), &parsed) != 1) {
      return Malformed(text, "what is in brackets must be an IPv6 address");
    }
    return address;
  }
  if (host.find(':') != std::string_view::npos) {
    return Malformed(text, "an IPv6 address must be in brackets");
  }
  if (host.find_first_of("[]/ ,") != std::string_view::npos) {
    return Malformed(text, "the host has characters that no host has");
  }
  address.host_ = std::string(host);
  return address;
}

bool ListenAddress::is_loopback() const {
  if (is_unix() || host_ == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, host_.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, host_.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::WithPort(int port) const {
  if (is_unix()) return absl::StrCat("unix:", path_);
  const bool is_v6 = host_.find(':') != std::string::npos;
  return is_v6 ? absl::StrCat("[", host_, "]:", port) : absl::StrCat(host_, ":", port);
}

}  // namespace bursar
