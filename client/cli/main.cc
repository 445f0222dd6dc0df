// bursar: the command line of the wallet, for people and scripts.
#include <grpc/support/log.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/command_line.h"

int main(int argc, char** argv) {
  // Errors reach people as words of this program, not as gRPC's log lines.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  std::ios::sync_with_stdio(false);
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return static_cast<int>(
      bursar::cli::RunCommandLine(arguments, environment, std::cout, std::cerr));
}
