// The small HTTP side of the server: /metrics, /healthz, /readyz.
//
// /healthz says that the process is alive and /readyz whether it serves (503 where not); neither
// asks for a credential. /metrics asks for the token of a viewer or operator, as everything that is
// not health does. A connection is one exchange, bounded in bytes and time (bounded_server.h): slow
// or hostile clients neither keep others out nor touch the request path.
//
// Thread rule: Start and Stop belong to one thread.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "server/http/bounded_server.h"
#include "server/http/metrics.h"
#include "server/service/credentials.h"
#include "server/service/serving_state.h"

namespace bursar {

struct HttpOptions {
  std::string host;               // Without brackets.
  int port = 0;                   // 0: the system chooses.
  std::string tls_identity_file;  // Certificates and their key; empty for plaintext.
  HttpBounds bounds;
};

class HttpServer {
 public:
  // Writes the metrics of one scrape. Called on the HTTP server's threads.
  using Collect = std::function<void(MetricWriter*)>;

  // Binds and starts. UNAVAILABLE when the address cannot be bound, INVALID_ARGUMENT for an
  // unusable certificate or key. Pointers outlive the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           const ServingState* state,
                                                           const Credentials* credentials,
                                                           Collect collect);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  // The port that is listened at.
  int port() const { return port_; }

  // Reads certificate and key: new connections are served with them. INVALID_ARGUMENT where they
  // cannot be used; those before stay.
  absl::Status RefreshTls();

  // Ends it; requests under way are answered. Idempotent.
  void Stop();

 private:
  HttpServer(const HttpOptions& options, const ServingState* state, const Credentials* credentials,
             Collect collect);
  void AddHandlers();

  const HttpOptions options_;
  const ServingState* const state_;
  const Credentials* const credentials_;
  const Collect collect_;
  std::unique_ptr<BoundedServer> server_;
  int port_ = 0;
  std::thread thread_;
  std::atomic<bool> has_ended_ = false;
};

}  // namespace bursar
