#include "server/app/watchdog.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(bool is_tls) {
  if (!is_tls) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  return grpc::experimental::TlsCredentials(options);
}

// Where this process reaches the listener.
std::string TargetOf(const ListenAddress& address, int port) {
  if (address.is_unix()) return address.ToString();
  if (address.host() == "::" || address.host() == "0.0.0.0") {
    return absl::StrCat("127.0.0.1:", port);  // The listener of "::" takes IPv4 as well.
  }
  return address.WithPort(port);
}

}  // namespace

Watchdog::Watchdog(std::vector<Door> doors, int max_failures, Actions actions)
    : max_failures_(max_failures), actions_(std::move(actions)) {
  for (Door& door : doors) doors_.push_back({std::move(door)});
}

void Watchdog::Look() {
  bool all_answer = true;
  for (Watched& watched : doors_) {
    const absl::Status answer = watched.door.knock();
    if (absl::IsResourceExhausted(answer)) {
      all_answer &= watched.failures == 0;
    } else if (!answer.ok()) {
      all_answer = false;
      OnFailure(answer, &watched);
    } else if (std::exchange(watched.failures, 0) > 0) {
      spdlog::info("{} answers again", watched.door.address);
    }
  }
  if (is_watching_ == all_answer) {
    is_watching_ = !all_answer;
    actions_.watch(is_watching_);
  }
}

void Watchdog::OnFailure(const absl::Status& answer, Watched* watched) {
  ++watched->failures;
  if (watched->failures >= max_failures_) {
    return actions_.end(
        absl::StrCat(watched->door.address, " did not answer ", watched->failures,
                     " health checks of its own process in a row (", answer.message(),
                     "): ending, to be started again. Nothing that was acknowledged is lost"));
  }
  const int shed = watched->failures > 1 ? actions_.shed() : 0;
  spdlog::warn(
      "{} does not answer a health check of its own process ({} of {}): {}; {} connections "
      "without a credential were closed",
      watched->door.address, watched->failures, max_failures_, std::string(answer.message()), shed);
}

absl::Status KnockAt(const ListenAddress& address, int port, bool is_tls, absl::Duration timeout) {
  grpc::ChannelArguments arguments;
  // A connection of its own each time: what is to be shown is that the listener takes it.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel = grpc::CreateCustomChannel(
      TargetOf(address, port), CredentialsFor(is_tls && !address.is_unix()), arguments);
  const auto health = grpc::health::v1::Health::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(true);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status answer =
      health->Check(&context, grpc::health::v1::HealthCheckRequest(), &response);
  switch (answer.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return absl::UnavailableError(answer.error_message());
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          absl::StrCat("nothing within ", absl::FormatDuration(timeout)));
    default:
      return absl::OkStatus();
  }
}

}  // namespace bursar
