// The programs that come with the server: work on ledgers that no server has open is theirs, and
// `bursar` runs them.
//
// Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/session.h"

namespace bursar::cli {

// Runs bursard or bursar-ledger (the one beside this program, else in its build tree, else the
// first on PATH) with these arguments on this terminal, and waits for it. An error where it is not
// found.
absl::StatusOr<ExitStatus> RunServerProgram(Session& session, const std::string& name,
                                            const std::vector<std::string>& arguments);

}  // namespace bursar::cli
