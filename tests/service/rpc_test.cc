// Both paths of a call against a real client: completion from other threads, cancellation, refusal
// before parsing, overload, drain.
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
constexpr char kPlainPath[] = "/bursar.v1.QuotaService/GetMemberUsage";

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
    std::string path;
    std::string token;
    grpc::StatusCode expected;
  } rows[] = {
      {kCheckPath, "", grpc::StatusCode::UNAUTHENTICATED},
      {kCheckPath, "wrong", grpc::StatusCode::UNAUTHENTICATED},
      {kCheckPath, TokenOf(ServiceRole::kViewer), grpc::StatusCode::PERMISSION_DENIED},
      {kCheckPath, TokenOf(ServiceRole::kFrontend), grpc::StatusCode::INVALID_ARGUMENT},
      {kPlainPath, "", grpc::StatusCode::UNAUTHENTICATED},
      {kPlainPath, "wrong", grpc::StatusCode::UNAUTHENTICATED},
      {kPlainPath, TokenOf(ServiceRole::kPayments), grpc::StatusCode::PERMISSION_DENIED},
      {kPlainPath, TokenOf(ServiceRole::kFrontend), grpc::StatusCode::INVALID_ARGUMENT},
  };
  for (const auto& row : rows) {
    const grpc::Status status = CallWithBytes(channel_, row.path, "\xFF\xFF garbage", row.token);
    EXPECT_EQ(status.error_code(), row.expected) << row.path << " " << row.token;
    if (row.expected == grpc::StatusCode::INVALID_ARGUMENT) {
      EXPECT_EQ(status.error_message(), "the request is not a valid message");
    }
  }
  EXPECT_EQ(handlers_.checks(), 0);
}

// Who calls is told nothing but that it is nobody; whoever runs the server has to find out why.
//
// Rules: A1
TEST_F(RpcTest, WhyACredentialIsRefusedIsLogged) {
  for (const char* path : {kCheckPath, kPlainPath}) {
    const grpc::Status status = CallWithBytes(channel_, path, "", "mistyped");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(log_.last().find(path), 0U) << log_.last();
    EXPECT_NE(log_.last().find(": from ipv4:127.0.0.1:"), std::string::npos) << log_.last();
    EXPECT_NE(log_.last().find("its token is none of this server's"), std::string::npos);
    EXPECT_EQ(status.error_message().find("none of this server's"), std::string::npos);
  }
}

// Rules: A1
TEST_F(RpcTest, RpcThatDoesNotExistIsNamed) {
  const grpc::Status status = CallWithBytes(channel_, "/bursar.v1.AdminService/GetWalet", "", "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(status.error_message(),
            "there is no RPC /bursar.v1.AdminService/GetWalet; server reflection lists those that "
            "there are");
}

// A call that was begun, whose message has not been sent.
class BegunCall {
 public:
  BegunCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& token) {
    context_.AddMetadata("authorization", "Bearer " + token);
    call_ = grpc::GenericStub(channel).PrepareCall(&context_, kPlainPath, &queue_);
    call_->StartCall(nullptr);
    Await();
  }
  // Says that there will be no message, and waits for the answer.
  grpc::Status End() {
    call_->WritesDone(nullptr);
    Await();
    grpc::Status status;
    call_->Finish(&status, nullptr);
    Await();
    return status;
  }

 private:
  void Await() {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue_.Next(&tag, &ok));
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

// Rules: A1
TEST_F(RpcTest, CallsWhoseMessageDoesNotComeHoldUpNobody) {
  // Many more than there are threads.
  std::vector<std::unique_ptr<BegunCall>> begun;
  for (int i = 0; i < 40; ++i) {
    begun.push_back(std::make_unique<BegunCall>(channel_, TokenOf(ServiceRole::kFrontend)));
  }
  EXPECT_EQ(UsageOf("ann").error_code(), grpc::StatusCode::OK);
  for (const auto& call : begun) {
    const grpc::Status status = call->End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(), "the call ended without a request message");
  }
}

// Rules: R6
TEST_F(RpcTest, MoreThanTheThreadsAndTheirQueueTakeIsRefusedAsOverload) {
  std::vector<std::future<grpc::Status>> answers;
  const auto begin = [&] {
    answers.push_back(std::async(std::launch::async, [this] { return UsageOf("held"); }));
  };
  for (int i = 0; i < 2; ++i) begin();
  plain_.WaitForHeld(2);
  // Of these two one waits for a thread, and the other is refused, whichever comes first.
  for (int i = 0; i < 2; ++i) begin();
  const auto is_answered = [&](size_t i) {
    return answers[i].wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  while (!is_answered(2) && !is_answered(3)) std::this_thread::yield();
  plain_.Release();
  int refused = 0;
  for (auto& answer : answers) {
    const grpc::Status status = answer.get();
    if (status.ok()) continue;
    ++refused;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_EQ(refused, 1);
}

// Rules: A2, O7
TEST_F(RpcTest, ForeignOrganizationIsRefusedAlikeOnBothPaths) {
  grpc::ClientContext asynchronous;
  AddToken(&asynchronous, ServiceRole::kFrontend);
  v1::CheckAdmissionResponse response;
  EXPECT_EQ(quota_->CheckAdmission(&asynchronous, CheckOf("other", "ann"), &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(handlers_.checks(), 0);

  grpc::ClientContext plain;
  AddToken(&plain, ServiceRole::kFrontend);
  v1::GetMemberUsageRequest request;
  request.set_organization_id("other");
  v1::GetMemberUsageResponse usage;
  EXPECT_EQ(quota_->GetMemberUsage(&plain, request, &usage).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

// Rules: A3
TEST_F(RpcTest, PlainRpcStandsBesideAndReadsTheActor) {
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
