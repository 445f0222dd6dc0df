// Mail messages: nothing that anybody types becomes a header.
#include "server/notify/mail_message.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

namespace bursar {
namespace {

MailParts Parts() {
  MailParts parts;
  parts.from = {"Bursar", "bursar@example.com"};
  parts.to = "olga@example.com";
  parts.subject = "Your workspace has run out of extra usage";
  parts.message_id = "ntc_ab_000000000012";
  parts.event = "extra_usage.exhausted";
  parts.date = absl::FromUnixSeconds(1'772'442'000);
  parts.text = "plain\ntext";
  parts.html = "<p>html</p>";
  return parts;
}

std::vector<std::string> HeaderLines(const std::string& message) {
  return absl::StrSplit(message.substr(0, message.find("\r\n\r\n")), "\r\n");
}

// Rules: N1, N2
TEST(MailMessage, HasTheNoticesIdAndBothForms) {
  const std::string message = ComposeMail(Parts());
  const auto lines = HeaderLines(message);
  EXPECT_EQ(lines[0], "From: \"Bursar\" <bursar@example.com>");
  EXPECT_EQ(lines[1], "To: <olga@example.com>");
  EXPECT_EQ(lines[2], "Subject: Your workspace has run out of extra usage");
  EXPECT_EQ(lines[3], "Date: Mon, 02 Mar 2026 09:00:00 +0000");
  EXPECT_EQ(lines[4], "Message-ID: <ntc_ab_000000000012@example.com>");
  EXPECT_NE(message.find(absl::Base64Escape("plain\r\ntext")), std::string::npos);
  EXPECT_NE(message.find(absl::Base64Escape("<p>html</p>")), std::string::npos);
  EXPECT_NE(message.find("multipart/alternative"), std::string::npos);
}

// Rules: N2
TEST(MailMessage, NothingIsInjectedIntoHeaders) {
  MailParts parts = Parts();
  parts.subject = "News\r\nBcc: everybody@example.com\r\n\r\nbody";
  parts.from.name = "A \"B\"\r\nX-Evil: 1";
  const size_t clean = HeaderLines(ComposeMail(Parts())).size();
  const std::string message = ComposeMail(parts);
  EXPECT_EQ(HeaderLines(message).size(), clean);
  EXPECT_EQ(message.find("\r\nBcc:"), std::string::npos);
  EXPECT_EQ(message.find("\r\nX-Evil:"), std::string::npos);
}

// Rules: N2
TEST(MailMessage, LongAndForeignSubjectsAreEncodedAndFolded) {
  EXPECT_EQ(EncodeHeaderText("plain words"), "plain words");
  EXPECT_EQ(EncodeHeaderText("\xc3\x84rger"), "=?UTF-8?B?w4RyZ2Vy?=");
  EXPECT_NE(EncodeHeaderText("looks =?UTF-8?B?like?= one"), "looks =?UTF-8?B?like?= one");
  std::string text;
  while (text.size() < 400) text += "\xe2\x82\xac";  // Three bytes each.
  std::string decoded;
  const std::vector<std::string> lines = absl::StrSplit(EncodeHeaderText(text), "\r\n ");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 75u);
    std::string word;
    ASSERT_TRUE(absl::Base64Unescape(line.substr(10, line.size() - 12), &word));
    EXPECT_EQ(word.size() % 3, 0u) << "a character is cut in two";
    decoded += word;
  }
  EXPECT_EQ(decoded, text);
}

// Rules: N2
TEST(MailMessage, LinesStayShort) {
  MailParts parts = Parts();
  parts.text = std::string(5000, 'x');
  const std::vector<std::string> lines = absl::StrSplit(ComposeMail(parts), "\r\n");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 78u) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

// Rules: N2
TEST(MailMessage, TakesOnlyPlainAddresses) {
  for (const char* address : {"a@b", "ann.lee+bursar@example.com", "x_y-z@sub.example.com"}) {
    EXPECT_TRUE(IsMailAddress(address)) << address;
  }
  for (const char* address :
       {"", "ann", "@b", "a@", "a@b@c", "a b@c", "a@b>", "<a@b", "a@b\r\nRCPT TO:<x@y>", "a,b@c",
        "\"a\"@b", "-oQ/tmp@b", "\xc3\xa4@b"}) {
    EXPECT_FALSE(IsMailAddress(address)) << address;
  }
  EXPECT_FALSE(IsMailAddress(std::string(250, 'a') + "@b.de"));
  EXPECT_EQ(ParseMailSender("Bursar <b@example.com>")->name, "Bursar");
  EXPECT_EQ(ParseMailSender("b@example.com")->address, "b@example.com");
  for (const char* sender : {"", "Bursar", "Bursar <b@example.com", "B\nC <b@example.com>"}) {
    EXPECT_FALSE(ParseMailSender(sender).ok()) << sender;
  }
}

}  // namespace
}  // namespace bursar
