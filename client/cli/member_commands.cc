// bursar members …
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/further_commands.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

// Empty text means: not given, so the server keeps what it has.
struct MemberOptions {
  std::string organization;
  std::string member;
  std::string email;
  std::string role;
  std::string seat;
  std::string display_name;
  std::string time_zone;
  std::string status;
  std::string request_id;
};

struct MemberListOptions {
  std::string organization;
  bool by_spend = false;
  Paging paging;
};

void PrintMembers(const google::protobuf::RepeatedPtrField<v1::Member>& members,
                  std::ostream& out) {
  Table table({{"MEMBER"}, {"EMAIL"}, {"SEAT"}, {"ROLE"}, {"STATUS"}, {"EXTRA USAGE"}});
  for (const v1::Member& member : members) {
    std::string seat = member.seat_tier();
    if (!member.pending_seat_tier().empty()) {
      absl::StrAppend(&seat, " (", member.pending_seat_tier(), " from ",
                      FormatTimeField(member, "pending_seat_time"), ")");
    }
    table.Add({member.member_id(), member.email(), seat, Spaced(Word(member.role())),
               Word(member.status()), member.extra_usage_selected() ? "selected" : "-"});
  }
  out << table.Text();
}

absl::StatusOr<ExitStatus> RunSet(Session& session, const MemberOptions& options) {
  v1::BatchUpsertMembersRequest request;
  request.set_organization_id(options.organization);
  v1::Member* member = request.add_members();
  member->set_member_id(options.member);
  member->set_email(options.email);
  member->set_display_name(options.display_name);
  member->set_seat_tier(options.seat);
  member->set_time_zone(options.time_zone);
  if (!options.role.empty()) {
    const auto role = ParseWord<v1::MemberRole>(options.role, "--role");
    if (!role.ok()) return role.status();
    member->set_role(*role);
  }
  if (!options.status.empty()) {
    const auto status = ParseWord<v1::AccountStatus>(options.status, "--status");
    if (!status.ok()) return status.status();
    member->set_status(*status);
  }
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::BatchUpsertMembers, request),
              [&](const auto& reply) { PrintMembers(reply.members(), session.out()); });
}

absl::StatusOr<ExitStatus> RunRemove(Session& session, const MemberOptions& options) {
  MemberOptions change = options;
  change.status = "removed";
  return RunSet(session, change);
}

absl::StatusOr<ExitStatus> RunList(Session& session, const MemberListOptions& options) {
  v1::ListMembersRequest request;
  request.set_organization_id(options.organization);
  if (options.by_spend) request.set_order(v1::MEMBER_ORDER_SPEND);
  const auto reply = CallPaged(session, &Admin::ListMembers, request, options.paging);
  return Show(session, reply, [&](const v1::ListMembersResponse& list) {
    Table table({{"MEMBER"},
                 {"EMAIL"},
                 {"SEAT"},
                 {"ROLE"},
                 {"STATUS"},
                 {"INCLUDED, MONTH", Align::kRight},
                 {"EXTRA, MONTH", Align::kRight},
                 {"LIMIT", Align::kRight},
                 {"SET FOR"}});
    for (const v1::MemberSummary& one : list.members()) {
      const v1::Member& member = one.member();
      table.Add(
          {member.member_id(), member.email(), member.seat_tier(), Spaced(Word(member.role())),
           Word(member.status()), FormatMoneyField(one, "included_month_to_date", "-"),
           FormatMoneyField(one, "month_to_date", "-"),
           FormatMoneyField(one, "effective_limit", "unlimited"),
           one.limit_source() == v1::SCOPE_UNSPECIFIED ? "-" : Spaced(Word(one.limit_source()))});
    }
    session.out() << (table.empty() ? "No members.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

void AddNames(CLI::App* app, MemberOptions* options) {
  app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  app->add_option("member", options->member, "The member")->required()->type_name("MEMBER");
  app->add_option("--request-id", options->request_id, "Names this call for retries");
}

}  // namespace

void AddMemberCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "members", "Members: add, import, list, set, remove");

  const auto add = AddCommand(*group, "add", "Add a member (or change it)", action, &RunSet);
  const auto set = AddCommand(*group, "set", "Change a member (or add it)", action, &RunSet);
  for (const auto& command : {add, set}) {
    AddNames(command.app, command.options.get());
    MemberOptions* options = command.options.get();
    command.app->add_option("--email", options->email, "Mail address");
    command.app->add_option("--role", options->role,
                            "primary_owner, owner, admin, billing or member");
    command.app->add_option("--seat", options->seat, "Seat tier, for example premium");
    command.app->add_option("--name", options->display_name, "Name for people");
    command.app->add_option("--time-zone", options->time_zone, "IANA time zone");
    command.app->add_option("--status", options->status, "active, suspended or removed");
  }

  const auto remove = AddCommand(
      *group, "remove", "Remove a member; its history stays, its late records are recorded", action,
      &RunRemove);
  AddNames(remove.app, remove.options.get());

  const auto list =
      AddCommand(*group, "list", "Members with seat, spend and limit", action, &RunList);
  list.app->add_option("organization", list.options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  list.app->add_flag("--spend", list.options->by_spend,
                     "Who spent most beyond included usage this month first");
  AddPagingOptions(list.app, &list.options->paging);

  AddMemberImportCommand(*group, action);
}

}  // namespace bursar::cli
