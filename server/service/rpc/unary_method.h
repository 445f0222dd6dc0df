// The asynchronous unary path: one line per RPC.
//
//   runtime.Serve("/bursar.v1.QuotaService/CheckAdmission", &service,
//                 &QuotaAsyncService::RequestCheckAdmission, &handlers,
//                 &QuotaHandlers::CheckAdmission);
//
// A call's way, each step on the queue's thread but for 4:
//   1. it arrives as bytes; another call object takes its place in waiting;
//   2. the gate: token, role. A refused call's bytes are never parsed;
//   3. the bytes are parsed into the call's arena, the organization is checked against the token,
//      and the handler is called;
//   4. the handler's Completion is invoked, once, from any thread, at once or later: the reply is
//      serialized and sent from there;
//   5. the answer's event comes; arena and call object are used again.
//
// Thread rule: a UnaryMethod belongs to its queue's thread; a Completion may be invoked from any.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/arena.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/async_unary_call.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/base/check.h"
#include "server/service/errors.h"
#include "server/service/rpc/async_queue.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// A call that waits for its answer.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  virtual void Finish(const absl::Status& status) = 0;
};

// Answers one call: with the reply that the handler filled, or with an error. A plain handle, free
// to copy, but exactly one copy must be invoked, exactly once; request, reply and context are gone
// after that. A call that is never completed holds up the server's drain for ever.
class Completion {
 public:
  explicit Completion(PendingCall* call) : call_(call) {}
  void operator()(const absl::Status& status) const { call_->Finish(status); }

 private:
  PendingCall* call_;
};

// One RPC on one queue. `Mixin` is the generated WithRawMethod_… class that RequestX is a member
// of.
template <class Mixin, class Handlers, class Request, class Reply>
class UnaryMethod {
 public:
  using RequestFunction = void (Mixin::*)(grpc::ServerContext*, grpc::ByteBuffer*,
                                          grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>*,
                                          grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                                          void*);
  using HandlerFunction = void (Handlers::*)(const CallContext&, const Request&, Reply*,
                                             Completion);

  // All pointers outlive the queue. Requires: the server has started, the queue's thread has not.
  UnaryMethod(AsyncQueue* queue, const Gate* gate, const RpcRule* rule, Mixin* service,
              RequestFunction request_function, Handlers* handlers,
              HandlerFunction handler_function)
      : queue_(queue),
        gate_(gate),
        rule_(rule),
        service_(service),
        request_function_(request_function),
        handlers_(handlers),
        handler_function_(handler_function) {
    for (size_t i = 0; i < kWaitingCalls; ++i) WaitForNext();
  }

  UnaryMethod(const UnaryMethod&) = delete;
  UnaryMethod& operator=(const UnaryMethod&) = delete;

 private:
  // Calls that wait for an arrival, so that a burst finds open arms.
  static constexpr size_t kWaitingCalls = 32;
  // Call objects that are kept for re-use; more, after a burst, are freed.
  static constexpr size_t kMaxFreeCalls = 2048;
  // Fits a request and a small reply without asking the heap.
  static constexpr size_t kArenaBlockBytes = 4096;

  class Call final : public Tag, public PendingCall {
   public:
    explicit Call(UnaryMethod* method) : method_(method), arena_(ArenaOptions(block_)) {}

    void Wait() {
      state_ = State::kWaiting;
      context_.emplace();
      responder_.emplace(&*context_);
      (method_->service_->*method_->request_function_)(&*context_, &bytes_, &*responder_,
                                                       method_->queue_->queue(),
                                                       method_->queue_->queue(), this);
    }

    void OnEvent(bool ok) override {
      if (state_ == State::kAnswered) return Recycle();
      if (!ok) return DeleteSelf();  // The server shuts down.
      method_->WaitForNext();
      method_->queue_->CallBegan();
      state_ = State::kRunning;
      Run();
    }

    void Finish(const absl::Status& status) override {
      BURSAR_CHECK(state_ == State::kRunning);
      state_ = State::kAnswered;
      // The moment the answer is handed over, its event may recycle this object on the queue's
      // thread: nothing of it may be touched after that.
      const grpc::Status answer = method_->gate_->Answer(*method_->rule_, status);
      if (!answer.ok()) {
        responder_->FinishWithError(answer, static_cast<Tag*>(this));
        return;
      }
      bool own_buffer = false;
      grpc::ByteBuffer bytes;
      const grpc::Status serialized =
          grpc::SerializationTraits<Reply>::Serialize(*reply_, &bytes, &own_buffer);
      responder_->Finish(bytes, serialized, static_cast<Tag*>(this));
    }

   private:
    enum class State { kWaiting, kRunning, kAnswered };

    static google::protobuf::ArenaOptions ArenaOptions(char* block) {
      google::protobuf::ArenaOptions options;
      options.initial_block = block;
      options.initial_block_size = kArenaBlockBytes;
      return options;
    }

    void Run() {
      const absl::Status admitted =
          method_->gate_->Admit(*context_, *method_->rule_, ActorUse::kIgnored, &call_context_);
      if (!admitted.ok()) return Finish(admitted);
      auto* request = google::protobuf::Arena::CreateMessage<Request>(&arena_);
      if (!grpc::SerializationTraits<Request>::Deserialize(&bytes_, request).ok()) {
        return Finish(absl::InvalidArgumentError("the request is not a valid message"));
      }
      const absl::Status authorized = AuthorizeRequest(call_context_, *request);
      if (!authorized.ok()) return Finish(authorized);
      reply_ = google::protobuf::Arena::CreateMessage<Reply>(&arena_);
      (method_->handlers_->*method_->handler_function_)(call_context_, *request, reply_,
                                                        Completion(this));
    }

    void Recycle() {
      responder_.reset();
      context_.reset();
      bytes_.Clear();
      reply_ = nullptr;
      arena_.Reset();
      call_context_ = CallContext();
      method_->queue_->CallEnded();
      if (method_->free_calls_.size() >= kMaxFreeCalls) return DeleteSelf();
      method_->free_calls_.emplace_back(this);
    }

    void DeleteSelf() { delete this; }

    UnaryMethod* const method_;
    State state_ = State::kWaiting;
    std::optional<grpc::ServerContext> context_;
    std::optional<grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>> responder_;
    grpc::ByteBuffer bytes_;
    CallContext call_context_;
    Reply* reply_ = nullptr;
    alignas(16) char block_[kArenaBlockBytes];
    google::protobuf::Arena arena_;
  };

  // Lets one more call wait for an arrival. On the queue's thread, or before it has started.
  void WaitForNext() {
    if (free_calls_.empty()) return (new Call(this))->Wait();
    Call* call = free_calls_.back().release();
    free_calls_.pop_back();
    call->Wait();
  }

  AsyncQueue* const queue_;
  const Gate* const gate_;
  const RpcRule* const rule_;
  Mixin* const service_;
  const RequestFunction request_function_;
  Handlers* const handlers_;
  const HandlerFunction handler_function_;
  std::vector<std::unique_ptr<Call>> free_calls_;
};

}  // namespace bursar
