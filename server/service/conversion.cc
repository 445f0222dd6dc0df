#include "server/service/conversion.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/strings.h"
#include "server/engine/scoped_id.h"
#include "server/ledger/limit_words.h"
#include "server/service/errors.h"

namespace bursar {
namespace {

template <class Proto, class Value>
constexpr bool Same(Proto proto, Value value) {
  return static_cast<int>(proto) == static_cast<int>(value);
}
static_assert(Same(v1::SCOPE_ORGANIZATION, Scope::kOrganization));
static_assert(Same(v1::SCOPE_SEAT_TIER, Scope::kSeatTier));
static_assert(Same(v1::SCOPE_MEMBER, Scope::kMember));
static_assert(Same(v1::SCOPE_SURFACE, Scope::kSurface));
static_assert(Same(v1::SCOPE_MODEL, Scope::kModel));
static_assert(Same(v1::LIMIT_PERIOD_MONTH, PeriodKind::kMonth));
static_assert(Same(v1::LIMIT_PERIOD_WEEK, PeriodKind::kWeek));
static_assert(Same(v1::LIMIT_PERIOD_DAY, PeriodKind::kDay));
static_assert(Same(v1::LIMIT_PERIOD_HOUR, PeriodKind::kHour));
static_assert(Same(v1::BUCKET_INCLUDED, Bucket::kIncluded));
static_assert(Same(v1::BUCKET_EXTRA, Bucket::kExtra));
static_assert(Same(v1::BUCKET_METERED, Bucket::kMetered));
static_assert(Same(v1::FUNDING_PREPAID, Funding::kPrepaid));
static_assert(Same(v1::FUNDING_POSTPAID, Funding::kPostpaid));
static_assert(Same(v1::MEMBER_ROLE_PRIMARY_OWNER, MemberRole::kPrimaryOwner));
static_assert(Same(v1::MEMBER_ROLE_OWNER, MemberRole::kOwner));
static_assert(Same(v1::MEMBER_ROLE_ADMIN, MemberRole::kAdmin));
static_assert(Same(v1::MEMBER_ROLE_BILLING, MemberRole::kBilling));
static_assert(Same(v1::MEMBER_ROLE_MEMBER, MemberRole::kMember));
static_assert(Same(v1::ACCOUNT_STATUS_ACTIVE, AccountStatus::kActive));
static_assert(Same(v1::ACCOUNT_STATUS_SUSPENDED, AccountStatus::kSuspended));
static_assert(Same(v1::ACCOUNT_STATUS_REMOVED, AccountStatus::kRemoved));
static_assert(Same(v1::INCLUDED_SCOPE_SEAT, IncludedScope::kSeat));
static_assert(Same(v1::INCLUDED_SCOPE_ORGANIZATION, IncludedScope::kOrganization));
static_assert(Same(v1::EXTRA_USAGE_AUDIENCE_EVERYONE, ExtraUsageAudience::kEveryone));
static_assert(Same(v1::EXTRA_USAGE_AUDIENCE_SELECTED, ExtraUsageAudience::kSelected));
static_assert(Same(v1::LIMIT_BASIS_EACH_MEMBER, LimitBasis::kEachMember));
static_assert(Same(v1::LIMIT_BASIS_TIER_TOTAL, LimitBasis::kTierTotal));
static_assert(Same(v1::CREDIT_KIND_PURCHASE, CreditKind::kPurchase));
static_assert(Same(v1::CREDIT_KIND_ADJUSTMENT, CreditKind::kAdjustment));
static_assert(Same(v1::DENIAL_REASON_ORGANIZATION_SUSPENDED, DenialReason::kOrganizationSuspended));
static_assert(Same(v1::DENIAL_REASON_HOLD_DOES_NOT_FIT, DenialReason::kHoldDoesNotFit));
static_assert(Same(v1::REMEDY_KIND_WAIT, RemedyKind::kWait));
static_assert(Same(v1::REMEDY_KIND_SMALLER_ESTIMATE, RemedyKind::kSmallerEstimate));
static_assert(Same(v1::REMEDY_ACTOR_SELF, RemedyActor::kSelf));
static_assert(Same(v1::REMEDY_ACTOR_TIME, RemedyActor::kTime));
static_assert(Same(v1::ADMISSION_STATUS_FOREIGN, AdmissionStatus::kForeign));

// The name of a scope as quota tools write it: "organization:acme".
std::string QuotaSubject(Scope scope, std::string_view scope_id) {
  switch (scope) {
    case Scope::kOrganization:
      return absl::StrCat("organization:", ToAbsl(scope_id));
    case Scope::kSeatTier:
      return absl::StrCat("seat_tier:", ToAbsl(scope_id));
    case Scope::kMember:
      return absl::StrCat("member:", ToAbsl(scope_id));
    case Scope::kSurface:
      return absl::StrCat("surface:", ToAbsl(scope_id));
    case Scope::kModel:
      break;
  }
  return absl::StrCat("model:", ToAbsl(scope_id));
}

// A status that a backend may forward as it is: google.rpc.Status, field for field (rule D4).
void WriteForwardableStatus(const Denial& denial, std::string_view organization_id, absl::Time now,
                            v1::Status* status) {
  const bool is_suspended = denial.reason == DenialReason::kOrganizationSuspended ||
                            denial.reason == DenialReason::kMemberSuspended;
  const std::string text = denial.explanation.empty()
                               ? denial.message
                               : absl::StrCat(denial.message, " ", denial.explanation);
  status->set_code(static_cast<int>(is_suspended ? grpc::StatusCode::PERMISSION_DENIED
                                                 : grpc::StatusCode::RESOURCE_EXHAUSTED));
  status->set_message(text);

  google::rpc::ErrorInfo info;
  info.set_reason(v1::DenialReason_Name(ToProtoEnum<v1::DenialReason>(denial.reason)));
  info.set_domain(kErrorDomain);
  (*info.mutable_metadata())["organization_id"] = std::string(organization_id);
  if (denial.held) (*info.mutable_metadata())["held"] = "true";
  status->add_details()->PackFrom(info);
  google::rpc::QuotaFailure failure;
  google::rpc::QuotaFailure::Violation* violation = failure.add_violations();
  violation->set_subject(QuotaSubject(denial.scope, denial.scope_id));
  violation->set_description(denial.message);
  status->add_details()->PackFrom(failure);
  if (!denial.settings_url.empty()) {
    google::rpc::Help help;
    google::rpc::Help::Link* link = help.add_links();
    link->set_description("Usage settings");
    link->set_url(denial.settings_url);
    status->add_details()->PackFrom(help);
  }
  google::rpc::LocalizedMessage localized;
  localized.set_locale("en-US");
  localized.set_message(text);
  status->add_details()->PackFrom(localized);
  const absl::Duration wait = std::max(denial.ends_at - now, absl::ZeroDuration());
  if (denial.retry_helps && wait <= kShortWait) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(wait));
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(
        absl::ToInt64Nanoseconds(wait - absl::Seconds(absl::ToInt64Seconds(wait)))));
    status->add_details()->PackFrom(retry);
  }
}

void WriteRemedy(const Remedy& remedy, std::string_view currency_code, v1::Remedy* proto) {
  proto->set_kind(ToProtoEnum<v1::RemedyKind>(remedy.kind));
  proto->set_description(remedy.description);
  for (const MemberRole role : remedy.roles) proto->add_roles(ToProtoEnum<v1::MemberRole>(role));
  if (remedy.cost.has_value()) WriteMoney(*remedy.cost, currency_code, proto->mutable_cost());
  proto->set_actor(ToProtoEnum<v1::RemedyActor>(remedy.actor));
  if (remedy.available_at != absl::InfinitePast() &&
      remedy.available_at != absl::InfiniteFuture()) {
    WriteTimestamp(remedy.available_at, proto->mutable_available_at());
  }
  if (remedy.amount.has_value()) WriteMoney(*remedy.amount, currency_code, proto->mutable_amount());
}

// What can be asked for, and how the member's request stands (rule D2).
void WriteRemedyRequest(const Remedy& remedy, std::string_view organization_id,
                        std::string_view epoch, v1::Remedy* proto) {
  if (remedy.increase_kind.has_value()) {
    proto->set_increase_kind(ToProtoEnum<v1::IncreaseKind>(*remedy.increase_kind));
  }
  if (remedy.request_sequence == 0) return;
  proto->set_increase_request_id(
      IncreaseRequestId(epoch, organization_id, remedy.request_sequence));
  proto->set_increase_request_state(ToProtoEnum<v1::IncreaseRequestState>(remedy.request_state));
  proto->set_admin_note(remedy.admin_note);
}

void WriteThreshold(const ThresholdReached& reached, v1::Warning* warning) {
  warning->set_kind(v1::WARNING_KIND_THRESHOLD);
  warning->set_scope(ToProtoEnum<v1::Scope>(reached.scope));
  warning->set_scope_id(reached.scope_id);
  warning->set_threshold_percent(reached.percent);
  warning->set_period(ToProtoEnum<v1::LimitPeriod>(reached.period));
  Evaluation bound;
  bound.scope = reached.scope;
  bound.scope_id = reached.scope_id;
  bound.period = reached.period;
  const bool own = reached.scope == Scope::kMember || reached.period == PeriodKind::kHour;
  const char* whose = own                                 ? "You have"
                      : reached.scope == Scope::kSeatTier ? "Your seat tier has"
                                                          : "Your org has";
  warning->set_message(absl::StrCat(whose, " used ", reached.exceeded ? "more than " : "",
                                    reached.percent, " % of ", own ? "your" : "its", " ",
                                    LimitName(bound), "."));
}

template <class Response>
void AddDraw(Bucket bucket, Nanos amount, std::string_view currency_code, Response* response) {
  if (amount.value == 0) return;
  v1::Draw* draw = response->add_draws();
  draw->set_bucket(ToProtoEnum<v1::Bucket>(bucket));
  WriteMoney(amount, currency_code, draw->mutable_amount());
}

}  // namespace

std::string_view SourceWord(BoundSource source) {
  switch (source) {
    case BoundSource::kIncludedMonth:
      return "included_month";
    case BoundSource::kIncludedWeek:
      return "included_week";
    case BoundSource::kIncludedDay:
      return "included_day";
    case BoundSource::kIncludedFiveHours:
      return "included_five_hours";
    case BoundSource::kSpendLimit:
      return "spend_limit";
    case BoundSource::kBalance:
      return "balance";
  }
  return "";
}

void WriteEvaluation(const EvaluationLine& line, std::string_view currency_code,
                     v1::Evaluation* evaluation) {
  const Evaluation& bound = line.bound;
  evaluation->set_scope(ToProtoEnum<v1::Scope>(bound.scope));
  evaluation->set_scope_id(line.scope_id);
  evaluation->set_bucket(ToProtoEnum<v1::Bucket>(bound.bucket));
  if (bound.limit.has_value()) {
    WriteMoney(*bound.limit, currency_code, evaluation->mutable_limit());
    WriteMoney(bound.Headroom().FlooredAtZero(), currency_code, evaluation->mutable_remaining());
  }
  WriteMoney(bound.spent, currency_code, evaluation->mutable_spent());
  WriteMoney(bound.held, currency_code, evaluation->mutable_held());
  if (bound.resets_at != absl::InfiniteFuture()) {
    WriteTimestamp(bound.resets_at, evaluation->mutable_reset_time());
  }
  evaluation->set_source(std::string(SourceWord(bound.source)));
  if (bound.source == BoundSource::kSpendLimit) {
    evaluation->set_period(ToProtoEnum<v1::LimitPeriod>(bound.period));
  }
  evaluation->set_blocking(bound.blocking);
  for (const MemberRole role : line.changeable_by) {
    evaluation->add_changeable_by(ToProtoEnum<v1::MemberRole>(role));
  }
}

void WriteDenial(const Denial& denial, std::string_view organization_id, std::string_view epoch,
                 std::string_view currency_code, absl::Time now, v1::Denial* proto) {
  proto->set_reason(ToProtoEnum<v1::DenialReason>(denial.reason));
  proto->set_scope(ToProtoEnum<v1::Scope>(denial.scope));
  proto->set_scope_id(denial.scope_id);
  proto->set_bucket(ToProtoEnum<v1::Bucket>(denial.bucket));
  proto->set_message(denial.message);
  proto->set_explanation(denial.explanation);
  if (denial.ends_at != absl::InfiniteFuture()) {
    WriteTimestamp(denial.ends_at, proto->mutable_reset_time());
  }
  proto->set_retry_helps(denial.retry_helps);
  proto->set_held(denial.held);
  for (const Remedy& remedy : denial.remedies) {
    v1::Remedy* written = proto->add_remedies();
    WriteRemedy(remedy, currency_code, written);
    WriteRemedyRequest(remedy, organization_id, epoch, written);
  }
  WriteForwardableStatus(denial, organization_id, now, proto->mutable_status());
  proto->set_http_status(denial.http_status);
  proto->set_admin_answer(denial.admin_answer);
  if (denial.period.has_value()) {
    proto->set_period(ToProtoEnum<v1::LimitPeriod>(*denial.period));
  }
}

void WriteDecision(const CheckReply& reply, std::string_view organization_id,
                   std::string_view epoch, v1::CheckAdmissionResponse* response) {
  const CheckAdmissionOutcome& outcome = reply.outcome;
  response->set_decision(outcome.admitted ? v1::DECISION_ADMITTED : v1::DECISION_DENIED);
  response->set_bucket(ToProtoEnum<v1::Bucket>(outcome.bucket));
  for (const EvaluationLine& line : outcome.evaluations) {
    WriteEvaluation(line, reply.currency_code, response->add_evaluations());
  }
  if (outcome.denial.has_value()) {
    WriteDenial(*outcome.denial, organization_id, epoch, reply.currency_code, reply.position.as_of,
                response->mutable_denial());
  }
  for (const ThresholdReached& reached : outcome.thresholds) {
    WriteThreshold(reached, response->add_warnings());
  }
  response->set_revision(reply.position.revision);
  WriteTimestamp(reply.position.as_of, response->mutable_as_of());
  response->set_replayed(reply.replayed);
}

void WriteHold(const Hold& hold, std::string_view currency_code, v1::Hold* proto) {
  WriteMoney(hold.Held(), currency_code, proto->mutable_amount());
  WriteTimestamp(hold.expires_at, proto->mutable_expire_time());
}

void WriteOpenHold(const Hold& hold, std::string admission_id, std::string_view currency_code,
                   v1::OpenHold* proto) {
  proto->set_admission_id(std::move(admission_id));
  proto->set_member_id(hold.member_id);
  proto->set_seat_tier(hold.tier_id);
  proto->set_surface(hold.surface);
  proto->set_provider(hold.provider);
  proto->set_model(hold.model);
  proto->set_parent_session_id(hold.parent_session_id);
  WriteMoney(hold.included, currency_code, proto->mutable_included());
  WriteMoney(hold.extra, currency_code, proto->mutable_extra());
  WriteTimestamp(hold.placed_at, proto->mutable_place_time());
  WriteTimestamp(hold.expires_at, proto->mutable_expire_time());
  proto->set_request_id(hold.request_id);
}

void WriteReversal(const WalletHeader& header, const ReverseEntryOutcome& outcome,
                   v1::ReverseEntryResponse* response) {
  const std::string& currency_code = header.settings.currency_code;
  AddDraw(Bucket::kIncluded, outcome.reversed.included, currency_code, response);
  AddDraw(Bucket::kExtra, outcome.reversed.extra, currency_code, response);
  AddDraw(Bucket::kMetered, outcome.reversed.metered, currency_code, response);
  WriteMoney(outcome.left, currency_code, response->mutable_left());
  WriteMoney(outcome.returned_credit, currency_code, response->mutable_returned_credit());
}

void WriteReceipt(const RecordReply& reply, v1::RecordConsumptionResponse* response) {
  const UsageCharged& charge = reply.charge;
  const std::string& currency_code = reply.currency_code;
  response->set_sequence(reply.sequence);
  WriteMoney(charge.cost, currency_code, response->mutable_cost());
  AddDraw(Bucket::kIncluded, charge.included, currency_code, response);
  AddDraw(Bucket::kExtra, charge.extra, currency_code, response);
  AddDraw(Bucket::kMetered, charge.metered, currency_code, response);
  WriteMoney(charge.overshoot, currency_code, response->mutable_overshoot());
  response->set_price_card(charge.price_card);
  response->set_replayed(reply.replayed);
  response->set_price_fallback(charge.price_fallback);
  response->set_unadmitted(charge.unadmitted);
  response->set_admission_status(ToProtoEnum<v1::AdmissionStatus>(charge.admission_status));
  response->set_revision(reply.revision);
  response->set_unseated(charge.unseated);
  response->set_overshoot_kind(ToProtoEnum<v1::OvershootKind>(charge.overshoot_kind));
  if (!reply.rest.has_value()) return;
  WriteMoney(reply.rest->held, currency_code, response->mutable_hold()->mutable_amount());
  WriteTimestamp(reply.rest->expires_at, response->mutable_hold()->mutable_expire_time());
}

void WriteUsage(const Usage& usage, v1::Usage* proto) {
  proto->set_input_tokens(usage.input);
  proto->set_output_tokens(usage.output);
  proto->set_cache_write_5m_tokens(usage.cache_write_5m);
  proto->set_cache_write_1h_tokens(usage.cache_write_1h);
  proto->set_cache_read_tokens(usage.cache_read);
  proto->set_web_searches(usage.web_searches);
  for (const OtherMeter& meter : usage.other_meters) {
    v1::MeterQuantity* other = proto->add_other_meters();
    other->set_name(meter.name);
    other->set_quantity(meter.quantity);
  }
  proto->set_service_tier(usage.service_tier);
  proto->set_region(usage.region);
}

Usage ReadUsage(const v1::Usage& proto) {
  Usage usage;
  usage.input = proto.input_tokens();
  usage.output = proto.output_tokens();
  usage.cache_write_5m = proto.cache_write_5m_tokens();
  usage.cache_write_1h = proto.cache_write_1h_tokens();
  usage.cache_read = proto.cache_read_tokens();
  usage.web_searches = proto.web_searches();
  usage.other_meters.reserve(static_cast<size_t>(proto.other_meters_size()));
  for (const v1::MeterQuantity& other : proto.other_meters()) {
    usage.other_meters.push_back({other.name(), other.quantity()});
  }
  usage.service_tier = proto.service_tier();
  usage.region = proto.region();
  return usage;
}

void WritePosition(const Position& position, const std::string& epoch, v1::WalletPosition* proto) {
  proto->set_revision(position.revision);
  WriteTimestamp(position.as_of, proto->mutable_as_of());
  proto->set_epoch(epoch);
}

std::string MakeEtag(int64_t version) { return absl::StrCat("v", version); }

std::optional<int64_t> ReadEtag(const std::string& etag) {
  if (etag.empty()) return std::nullopt;
  int64_t version = 0;
  const bool is_ours = etag.front() == 'v' &&
                       absl::SimpleAtoi(ToAbsl(std::string_view(etag).substr(1)), &version) &&
                       MakeEtag(version) == etag;
  return is_ours ? version : -1;
}

void WriteOrganization(const WalletHeader& header, v1::Organization* proto) {
  const OrganizationSettings& settings = header.settings;
  proto->set_organization_id(header.organization_id);
  proto->set_display_name(settings.display_name);
  proto->set_plan(settings.plan_id);
  WriteTimestamp(settings.billing_anchor, proto->mutable_billing_anchor());
  proto->set_time_zone(settings.time_zone);
  proto->set_currency_code(settings.currency_code);
  proto->set_status(ToProtoEnum<v1::AccountStatus>(settings.status));
  proto->set_settings_url(settings.settings_url);
  proto->set_included_scope(ToProtoEnum<v1::IncludedScope>(settings.included_scope));
  proto->set_auto_provision_members(settings.auto_provision_members);
  proto->set_max_seats(settings.max_seats);
  proto->set_hold_expiry_policy(ToProtoEnum<v1::HoldExpiryPolicy>(settings.hold_expiry_policy));
  WriteDuration(settings.default_hold_ttl, proto->mutable_default_hold_ttl());
  WriteMoney(settings.max_hold, settings.currency_code, proto->mutable_max_hold());
  proto->set_crossing_policy(ToProtoEnum<v1::CrossingPolicy>(settings.crossing_policy));
  WriteDuration(settings.request_cool_down, proto->mutable_request_cool_down());
  WriteDuration(settings.payment_timeout, proto->mutable_payment_timeout());
  WriteMoney(settings.low_balance_threshold, settings.currency_code,
             proto->mutable_low_balance_threshold());
  WriteTimestamp(header.created_at, proto->mutable_create_time());
  proto->set_etag(MakeEtag(header.settings_version));
  if (!header.pending_settings.has_value()) return;
  const PendingSettings& pending = *header.pending_settings;
  WriteTimestamp(pending.effective_at, proto->mutable_pending_time());
  proto->set_pending_time_zone(pending.time_zone);
  WriteTimestamp(pending.billing_anchor, proto->mutable_pending_billing_anchor());
  proto->set_pending_included_scope(ToProtoEnum<v1::IncludedScope>(pending.included_scope));
}

void WriteMember(const WalletHeader& header, const Member& member, v1::Member* proto) {
  proto->set_member_id(member.member_id);
  proto->set_email(member.email);
  proto->set_display_name(member.display_name);
  proto->set_seat_tier(member.tier_id);
  proto->set_role(ToProtoEnum<v1::MemberRole>(member.role));
  proto->set_status(ToProtoEnum<v1::AccountStatus>(member.status));
  proto->set_time_zone(member.time_zone);
  proto->set_extra_usage_selected(member.selection_generation != 0 &&
                                  member.selection_generation == header.selection_generation);
  if (member.pending_seat.has_value()) {
    proto->set_pending_seat_tier(member.pending_seat->to_tier);
    WriteTimestamp(member.pending_seat->effective_at, proto->mutable_pending_seat_time());
  }
  proto->set_etag(MakeEtag(member.settings_version));
}

void WriteExtraUsage(const WalletHeader& header, v1::ExtraUsage* proto) {
  proto->set_enabled(header.extra_enabled);
  proto->set_audience(ToProtoEnum<v1::ExtraUsageAudience>(header.audience));
  proto->set_selected_count(header.selected_count);
}

void WriteCreditGrant(const CreditGrant& grant, std::string_view currency_code,
                      v1::CreditGrant* proto) {
  proto->set_grant_id(absl::StrCat("grt_", grant.sequence));
  proto->set_kind(ToProtoEnum<v1::CreditKind>(grant.kind));
  WriteMoney(grant.amount, currency_code, proto->mutable_amount());
  WriteMoney(grant.remaining, currency_code, proto->mutable_remaining());
  if (grant.expires_at != absl::InfiniteFuture()) {
    WriteTimestamp(grant.expires_at, proto->mutable_expire_time());
  }
  proto->set_reference(grant.reference);
  WriteTimestamp(grant.granted_at, proto->mutable_grant_time());
}

void WriteBlocker(const Blocker& blocker, v1::Blocker* proto) {
  proto->set_reason(ToProtoEnum<v1::DenialReason>(blocker.reason));
  proto->set_scope(ToProtoEnum<v1::Scope>(blocker.scope));
  proto->set_message(blocker.message);
  proto->set_held(blocker.held);
}

}  // namespace bursar
