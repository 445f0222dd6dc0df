#include "server/notify/curl_transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/strings.h"

namespace bursar {
namespace {

// What is kept of an answer to a webhook; the rest is not even read.
constexpr size_t kMaxAnswerBytes = 64 * 1024;
constexpr size_t kMaxErrorBytes = 300;

struct CurlCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CurlCleanup>;
struct ListCleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListCleanup>;

void Append(List& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  BURSAR_CHECK(longer != nullptr);
  static_cast<void>(list.release());
  list.reset(longer);
}

// An option of a handle; that libcurl knows it is our own affair.
template <typename Value>
void Set(const Handle& handle, CURLoption option, Value value) {
  BURSAR_CHECK(curl_easy_setopt(handle.get(), option, value) == CURLE_OK);
}

int OnProgress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const StopSwitch*>(stop)->is_stopped() ? 1 : 0;
}

Handle NewHandle(const StopSwitch* stop, const std::string& url, const std::string& ca_file,
                 absl::Duration connect_timeout, absl::Duration total_timeout, char* error) {
  // Once for the process; libcurl's own lazy initialization is not safe with threads.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_ALL);
  BURSAR_CHECK(initialized == CURLE_OK);
  Handle handle(curl_easy_init());
  BURSAR_CHECK(handle != nullptr);
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_ERRORBUFFER, error);
  Set(handle, CURLOPT_URL, url.c_str());
  Set(handle, CURLOPT_PROXY, "");  // Nor one of the environment.
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(absl::ToInt64Milliseconds(connect_timeout)));
  Set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(total_timeout)));
  Set(handle, CURLOPT_NOPROGRESS, 0L);
  Set(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(handle, CURLOPT_XFERINFODATA, const_cast<StopSwitch*>(stop));
  if (!ca_file.empty()) Set(handle, CURLOPT_CAINFO, ca_file.c_str());
  return handle;
}

std::string ErrorText(CURLcode code, const char* error) {
  std::string text = error[0] != '\0' ? error : curl_easy_strerror(code);
  if (text.size() > kMaxErrorBytes) text.resize(kMaxErrorBytes);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return text;
}

std::string HostOf(const std::string& url) {
  CURLU* parsed = curl_url();
  BURSAR_CHECK(parsed != nullptr);
  std::string host;
  char* part = nullptr;
  if (curl_url_set(parsed, CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
      curl_url_get(parsed, CURLUPART_HOST, &part, 0) == CURLUE_OK) {
    host = part;
    curl_free(part);
  }
  curl_url_cleanup(parsed);
  return host;
}

// ---- SMTP -------------------------------------------------------------------------------------

// What of a message is still to be read.
struct Upload {
  std::string_view rest;
};

size_t OnRead(char* buffer, size_t size, size_t count, void* data) {
  auto* upload = static_cast<Upload*>(data);
  const size_t bytes = std::min(size * count, upload->rest.size());
  std::memcpy(buffer, upload->rest.data(), bytes);
  upload->rest.remove_prefix(bytes);
  return bytes;
}

// Whether the server spoke of this recipient or message, and not of the connection, the login or
// the sender: those are the operator's to mend, and nobody's mail is given up for them.
bool IsAboutMail(const char* error, bool was_read) {
  return absl::StartsWith(error, "RCPT failed") || absl::StartsWith(error, "DATA failed") ||
         was_read;
}

class SmtpTransport final : public MailTransport {
 public:
  SmtpTransport(SmtpOptions options, const StopSwitch* stop)
      : options_(std::move(options)),
        is_loopback_(IsLoopbackHost(HostOf(options_.url))),
        stop_(stop) {}

  AttemptResult Send(const OutgoingMail& mail) override {
    char error[CURL_ERROR_SIZE] = "";
    const Handle handle = NewHandle(stop_, options_.url, options_.ca_file, options_.connect_timeout,
                                    options_.total_timeout, error);
    Set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    Set(handle, CURLOPT_USE_SSL, static_cast<long>(is_loopback_ ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (!options_.user_name.empty()) {
      Set(handle, CURLOPT_USERNAME, options_.user_name.c_str());
      Set(handle, CURLOPT_PASSWORD, options_.password.c_str());
    }
    const std::string sender = absl::StrCat("<", options_.sender, ">");
    Set(handle, CURLOPT_MAIL_FROM, sender.c_str());
    List recipients;
    Append(recipients, absl::StrCat("<", mail.recipient, ">"));
    Set(handle, CURLOPT_MAIL_RCPT, recipients.get());
    Upload upload = {mail.message};
    Set(handle, CURLOPT_UPLOAD, 1L);
    Set(handle, CURLOPT_READFUNCTION, &OnRead);
    Set(handle, CURLOPT_READDATA, &upload);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code == CURLE_OK) return AttemptResult::Delivered();
    long answer = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &answer);
    const std::string text =
        absl::StrCat(ErrorText(code, error), answer == 0 ? "" : absl::StrCat(" (", answer, ")"));
    const bool about_mail = IsAboutMail(error, upload.rest.empty());
    if (about_mail && answer >= 500 && answer <= 599) return AttemptResult::Refused(text);
    // 4yz: the server is there, and others may get through.
    return AttemptResult::Retry(text, !about_mail || answer < 400 || answer > 499);
  }

 private:
  const SmtpOptions options_;
  const bool is_loopback_;
  const StopSwitch* const stop_;
};

// ---- Webhooks ---------------------------------------------------------------------------------

// What an attempt may connect to, and whether it was stopped from it.
struct Guard {
  NetworkPolicy policy;
  bool needs_loopback = false;  // Plain http.
  bool refused = false;
};

curl_socket_t OnOpenSocket(void* data, curlsocktype purpose, curl_sockaddr* address) {
  auto* guard = static_cast<Guard*>(data);
  const AddressKind kind = KindOfAddress(address->addr);
  const bool allowed =
      guard->policy.Allows(kind) && (!guard->needs_loopback || kind == AddressKind::kLoopback);
  if (purpose != CURLSOCKTYPE_IPCXN || !allowed) {
    guard->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Reads a little of an answer, which nobody looks at, and ends the transfer beyond that.
size_t OnAnswer(char*, size_t size, size_t count, void* data) {
  auto* bytes = static_cast<size_t*>(data);
  *bytes += size * count;
  return *bytes > kMaxAnswerBytes ? 0 : size * count;
}

class CurlWebhookTransport final : public WebhookTransport {
 public:
  CurlWebhookTransport(WebhookOptions options, const StopSwitch* stop)
      : options_(std::move(options)), stop_(stop) {}

  AttemptResult Post(const OutgoingPost& post) override {
    char error[CURL_ERROR_SIZE] = "";
    const Handle handle = NewHandle(stop_, post.url, options_.ca_file, options_.connect_timeout,
                                    options_.total_timeout, error);
    Guard guard = {options_.policy, !absl::StartsWithIgnoreCase(post.url, "https://")};
    Set(handle, CURLOPT_PROTOCOLS_STR, options_.policy.allow_loopback ? "http,https" : "https");
    Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    Set(handle, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    Set(handle, CURLOPT_OPENSOCKETDATA, &guard);
    Set(handle, CURLOPT_USERAGENT, "bursar");
    List headers;
    // Without waiting for leave to send a body this small.
    for (const char* header : {"Content-Type: application/json", "Expect:"}) {
      Append(headers, header);
    }
    for (const auto& [name, value] : post.headers) {
      Append(headers, absl::StrCat(name, ": ", value));
    }
    Set(handle, CURLOPT_HTTPHEADER, headers.get());
    Set(handle, CURLOPT_POST, 1L);
    Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    Set(handle, CURLOPT_POSTFIELDS, post.body.data());
    size_t answer_bytes = 0;
    Set(handle, CURLOPT_WRITEFUNCTION, &OnAnswer);
    Set(handle, CURLOPT_WRITEDATA, &answer_bytes);
    const CURLcode code = curl_easy_perform(handle.get());
    long answer = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &answer);
    return Judge(code, answer, guard, error);
  }

 private:
  // The status line is the answer, whatever becomes of the rest: a body without end included.
  static AttemptResult Judge(CURLcode code, long answer, const Guard& guard, const char* error) {
    if (answer >= 200 && answer <= 299) return AttemptResult::Delivered();
    if (guard.refused) {
      return AttemptResult::Retry(
          "the address is private, or plain http beyond loopback: not "
          "connected");
    }
    if (answer == 410) return AttemptResult::Refused("answered 410: the target is gone");
    if (answer != 0) return AttemptResult::Retry(absl::StrCat("answered ", answer));
    return AttemptResult::Retry(ErrorText(code, error));
  }

  const WebhookOptions options_;
  const StopSwitch* const stop_;
};

}  // namespace

absl::Status CheckSmtpUrl(const std::string& url) {
  CURLU* parsed = curl_url();
  BURSAR_CHECK(parsed != nullptr);
  const bool is_url = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  bool has_more = false;
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY}) {
    char* text = nullptr;
    has_more = has_more || curl_url_get(parsed, part, &text, 0) == CURLUE_OK;
    curl_free(text);
  }
  curl_url_cleanup(parsed);
  const bool has_scheme = absl::StartsWith(url, "smtp://") || absl::StartsWith(url, "smtps://");
  if (is_url && has_scheme && !has_more) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be smtp://HOST:PORT or smtps://HOST:PORT, without a user's name or password");
}

std::unique_ptr<MailTransport> NewSmtpTransport(SmtpOptions options, const StopSwitch* stop) {
  return std::make_unique<SmtpTransport>(std::move(options), stop);
}

std::unique_ptr<WebhookTransport> NewWebhookTransport(WebhookOptions options,
                                                      const StopSwitch* stop) {
  return std::make_unique<CurlWebhookTransport>(std::move(options), stop);
}

}  // namespace bursar
