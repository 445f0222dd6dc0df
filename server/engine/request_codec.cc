#include "server/engine/request_codec.h"

#include <utility>

namespace bursar {

namespace record = storage::v1;

namespace {

IncreaseKind KindFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, IncreaseKind::kExtraUsage, IncreaseKind::kHigherSeat, damage);
}

IncreaseState StateFromRecord(uint32_t number, Damage& damage) {
  return EnumFromRecord(number, IncreaseState::kPending, IncreaseState::kSuperseded, damage);
}

void ToRecord(const IncreaseRequest& request, record::IncreaseRequestRecord* out) {
  out->set_sequence(request.sequence);
  out->set_member_id(request.member_id);
  out->set_kind(static_cast<uint32_t>(request.kind));
  if (request.limit.has_value()) {
    record::LimitKeyRecord* limit = out->mutable_limit();
    limit->set_scope(static_cast<uint32_t>(request.limit->scope));
    limit->set_scope_id(request.limit->scope_id);
    limit->set_period(static_cast<uint32_t>(request.limit->period));
  }
  if (request.asked_amount.has_value()) out->set_asked_nanos(request.asked_amount->value);
  out->set_asked_tier_id(request.asked_tier_id);
  out->set_surface(request.surface);
  out->set_model(request.model);
  out->set_reason(request.reason);
  out->set_created_at_unix_nanos(TimeToRecord(request.created_at));
  out->set_state(static_cast<uint32_t>(request.state));
  if (request.decided_at != absl::InfinitePast()) {
    out->set_decided_at_unix_nanos(TimeToRecord(request.decided_at));
  }
  out->set_decided_by(request.decided_by);
  out->set_note(request.note);
  if (request.granted_amount.has_value()) out->set_granted_nanos(request.granted_amount->value);
  if (request.granted_until != absl::InfiniteFuture()) {
    out->set_granted_until_unix_nanos(TimeToRecord(request.granted_until));
  }
}

LimitKey FromRecord(const record::LimitKeyRecord& in, Damage& damage) {
  return {EnumFromRecord(in.scope(), Scope::kOrganization, Scope::kModel, damage), in.scope_id(),
          EnumFromRecord(in.period(), PeriodKind::kMonth, PeriodKind::kHour, damage)};
}

IncreaseRequest FromRecord(const record::IncreaseRequestRecord& in, Damage& damage) {
  IncreaseRequest request;
  request.sequence = in.sequence();
  request.member_id = in.member_id();
  request.kind = KindFromRecord(in.kind(), damage);
  if (in.has_limit()) {
    request.limit = FromRecord(in.limit(), damage);
  } else if (request.kind == IncreaseKind::kHigherLimit) {
    // Before requests said which: the member's of the month.
    request.limit = LimitKey{Scope::kMember, request.member_id, PeriodKind::kMonth};
  }
  if (in.has_asked_nanos()) request.asked_amount = Nanos(in.asked_nanos());
  request.asked_tier_id = in.asked_tier_id();
  request.surface = in.surface();
  request.model = in.model();
  request.reason = in.reason();
  request.created_at = TimeFromRecord(in.created_at_unix_nanos());
  request.state = StateFromRecord(in.state(), damage);
  if (in.has_decided_at_unix_nanos()) {
    request.decided_at = TimeFromRecord(in.decided_at_unix_nanos());
  }
  request.decided_by = in.decided_by();
  request.note = in.note();
  if (in.has_granted_nanos()) request.granted_amount = Nanos(in.granted_nanos());
  if (in.has_granted_until_unix_nanos()) {
    request.granted_until = TimeFromRecord(in.granted_until_unix_nanos());
  }
  if (request.member_id.empty()) damage.Note("it holds a request of nobody");
  return request;
}

IncreaseDecided TakeDecided(const record::IncreaseDecidedRecord& in, Damage& damage) {
  IncreaseDecided body;
  body.request_sequence = in.request_sequence();
  body.member_id = in.member_id();
  body.kind = KindFromRecord(in.kind(), damage);
  body.state = StateFromRecord(in.state(), damage);
  body.note = in.note();
  if (in.has_granted_nanos()) body.granted_amount = Nanos(in.granted_nanos());
  if (in.has_granted_until_unix_nanos()) {
    body.granted_until = TimeFromRecord(in.granted_until_unix_nanos());
  }
  return body;
}

}  // namespace

std::string EncodeRequest(const IncreaseRequest& request) {
  record::IncreaseRequestRecord out;
  ToRecord(request, &out);
  return out.SerializeAsString();
}

absl::StatusOr<IncreaseRequest> DecodeRequest(std::string_view bytes) {
  Damage damage("a request for more");
  record::IncreaseRequestRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  IncreaseRequest request = FromRecord(in, damage);
  if (request.sequence <= 0) damage.Note("it has no sequence");
  if (damage.found()) return damage.ToStatus();
  return request;
}

void ToRecord(const MemberRequests& requests, record::MemberRequestsRecord* out) {
  if (requests.open.has_value()) ToRecord(*requests.open, out->mutable_open());
  out->set_denied_sequence(requests.denied_sequence);
  if (requests.denied_at != absl::InfinitePast()) {
    out->set_denied_at_unix_nanos(TimeToRecord(requests.denied_at));
  }
  out->set_denied_note(requests.denied_note);
}

MemberRequests FromRecord(const record::MemberRequestsRecord& in, Damage& damage) {
  MemberRequests requests;
  if (in.has_open()) requests.open = FromRecord(in.open(), damage);
  requests.denied_sequence = in.denied_sequence();
  if (in.has_denied_at_unix_nanos()) {
    requests.denied_at = TimeFromRecord(in.denied_at_unix_nanos());
  }
  requests.denied_note = in.denied_note();
  return requests;
}

void ToRecord(const EpisodeAnswer& answer, record::EpisodeAnswerRecord* out) {
  out->set_kind(static_cast<uint32_t>(answer.kind));
  out->set_note(answer.note);
  out->set_answered_at_unix_nanos(TimeToRecord(answer.answered_at));
  out->set_answered_by(answer.answered_by);
}

EpisodeAnswer FromRecord(const record::EpisodeAnswerRecord& in, Damage& damage) {
  return {EnumFromRecord(in.kind(), EpisodeAnswerKind::kWaitingForReset, EpisodeAnswerKind::kNote,
                         damage),
          in.note(), TimeFromRecord(in.answered_at_unix_nanos()), in.answered_by()};
}

void BodyToRecord(const IncreaseRequested& body, record::EntryRecord* out) {
  ToRecord(body.request, out->mutable_increase_requested()->mutable_request());
}

void BodyToRecord(const IncreaseDecided& body, record::EntryRecord* out) {
  record::IncreaseDecidedRecord* to = out->mutable_increase_decided();
  to->set_request_sequence(body.request_sequence);
  to->set_member_id(body.member_id);
  to->set_kind(static_cast<uint32_t>(body.kind));
  to->set_state(static_cast<uint32_t>(body.state));
  to->set_note(body.note);
  if (body.granted_amount.has_value()) to->set_granted_nanos(body.granted_amount->value);
  if (body.granted_until != absl::InfiniteFuture()) {
    to->set_granted_until_unix_nanos(TimeToRecord(body.granted_until));
  }
}

void BodyToRecord(const MemberSelected& body, record::EntryRecord* out) {
  out->mutable_member_selected()->set_member_id(body.member_id);
}

void BodyToRecord(const EpisodeAnswered& body, record::EntryRecord* out) {
  record::EpisodeAnsweredRecord* to = out->mutable_episode_answered();
  to->set_episode_sequence(body.episode_sequence);
  to->mutable_answer()->set_kind(static_cast<uint32_t>(body.kind));
  to->mutable_answer()->set_note(body.note);
}

EntryBody RequestBodyFromRecord(const record::EntryRecord& in, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kIncreaseRequested:
      return IncreaseRequested{FromRecord(in.increase_requested().request(), damage)};
    case record::EntryRecord::kIncreaseDecided:
      return TakeDecided(in.increase_decided(), damage);
    case record::EntryRecord::kMemberSelected:
      return MemberSelected{in.member_selected().member_id()};
    case record::EntryRecord::kEpisodeAnswered: {
      const auto& from = in.episode_answered();
      const EpisodeAnswer answer = FromRecord(from.answer(), damage);
      return EpisodeAnswered{from.episode_sequence(), answer.kind, answer.note};
    }
    default:
      damage.Note("an entry says nothing that is known");
      return EntryBody();
  }
}

}  // namespace bursar
