// A bare echo: the yardstick that the request path is measured against.
//
// It serves the same two unary RPCs with the same gRPC, one asynchronous completion queue on one
// thread, arenas, and replies of the same shape, and does nothing else: no credential, no
// validation, no wallet, no disk. What Bursar takes beyond it is what Bursar does.
//
// Usage: bare_echo LISTEN_ADDRESS   (such as 127.0.0.1:0); prints `listening grpc=ADDRESS`, runs
// until its standard input ends.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "google/protobuf/arena.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace {

using bursar::v1::AdminService;
using bursar::v1::QuotaService;

using CheckService = QuotaService::WithAsyncMethod_CheckAdmission<QuotaService::Service>;
using EchoService = QuotaService::WithAsyncMethod_RecordConsumption<CheckService>;

class Tag {
 public:
  virtual ~Tag() = default;
  virtual void OnEvent(bool ok) = 0;
};

void Fill(const bursar::v1::CheckAdmissionRequest&, bursar::v1::CheckAdmissionResponse* reply) {
  reply->set_decision(bursar::v1::DECISION_ADMITTED);
  reply->set_bucket(bursar::v1::BUCKET_EXTRA);
  reply->set_revision(12'345);
  reply->mutable_as_of()->set_seconds(1'800'000'000);
}

void Fill(const bursar::v1::RecordConsumptionRequest& request,
          bursar::v1::RecordConsumptionResponse* reply) {
  reply->set_sequence(12'345);
  reply->mutable_cost()->set_currency_code("USD");
  reply->mutable_cost()->set_nanos(static_cast<int32_t>(request.usage().input_tokens()));
  bursar::v1::Draw* draw = reply->add_draws();
  draw->set_bucket(bursar::v1::BUCKET_EXTRA);
  *draw->mutable_amount() = reply->cost();
  reply->mutable_overshoot()->set_currency_code("USD");
  reply->set_price_card("claude-opus-4-5@genai-prices-0.1.8");
  reply->set_revision(12'345);
}

// One waiting or running call; starts its successor when it begins.
template <class Request, class Reply>
class Call final : public Tag {
 public:
  using Register = void (*)(EchoService*, grpc::ServerContext*, Request*,
                            grpc::ServerAsyncResponseWriter<Reply>*, grpc::ServerCompletionQueue*,
                            void*);
  Call(EchoService* service, grpc::ServerCompletionQueue* queue, Register register_call)
      : service_(service), queue_(queue), register_(register_call) {
    request_ = google::protobuf::Arena::CreateMessage<Request>(&arena_);
    reply_ = google::protobuf::Arena::CreateMessage<Reply>(&arena_);
    register_(service_, &context_, request_, &writer_, queue_, this);
  }

  void OnEvent(bool ok) override {
    if (!ok || is_answered_) {
      delete this;
      return;
    }
    new Call(service_, queue_, register_);
    is_answered_ = true;
    Fill(*request_, reply_);
    writer_.Finish(*reply_, grpc::Status::OK, this);
  }

 private:
  EchoService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  const Register register_;
  google::protobuf::Arena arena_;
  grpc::ServerContext context_;
  grpc::ServerAsyncResponseWriter<Reply> writer_{&context_};
  Request* request_;
  Reply* reply_;
  bool is_answered_ = false;
};

// What the load generator asks before it begins.
class EchoAdmin final : public AdminService::Service {
  grpc::Status BatchUpsertMembers(grpc::ServerContext*,
                                  const bursar::v1::BatchUpsertMembersRequest* request,
                                  bursar::v1::BatchUpsertMembersResponse* reply) override {
    *reply->mutable_members() = request->members();
    return grpc::Status::OK;
  }
};

class EchoHealth final : public grpc::health::v1::Health::Service {
  grpc::Status Check(grpc::ServerContext*, const grpc::health::v1::HealthCheckRequest*,
                     grpc::health::v1::HealthCheckResponse* reply) override {
    reply->set_status(grpc::health::v1::HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bare_echo LISTEN_ADDRESS\n");
    return 2;
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // As bursard.
  EchoService echo;
  EchoAdmin admin;
  EchoHealth health;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  builder.RegisterService(&admin);
  builder.RegisterService(&health);
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::printf("listening grpc=127.0.0.1:%d\n", port);
  std::fflush(stdout);

  using CheckCall = Call<bursar::v1::CheckAdmissionRequest, bursar::v1::CheckAdmissionResponse>;
  using RecordCall =
      Call<bursar::v1::RecordConsumptionRequest, bursar::v1::RecordConsumptionResponse>;
  new CheckCall(&echo, queue.get(), [](EchoService* service, auto... arguments) {
    auto [context, request, writer, queue_of_call, tag] = std::make_tuple(arguments...);
    service->RequestCheckAdmission(context, request, writer, queue_of_call, queue_of_call, tag);
  });
  new RecordCall(&echo, queue.get(), [](EchoService* service, auto... arguments) {
    auto [context, request, writer, queue_of_call, tag] = std::make_tuple(arguments...);
    service->RequestRecordConsumption(context, request, writer, queue_of_call, queue_of_call, tag);
  });
  std::thread loop([&queue] {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Tag*>(tag)->OnEvent(ok);
  });
  // The measuring script ends us by closing our input.
  for (std::string line; std::getline(std::cin, line);) {
  }
  server->Shutdown(std::chrono::system_clock::now());
  queue->Shutdown();
  loop.join();
  return 0;
}
