#include "server/app/edge_options.h"

#include <limits>
#include <string_view>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/app/setting_checks.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

// Less than the server itself needs is a mistake in the number.
constexpr int64_t kLeastMemoryBytes = 16 << 20;

}  // namespace

void DefineEdgeSettings(CLI::App* app, EdgeOptions* options, RawEdgeOptions* raw) {
  app->add_option("--max-connections", options->max_connections,
                  "Connections at once on all gRPC listeners; at the bound a newcomer takes the "
                  "place of one that showed no credential")
      ->capture_default_str();
  app->add_option("--max-streams", options->max_streams, "Calls at once on one connection")
      ->capture_default_str();
  app->add_option("--max-message-bytes", options->max_message_bytes, "Largest request")
      ->capture_default_str();
  app->add_option("--max-metadata-bytes", options->max_metadata_bytes,
                  "Largest metadata of a request")
      ->capture_default_str();
  app->add_option("--handshake-timeout", raw->handshake_timeout,
                  "How long a new connection has for TLS and its first frames")
      ->capture_default_str();
  app->add_option("--max-connection-idle", raw->max_connection_idle,
                  "A connection without a call for so long is asked to go; 0s: never")
      ->capture_default_str();
  app->add_option("--max-connection-age", raw->max_connection_age,
                  "A connection of that age is asked to go; 0s: never")
      ->capture_default_str();
  app->add_option("--connection-age-grace", raw->connection_age_grace,
                  "How long its running calls may go on; 0s: for ever")
      ->capture_default_str();
  app->add_option("--keepalive-interval", raw->keepalive_interval,
                  "A silent peer is pinged after so long")
      ->capture_default_str();
  app->add_option("--keepalive-timeout", raw->keepalive_timeout,
                  "A peer that does not answer a ping for so long is dropped")
      ->capture_default_str();
  app->add_option("--min-ping-interval", raw->min_ping_interval,
                  "A client that pings more often, three times, is dropped")
      ->capture_default_str();
  app->add_option("--max-calls-per-second-per-caller", options->max_calls_per_second_per_caller,
                  "Calls a second of one credential; more are RESOURCE_EXHAUSTED. 0: no limit")
      ->capture_default_str();
  app->add_option(
         "--memory-limit", raw->memory_limit,
         "Memory of the process, such as 2GiB; over half of it connections without "
         "a credential are closed, over all of it the process ends with status 3. \"auto\": "
         "nine tenths of the control group's limit; \"off\": none")
      ->capture_default_str();
  app->add_option("--watchdog-timeout", raw->watchdog_timeout,
                  "A server that does not answer its own health checks for about so long ends with "
                  "status 4; 0s: never")
      ->capture_default_str();
}

void CheckEdgeSettings(const RawEdgeOptions& raw, EdgeOptions* options,
                       std::vector<std::string>* problems) {
  CheckRange("--max-connections", options->max_connections, 1, 1'000'000, problems);
  CheckRange("--max-streams", options->max_streams, 1, 1'000'000, problems);
  CheckRange("--max-message-bytes", options->max_message_bytes, 4096, 256 << 20, problems);
  CheckRange("--max-metadata-bytes", options->max_metadata_bytes, 1024, 1 << 20, problems);
  CheckRange("--max-calls-per-second-per-caller", options->max_calls_per_second_per_caller, 0,
             10'000'000, problems);
  constexpr absl::Duration kDay = absl::Hours(24);
  CheckDuration("--handshake-timeout", raw.handshake_timeout, absl::Milliseconds(100),
                absl::Minutes(10), ZeroDuration::kIsOutOfRange, &options->handshake_timeout,
                problems);
  CheckDuration("--max-connection-idle", raw.max_connection_idle, absl::Seconds(1), 20 * kDay,
                ZeroDuration::kIsNone, &options->max_connection_idle, problems);
  CheckDuration("--max-connection-age", raw.max_connection_age, absl::Seconds(1), 20 * kDay,
                ZeroDuration::kIsNone, &options->max_connection_age, problems);
  CheckDuration("--connection-age-grace", raw.connection_age_grace, absl::Milliseconds(100),
                20 * kDay, ZeroDuration::kIsNone, &options->connection_age_grace, problems);
  CheckDuration("--keepalive-interval", raw.keepalive_interval, absl::Seconds(1), kDay,
                ZeroDuration::kIsOutOfRange, &options->keepalive_interval, problems);
  CheckDuration("--keepalive-timeout", raw.keepalive_timeout, absl::Milliseconds(100), kDay,
                ZeroDuration::kIsOutOfRange, &options->keepalive_timeout, problems);
  CheckDuration("--min-ping-interval", raw.min_ping_interval, absl::Milliseconds(100), kDay,
                ZeroDuration::kIsOutOfRange, &options->min_ping_interval, problems);
  CheckDuration("--watchdog-timeout", raw.watchdog_timeout, absl::Seconds(1), kDay,
                ZeroDuration::kIsNone, &options->watchdog_timeout, problems);
  if (raw.memory_limit == "auto") {
    options->memory_limit_bytes = std::nullopt;
  } else if (raw.memory_limit == "off") {
    options->memory_limit_bytes = 0;
  } else {
    options->memory_limit_bytes = ParseBytes(raw.memory_limit);
    if (options->memory_limit_bytes.value_or(0) < kLeastMemoryBytes) {
      problems->push_back(
          "--memory-limit must be at least 16MiB, such as 512MiB or 2GiB, or \"auto\" or \"off\"");
    }
  }
}

std::optional<int64_t> ParseBytes(const std::string& text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {{"KiB", int64_t{1} << 10},
                                                             {"MiB", int64_t{1} << 20},
                                                             {"GiB", int64_t{1} << 30},
                                                             {"TiB", int64_t{1} << 40},
                                                             {"", 1}};
  for (const auto& [suffix, bytes] : kUnits) {
    if (!absl::EndsWith(text, ToAbsl(suffix))) continue;
    int64_t number = 0;
    if (!absl::SimpleAtoi(text.substr(0, text.size() - suffix.size()), &number))
      return std::nullopt;
    if (number < 0 || number > std::numeric_limits<int64_t>::max() / bytes) return std::nullopt;
    return number * bytes;
  }
  return std::nullopt;
}

}  // namespace bursar
