// Scripts that complete the command line in shells, made from the commands and options themselves.
//
// Promises: whatever a parser knows when the script is made, the script offers: commands, options
// of a command and of all commands, the words that an option takes, files where one is wanted.
// Nothing is asked of a server.
//
// Thread rule: pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace bursar::cli {

// Words that an option takes and that its parser does not know itself, because the command reads
// them as values of an enum.
struct OptionWords {
  std::string path;    // The command, "members add".
  std::string option;  // "--role".
  std::vector<std::string> words;
};

// For bash 4 and above: `source <(bursar completion bash)`.
std::string BashCompletion(const CLI::App& root, const std::vector<OptionWords>& further);
// For zsh: `source <(bursar completion zsh)` after compinit, or a file `_bursar` on the fpath.
std::string ZshCompletion(const CLI::App& root, const std::vector<OptionWords>& further);
// For fish: `bursar completion fish | source`.
std::string FishCompletion(const CLI::App& root, const std::vector<OptionWords>& further);

}  // namespace bursar::cli
