// AdminService: organizations and members.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/strings.h"
#include "server/service/admin_service.h"
#include "server/service/content_hash.h"
#include "server/service/validation.h"
#include "server/service/wallet_conversion.h"

namespace bursar {

namespace {

constexpr size_t kMaxMembersPerCall = 1000;
constexpr size_t kMaxPageSize = 1000;
constexpr size_t kDefaultPageSize = 100;
constexpr size_t kMaxDisplayNameBytes = 200;
constexpr size_t kMaxEmailBytes = 254;
constexpr size_t kMaxUrlBytes = 2000;

void CheckSettingsUrl(const std::string& url, FieldViolations* violations) {
  if (url.empty()) return;
  CheckText("organization.settings_url", url, kMaxUrlBytes, violations);
  if (url.rfind("https://", 0) != 0) {
    violations->Add("organization.settings_url", "must begin with https://");
  }
}

// The value of an enum field that is known, or nothing for unspecified; notes an unknown number.
template <class Target, class Source>
std::optional<Target> ReadEnum(const char* field, Source value, int highest,
                               FieldViolations* violations) {
  const int number = static_cast<int>(value);
  if (number == 0) return std::nullopt;
  if (number < 0 || number > highest) {
    violations->Add(field, absl::StrCat("is no value of this enum: ", number));
    return std::nullopt;
  }
  return static_cast<Target>(number);
}

CreateOrganizationCommand ReadCreate(const v1::Organization& proto, FieldViolations* violations) {
  CheckRequiredId("organization.organization_id", proto.organization_id(), violations);
  CheckText("organization.display_name", proto.display_name(), kMaxDisplayNameBytes, violations);
  CheckCurrencyCode("organization.currency_code", proto.currency_code(), violations);
  CheckSettingsUrl(proto.settings_url(), violations);
  CreateOrganizationCommand command;
  command.organization_id = proto.organization_id();
  OrganizationSettings& settings = command.settings;
  settings.display_name = proto.display_name();
  settings.plan_id = proto.plan();
  settings.currency_code = proto.currency_code();
  settings.time_zone = proto.time_zone();
  settings.settings_url = proto.settings_url();
  settings.auto_provision_members = proto.auto_provision_members();
  settings.max_seats = proto.max_seats();
  settings.billing_anchor = absl::InfinitePast();
  if (proto.has_billing_anchor()) {
    settings.billing_anchor =
        ReadTimestamp("organization.billing_anchor", proto.billing_anchor(), violations)
            .value_or(absl::InfinitePast());
  }
  settings.status =
      ReadEnum<AccountStatus>("organization.status", proto.status(), 2, violations)
          .value_or(AccountStatus::kActive);
  settings.included_scope =
      ReadEnum<IncludedScope>("organization.included_scope", proto.included_scope(), 2, violations)
          .value_or(IncludedScope::kSeat);
  return command;
}

// One path of the update mask into the command.
void ReadUpdatePath(const std::string& path, const v1::Organization& proto,
                    UpdateOrganizationCommand* command, FieldViolations* violations) {
  if (path == "display_name") {
    CheckText("organization.display_name", proto.display_name(), kMaxDisplayNameBytes, violations);
    command->display_name = proto.display_name();
  } else if (path == "status") {
    command->status =
        ReadEnum<AccountStatus>("organization.status", proto.status(), 3, violations);
    if (!command->status.has_value()) violations->Add("organization.status", "is required");
  } else if (path == "settings_url") {
    CheckSettingsUrl(proto.settings_url(), violations);
    command->settings_url = proto.settings_url();
  } else if (path == "time_zone") {
    command->time_zone = proto.time_zone().empty() ? "UTC" : proto.time_zone();
  } else if (path == "billing_anchor") {
    if (!proto.has_billing_anchor()) {
      violations->Add("organization.billing_anchor", "is required");
      return;
    }
    command->billing_anchor =
        ReadTimestamp("organization.billing_anchor", proto.billing_anchor(), violations);
  } else if (path == "included_scope") {
    command->included_scope = ReadEnum<IncludedScope>("organization.included_scope",
                                                      proto.included_scope(), 2, violations)
                                  .value_or(IncludedScope::kSeat);
  } else if (path == "auto_provision_members") {
    command->auto_provision_members = proto.auto_provision_members();
  } else if (path == "max_seats") {
    command->max_seats = proto.max_seats();
  } else {
    violations->Add("update_mask",
                    absl::StrCat("cannot change \"", path,
                                 "\"; it takes display_name, status, settings_url, time_zone, "
                                 "billing_anchor, included_scope, auto_provision_members, "
                                 "max_seats"));
  }
}

MemberChange ReadMember(const std::string& path, const v1::Member& proto,
                        FieldViolations* violations) {
  CheckRequiredId(path + ".member_id", proto.member_id(), violations);
  CheckText(path + ".email", proto.email(), kMaxEmailBytes, violations);
  CheckText(path + ".display_name", proto.display_name(), kMaxDisplayNameBytes, violations);
  CheckOptionalId(path + ".seat_tier", proto.seat_tier(), violations);
  MemberChange change;
  change.member_id = proto.member_id();
  if (!proto.email().empty()) change.email = proto.email();
  if (!proto.display_name().empty()) change.display_name = proto.display_name();
  if (!proto.seat_tier().empty()) change.tier_id = proto.seat_tier();
  if (!proto.time_zone().empty()) change.time_zone = proto.time_zone();
  const std::string role_field = path + ".role";
  change.role = ReadEnum<MemberRole>(role_field.c_str(), proto.role(), 5, violations);
  const std::string status_field = path + ".status";
  change.status = ReadEnum<AccountStatus>(status_field.c_str(), proto.status(), 3, violations);
  FieldViolations etag;
  change.expected_version = ReadEtag(proto.etag(), &etag);
  for (const FieldViolation& violation : etag.violations()) {
    violations->Add(path + ".etag", violation.description);
  }
  return change;
}

void WriteMemberSummary(const WalletHeader& header, const Member& member,
                        const DecisionContext& context, v1::MemberSummary* proto) {
  const std::string& currency = header.settings.currency_code;
  WriteMember(header, member, proto->mutable_member());
  const CurrentMonth month = FindCurrentMonth(member.month, header.settings, context);
  WriteMoney(month.counter.extra, currency, proto->mutable_month_to_date());
  WriteMoney(month.counter.included, currency, proto->mutable_included_month_to_date());
  const AdmissionState state =
      Evaluate(header, &member, AdmissionQuery{member.member_id, kDefaultSurface, ""}, context);
  const Evaluation* least = nullptr;
  for (const Evaluation& bound : state.bounds) {
    if (bound.source != BoundSource::kSpendLimit || !bound.limit.has_value()) continue;
    if (least == nullptr || bound.Headroom() < least->Headroom()) least = &bound;
  }
  if (least == nullptr) return;
  WriteMoney(*least->limit, currency, proto->mutable_effective_limit());
  proto->set_limit_source(static_cast<v1::Scope>(least->scope));
}

}  // namespace

absl::Status AdminServiceHandlers::Administer(const CallContext& call,
                                              const std::string& organization_id,
                                              AdministrationCommand command,
                                              const google::protobuf::MessageLite& request,
                                              const std::string& request_id,
                                              const RenderReply& render,
                                              google::protobuf::MessageLite* reply,
                                              bool* replayed) {
  Idempotency idempotency;
  idempotency.request_id = request_id;
  if (!request_id.empty()) idempotency.content_hash = ContentHash(request);
  CallInfo info{call.actor, call.credential == nullptr ? "" : call.credential->name};
  absl::StatusOr<AdministrationReply> answer =
      engine_.Administer(organization_id, std::move(command), std::move(idempotency),
                         std::move(info), render);
  if (!answer.ok()) return answer.status();
  if (!reply->ParseFromString(answer->bytes)) {
    return absl::DataLossError("the remembered reply of this request cannot be read");
  }
  if (replayed != nullptr) *replayed = answer->replayed;
  return absl::OkStatus();
}

void AdminServiceHandlers::WriteSnapshotPosition(int64_t revision, absl::Time as_of,
                                                 v1::WalletPosition* position) {
  WritePosition({revision, as_of}, engine_.epoch(), position);
}

grpc::Status AdminServiceHandlers::CreateOrganization(
    grpc::ServerContext* context, const v1::CreateOrganizationRequest* request,
    v1::CreateOrganizationResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/CreateOrganization");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CreateOrganizationCommand command = ReadCreate(request->organization(), &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    const std::shared_ptr<const PlanCatalog> plans = engine_.catalogs().plans();
    const Plan* plan = plans->Find(command.settings.plan_id);
    const std::string currency = !command.settings.currency_code.empty()
                                     ? command.settings.currency_code
                                     : (plan == nullptr ? "" : plan->currency_code);
    if (plan != nullptr && currency == plan->currency_code &&
        !engine_.catalogs().HasCurrency(currency)) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "no price book in ", currency, " is published; publish one first")),
                        "NO_PRICE_BOOK");
    }
    return Administer(
        call, command.organization_id, command, *request, request->request_id(),
        [this](const Wallet& wallet, const AdministrationOutcome&, const Position& position,
               const DecisionContext&) {
          v1::CreateOrganizationResponse rendered;
          WriteOrganization(wallet.header, rendered.mutable_organization());
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply);
  });
}

grpc::Status AdminServiceHandlers::GetOrganization(grpc::ServerContext* context,
                                                   const v1::GetOrganizationRequest* request,
                                                   v1::GetOrganizationResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/GetOrganization");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return engine_.Read(request->organization_id(), {},
                        [&](const Wallet& wallet, const Position& position,
                            const DecisionContext&) {
                          WriteOrganization(wallet.header, reply->mutable_organization());
                          WritePosition(position, engine_.epoch(), reply->mutable_position());
                          return absl::OkStatus();
                        });
  });
}

grpc::Status AdminServiceHandlers::ListOrganizations(grpc::ServerContext* context,
                                                     const v1::ListOrganizationsRequest* request,
                                                     v1::ListOrganizationsResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListOrganizations");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    std::string after =
        ReadPageToken("page_token", "organizations", request->page_token(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    // A caller that may see few of many organizations gets a full page all the same.
    while (true) {
      absl::StatusOr<std::vector<WalletHeader>> page =
          bursar::ListOrganizations(engine_.store(), after, static_cast<int>(limit));
      if (!page.ok()) return page.status();
      for (const WalletHeader& header : *page) {
        after = header.organization_id;
        if (!call.credential->Covers(after)) continue;
        WriteOrganization(header, reply->add_organizations());
        if (reply->organizations_size() == static_cast<int>(limit)) {
          reply->set_next_page_token(MakePageToken("organizations", after));
          return absl::OkStatus();
        }
      }
      if (page->size() < limit) return absl::OkStatus();
    }
  });
}

grpc::Status AdminServiceHandlers::UpdateOrganization(
    grpc::ServerContext* context, const v1::UpdateOrganizationRequest* request,
    v1::UpdateOrganizationResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/UpdateOrganization");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization.organization_id", request->organization().organization_id(),
                    &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    UpdateOrganizationCommand command;
    if (request->update_mask().paths().empty()) {
      violations.Add("update_mask", "is required: name the fields to change");
    }
    for (const std::string& path : request->update_mask().paths()) {
      ReadUpdatePath(path, request->organization(), &command, &violations);
    }
    command.expected_version = ReadEtag(request->etag(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return Administer(
        call, request->organization().organization_id(), command, *request, request->request_id(),
        [this](const Wallet& wallet, const AdministrationOutcome&, const Position& position,
               const DecisionContext& decision) {
          v1::UpdateOrganizationResponse rendered;
          WriteOrganization(wallet.header, rendered.mutable_organization());
          WriteBlockers(OrganizationBlockers(wallet.header, decision),
                        rendered.mutable_still_blocked_by());
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply);
  });
}

grpc::Status AdminServiceHandlers::BatchUpsertMembers(
    grpc::ServerContext* context, const v1::BatchUpsertMembersRequest* request,
    v1::BatchUpsertMembersResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/BatchUpsertMembers");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext& call) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    CheckOptionalId("request_id", request->request_id(), &violations);
    const size_t count = static_cast<size_t>(request->members_size());
    if (count == 0 || count > kMaxMembersPerCall) {
      violations.Add("members", absl::StrCat("must name 1 to ", kMaxMembersPerCall, " members"));
    }
    UpsertMembersCommand command;
    std::vector<std::string> member_ids;
    for (size_t i = 0; i < std::min(count, kMaxMembersPerCall); ++i) {
      command.members.push_back(ReadMember(absl::StrCat("members[", i, "]"),
                                           request->members(static_cast<int>(i)), &violations));
      member_ids.push_back(command.members.back().member_id);
    }
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    return Administer(
        call, request->organization_id(), command, *request, request->request_id(),
        [this, &member_ids](const Wallet& wallet, const AdministrationOutcome& outcome,
                            const Position& position, const DecisionContext&) {
          v1::BatchUpsertMembersResponse rendered;
          for (const std::string& member_id : member_ids) {
            const Member* member = wallet.FindMember(member_id);
            if (member != nullptr) WriteMember(wallet.header, *member, rendered.add_members());
          }
          rendered.set_created_count(outcome.created_count);
          rendered.set_updated_count(outcome.updated_count);
          WritePosition(position, engine_.epoch(), rendered.mutable_position());
          return rendered.SerializeAsString();
        },
        reply);
  });
}

grpc::Status AdminServiceHandlers::ListMembers(grpc::ServerContext* context,
                                               const v1::ListMembersRequest* request,
                                               v1::ListMembersResponse* reply) {
  static const RpcRule* const kRule = FindRpcRule("/bursar.v1.AdminService/ListMembers");
  return RunCall(gate_, kRule, *context, *request, [&](const CallContext&) -> absl::Status {
    FieldViolations violations;
    CheckRequiredId("organization_id", request->organization_id(), &violations);
    const size_t limit = ReadPageSize("page_size", request->page_size(), kDefaultPageSize,
                                      kMaxPageSize, &violations);
    const std::string scope = absl::StrCat("members/", request->organization_id());
    const std::string after =
        ReadPageToken("page_token", scope, request->page_token(), &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    absl::StatusOr<MemberPage> page = bursar::ListMembers(
        engine_.store(), request->organization_id(), after, static_cast<int>(limit));
    if (!page.ok()) return page.status();
    const std::shared_ptr<const PlanCatalog> plans = engine_.catalogs().plans();
    const DecisionContext decision{engine_.Now(), plans.get(), &engine_.zones()};
    for (const Member& member : page->members) {
      WriteMemberSummary(page->header, member, decision, reply->add_members());
    }
    if (page->more) {
      reply->set_next_page_token(MakePageToken(scope, page->members.back().member_id));
    }
    WriteSnapshotPosition(page->header.revision, decision.now, reply->mutable_position());
    return absl::OkStatus();
  });
}

}  // namespace bursar
