#include "server/http/http_server.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kMetricsText[] = "text/plain; version=0.0.4; charset=utf-8";

bool MayReadMetrics(const Credentials& credentials, const httplib::Request& request) {
  // Which of two a front meant nobody knows.
  if (request.get_header_value_count("Authorization") > 1) return false;
  const std::shared_ptr<const Credential> credential =
      credentials.FindByHeader(request.get_header_value("Authorization"));
  // They are of the whole server: who sees one organization does not see them.
  return credential != nullptr && credential->all_organizations &&
         (credential->role == ServiceRole::kOperator || credential->role == ServiceRole::kViewer);
}

}  // namespace

HttpServer::HttpServer(const HttpOptions& options, const ServingState* state,
                       const Credentials* credentials, Collect collect)
    : options_(options),
      state_(state),
      credentials_(credentials),
      collect_(std::move(collect)),
      server_(std::make_unique<BoundedServer>(options.bounds)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                              const ServingState* state,
                                                              const Credentials* credentials,
                                                              Collect collect) {
  std::unique_ptr<HttpServer> server(
      new HttpServer(options, state, credentials, std::move(collect)));
  if (absl::Status s = server->RefreshTls(); !s.ok()) return s;
  httplib::Server& http = *server->server_;
  server->AddHandlers();
  if (options.port == 0) {
    server->port_ = http.bind_to_any_port(options.host);
  } else if (http.bind_to_port(options.host, options.port)) {
    server->port_ = options.port;
  }
  if (server->port_ <= 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen at ", options.host, " port ", options.port, " for HTTP"));
  }
  HttpServer* const self = server.get();
  server->thread_ = std::thread([self] {
    self->server_->listen_after_bind();
    self->has_ended_ = true;
  });
  return server;
}

HttpServer::~HttpServer() { Stop(); }

absl::Status HttpServer::RefreshTls() {
  if (options_.tls_identity_file.empty() || server_->UseTls(options_.tls_identity_file)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the TLS certificate or key cannot be used for HTTP");
}

void HttpServer::AddHandlers() {
  server_->Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("alive\n", kPlainText);
  });
  server_->Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
    const bool is_serving = state_->IsServing();
    response.status = is_serving ? 200 : 503;
    response.set_content(is_serving ? "serving\n" : "not serving\n", kPlainText);
  });
  server_->Get("/metrics", [this](const httplib::Request& request, httplib::Response& response) {
    if (!MayReadMetrics(*credentials_, request)) {
      response.status = 401;
      response.set_header("WWW-Authenticate", "Bearer");
      response.set_content(
          "the token of a viewer of all organizations, or of the operator, is required\n",
          kPlainText);
      return;
    }
    MetricWriter writer;
    collect_(&writer);
    response.set_content(writer.ToText(), kMetricsText);
  });
}

void HttpServer::Stop() {
  if (!thread_.joinable()) return;
  // A stop before the thread listens would be lost.
  while (!server_->is_running() && !has_ended_) std::this_thread::yield();
  server_->stop();
  thread_.join();
}

}  // namespace bursar
