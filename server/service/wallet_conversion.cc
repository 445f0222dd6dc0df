#include "server/service/wallet_conversion.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/rpc/error_details.pb.h"
#include "server/base/strings.h"
#include "server/service/errors.h"
#include "server/service/validation.h"

namespace bursar {

namespace {

constexpr char kEtagPrefix[] = "v";

std::string ReasonName(DenialReason reason) {
  const std::string name = v1::DenialReason_Name(static_cast<v1::DenialReason>(reason));
  static constexpr std::string_view kPrefix = "DENIAL_REASON_";
  return name.size() > kPrefix.size() ? name.substr(kPrefix.size()) : name;
}

const char* SourceName(BoundSource source) {
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

template <class Detail>
void AddDetail(const Detail& detail, v1::Status* status) {
  status->add_details()->PackFrom(detail);
}

// A google.rpc.Status that a backend can forward as it is (rule D4).
void WriteForwardStatus(const Denial& denial, v1::Status* status) {
  const bool forbidden = denial.http_status == 403;
  status->set_code(forbidden ? grpc::StatusCode::PERMISSION_DENIED
                             : grpc::StatusCode::RESOURCE_EXHAUSTED);
  status->set_message(absl::StrCat(denial.message, " ", denial.explanation));
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonName(denial.reason));
  info.set_domain(kErrorDomain);
  if (denial.ends_at != absl::InfiniteFuture()) {
    (*info.mutable_metadata())["reset_time"] =
        absl::FormatTime(absl::RFC3339_full, denial.ends_at, absl::UTCTimeZone());
  }
  AddDetail(info, status);
  google::rpc::QuotaFailure quota;
  google::rpc::QuotaFailure::Violation* violation = quota.add_violations();
  violation->set_subject(denial.scope_id);
  violation->set_description(denial.message);
  AddDetail(quota, status);
  if (!denial.settings_url.empty()) {
    google::rpc::Help help;
    google::rpc::Help::Link* link = help.add_links();
    link->set_description("Usage settings");
    link->set_url(denial.settings_url);
    AddDetail(help, status);
  }
  google::rpc::LocalizedMessage localized;
  localized.set_locale("en");
  localized.set_message(denial.message);
  AddDetail(localized, status);
}

}  // namespace

std::string MakeEtag(int64_t settings_version) {
  return absl::StrCat(kEtagPrefix, settings_version);
}

std::optional<int64_t> ReadEtag(const std::string& etag, FieldViolations* violations) {
  if (etag.empty()) return std::nullopt;
  int64_t version = 0;
  if (etag[0] != kEtagPrefix[0] || !absl::SimpleAtoi(etag.substr(1), &version)) {
    violations->Add("etag", "is not one that this service returned; read the resource again");
    return std::nullopt;
  }
  return version;
}

void WritePosition(const Position& position, const std::string& epoch, v1::WalletPosition* proto) {
  proto->set_revision(position.revision);
  WriteTimestamp(position.as_of, proto->mutable_as_of());
  proto->set_epoch(epoch);
}

void WriteOrganization(const WalletHeader& header, v1::Organization* proto) {
  const OrganizationSettings& settings = header.settings;
  proto->set_organization_id(header.organization_id);
  proto->set_display_name(settings.display_name);
  proto->set_plan(settings.plan_id);
  WriteTimestamp(settings.billing_anchor, proto->mutable_billing_anchor());
  proto->set_time_zone(settings.time_zone);
  proto->set_currency_code(settings.currency_code);
  proto->set_status(static_cast<v1::AccountStatus>(settings.status));
  proto->set_settings_url(settings.settings_url);
  proto->set_included_scope(static_cast<v1::IncludedScope>(settings.included_scope));
  proto->set_auto_provision_members(settings.auto_provision_members);
  proto->set_max_seats(settings.max_seats);
  WriteTimestamp(header.created_at, proto->mutable_create_time());
  proto->set_etag(MakeEtag(header.settings_version));
}

void WriteMember(const WalletHeader& header, const Member& member, v1::Member* proto) {
  proto->set_member_id(member.member_id);
  proto->set_email(member.email);
  proto->set_display_name(member.display_name);
  proto->set_seat_tier(member.tier_id);
  proto->set_role(static_cast<v1::MemberRole>(member.role));
  proto->set_status(static_cast<v1::AccountStatus>(member.status));
  proto->set_time_zone(member.time_zone);
  proto->set_extra_usage_selected(member.selection_generation != 0 &&
                                  member.selection_generation == header.selection_generation);
  if (member.pending_seat.has_value()) {
    proto->set_pending_seat_tier(member.pending_seat->to_tier);
    WriteTimestamp(member.pending_seat->effective_at, proto->mutable_pending_seat_time());
  }
  proto->set_etag(MakeEtag(member.settings_version));
}

void WriteEvaluation(const EvaluationLine& line, std::string_view currency_code,
                     v1::Evaluation* proto) {
  const Evaluation& bound = line.bound;
  proto->set_scope(static_cast<v1::Scope>(bound.scope));
  proto->set_scope_id(line.scope_id);
  proto->set_bucket(static_cast<v1::Bucket>(bound.bucket));
  if (bound.limit.has_value()) {
    WriteMoney(*bound.limit, currency_code, proto->mutable_limit());
    WriteMoney(bound.Headroom().FlooredAtZero(), currency_code, proto->mutable_remaining());
  }
  WriteMoney(bound.spent, currency_code, proto->mutable_spent());
  WriteMoney(bound.held, currency_code, proto->mutable_held());
  if (bound.resets_at != absl::InfiniteFuture()) {
    WriteTimestamp(bound.resets_at, proto->mutable_reset_time());
  }
  proto->set_source(SourceName(bound.source));
  proto->set_blocking(bound.blocking);
  for (MemberRole role : line.changeable_by) {
    proto->add_changeable_by(static_cast<v1::MemberRole>(role));
  }
}

void WriteDenial(const Denial& denial, std::string_view currency_code, v1::Denial* proto) {
  proto->set_reason(static_cast<v1::DenialReason>(denial.reason));
  proto->set_scope(static_cast<v1::Scope>(denial.scope));
  proto->set_scope_id(denial.scope_id);
  proto->set_bucket(static_cast<v1::Bucket>(denial.bucket));
  proto->set_message(denial.message);
  proto->set_explanation(denial.explanation);
  if (denial.ends_at != absl::InfiniteFuture()) {
    WriteTimestamp(denial.ends_at, proto->mutable_reset_time());
  }
  proto->set_retry_helps(denial.retry_helps);
  for (const Remedy& remedy : denial.remedies) {
    v1::Remedy* line = proto->add_remedies();
    line->set_kind(static_cast<v1::RemedyKind>(remedy.kind));
    line->set_description(remedy.description);
    for (MemberRole role : remedy.roles) line->add_roles(static_cast<v1::MemberRole>(role));
    if (remedy.cost.has_value()) WriteMoney(*remedy.cost, currency_code, line->mutable_cost());
    line->set_actor(static_cast<v1::RemedyActor>(remedy.actor));
    if (remedy.available_at != absl::InfinitePast()) {
      WriteTimestamp(remedy.available_at, line->mutable_available_at());
    }
  }
  proto->set_http_status(denial.http_status);
  WriteForwardStatus(denial, proto->mutable_status());
}

void WriteBlockers(const std::vector<Blocker>& blockers,
                   google::protobuf::RepeatedPtrField<v1::Blocker>* proto) {
  for (const Blocker& blocker : blockers) {
    v1::Blocker* line = proto->Add();
    line->set_reason(static_cast<v1::DenialReason>(blocker.reason));
    line->set_scope(static_cast<v1::Scope>(blocker.scope));
    line->set_message(blocker.message);
  }
}

std::string GrantId(int64_t sequence) { return absl::StrFormat("grt_%015d", sequence); }

void WriteCredit(const CreditGrant& grant, std::string_view currency_code, v1::CreditGrant* proto) {
  proto->set_grant_id(GrantId(grant.sequence));
  proto->set_kind(static_cast<v1::CreditKind>(grant.kind));
  WriteMoney(grant.amount, currency_code, proto->mutable_amount());
  WriteMoney(grant.remaining, currency_code, proto->mutable_remaining());
  if (grant.expires_at != absl::InfiniteFuture()) {
    WriteTimestamp(grant.expires_at, proto->mutable_expire_time());
  }
  proto->set_reference(grant.reference);
  WriteTimestamp(grant.granted_at, proto->mutable_grant_time());
}

void WriteExtraUsage(const WalletHeader& header, v1::ExtraUsage* proto) {
  proto->set_enabled(header.extra_enabled);
  proto->set_audience(static_cast<v1::ExtraUsageAudience>(header.audience));
  proto->set_selected_count(header.selected_count);
}

void WriteDraws(const UsageCharged& charge, std::string_view currency_code,
                google::protobuf::RepeatedPtrField<v1::Draw>* proto) {
  const std::pair<v1::Bucket, Nanos> parts[] = {{v1::BUCKET_INCLUDED, charge.included},
                                                {v1::BUCKET_EXTRA, charge.extra},
                                                {v1::BUCKET_METERED, charge.metered}};
  for (const auto& [bucket, amount] : parts) {
    if (amount.value == 0) continue;
    v1::Draw* draw = proto->Add();
    draw->set_bucket(bucket);
    WriteMoney(amount, currency_code, draw->mutable_amount());
  }
}

void WriteUsage(const Usage& usage, v1::Usage* proto) {
  proto->set_input_tokens(usage.input);
  proto->set_output_tokens(usage.output);
  proto->set_cache_write_5m_tokens(usage.cache_write_5m);
  proto->set_cache_write_1h_tokens(usage.cache_write_1h);
  proto->set_cache_read_tokens(usage.cache_read);
  proto->set_web_searches(usage.web_searches);
  for (const OtherMeter& meter : usage.other_meters) {
    v1::MeterQuantity* line = proto->add_other_meters();
    line->set_name(meter.name);
    line->set_quantity(meter.quantity);
  }
  proto->set_service_tier(usage.service_tier);
  proto->set_region(usage.region);
}

void WriteSpendLimit(Scope scope, std::string_view scope_id, const SpendLimit& limit,
                     const std::optional<Amount>& spent, absl::Time resets_at,
                     std::string_view currency_code, v1::SpendLimit* proto) {
  proto->set_scope(static_cast<v1::Scope>(scope));
  proto->set_scope_id(std::string(scope_id));
  if (limit.amount.has_value()) WriteMoney(*limit.amount, currency_code, proto->mutable_amount());
  proto->set_period(v1::LIMIT_PERIOD_MONTH);
  if (scope == Scope::kSeatTier) proto->set_basis(static_cast<v1::LimitBasis>(limit.basis));
  if (spent.has_value()) WriteMoney(*spent, currency_code, proto->mutable_spent());
  WriteTimestamp(resets_at, proto->mutable_reset_time());
}

void WriteMemberState(const Wallet& wallet, const Member& member, const DecisionContext& context,
                      v1::GetMemberUsageResponse* proto) {
  const std::string& currency = wallet.header.settings.currency_code;
  CheckAdmissionCommand command;
  command.member_id = member.member_id;
  command.surface = kDefaultSurface;
  command.validate_only = true;
  command.full_view = true;
  const auto decision = Decide(wallet, command, context);
  if (!decision.ok()) return;  // Only an unknown member fails, and this one is known.
  const CheckAdmissionOutcome& outcome = decision->outcome;
  proto->set_decision(outcome.admitted ? v1::DECISION_ADMITTED : v1::DECISION_DENIED);
  if (outcome.denial.has_value()) WriteDenial(*outcome.denial, currency, proto->mutable_denial());
  for (const EvaluationLine& line : outcome.evaluations) {
    WriteEvaluation(line, currency, proto->add_evaluations());
  }
  proto->set_seat_tier(member.tier_id);
  const CurrentMonth month = FindCurrentMonth(member.month, wallet.header.settings, context);
  WriteMoney(month.counter.extra, currency, proto->mutable_month_to_date());
  WriteMoney(month.counter.included, currency, proto->mutable_included_month_to_date());
}

}  // namespace bursar
