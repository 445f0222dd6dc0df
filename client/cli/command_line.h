// The program `bursar` as a function: arguments in, exit status out.
//
// Thread rule: one thread.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "client/cli/session.h"

namespace bursar::cli {

// Parses the arguments (without the program's name) and runs the command they name. Prints results
// to `out`, and errors, hints and request ids to `err`. `sleep` waits between attempts at a server
// that does not answer; tests put their own here, empty really waits.
ExitStatus RunCommandLine(const std::vector<std::string>& arguments, const Environment& environment,
                          std::ostream& out, std::ostream& err, Sleep sleep = {});

// The candidate that differs least from `word`, or nothing when none is near (more than a third of
// it would have to change).
std::string Nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace bursar::cli
