#include "client/cli/session.h"

#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/lib/request_id.h"

namespace bursar::cli {
namespace {

// Where the two ends do not agree on TLS, gRPC only says that the connection ended.
std::string UnavailableHint(const absl::Status& status, const GlobalOptions& options) {
  const bool uses_tls = options.use_tls || !options.tls_ca_file.empty();
  const auto says = [&](const char* words) { return absl::StrContains(status.message(), words); };
  if (says("not in peer certificate")) {
    return absl::StrCat(
        "The server's certificate is for another name than that in --server ", options.server,
        ": name the server as its certificate does (--tls and --tls-ca FILE check that).");
  }
  if (says("certificate verify failed")) {
    return "The server's certificate is not trusted: --tls-ca FILE (or BURSAR_TLS_CA) names the "
           "PEM file to trust, --tls alone trusts the system's.";
  }
  if (uses_tls && says("wrong version number")) {
    return absl::StrCat("The server at ", options.server,
                        " seems to speak plaintext: leave out --tls and --tls-ca (BURSAR_TLS, "
                        "BURSAR_TLS_CA).");
  }
  const std::string running = absl::StrCat("Is bursard running and reachable at ", options.server,
                                           "? (--server or BURSAR_SERVER names another address.)");
  if (!uses_tls && says("Socket closed")) {
    return absl::StrCat(
        "The server may speak TLS: add --tls, or --tls-ca FILE with the "
        "certificate to trust (or BURSAR_TLS, BURSAR_TLS_CA). ",
        running);
  }
  return running;
}

std::string HintFor(const absl::Status& status, const ErrorDetails& details,
                    const GlobalOptions& options) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return UnavailableHint(status, options);
    case absl::StatusCode::kDeadlineExceeded:
      return "The work may have happened: repeat the command with the same --request-id, or allow "
             "more time with --timeout.";
    case absl::StatusCode::kUnauthenticated:
      return "Give the token by --token-file FILE or the environment variable BURSAR_TOKEN.";
    case absl::StatusCode::kPermissionDenied:
      return "Another token, or another actor by --as MEMBER, may be allowed to.";
    case absl::StatusCode::kAborted:
      return "It changed in the meantime: read it again, then repeat the change.";
    case absl::StatusCode::kResourceExhausted:
      return "The server is overloaded; try again in a moment.";
    case absl::StatusCode::kDataLoss:
      return "A stored record is damaged: stop the server and restore from a backup.";
    default:
      break;
  }
  if (details.reason == "REQUEST_ID_REUSED") {
    return "Repeat a request exactly as it was, or give it a request id of its own.";
  }
  return "";
}

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

void PrintErrorAsJson(const absl::Status& status, const ErrorDetails& details,
                      const std::string& hint, std::ostream& err) {
  nlohmann::ordered_json error;
  error["code"] = CodeName(status.code());
  error["message"] = std::string(status.message());
  if (!details.reason.empty()) error["reason"] = details.reason;
  if (!details.metadata.empty()) error["metadata"] = details.metadata;
  for (const FieldViolation& violation : details.field_violations) {
    error["fieldViolations"].push_back(
        {{"field", violation.field}, {"description", violation.description}});
  }
  if (!hint.empty()) error["hint"] = hint;
  const nlohmann::ordered_json document = {{"error", error}};
  err << document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace

absl::StatusOr<std::string> ReadInputFile(const std::string& path) {
  std::ostringstream content;
  if (path == "-") {
    content << std::cin.rdbuf();
    return content.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return UsageError(absl::StrCat("Cannot read ", path, ": ", std::strerror(errno), "."));
  content << file.rdbuf();
  if (file.bad() || (content.fail() && file.peek() != std::ifstream::traits_type::eof())) {
    return UsageError(absl::StrCat("Cannot read ", path, " to its end."));
  }
  return content.str();
}

absl::StatusOr<ConnectionOptions> Session::OptionsOfConnection() const {
  ConnectionOptions result;
  result.sleep = sleep_;
  result.server = options_.server;
  result.actor = options_.actor;
  result.deadline =
      options_.timeout_seconds > 0 ? absl::Seconds(options_.timeout_seconds) : default_deadline_;
  result.use_tls = options_.use_tls || !options_.tls_ca_file.empty();
  if (!options_.tls_ca_file.empty()) {
    absl::StatusOr<std::string> certificates = ReadInputFile(options_.tls_ca_file);
    if (!certificates.ok()) return certificates.status();
    result.tls_root_certificates = *std::move(certificates);
  }
  if (options_.client_certificate_file.empty() != options_.client_key_file.empty()) {
    return UsageError("--client-cert and --client-key go together.");
  }
  if (!options_.client_certificate_file.empty()) {
    if (!result.use_tls) return UsageError("--client-cert goes with --tls or --tls-ca.");
    absl::StatusOr<std::string> certificate = ReadInputFile(options_.client_certificate_file);
    if (!certificate.ok()) return certificate.status();
    absl::StatusOr<std::string> key = ReadInputFile(options_.client_key_file);
    if (!key.ok()) return key.status();
    result.tls_client_certificate = *std::move(certificate);
    result.tls_client_key = *std::move(key);
  }
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadInputFile(options_.token_file);
    if (!token.ok()) return token.status();
    result.token = std::string(absl::StripAsciiWhitespace(*token));
    if (result.token.empty()) {
      return UsageError(absl::StrCat("The token file ", options_.token_file, " is empty."));
    }
  } else if (const std::optional<std::string> token = environment_("BURSAR_TOKEN")) {
    result.token = std::string(absl::StripAsciiWhitespace(*token));
  }
  return result;
}

absl::StatusOr<std::shared_ptr<const Connection>> Session::Connect() {
  if (connection_ == nullptr) {
    absl::StatusOr<std::shared_ptr<const Connection>> opened = ConnectAgain(0);
    if (!opened.ok()) return opened.status();
    connection_ = *std::move(opened);
  }
  return connection_;
}

absl::StatusOr<std::shared_ptr<const Connection>> Session::ConnectAgain(int channel_number) {
  absl::StatusOr<ConnectionOptions> options = OptionsOfConnection();
  if (!options.ok()) return options.status();
  options->channel_number = channel_number;
  auto opened = Connection::Open(*std::move(options));
  if (!opened.ok()) return UsageError(std::string(opened.status().message()));
  return opened;
}

void Session::PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  // Fails only for an Any of an unknown type; then the message's own text still says something.
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) {
    text = message.ShortDebugString() + "\n";
  }
  out_ << text;
}

std::string Session::RequestId(const std::string& given) {
  if (!given.empty()) return given;
  const std::string made = MakeRequestId();
  err_ << "request id " << made << "\n";
  return made;
}

void PrintError(const absl::Status& status, const GlobalOptions& options, std::ostream& err) {
  const ErrorDetails details = DetailsOf(status);
  const std::string hint = IsUsageError(status) ? "" : HintFor(status, details, options);
  if (options.output_format == "json") return PrintErrorAsJson(status, details, hint, err);
  err << "bursar: " << std::string(status.message()) << "\n";
  for (const FieldViolation& violation : details.field_violations) {
    // The message of a single violation says it already.
    if (absl::StrContains(status.message(), violation.description)) continue;
    err << "  " << violation.field << ": " << violation.description << "\n";
  }
  if (!IsUsageError(status)) {
    err << "  " << CodeName(status.code());
    if (!details.reason.empty()) err << ", reason " << details.reason;
    err << "\n";
  }
  for (const HelpLink& link : details.help_links) {
    err << "  " << link.description << ": " << link.url << "\n";
  }
  if (!hint.empty()) err << hint << "\n";
}

}  // namespace bursar::cli
