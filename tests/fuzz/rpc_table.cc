#include "tests/fuzz/rpc_table.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/errors.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/require.h"

namespace bursar::fuzz {
namespace {

// A call, or an item of a stream, whose answer one thread waits for.
class Awaited final : public PendingCall, public PendingItem {
 public:
  void Finish(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    Require(!status_.has_value(), "a call is answered once");
    status_ = status;
    answered_.notify_all();
  }
  void Complete() override { Finish(absl::OkStatus()); }

  absl::Status Await() {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [this] { return status_.has_value(); });
    return *status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<absl::Status> status_;
};

template <class Message>
bool Read(std::string_view bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// A plain handler: what rpc/plain_calls.h does around it, without the queue.
Answer RunPlain(const Services& services, const Rpc& rpc, grpc::ServerContext* context,
                std::string_view bytes) {
  const PlainRpc* const plain = services.plain->Find(rpc.path);
  Require(plain != nullptr, "every RPC is served", rpc.path);
  CallContext call;
  absl::Status status = services.gate->Admit(*context, *rpc.rule, ActorUse::kRead, &call);
  grpc::ByteBuffer reply;
  if (status.ok()) {
    const grpc::Slice slice(bytes.data(), bytes.size());
    status = plain->answer(*services.gate, call, grpc::ByteBuffer(&slice, 1), &reply);
  }
  Answer answer;
  answer.status = services.gate->Answer(*rpc.rule, status);
  if (status.ok()) {
    answer.reply.reset(rpc.response->New());
    Require(grpc::SerializationTraits<google::protobuf::Message>::Deserialize(&reply,
                                                                              answer.reply.get())
                .ok(),
            "a reply can be read", rpc.path);
  }
  return answer;
}

// A handler of the asynchronous queues: what rpc/unary_method.h and rpc/stream_method.h do around
// it, without the queue. `start(services, call, request, response, waits)` calls the handler.
template <class Request, class Response, class Start>
Answer RunQueued(const Services& services, grpc::ServerContext* context, std::string_view bytes,
                 const char* path, const Start& start) {
  static const RpcRule* const rule = FindRpcRule(path);
  Answer answer;
  CallContext call;
  absl::Status status = services.gate->Admit(*context, *rule, ActorUse::kIgnored, &call);
  Request request;
  if (status.ok() && !Read(bytes, &request)) {
    status = absl::InvalidArgumentError("the request is not a valid message");
  }
  if (status.ok()) status = AuthorizeRequest(call, request);
  if (status.ok()) {
    auto response = std::make_unique<Response>();
    Awaited awaited;
    start(services, call, request, response.get(), &awaited);
    status = awaited.Await();
    answer.reply = std::move(response);
  }
  answer.status = services.gate->Answer(*rule, status);
  return answer;
}

Answer RunCheck(const Services& services, const Rpc& /*rpc*/, grpc::ServerContext* context,
                std::string_view bytes) {
  return RunQueued<v1::CheckAdmissionRequest, v1::CheckAdmissionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/CheckAdmission",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        QuotaService::Handlers(on.engine).CheckAdmission(call, request, response,
                                                         Completion(awaited));
      });
}

Answer RunRecord(const Services& services, const Rpc& /*rpc*/, grpc::ServerContext* context,
                 std::string_view bytes) {
  return RunQueued<v1::RecordConsumptionRequest, v1::RecordConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/RecordConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->RecordConsumption(call, request, response, Completion(awaited));
      });
}

Answer RunBatch(const Services& services, const Rpc& /*rpc*/, grpc::ServerContext* context,
                std::string_view bytes) {
  return RunQueued<v1::BatchRecordConsumptionRequest, v1::BatchRecordConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/BatchRecordConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->BatchRecordConsumption(call, request, response, Completion(awaited));
      });
}

Answer RunStream(const Services& services, const Rpc& /*rpc*/, grpc::ServerContext* context,
                 std::string_view bytes) {
  return RunQueued<v1::StreamConsumptionRequest, v1::StreamConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/StreamConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->StreamConsumption(call, request, response, ItemCompletion(awaited));
      });
}

// A watch whose client is gone when the first message is sent.
Answer RunWatch(const Services& services, const Rpc& /*rpc*/, grpc::ServerContext* context,
                std::string_view bytes) {
  return {services.quota->Watch(
              context, [bytes](v1::WatchWalletRequest* request) { return Read(bytes, request); },
              [](const v1::WatchWalletResponse&) { return false; }),
          nullptr};
}

// The type of a message, by its descriptor.
const google::protobuf::Message* Prototype(const google::protobuf::Descriptor* type) {
  return google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
}

// How an RPC is called: most of them are plain.
decltype(Rpc::run) RunOf(std::string_view name) {
  if (name == "CheckAdmission") return &RunCheck;
  if (name == "RecordConsumption") return &RunRecord;
  if (name == "BatchRecordConsumption") return &RunBatch;
  if (name == "StreamConsumption") return &RunStream;
  if (name == "WatchWallet") return &RunWatch;
  return &RunPlain;
}

std::vector<Rpc> MakeTable() {
  std::vector<Rpc> rpcs;
  for (const RpcRule& rule : AuthorizationTable()) {
    std::string name(rule.path);
    if (!name.starts_with("/bursar.v1.")) continue;
    name = name.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    const google::protobuf::MethodDescriptor* const method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
    Require(method != nullptr, "every row of the authorization table is an RPC", name);
    rpcs.push_back({rule.path, &rule, Prototype(method->input_type()),
                    Prototype(method->output_type()), RunOf(method->name())});
  }
  return rpcs;
}

}  // namespace

std::span<const Rpc> Rpcs() {
  static const std::vector<Rpc> rpcs = MakeTable();
  return rpcs;
}

const Rpc& RpcOf(uint16_t number) {
  for (const Rpc& rpc : Rpcs()) {
    if (RpcNumber(rpc.path) == number) return rpc;
  }
  return Rpcs()[number % Rpcs().size()];
}

const Rpc* FindRpc(std::string_view name) {
  for (const Rpc& rpc : Rpcs()) {
    if (rpc.path.ends_with(std::string("/").append(name))) return &rpc;
  }
  return nullptr;
}

}  // namespace bursar::fuzz
