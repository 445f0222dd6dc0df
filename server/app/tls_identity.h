// The server's certificate and key, and the authority of its callers' certificates, in force.
//
// gRPC reads them from files again and again, and takes every new connection down while what it
// reads does not fit together (a key of before the renewal, half a file). So it never sees the
// operator's files: they are checked first, and put in force together, through a descriptor that
// names nothing on any disk and changes what it is of in one step.
//
// Thread rule: Publish belongs to one thread; the rest is free to every thread.
//
// Source: rule A1 (docs/rules.md); docs/credentials.md.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/app/followed_files.h"
#include "server/app/options.h"
#include "server/app/tls_files.h"

namespace bursar {

class TlsIdentity {
 public:
  TlsIdentity() = default;
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;
  ~TlsIdentity();

  // Puts them in force for new connections. INVALID_ARGUMENT, naming the file and what is wrong
  // with it, and UNAVAILABLE without memory or descriptors: what was in force stays.
  absl::Status Publish(const PemFile& certificate, const PemFile& key,
                       const std::optional<PemFile>& client_authority);

  // The paths at which this process reads the chain of certificates with its key behind it, and the
  // authority; empty where none was published.
  std::string identity_path() const { return PathOf(identity_); }
  std::string authority_path() const { return PathOf(authority_); }

 private:
  static std::string PathOf(int descriptor);

  int identity_ = -1;
  int authority_ = -1;
};

// Publishes what the options name, and follows it: `renewed` is called after each further time, for
// whoever reads the paths only when told to. OK where the options name none. NOT_FOUND or
// INVALID_ARGUMENT, naming the file. `identity` outlives `files`.
absl::Status FollowCertificates(const Options& options, TlsIdentity* identity, FollowedFiles* files,
                                std::function<absl::Status()> renewed);

}  // namespace bursar
