// /metrics, /healthz and /readyz over a real socket.
#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bursar {
namespace {

// The whole answer to a GET, head and body; "" when there is none.
std::string Get(int port, const std::string& path, const std::string& header = "") {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + "\r\n";
    // The server may cut off what is too long before all of it is sent.
    EXPECT_GT(send(descriptor, request.data(), request.size(), MSG_NOSIGNAL), 0);
    char buffer[4096];
    for (ssize_t got; (got = recv(descriptor, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(got));
    }
  }
  close(descriptor);
  return answer;
}

class ViewerToken final : public TokenStore {
 public:
  absl::StatusOr<std::vector<StoredToken>> List() const override {
    std::vector<StoredToken> tokens(3);
    tokens[0].hash = HashToken("viewer");
    tokens[0].credential.token_id = "tok_1";
    tokens[0].credential.role = ServiceRole::kViewer;
    tokens[0].credential.all_organizations = true;
    tokens[1].hash = HashToken("frontend");
    tokens[1].credential.token_id = "tok_2";
    tokens[1].credential.role = ServiceRole::kFrontend;
    tokens[1].credential.all_organizations = true;
    tokens[2].hash = HashToken("viewer of acme");
    tokens[2].credential.token_id = "tok_3";
    tokens[2].credential.role = ServiceRole::kViewer;
    tokens[2].credential.organization_ids = {"acme"};
    return tokens;
  }
  absl::Status Put(const StoredToken&) override { return absl::OkStatus(); }
  absl::Status Delete(const std::string&) override { return absl::OkStatus(); }
};

class HttpTest : public testing::Test {
 protected:
  HttpTest() {
    EXPECT_TRUE(credentials_.LoadStoredTokens().ok());
    HttpOptions options;
    options.host = "127.0.0.1";
    auto server = HttpServer::Start(options, &state_, &credentials_, [](MetricWriter* writer) {
      writer->Counter("bursar_records_total", "Records acknowledged.", 42);
    });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  ServingState state_;
  ViewerToken store_;
  Credentials credentials_{&store_};
  std::unique_ptr<HttpServer> server_;
};

// Rules: A1
TEST_F(HttpTest, AliveAndReadyAreTwoThings) {
  EXPECT_EQ(Get(server_->port(), "/healthz").find("HTTP/1.1 200"), 0U);
  EXPECT_EQ(Get(server_->port(), "/readyz").find("HTTP/1.1 503"), 0U);
  state_.Set(ServingState::State::kServing);
  EXPECT_EQ(Get(server_->port(), "/readyz").find("HTTP/1.1 200"), 0U);
  state_.Set(ServingState::State::kStopping);
  EXPECT_EQ(Get(server_->port(), "/readyz").find("HTTP/1.1 503"), 0U);
  EXPECT_EQ(Get(server_->port(), "/healthz").find("HTTP/1.1 200"), 0U);
}

// Rules: A1, A2
TEST_F(HttpTest, MetricsAskForTheTokenOfAViewerOfAllOrOperator) {
  EXPECT_EQ(Get(server_->port(), "/metrics").find("HTTP/1.1 401"), 0U);
  for (const char* token : {"frontend", "viewer of acme"}) {
    const std::string header = std::string("Authorization: Bearer ") + token + "\r\n";
    EXPECT_EQ(Get(server_->port(), "/metrics", header).find("HTTP/1.1 401"), 0U) << token;
  }
  const std::string twice = "Authorization: Bearer viewer\r\nAuthorization: Bearer x\r\n";
  EXPECT_EQ(Get(server_->port(), "/metrics", twice).find("HTTP/1.1 401"), 0U);
  const std::string answer = Get(server_->port(), "/metrics", "Authorization: Bearer viewer\r\n");
  EXPECT_EQ(answer.find("HTTP/1.1 200"), 0U);
  EXPECT_NE(answer.find("bursar_records_total 42\n"), std::string::npos) << answer;
}

// Rules: A1
TEST_F(HttpTest, NothingElseIsServedAndStoppingIsFinal) {
  EXPECT_EQ(Get(server_->port(), "/").find("HTTP/1.1 404"), 0U);
  const int port = server_->port();
  server_->Stop();
  server_->Stop();
  EXPECT_EQ(Get(port, "/healthz"), "");
}

// A connection that says a little and then nothing.
class SlowClient {
 public:
  explicit SlowClient(int port) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_GT(send(descriptor_, "GET /he", 7, MSG_NOSIGNAL), 0);
  }
  SlowClient(SlowClient&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~SlowClient() {
    if (descriptor_ >= 0) close(descriptor_);
  }

 private:
  int descriptor_;
};

// Rules: A1
TEST_F(HttpTest, SlowConnectionsKeepNobodyOut) {
  std::vector<SlowClient> slow;
  for (int i = 0; i < 40; ++i) slow.emplace_back(server_->port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Get(server_->port(), "/healthz").find("HTTP/1.1 200"), 0U) << i;
  }
}

// Rules: A1
TEST_F(HttpTest, AHeadWithoutEndIsCutOff) {
  std::string head;
  for (int i = 0; i < 1000; ++i)
    head += "X-" + std::to_string(i) + ": " + std::string(60, 'y') + "\r\n";
  EXPECT_EQ(Get(server_->port(), "/healthz", head).find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(Get(server_->port(), "/healthz").find("HTTP/1.1 200"), 0U);
}

// Rules: A1
TEST_F(HttpTest, AddressInUseIsSaid) {
  HttpOptions options;
  options.host = "no.such.host.invalid";
  options.port = 1;
  EXPECT_EQ(
      HttpServer::Start(options, &state_, &credentials_, [](MetricWriter*) {}).status().code(),
      absl::StatusCode::kUnavailable);
}

// Rules: S2
TEST(Metrics, FamiliesKeepTheirLabelsTogether) {
  MetricWriter writer;
  writer.Counter("bursar_rpc_answers_total", "Answers.", 1, {{"code", "OK"}});
  writer.Gauge("bursar_queue_length", "Waiting.", 3);
  writer.Counter("bursar_rpc_answers_total", "Answers.", 2, {{"code", "NOT_FOUND"}});
  EXPECT_EQ(writer.ToText(),
            "# HELP bursar_queue_length Waiting.\n"
            "# TYPE bursar_queue_length gauge\n"
            "bursar_queue_length 3\n"
            "# HELP bursar_rpc_answers_total Answers.\n"
            "# TYPE bursar_rpc_answers_total counter\n"
            "bursar_rpc_answers_total{code=\"OK\"} 1\n"
            "bursar_rpc_answers_total{code=\"NOT_FOUND\"} 2\n");
}

}  // namespace
}  // namespace bursar
