// What every command works with: the options that all commands share, the connection they lead to,
// and where to print.
//
// Thread rule: one thread.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/lib/connection.h"

namespace bursar::cli {

// How the program ends. Scripts rely on the numbers.
enum class ExitStatus { kDone = 0, kUsage = 2, kDenied = 3, kFailed = 4 };

// Options of every command.
struct GlobalOptions {
  std::string server = "localhost:50051";
  std::string token_file;
  std::string actor;
  std::string output_format = "table";
  bool use_tls = false;
  std::string tls_ca_file;
  std::string client_certificate_file;  // Both, or neither.
  std::string client_key_file;
  // Zero means the command's own default.
  double timeout_seconds = 0;
};

// Reads an environment variable; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// The whole of a file, or why not, as a usage error that names the file. "-" reads the standard
// input.
absl::StatusOr<std::string> ReadInputFile(const std::string& path);

// See the head of the file.
class Session {
 public:
  // The streams must outlive the session. An empty `sleep` really waits.
  Session(GlobalOptions options, Environment environment, std::ostream& out, std::ostream& err,
          Sleep sleep = {})
      : options_(std::move(options)),
        environment_(std::move(environment)),
        out_(out),
        err_(err),
        sleep_(std::move(sleep)) {}

  const GlobalOptions& options() const { return options_; }
  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }
  // Whether programs read the output.
  bool json() const { return options_.output_format == "json"; }
  std::optional<std::string> Environ(const std::string& name) const { return environment_(name); }

  // The deadline of a command that ends sooner than five seconds only by being asked to.
  void set_default_deadline(absl::Duration deadline) { default_deadline_ = deadline; }

  // The connection, opened at the first call. Usage errors for unreadable files and for a token
  // that would travel unprotected.
  absl::StatusOr<std::shared_ptr<const Connection>> Connect();
  // A further connection to the same server, of a number of its own.
  absl::StatusOr<std::shared_ptr<const Connection>> ConnectAgain(int channel_number);

  // Makes one unary call, for example
  //   session.Call(&v1::AdminService::Stub::GetWallet, request).
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, RetrySafety safety = RetrySafety::kSafe) {
    const absl::StatusOr<std::shared_ptr<const Connection>> connection = Connect();
    if (!connection.ok()) return connection.status();
    Stub stub((*connection)->channel());
    return (*connection)->Call(stub, method, request, safety);
  }

  // Prints a reply as protobuf JSON.
  void PrintJson(const google::protobuf::Message& message);

  // The request id to use: the one given, else a new one, which is also told on the error stream,
  // so that a call whose answer is lost can be repeated.
  std::string RequestId(const std::string& given);

 private:
  absl::StatusOr<ConnectionOptions> OptionsOfConnection() const;

  GlobalOptions options_;
  Environment environment_;
  std::ostream& out_;
  std::ostream& err_;
  Sleep sleep_;
  absl::Duration default_deadline_ = absl::Seconds(5);
  std::shared_ptr<const Connection> connection_;
};

// What a command does once its options are parsed.
using Action = std::function<absl::StatusOr<ExitStatus>(Session&)>;

// Prints a reply, as JSON or by `for_people`; hands on an error.
template <class Response, class ForPeople>
absl::StatusOr<ExitStatus> Show(Session& session, const absl::StatusOr<Response>& reply,
                                ForPeople for_people) {
  if (!reply.ok()) return reply.status();
  if (session.json()) {
    session.PrintJson(*reply);
  } else {
    for_people(*reply);
  }
  return ExitStatus::kDone;
}

// Prints an error: message, each field that is wrong, the reason and a hint, or one JSON object.
void PrintError(const absl::Status& status, const GlobalOptions& options, std::ostream& err);

}  // namespace bursar::cli
