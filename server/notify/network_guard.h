// Which addresses a webhook may be posted to. A target is a name that somebody typed: it must not
// lead to this machine, to its neighbours or to a cloud's metadata service, whatever its name
// resolves to at the moment of connecting.
//
// Thread rule: pure functions.
//
// Source: rule N2 (docs/rules.md).
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace bursar {

// What kind of place an address is.
enum class AddressKind {
  kPublic,
  kLoopback,
  kPrivate,  // Private, link-local, shared, reserved, multicast, or none at all.
};

// Of an IPv4 or IPv6 address; an IPv4 address that is wrapped in an IPv6 one counts as itself. Any
// other family is private.
AddressKind KindOfAddress(const sockaddr& address);
// The same of text such as "127.0.0.1" or "fe80::1"; private where it is no address.
AddressKind KindOfAddress(const std::string& text);

// Which of them may be connected to, beside public ones.
struct NetworkPolicy {
  bool allow_loopback = false;
  bool allow_private = false;

  bool Allows(AddressKind kind) const;
};

// Whether a host, as a URL names it, is this machine's loopback: "localhost" or a loopback address.
bool IsLoopbackHost(std::string_view host);

}  // namespace bursar
