// The asynchronous path against a real client: completion from other threads, cancellation, refusal
// before parsing, drain.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/service/rpc_fixture.h"

namespace bursar {
namespace {

// Calls a unary RPC with arbitrary bytes.
grpc::Status CallWithBytes(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                           const std::string& bytes, const std::string& token) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
  call->StartCall();
  call->Finish(&response, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  return status;
}

constexpr char kCheckPath[] = "/bursar.v1.QuotaService/CheckAdmission";

// Rules: A1
TEST_F(RpcTest, CallIsAnsweredAtOnceWithTheCallersName) {
  grpc::ClientContext context;
  AddToken(&context, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  ASSERT_TRUE(quota_->CheckAdmission(&context, CheckOf("acme", "ann"), &response).ok());
  EXPECT_EQ(response.admission_id(), "ann by frontend");
  EXPECT_EQ(stats_.Get(*FindRpcRule(kCheckPath), grpc::StatusCode::OK), 1U);
}

// Rules: A1
TEST_F(RpcTest, HandlersErrorReachesTheClientWithDetails) {
  grpc::ClientContext context;
  AddToken(&context, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  const grpc::Status status =
      quota_->CheckAdmission(&context, CheckOf("acme", "nobody"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(status.error_details().find("bursar"), std::string::npos);
  EXPECT_EQ(stats_.Get(*FindRpcRule(kCheckPath), grpc::StatusCode::NOT_FOUND), 1U);
}

// Rules: A1
TEST_F(RpcTest, ErrorThatTheCallerMustNotSeeIsLoggedInstead) {
  grpc::ClientContext context;
  AddToken(&context, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  const grpc::Status status =
      quota_->CheckAdmission(&context, CheckOf("acme", "damaged"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(status.error_message().find("/var/secret"), std::string::npos);
  EXPECT_EQ(log_.last(), "/bursar.v1.QuotaService/CheckAdmission: record in /var/secret");
}

// Rules: A1, A2
TEST_F(RpcTest, RefusedCallsNeverReachTheHandlerAndAreNotEvenParsed) {
  const struct {
    std::string token;
    grpc::StatusCode expected;
  } rows[] = {
      {"", grpc::StatusCode::UNAUTHENTICATED},
      {"wrong", grpc::StatusCode::UNAUTHENTICATED},
      {TokenOf(ServiceRole::kViewer), grpc::StatusCode::PERMISSION_DENIED},
      {TokenOf(ServiceRole::kFrontend), grpc::StatusCode::INVALID_ARGUMENT},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(CallWithBytes(channel_, kCheckPath, "\xFF\xFF garbage", row.token).error_code(),
              row.expected)
        << row.token;
  }
  EXPECT_EQ(handlers_.checks(), 0);
}

// Rules: A2, O7
TEST_F(RpcTest, ForeignOrganizationIsRefusedAlikeOnBothPaths) {
  grpc::ClientContext asynchronous;
  AddToken(&asynchronous, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  EXPECT_EQ(quota_->CheckAdmission(&asynchronous, CheckOf("other", "ann"), &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(handlers_.checks(), 0);

  grpc::ClientContext synchronous;
  AddToken(&synchronous, ServiceRole::kFrontend);
  v1::GetMemberUsageRequest request;
  request.set_organization_id("other");
  v1::GetMemberUsageResponse usage;
  EXPECT_EQ(quota_->GetMemberUsage(&synchronous, request, &usage).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

// Rules: A3
TEST_F(RpcTest, SynchronousMethodStandsBesideAndReadsTheActor) {
  grpc::ClientContext context;
  AddToken(&context, ServiceRole::kAdmin);
  context.AddMetadata(kActorMetadataKey, "olga");
  v1::GetMemberUsageRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  v1::GetMemberUsageResponse usage;
  ASSERT_TRUE(quota_->GetMemberUsage(&context, request, &usage).ok());
  EXPECT_EQ(usage.seat_tier(), "ann for olga");

  grpc::ClientContext malformed;
  AddToken(&malformed, ServiceRole::kAdmin);
  malformed.AddMetadata(kActorMetadataKey, "no such id!");
  EXPECT_EQ(quota_->GetMemberUsage(&malformed, request, &usage).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

// A front that adds a header of its own must not be overruled by the caller's.
//
// Rules: A1, A3
TEST_F(RpcTest, RefusesCredentialsAndActorsThatAreSentTwice) {
  v1::GetMemberUsageRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  v1::GetMemberUsageResponse usage;
  grpc::ClientContext tokens;
  AddToken(&tokens, ServiceRole::kAdmin);
  AddToken(&tokens, ServiceRole::kFrontend);
  EXPECT_EQ(quota_->GetMemberUsage(&tokens, request, &usage).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  grpc::ClientContext actors;
  AddToken(&actors, ServiceRole::kAdmin);
  actors.AddMetadata(kActorMetadataKey, "olga");
  actors.AddMetadata(kActorMetadataKey, "ann");
  EXPECT_EQ(quota_->GetMemberUsage(&actors, request, &usage).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

// Rules: R3
TEST_F(RpcTest, CompletionMayComeFromAnotherThread) {
  std::future<std::string> answer = std::async(std::launch::async, [this] {
    grpc::ClientContext context;
    AddToken(&context, ServiceRole::kFrontend);
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    request.set_request_id("r1");
    v1::RecordConsumptionResponse response;
    const grpc::Status status = quota_->RecordConsumption(&context, request, &response);
    return status.ok() ? response.price_card() + std::to_string(response.sequence())
                       : status.error_message();
  });
  handlers_.WaitForHeld(1);
  std::thread([this] { handlers_.CompleteHeld(absl::OkStatus()); }).join();
  EXPECT_EQ(answer.get(), "r17");
}

// Rules: R3
TEST_F(RpcTest, ManyCallsAtOnceKeepTheirOwnReplies) {
  constexpr int kThreads = 8;
  constexpr int kCallsEach = 250;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &wrong] {
      for (int i = 0; i < kCallsEach; ++i) {
        grpc::ClientContext context;
        AddToken(&context, ServiceRole::kFrontend);
        // Some requests are larger than a call's first block of memory.
        const std::string member = "m" + std::to_string(t) + "-" + std::to_string(i);
        v1::CheckAdmissionRequest request = CheckOf("acme", member);
        if (i % 10 == 0) (*request.mutable_labels())["k"] = std::string(20'000, 'x');
        v1::CheckAdmissionResponse response;
        const grpc::Status status = quota_->CheckAdmission(&context, request, &response);
        if (!status.ok() || response.admission_id() != member + " by frontend" ||
            response.revision() != static_cast<int64_t>(request.ByteSizeLong())) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(handlers_.checks(), kThreads * kCallsEach);
}

// Rules: R3
TEST_F(RpcTest, ClientThatGoesAwayDisturbsNobody) {
  grpc::ClientContext cancelled;
  AddToken(&cancelled, ServiceRole::kFrontend);
  std::future<grpc::StatusCode> answer = std::async(std::launch::async, [this, &cancelled] {
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    v1::RecordConsumptionResponse response;
    return quota_->RecordConsumption(&cancelled, request, &response).error_code();
  });
  handlers_.WaitForHeld(1);
  cancelled.TryCancel();
  EXPECT_EQ(answer.get(), grpc::StatusCode::CANCELLED);
  handlers_.CompleteHeld(absl::OkStatus());

  grpc::ClientContext context;
  AddToken(&context, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  EXPECT_TRUE(quota_->CheckAdmission(&context, CheckOf("acme", "ann"), &response).ok());
}

// Rules: R3
TEST_F(RpcTest, DrainWaitsForCallsInFlightAndAnswersThem) {
  std::future<grpc::StatusCode> answer = std::async(std::launch::async, [this] {
    grpc::ClientContext context;
    AddToken(&context, ServiceRole::kFrontend);
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    v1::RecordConsumptionResponse response;
    return quota_->RecordConsumption(&context, request, &response).error_code();
  });
  handlers_.WaitForHeld(1);
  std::future<void> stopped = std::async(std::launch::async, [this] {
    Stop(std::chrono::system_clock::now() + std::chrono::seconds(60));
  });
  // The server has begun to stop when the state says so; the held call keeps it from ending.
  while (state_.state() != ServingState::State::kStopping) std::this_thread::yield();
  handlers_.CompleteHeld(absl::OkStatus());
  EXPECT_EQ(answer.get(), grpc::StatusCode::OK);
  stopped.get();
}

// Rules: R3
TEST_F(RpcTest, DrainPastItsDeadlineCancelsTheClientAndSurvivesTheLateCompletion) {
  std::future<grpc::StatusCode> answer = std::async(std::launch::async, [this] {
    grpc::ClientContext context;
    AddToken(&context, ServiceRole::kFrontend);
    v1::RecordConsumptionRequest request;
    request.set_organization_id("acme");
    v1::RecordConsumptionResponse response;
    return quota_->RecordConsumption(&context, request, &response).error_code();
  });
  handlers_.WaitForHeld(1);
  std::future<void> stopped =
      std::async(std::launch::async, [this] { Stop(std::chrono::system_clock::now()); });
  // The client learns of it before the handler has completed anything.
  EXPECT_NE(answer.get(), grpc::StatusCode::OK);
  handlers_.CompleteHeld(absl::OkStatus());
  stopped.get();
}

}  // namespace
}  // namespace bursar
