// The running server: store, engine, services, listeners, put together in the order that their
// lives need, and taken apart in the reverse.
//
//   Start   credentials → store → engine → delivery → services → gRPC → HTTP → serving
//   Drain   not serving → no new calls, running ones finish → HTTP → delivery → engine → store
//
// Thread rule: Start, Drain and the destructor belong to one thread; health() to any.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/options.h"
#include "server/base/clock.h"

namespace bursar {

class Server {
 public:
  // Opens the store and serves. Nothing is left behind on failure. Errors name what to do:
  // INVALID_ARGUMENT or NOT_FOUND for unusable files, FAILED_PRECONDITION for a store or clock that
  // is not as it should be, DATA_LOSS for a damaged store, UNAVAILABLE for an address in use.
  // `clock`, where given, is the one that it goes by, and outlives it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options,
                                                       const Clock* clock = nullptr);

  virtual ~Server() = default;

  // "grpc=127.0.0.1:50051 http=127.0.0.1:8080": where it listens, ports as the system chose them.
  virtual std::string Addresses() const = 0;
  // What opening the store found, in words.
  virtual std::string StoreReport() const = 0;

  // Looks after itself, to be called several times a second: OK while it can go on; otherwise why
  // it must end. While the clock cannot be trusted it goes on, commits nothing and says that it
  // does not serve (rule T1); health checks, /readyz and one line in the log tell.
  virtual absl::Status CheckHealth() = 0;

  // Ends it: running calls have until `timeout`, then they are cut off. What was acknowledged is
  // durable already. Idempotent.
  virtual void Drain(absl::Duration timeout) = 0;
};

// Loads the credentials that the options name, as Start does, and checks that the TLS files can be
// read and fit each other: what --check-config checks beside the settings themselves.
absl::Status CheckFiles(const Options& options);

}  // namespace bursar
