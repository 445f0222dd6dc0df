// A socket that is listened at: bound, listening, non-blocking, not inherited by other programs.
//
// An address in use is an error, never a second server that takes half of the connections. The file
// of a unix socket that nobody listens at any more is replaced; that of a living server is not.
//
// Thread rule: a ListeningSocket belongs to one thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/listen_address.h"

namespace bursar {

class ListeningSocket {
 public:
  // Listens at every address that the host's name has (a machine without IPv6 has fewer), all with
  // one port; port 0 lets the system choose it. "[::]" takes IPv4 too. UNAVAILABLE, naming the
  // address and why, where none can be had or one of them is in use.
  static absl::StatusOr<std::vector<ListeningSocket>> Open(const ListenAddress& address);

  ListeningSocket(ListeningSocket&& other) noexcept { *this = std::move(other); }
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  // Stops listening, and removes the file of a unix socket if it is still its own.
  ~ListeningSocket() { Close(); }

  int descriptor() const { return descriptor_; }
  bool is_unix() const { return !path_.empty(); }
  int port() const { return port_; }  // As the system chose it; 0 for a unix socket.

 private:
  ListeningSocket() = default;
  static absl::StatusOr<ListeningSocket> OpenUnix(const std::string& path);
  static absl::StatusOr<std::vector<ListeningSocket>> OpenTcp(const ListenAddress& address,
                                                              int port);
  static int BindTcp(int family, const void* name, unsigned name_bytes, ListeningSocket* socket);
  void Close();

  int descriptor_ = -1;
  int port_ = 0;
  std::string path_;  // Of a unix socket; empty otherwise.
  unsigned long path_device_ = 0;
  unsigned long path_inode_ = 0;
};

}  // namespace bursar
