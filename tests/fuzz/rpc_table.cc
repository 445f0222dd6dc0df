#include "tests/fuzz/rpc_table.h"

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

// What gRPC itself answers to bytes that are no message, before it calls a synchronous method.
Answer NoMessage() {
  return {grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the request is not a message"),
          nullptr};
}

template <class Message>
bool Read(std::string_view bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

const char* NameOf(const AdminService*) { return v1::AdminService::service_full_name(); }
const char* NameOf(const OperatorService*) { return v1::OperatorService::service_full_name(); }
const char* NameOf(const QuotaService*) { return v1::QuotaService::service_full_name(); }

AdminService* ServiceOf(const Services& services, const AdminService*) { return services.admin; }
OperatorService* ServiceOf(const Services& services, const OperatorService*) {
  return services.operation;
}
QuotaService* ServiceOf(const Services& services, const QuotaService*) { return services.quota; }

// A plain handler, as gRPC's own threads call it.
template <auto kMethod>
struct Plain;
template <class Service, class Request, class Response,
          grpc::Status (Service::*kMethod)(grpc::ServerContext*, const Request*, Response*)>
struct Plain<kMethod> {
  static Answer Run(const Services& services, grpc::ServerContext* context,
                    std::string_view bytes) {
    Request request;
    if (!Read(bytes, &request)) return NoMessage();
    Service* const service = ServiceOf(services, static_cast<const Service*>(nullptr));
    auto response = std::make_unique<Response>();
    grpc::Status status = (service->*kMethod)(context, &request, response.get());
    return {std::move(status), std::move(response)};
  }
  static Rpc Row(std::string_view name) {
    return {absl::StrCat("/", NameOf(static_cast<const Service*>(nullptr)), "/", ToAbsl(name)),
            nullptr, &Request::default_instance(), &Run};
  }
};

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

Answer RunCheck(const Services& services, grpc::ServerContext* context, std::string_view bytes) {
  return RunQueued<v1::CheckAdmissionRequest, v1::CheckAdmissionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/CheckAdmission",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        QuotaService::Handlers(on.engine).CheckAdmission(call, request, response,
                                                         Completion(awaited));
      });
}

Answer RunRecord(const Services& services, grpc::ServerContext* context, std::string_view bytes) {
  return RunQueued<v1::RecordConsumptionRequest, v1::RecordConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/RecordConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->RecordConsumption(call, request, response, Completion(awaited));
      });
}

Answer RunBatch(const Services& services, grpc::ServerContext* context, std::string_view bytes) {
  return RunQueued<v1::BatchRecordConsumptionRequest, v1::BatchRecordConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/BatchRecordConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->BatchRecordConsumption(call, request, response, Completion(awaited));
      });
}

Answer RunStream(const Services& services, grpc::ServerContext* context, std::string_view bytes) {
  return RunQueued<v1::StreamConsumptionRequest, v1::StreamConsumptionResponse>(
      services, context, bytes, "/bursar.v1.QuotaService/StreamConsumption",
      [](const Services& on, const CallContext& call, const auto& request, auto* response,
         Awaited* awaited) {
        on.recording->StreamConsumption(call, request, response, ItemCompletion(awaited));
      });
}

// A watch on a server that is stopping: everything up to its first message.
Answer RunWatch(const Services& services, grpc::ServerContext* context, std::string_view bytes) {
  v1::WatchWalletRequest request;
  if (!Read(bytes, &request)) return NoMessage();
  // Only a transport can make one, and nothing is ever written to it: the watches are stopped.
  using Writer = grpc::ServerWriter<v1::WatchWalletResponse>;
  alignas(Writer) static char writer[sizeof(Writer)];
  return {services.quota->WatchWallet(context, &request, reinterpret_cast<Writer*>(writer)),
          nullptr};
}

template <auto kMethod>
Rpc Row(std::string_view name) {
  return Plain<kMethod>::Row(name);
}

template <class Request>
Rpc QuotaRow(std::string_view name, decltype(Rpc::run) run) {
  return {absl::StrCat("/bursar.v1.QuotaService/", ToAbsl(name)), nullptr,
          &Request::default_instance(), run};
}

void AddQuota(std::vector<Rpc>* rpcs) {
  using S = QuotaService;
  *rpcs = {QuotaRow<v1::CheckAdmissionRequest>("CheckAdmission", &RunCheck),
           QuotaRow<v1::RecordConsumptionRequest>("RecordConsumption", &RunRecord),
           QuotaRow<v1::BatchRecordConsumptionRequest>("BatchRecordConsumption", &RunBatch),
           QuotaRow<v1::StreamConsumptionRequest>("StreamConsumption", &RunStream),
           QuotaRow<v1::WatchWalletRequest>("WatchWallet", &RunWatch),
           Row<&S::ExtendAdmission>("ExtendAdmission"),
           Row<&S::ReleaseAdmission>("ReleaseAdmission"),
           Row<&S::ConfirmExtraUsage>("ConfirmExtraUsage"),
           Row<&S::GetMemberUsage>("GetMemberUsage"),
           Row<&S::CreateIncreaseRequest>("CreateIncreaseRequest"),
           Row<&S::GetIncreaseRequest>("GetIncreaseRequest"),
           Row<&S::CancelIncreaseRequest>("CancelIncreaseRequest")};
}

void AddAdmin(std::vector<Rpc>* rpcs) {
  using S = AdminService;
  rpcs->insert(rpcs->end(), {Row<&S::CreateOrganization>("CreateOrganization"),
                             Row<&S::GetOrganization>("GetOrganization"),
                             Row<&S::ListOrganizations>("ListOrganizations"),
                             Row<&S::UpdateOrganization>("UpdateOrganization"),
                             Row<&S::BatchUpsertMembers>("BatchUpsertMembers"),
                             Row<&S::ListMembers>("ListMembers"),
                             Row<&S::GetWallet>("GetWallet"),
                             Row<&S::UpdateExtraUsage>("UpdateExtraUsage"),
                             Row<&S::SetSpendLimit>("SetSpendLimit"),
                             Row<&S::ListSpendLimits>("ListSpendLimits"),
                             Row<&S::ReverseEntry>("ReverseEntry"),
                             Row<&S::GrantCredit>("GrantCredit"),
                             Row<&S::ListHolds>("ListHolds"),
                             Row<&S::ListCredits>("ListCredits"),
                             Row<&S::QueryUsage>("QueryUsage"),
                             Row<&S::ListJournalEntries>("ListJournalEntries"),
                             Row<&S::ListNotices>("ListNotices"),
                             Row<&S::GetNotificationChannels>("GetNotificationChannels"),
                             Row<&S::SetNotificationChannels>("SetNotificationChannels"),
                             Row<&S::ListDeliveries>("ListDeliveries"),
                             Row<&S::ResendNotice>("ResendNotice"),
                             Row<&S::SendTestNotice>("SendTestNotice"),
                             Row<&S::ListStatements>("ListStatements"),
                             Row<&S::GetStatement>("GetStatement"),
                             Row<&S::ListDenials>("ListDenials"),
                             Row<&S::ExplainDecision>("ExplainDecision"),
                             Row<&S::ListIncreaseRequests>("ListIncreaseRequests"),
                             Row<&S::ApproveIncreaseRequest>("ApproveIncreaseRequest"),
                             Row<&S::DenyIncreaseRequest>("DenyIncreaseRequest"),
                             Row<&S::AnswerEpisode>("AnswerEpisode"),
                             Row<&S::PurchaseCredit>("PurchaseCredit"),
                             Row<&S::UpdateAutoReload>("UpdateAutoReload"),
                             Row<&S::CompletePayment>("CompletePayment"),
                             Row<&S::RecordChargeback>("RecordChargeback"),
                             Row<&S::ListPayments>("ListPayments"),
                             Row<&S::GetPayment>("GetPayment")});
}

void AddOperation(std::vector<Rpc>* rpcs) {
  using S = OperatorService;
  rpcs->insert(
      rpcs->end(),
      {Row<&S::PublishPriceBook>("PublishPriceBook"), Row<&S::GetPriceBook>("GetPriceBook"),
       Row<&S::PublishPlanCatalog>("PublishPlanCatalog"), Row<&S::GetPlanCatalog>("GetPlanCatalog"),
       Row<&S::CreateServiceToken>("CreateServiceToken"),
       Row<&S::ListServiceTokens>("ListServiceTokens"),
       Row<&S::RevokeServiceToken>("RevokeServiceToken"), Row<&S::VerifyLedger>("VerifyLedger"),
       Row<&S::CreateBackup>("CreateBackup"), Row<&S::ListBackups>("ListBackups"),
       Row<&S::GetServerInfo>("GetServerInfo")});
}

std::vector<Rpc> MakeTable() {
  std::vector<Rpc> rpcs;
  AddQuota(&rpcs);
  AddAdmin(&rpcs);
  AddOperation(&rpcs);
  size_t ours = 0;
  for (const RpcRule& rule : AuthorizationTable()) {
    if (!std::string_view(rule.path).starts_with("/bursar.v1.")) continue;
    ++ours;
    bool is_known = false;
    for (Rpc& rpc : rpcs) {
      if (rpc.path != rule.path) continue;
      rpc.rule = &rule;
      is_known = true;
    }
    Require(is_known, "every RPC is fuzzed: tests/fuzz/rpc_table.cc lacks one", rule.path);
  }
  Require(ours == rpcs.size(), "every fuzzed RPC has a row of the authorization table");
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
