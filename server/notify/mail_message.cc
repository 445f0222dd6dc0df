#include "server/notify/mail_message.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

constexpr size_t kMaxPlainHeaderBytes = 70;
// Base64 of that many bytes stays under the 75 characters of an encoded word.
constexpr size_t kEncodedWordBytes = 42;
constexpr size_t kBase64LineBytes = 57;  // 76 characters.
constexpr size_t kMaxAddressBytes = 254;

bool IsPrintableAscii(char c) { return c >= ' ' && c <= '~'; }

// Whether the byte continues a character of UTF-8.
bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string WithoutControls(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return clean;
}

std::string Base64Lines(const std::string& text) {
  std::string lines;
  for (size_t at = 0; at < text.size(); at += kBase64LineBytes) {
    absl::StrAppend(&lines, absl::Base64Escape(text.substr(at, kBase64LineBytes)), "\r\n");
  }
  return lines;
}

void AddPart(const std::string& boundary, const char* type, const std::string& text,
             std::string& message) {
  // Lines of text in mail end with CRLF, inside base64 too.
  const std::string lines =
      absl::StrReplaceAll(absl::StrReplaceAll(text, {{"\r\n", "\n"}}), {{"\n", "\r\n"}});
  absl::StrAppend(&message, "--", boundary, "\r\nContent-Type: ", type,
                  "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                  Base64Lines(lines), "\r\n");
}

}  // namespace

bool IsMailAddress(std::string_view address) {
  if (address.size() > kMaxAddressBytes) return false;
  const size_t at = address.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size() ||
      address.find('@', at + 1) != std::string_view::npos || address.front() == '-') {
    return false;
  }
  return std::all_of(address.begin(), address.end(), [](char c) {
    return c > ' ' && c <= '~' && std::string_view("<>()[]\",;:\\").find(c) == std::string::npos;
  });
}

absl::StatusOr<MailSender> ParseMailSender(const std::string& text) {
  MailSender sender;
  const size_t open = text.find('<');
  if (open == std::string::npos) {
    sender.address = text;
  } else if (!text.empty() && text.back() == '>') {
    sender.name = std::string(absl::StripAsciiWhitespace(text.substr(0, open)));
    sender.address = text.substr(open + 1, text.size() - open - 2);
  }
  if (!IsMailAddress(sender.address) || WithoutControls(sender.name) != sender.name) {
    return absl::InvalidArgumentError("must be an address, or a name and an <address>");
  }
  return sender;
}

std::string EncodeHeaderText(std::string_view text) {
  const std::string clean = WithoutControls(text);
  const bool is_plain = clean.size() <= kMaxPlainHeaderBytes &&
                        clean.find("=?") == std::string::npos &&
                        std::all_of(clean.begin(), clean.end(), IsPrintableAscii);
  if (is_plain) return clean;
  std::string encoded;
  for (size_t at = 0; at < clean.size();) {
    size_t end = std::min(at + kEncodedWordBytes, clean.size());
    // A word holds whole characters.
    while (end < clean.size() && end > at + 1 && ContinuesCharacter(clean[end])) --end;
    absl::StrAppend(&encoded, encoded.empty() ? "" : "\r\n ", "=?UTF-8?B?",
                    absl::Base64Escape(clean.substr(at, end - at)), "?=");
    at = end;
  }
  return encoded;
}

std::string ComposeMail(const MailParts& parts) {
  const std::string domain = parts.from.address.substr(parts.from.address.find('@') + 1);
  const std::string boundary = absl::StrCat("=_", parts.message_id);
  std::string name;
  if (!parts.from.name.empty()) {
    const std::string encoded = EncodeHeaderText(parts.from.name);
    // An encoded name must not be quoted, a plain one with marks of its own must.
    const std::string quoted = absl::StrReplaceAll(encoded, {{"\\", "\\\\"}, {"\"", "\\\""}});
    name = absl::StartsWith(encoded, "=?") ? encoded + " " : absl::StrCat("\"", quoted, "\" ");
  }
  std::string message =
      absl::StrCat("From: ", name, "<", parts.from.address, ">\r\nTo: <", parts.to,
                   ">\r\nSubject: ", EncodeHeaderText(parts.subject), "\r\nDate: ",
                   absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", parts.date, absl::UTCTimeZone()),
                   "\r\nMessage-ID: <", parts.message_id, "@", domain,
                   ">\r\nAuto-Submitted: auto-generated\r\nX-Bursar-Event: ", parts.event,
                   "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"",
                   boundary, "\"\r\n\r\n");
  AddPart(boundary, "text/plain", parts.text, message);
  AddPart(boundary, "text/html", parts.html, message);
  absl::StrAppend(&message, "--", boundary, "--\r\n");
  return message;
}

}  // namespace bursar
