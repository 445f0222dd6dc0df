#include "server/notify/network_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace bursar {
namespace {

struct Range {
  uint32_t network;
  int bits;
};

// What IANA's registry of special addresses does not call globally reachable.
constexpr Range kPrivateRanges[] = {
    {0x00000000, 8},   // "This network".
    {0x0A000000, 8},   // Private.
    {0x64400000, 10},  // Shared, behind carriers.
    {0xA9FE0000, 16},  // Link-local; cloud metadata.
    {0xAC100000, 12},  // Private.
    {0xC0000000, 24},  // Protocol assignments.
    {0xC0000200, 24},  // Documentation.
    {0xC0586300, 24},  // Relays of 6to4.
    {0xC0A80000, 16},  // Private.
    {0xC6120000, 15},  // Benchmarks.
    {0xC6336400, 24},  // Documentation.
    {0xCB007100, 24},  // Documentation.
    {0xE0000000, 3},   // Multicast, reserved, broadcast.
};

AddressKind KindOfIpv4(uint32_t address) {
  if (address >> 24 == 127) return AddressKind::kLoopback;
  for (const Range& range : kPrivateRanges) {
    if ((address ^ range.network) >> (32 - range.bits) == 0) return AddressKind::kPrivate;
  }
  return AddressKind::kPublic;
}

uint32_t Ipv4At(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

AddressKind KindOfIpv6(const uint8_t* bytes) {
  static constexpr uint8_t kZeros[16] = {};
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr uint8_t kNat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, kZeros, 15) == 0 && bytes[15] == 1) return AddressKind::kLoopback;
  if (std::memcmp(bytes, kMapped, 12) == 0) return KindOfIpv4(Ipv4At(bytes + 12));
  if (std::memcmp(bytes, kNat64, 12) == 0) return KindOfIpv4(Ipv4At(bytes + 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return KindOfIpv4(Ipv4At(bytes + 2));  // 6to4.
  // Only 2000::/3 is given out; of it Teredo and documentation are not places to post to.
  if ((bytes[0] & 0xE0) != 0x20) return AddressKind::kPrivate;
  const bool teredo = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0;
  const bool documentation =
      bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8;
  return teredo || documentation ? AddressKind::kPrivate : AddressKind::kPublic;
}

}  // namespace

AddressKind KindOfAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof(ipv4));
    return KindOfIpv4(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, &address, sizeof(ipv6));
    return KindOfIpv6(ipv6.sin6_addr.s6_addr);
  }
  return AddressKind::kPrivate;
}

AddressKind KindOfAddress(const std::string& text) {
  uint8_t bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return KindOfIpv4(Ipv4At(bytes));
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return KindOfIpv6(bytes);
  return AddressKind::kPrivate;
}

bool NetworkPolicy::Allows(AddressKind kind) const {
  return kind == AddressKind::kPublic || (kind == AddressKind::kLoopback && allow_loopback) ||
         (kind == AddressKind::kPrivate && allow_private);
}

bool IsLoopbackHost(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host == "localhost" || KindOfAddress(std::string(host)) == AddressKind::kLoopback;
}

}  // namespace bursar
