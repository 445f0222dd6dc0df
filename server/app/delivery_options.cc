#include "server/app/delivery_options.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/app/setting_checks.h"
#include "server/base/files.h"
#include "server/notify/curl_transport.h"
#include "server/notify/mail_message.h"

namespace bursar {
void DefineDeliverySettings(CLI::App* app, DeliveryOptions* options, RawDeliveryOptions* raw) {
  app->add_option("--smtp-url", options->smtp_url,
                  "Mail server: smtp://HOST:PORT (with STARTTLS) or smtps://HOST:PORT; without it "
                  "no mail is sent. TLS is required beyond loopback");
  app->add_option("--smtp-from", options->smtp_from,
                  "Who notices are from: an address, or \"Name <address>\"");
  app->add_option("--smtp-username", options->smtp_user_name, "Name to log in with");
  app->add_option("--smtp-password-file", options->smtp_password_file,
                  "File with the password to log in with");
  app->add_option("--smtp-ca-file", options->smtp_ca_file,
                  "Authorities that the mail server's certificate is checked by, PEM [default: the "
                  "system's]");
  app->add_option("--webhook-ca-file", options->webhook_ca_file,
                  "The same for targets of webhooks");
  app->add_flag("--webhook-allow-private", options->webhook_allow_private,
                "Post webhooks to private and link-local addresses too");
  app->add_option("--delivery-threads", options->delivery_threads,
                  "Notices that are delivered at the same time")
      ->capture_default_str();
  app->add_option("--notice-max-attempts", options->notice_max_attempts,
                  "Attempts for a recipient before its notice is a dead letter")
      ->capture_default_str();
  app->add_option("--notice-max-age", raw->notice_max_age,
                  "How long a notice is tried before it is a dead letter")
      ->capture_default_str();
  app->add_option("--notice-retry-min", raw->notice_retry_min,
                  "Wait after a first failed attempt; doubles with each")
      ->capture_default_str();
  app->add_option("--notice-retry-max", raw->notice_retry_max, "The longest such wait")
      ->capture_default_str();
}

void CheckDeliverySettings(const RawDeliveryOptions& raw, DeliveryOptions* options,
                           std::vector<std::string>* problems) {
  if (options->has_mail()) {
    if (const absl::Status url = CheckSmtpUrl(options->smtp_url); !url.ok()) {
      problems->push_back(absl::StrCat("--smtp-url ", url.message()));
    }
    if (const auto sender = ParseMailSender(options->smtp_from); !sender.ok()) {
      problems->push_back(
          absl::StrCat("--smtp-from ", sender.status().message(), "; it goes with --smtp-url"));
    }
  } else if (!options->smtp_from.empty() || !options->smtp_user_name.empty()) {
    problems->push_back("--smtp-from and --smtp-username go with --smtp-url");
  }
  if (options->smtp_user_name.empty() != options->smtp_password_file.empty()) {
    problems->push_back("--smtp-username and --smtp-password-file go together");
  }
  if (options->delivery_threads < 1 || options->delivery_threads > 64) {
    problems->push_back("--delivery-threads must be from 1 to 64");
  }
  if (options->notice_max_attempts < 1 || options->notice_max_attempts > 100'000) {
    problems->push_back("--notice-max-attempts must be from 1 to 100000");
  }
  CheckDuration("--notice-max-age", raw.notice_max_age, absl::Seconds(1), absl::Hours(24 * 365),
                ZeroDuration::kIsOutOfRange, &options->notice_max_age, problems);
  CheckDuration("--notice-retry-min", raw.notice_retry_min, absl::Milliseconds(10), absl::Hours(24),
                ZeroDuration::kIsOutOfRange, &options->notice_retry_min, problems);
  CheckDuration("--notice-retry-max", raw.notice_retry_max, options->notice_retry_min,
                absl::Hours(24), ZeroDuration::kIsOutOfRange, &options->notice_retry_max, problems);
}

absl::StatusOr<std::string> ReadSmtpPassword(const DeliveryOptions& options) {
  if (options.smtp_password_file.empty()) return std::string();
  absl::StatusOr<std::string> password = ReadFile(options.smtp_password_file);
  if (!password.ok()) return password.status();
  while (!password->empty() && (password->back() == '\n' || password->back() == '\r')) {
    password->pop_back();
  }
  if (password->empty() || password->find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file ", options.smtp_password_file, " must hold one line, the password"));
  }
  return password;
}

}  // namespace bursar
