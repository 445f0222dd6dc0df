// The settings of bursard that bound what its callers, known or not, can take of it.
//
// Thread rule: pure functions; nothing here opens sockets or reads files.
//
// Source: rule A1 and "Programs" in docs/rules.md; the defaults are listed in docs/operations.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace CLI {
class App;
}

namespace bursar {

struct EdgeOptions {
  int max_connections = 2048;  // At once, on all gRPC listeners.
  int max_streams = 1024;      // Per connection.
  int max_message_bytes = 4 << 20;
  int max_metadata_bytes = 8192;
  absl::Duration handshake_timeout = absl::Seconds(10);
  // Without a call; zero: for ever. So the two that follow.
  absl::Duration max_connection_idle = absl::Minutes(30);
  absl::Duration max_connection_age = absl::Hours(24);
  absl::Duration connection_age_grace = absl::Hours(1);  // For calls that still run then.
  absl::Duration keepalive_interval = absl::Minutes(1);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration min_ping_interval = absl::Seconds(10);
  int max_calls_per_second_per_caller = 0;  // 0: as many as they like.
  // Of the whole process. Nothing: nine tenths of the control group's, where it has one; 0: none.
  std::optional<int64_t> memory_limit_bytes;
  absl::Duration watchdog_timeout = absl::Minutes(1);  // Zero: no watchdog.
};

// As typed, until they are checked.
struct RawEdgeOptions {
  std::string handshake_timeout = "10s";
  std::string max_connection_idle = "30m";
  std::string max_connection_age = "24h";
  std::string connection_age_grace = "1h";
  std::string keepalive_interval = "1m";
  std::string keepalive_timeout = "20s";
  std::string min_ping_interval = "10s";
  std::string memory_limit = "auto";
  std::string watchdog_timeout = "1m";
};

// Adds the settings to the parser.
void DefineEdgeSettings(CLI::App* app, EdgeOptions* options, RawEdgeOptions* raw);
// Fills in what is left, and adds what is wrong, in sentences.
void CheckEdgeSettings(const RawEdgeOptions& raw, EdgeOptions* options,
                       std::vector<std::string>* problems);

// "512MiB", "2GiB", "1500000000": bytes, or nothing where it is no such thing.
std::optional<int64_t> ParseBytes(const std::string& text);

}  // namespace bursar
