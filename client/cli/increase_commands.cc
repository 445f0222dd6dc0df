// bursar requests …, bursar episode answer
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;
using Quota = v1::QuotaService::Stub;

struct CreateOptions {
  std::string organization;
  std::string member;
  std::string kind;
  std::string amount;
  std::string seat;
  std::string reason;
  std::string surface;
  std::string model;
  std::string request_id;
};

// Of the member's own: get, cancel.
struct OwnOptions {
  std::string organization;
  std::string increase_request;
  std::string member;
  std::string request_id;
};

struct ListOptions {
  std::string organization;
  std::vector<std::string> states;
  std::string member;
  Paging paging;
};

struct DecideOptions {
  std::string organization;
  std::string increase_request;
  std::string amount;
  std::string until;
  std::string note;
  std::string request_id;
};

struct AnswerOptions {
  std::string organization;
  std::string answer;
  std::string note;
  std::string request_id;
};

// "higher limit a day of the organization, 50.00 USD".
std::string AskedInWords(const v1::IncreaseRequest& request) {
  std::string words = Spaced(Word(request.kind()));
  if (request.limit_scope() != v1::SCOPE_UNSPECIFIED) {
    absl::StrAppend(&words, " a ", Word(request.limit_period()), " of ",
                    ScopeInWords(request.limit_scope(), request.limit_scope_id()));
  }
  if (request.has_asked_amount()) {
    absl::StrAppend(&words, ", ", FormatMoney(request.asked_amount()));
  }
  if (!request.asked_seat_tier().empty()) {
    absl::StrAppend(&words, ", ", request.asked_seat_tier());
  }
  return words;
}

void PrintRequest(const v1::IncreaseRequest& request, std::ostream& out) {
  Table facts({{""}, {""}});
  facts.Add({"request", request.increase_request_id()});
  facts.Add({"member", request.member_id()});
  facts.Add({"asks for", AskedInWords(request)});
  if (!request.reason().empty()) facts.Add({"because", request.reason()});
  facts.Add({"state", Word(request.state())});
  facts.Add({"asked", FormatTimeField(request, "create_time")});
  if (request.has_decide_time()) {
    facts.Add(
        {"since", absl::StrCat(FormatTimeField(request, "decide_time"),
                               request.decided_by().empty() ? "" : ", by ", request.decided_by())});
  }
  if (!request.note().empty()) facts.Add({"note", request.note()});
  if (request.has_granted_amount()) {
    const bool proposed = request.state() == v1::INCREASE_REQUEST_STATE_ESCALATED;
    facts.Add({proposed ? "proposed limit" : "granted limit",
               absl::StrCat(FormatMoney(request.granted_amount()),
                            request.has_granted_until()
                                ? " until " + FormatTimeField(request, "granted_until")
                                : "")});
  }
  out << facts.Text();
}

absl::StatusOr<ExitStatus> RunCreate(Session& session, const CreateOptions& options) {
  v1::CreateIncreaseRequestRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  const auto kind = ParseWord<v1::IncreaseKind>(options.kind, "--kind");
  if (!kind.ok()) return kind.status();
  request.set_kind(*kind);
  if (!options.amount.empty()) {
    const absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "--amount");
    if (!amount.ok()) return amount.status();
    *request.mutable_amount() = *amount;
  }
  request.set_seat_tier(options.seat);
  request.set_reason(options.reason);
  request.set_surface(options.surface);
  request.set_model(options.model);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(
      session, session.Call(&Quota::CreateIncreaseRequest, request), [&](const auto& reply) {
        session.out() << (reply.existing() ? "A request is open already; nothing was written.\n"
                                           : "Request sent to admin.\n");
        PrintRequest(reply.request(), session.out());
      });
}

absl::StatusOr<ExitStatus> RunGet(Session& session, const OwnOptions& options) {
  v1::GetIncreaseRequestRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  request.set_increase_request_id(options.increase_request);
  return Show(session, session.Call(&Quota::GetIncreaseRequest, request),
              [&](const auto& reply) { PrintRequest(reply.request(), session.out()); });
}

absl::StatusOr<ExitStatus> RunCancel(Session& session, const OwnOptions& options) {
  v1::CancelIncreaseRequestRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  request.set_increase_request_id(options.increase_request);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Quota::CancelIncreaseRequest, request),
              [&](const auto& reply) { PrintRequest(reply.request(), session.out()); });
}

void PrintReviews(const v1::ListIncreaseRequestsResponse& list, std::ostream& out) {
  Table table({{"REQUEST"},
               {"MEMBER"},
               {"SEAT"},
               {"MONTH TO DATE", Align::kRight},
               {"LIMIT", Align::kRight},
               {"ASKS FOR"},
               {"STATE"},
               {"ASKED"},
               {"REASON"}});
  for (const v1::IncreaseRequestReview& review : list.reviews()) {
    const v1::IncreaseRequest& request = review.request();
    const v1::MemberSummary& requester = review.requester();
    table.Add({request.increase_request_id(), request.member_id(), requester.member().seat_tier(),
               FormatMoneyField(requester, "month_to_date", "-"),
               FormatMoneyField(requester, "effective_limit", "none"), AskedInWords(request),
               Word(request.state()), FormatTimeField(request, "create_time"), request.reason()});
  }
  out << (table.empty() ? "No requests.\n" : table.Text());
}

absl::StatusOr<ExitStatus> RunList(Session& session, const ListOptions& options) {
  v1::ListIncreaseRequestsRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  for (const std::string& word : options.states) {
    const auto state = ParseWord<v1::IncreaseRequestState>(word, "--state");
    if (!state.ok()) return state.status();
    request.add_states(*state);
  }
  const auto reply = CallPaged(session, &Admin::ListIncreaseRequests, request, options.paging);
  return Show(session, reply, [&](const v1::ListIncreaseRequestsResponse& list) {
    PrintReviews(list, session.out());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

absl::StatusOr<ExitStatus> RunApprove(Session& session, const DecideOptions& options) {
  v1::ApproveIncreaseRequestRequest request;
  request.set_organization_id(options.organization);
  request.set_increase_request_id(options.increase_request);
  if (!options.amount.empty()) {
    const absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "--amount");
    if (!amount.ok()) return amount.status();
    *request.mutable_amount() = *amount;
  }
  if (!options.until.empty()) {
    const absl::StatusOr<absl::Time> until = ParseInstant(options.until, "--until");
    if (!until.ok()) return until.status();
    *request.mutable_expire_time() = ToProto(*until);
  }
  request.set_note(options.note);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::ApproveIncreaseRequest, request),
              [&](const auto& reply) {
                if (reply.request().state() == v1::INCREASE_REQUEST_STATE_ESCALATED) {
                  session.out() << "Nothing is granted yet: this takes an owner, and the owners "
                                   "are told.\n";
                }
                PrintRequest(reply.request(), session.out());
                PrintBlockers(reply.still_blocked_by(), session.out());
              });
}

absl::StatusOr<ExitStatus> RunDeny(Session& session, const DecideOptions& options) {
  v1::DenyIncreaseRequestRequest request;
  request.set_organization_id(options.organization);
  request.set_increase_request_id(options.increase_request);
  request.set_note(options.note);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::DenyIncreaseRequest, request), [&](const auto& reply) {
    PrintRequest(reply.request(), session.out());
    if (reply.has_ask_again_time()) {
      session.out() << reply.request().member_id() << " can ask again from "
                    << FormatTimeField(reply, "ask_again_time") << ".\n";
    }
  });
}

absl::StatusOr<ExitStatus> RunAnswer(Session& session, const AnswerOptions& options) {
  v1::AnswerEpisodeRequest request;
  request.set_organization_id(options.organization);
  const auto answer = ParseWord<v1::EpisodeAnswerKind>(options.answer, "the answer");
  if (!answer.ok()) return answer.status();
  request.set_answer(*answer);
  request.set_note(options.note);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::AnswerEpisode, request), [&](const auto& reply) {
    session.out() << "Denials say from now on: " << reply.admin_answer() << "\n";
  });
}

void AddOrganization(CLI::App* app, std::string* organization) {
  app->add_option("organization", *organization, "The organization")->required()->type_name("ORG");
}

void AddRequestId(CLI::App* app, std::string* request_id) {
  app->add_option("--request-id", *request_id, "Names this call for retries");
}

void AddOwn(CLI::App* app, OwnOptions* options) {
  AddOrganization(app, &options->organization);
  app->add_option("request", options->increase_request, "The request, inc_…")
      ->required()
      ->type_name("REQUEST");
  app->add_option("--member", options->member, "Whose it is")->required();
}

void AddDecision(CLI::App* app, DecideOptions* options) {
  AddOrganization(app, &options->organization);
  app->add_option("request", options->increase_request, "The request, inc_…")
      ->required()
      ->type_name("REQUEST");
  app->add_option("--note", options->note, "For the member");
  AddRequestId(app, &options->request_id);
}

void AddMembersCommands(CLI::App& group, Action* action) {
  const auto create = AddCommand(group, "create", "Ask for more", action, &RunCreate);
  CreateOptions* options = create.options.get();
  AddOrganization(create.app, &options->organization);
  create.app->add_option("member", options->member, "Who asks")->required()->type_name("MEMBER");
  create.app->add_option("--kind", options->kind, "extra-usage, higher-limit or higher-seat")
      ->required();
  create.app->add_option("--amount", options->amount, "Of a higher limit: how high");
  create.app->add_option("--seat", options->seat, "Of a higher seat: which; default the next one");
  create.app->add_option("--reason", options->reason, "Why");
  create.app->add_option("--surface", options->surface, "Where the member was blocked");
  create.app->add_option("--model", options->model, "On which model, where that has a limit");
  AddRequestId(create.app, &options->request_id);

  const auto get = AddCommand(group, "get", "Show a member's request", action, &RunGet);
  AddOwn(get.app, get.options.get());
  const auto cancel = AddCommand(group, "cancel", "Take a request back", action, &RunCancel);
  AddOwn(cancel.app, cancel.options.get());
  AddRequestId(cancel.app, &cancel.options->request_id);
}

}  // namespace

void AddIncreaseCommands(CLI::App& root, Action* action) {
  CLI::App* group =
      AddGroup(root, "requests", "Requests for more: create, get, cancel, list, approve, deny");
  AddMembersCommands(*group, action);

  const auto list = AddCommand(*group, "list", "The review list", action, &RunList);
  AddOrganization(list.app, &list.options->organization);
  list.app->add_option("--state", list.options->states, "In these states; default the open ones")
      ->delimiter(',');
  list.app->add_option("--member", list.options->member, "Of this member only");
  AddPagingOptions(list.app, &list.options->paging);

  const auto approve = AddCommand(*group, "approve", "Grant a request", action, &RunApprove);
  AddDecision(approve.app, approve.options.get());
  approve.app->add_option("--amount", approve.options->amount,
                          "The member's limit; default what was asked for");
  approve.app->add_option("--until", approve.options->until, "When the raise ends")
      ->type_name("INSTANT");
  const auto deny = AddCommand(*group, "deny", "Decline a request", action, &RunDeny);
  AddDecision(deny.app, deny.options.get());

  CLI::App* episode = AddGroup(root, "episode", "When the pool is out: answer");
  const auto answer = AddCommand(*episode, "answer", "Say what is being done; denials carry it",
                                 action, &RunAnswer);
  AddOrganization(answer.app, &answer.options->organization);
  answer.app
      ->add_option("answer", answer.options->answer,
                   "waiting-for-reset, working-on-it or note (with --note)")
      ->required()
      ->type_name("ANSWER");
  answer.app->add_option("--note", answer.options->note, "Words to go with it");
  AddRequestId(answer.app, &answer.options->request_id);
}

}  // namespace bursar::cli
