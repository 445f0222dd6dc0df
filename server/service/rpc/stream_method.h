// The asynchronous path for bidirectional streams of items: one line per RPC, beside
// unary_method.h.
//
//   runtime.ServeStream("/bursar.v1.QuotaService/StreamConsumption", &service,
//                       &QuotaAsyncService::RequestStreamConsumption, &handlers,
//                       &QuotaHandlers::StreamConsumption, limits);
//
// A stream's way, each step on the queue's thread but for 3:
//   1. it arrives; another stream object takes its place in waiting; the gate decides;
//   2. a message is read, the gate is asked again (a revoked token ends the stream), and the
//   handler
//      gets it as an item;
//   3. the handler's ItemCompletion is invoked, once, from any thread: the reply waits for its turn
//      and is written. Replies go out in the order of their completions;
//   4. the reply is on its way: the item's place is free again. Only while a place is free is the
//      next message read, so a client that does not read its replies holds a bounded number of
//      items here, and is itself held up by the transport;
//   5. the client has closed its side, or the stream is to end: what was read is still completed
//   and
//      written; then the stream ends. Items of a broken stream are completed into nothing.
//
// Thread rule: a StreamMethod belongs to its queue's thread, but for Review and Stop; an
// ItemCompletion may be invoked from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/arena.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/service/errors.h"
#include "server/service/rpc/async_queue.h"
#include "server/service/rpc/gate.h"

namespace bursar {

// How much a server takes on in streams.
struct StreamLimits {
  // Streams at once on all queues; more are RESOURCE_EXHAUSTED.
  int max_streams = 256;
  // Items of one stream that were read and whose replies are not yet handed to the transport.
  int max_in_flight = 256;
};

// An item that waits for its reply.
class PendingItem {
 public:
  virtual ~PendingItem() = default;
  virtual void Complete() = 0;
};

// Answers one item with the reply that the handler filled. A plain handle, free to copy, but
// exactly one copy must be invoked, exactly once; request and reply are gone after that. An item
// that is never completed holds up the server's drain for ever.
class ItemCompletion {
 public:
  explicit ItemCompletion(PendingItem* item) : item_(item) {}
  void operator()() const { item_->Complete(); }

 private:
  PendingItem* item_;
};

// One RPC on one queue. `Mixin` is the generated WithRawMethod_… class that RequestX is a member
// of.
template <class Mixin, class Handlers, class Request, class Reply>
class StreamMethod {
 public:
  using Responder = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
  using RequestFunction = void (Mixin::*)(grpc::ServerContext*, Responder*, grpc::CompletionQueue*,
                                          grpc::ServerCompletionQueue*, void*);
  using HandlerFunction = void (Handlers::*)(const CallContext&, const Request&, Reply*,
                                             ItemCompletion);

  // All pointers outlive the queue. `stream_count` is shared by the method's instances on all
  // queues. Requires: the server has started, the queue's thread has not; max_in_flight above zero.
  StreamMethod(AsyncQueue* queue, const Gate* gate, const RpcRule* rule, Mixin* service,
               RequestFunction request_function, Handlers* handlers,
               HandlerFunction handler_function, StreamLimits limits,
               std::shared_ptr<std::atomic<int>> stream_count)
      : queue_(queue),
        gate_(gate),
        rule_(rule),
        service_(service),
        request_function_(request_function),
        handlers_(handlers),
        handler_function_(handler_function),
        limits_(limits),
        stream_count_(std::move(stream_count)) {
    for (size_t i = 0; i < kWaitingStreams; ++i) (new Stream(this))->Wait();
  }

  StreamMethod(const StreamMethod&) = delete;
  StreamMethod& operator=(const StreamMethod&) = delete;

  // Ends every stream with UNAVAILABLE: nothing further is read, what was read is still answered.
  // Streams that arrive later end at once. From any thread.
  void Stop() {
    const std::lock_guard lock(streams_mutex_);
    is_stopped_ = true;
    for (Stream* stream : streams_) stream->Stop();
  }

  // Ends every stream whose credential is not valid any more, so that a silent one does not keep
  // its place. From any thread.
  void Review() {
    const std::lock_guard lock(streams_mutex_);
    for (Stream* stream : streams_) stream->Review();
  }

 private:
  // Streams that wait for an arrival.
  static constexpr size_t kWaitingStreams = 8;
  // Items that a stream keeps for re-use; more, after a burst, are freed.
  static constexpr size_t kMaxFreeItems = 32;
  // Fits a request and a small reply without asking the heap.
  static constexpr size_t kArenaBlockBytes = 2048;

  class Stream;

  class Item final : public PendingItem {
   public:
    explicit Item(Stream* stream) : stream_(stream), arena_(ArenaOptions(block_)) {}

    // Parses the message; false: it is none.
    bool Read(grpc::ByteBuffer* bytes) {
      request_ = google::protobuf::Arena::CreateMessage<Request>(&arena_);
      reply_ = google::protobuf::Arena::CreateMessage<Reply>(&arena_);
      return grpc::SerializationTraits<Request>::Deserialize(bytes, request_).ok();
    }
    const Request& request() const { return *request_; }
    Reply* reply() { return reply_; }
    const grpc::ByteBuffer& reply_bytes() const { return reply_bytes_; }

    void Complete() override {
      bool own_buffer = false;
      reply_bytes_.Clear();
      const grpc::Status serialized =
          grpc::SerializationTraits<Reply>::Serialize(*reply_, &reply_bytes_, &own_buffer);
      stream_->OnCompleted(this, serialized.ok());
    }

    // Ready for another message.
    void Clear() {
      request_ = nullptr;
      reply_ = nullptr;
      reply_bytes_.Clear();
      arena_.Reset();
    }

   private:
    static google::protobuf::ArenaOptions ArenaOptions(char* block) {
      google::protobuf::ArenaOptions options;
      options.initial_block = block;
      options.initial_block_size = kArenaBlockBytes;
      return options;
    }

    Stream* const stream_;
    Request* request_ = nullptr;
    Reply* reply_ = nullptr;
    grpc::ByteBuffer reply_bytes_;
    alignas(16) char block_[kArenaBlockBytes];
    google::protobuf::Arena arena_;
  };

  // One event of a stream.
  class Event final : public Tag {
   public:
    using Function = void (Stream::*)(bool ok);
    Event(Stream* stream, Function function) : stream_(stream), function_(function) {}
    void OnEvent(bool ok) override { (stream_->*function_)(ok); }

   private:
    Stream* const stream_;
    const Function function_;
  };

  // Deletes itself once its last event has come. What runs on the queue's thread never overlaps;
  // the mutex is for completions, Review and Stop.
  class Stream final {
   public:
    explicit Stream(StreamMethod* method) : method_(method), responder_(&context_) {}

    void Wait() {
      (method_->service_->*method_->request_function_)(&context_, &responder_,
                                                       method_->queue_->queue(),
                                                       method_->queue_->queue(), TagOf(&arrived_));
    }

    void Stop() {
      const std::lock_guard lock(mutex_);
      EndReading(ShuttingDownError());
      FinishIfDone();
    }

    void Review() {
      CallContext call;
      absl::Status admitted = method_->gate_->AdmitMessage(context_, *method_->rule_, &call);
      if (admitted.ok()) return;
      const std::lock_guard lock(mutex_);
      EndReading(std::move(admitted));
      FinishIfDone();
    }

    // An item has its reply.
    void OnCompleted(Item* item, bool is_serialized) {
      // The moment the lock is free the stream may be gone.
      const std::lock_guard lock(mutex_);
      if (!is_serialized) EndReading(absl::InternalError("a reply cannot be serialized"));
      if (is_broken_ || !is_serialized) {
        Free(item);
      } else {
        ready_.push_back(item);
        if (writing_ == nullptr) WriteNext();
      }
      FinishIfDone();
    }

   private:
    static void* TagOf(Event* event) { return static_cast<Tag*>(event); }

    void OnArrived(bool ok) {
      if (!ok) return delete this;  // The server shuts down.
      (new Stream(method_))->Wait();
      method_->queue_->CallBegan();
      const bool is_stopped = method_->Enter(this);
      absl::Status refused =
          method_->gate_->Admit(context_, *method_->rule_, ActorUse::kIgnored, &call_context_);
      if (refused.ok() && is_stopped) refused = ShuttingDownError();
      if (refused.ok() && *method_->stream_count_ > method_->limits_.max_streams) {
        refused = OverloadedError();
      }
      const std::lock_guard lock(mutex_);
      if (!refused.ok()) EndReading(std::move(refused));
      ReadNext();
      FinishIfDone();
    }

    void OnRead(bool ok) {
      if (IsLastRead(ok)) Delete();
    }

    // True: this was the stream's last event.
    bool IsLastRead(bool ok) {
      Item* item = nullptr;
      {
        const std::lock_guard lock(mutex_);
        is_reading_ = false;
        if (is_finished_) return true;
        // The client has closed its side or is gone; what it then gets is OK, if it still listens.
        if (!ok) EndReading(absl::OkStatus());
        // Read after the end: never seen by anyone, so that the client sends it again.
        if (!is_ended_) item = TakeItem();
        if (item == nullptr) {
          FinishIfDone();
          return false;
        }
      }
      const absl::Status refused = Admit(item);
      if (refused.ok()) {
        (method_->handlers_->*method_->handler_function_)(call_context_, item->request(),
                                                          item->reply(), ItemCompletion(item));
      }
      const std::lock_guard lock(mutex_);
      if (!refused.ok()) {
        EndReading(refused);
        Free(item);
      }
      ReadNext();
      FinishIfDone();
      return false;
    }

    // What the gate and the parser say to the message that was read.
    absl::Status Admit(Item* item) {
      absl::Status admitted =
          method_->gate_->AdmitMessage(context_, *method_->rule_, &call_context_);
      if (!admitted.ok()) return admitted;
      if (item->Read(&read_bytes_)) return absl::OkStatus();
      return absl::InvalidArgumentError("the stream holds something that is not a valid message");
    }

    void OnWritten(bool ok) {
      const std::lock_guard lock(mutex_);
      Free(std::exchange(writing_, nullptr));
      if (!ok) {
        is_broken_ = true;
        EndReading(absl::CancelledError("the client is gone"));
        for (Item* item : std::exchange(ready_, {})) Free(item);
      }
      if (!ready_.empty()) WriteNext();
      ReadNext();
      FinishIfDone();
    }

    void OnFinished(bool /*ok*/) {
      {
        const std::lock_guard lock(mutex_);
        is_finished_ = true;
        if (is_reading_) return;  // That event is still to come, and is the last.
      }
      Delete();
    }

    // ---- Under the lock ----

    // The first cause counts.
    void EndReading(absl::Status status) {
      if (is_ended_) return;
      is_ended_ = true;
      end_ = std::move(status);
    }

    void ReadNext() {
      if (is_ended_ || is_reading_ || in_flight_ >= method_->limits_.max_in_flight) return;
      is_reading_ = true;
      responder_.Read(&read_bytes_, TagOf(&read_));
    }

    // With more behind it the transport need not hurry a reply out by itself.
    void WriteNext() {
      writing_ = ready_.front();
      ready_.pop_front();
      grpc::WriteOptions options;
      if (!ready_.empty()) options.set_buffer_hint();
      responder_.Write(writing_->reply_bytes(), options, TagOf(&written_));
    }

    void FinishIfDone() {
      if (is_finishing_ || !is_ended_ || in_flight_ > 0) return;
      is_finishing_ = true;
      responder_.Finish(method_->gate_->Answer(*method_->rule_, end_), TagOf(&finished_));
    }

    Item* TakeItem() {
      ++in_flight_;
      if (free_items_.empty()) return new Item(this);
      Item* item = free_items_.back().release();
      free_items_.pop_back();
      return item;
    }

    void Free(Item* item) {
      std::unique_ptr<Item> owned(item);
      --in_flight_;
      if (free_items_.size() >= kMaxFreeItems) return;
      owned->Clear();
      free_items_.push_back(std::move(owned));
    }

    // ---- The end, not under the lock ----

    // Nobody else knows the stream any more but Review and Stop, which Leave waits for.
    void Delete() {
      method_->Leave(this);
      method_->queue_->CallEnded();
      delete this;
    }

    StreamMethod* const method_;
    Event arrived_{this, &Stream::OnArrived};
    Event read_{this, &Stream::OnRead};
    Event written_{this, &Stream::OnWritten};
    Event finished_{this, &Stream::OnFinished};
    grpc::ServerContext context_;
    Responder responder_;
    CallContext call_context_;     // The queue's thread's.
    grpc::ByteBuffer read_bytes_;  // The queue's thread's.

    std::mutex mutex_;  // Guards the rest.
    bool is_reading_ = false;
    bool is_ended_ = false;  // Nothing further is read; end_ says why.
    absl::Status end_;
    bool is_broken_ = false;  // Replies reach nobody.
    bool is_finishing_ = false;
    bool is_finished_ = false;
    int in_flight_ = 0;        // Items that are not free.
    std::deque<Item*> ready_;  // Completed, to be written.
    Item* writing_ = nullptr;  // Being written.
    std::vector<std::unique_ptr<Item>> free_items_;
  };

  // Whether the server stops.
  bool Enter(Stream* stream) {
    ++*stream_count_;
    const std::lock_guard lock(streams_mutex_);
    streams_.insert(stream);
    return is_stopped_;
  }
  void Leave(Stream* stream) {
    --*stream_count_;
    const std::lock_guard lock(streams_mutex_);
    streams_.erase(stream);
  }

  AsyncQueue* const queue_;
  const Gate* const gate_;
  const RpcRule* const rule_;
  Mixin* const service_;
  const RequestFunction request_function_;
  Handlers* const handlers_;
  const HandlerFunction handler_function_;
  const StreamLimits limits_;
  const std::shared_ptr<std::atomic<int>> stream_count_;

  std::mutex streams_mutex_;   // Taken before a stream's own.
  std::set<Stream*> streams_;  // Guarded by streams_mutex_.
  bool is_stopped_ = false;    // Guarded by streams_mutex_.
};

}  // namespace bursar
