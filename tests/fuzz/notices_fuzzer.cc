// What leaves the server in the words of others: mail headers, mail bodies, webhooks, signatures.
//
// Claims, whatever the words are (webhooks: words in UTF-8, as protobuf takes no others):
// - a header's text is printable ASCII in lines that are folded: nothing can be smuggled into it;
// - a mail's head ends where it should, and every line of the mail ends in CRLF;
// - a webhook's body is JSON in UTF-8;
// - a text for HTML holds none of the characters that HTML gives a meaning.
//
// Input: a byte that chooses, and the words; or a notice as it is kept.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bursar/storage/v1/outbox.pb.h"
#include "server/engine/notice.h"
#include "server/notify/mail_message.h"
#include "server/notify/notice_content.h"
#include "server/notify/text_template.h"
#include "server/notify/webhook_signature.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/parts.h"
#include "tests/fuzz/require.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace bursar::fuzz {
namespace {

// The lines of a head: each printable ASCII, a new header or the folded rest of one.
void CheckHead(std::string_view head) {
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    Require(end != std::string_view::npos, "a header ends in CRLF");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    Require(!line.empty() && line.size() <= 998, "a header has a line that mail may have", line);
    for (const char c : line) Require(c >= ' ' && c <= '~', "a header is printable ASCII", line);
    if (line[0] == ' ') continue;
    const size_t colon = line.find(':');
    Require(colon != std::string_view::npos && colon > 0, "a header has a name", line);
    Require(line.substr(0, colon).find(' ') == std::string_view::npos, "a header has a name", line);
  }
}

void CheckHeaderText(std::string_view text) {
  CheckHead("Subject: " + EncodeHeaderText(text) + "\r\n");
}

size_t CountHeaders(std::string_view head) {
  size_t count = head.empty() || head[0] == ' ' ? 0 : 1;
  for (size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    if (head[at + 2] != ' ') ++count;
  }
  return count;
}

std::string HeadOf(const std::string& mail) {
  const size_t end = mail.find("\r\n\r\n");
  Require(end != std::string::npos, "a mail has a head");
  return mail.substr(0, end + 2);
}

MailParts PartsOf(const std::string& subject, const std::string& text, const std::string& html) {
  MailParts parts;
  parts.from = {"Bursar", "bursar@example.com"};
  parts.to = "olga@acme.example";
  parts.subject = subject;
  parts.message_id = "ntc_1";
  parts.event = "limit.reached";
  parts.date = absl::FromUnixSeconds(1'790'000'000);
  parts.text = text;
  parts.html = html;
  return parts;
}

void CheckMail(const std::string& subject, const std::string& text, const std::string& html) {
  const std::string mail = ComposeMail(PartsOf(subject, text, html));
  const std::string head = HeadOf(mail);
  CheckHead(head);
  static const size_t kHeaders = CountHeaders(HeadOf(ComposeMail(PartsOf("s", "t", "h"))));
  Require(CountHeaders(head) == kHeaders, "no words become a header", head);
  for (size_t at = mail.find('\n'); at != std::string::npos; at = mail.find('\n', at + 1)) {
    Require(at > 0 && mail[at - 1] == '\r', "every line ends in CRLF");
  }
}

void CheckSender(const std::string& text) {
  const auto sender = ParseMailSender(text);
  if (!sender.ok()) return;
  Require(IsMailAddress(sender->address), "a sender's address is one", sender->address);
  MailParts parts = PartsOf("s", "t", "h");
  parts.from = *sender;
  CheckHead(HeadOf(ComposeMail(parts)));
}

// The text with what is not UTF-8 replaced.
std::string Utf8(const std::string& text) {
  return nlohmann::json::parse(
             nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .get<std::string>();
}

// Replaces what is not UTF-8 in every text of a message.
void MakeUtf8(google::protobuf::Message* message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const int size = field->is_repeated() ? reflection.FieldSize(*message, field) : 0;
    for (int i = 0; i < size; ++i) {
      if (is_message) MakeUtf8(reflection.MutableRepeatedMessage(message, field, i));
      if (!is_text) continue;
      reflection.SetRepeatedString(message, field, i,
                                   Utf8(reflection.GetRepeatedString(*message, field, i)));
    }
    if (field->is_repeated()) continue;
    if (is_message) MakeUtf8(reflection.MutableMessage(message, field));
    if (is_text) {
      reflection.SetString(message, field, Utf8(reflection.GetString(*message, field)));
    }
  }
}

void CheckNotice(const std::string& bytes) {
  storage::v1::NoticeRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  MakeUtf8(&record);
  const auto notice = DecodeNotice(record.SerializeAsString());
  if (!notice.ok()) return;
  const NoticeName name = {"acme", "ntc_1"};
  const std::string json = RenderWebhook(name, *notice);
  Require(nlohmann::json::accept(json), "a webhook is JSON", json);
  Require(json.find('\n') == std::string::npos, "a webhook is one line", json);
  const MailContent content = RenderMail(name, *notice);
  CheckMail(content.subject, content.text, content.html);
}

void CheckEscapes(const std::string& text) {
  const std::string json = JsonString(Utf8(std::string(text)));
  Require(nlohmann::json::accept(json), "a text is a JSON string", json);
  const std::string html = EscapeHtml(text);
  for (const char c : {'<', '>', '"', '\''}) {
    Require(html.find(c) == std::string::npos, "a text is no markup", html);
  }
  TemplateData data;
  data.texts["words"] = std::string(text);
  const std::string rendered = RenderTemplate("<p>{{words}}</p>", data, Escaping::kHtml);
  Require(rendered == "<p>" + html + "</p>", "what is put in is not looked at again", rendered);
}

void CheckSignature(const std::string& text) {
  const size_t cut = std::min<size_t>(text.size(), 24);
  const auto headers =
      SignWebhook("msg_1", absl::FromUnixSeconds(1'790'000'000), text.substr(cut),
                  {std::string(text.substr(0, cut)), "whsec_" + std::string(text.substr(0, cut))});
  for (const auto& [name, value] : headers) {
    for (const char c : value) Require(c >= ' ' && c <= '~', "a header is printable", value);
  }
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace bursar;
  static const std::vector<std::string>* const words =
      new std::vector<std::string>{"",
                                   "mia",
                                   "Acme",
                                   "USD",
                                   "12500000000",
                                   "spent",
                                   "limit",
                                   "member_id",
                                   "currency_code",
                                   "http://x/?a=1&b=2",
                                   "a\r\nBcc: x@y.example",
                                   "\xFF\xFE",
                                   "=?utf-8?q?x?=",
                                   "{{layout}}"};
  fuzz::MessageMutator mutator(words, seed);
  if (size == 0 || data[0] != 'n' || mutator.Below(4) == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  storage::v1::NoticeRecord notice;
  return mutator.MutateInput(&notice, data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  return RunPart(data, size,
                 {{'n', CheckNotice},
                  {'s', CheckSender},
                  {'w', CheckSignature},
                  {'e', CheckEscapes},
                  {'m', [](const std::string& text) {
                     CheckHeaderText(text);
                     CheckMail(text, text, text);
                   }}});
}
