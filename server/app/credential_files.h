// The files that say who may call: the operator's token, the table of callers' certificates, and an
// issuer's keys. The last two are read again when they change, so that people come and keys rotate
// without a restart.
//
// Thread rule: an object belongs to one thread; what it changes in Credentials is free to all.
//
// Source: rule A1 (docs/rules.md); docs/credentials.md.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/app/options.h"
#include "server/service/credentials.h"

namespace bursar {

class CredentialFiles {
 public:
  // Both must outlive this.
  CredentialFiles(const Options& options, Credentials* credentials);

  // Reads them all. NOT_FOUND or INVALID_ARGUMENT, naming the file and what is wrong in it.
  absl::Status Load();
  // Reads again what has changed; cheap, call it every second or so. A file that cannot be used is
  // left aside and logged once: what was in force stays.
  void Refresh();

 private:
  absl::Status LoadIdentities();
  absl::Status LoadIssuer();

  const Options& options_;
  Credentials* const credentials_;
  absl::Time next_refresh_ = absl::InfinitePast();
  std::string identities_text_;
  absl::Status identities_status_;
  absl::Status keys_status_;
};

}  // namespace bursar
