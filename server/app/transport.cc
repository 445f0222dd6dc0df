#include "server/app/transport.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <climits>
#include <string>

#include "server/app/memory_guard.h"

namespace bursar {
namespace {

constexpr unsigned kCertificateRefreshSeconds = 1;
// gRPC's threads for everything that is not the request path, health watches and reflection
// streams (which occupy one each) included, watches of wallets apart.
constexpr int kMaxSyncThreads = 160;
// Pings that come too early before the connection is closed.
constexpr int kMaxPingStrikes = 2;

// As gRPC wants it; zero is "never".
int Milliseconds(absl::Duration duration) {
  if (duration == absl::ZeroDuration()) return INT_MAX;
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTransport(const TlsIdentity& identity) {
  const std::string path = identity.identity_path(), authority = identity.authority_path();
  if (path.empty()) return grpc::InsecureServerCredentials();
  // Read again and again, so that certificates are renewed without a restart.
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      path, path, authority, kCertificateRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions tls(provider);
  tls.watch_identity_key_cert_pairs();
  if (!authority.empty()) {
    tls.watch_root_certs();
    // Who shows none may show a token.
    tls.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

int64_t MemoryLimitOf(const EdgeOptions& options) {
  if (options.memory_limit_bytes.has_value()) return *options.memory_limit_bytes;
  // The rest is for what the control group counts and the process's own memory does not show.
  return ReadControlGroupLimit().value_or(0) / 10 * 9;
}

void ConfigureTransport(const Options& options, int64_t memory_limit_bytes,
                        grpc::ServerBuilder* builder) {
  using Option = grpc::ServerBuilder::SyncServerOption;
  builder->SetSyncServerOption(Option::NUM_CQS, 1);
  builder->SetSyncServerOption(Option::MIN_POLLERS, 1);
  builder->SetSyncServerOption(Option::MAX_POLLERS, 2);
  grpc::ResourceQuota quota("bursard");
  quota.SetMaxThreads(kMaxSyncThreads + options.max_watches);
  // Transports give back what they can before half of the limit is theirs.
  if (memory_limit_bytes > 0) quota.Resize(static_cast<size_t>(memory_limit_bytes / 2));
  builder->SetResourceQuota(quota);
  const EdgeOptions& edge = options.edge;
  builder->SetMaxReceiveMessageSize(edge.max_message_bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, edge.max_streams);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, edge.max_metadata_bytes);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              Milliseconds(edge.handshake_timeout));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                              Milliseconds(edge.max_connection_idle));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              Milliseconds(edge.max_connection_age));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              Milliseconds(edge.connection_age_grace));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(edge.keepalive_interval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(edge.keepalive_timeout));
  // Dead peers are found on connections without calls too, and clients may do the same.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(edge.min_ping_interval));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
}

}  // namespace bursar
