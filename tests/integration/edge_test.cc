// The edge of the whole server: rates, watches of health, names of peers, doors that answer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/app/connection_guard.h"
#include "server/app/peer_name.h"
#include "server/app/watchdog.h"
#include "server/service/health_service.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

std::chrono::system_clock::time_point Patience() {
  return std::chrono::system_clock::now() + std::chrono::seconds(30);
}

class RateTest : public ServerTest {
 protected:
  RateTest()
      : ServerTest([](Options* options) { options->edge.max_calls_per_second_per_caller = 1; }) {}
};

// Rules: A1
TEST_F(RateTest, ACallerAboveItsRateIsToldWhenToComeBack) {
  v1::CheckAdmissionResponse response;
  grpc::Status status;
  // Whatever the machine's pace, one of many calls in a row is one too many.
  for (int i = 0; i < 10'000 && status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED; ++i) {
    status = Check("acme", "ann", &response);
  }
  EXPECT_EQ(ReasonOf(status), "CALLER_RATE_REACHED");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(FindDetail(status, &retry));
  EXPECT_GT(retry.retry_delay().nanos() + retry.retry_delay().seconds(), 0);
  // Nobody's call has no rate, and health is asked for by whoever likes.
  EXPECT_EQ(Check("acme", "ann", &response, "wrong").error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

// Rules: A1
TEST_F(RateTest, AWatchIsOneCallHoweverMuchItTells) {
  const auto until_taken = [](const auto& call) {
    grpc::Status status;
    const auto end = Patience();
    do {
      status = call();
    } while (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
             std::chrono::system_clock::now() < end);
    return status;
  };
  ASSERT_TRUE(until_taken([&] { return CreateOrganization("acme", "team"); }).ok());
  v1::WatchWalletRequest request;
  request.set_organization_id("acme");
  v1::WatchWalletResponse response;
  const grpc::Status watched = until_taken([&] {
    grpc::ClientContext context;
    context.AddMetadata("authorization", std::string("Bearer ") + kOperatorToken);
    const auto watch = quota_->WatchWallet(&context, request);
    if (!watch->Read(&response)) return watch->Finish();
    context.TryCancel();
    return grpc::Status::OK;
  });
  EXPECT_TRUE(watched.ok()) << watched.error_message();
}

class EdgeTest : public ServerTest {
 protected:
  EdgeTest()
      : ServerTest([](Options* options) {
          options->listen = {*ListenAddress::Parse("127.0.0.1:0"),
                             *ListenAddress::Parse("localhost:0")};
        }) {
    address_ = address_.substr(0, address_.find(','));
    channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  }
};

// Rules: A1
TEST_F(EdgeTest, WatchesOfHealthWithoutACredentialKeepNobodyOut) {
  const auto health = Health::NewStub(channel_);
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader;
  };
  const auto begin = [&](const std::string& token) {
    auto watch = std::make_unique<Watch>();
    watch->context.set_deadline(Patience());
    if (!token.empty()) watch->context.AddMetadata("authorization", "Bearer " + token);
    watch->reader = health->Watch(&watch->context, HealthCheckRequest());
    return watch;
  };
  std::vector<std::unique_ptr<Watch>> strangers;
  HealthCheckResponse response;
  for (size_t i = 0; i < HealthService::kMaxWatches; ++i) {
    strangers.push_back(begin(""));
    ASSERT_TRUE(strangers.back()->reader->Read(&response));
  }
  const auto one_too_many = begin("");
  EXPECT_FALSE(one_too_many->reader->Read(&response));
  EXPECT_EQ(one_too_many->reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto known = begin(kOperatorToken);
  EXPECT_TRUE(known->reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  for (const auto& watch : strangers) watch->context.TryCancel();
  known->context.TryCancel();
}

// Rules: A1
TEST_F(EdgeTest, ADoorThatAnswersIsToldFromOneThatDoesNot) {
  const auto port = [](const std::string& address) {
    return std::stoi(address.substr(address.rfind(':') + 1));
  };
  std::string all = server_->Addresses();
  all = all.substr(0, all.find(' '));
  const absl::Duration patience = absl::Seconds(30);
  for (const char* host : {"127.0.0.1:0", "0.0.0.0:0", "[::]:0"}) {
    EXPECT_TRUE(KnockAt(*ListenAddress::Parse(host), port(address_), false, patience).ok()) << host;
  }
  EXPECT_TRUE(KnockAt(*ListenAddress::Parse("localhost:0"), port(all), false, patience).ok());
  const int closed = port(address_);
  Stop();
  EXPECT_FALSE(
      KnockAt(*ListenAddress::Parse("127.0.0.1:0"), closed, false, absl::Milliseconds(300)).ok());
}

// Answers with its caller's name.
class NameService final : public Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext* context, const HealthCheckRequest* /*request*/,
                     HealthCheckResponse* /*response*/) override {
    return grpc::Status(grpc::StatusCode::ABORTED, context->peer());
  }
};

// Rules: A1
TEST(PeerName, IsWhatTheTransportCallsThePeer) {
  grpc::ServerBuilder builder;
  NameService service;
  builder.RegisterService(&service);
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  const std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD,
                                                           grpc::InsecureServerCredentials());
  std::mutex mutex;
  std::string name;
  ConnectionGuard guard({});
  const auto take = [&](int descriptor) {
    {
      const std::lock_guard lock(mutex);
      name = PeerNameOf(descriptor);
    }
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = descriptor;
    acceptor->HandleNewConnection(&connection);
  };
  const auto port = guard.Listen(*ListenAddress::Parse("[::]:0"), take);
  ASSERT_TRUE(port.ok()) << port.status();
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(guard.Start().ok());
  int asked = 0;
  for (const char* host : {"127.0.0.1:", "[::1]:"}) {
    const auto channel =
        grpc::CreateChannel(host + std::to_string(*port), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_deadline(Patience());
    HealthCheckResponse response;
    const grpc::Status status =
        Health::NewStub(channel)->Check(&context, HealthCheckRequest(), &response);
    // A machine without IPv6 has the first only.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && asked > 0) break;
    const std::lock_guard lock(mutex);
    EXPECT_EQ(status.error_message(), name) << host;
    ++asked;
  }
  guard.Stop();
  server->Shutdown(std::chrono::system_clock::now());
}

}  // namespace
}  // namespace bursar
