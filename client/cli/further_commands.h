// Commands that stand beside those of command.h, each in a file of its own.
//
// Thread rule: one thread.
#pragma once

#include <CLI/CLI.hpp>

#include "client/cli/session.h"

namespace bursar::cli {

// `import`, below the group `members`.
void AddMemberImportCommand(CLI::App& members, Action* action);
// `top`.
void AddTopCommand(CLI::App& root, Action* action);
// `completion`. Requires: `root` outlives the action.
void AddCompletionCommand(CLI::App& root, Action* action);

}  // namespace bursar::cli
