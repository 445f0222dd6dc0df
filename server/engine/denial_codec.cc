#include "server/engine/denial_codec.h"

#include "bursar/storage/v1/denial.pb.h"
#include "server/engine/limit_codec.h"
#include "server/engine/record_parts.h"

namespace bursar {
namespace {

namespace record = storage::v1;

void ToRecord(const EvaluationLine& line, record::EvaluationRecord* out) {
  const Evaluation& bound = line.bound;
  out->set_scope(static_cast<uint32_t>(bound.scope));
  out->set_scope_id(line.scope_id);
  out->set_bucket(static_cast<uint32_t>(bound.bucket));
  out->set_source(static_cast<uint32_t>(bound.source));
  if (bound.limit.has_value()) ToRecord(*bound.limit, out->mutable_limit());
  ToRecord(bound.spent, out->mutable_spent());
  ToRecord(bound.held, out->mutable_held());
  if (bound.resets_at != absl::InfiniteFuture()) {
    out->set_resets_at_unix_nanos(TimeToRecord(bound.resets_at));
  }
  out->set_blocking(bound.blocking);
  out->set_period(static_cast<uint32_t>(bound.period));
  out->set_each_member(bound.each_member);
  out->set_limit_sequence(bound.limit_sequence);
  if (bound.limit_until != absl::InfiniteFuture()) {
    out->set_limit_until_unix_nanos(TimeToRecord(bound.limit_until));
  }
  for (const MemberRole role : line.changeable_by) {
    out->add_changeable_by(static_cast<uint32_t>(role));
  }
}

EvaluationLine FromRecord(const record::EvaluationRecord& in, Damage& damage) {
  EvaluationLine line;
  Evaluation& bound = line.bound;
  bound.scope = ScopeFromRecord(in.scope(), damage);
  line.scope_id = in.scope_id();
  bound.bucket = EnumFromRecord(in.bucket(), Bucket::kIncluded, Bucket::kMetered, damage);
  bound.source =
      EnumFromRecord(in.source(), BoundSource::kIncludedMonth, BoundSource::kBalance, damage);
  if (in.has_limit()) bound.limit = FromRecord(in.limit(), damage);
  bound.spent = FromRecord(in.spent(), damage);
  bound.held = FromRecord(in.held(), damage);
  if (in.has_resets_at_unix_nanos()) bound.resets_at = TimeFromRecord(in.resets_at_unix_nanos());
  bound.blocking = in.blocking();
  bound.period = PeriodFromRecord(in.period(), damage);
  bound.each_member = in.each_member();
  bound.limit_sequence = in.limit_sequence();
  if (in.has_limit_until_unix_nanos()) {
    bound.limit_until = TimeFromRecord(in.limit_until_unix_nanos());
  }
  for (const uint32_t role : in.changeable_by()) {
    line.changeable_by.push_back(
        EnumFromRecord(role, MemberRole::kPrimaryOwner, MemberRole::kMember, damage));
  }
  return line;
}

void ToRecord(const Denial& denial, record::DenialRecord* out) {
  out->set_reason(static_cast<uint32_t>(denial.reason));
  out->set_scope(static_cast<uint32_t>(denial.scope));
  out->set_scope_id(denial.scope_id);
  out->set_bucket(static_cast<uint32_t>(denial.bucket));
  out->set_message(denial.message);
  out->set_explanation(denial.explanation);
  if (denial.ends_at != absl::InfiniteFuture()) {
    out->set_ends_at_unix_nanos(TimeToRecord(denial.ends_at));
  }
  out->set_held(denial.held);
  out->set_retry_helps(denial.retry_helps);
  out->set_http_status(denial.http_status);
  out->set_admin_answer(denial.admin_answer);
  if (denial.period.has_value()) out->set_period(static_cast<uint32_t>(*denial.period));
}

Denial FromRecord(const record::DenialRecord& in, Damage& damage) {
  Denial denial;
  denial.reason = EnumFromRecord(in.reason(), DenialReason::kOrganizationSuspended,
                                 DenialReason::kHoldDoesNotFit, damage);
  denial.scope = ScopeFromRecord(in.scope(), damage);
  denial.scope_id = in.scope_id();
  denial.bucket = EnumFromRecord(in.bucket(), Bucket::kIncluded, Bucket::kMetered, damage);
  denial.message = in.message();
  denial.explanation = in.explanation();
  if (in.has_ends_at_unix_nanos()) denial.ends_at = TimeFromRecord(in.ends_at_unix_nanos());
  denial.held = in.held();
  denial.retry_helps = in.retry_helps();
  denial.http_status = in.http_status();
  denial.admin_answer = in.admin_answer();
  if (in.period() != 0) denial.period = PeriodFromRecord(in.period(), damage);
  return denial;
}

}  // namespace

std::string EncodeDeniedCheck(const DeniedCheck& check) {
  record::DenialRecord out;
  out.set_number(check.number);
  out.set_first_unix_nanos(TimeToRecord(check.first_at));
  out.set_last_unix_nanos(TimeToRecord(check.last_at));
  out.set_count(check.count);
  out.set_revision(check.revision);
  out.set_member_id(check.member_id);
  out.set_surface(check.surface);
  out.set_provider(check.provider);
  out.set_model(check.model);
  out.set_parent_session_id(check.parent_session_id);
  out.set_request_id(check.request_id);
  if (check.estimate.has_value()) out.set_estimate_nanos(check.estimate->value);
  out.set_mode(static_cast<uint32_t>(check.mode));
  ToRecord(check.denial, &out);
  for (const EvaluationLine& line : check.evaluations) ToRecord(line, out.add_evaluations());
  return out.SerializeAsString();
}

absl::StatusOr<DeniedCheck> DecodeDeniedCheck(std::string_view bytes) {
  Damage damage("a denied check");
  record::DenialRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  DeniedCheck check;
  check.number = in.number();
  check.first_at = TimeFromRecord(in.first_unix_nanos());
  check.last_at = TimeFromRecord(in.last_unix_nanos());
  check.count = in.count();
  check.revision = in.revision();
  check.member_id = in.member_id();
  check.surface = in.surface();
  check.provider = in.provider();
  check.model = in.model();
  check.parent_session_id = in.parent_session_id();
  check.request_id = in.request_id();
  if (in.has_estimate_nanos()) check.estimate = Nanos(in.estimate_nanos());
  check.mode = EnumFromRecord(in.mode(), AdmissionMode::kCheckOnly,
                              AdmissionMode::kHoldUpToAvailable, damage);
  check.denial = FromRecord(in, damage);
  for (const auto& line : in.evaluations()) check.evaluations.push_back(FromRecord(line, damage));
  if (check.number <= 0 || check.count <= 0) damage.Note("it has no number or count");
  if (damage.found()) return damage.ToStatus();
  return check;
}

}  // namespace bursar
