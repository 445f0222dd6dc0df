#include "server/service/rpc/plain_calls.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/base/check.h"
#include "server/service/errors.h"

namespace bursar {

// One call, from waiting for an arrival to its answer's event. It deletes itself.
class PlainCalls::Call final : public Tag {
 public:
  Call(PlainCalls* calls, AsyncQueue* queue) : calls_(*calls), queue_(*queue), stream_(&context_) {
    calls_.service_.RequestCall(&context_, &stream_, queue_.queue(), queue_.queue(), this);
  }

  void OnEvent(bool ok) override {
    switch (state_) {
      case State::kWaiting:
        if (!ok) return delete this;  // The server shuts down.
        new Call(&calls_, &queue_);
        queue_.CallBegan();
        return Arrived();
      case State::kReading:
        return ok ? Received()
                  : Refuse(absl::InvalidArgumentError("the call ended without a request message"));
      case State::kAnswered:
        queue_.CallEnded();
        delete this;
    }
  }

 private:
  enum class State { kWaiting, kReading, kAnswered };

  void Arrived() {
    rpc_ = calls_.rpcs_->Find(context_.method());
    if (rpc_ == nullptr) {
      state_ = State::kAnswered;
      return stream_.Finish(ToGrpcStatus(absl::UnimplementedError(
                                absl::StrCat("there is no RPC ", context_.method(),
                                             "; server reflection lists those that there are"))),
                            this);
    }
    const absl::Status admitted =
        calls_.gate_->Admit(context_, *rpc_->rule, ActorUse::kRead, &call_context_);
    if (!admitted.ok()) return Refuse(admitted);
    state_ = State::kReading;
    stream_.Read(&request_, this);
  }

  void Received() {
    if (!calls_.threads_.Post([this] { Answer(); })) Refuse(OverloadedError());
  }

  void Answer() {
    grpc::ByteBuffer reply;
    const absl::Status status =
        rpc_->answer(*calls_.gate_, call_context_, std::move(request_), &reply);
    if (!status.ok()) return Refuse(status);
    const grpc::Status answer = calls_.gate_->Answer(*rpc_->rule, status);
    // From here on the answer's event may delete this, on the queue's thread.
    state_ = State::kAnswered;
    stream_.WriteAndFinish(reply, grpc::WriteOptions(), answer, this);
  }

  void Refuse(const absl::Status& status) {
    BURSAR_CHECK(!status.ok());
    const grpc::Status answer = calls_.gate_->Answer(*rpc_->rule, status);
    state_ = State::kAnswered;
    stream_.Finish(answer, this);
  }

  PlainCalls& calls_;
  AsyncQueue& queue_;
  State state_ = State::kWaiting;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  const PlainRpc* rpc_ = nullptr;
  CallContext call_context_;
  grpc::ByteBuffer request_;
};

void PlainCalls::ServeOn(AsyncQueue* queue) {
  for (size_t i = 0; i < kWaitingCalls; ++i) new Call(this, queue);
}

}  // namespace bursar
