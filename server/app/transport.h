// How the server's connections speak: TLS or plaintext, and the bounds that gRPC keeps for us.
//
// Thread rule: pure functions but for the files that they read.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "server/app/options.h"
#include "server/app/tls_identity.h"

namespace bursar {

// TLS with what is published there, now and later; plaintext where nothing is. `identity` outlives
// the server.
std::shared_ptr<grpc::ServerCredentials> MakeTransport(const TlsIdentity& identity);

// The process's memory limit as the options have it, the control group's share included; 0: none.
int64_t MemoryLimitOf(const EdgeOptions& options);

// Threads, limits of messages and connections, and abuse of pings. `memory_limit_bytes` as above.
void ConfigureTransport(const Options& options, int64_t memory_limit_bytes,
                        grpc::ServerBuilder* builder);

}  // namespace bursar
