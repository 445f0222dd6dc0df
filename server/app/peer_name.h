// What gRPC calls the other end of a connection, for a descriptor.
//
// Thread rule: pure functions.
#pragma once

#include <string>

namespace bursar {

// "ipv4:127.0.0.1:41234" or "ipv6:%5B::1%5D:41234", letter for letter as
// grpc::ServerContext::peer() says it, so that calls and connections find each other; empty for a
// descriptor that has no such peer. A test compares the two.
std::string PeerNameOf(int descriptor);

}  // namespace bursar
