// ListDenials and ExplainDecision (seeing_reads.h).
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/denial_log.h"
#include "server/engine/explain.h"
#include "server/engine/scoped_id.h"
#include "server/service/conversion.h"
#include "server/service/read_page.h"
#include "server/service/seeing_reads.h"

namespace bursar {
namespace {

void WriteDeniedCheck(const DeniedCheck& check, const std::string& epoch,
                      const std::string& organization_id, const std::string& currency_code,
                      v1::DeniedCheck* proto) {
  proto->set_denial_id(DenialId(epoch, organization_id, check.number));
  WriteTimestamp(check.first_at, proto->mutable_first_time());
  WriteTimestamp(check.last_at, proto->mutable_last_time());
  proto->set_count(check.count);
  proto->set_revision(check.revision);
  proto->set_member_id(check.member_id);
  proto->set_surface(check.surface);
  proto->set_provider(check.provider);
  proto->set_model(check.model);
  if (check.estimate.has_value()) {
    WriteMoney(*check.estimate, currency_code, proto->mutable_estimate());
  }
  proto->set_mode(ToProtoEnum<v1::AdmissionMode>(check.mode));
  proto->set_request_id(check.request_id);
  proto->set_parent_session_id(check.parent_session_id);
  WriteDenial(check.denial, organization_id, epoch, currency_code, check.first_at,
              proto->mutable_denial());
  // That was of the moment, to be forwarded then.
  proto->mutable_denial()->clear_status();
  for (const EvaluationLine& line : check.evaluations) {
    WriteEvaluation(line, currency_code, proto->add_evaluations());
  }
}

bool IsWanted(const DeniedCheck& check, const v1::ListDenialsRequest& request, absl::Time start,
              absl::Time end) {
  if (!request.member_id().empty() && check.member_id != request.member_id()) return false;
  if (request.reason() != v1::DENIAL_REASON_UNSPECIFIED &&
      ToProtoEnum<v1::DenialReason>(check.denial.reason) != request.reason()) {
    return false;
  }
  return check.last_at >= start && check.first_at < end;
}

void WriteDraw(Bucket bucket, Nanos amount, const std::string& currency_code,
               v1::ExplainDecisionResponse* response) {
  if (amount.value == 0) return;
  v1::Draw* draw = response->add_draws();
  draw->set_bucket(ToProtoEnum<v1::Bucket>(bucket));
  WriteMoney(amount, currency_code, draw->mutable_amount());
}

void WriteExplained(const ExplainedDecision& decision, const std::string& organization_id,
                    const std::string& epoch, bool is_check,
                    v1::ExplainDecisionResponse* response) {
  const Explanation& explanation = decision.explanation;
  response->set_sequence(decision.sequence);
  response->set_revision(decision.revision);
  WriteTimestamp(decision.decided_at, response->mutable_decide_time());
  response->set_member_id(decision.member_id);
  for (const ExplainedStep& step : explanation.steps) {
    v1::ExplainedStep* proto = response->add_steps();
    proto->set_rule(step.rule);
    proto->set_text(step.text);
  }
  for (const EvaluationLine& line : explanation.evaluations) {
    WriteEvaluation(line, decision.currency_code, response->add_evaluations());
  }
  response->set_reproduced(explanation.reproduced);
  if (decision.charge.has_value()) {
    WriteDraw(Bucket::kIncluded, decision.charge->included, decision.currency_code, response);
    WriteDraw(Bucket::kExtra, decision.charge->extra, decision.currency_code, response);
    WriteDraw(Bucket::kMetered, decision.charge->metered, decision.currency_code, response);
  }
  if (decision.hold.has_value()) {
    WriteDraw(Bucket::kIncluded, decision.hold->included, decision.currency_code, response);
    WriteDraw(decision.hold->metered ? Bucket::kMetered : Bucket::kExtra, decision.hold->extra,
              decision.currency_code, response);
  }
  if (!is_check) return;
  response->set_decision(explanation.admitted ? v1::DECISION_ADMITTED : v1::DECISION_DENIED);
  if (explanation.denial.has_value()) {
    WriteDenial(*explanation.denial, organization_id, epoch, decision.currency_code,
                decision.decided_at, response->mutable_denial());
  }
}

// What is asked to be explained, once it is well-formed.
struct Asked {
  int64_t sequence = 0;      // An entry,
  int64_t denial = 0;        // or a denied check,
  CheckAdmissionCommand at;  // or a moment.
  absl::Time instant;
};

Asked ReadMoment(const v1::MomentOfMember& moment, absl::Time now, FieldViolations* violations) {
  Asked asked;
  CheckRequiredId("moment.member_id", moment.member_id(), violations);
  CheckSurface("moment.surface", moment.surface(), violations);
  CheckText("moment.model", moment.model(), 200, violations);
  if (!moment.has_time()) {
    violations->Add("moment.time", "is required");
  } else {
    asked.instant = ReadTimestamp("moment.time", moment.time(), violations).value_or(now);
    if (asked.instant > now) violations->Add("moment.time", "is in the future");
  }
  asked.at.member_id = moment.member_id();
  asked.at.surface = moment.surface();
  asked.at.model = moment.model();
  return asked;
}

Asked ReadAsked(const Engine& engine, const v1::ExplainDecisionRequest& request,
                FieldViolations* violations) {
  CheckRequiredId("organization_id", request.organization_id(), violations);
  Asked asked;
  switch (request.decision_case()) {
    case v1::ExplainDecisionRequest::kSequence:
      asked.sequence = request.sequence();
      if (asked.sequence < 1) violations->Add("sequence", "must be at least 1");
      return asked;
    case v1::ExplainDecisionRequest::kAdmissionId: {
      const AdmissionName name =
          ParseAdmissionId(engine.epoch(), request.organization_id(), request.admission_id());
      asked.sequence = name.sequence;
      if (name.kind != AdmissionName::kNamed) {
        violations->Add("admission_id", "is no admission of this organization");
      }
      return asked;
    }
    case v1::ExplainDecisionRequest::kDenialId:
      asked.denial = ParseDenialId(engine.epoch(), request.organization_id(), request.denial_id());
      if (asked.denial == 0) violations->Add("denial_id", "is no denial of this organization");
      return asked;
    case v1::ExplainDecisionRequest::kMoment:
      return ReadMoment(request.moment(), engine.Now(), violations);
    default:
      violations->Add("decision", "is required: an entry, admission, denial or moment");
      return asked;
  }
}

absl::StatusOr<DeniedCheck> FindDenial(Engine& engine, const std::string& organization_id,
                                       int64_t number) {
  if (absl::Status s = engine.SaveDenials(); !s.ok()) return s;
  absl::StatusOr<std::vector<DeniedCheck>> checks = ReadDenials(engine.store(), organization_id);
  if (!checks.ok()) return checks.status();
  for (DeniedCheck& check : *checks) {
    if (check.number == number) return std::move(check);
  }
  return WithReason(absl::NotFoundError("that denial is not kept any more"), "DECISION_NOT_FOUND");
}

absl::StatusOr<ExplainedDecision> ExplainDenial(Engine& engine, const std::string& organization_id,
                                                const DeniedCheck& check) {
  CheckAdmissionCommand command;
  command.member_id = check.member_id;
  command.surface = check.surface;
  command.provider = check.provider;
  command.model = check.model;
  command.estimate = check.estimate;
  command.mode = check.mode;
  absl::StatusOr<ExplainedDecision> decision =
      ExplainCheckAt(engine.store(), engine.catalogs(), engine.zones(), organization_id, command,
                     check.first_at, check.revision);
  if (!decision.ok()) return decision;
  const std::optional<Denial>& denial = decision->explanation.denial;
  decision->explanation.reproduced =
      denial.has_value() && denial->reason == check.denial.reason &&
      denial->scope == check.denial.scope && denial->scope_id == check.denial.scope_id &&
      denial->ends_at == check.denial.ends_at && denial->held == check.denial.held;
  return decision;
}

}  // namespace

absl::Status SeeingReads::ListDenials(const v1::ListDenialsRequest& request,
                                      v1::ListDenialsResponse* response) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("member_id", request.member_id(), &violations);
  if (!v1::DenialReason_IsValid(request.reason())) {
    violations.Add("reason", "is a value that is not known");
  }
  absl::Time start = absl::InfinitePast(), end = absl::InfiniteFuture();
  ReadTimeRange(request, &start, &end, &violations);
  const Page page =
      ReadPage(request,
               absl::StrCat("ListDenials|", request.organization_id(), "|", request.member_id(),
                            "|", static_cast<int>(request.reason()), "|", TimeRangeKey(request)),
               kDefaultPage, kLargestPage, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  Position position;
  std::string currency_code;
  absl::Status status =
      engine_.Read(request.organization_id(), {},
                   [&](const Wallet& wallet, const Position& at, const DecisionContext&) {
                     position = at;
                     currency_code = wallet.header.settings.currency_code;
                     return absl::OkStatus();
                   });
  if (status.ok()) status = engine_.SaveDenials();
  if (!status.ok()) return status;
  const auto checks = ReadDenials(engine_.store(), request.organization_id());
  if (!checks.ok()) return checks.status();
  // Positions: the number of the last one shown; numbers go down.
  const int64_t before = NumberIn(page.position);
  int64_t last = 0;
  for (const DeniedCheck& check : *checks) {
    if ((before != 0 && check.number >= before) || !IsWanted(check, request, start, end)) continue;
    if (static_cast<size_t>(response->denials_size()) == page.size) {
      response->set_next_page_token(MakePageToken(page.scope, absl::StrCat(last)));
      break;
    }
    WriteDeniedCheck(check, engine_.epoch(), request.organization_id(), currency_code,
                     response->add_denials());
    last = check.number;
  }
  WritePosition(position, engine_.epoch(), response->mutable_position());
  return absl::OkStatus();
}

absl::Status SeeingReads::ExplainDecision(const v1::ExplainDecisionRequest& request,
                                          v1::ExplainDecisionResponse* response) {
  FieldViolations violations;
  const Asked asked = ReadAsked(engine_, request, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const std::string& organization_id = request.organization_id();
  if (const auto basics = BasicsOf(organization_id); !basics.ok()) return basics.status();
  absl::StatusOr<ExplainedDecision> decision = absl::InternalError("");
  const bool is_check = asked.sequence == 0;
  if (!is_check) {
    decision = ExplainEntry(engine_.store(), engine_.catalogs(), engine_.zones(), organization_id,
                            asked.sequence);
  } else if (asked.denial != 0) {
    const auto check = FindDenial(engine_, organization_id, asked.denial);
    if (!check.ok()) return check.status();
    decision = ExplainDenial(engine_, organization_id, *check);
    response->set_kind(v1::EXPLAINED_KIND_DENIAL);
  } else {
    decision = ExplainCheckAt(engine_.store(), engine_.catalogs(), engine_.zones(), organization_id,
                              asked.at, asked.instant, 0);
    response->set_kind(v1::EXPLAINED_KIND_MOMENT);
  }
  if (!decision.ok()) return decision.status();
  if (!is_check) {
    response->set_kind(decision->hold.has_value() ? v1::EXPLAINED_KIND_HOLD
                                                  : v1::EXPLAINED_KIND_CHARGE);
  }
  WriteExplained(*decision, organization_id, engine_.epoch(), is_check, response);
  return absl::OkStatus();
}

}  // namespace bursar
