// The files that say who may call: the operator's token, the table of callers' certificates, and an
// issuer's keys. The last two are followed, so that people come and keys rotate without a restart.
//
// Thread rule: pure functions, but for what they change.
//
// Source: rule A1 (docs/rules.md); docs/credentials.md.
#pragma once

#include "absl/status/status.h"
#include "server/app/followed_files.h"
#include "server/app/options.h"
#include "server/service/credentials.h"

namespace bursar {

// Loads them all into `credentials`, which outlives `files`. NOT_FOUND or INVALID_ARGUMENT, naming
// the file and what is wrong in it.
absl::Status LoadCredentialFiles(const Options& options, Credentials* credentials,
                                 FollowedFiles* files);

}  // namespace bursar
