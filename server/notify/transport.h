// How a notice leaves the building: one mail to one address, or one post to one target.
//
// A transport makes one attempt and says what came of it; when to try again is not its affair.
//
// Thread rule: every method may be called from any thread, and blocks until the attempt ended.
//
// Source: rules N1 and N2 (docs/rules.md).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bursar {

// What came of an attempt.
struct AttemptResult {
  enum class Outcome {
    kDelivered,
    kRetry,    // It may work later.
    kRefused,  // The other side said no for good.
  };
  Outcome outcome = Outcome::kRetry;
  // The destination itself fails, whatever is sent to it: a server that is down, not one recipient
  // that it does not know.
  bool destination_fails = false;
  std::string error;  // Empty when delivered. Never a secret.

  static AttemptResult Delivered() { return {Outcome::kDelivered, false, ""}; }
  static AttemptResult Retry(std::string error, bool destination_fails = true) {
    return {Outcome::kRetry, destination_fails, std::move(error)};
  }
  static AttemptResult Refused(std::string error) {
    return {Outcome::kRefused, false, std::move(error)};
  }
};

struct OutgoingMail {
  std::string recipient;  // A plain address.
  std::string message;    // Headers and body, lines ended by CRLF.
};

class MailTransport {
 public:
  virtual ~MailTransport() = default;
  virtual AttemptResult Send(const OutgoingMail& mail) = 0;
};

struct OutgoingPost {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class WebhookTransport {
 public:
  virtual ~WebhookTransport() = default;
  virtual AttemptResult Post(const OutgoingPost& post) = 0;
};

}  // namespace bursar
