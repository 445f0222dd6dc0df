// cpp-httplib's server with bounds on what a connection may cost, whoever is behind it.
//
// The library gives each connection a thread for as long as bytes trickle in, so that a handful of
// slow clients keeps everybody else out. Here
//
//   - a connection is one exchange: TLS, request and answer, then it is closed;
//   - the exchange has a deadline as a whole, and a much shorter one while others wait for a
//   thread;
//   - the head of a request is bounded;
//   - the connections that wait for a thread are bounded; more are closed at once.
//
// Thread rule: as httplib::Server.
#pragma once

#include <httplib.h>
#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace bursar {

struct HttpBounds {
  int threads = 16;
  int max_waiting = 64;  // Connections without a thread yet.
  std::chrono::milliseconds exchange_timeout{5000};
  std::chrono::milliseconds crowded_timeout{250};  // While others wait.
  size_t max_request_bytes = 16384;
};

class BoundedServer final : public httplib::Server {
 public:
  explicit BoundedServer(const HttpBounds& bounds);
  ~BoundedServer() override;

  // From now on new connections speak TLS with the certificates and the key in a file; false where
  // they cannot be used, which changes nothing. The first time before listening; later from any
  // thread.
  bool UseTls(const std::string& identity_file);

 private:
  class Queue;

  // The library's way to a connection: closes the socket, whatever happened on it.
  bool process_and_close_socket(int descriptor) override;

  std::shared_ptr<SSL_CTX> tls();

  const HttpBounds bounds_;
  std::atomic<int> connections_ = 0;  // With a thread or waiting for one.
  std::mutex mutex_;                  // Guards tls_, for the length of a pointer copy.
  std::shared_ptr<SSL_CTX> tls_;      // Null where connections are plaintext.
};

}  // namespace bursar
