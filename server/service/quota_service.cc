#include "server/service/quota_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/scoped_id.h"
#include "server/service/administer.h"
#include "server/service/content_hash.h"
#include "server/service/conversion.h"
#include "server/service/increase_requests.h"
#include "server/service/request_reader.h"
#include "server/service/validation.h"

namespace bursar {

QuotaService::QuotaService(Engine* engine, const Gate* gate, EventLog* log,
                           const QuotaServiceOptions& options)
    : engine_(engine),
      gate_(gate),
      options_(options),
      handlers_(engine),
      recording_(engine, log, options.max_batch_records),
      watches_(options.watches) {}

void QuotaService::ServeOn(AsyncRuntime* runtime) {
  runtime->Serve("/bursar.v1.QuotaService/CheckAdmission", this,
                 &QuotaService::RequestCheckAdmission, &handlers_, &Handlers::CheckAdmission);
  runtime->Serve("/bursar.v1.QuotaService/RecordConsumption", this,
                 &QuotaService::RequestRecordConsumption, &recording_,
                 &RecordingHandlers::RecordConsumption);
  runtime->Serve("/bursar.v1.QuotaService/BatchRecordConsumption", this,
                 &QuotaService::RequestBatchRecordConsumption, &recording_,
                 &RecordingHandlers::BatchRecordConsumption);
  runtime->ServeStream("/bursar.v1.QuotaService/StreamConsumption", this,
                       &QuotaService::RequestStreamConsumption, &recording_,
                       &RecordingHandlers::StreamConsumption, options_.streams);
}

void QuotaService::AddTo(PlainRpcs* rpcs) {
  rpcs->Add("/bursar.v1.QuotaService/ExtendAdmission", &handlers_, &Handlers::ExtendAdmission);
  rpcs->Add("/bursar.v1.QuotaService/ReleaseAdmission", &handlers_, &Handlers::ReleaseAdmission);
  rpcs->Add("/bursar.v1.QuotaService/ConfirmExtraUsage", &handlers_, &Handlers::ConfirmExtraUsage);
  rpcs->Add("/bursar.v1.QuotaService/GetMemberUsage", &handlers_, &Handlers::GetMemberUsage);
  rpcs->Add("/bursar.v1.QuotaService/CreateIncreaseRequest", &handlers_,
            &Handlers::CreateIncreaseRequest);
  rpcs->Add("/bursar.v1.QuotaService/GetIncreaseRequest", &handlers_,
            &Handlers::GetIncreaseRequest);
  rpcs->Add("/bursar.v1.QuotaService/CancelIncreaseRequest", &handlers_,
            &Handlers::CancelIncreaseRequest);
}

void QuotaService::Handlers::CheckAdmission(const CallContext& call,
                                            const v1::CheckAdmissionRequest& request,
                                            v1::CheckAdmissionResponse* response, Completion done) {
  absl::StatusOr<CheckAdmissionCommand> command = ReadCommand(request);
  if (!command.ok()) return done(command.status());
  // Only what places a hold is remembered (rule H8).
  Idempotency idempotency;
  if (command->mode != AdmissionMode::kCheckOnly && !command->validate_only) {
    idempotency = {request.request_id(), ContentHash(request)};
  }
  // The request lives until `done` is called, so it may be referred to.
  engine_->CheckAdmission(
      request.organization_id(), *std::move(command), std::move(idempotency),
      {"", call.credential->name},
      [&request, response, done, engine = engine_](absl::StatusOr<CheckReply> reply) {
        if (!reply.ok()) return done(reply.status());
        WriteDecision(*reply, request.organization_id(), engine->epoch(), response);
        if (reply->outcome.hold.has_value()) {
          const Hold& hold = *reply->outcome.hold;
          response->set_admission_id(
              AdmissionId(engine->epoch(), request.organization_id(), hold.sequence));
          WriteHold(hold, reply->currency_code, response->mutable_hold());
        }
        done(absl::OkStatus());
      });
}

namespace {

// The hold that a call names. NOT_FOUND where the id is none of this organization's.
absl::StatusOr<int64_t> LiveHold(const Engine& engine, const std::string& organization_id,
                                 const std::string& admission_id) {
  const AdmissionName name = ParseAdmissionId(engine.epoch(), organization_id, admission_id);
  if (name.kind == AdmissionName::kNamed) return name.sequence;
  return UnknownAdmission();
}

}  // namespace

absl::Status QuotaService::Handlers::ExtendAdmission(const CallContext& call,
                                                     const v1::ExtendAdmissionRequest& request,
                                                     v1::ExtendAdmissionResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const auto hold = LiveHold(*engine_, request.organization_id(), request.admission_id());
  if (!hold.ok()) return hold.status();
  command->sequence = *hold;
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::ExtendAdmissionResponse* reply) {
                      WriteHold(*rendering.outcome.hold,
                                rendering.wallet.header.settings.currency_code,
                                reply->mutable_hold());
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status QuotaService::Handlers::ReleaseAdmission(const CallContext& call,
                                                      const v1::ReleaseAdmissionRequest& request,
                                                      v1::ReleaseAdmissionResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  const auto hold = LiveHold(*engine_, request.organization_id(), request.admission_id());
  if (!hold.ok()) return hold.status();
  command->sequence = *hold;
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::ReleaseAdmissionResponse* reply) {
                      WriteMoney(rendering.outcome.hold->Held(),
                                 rendering.wallet.header.settings.currency_code,
                                 reply->mutable_released());
                      rendering.WriteWalletPosition(reply);
                    });
}

absl::Status QuotaService::Handlers::ConfirmExtraUsage(const CallContext& call,
                                                       const v1::ConfirmExtraUsageRequest& request,
                                                       v1::ConfirmExtraUsageResponse* response) {
  auto command = ReadCommand(request);
  if (!command.ok()) return command.status();
  return Administer(*engine_, call, request.organization_id(), request, *std::move(command),
                    response, [](const Rendering& rendering, v1::ConfirmExtraUsageResponse* reply) {
                      WriteTimestamp(*rendering.outcome.confirmed_until,
                                     reply->mutable_confirmed_until());
                      rendering.WriteWalletPosition(reply);
                    });
}

namespace {

void WriteMemberUsage(const Wallet& wallet, const Member* member, const std::string& epoch,
                      const Position& position, const DecisionContext& context,
                      const CheckAdmissionOutcome& outcome, v1::GetMemberUsageResponse* response) {
  const WalletHeader& header = wallet.header;
  const std::string& currency_code = header.settings.currency_code;
  if (const Plan* plan = context.plans->Find(header.settings.plan_id); plan != nullptr) {
    response->set_seat_tier(TierOf(*plan, member)->id);
  }
  CheckReply reply;
  reply.outcome = outcome;
  reply.position = position;
  reply.currency_code = currency_code;
  v1::CheckAdmissionResponse decision;
  WriteDecision(reply, header.organization_id, epoch, &decision);
  response->mutable_evaluations()->Swap(decision.mutable_evaluations());
  response->set_decision(decision.decision());
  if (decision.has_denial()) response->mutable_denial()->Swap(decision.mutable_denial());
  MonthCounter month;
  if (member != nullptr) {
    const Window current = FindCurrentMonth(header.month, header.settings, context).counter.month;
    month = FindScopeMonth(member->month, current).counter;
  }
  WriteMoney(month.extra, currency_code, response->mutable_month_to_date());
  WriteMoney(month.included, currency_code, response->mutable_included_month_to_date());
  WritePosition(position, epoch, response->mutable_position());
}

}  // namespace

absl::Status QuotaService::Handlers::GetMemberUsage(const v1::GetMemberUsageRequest& request,
                                                    v1::GetMemberUsageResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return engine_->Read(request.organization_id(), {request.member_id()},
                       [&](const Wallet& wallet, const Position& position,
                           const DecisionContext& decision_context) -> absl::Status {
                         // The gate's own decision, so that no screen says another thing than it
                         // (rule D5).
                         CheckAdmissionCommand command;
                         command.member_id = request.member_id();
                         command.validate_only = true;
                         command.full_view = true;
                         const auto decision = Decide(wallet, command, decision_context);
                         if (!decision.ok()) return decision.status();
                         WriteMemberUsage(wallet, wallet.FindMember(request.member_id()),
                                          engine_->epoch(), position, decision_context,
                                          decision->outcome, response);
                         return absl::OkStatus();
                       });
}

absl::Status QuotaService::Handlers::CreateIncreaseRequest(
    const CallContext& call, const v1::CreateIncreaseRequestRequest& request,
    v1::CreateIncreaseRequestResponse* response) {
  return bursar::CreateIncreaseRequest(*engine_, call, request, response);
}

absl::Status QuotaService::Handlers::GetIncreaseRequest(
    const v1::GetIncreaseRequestRequest& request, v1::GetIncreaseRequestResponse* response) {
  return bursar::GetIncreaseRequest(*engine_, request, response);
}

absl::Status QuotaService::Handlers::CancelIncreaseRequest(
    const CallContext& call, const v1::CancelIncreaseRequestRequest& request,
    v1::CancelIncreaseRequestResponse* response) {
  return bursar::CancelIncreaseRequest(*engine_, call, request, response);
}

grpc::Status QuotaService::StreamedWatchWallet(grpc::ServerContext* context, WatchStream* stream) {
  return Watch(
      context, [stream](v1::WatchWalletRequest* request) { return stream->Read(request); },
      [stream](const v1::WatchWalletResponse& response) { return stream->Write(response); });
}

grpc::Status QuotaService::Watch(grpc::ServerContext* context, WalletWatch::Read read,
                                 WalletWatch::Write write) {
  static const RpcRule* const rule = FindRpcRule("/bursar.v1.QuotaService/WatchWallet");
  WalletWatch watch(engine_, gate_, rule, &watches_, context, std::move(read), std::move(write));
  return gate_->Answer(*rule, watch.Run());
}

}  // namespace bursar
