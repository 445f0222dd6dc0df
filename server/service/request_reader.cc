#include "server/service/request_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/service/conversion.h"
#include "server/service/payment_conversion.h"
#include "server/service/validation.h"

namespace bursar {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxEmailBytes = 254;
constexpr size_t kMaxUrlBytes = 1024;
constexpr size_t kMaxProviderBytes = 64;
constexpr size_t kMaxSessionBytes = 128;
constexpr size_t kMaxZoneBytes = 64;
constexpr size_t kMaxReferenceBytes = 200;
constexpr int kMaxMembersPerCall = 1000;

// Notes an enum value that this server does not know.
template <class IsValid, class Value>
bool CheckKnown(std::string_view field, IsValid is_valid, Value value,
                FieldViolations* violations) {
  if (is_valid(static_cast<int>(value))) return true;
  violations->Add(field, "is a value that is not known");
  return false;
}

// The ledger's value of a public enum; nothing where it is unspecified, or not known, which is
// noted. Only this makes a ledger's enum of a caller's number: a number that the ledger does not
// have would be journaled, and no reader would take it.
template <class Value, class IsValid, class Proto>
std::optional<Value> ReadEnum(std::string_view field, IsValid is_valid, Proto proto,
                              FieldViolations* violations) {
  if (!CheckKnown(field, is_valid, proto, violations)) return std::nullopt;
  if (static_cast<int>(proto) == 0) return std::nullopt;
  return FromProtoEnum<Value>(proto);
}

void CheckUrl(const char* field, const std::string& url, FieldViolations* violations) {
  constexpr std::string_view kScheme = "https://";
  CheckText(field, url, kMaxUrlBytes, violations);
  if (url.empty()) return;
  if (url.rfind(kScheme, 0) != 0) {
    violations->Add(field, "must begin with https://");
  } else if (const char next = url.size() > kScheme.size() ? url[kScheme.size()] : '/';
             next == '/' || next == '?' || next == '#' || next == ':') {
    violations->Add(field, "must name a host, as in https://example.com/usage");
  } else if (url.find_first_of(" \"<>\\^`{|}") != std::string::npos) {
    // It is shown as a link in banners and mails.
    violations->Add(field, "must not hold spaces, quotes or <>\\^`{|}: percent-encode them");
  }
}

// The fields that a check and a record have in common.
template <class Request>
void CheckCommonFields(const Request& request, FieldViolations* violations) {
  CheckRequiredId("organization_id", request.organization_id(), violations);
  CheckSurface("surface", request.surface(), violations);
  CheckText("provider", request.provider(), kMaxProviderBytes, violations);
  CheckText("model", request.model(), kMaxModelBytes, violations);
  CheckText("parent_session_id", request.parent_session_id(), kMaxSessionBytes, violations);
  if (!request.labels().empty()) CheckLabels("labels", request.labels(), violations);
}

void ReadEstimate(const v1::CheckAdmissionRequest& request, CheckAdmissionCommand* command,
                  FieldViolations* violations) {
  switch (request.estimate().value_case()) {
    case v1::Estimate::kUsage:
      CheckUsage("estimate.usage", request.estimate().usage(), violations);
      if (request.model().empty()) {
        violations->Add("model", "is required with an estimate in usage");
      }
      command->estimate_usage = ReadUsage(request.estimate().usage());
      break;
    case v1::Estimate::kCost:
      command->estimate = ReadMoney("estimate.cost", request.estimate().cost(),
                                    MoneySign::kNotNegative, violations);
      command->currency_code = request.estimate().cost().currency_code();
      break;
    case v1::Estimate::VALUE_NOT_SET:
      if (request.has_estimate()) violations->Add("estimate", "must be usage or cost");
      break;
  }
}

// The admission's mode and, for holds, what they need.
void ReadHold(const v1::CheckAdmissionRequest& request, CheckAdmissionCommand* command,
              FieldViolations* violations) {
  command->mode =
      ReadEnum<AdmissionMode>("mode", v1::AdmissionMode_IsValid, request.mode(), violations)
          .value_or(AdmissionMode::kCheckOnly);
  if (request.has_hold_ttl()) {
    command->hold_ttl =
        ReadDuration("hold_ttl", request.hold_ttl(), kMinHoldTtl, kMaxHoldTtl, violations);
  }
  if (command->mode == AdmissionMode::kCheckOnly) return;
  if (!request.has_estimate()) violations->Add("estimate", "is required for a hold");
  if (request.request_id().empty()) violations->Add("request_id", "is required for a hold");
}

template <class Labels>
std::vector<std::pair<std::string, std::string>> ByKey(const Labels& labels) {
  std::vector<std::pair<std::string, std::string>> sorted(labels.begin(), labels.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

absl::StatusOr<CheckAdmissionCommand> ReadCommand(const v1::CheckAdmissionRequest& request) {
  FieldViolations violations;
  CheckAdmissionCommand command;
  CheckCommonFields(request, &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckKnown("view", v1::AdmissionView_IsValid, request.view(), &violations);
  ReadEstimate(request, &command, &violations);
  ReadHold(request, &command, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  command.member_id = request.member_id();
  command.surface = request.surface();
  command.provider = request.provider();
  command.model = request.model();
  command.validate_only = request.validate_only();
  command.full_view = request.view() == v1::ADMISSION_VIEW_FULL;
  command.parent_session_id = request.parent_session_id();
  if (command.mode != AdmissionMode::kCheckOnly) command.labels = ByKey(request.labels());
  return command;
}

absl::StatusOr<RecordConsumptionCommand> ReadCommand(const v1::RecordConsumptionRequest& request) {
  FieldViolations violations;
  RecordConsumptionCommand command;
  CheckCommonFields(request, &violations);
  // An admission that is named may fill in what is left out (rule R4).
  const bool named = !request.admission_id().empty();
  if (!named || !request.member_id().empty()) {
    CheckRequiredId("member_id", request.member_id(), &violations);
  }
  if (request.partial() && !named) violations.Add("partial", "needs an admission_id");
  CheckRequiredId("request_id", request.request_id(), &violations);
  CheckOptionalId("admission_id", request.admission_id(), &violations);
  switch (request.value_case()) {
    case v1::RecordConsumptionRequest::kUsage:
      CheckUsage("usage", request.usage(), &violations);
      if (request.model().empty() && !named) violations.Add("model", "is required with usage");
      command.usage = ReadUsage(request.usage());
      break;
    case v1::RecordConsumptionRequest::kCost:
      command.cost = ReadMoney("cost", request.cost(), MoneySign::kNotNegative, &violations);
      command.currency_code = request.cost().currency_code();
      break;
    case v1::RecordConsumptionRequest::VALUE_NOT_SET:
      violations.Add("usage", "either usage or cost is required");
      break;
  }
  command.occurred_at = absl::InfinitePast();
  if (request.has_occurred_at()) {
    const auto occurred_at = ReadTimestamp("occurred_at", request.occurred_at(), &violations);
    if (occurred_at.has_value()) command.occurred_at = *occurred_at;
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  command.member_id = request.member_id();
  command.surface = request.surface();
  command.provider = request.provider();
  command.model = request.model();
  command.admission_id = request.admission_id();
  command.partial = request.partial();
  command.parent_session_id = request.parent_session_id();
  command.labels = ByKey(request.labels());
  return command;
}

namespace {

std::optional<absl::Duration> ReadDefaultTtl(const v1::Organization& organization,
                                             FieldViolations* violations) {
  return ReadDuration("organization.default_hold_ttl", organization.default_hold_ttl(), kMinHoldTtl,
                      kMaxHoldTtl, violations);
}

std::optional<HoldExpiryPolicy> ReadExpiryPolicy(const v1::Organization& organization,
                                                 FieldViolations* violations) {
  return ReadEnum<HoldExpiryPolicy>("organization.hold_expiry_policy", v1::HoldExpiryPolicy_IsValid,
                                    organization.hold_expiry_policy(), violations);
}

std::optional<CrossingPolicy> ReadCrossingPolicy(const v1::Organization& organization,
                                                 FieldViolations* violations) {
  return ReadEnum<CrossingPolicy>("organization.crossing_policy", v1::CrossingPolicy_IsValid,
                                  organization.crossing_policy(), violations);
}

// How long a member waits after a denied request; unset is as shipped.
std::optional<absl::Duration> ReadCoolDown(const v1::Organization& organization,
                                           FieldViolations* violations) {
  if (!organization.has_request_cool_down()) return kShippedRequestCoolDown;
  return ReadDuration("organization.request_cool_down", organization.request_cool_down(),
                      absl::ZeroDuration(), kMaxRequestCoolDown, violations);
}

// How a new organization treats holds and the crossing into extra usage; unset is as shipped.
void ReadHoldPolicy(const v1::Organization& organization, OrganizationSettings* settings,
                    FieldViolations* violations) {
  settings->hold_expiry_policy =
      ReadExpiryPolicy(organization, violations).value_or(settings->hold_expiry_policy);
  settings->crossing_policy =
      ReadCrossingPolicy(organization, violations).value_or(settings->crossing_policy);
  settings->request_cool_down =
      ReadCoolDown(organization, violations).value_or(settings->request_cool_down);
  if (organization.has_default_hold_ttl()) {
    settings->default_hold_ttl =
        ReadDefaultTtl(organization, violations).value_or(settings->default_hold_ttl);
  }
  if (organization.has_max_hold()) {
    settings->max_hold = ReadMoney("organization.max_hold", organization.max_hold(),
                                   MoneySign::kPositive, violations);
    const std::string& code = organization.max_hold().currency_code();
    if (!code.empty() && !organization.currency_code().empty() &&
        code != organization.currency_code()) {
      violations->Add("organization.max_hold.currency_code", "must be the organization's");
    }
  }
}

// The fields of an update that are about holds. False: `path` names none of them.
bool ReadHoldUpdate(const std::string& path, const v1::Organization& organization,
                    UpdateOrganizationCommand* command, FieldViolations* violations) {
  if (path == "hold_expiry_policy") {
    command->hold_expiry_policy =
        ReadExpiryPolicy(organization, violations).value_or(HoldExpiryPolicy::kRelease);
  } else if (path == "crossing_policy") {
    command->crossing_policy =
        ReadCrossingPolicy(organization, violations).value_or(CrossingPolicy::kAuto);
  } else if (path == "request_cool_down") {
    command->request_cool_down = ReadCoolDown(organization, violations);
  } else if (path == "default_hold_ttl") {
    command->default_hold_ttl = organization.has_default_hold_ttl()
                                    ? ReadDefaultTtl(organization, violations)
                                    : kShippedHoldTtl;
  } else if (path == "max_hold") {
    command->max_hold = organization.has_max_hold()
                            ? ReadMoney("organization.max_hold", organization.max_hold(),
                                        MoneySign::kPositive, violations)
                            : kShippedMaxHold;
    command->max_hold_currency_code = organization.max_hold().currency_code();
  } else {
    return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<CreateOrganizationCommand> ReadCommand(
    const v1::CreateOrganizationRequest& request) {
  FieldViolations violations;
  const v1::Organization& organization = request.organization();
  CheckRequiredId("organization.organization_id", organization.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  CheckText("organization.display_name", organization.display_name(), kMaxNameBytes, &violations);
  if (organization.plan().empty()) violations.Add("organization.plan", "is required");
  CheckText("organization.plan", organization.plan(), kMaxNameBytes, &violations);
  CheckText("organization.time_zone", organization.time_zone(), kMaxZoneBytes, &violations);
  CheckCurrencyCode("organization.currency_code", organization.currency_code(), &violations);
  CheckUrl("organization.settings_url", organization.settings_url(), &violations);

  CreateOrganizationCommand command;
  command.organization_id = organization.organization_id();
  OrganizationSettings& settings = command.settings;
  settings.display_name = organization.display_name();
  settings.plan_id = organization.plan();
  settings.currency_code = organization.currency_code();
  settings.time_zone = organization.time_zone();
  settings.settings_url = organization.settings_url();
  settings.auto_provision_members = organization.auto_provision_members();
  settings.max_seats = organization.max_seats();
  settings.billing_anchor = absl::InfinitePast();
  if (organization.has_billing_anchor()) {
    const auto anchor =
        ReadTimestamp("organization.billing_anchor", organization.billing_anchor(), &violations);
    if (anchor.has_value()) settings.billing_anchor = *anchor;
  }
  settings.status = ReadEnum<AccountStatus>("organization.status", v1::AccountStatus_IsValid,
                                            organization.status(), &violations)
                        .value_or(settings.status);
  settings.included_scope =
      ReadEnum<IncludedScope>("organization.included_scope", v1::IncludedScope_IsValid,
                              organization.included_scope(), &violations)
          .value_or(settings.included_scope);
  ReadHoldPolicy(organization, &settings, &violations);
  ReadPaymentPolicy(organization, &settings, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<UpdateOrganizationCommand> ReadCommand(
    const v1::UpdateOrganizationRequest& request) {
  FieldViolations violations;
  const v1::Organization& organization = request.organization();
  CheckRequiredId("organization.organization_id", organization.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (request.update_mask().paths().empty()) {
    violations.Add("update_mask", "is required: name the fields to change");
  }
  UpdateOrganizationCommand command;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") {
      CheckText("organization.display_name", organization.display_name(), kMaxNameBytes,
                &violations);
      command.display_name = organization.display_name().empty() ? organization.organization_id()
                                                                 : organization.display_name();
    } else if (path == "status") {
      command.status = ReadEnum<AccountStatus>("organization.status", v1::AccountStatus_IsValid,
                                               organization.status(), &violations);
      if (organization.status() == v1::ACCOUNT_STATUS_UNSPECIFIED) {
        violations.Add("organization.status",
                       "is required by the update mask: active or suspended");
      }
    } else if (path == "settings_url") {
      CheckUrl("organization.settings_url", organization.settings_url(), &violations);
      command.settings_url = organization.settings_url();
    } else if (path == "time_zone") {
      CheckText("organization.time_zone", organization.time_zone(), kMaxZoneBytes, &violations);
      command.time_zone = organization.time_zone().empty() ? "UTC" : organization.time_zone();
    } else if (path == "billing_anchor") {
      if (!organization.has_billing_anchor()) {
        violations.Add("organization.billing_anchor", "is required by the update mask");
      } else {
        command.billing_anchor = ReadTimestamp("organization.billing_anchor",
                                               organization.billing_anchor(), &violations);
      }
    } else if (path == "included_scope") {
      command.included_scope =
          ReadEnum<IncludedScope>("organization.included_scope", v1::IncludedScope_IsValid,
                                  organization.included_scope(), &violations)
              .value_or(IncludedScope::kSeat);
    } else if (path == "auto_provision_members") {
      command.auto_provision_members = organization.auto_provision_members();
    } else if (path == "max_seats") {
      command.max_seats = organization.max_seats();
    } else if (path == "plan") {
      if (organization.plan().empty()) violations.Add("organization.plan", "must not be empty");
      CheckText("organization.plan", organization.plan(), kMaxNameBytes, &violations);
      command.plan_id = organization.plan();
    } else if (!ReadHoldUpdate(path, organization, &command, &violations) &&
               !ReadPaymentUpdate(path, organization, &command, &violations)) {
      violations.Add("update_mask", absl::StrCat("\"", path, "\" is no field that can be changed"));
    }
  }
  command.expected_version = ReadEtag(request.etag());
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<UpsertMembersCommand> ReadCommand(const v1::BatchUpsertMembersRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (request.members().empty() || request.members_size() > kMaxMembersPerCall) {
    violations.Add("members", "must be 1-1000");
    return violations.ToStatus();
  }
  UpsertMembersCommand command;
  for (int i = 0; i < request.members_size(); ++i) {
    const v1::Member& member = request.members(i);
    const std::string path = absl::StrCat("members[", i, "]");
    CheckRequiredId(path + ".member_id", member.member_id(), &violations);
    CheckText(path + ".email", member.email(), kMaxEmailBytes, &violations);
    CheckText(path + ".display_name", member.display_name(), kMaxNameBytes, &violations);
    CheckText(path + ".seat_tier", member.seat_tier(), kMaxNameBytes, &violations);
    CheckText(path + ".time_zone", member.time_zone(), kMaxZoneBytes, &violations);
    MemberChange& change = command.members.emplace_back();
    change.member_id = member.member_id();
    if (!member.email().empty()) change.email = member.email();
    if (!member.display_name().empty()) change.display_name = member.display_name();
    if (!member.seat_tier().empty()) change.tier_id = member.seat_tier();
    if (!member.time_zone().empty()) change.time_zone = member.time_zone();
    change.role =
        ReadEnum<MemberRole>(path + ".role", v1::MemberRole_IsValid, member.role(), &violations);
    change.status = ReadEnum<AccountStatus>(path + ".status", v1::AccountStatus_IsValid,
                                            member.status(), &violations);
    change.expected_version = ReadEtag(member.etag());
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<UpdateExtraUsageCommand> ReadCommand(const v1::UpdateExtraUsageRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  UpdateExtraUsageCommand command;
  command.audience = ReadEnum<ExtraUsageAudience>("audience", v1::ExtraUsageAudience_IsValid,
                                                  request.audience(), &violations);
  if (!request.has_enabled()) violations.Add("enabled", "is required: true or false");
  if (request.has_auto_reload()) {
    command.auto_reload = ReadAutoReloadChange(request.auto_reload(), &violations);
  }
  if (request.selected_member_ids_size() > kMaxMembersPerCall) {
    violations.Add("selected_member_ids", "must be at most 1000");
  } else {
    for (int i = 0; i < request.selected_member_ids_size(); ++i) {
      CheckRequiredId(absl::StrCat("selected_member_ids[", i, "]"), request.selected_member_ids(i),
                      &violations);
    }
  }
  if (request.limit_case() == v1::UpdateExtraUsageRequest::kLimitAmount) {
    command.limit.emplace();
    command.limit->amount =
        ReadMoney("limit_amount", request.limit_amount(), MoneySign::kNotNegative, &violations);
    command.limit_currency_code = request.limit_amount().currency_code();
  } else if (request.limit_case() == v1::UpdateExtraUsageRequest::kLimitUnlimited) {
    if (!request.limit_unlimited()) violations.Add("limit_unlimited", "must be true");
    command.limit.emplace();
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  command.enabled = request.enabled();
  if (request.audience() == v1::EXTRA_USAGE_AUDIENCE_SELECTED ||
      !request.selected_member_ids().empty()) {
    command.selected_member_ids.emplace(request.selected_member_ids().begin(),
                                        request.selected_member_ids().end());
  }
  return command;
}

namespace {

void ReadLimitScope(const v1::SetSpendLimitRequest& request, SetSpendLimitCommand* command,
                    FieldViolations* violations) {
  switch (request.scope_case()) {
    case v1::SetSpendLimitRequest::kOrganization:
      if (!request.organization()) violations->Add("organization", "must be true");
      command->scope = Scope::kOrganization;
      command->scope_id = request.organization_id();
      break;
    case v1::SetSpendLimitRequest::kSeatTier:
      if (request.seat_tier().empty()) violations->Add("seat_tier", "must not be empty");
      CheckText("seat_tier", request.seat_tier(), kMaxNameBytes, violations);
      command->scope = Scope::kSeatTier;
      command->scope_id = request.seat_tier();
      break;
    case v1::SetSpendLimitRequest::kMemberId:
      CheckRequiredId("member_id", request.member_id(), violations);
      command->scope = Scope::kMember;
      command->scope_id = request.member_id();
      break;
    case v1::SetSpendLimitRequest::kSurface:
      if (request.surface().empty()) violations->Add("surface", "must not be empty");
      CheckSurface("surface", request.surface(), violations);
      command->scope = Scope::kSurface;
      command->scope_id = request.surface();
      break;
    case v1::SetSpendLimitRequest::kModel:
      if (ModelKey(request.model()).empty()) violations->Add("model", "must name a model");
      if (request.model().find_first_of("*?") != std::string::npos) {
        violations->Add("model", "must be one model's name: limits know no patterns");
      }
      CheckText("model", request.model(), kMaxModelBytes, violations);
      command->scope = Scope::kModel;
      command->scope_id = request.model();
      break;
    case v1::SetSpendLimitRequest::SCOPE_NOT_SET:
      violations->Add("scope", "is required: organization, seat_tier, member_id, surface or model");
      break;
  }
}

}  // namespace

absl::StatusOr<SetSpendLimitCommand> ReadCommand(const v1::SetSpendLimitRequest& request) {
  FieldViolations violations;
  SetSpendLimitCommand command;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  ReadLimitScope(request, &command, &violations);
  switch (request.value_case()) {
    case v1::SetSpendLimitRequest::kAmount:
      command.limit.amount =
          ReadMoney("amount", request.amount(), MoneySign::kNotNegative, &violations);
      command.currency_code = request.amount().currency_code();
      break;
    case v1::SetSpendLimitRequest::kUnlimited:
      if (!request.unlimited()) violations.Add("unlimited", "must be true");
      break;
    case v1::SetSpendLimitRequest::VALUE_NOT_SET:
      violations.Add("value", "is required: an amount or unlimited");
      break;
  }
  command.period =
      ReadEnum<PeriodKind>("period", v1::LimitPeriod_IsValid, request.period(), &violations)
          .value_or(PeriodKind::kMonth);
  const auto basis =
      ReadEnum<LimitBasis>("basis", v1::LimitBasis_IsValid, request.basis(), &violations);
  if (basis.has_value()) {
    if (command.scope != Scope::kSeatTier) violations.Add("basis", "is for seat tiers only");
    command.limit.basis = *basis;
  }
  if (request.has_expire_time()) {
    command.expires_at = ReadTimestamp("expire_time", request.expire_time(), &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<GrantCreditCommand> ReadCommand(const v1::GrantCreditRequest& request) {
  FieldViolations violations;
  GrantCreditCommand command;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("request_id", request.request_id(), &violations);
  command.kind = ReadEnum<CreditKind>("kind", v1::CreditKind_IsValid, request.kind(), &violations)
                     .value_or(command.kind);
  CheckText("reference", request.reference(), kMaxReferenceBytes, &violations);
  if (!request.has_amount()) {
    violations.Add("amount", "is required");
  } else {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  if (request.has_expire_time()) {
    command.expires_at = ReadTimestamp("expire_time", request.expire_time(), &violations);
  }
  command.reference = request.reference();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<ExtendAdmissionCommand> ReadCommand(const v1::ExtendAdmissionRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("admission_id", request.admission_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  ExtendAdmissionCommand command;
  if (request.has_hold_ttl()) {
    command.ttl =
        ReadDuration("hold_ttl", request.hold_ttl(), kMinHoldTtl, kMaxHoldTtl, &violations);
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

absl::StatusOr<ReleaseAdmissionCommand> ReadCommand(const v1::ReleaseAdmissionRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("admission_id", request.admission_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return ReleaseAdmissionCommand();
}

absl::StatusOr<ConfirmExtraUsageCommand> ReadCommand(const v1::ConfirmExtraUsageRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("member_id", request.member_id(), &violations);
  CheckOptionalId("request_id", request.request_id(), &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return ConfirmExtraUsageCommand{request.member_id()};
}

absl::StatusOr<ReverseEntryCommand> ReadCommand(const v1::ReverseEntryRequest& request) {
  FieldViolations violations;
  CheckRequiredId("organization_id", request.organization_id(), &violations);
  CheckRequiredId("request_id", request.request_id(), &violations);
  CheckText("reason", request.reason(), kMaxReferenceBytes, &violations);
  if (request.sequence() < 1) violations.Add("sequence", "is required: 1 or more");
  ReverseEntryCommand command;
  command.sequence = request.sequence();
  if (request.has_amount()) {
    command.amount = ReadMoney("amount", request.amount(), MoneySign::kPositive, &violations);
    command.currency_code = request.amount().currency_code();
  }
  command.reason = request.reason();
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return command;
}

}  // namespace bursar
