// The client library against a real gRPC server on a loopback port, whose answers are scripted.
#include "client/lib/client.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace bursar {
namespace {

// Answers with the scripted errors, then with success, and remembers what arrived.
class ScriptedService final : public v1::QuotaService::Service {
 public:
  grpc::Status CheckAdmission(grpc::ServerContext* context, const v1::CheckAdmissionRequest*,
                              v1::CheckAdmissionResponse* reply) override {
    reply->set_decision(v1::DECISION_ADMITTED);
    return Answer(context, "");
  }
  grpc::Status RecordConsumption(grpc::ServerContext* context,
                                 const v1::RecordConsumptionRequest* request,
                                 v1::RecordConsumptionResponse* reply) override {
    reply->set_sequence(7);
    return Answer(context, request->request_id());
  }

  void FailNext(grpc::Status status) { script_.push_back(std::move(status)); }
  const std::vector<std::string>& request_ids() const { return request_ids_; }
  const std::vector<std::multimap<std::string, std::string>>& metadata() const { return metadata_; }

 private:
  grpc::Status Answer(grpc::ServerContext* context, const std::string& request_id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    request_ids_.push_back(request_id);
    auto& seen = metadata_.emplace_back();
    for (const auto& [key, value] : context->client_metadata()) {
      seen.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
    if (script_.empty()) return grpc::Status::OK;
    const grpc::Status status = script_.front();
    script_.pop_front();
    return status;
  }

  std::mutex mutex_;
  std::deque<grpc::Status> script_;
  std::vector<std::string> request_ids_;
  std::vector<std::multimap<std::string, std::string>> metadata_;
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    options_.server = "127.0.0.1:" + std::to_string(port);
    options_.sleep = [this](absl::Duration wait) { waits_.push_back(wait); };
  }

  std::unique_ptr<Client> Connect() {
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  static v1::RecordConsumptionRequest Record(const std::string& request_id) {
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    request.set_request_id(request_id);
    return request;
  }

  ScriptedService service_;
  std::unique_ptr<grpc::Server> server_;
  ConnectionOptions options_;
  std::vector<absl::Duration> waits_;
};

const grpc::Status kGone(grpc::StatusCode::UNAVAILABLE, "shutting down");

// Rules: A1, A3
TEST_F(ClientTest, TokenAndActorTravelWithEveryCall) {
  options_.token = "secret";
  options_.actor = "ann";
  const std::unique_ptr<Client> client = Connect();
  ASSERT_TRUE(client->CheckAdmission({}).ok());
  ASSERT_TRUE(client->RecordConsumption(Record("r1")).ok());
  ASSERT_EQ(service_.metadata().size(), 2u);
  for (const auto& metadata : service_.metadata()) {
    ASSERT_EQ(metadata.count("authorization"), 1u);
    EXPECT_EQ(metadata.find("authorization")->second, "Bearer secret");
    ASSERT_EQ(metadata.count("bursar-actor"), 1u);
    EXPECT_EQ(metadata.find("bursar-actor")->second, "ann");
  }
}

// Rules: A1
TEST_F(ClientTest, WithoutTokenNoCredentialIsSent) {
  ASSERT_TRUE(Connect()->CheckAdmission({}).ok());
  EXPECT_EQ(service_.metadata()[0].count("authorization"), 0u);
  EXPECT_EQ(service_.metadata()[0].count("bursar-actor"), 0u);
}

// Rules: R2
TEST_F(ClientTest, RecordIsRepeatedWithTheSameRequestId) {
  service_.FailNext(kGone);
  service_.FailNext(kGone);
  const auto reply = Connect()->RecordConsumption(Record("r1"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->sequence(), 7);
  EXPECT_EQ(service_.request_ids(), std::vector<std::string>({"r1", "r1", "r1"}));
  EXPECT_EQ(waits_.size(), 2u);
}

// Rules: R2
TEST_F(ClientTest, RecordWithoutRequestIdIsNeverRepeated) {
  service_.FailNext(kGone);
  const auto reply = Connect()->RecordConsumption(Record(""));
  EXPECT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_EQ(service_.request_ids().size(), 1u);
  EXPECT_TRUE(waits_.empty());
}

// Rules: H8
TEST_F(ClientTest, PlainCheckIsRepeated) {
  service_.FailNext(kGone);
  EXPECT_TRUE(Connect()->CheckAdmission({}).ok());
  EXPECT_EQ(service_.request_ids().size(), 2u);
}

// Rules: H2
TEST_F(ClientTest, HoldWithoutRequestIdIsNeverRepeated) {
  v1::CheckAdmissionRequest request;
  request.set_mode(v1::ADMISSION_MODE_HOLD);
  service_.FailNext(kGone);
  EXPECT_TRUE(absl::IsUnavailable(Connect()->CheckAdmission(request).status()));
  request.set_request_id("r1");
  service_.FailNext(kGone);
  EXPECT_TRUE(Connect()->CheckAdmission(request).ok());
}

TEST_F(ClientTest, ErrorsCarryTheServersDetails) {
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  info.set_reason("REQUEST_ID_REUSED");
  info.set_domain("bursar");
  (*info.mutable_metadata())["request_id"] = "r1";
  rich.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("usage.input_tokens");
  violation->set_description("is negative");
  rich.add_details()->PackFrom(bad);
  google::rpc::Help help;
  auto* link = help.add_links();
  link->set_description("Settings");
  link->set_url("https://example.com");
  rich.add_details()->PackFrom(help);
  service_.FailNext(
      grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "reused", rich.SerializeAsString()));

  const auto reply = Connect()->RecordConsumption(Record("r1"));
  ASSERT_TRUE(absl::IsAlreadyExists(reply.status()));
  EXPECT_EQ(reply.status().message(), "reused");
  const ErrorDetails details = DetailsOf(reply.status());
  EXPECT_EQ(details.reason, "REQUEST_ID_REUSED");
  EXPECT_EQ(details.domain, "bursar");
  EXPECT_EQ(details.metadata.at("request_id"), "r1");
  ASSERT_EQ(details.field_violations.size(), 1u);
  EXPECT_EQ(details.field_violations[0].field, "usage.input_tokens");
  EXPECT_EQ(details.field_violations[0].description, "is negative");
  ASSERT_EQ(details.help_links.size(), 1u);
  EXPECT_EQ(details.help_links[0].url, "https://example.com");
  EXPECT_FALSE(details.retry_delay.has_value());
}

TEST_F(ClientTest, DetailsThatDoNotParseLeaveCodeAndMessage) {
  service_.FailNext(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such thing", "\xff\xff\xff"));
  const auto reply = Connect()->CheckAdmission({});
  EXPECT_TRUE(absl::IsNotFound(reply.status()));
  EXPECT_EQ(DetailsOf(reply.status()).reason, "");
}

TEST_F(ClientTest, DeadlineEndsACallThatNobodyAnswers) {
  server_->Shutdown();
  options_.deadline = absl::Milliseconds(200);
  options_.max_attempts = 1'000'000;
  options_.sleep = [](absl::Duration) {};
  const auto reply = Connect()->CheckAdmission({});
  EXPECT_FALSE(reply.ok());
}

// Rules: A1
TEST(Connection, RefusesTokenOverPlaintextBeyondLoopback) {
  ConnectionOptions options;
  options.token = "secret";
  for (const char* server :
       {"example.com:50051", "10.0.0.1:50051", "[2001:db8::1]:50051", "127.example.com:1",
        "localhost.example.com:1", "dns:///example.com"}) {
    options.server = server;
    options.use_tls = false;
    EXPECT_TRUE(absl::IsInvalidArgument(Connection::Open(options).status())) << server;
    EXPECT_EQ(Connection::Open(options).status().message().find("secret"), absl::string_view::npos);
    options.use_tls = true;
    EXPECT_TRUE(Connection::Open(options).ok()) << server;
  }
  options.use_tls = false;
  for (const char* server :
       {"localhost", "localhost:1", "127.0.0.1:1", "127.8.9.1", "[::1]:5", "::1",
        "unix:/run/bursar.sock", "ipv4:127.0.0.1:5", "dns:///localhost:5"}) {
    options.server = server;
    EXPECT_TRUE(Connection::Open(options).ok()) << server;
  }
}

TEST(Connection, RefusesOptionsThatCannotWork) {
  ConnectionOptions options;
  options.server = "";
  EXPECT_TRUE(absl::IsInvalidArgument(Connection::Open(options).status()));
  options = {};
  options.deadline = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsInvalidArgument(Connection::Open(options).status()));
  options = {};
  options.token = "two\nlines";
  EXPECT_TRUE(absl::IsInvalidArgument(Connection::Open(options).status()));
}

}  // namespace
}  // namespace bursar
