// The transports on libcurl: SMTP with TLS and authentication, and HTTPS.
//
// Every attempt has a connect and a total timeout, reads no more of an answer than it must, follows
// no redirect, uses no proxy of the environment, and ends soon after Stop.
//
// Thread rule: every method may be called from any thread.
//
// Source: rule N2 (docs/rules.md).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/notify/network_guard.h"
#include "server/notify/transport.h"

namespace bursar {

struct SmtpOptions {
  std::string url;        // "smtp://host:port" or "smtps://host:port".
  std::string sender;     // The envelope's, an address.
  std::string user_name;  // Empty: no authentication.
  std::string password;
  std::string ca_file;  // Empty: the system's.
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration total_timeout = absl::Seconds(20);
};
// OK where the URL is one of those; INVALID_ARGUMENT otherwise. Reads nothing.
absl::Status CheckSmtpUrl(const std::string& url);

struct WebhookOptions {
  NetworkPolicy policy;
  std::string ca_file;  // Empty: the system's.
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration total_timeout = absl::Seconds(10);
};

// Ends attempts that are under way; shared by transports. Once set it stays.
class StopSwitch {
 public:
  void Stop() { stopped_ = true; }
  bool is_stopped() const { return stopped_; }

 private:
  std::atomic<bool> stopped_ = false;
};

// Mails are sent over TLS, or not at all, unless the server is this machine's loopback; there TLS
// is used where it is offered. An answer 5yz to the recipient or the message refuses for good; what
// concerns the connection, TLS or the login is tried again.
std::unique_ptr<MailTransport> NewSmtpTransport(SmtpOptions options, const StopSwitch* stop);

// Any 2xx delivers, 410 refuses for good, the rest is tried again. Plain http is taken only where
// the policy allows loopback and the address is loopback.
std::unique_ptr<WebhookTransport> NewWebhookTransport(WebhookOptions options,
                                                      const StopSwitch* stop);

}  // namespace bursar
