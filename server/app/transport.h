// How the server's connections speak: TLS or plaintext, and the bounds that gRPC keeps for us.
//
// Thread rule: pure functions but for the files that they read.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/statusor.h"
#include "server/app/options.h"

namespace bursar {

// Plaintext, or TLS from the files that the options name; those are read again when they change.
// NOT_FOUND or INVALID_ARGUMENT, naming the file, where they cannot be used.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTransport(const Options& options);

// The process's memory limit as the options have it, the control group's share included; 0: none.
int64_t MemoryLimitOf(const EdgeOptions& options);

// Threads, limits of messages and connections, and abuse of pings. `memory_limit_bytes` as above.
void ConfigureTransport(const Options& options, int64_t memory_limit_bytes,
                        grpc::ServerBuilder* builder);

}  // namespace bursar
