// The settings of bursard that are about notices on their way.
//
// Thread rule: pure functions; nothing here opens sockets.
//
// Source: rule N2 and "Programs" in docs/rules.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace CLI {
class App;
}

namespace bursar {

struct DeliveryOptions {
  std::string smtp_url;  // Empty: no mail is sent.
  std::string smtp_from;
  std::string smtp_user_name;
  std::string smtp_password_file;  // Goes with the name.
  std::string smtp_ca_file;        // Empty: the system's.
  std::string webhook_ca_file;
  bool webhook_allow_private = false;
  int delivery_threads = 4;
  int notice_max_attempts = 100;
  absl::Duration notice_max_age = absl::Hours(72);
  absl::Duration notice_retry_min = absl::Seconds(10);
  absl::Duration notice_retry_max = absl::Hours(1);

  bool has_mail() const { return !smtp_url.empty(); }
};

// Durations as they are typed, until they are checked.
struct RawDeliveryOptions {
  std::string notice_max_age = "72h";
  std::string notice_retry_min = "10s";
  std::string notice_retry_max = "1h";
};

// Adds the settings to the parser.
void DefineDeliverySettings(CLI::App* app, DeliveryOptions* options, RawDeliveryOptions* raw);
// Fills in the durations, and adds what is wrong, in sentences.
void CheckDeliverySettings(const RawDeliveryOptions& raw, DeliveryOptions* options,
                           std::vector<std::string>* problems);

// The password, without a line end behind it; empty where no file is named. NOT_FOUND or
// INVALID_ARGUMENT where the file has none.
absl::StatusOr<std::string> ReadSmtpPassword(const DeliveryOptions& options);

}  // namespace bursar
