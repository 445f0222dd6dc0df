// The files that say who may call: the operator's token, the table of callers' certificates, and an
// issuer's keys. The last two are read again when they change, so that people come and keys rotate
// without a restart; so are files of others who ask for it.
//
// Thread rule: an object belongs to one thread; what it changes in Credentials is free to all.
//
// Source: rule A1 (docs/rules.md); docs/credentials.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

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
  // From now on `refresh` is called with the others: it reads again what `what` names, or says why
  // that stays as it was.
  void Watch(std::string what, std::function<absl::Status()> refresh);
  // Reads again what has changed; cheap, call it every second or so. A file that cannot be used is
  // left aside and logged once: what was in force stays.
  void Refresh();

 private:
  // What is read again, and what came of it last.
  struct Watched {
    std::string what;
    std::function<absl::Status()> refresh;
    absl::Status status;
  };

  absl::Status LoadIdentities();
  absl::Status LoadIssuer();

  const Options& options_;
  Credentials* const credentials_;
  absl::Time next_refresh_ = absl::InfinitePast();
  std::string identities_text_;
  std::vector<Watched> watched_;
};

}  // namespace bursar
