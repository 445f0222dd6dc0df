// Where the server listens: a TCP address or a unix socket.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bursar {

class ListenAddress {
 public:
  // Reads "HOST:PORT", "[IPV6]:PORT", ":PORT" (every interface) or "unix:PATH". Port 0 lets the
  // system choose. INVALID_ARGUMENT, naming the text, for anything else.
  static absl::StatusOr<ListenAddress> Parse(std::string_view text);

  bool is_unix() const { return !path_.empty(); }
  // Whether only this machine can reach it: a unix socket, 127.0.0.0/8, ::1 or "localhost".
  bool is_loopback() const;

  const std::string& host() const { return host_; }  // Without brackets; empty for unix sockets.
  uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }

  // As gRPC takes it and as it is shown: "127.0.0.1:50051", "[::]:50051", "unix:/run/bursard".
  std::string ToString() const { return WithPort(port_); }
  // The same with the port that the system chose.
  std::string WithPort(int port) const;

 private:
  std::string host_;
  uint16_t port_ = 0;
  std::string path_;
};

}  // namespace bursar
