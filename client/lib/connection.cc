#include "client/lib/connection.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "client/lib/retry.h"

namespace bursar {
namespace {

constexpr char kDefaultPort[] = "50051";

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool IsUnixSocket(const std::string& server) {
  return StartsWith(server, "unix:") || StartsWith(server, "unix-abstract:");
}

// The address behind a resolver's prefix: "dns:///host:1" and "ipv4:1.2.3.4:5" name host:port.
std::string WithoutResolver(const std::string& server) {
  for (const char* prefix : {"dns:///", "dns:", "ipv4:", "ipv6:"}) {
    if (StartsWith(server, prefix)) return server.substr(std::string(prefix).size());
  }
  return server;
}

// Host and port of an address; the port is empty where there is none. "::1" without brackets is a
// host.
std::pair<std::string, std::string> SplitAddress(const std::string& server) {
  const std::string address = WithoutResolver(server);
  if (StartsWith(address, "[")) {
    const size_t end = address.find(']');
    if (end == std::string::npos) return {address, ""};
    const std::string rest = address.substr(end + 1);
    return {address.substr(1, end - 1), StartsWith(rest, ":") ? rest.substr(1) : ""};
  }
  const size_t colon = address.find(':');
  if (colon == std::string::npos || address.find(':', colon + 1) != std::string::npos) {
    return {address, ""};
  }
  return {address.substr(0, colon), address.substr(colon + 1)};
}

bool IsLoopbackAddressV4(const std::string& host) {
  if (!StartsWith(host, "127.")) return false;
  int dots = 0;
  for (const char c : host) {
    if (c == '.') {
      ++dots;
    } else if (c < '0' || c > '9') {
      return false;  // A name such as 127.example.com lies anywhere.
    }
  }
  return dots == 3;
}

// The target for gRPC: the server with a port, so that no default of gRPC's own applies.
std::string TargetOf(const std::string& server) {
  if (IsUnixSocket(server)) return server;
  const auto [host, port] = SplitAddress(server);
  if (!port.empty()) return server;
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + kDefaultPort;
}

grpc::ChannelArguments ArgumentsOf(const ConnectionOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix("bursar-client");
  // Service configuration from DNS could switch on retries that this library did not decide on.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A server that just restarts is found again within a call's deadline.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // A proxy from the environment cannot reach this machine's loopback.
  if (IsLoopback(options.server)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Channels with equal arguments would share one connection.
  arguments.SetInt("bursar.channel_number", options.channel_number);
  return arguments;
}

int RandomMillionths() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_int_distribution<int>(0, 1'000'000)(generator);
}

absl::Status CheckOptions(const ConnectionOptions& options) {
  if (options.server.empty() || SplitAddress(options.server).first.empty()) {
    return absl::InvalidArgumentError("The server's address is empty.");
  }
  if (options.deadline <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("The deadline must be above zero.");
  }
  for (const unsigned char c : options.token + options.actor) {
    // gRPC would refuse the call without a word about the cause.
    if (c < 0x20 || c > 0x7e) {
      return absl::InvalidArgumentError("Token and actor must be printable ASCII text.");
    }
  }
  if (!options.token.empty() && !options.use_tls && !IsLoopback(options.server)) {
    return absl::InvalidArgumentError(
        "Refusing to send a token over plaintext to " + options.server +
        ", which is not this machine: whoever listens on the way could take it. Use TLS.");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsLoopback(const std::string& server) {
  if (IsUnixSocket(server)) return true;
  const std::string host = SplitAddress(server).first;
  return host == "localhost" || host == "::1" || IsLoopbackAddressV4(host);
}

absl::StatusOr<std::shared_ptr<const Connection>> Connection::Open(ConnectionOptions options) {
  if (const absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (!options.sleep) {
    options.sleep = [](absl::Duration wait) {
      std::this_thread::sleep_for(absl::ToChronoNanoseconds(wait));
    };
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (options.use_tls) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = options.tls_root_certificates;
    tls.pem_cert_chain = options.tls_client_certificate;
    tls.pem_private_key = options.tls_client_key;
    credentials = grpc::SslCredentials(tls);
  }
  std::shared_ptr<Connection> connection(new Connection(std::move(options)));
  connection->channel_ = grpc::CreateCustomChannel(TargetOf(connection->options_.server),
                                                   credentials, ArgumentsOf(connection->options_));
  return std::shared_ptr<const Connection>(std::move(connection));
}

void Connection::Prepare(grpc::ClientContext* context, absl::Time deadline) const {
  if (!options_.token.empty()) {
    context->AddMetadata("authorization", "Bearer " + options_.token);
  }
  if (!options_.actor.empty()) context->AddMetadata("bursar-actor", options_.actor);
  context->set_deadline(absl::ToChronoTime(deadline));
}

absl::Status Connection::Attempt(const std::function<absl::Status(grpc::ClientContext*)>& call,
                                 RetrySafety safety) const {
  const absl::Time deadline = absl::Now() + options_.deadline;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    Prepare(&context, deadline);
    const absl::Status status = call(&context);
    if (status.ok()) return status;
    const std::optional<absl::Duration> wait = BackoffBefore(
        attempt + 1, status, options_, safety, deadline - absl::Now(), RandomMillionths());
    if (!wait.has_value()) return status;
    options_.sleep(*wait);
  }
}

}  // namespace bursar
