#include "server/service/increase_requests.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/engine/request_query.h"
#include "server/engine/scoped_id.h"
#include "server/service/actor_policy.h"
#include "server/service/administer.h"
#include "server/service/conversion.h"
#include "server/service/spend_limits.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr size_t kMaxWordsBytes = 500;
constexpr size_t kMaxTierBytes = 200;
constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 1000;

template <class Proto, class Value>
constexpr bool Same(Proto proto, Value value) {
  return static_cast<int>(proto) == static_cast<int>(value);
}
static_assert(Same(v1::INCREASE_KIND_EXTRA_USAGE, IncreaseKind::kExtraUsage));
static_assert(Same(v1::INCREASE_KIND_HIGHER_LIMIT, IncreaseKind::kHigherLimit));
static_assert(Same(v1::INCREASE_KIND_HIGHER_SEAT, IncreaseKind::kHigherSeat));
static_assert(Same(v1::INCREASE_REQUEST_STATE_PENDING, IncreaseState::kPending));
static_assert(Same(v1::INCREASE_REQUEST_STATE_ESCALATED, IncreaseState::kEscalated));
static_assert(Same(v1::INCREASE_REQUEST_STATE_APPROVED, IncreaseState::kApproved));
static_assert(Same(v1::INCREASE_REQUEST_STATE_DENIED, IncreaseState::kDenied));
static_assert(Same(v1::INCREASE_REQUEST_STATE_CANCELLED, IncreaseState::kCancelled));
static_assert(Same(v1::INCREASE_REQUEST_STATE_SUPERSEDED, IncreaseState::kSuperseded));
static_assert(Same(v1::EPISODE_ANSWER_KIND_WAITING_FOR_RESET, EpisodeAnswerKind::kWaitingForReset));
static_assert(Same(v1::EPISODE_ANSWER_KIND_WORKING_ON_IT, EpisodeAnswerKind::kWorkingOnIt));
static_assert(Same(v1::EPISODE_ANSWER_KIND_NOTE, EpisodeAnswerKind::kNote));

// The value of an enum that must be there; `fallback` after noting that it is not.
template <class Value, class IsValid, class Proto>
Value ReadRequiredEnum(const char* field, IsValid is_valid, Proto proto, Value fallback,
                       FieldViolations* violations) {
  if (!is_valid(static_cast<int>(proto))) {
    violations->Add(field, "is a value that is not known");
    return fallback;
  }
  if (static_cast<int>(proto) == 0) {
    violations->Add(field, "is required");
    return fallback;
  }
  return FromProtoEnum<Value>(proto);
}

void WriteRequest(const IncreaseRequest& request, const WalletHeader& header,
                  const std::string& epoch, v1::IncreaseRequest* proto) {
  const std::string& currency_code = header.settings.currency_code;
  proto->set_increase_request_id(
      IncreaseRequestId(epoch, header.organization_id, request.sequence));
  proto->set_member_id(request.member_id);
  proto->set_kind(ToProtoEnum<v1::IncreaseKind>(request.kind));
  proto->set_state(ToProtoEnum<v1::IncreaseRequestState>(request.state));
  if (request.limit.has_value()) {
    const LimitKey& limit = *request.limit;
    const bool of_organization = limit.scope == Scope::kOrganization;
    proto->set_limit_scope(ToProtoEnum<v1::Scope>(limit.scope));
    proto->set_limit_scope_id(of_organization ? header.organization_id : limit.scope_id);
    proto->set_limit_period(ToProtoEnum<v1::LimitPeriod>(limit.period));
  }
  if (request.asked_amount.has_value()) {
    WriteMoney(*request.asked_amount, currency_code, proto->mutable_asked_amount());
  }
  proto->set_asked_seat_tier(request.asked_tier_id);
  proto->set_surface(request.surface);
  proto->set_model(request.model);
  proto->set_reason(request.reason);
  WriteTimestamp(request.created_at, proto->mutable_create_time());
  if (request.decided_at != absl::InfinitePast()) {
    WriteTimestamp(request.decided_at, proto->mutable_decide_time());
  }
  proto->set_decided_by(request.decided_by);
  proto->set_note(request.note);
  if (request.granted_amount.has_value()) {
    WriteMoney(*request.granted_amount, currency_code, proto->mutable_granted_amount());
  }
  if (request.granted_until != absl::InfiniteFuture()) {
    WriteTimestamp(request.granted_until, proto->mutable_granted_until());
  }
}

// Writes the request that a command left behind; who decided it is the caller's actor.
template <class Response>
void WriteOutcome(const Rendering& rendering, const std::string& actor, Response* response) {
  IncreaseRequest request = *rendering.outcome.request;
  if (request.decided_at == rendering.position.as_of && rendering.outcome.first_sequence != 0) {
    request.decided_by = actor;
  }
  WriteRequest(request, rendering.wallet.header, rendering.epoch, response->mutable_request());
  rendering.WriteWalletPosition(response);
}

// The fields that every call about one request has.
template <class Request>
void CheckNamedRequest(const Request& request, FieldViolations* violations) {
  CheckRequiredId("organization_id", request.organization_id(), violations);
  CheckRequiredId("increase_request_id", request.increase_request_id(), violations);
}

template <class Request>
int64_t SequenceIn(const Engine& engine, const Request& request) {
  return ParseIncreaseRequestId(engine.epoch(), request.organization_id(),
                                request.increase_request_id());
}

// Whose powers decide: the actor's, where the call acts for one.
Reviewer ReviewerOf(const CallContext& call) {
  return {ActsForAPerson(call) ? call.actor : std::string()};
}

}  // namespace

absl::Status CreateIncreaseRequest(Engine& engine, const CallContext& call,
                                   const v1::CreateIncreaseRequestRequest& request,
                                   v1::CreateIncreaseRequestResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("seat_tier", request.seat_tier(), kMaxTierBytes, &violations);
  CheckText("reason", request.reason(), kMaxWordsBytes, &violations);
  CheckSurface("surface", request.surface(), &violations);
  CheckText("model", request.model(), kMaxModelBytes, &violations);
  CreateIncreaseRequestCommand command;
  command.member_id = request.member_id();
  command.kind =
      ReadRequiredEnum("kind", v1::IncreaseKind_IsValid, request.kind(), command.kind, &violations);
  if (request.has_amount()) {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  command.tier_id = request.seat_tier();
  command.surface = request.surface().empty() ? kDefaultSurface : request.surface();
  command.model = request.model();
  command.reason = request.reason();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return Administer(engine, call, request.organization_id(), request, std::move(command), response,
                    [&](const Rendering& rendering, v1::CreateIncreaseRequestResponse* reply) {
                      WriteOutcome(rendering, call.actor, reply);
                      reply->set_existing(rendering.outcome.request_existed);
                    });
}

absl::Status GetIncreaseRequest(Engine& engine, const v1::GetIncreaseRequestRequest& request,
                                v1::GetIncreaseRequestResponse* response) {
  FieldViolations violations;
  CheckNamedRequest(request, &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto found = FindRequest(engine.store(), request.organization_id(), request.member_id(),
                                 SequenceIn(engine, request));
  if (!found.ok()) return found.status();
  WriteRequest(found->request, found->header, engine.epoch(), response->mutable_request());
  WritePosition({found->header.revision, engine.Now()}, engine.epoch(),
                response->mutable_position());
  return absl::OkStatus();
}

absl::Status CancelIncreaseRequest(Engine& engine, const CallContext& call,
                                   const v1::CancelIncreaseRequestRequest& request,
                                   v1::CancelIncreaseRequestResponse* response) {
  FieldViolations violations;
  CheckNamedRequest(request, &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  CancelIncreaseRequestCommand command{SequenceIn(engine, request), request.member_id()};
  return Administer(engine, call, request.organization_id(), request, std::move(command), response,
                    [&](const Rendering& rendering, v1::CancelIncreaseRequestResponse* reply) {
                      WriteOutcome(rendering, call.actor, reply);
                    });
}

namespace {

RequestFilter ReadFilter(const v1::ListIncreaseRequestsRequest& request,
                         FieldViolations* violations) {
  RequestFilter filter;
  filter.member_id = request.member_id();
  if (request.states().empty()) return filter;
  filter.open = false;
  for (int i = 0; i < request.states_size(); ++i) {
    const std::string field = absl::StrCat("states[", i, "]");
    const IncreaseState state =
        ReadRequiredEnum(field.c_str(), v1::IncreaseRequestState_IsValid, request.states(i),
                         IncreaseState::kPending, violations);
    (IsOpen(state) ? filter.open : filter.decided) = true;
    filter.states.push_back(state);
  }
  return filter;
}

std::string ListScope(const v1::ListIncreaseRequestsRequest& request) {
  std::string scope =
      absl::StrCat("ListIncreaseRequests|", request.organization_id(), "|", request.member_id());
  for (const int state : request.states()) absl::StrAppend(&scope, "|", state);
  return scope;
}

}  // namespace

absl::Status ListIncreaseRequests(Engine& engine, const v1::ListIncreaseRequestsRequest& request,
                                  v1::ListIncreaseRequestsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("member_id", request.member_id(), &violations);
  RequestFilter filter = ReadFilter(request, &violations);
  filter.limit = static_cast<int>(
      ReadPageSize("page_size", request.page_size(), kDefaultPage, kLargestPage, &violations));
  const std::string scope = ListScope(request);
  const std::string place = ReadPageToken("page_token", scope, request.page_token(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (!place.empty() && !absl::SimpleAtoi(place, &filter.after_sequence)) filter.after_sequence = 0;
  const auto page = ListRequests(engine.store(), request.organization_id(), filter);
  if (!page.ok()) return page.status();
  const std::shared_ptr<const PlanCatalog> plans = engine.catalogs().plans();
  const DecisionContext context{engine.Now(), plans.get(), &engine.zones()};
  for (const RequestPage::Item& item : page->items) {
    v1::IncreaseRequestReview* review = response->add_reviews();
    WriteRequest(item.request, page->header, engine.epoch(), review->mutable_request());
    WriteMemberSummary(page->header, item.member, context, review->mutable_requester());
  }
  if (page->next_after != 0) {
    response->set_next_page_token(MakePageToken(scope, absl::StrCat(page->next_after)));
  }
  response->set_open_count(page->header.open_request_count);
  WritePosition({page->header.revision, context.now}, engine.epoch(), response->mutable_position());
  return absl::OkStatus();
}

absl::Status ApproveIncreaseRequest(Engine& engine, const CallContext& call,
                                    const v1::ApproveIncreaseRequestRequest& request,
                                    v1::ApproveIncreaseRequestResponse* response) {
  FieldViolations violations;
  CheckNamedRequest(request, &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("note", request.note(), kMaxWordsBytes, &violations);
  ApproveIncreaseRequestCommand command;
  if (request.has_amount()) {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  if (request.has_expire_time()) {
    command.expires_at = ReadTimestamp("expire_time", request.expire_time(), &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  command.sequence = SequenceIn(engine, request);
  command.reviewer = ReviewerOf(call);
  command.note = request.note();
  return Administer(engine, call, request.organization_id(), request, std::move(command), response,
                    [&](const Rendering& rendering, v1::ApproveIncreaseRequestResponse* reply) {
                      WriteOutcome(rendering, call.actor, reply);
                      rendering.WriteBlockers(reply);
                    });
}

absl::Status DenyIncreaseRequest(Engine& engine, const CallContext& call,
                                 const v1::DenyIncreaseRequestRequest& request,
                                 v1::DenyIncreaseRequestResponse* response) {
  FieldViolations violations;
  CheckNamedRequest(request, &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("note", request.note(), kMaxWordsBytes, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  DenyIncreaseRequestCommand command{SequenceIn(engine, request), ReviewerOf(call), request.note()};
  return Administer(engine, call, request.organization_id(), request, std::move(command), response,
                    [&](const Rendering& rendering, v1::DenyIncreaseRequestResponse* reply) {
                      WriteOutcome(rendering, call.actor, reply);
                      const std::string& member_id = rendering.outcome.request->member_id;
                      const absl::Time again =
                          AskAgainAt(rendering.wallet.header,
                                     rendering.wallet.FindMember(member_id), rendering.context);
                      if (again != absl::InfinitePast()) {
                        WriteTimestamp(again, reply->mutable_ask_again_time());
                      }
                    });
}

absl::Status AnswerEpisode(Engine& engine, const CallContext& call,
                           const v1::AnswerEpisodeRequest& request,
                           v1::AnswerEpisodeResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("note", request.note(), kMaxWordsBytes, &violations);
  AnswerEpisodeCommand command;
  command.kind = ReadRequiredEnum("answer", v1::EpisodeAnswerKind_IsValid, request.answer(),
                                  command.kind, &violations);
  command.note = request.note();
  if (request.answer() == v1::EPISODE_ANSWER_KIND_NOTE && request.note().empty()) {
    violations.Add("note", "is required where it is the answer");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return Administer(
      engine, call, request.organization_id(), request, std::move(command), response,
      [](const Rendering& rendering, v1::AnswerEpisodeResponse* reply) {
        const Episode& episode = *rendering.wallet.header.episode;
        reply->set_admin_answer(EpisodeAnswerText(episode.answer->kind, episode.answer->note));
        WriteTimestamp(episode.opened_at, reply->mutable_open_time());
        rendering.WriteWalletPosition(reply);
      });
}

}  // namespace bursar
