// Who is let in: every RPC, every role, own and foreign organization, and the acting person's role.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "server/service/authorization.h"
#include "server/service/rpc/gate.h"
#include "tests/integration/server_fixture.h"

namespace bursar {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

class Access : public ServerTest {
 protected:
  // Calls an RPC by its path with one message of bytes, and returns the status; OK where it
  // answers, which a watch never ends by itself.
  grpc::Status CallBytes(const std::string& path, const std::string& bytes,
                         const std::string& authorization, const std::string& actor = "") {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    if (!actor.empty()) context.AddMetadata(kActorMetadataKey, actor);
    grpc::CompletionQueue queue;
    const auto await = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    auto call = stub.PrepareCall(&context, path, &queue);
    call->StartCall(nullptr);
    await();
    const grpc::Slice slice(bytes);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    await();
    grpc::ByteBuffer response;
    call->Read(&response, nullptr);
    const bool answered = await();
    if (answered) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    await();
    return answered ? grpc::Status::OK : status;
  }

  // Our own unary RPCs.
  static std::vector<const RpcRule*> OwnRpcs() {
    std::vector<const RpcRule*> rules;
    for (const RpcRule& rule : AuthorizationTable()) {
      if (std::string(rule.path).rfind("/bursar.v1.", 0) == 0) rules.push_back(&rule);
    }
    return rules;
  }

  // A request of the RPC's type that names the organization wherever it can be named, and the
  // member where one is given.
  static std::string RequestNaming(const RpcRule& rule, const std::string& organization_id,
                                   bool* names_it, const std::string& member_id = "") {
    std::string name = std::string(rule.path).substr(1);
    name.replace(name.find('/'), 1, ".");
    const MethodDescriptor* method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
    EXPECT_NE(method, nullptr) << name;
    const Descriptor* type = method->input_type();
    google::protobuf::DynamicMessageFactory factory;
    std::unique_ptr<Message> request(factory.GetPrototype(type)->New());
    Message* target = request.get();
    const FieldDescriptor* organization = type->FindFieldByName("organization");
    if (organization != nullptr && organization->message_type() != nullptr) {
      target = request->GetReflection()->MutableMessage(request.get(), organization);
    }
    const FieldDescriptor* field = target->GetDescriptor()->FindFieldByName("organization_id");
    *names_it = field != nullptr;
    if (field != nullptr) target->GetReflection()->SetString(target, field, organization_id);
    const FieldDescriptor* member = type->FindFieldByName("member_id");
    if (member != nullptr && !member_id.empty()) {
      request->GetReflection()->SetString(request.get(), member, member_id);
    }
    return request->SerializeAsString();
  }
};

// Who may do what an RPC asks of the acting person, as rule A3 says it: letters of primary owner,
// owner, admin, billing, member, and a member about itself.
std::string WhoMay(ActorNeed need) {
  switch (need) {
    case ActorNeed::kNothing:
      return "POABMS";
    case ActorNeed::kChangeSettings:
      return "PO";
    case ActorNeed::kSetLimits:
    case ActorNeed::kReviewRequests:
      return "POA";
    case ActorNeed::kSeeSpend:
      return "POAB";
    case ActorNeed::kBuyCredit:
      return "POB";
    case ActorNeed::kSeeMember:
      return "POABS";
  }
  return "";
}

// Rules: A2, A3
TEST_F(Access, EveryRpcAsksOfTheActingPersonWhatTheTableSays) {
  ASSERT_TRUE(CreateOrganization("acme", "team").ok());
  const struct {
    char letter;
    const char* member_id;
    v1::MemberRole role;
  } people[] = {
      {'P', "paula", v1::MEMBER_ROLE_PRIMARY_OWNER}, {'O', "olga", v1::MEMBER_ROLE_OWNER},
      {'A', "adam", v1::MEMBER_ROLE_ADMIN},          {'B', "bill", v1::MEMBER_ROLE_BILLING},
      {'M', "mona", v1::MEMBER_ROLE_MEMBER},         {'S', "susi", v1::MEMBER_ROLE_MEMBER}};
  for (const auto& person : people) {
    ASSERT_TRUE(AddMember("acme", person.member_id, person.role).ok());
  }
  const std::string token = "Bearer " + CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  std::cout << "who may, for whom an admin's token acts: primary owner, owner, admin, billing,\n"
               "member, a member about itself\n";
  for (const RpcRule* rule : OwnRpcs()) {
    const bool may_call = (rule->roles & RoleBit(ServiceRole::kAdmin)) != 0;
    std::string allowed;
    for (const auto& person : people) {
      bool names_it = false;
      const std::string about = person.letter == 'S' ? "susi" : "paula";
      const std::string request = RequestNaming(*rule, "acme", &names_it, about);
      const grpc::Status status = CallBytes(rule->path, request, token, person.member_id);
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
      const bool is_refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
      if (!is_refused) allowed += person.letter;
      EXPECT_TRUE(!is_refused || ReasonOf(status) == "PERMISSION_DENIED") << rule->path;
      // Which organizations are shown is asked for each; whoever acts may ask.
      if (!names_it && may_call) {
        EXPECT_FALSE(is_refused) << rule->path << " " << person.letter;
      } else {
        EXPECT_EQ(!is_refused,
                  may_call && WhoMay(rule->actor).find(person.letter) != std::string::npos)
            << rule->path << " " << person.letter;
      }
    }
    std::cout << "  " << rule->path << "  " << (allowed.empty() ? "-" : allowed) << "\n";
  }
}

// Rules: A3
TEST_F(Access, WhoIsSuspendedOrUnknownMayNothing) {
  ASSERT_TRUE(CreateOrganization("acme", "team").ok());
  ASSERT_TRUE(AddMember("acme", "paula", v1::MEMBER_ROLE_PRIMARY_OWNER).ok());
  v1::BatchUpsertMembersRequest suspend;
  suspend.set_organization_id("acme");
  suspend.add_members()->set_member_id("olga");
  suspend.mutable_members(0)->set_role(v1::MEMBER_ROLE_OWNER);
  suspend.mutable_members(0)->set_status(v1::ACCOUNT_STATUS_SUSPENDED);
  v1::BatchUpsertMembersResponse suspended;
  ASSERT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::BatchUpsertMembers, suspend, &suspended).ok());
  const std::string token = "Bearer " + CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  for (const RpcRule* rule : OwnRpcs()) {
    if (rule->actor == ActorNeed::kNothing) continue;
    bool names_it = false;
    const std::string request = RequestNaming(*rule, "acme", &names_it);
    if (!names_it) continue;
    for (const char* actor : {"olga", "nobody"}) {
      EXPECT_EQ(CallBytes(rule->path, request, token, actor).error_code(),
                grpc::StatusCode::PERMISSION_DENIED)
          << rule->path << " " << actor;
    }
  }
}

// Rules: A1
TEST_F(Access, NoCredentialOrAWrongOneIsRefusedAlikeByEveryRpc) {
  for (const RpcRule* rule : OwnRpcs()) {
    bool names_it = false;
    const std::string request = RequestNaming(*rule, "acme", &names_it);
    std::string first_message;
    for (const std::string& authorization :
         {std::string(), std::string("Bearer wrong"), std::string("Bearer "),
          std::string("Basic ") + kOperatorToken, std::string(kOperatorToken),
          std::string("Bearer ") + kOperatorToken + "x", "Bearer " + std::string(4000, 'x')}) {
      const grpc::Status status = CallBytes(rule->path, request, authorization);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << rule->path << " " << authorization;
      if (first_message.empty()) first_message = status.error_message();
      EXPECT_EQ(status.error_message(), first_message);
    }
  }
}

// Rules: A1
TEST_F(Access, BytesThatAreNoMessageAreToldToWhoMayCallAndToNobodyElse) {
  const std::string operator_token = std::string("Bearer ") + kOperatorToken;
  for (const RpcRule* rule : OwnRpcs()) {
    const std::string garbage = "\xFF\xFF garbage";
    EXPECT_EQ(CallBytes(rule->path, garbage, "").error_code(), grpc::StatusCode::UNAUTHENTICATED)
        << rule->path;
    const grpc::Status status = CallBytes(rule->path, garbage, operator_token);
    if (std::string(rule->path).ends_with("/StreamConsumption")) continue;  // Answers each item.
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << rule->path;
    EXPECT_EQ(status.error_message(), "the request is not a valid message") << rule->path;
  }
}

// Rules: A1
TEST_F(Access, MessageBeyondTheLimitIsRefusedByEveryKindOfRpc) {
  const std::string bytes((4 << 20) + 1, '\0');
  for (const char* path :
       {"/bursar.v1.QuotaService/CheckAdmission", "/bursar.v1.QuotaService/StreamConsumption",
        "/bursar.v1.QuotaService/WatchWallet", "/bursar.v1.AdminService/GetWallet"}) {
    EXPECT_EQ(CallBytes(path, bytes, std::string("Bearer ") + kOperatorToken).error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED)
        << path;
  }
}

// Rules: A2, O7
TEST_F(Access, EveryRpcKeepsToItsRolesAndToTheTokensOrganizations) {
  ASSERT_TRUE(CreateOrganization("acme", "team").ok());
  ASSERT_TRUE(CreateOrganization("other", "team").ok());
  for (const v1::ServiceRole role : {v1::SERVICE_ROLE_FRONTEND, v1::SERVICE_ROLE_ADMIN,
                                     v1::SERVICE_ROLE_PAYMENTS, v1::SERVICE_ROLE_VIEWER}) {
    const std::string token = "Bearer " + CreateToken(role, {"acme"});
    for (const RpcRule* rule : OwnRpcs()) {
      const bool may = (rule->roles & RoleBit(static_cast<ServiceRole>(role))) != 0;
      bool names_it = false;
      const std::string own = RequestNaming(*rule, "acme", &names_it);
      const grpc::Status status = CallBytes(rule->path, own, token);
      if (!may) {
        EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
            << rule->path << " " << role;
        EXPECT_EQ(ReasonOf(status), "PERMISSION_DENIED");
        continue;
      }
      // An admin's token is let in, and then asked for whom it acts.
      const bool is_refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
      EXPECT_TRUE(!is_refused || ReasonOf(status) == "ACTOR_REQUIRED")
          << rule->path << " " << role << " " << status.error_message();
      if (!names_it) continue;
      for (const char* foreign : {"other", "no-such-organization"}) {
        const grpc::Status refused =
            CallBytes(rule->path, RequestNaming(*rule, foreign, &names_it), token);
        EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED)
            << rule->path << " " << role << " " << foreign;
        EXPECT_EQ(ReasonOf(refused), "PERMISSION_DENIED");
      }
    }
  }
}

// Rules: A2
TEST_F(Access, RevokedTokenIsRefusedAtOnceAndSecretsAreNeverListed) {
  const std::string secret = CreateToken(v1::SERVICE_ROLE_VIEWER, {"acme"});
  v1::ListServiceTokensResponse tokens;
  ASSERT_TRUE(Call(operator_.get(), &v1::OperatorService::Stub::ListServiceTokens,
                   v1::ListServiceTokensRequest(), &tokens)
                  .ok());
  ASSERT_EQ(tokens.tokens_size(), 1);
  EXPECT_EQ(tokens.SerializeAsString().find(secret), std::string::npos);
  v1::ListOrganizationsResponse list;
  EXPECT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::ListOrganizations,
                   v1::ListOrganizationsRequest(), &list, secret)
                  .ok());
  v1::RevokeServiceTokenRequest revoke;
  revoke.set_token_id(tokens.tokens(0).token_id());
  v1::RevokeServiceTokenResponse revoked;
  ASSERT_TRUE(
      Call(operator_.get(), &v1::OperatorService::Stub::RevokeServiceToken, revoke, &revoked).ok());
  EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::ListOrganizations,
                 v1::ListOrganizationsRequest(), &list, secret)
                .error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

// Rules: A2
TEST_F(Access, TokenSeesItsOrganizationsOnly) {
  for (const char* id : {"acme", "beta", "zeta"}) ASSERT_TRUE(CreateOrganization(id, "team").ok());
  const std::string token = CreateToken(v1::SERVICE_ROLE_VIEWER, {"acme", "not-yet", "zeta"});
  v1::ListOrganizationsRequest request;
  request.set_page_size(1);
  std::vector<std::string> seen;
  do {
    v1::ListOrganizationsResponse page;
    ASSERT_TRUE(
        Call(admin_.get(), &v1::AdminService::Stub::ListOrganizations, request, &page, token).ok());
    for (const auto& organization : page.organizations()) {
      seen.push_back(organization.organization_id());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"acme", "zeta"}));
}

// Rules: A3, O7
TEST_F(Access, AdminTokenListsTheOrganizationsWhoseSettingsItsActorMaySee) {
  for (const char* id : {"acme", "beta", "gamma", "zeta"}) {
    ASSERT_TRUE(CreateOrganization(id, "team").ok());
  }
  ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_OWNER).ok());
  ASSERT_TRUE(AddMember("beta", "olga").ok());
  ASSERT_TRUE(AddMember("gamma", "bill", v1::MEMBER_ROLE_OWNER).ok());
  ASSERT_TRUE(AddMember("zeta", "olga", v1::MEMBER_ROLE_BILLING).ok());
  ASSERT_TRUE(AddMember("zeta", "bill", v1::MEMBER_ROLE_ADMIN).ok());
  const auto list = [&](const std::string& token, const std::string& actor, int page_size) {
    std::vector<std::string> seen;
    v1::ListOrganizationsRequest request;
    request.set_page_size(page_size);
    do {
      v1::ListOrganizationsResponse page;
      const grpc::Status status = Call(admin_.get(), &v1::AdminService::Stub::ListOrganizations,
                                       request, &page, token, actor);
      if (!status.ok()) return std::vector<std::string>{ReasonOf(status)};
      for (const auto& organization : page.organizations()) {
        seen.push_back(organization.organization_id());
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return seen;
  };
  using Ids = std::vector<std::string>;
  const std::string covered =
      CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme", "beta", "gamma", "not-yet"});
  const std::string all = CreateToken(v1::SERVICE_ROLE_ADMIN, {});
  for (const int page_size : {1, 100}) {
    EXPECT_EQ(list(covered, "olga", page_size), Ids({"acme"}));
    EXPECT_EQ(list(covered, "bill", page_size), Ids({"gamma"}));
    EXPECT_EQ(list(covered, "nobody", page_size), Ids());
    EXPECT_EQ(list(covered, "", page_size), Ids({"ACTOR_REQUIRED"}));
    EXPECT_EQ(list(all, "olga", page_size), Ids({"acme", "zeta"}));
    EXPECT_EQ(list(all, "bill", page_size), Ids({"gamma", "zeta"}));
    EXPECT_EQ(list(all, "nobody", page_size), Ids());
    EXPECT_EQ(list(all, "", page_size), Ids({"ACTOR_REQUIRED"}));
    EXPECT_EQ(list(kOperatorToken, "", page_size), Ids({"acme", "beta", "gamma", "zeta"}));
    const std::string viewer = CreateToken(v1::SERVICE_ROLE_VIEWER, {"beta", "zeta"});
    EXPECT_EQ(list(viewer, "", page_size), Ids({"beta", "zeta"}));
  }
}

// Rules: A3
TEST_F(Access, ActorsRoleDecidesWhatAnAdminTokenMayDo) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_seat").ok());
  const std::map<std::string, v1::MemberRole> people = {{"primo", v1::MEMBER_ROLE_PRIMARY_OWNER},
                                                        {"olga", v1::MEMBER_ROLE_OWNER},
                                                        {"ada", v1::MEMBER_ROLE_ADMIN},
                                                        {"bill", v1::MEMBER_ROLE_BILLING},
                                                        {"max", v1::MEMBER_ROLE_MEMBER}};
  for (const auto& [id, role] : people) ASSERT_TRUE(AddMember("acme", id, role).ok());
  const std::string token = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});

  v1::UpdateExtraUsageRequest enable;
  enable.set_organization_id("acme");
  enable.set_enabled(true);
  v1::SetSpendLimitRequest own_limit;
  own_limit.set_organization_id("acme");
  own_limit.set_member_id("max");
  own_limit.mutable_amount()->set_units(5);
  v1::GetWalletRequest wallet;
  wallet.set_organization_id("acme");
  v1::GetMemberUsageRequest usage;
  usage.set_organization_id("acme");
  usage.set_member_id("max");
  const struct {
    const char* actor;
    bool settings, member_limit, spend, max_usage;
  } rows[] = {
      {"primo", true, true, true, true},  {"olga", true, true, true, true},
      {"ada", false, true, true, true},   {"bill", false, false, true, true},
      {"max", false, false, false, true}, {"nobody", false, false, false, false},
  };
  for (const auto& row : rows) {
    v1::UpdateExtraUsageResponse enabled;
    EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::UpdateExtraUsage, enable, &enabled, token,
                   row.actor)
                  .ok(),
              row.settings)
        << row.actor;
    v1::SetSpendLimitResponse limit;
    EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, own_limit, &limit, token,
                   row.actor)
                  .ok(),
              row.member_limit)
        << row.actor;
    v1::GetWalletResponse seen;
    EXPECT_EQ(
        Call(admin_.get(), &v1::AdminService::Stub::GetWallet, wallet, &seen, token, row.actor)
            .ok(),
        row.spend)
        << row.actor;
    v1::GetMemberUsageResponse used;
    EXPECT_EQ(
        Call(quota_.get(), &v1::QuotaService::Stub::GetMemberUsage, usage, &used, token, row.actor)
            .ok(),
        row.max_usage)
        << row.actor;
  }
}

// Rules: A3
TEST_F(Access, AdminSetsMemberLimitsWithinTheOrganizationsOwn) {
  ASSERT_TRUE(CreateOrganization("acme", "enterprise_seat").ok());
  ASSERT_TRUE(AddMember("acme", "ada", v1::MEMBER_ROLE_ADMIN).ok());
  ASSERT_TRUE(AddMember("acme", "olga", v1::MEMBER_ROLE_OWNER).ok());
  const std::string token = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  limit.set_organization(true);
  limit.mutable_amount()->set_units(100);
  v1::SetSpendLimitResponse set;
  ASSERT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set, token, "olga").ok());
  limit.set_member_id("ada");
  EXPECT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set, token, "ada").ok());
  limit.mutable_amount()->set_units(101);
  EXPECT_EQ(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set, token, "ada")
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(
      Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set, token, "olga").ok());
}

}  // namespace
}  // namespace bursar
