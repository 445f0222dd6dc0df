// The settings of bursard: flags, BURSAR_… variables and the lines of a config file, one set of
// names for all three.
//
// A setting's flag is --two-words, its variable BURSAR_TWO_WORDS, its line in the file two-words.
// A flag beats a variable, a variable beats the file. What is unknown is an error in all three, so
// that a typing mistake never silently leaves a default in force.
//
// Thread rule: pure functions; nothing here reads the environment or opens sockets.
//
// Source: rule A1 and "Programs" in docs/rules.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/app/delivery_options.h"
#include "server/app/edge_options.h"
#include "server/app/listen_address.h"

namespace bursar {

enum class LogFormat { kText, kJson };

struct Options {
  std::vector<ListenAddress> listen;         // gRPC; never empty.
  std::optional<ListenAddress> http_listen;  // Nothing: no HTTP.
  std::string data_directory;
  std::string backup_directory;      // Empty: no backups by this server.
  std::string tls_certificate_file;  // Both or neither.
  std::string tls_key_file;
  std::string operator_token_file;  // Empty only with is_insecure.
  // Certificates of callers: the authority, and who is what. Both, or neither; with TLS only.
  std::string client_ca_file;
  std::string client_identities_file;
  // An issuer of JSON Web Tokens: all three, or none.
  std::string jwt_issuer;
  std::string jwt_audience;
  std::string jwt_keys_file;
  std::vector<std::string> jwt_algorithms = {"RS256", "ES256"};
  bool is_insecure = false;
  int completion_queues = 1;
  int queue_limit = 8192;
  int admin_queue_reserve = 512;
  int max_batch_records = 1000;  // In one BatchRecordConsumption.
  int max_record_streams = 256;  // StreamConsumption streams at once.
  int stream_records = 256;      // Of one such stream, not acknowledged.
  int max_watches = 64;          // WatchWallet streams at once, a thread each.
  int watch_max_lag = 10'000;    // Entries that a watcher may fall behind.
  // What wallets in memory may take, about.
  int64_t wallet_memory_bytes = int64_t{512} << 20;
  absl::Duration drain_timeout = absl::Seconds(20);
  std::string log_level = "info";
  LogFormat log_format = LogFormat::kText;
  bool confirm_clock = false;
  absl::Duration clock_ahead;  // Of the machine's clock, in rehearsals; zero otherwise.
  DeliveryOptions delivery;
  EdgeOptions edge;
  std::string verify_directory;  // Not empty: verify that store instead of serving.

  bool has_tls() const { return !tls_certificate_file.empty(); }
  // What an operator should know although it is allowed, in sentences.
  std::vector<std::string> Warnings() const;
};

// What the command line asks for.
enum class Action {
  kServe,
  kVerify,       // Verify options.verify_directory.
  kCheckConfig,  // The settings are good: say so and end.
  kShow,         // Print `text` on standard output and end with 0.
  kRefuse,       // Print `text` on standard error and end with kUsageExitStatus.
};

inline constexpr int kUsageExitStatus = 2;

struct ParsedOptions {
  Action action = Action::kRefuse;
  Options options;   // Unless kShow or kRefuse.
  std::string text;  // For kShow and kRefuse.
};

// Reads the settings. `arguments` without the program's name; `environment` as name and value, all
// of it (names that do not start with BURSAR_ are left alone). Reads the config file, if one is
// named, and no other.
ParsedOptions ParseOptions(const std::vector<std::string>& arguments,
                           const std::vector<std::pair<std::string, std::string>>& environment);

// The process's own environment.
std::vector<std::pair<std::string, std::string>> ReadEnvironment();

}  // namespace bursar
