// Mail messages as bytes: headers that nothing can be smuggled into, and a body in plain text and
// in HTML.
//
// Thread rule: pure functions.
//
// Source: RFC 5322, RFC 2045 to 2047.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bursar {

// Who sends: "Bursar <bursar@example.com>" or an address alone.
struct MailSender {
  std::string name;  // May be empty.
  std::string address;
};
// INVALID_ARGUMENT where that is neither.
absl::StatusOr<MailSender> ParseMailSender(const std::string& text);

// Whether mail can be sent there as it is: one "@", printable ASCII without blanks, brackets,
// quotes and commas, at most 254 bytes.
bool IsMailAddress(std::string_view address);

struct MailParts {
  MailSender from;
  std::string to;  // Requires: IsMailAddress.
  std::string subject;
  std::string message_id;  // Without brackets and domain; [A-Za-z0-9_.-].
  std::string event;       // Goes into the header X-Bursar-Event; lower-case words and dots.
  absl::Time date;
  std::string text;
  std::string html;
};
// The whole message, lines ended by CRLF.
std::string ComposeMail(const MailParts& parts);

// A header's value: as it is where it is short printable ASCII, otherwise in encoded words of
// RFC 2047, folded. Line ends and control characters become blanks.
std::string EncodeHeaderText(std::string_view text);

}  // namespace bursar
