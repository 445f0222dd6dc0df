// A real server on loopback with a real client, for tests of the edge: the asynchronous path with
// handlers that the test completes by hand, a plain handler beside it, health and reflection.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bursar/v1/quota_service.grpc.pb.h"
#include "server/service/credentials.h"
#include "server/service/health_service.h"
#include "server/service/reflection_service.h"
#include "server/service/rpc/async_runtime.h"
#include "server/service/rpc/plain_calls.h"
#include "server/service/serving_state.h"
#include "tests/service/last_error.h"
#include "tests/service/role_tokens.h"

namespace bursar {

// Tokens of every role, all for organization "acme" only, but for the operator's.
class RoleTokens final : public TokenStore {
 public:
  absl::StatusOr<std::vector<StoredToken>> List() const override {
    std::vector<StoredToken> tokens;
    for (const ServiceRole role : kServiceRoles) {
      tokens.push_back(StoredTokenOf(role, {"acme"}));
    }
    return tokens;
  }
  absl::Status Put(const StoredToken&) override { return absl::OkStatus(); }
  absl::Status Delete(const std::string&) override { return absl::OkStatus(); }
};

// Asynchronous handlers: a check answers at once, a record waits until the test completes it.
class HeldHandlers {
 public:
  void CheckAdmission(const CallContext& call, const v1::CheckAdmissionRequest& request,
                      v1::CheckAdmissionResponse* response, Completion done) {
    {
      const std::lock_guard lock(mutex_);
      ++checks_;
    }
    response->set_admission_id(request.member_id() + " by " + call.credential->name);
    response->set_revision(static_cast<int64_t>(request.ByteSizeLong()));
    if (request.member_id() == "nobody") return done(absl::NotFoundError("no such member"));
    if (request.member_id() == "damaged") return done(absl::DataLossError("record in /var/secret"));
    done(absl::OkStatus());
  }

  void RecordConsumption(const CallContext& /*call*/, const v1::RecordConsumptionRequest& request,
                         v1::RecordConsumptionResponse* response, Completion done) {
    const std::lock_guard lock(mutex_);
    response->set_price_card(request.request_id());
    held_.push_back({response, done});
    arrived_.notify_all();
  }

  // Waits until that many records are held.
  void WaitForHeld(size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return held_.size() >= count; });
  }

  // Completes all that are held, on the calling thread.
  void CompleteHeld(const absl::Status& status) {
    std::vector<Held> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const Held& call : held) {
      call.response->set_sequence(7);
      call.done(status);
    }
  }

  int checks() const {
    const std::lock_guard lock(mutex_);
    return checks_;
  }

 private:
  struct Held {
    v1::RecordConsumptionResponse* response;
    Completion done;
  };
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Held> held_;
  int checks_ = 0;
};

// The service of the asynchronous handlers, without the plain one.
using MixedQuotaService = v1::QuotaService::WithRawMethod_CheckAdmission<
    v1::QuotaService::WithRawMethod_RecordConsumption<
        v1::QuotaService::WithGenericMethod_GetMemberUsage<v1::QuotaService::Service>>>;

// A plain handler: tells who called. About "held" it does so when the test lets it.
class PlainHandlers {
 public:
  absl::Status GetMemberUsage(const CallContext& call, const v1::GetMemberUsageRequest& request,
                              v1::GetMemberUsageResponse* response) {
    if (request.member_id() == "held") {
      std::unique_lock lock(mutex_);
      ++held_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return is_released_; });
    }
    response->set_seat_tier(request.member_id() + " for " + call.actor);
    return absl::OkStatus();
  }

  void WaitForHeld(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_ >= count; });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    is_released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int held_ = 0;
  bool is_released_ = false;
};

class RpcTest : public testing::Test {
 protected:
  static constexpr size_t kMaxWatches = 2;

  RpcTest() {
    EXPECT_TRUE(credentials_.LoadStoredTokens().ok());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    builder.RegisterService(&health_);
    builder.RegisterService(&reflection_);
    builder.RegisterService(&reflection_alpha_);
    plain_rpcs_.Add("/bursar.v1.QuotaService/GetMemberUsage", &plain_,
                    &PlainHandlers::GetMemberUsage);
    plain_calls_.AddTo(&builder);
    runtime_.AddQueues(&builder, 2);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
    runtime_.Serve("/bursar.v1.QuotaService/CheckAdmission", &service_,
                   &MixedQuotaService::RequestCheckAdmission, &handlers_,
                   &HeldHandlers::CheckAdmission);
    runtime_.Serve("/bursar.v1.QuotaService/RecordConsumption", &service_,
                   &MixedQuotaService::RequestRecordConsumption, &handlers_,
                   &HeldHandlers::RecordConsumption);
    health_.ServeOn(&runtime_);
    runtime_.ServePlain(&plain_calls_);
    runtime_.Start();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port_),
                                   grpc::InsecureChannelCredentials());
    quota_ = v1::QuotaService::NewStub(channel_);
  }

  ~RpcTest() override {
    handlers_.CompleteHeld(absl::CancelledError("the test ends"));
    plain_.Release();
    Stop(std::chrono::system_clock::now() + std::chrono::seconds(30));
  }

  // The server's own order of ending.
  void Stop(std::chrono::system_clock::time_point deadline) {
    state_.Set(ServingState::State::kStopping);
    reflection_streams_.Stop();
    server_->Shutdown(deadline);
    runtime_.Drain();
  }

  static void AddToken(grpc::ClientContext* context, ServiceRole role) {
    context->AddMetadata("authorization", "Bearer " + TokenOf(role));
  }

  static v1::CheckAdmissionRequest CheckOf(const std::string& organization_id,
                                           const std::string& member_id) {
    v1::CheckAdmissionRequest request;
    request.set_organization_id(organization_id);
    request.set_member_id(member_id);
    return request;
  }

  // A call of the plain RPC.
  grpc::Status UsageOf(const std::string& member_id) {
    grpc::ClientContext context;
    AddToken(&context, ServiceRole::kFrontend);
    v1::GetMemberUsageRequest request;
    request.set_organization_id("acme");
    request.set_member_id(member_id);
    v1::GetMemberUsageResponse usage;
    return quota_->GetMemberUsage(&context, request, &usage);
  }

  RoleTokens tokens_;
  Credentials credentials_{&tokens_};
  RpcStats stats_;
  LastError log_;
  // Everybody may: who may what is a question to wallets.
  struct Anybody final : ActorJudge {
    absl::Status Judge(const CallContext&, ActorNeed, const std::string&,
                       const std::string&) const override {
      return absl::OkStatus();
    }
  } anybody_;
  Gate gate_{&credentials_, &stats_, &log_, &anybody_};
  ServingState state_;
  ActiveStreams watches_{kMaxWatches};
  ActiveStreams known_watches_{kMaxWatches};
  ActiveStreams reflection_streams_{kMaxReflectionStreams};
  const std::vector<std::string> service_names_ = {"bursar.v1.QuotaService",
                                                   "grpc.health.v1.Health"};
  HeldHandlers handlers_;
  MixedQuotaService service_;
  PlainHandlers plain_;
  PlainRpcs plain_rpcs_;
  PlainCalls plain_calls_{&gate_, &plain_rpcs_, {.threads = 2, .waiting = 1}};
  HealthService health_{&state_, &watches_, service_names_, &credentials_, &known_watches_};
  ReflectionService reflection_{&gate_, &reflection_streams_, service_names_};
  ReflectionAlphaService reflection_alpha_{&gate_, &reflection_streams_, service_names_};
  AsyncRuntime runtime_{&gate_};
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::QuotaService::Stub> quota_;
};

}  // namespace bursar
