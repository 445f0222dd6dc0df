// A connection to a Bursar server, and how every call over it is made: one reused channel, TLS or
// plaintext, a bearer token, the acting person, a deadline, and retries where they are safe.
//
// Promises: a token is never sent over plaintext beyond loopback; a call never lasts past its
// deadline, waiting between attempts included; a call is repeated only where repeating it cannot do
// anything twice.
//
// Thread rule: a Connection is immutable once opened and may be used from any number of threads.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/lib/error.h"

namespace bursar {

// Waits for that long.
using Sleep = std::function<void(absl::Duration)>;

// How to reach a server and how to behave towards it.
struct ConnectionOptions {
  // Host and port, for example "localhost:50051" or "unix:/run/bursar.sock". A missing port is
  // 50051.
  std::string server = "localhost:50051";
  // Whether the server is spoken to over TLS.
  bool use_tls = false;
  // Certificates in PEM that a TLS server's must chain to; empty means those of the system.
  std::string tls_root_certificates;
  // The certificate chain and key, PEM, of who calls; both, or neither.
  std::string tls_client_certificate;
  std::string tls_client_key;
  // Sent as `authorization: Bearer …` with every call; empty sends none.
  std::string token;
  // The person for whom an administrative call is made, sent as `bursar-actor`; empty sends none.
  std::string actor;
  // How long a call may take, all attempts together. Must be above zero.
  absl::Duration deadline = absl::Seconds(5);
  // How often a call that is safe to repeat is tried at most; 1 never repeats.
  int max_attempts = 4;
  // The wait before the second attempt; each further one doubles it up to the maximum. A wait is
  // drawn evenly from its upper half, so that many callers do not come back at once. A longer wait
  // that the server asks for is kept.
  absl::Duration initial_backoff = absl::Milliseconds(50);
  absl::Duration max_backoff = absl::Seconds(2);
  // How many TCP connections there are, for programs that open several Connections to spread load:
  // connections of different numbers never share one.
  int channel_number = 0;
  // Waits between attempts. Tests put their own here; unset sleeps.
  Sleep sleep;
};

// Whether a call may be made again when nothing is known of the first attempt.
enum class RetrySafety {
  // Repeating it could do its work twice.
  kNever,
  // It only reads, or it carries a request id by which the server knows a repetition.
  kSafe,
};

// Whether `server` names this machine only: localhost, 127.0.0.0/8, [::1] or a unix socket.
bool IsLoopback(const std::string& server);

// See the head of the file.
class Connection {
 public:
  // Checks the options and makes the channel; does not wait for the server, which may not even run
  // yet. INVALID_ARGUMENT for malformed options, and for a token over plaintext beyond loopback.
  static absl::StatusOr<std::shared_ptr<const Connection>> Open(ConnectionOptions options);

  // The channel, for generated stubs. Calls made on it directly need Prepare.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // What the connection was opened with.
  const ConnectionOptions& options() const { return options_; }

  // Puts token, actor and deadline on a call. A unary call is made with one fresh context.
  void Prepare(grpc::ClientContext* context, absl::Time deadline) const;

  // Makes a unary call, for example
  //   connection.Call(*stub, &v1::QuotaService::Stub::CheckAdmission, request, RetrySafety::kSafe).
  // UNAVAILABLE is tried again, as is RESOURCE_EXHAUSTED where the server says when; both only if
  // that is safe and ends before the deadline. Errors carry the server's details (DetailsOf).
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, RetrySafety safety) const {
    Response response;
    const absl::Status status = Attempt(
        [&](grpc::ClientContext* context) {
          response.Clear();
          return StatusFromGrpc((stub.*method)(context, request, &response));
        },
        safety);
    if (!status.ok()) return status;
    return response;
  }

 private:
  explicit Connection(ConnectionOptions options) : options_(std::move(options)) {}

  // Runs `call` until it succeeds, fails for good, or time or attempts are used up.
  absl::Status Attempt(const std::function<absl::Status(grpc::ClientContext*)>& call,
                       RetrySafety safety) const;

  ConnectionOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace bursar
