// The settings of bursard: flags, variables and the lines of a config file, all at once.
//
// Claims: whatever they say, the program has settings that agree with each other, or words that
// tell what is wrong.
//
// Input: three texts with an empty line between: flags, one a line; NAME=VALUE, one a line; the
// config file.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "server/app/options.h"
#include "server/base/strings.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {
namespace {

MemoryFile& ConfigFile() {
  static MemoryFile* const file = new MemoryFile();
  return *file;
}

void CheckOptions(const Options& options) {
  Require(!options.listen.empty(), "there is an address to listen at");
  Require(options.tls_certificate_file.empty() == options.tls_key_file.empty(),
          "a certificate has a key");
  Require(options.client_ca_file.empty() == options.client_identities_file.empty(),
          "callers' certificates have identities");
  Require(options.is_insecure || !options.operator_token_file.empty(),
          "a server without a token says so");
  Require(options.completion_queues > 0 && options.queue_limit > 0 &&
              options.edge.max_streams > 0 && options.edge.max_message_bytes > 0 &&
              options.max_batch_records > 0 && options.stream_records > 0,
          "limits are above zero");
  Require(options.drain_timeout >= absl::ZeroDuration(), "a time-out is not negative");
  for (const std::string& warning : options.Warnings()) Require(!warning.empty(), "words");
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar;
  using namespace bursar::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), absl::MaxSplits("\n\n", 2));
  std::vector<std::string> arguments = absl::StrSplit(parts[0], '\n', absl::SkipEmpty());
  std::vector<std::pair<std::string, std::string>> environment;
  if (parts.size() > 1) {
    for (const absl::string_view line : absl::StrSplit(parts[1], '\n', absl::SkipEmpty())) {
      environment.emplace_back(absl::StrSplit(line, absl::MaxSplits('=', 1)));
    }
  }
  // Files of the machine are not the fuzzer's business.
  for (const std::string& argument : arguments) {
    if (argument.find("config") != std::string::npos) return -1;
  }
  for (const auto& [name, value] : environment) {
    if (name == "BURSAR_CONFIG") return -1;
  }
  if (parts.size() > 2) {
    ConfigFile().Write(parts[2]);
    arguments.push_back("--config=" + ConfigFile().path());
  }
  const ParsedOptions parsed = ParseOptions(arguments, environment);
  if (parsed.action == Action::kShow || parsed.action == Action::kRefuse) {
    Require(!parsed.text.empty(), "words tell what is wrong");
  } else if (parsed.action != Action::kVerify) {
    CheckOptions(parsed.options);
  }
  return 0;
}
