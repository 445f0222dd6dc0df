// bursar denials, bursar explain
#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/denials.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

struct DenialOptions {
  std::string organization;
  std::string member;
  std::string reason;
  std::string start;
  std::string end;
  Paging paging;
};

struct ExplainOptions {
  std::string organization;
  int64_t sequence = 0;
  std::string admission;
  std::string denial;
  std::string member;
  std::string at;
  std::string surface;
  std::string model;
};

absl::StatusOr<ExitStatus> RunDenials(Session& session, const DenialOptions& options) {
  v1::ListDenialsRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  if (!options.reason.empty()) {
    const auto reason = ParseWord<v1::DenialReason>(options.reason, "--reason");
    if (!reason.ok()) return reason.status();
    request.set_reason(*reason);
  }
  if (!options.start.empty()) {
    const absl::StatusOr<absl::Time> start = ParseInstant(options.start, "--start");
    if (!start.ok()) return start.status();
    *request.mutable_start_time() = ToProto(*start);
  }
  if (!options.end.empty()) {
    const absl::StatusOr<absl::Time> end = ParseInstant(options.end, "--end");
    if (!end.ok()) return end.status();
    *request.mutable_end_time() = ToProto(*end);
  }
  const auto reply = CallPaged(session, &Admin::ListDenials, request, options.paging);
  return Show(session, reply, [&](const v1::ListDenialsResponse& list) {
    Table table({{"FIRST"},
                 {"LAST"},
                 {"TIMES", Align::kRight},
                 {"MEMBER"},
                 {"SURFACE"},
                 {"MODEL"},
                 {"REASON"},
                 {"WHOSE"},
                 {"ENTRY", Align::kRight},
                 {"DENIAL"}});
    for (const v1::DeniedCheck& one : list.denials()) {
      table.Add({FormatTimeField(one, "first_time"), FormatTimeField(one, "last_time"),
                 FormatCount(one.count()), one.member_id(), one.surface(), one.model(),
                 Spaced(Word(one.denial().reason())),
                 ScopeInWords(one.denial().scope(), one.denial().scope_id()),
                 absl::StrCat(one.revision()), one.denial_id()});
    }
    session.out() << (table.empty() ? "No denials are remembered.\n" : table.Text());
    TellOfFurtherPages(session, list.next_page_token());
  });
}

absl::StatusOr<v1::ExplainDecisionRequest> MakeRequest(Session& session,
                                                       const ExplainOptions& options) {
  v1::ExplainDecisionRequest request;
  request.set_organization_id(options.organization);
  const int ways = (options.sequence != 0) + !options.admission.empty() + !options.denial.empty() +
                   !options.member.empty();
  if (ways != 1 || options.member.empty() != options.at.empty()) {
    return UsageError(
        "Say what to explain: an ENTRY of the journal, --admission ID, --denial ID, or --member M "
        "with --at INSTANT.");
  }
  if (options.sequence != 0) request.set_sequence(options.sequence);
  if (!options.admission.empty()) request.set_admission_id(options.admission);
  if (!options.denial.empty()) request.set_denial_id(options.denial);
  if (options.member.empty()) return request;
  const absl::StatusOr<absl::Time> at =
      ReadMoment(session, options.organization, options.at, absl::Now());
  if (!at.ok()) return at.status();
  v1::MomentOfMember* moment = request.mutable_moment();
  moment->set_member_id(options.member);
  moment->set_surface(options.surface);
  moment->set_model(options.model);
  *moment->mutable_time() = ToProto(*at);
  return request;
}

void PrintExplanation(const v1::ExplainDecisionResponse& reply, std::ostream& out) {
  out << "The " << Word(reply.kind());
  if (reply.sequence() != 0) out << " of entry " << reply.sequence();
  out << " of " << reply.member_id() << ", decided on revision " << reply.revision() << " at "
      << FormatTimeField(reply, "decide_time") << "\n\n";
  Table table({{"RULE"}, {"WHAT IT SAID"}});
  for (const v1::ExplainedStep& step : reply.steps()) table.Add({step.rule(), step.text()});
  out << table.Text();
  if (!reply.draws().empty()) out << "\nSo: " << DrawsInWords(reply.draws()) << "\n";
  if (reply.decision() == v1::DECISION_ADMITTED) out << "\nSo: ADMITTED\n";
  if (reply.has_denial()) {
    out << "\n";
    PrintDenial(reply.denial(), out);
  }
  if (!reply.reproduced()) {
    out << "\nDeciding again does not give the same outcome: what it was decided on is not all "
           "known any more.\n";
  }
}

absl::StatusOr<ExitStatus> RunExplain(Session& session, const ExplainOptions& options) {
  // The journal is read from its beginning.
  session.set_default_deadline(absl::Minutes(5));
  const absl::StatusOr<v1::ExplainDecisionRequest> request = MakeRequest(session, options);
  if (!request.ok()) return request.status();
  return Show(session, session.Call(&Admin::ExplainDecision, *request),
              [&](const auto& reply) { PrintExplanation(reply, session.out()); });
}

}  // namespace

absl::StatusOr<absl::Time> ReadMoment(Session& session, const std::string& organization_id,
                                      const std::string& text, absl::Time now) {
  if (text.size() != 5 || text[2] != ':') return ParseInstant(text, "--at");
  // A time of day: the last one before now, as clocks in the organization's zone show it.
  v1::GetOrganizationRequest request;
  request.set_organization_id(organization_id);
  const auto reply = session.Call(&Admin::GetOrganization, request);
  if (!reply.ok()) return reply.status();
  absl::TimeZone zone = absl::UTCTimeZone();
  const std::string& name = reply->organization().time_zone();
  if (!absl::LoadTimeZone(name, &zone)) {
    return UsageError(absl::StrCat("--at ", text, ": this machine does not know the zone ", name,
                                   "; give an instant with its date."));
  }
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  for (const absl::CivilDay day : {today, today - 1}) {
    absl::Time instant;
    std::string error;
    const std::string full = absl::StrCat(absl::FormatCivilTime(day), "T", text);
    if (!absl::ParseTime("%Y-%m-%dT%H:%M", full, zone, &instant, &error)) {
      return UsageError(absl::StrCat("--at ", text, " is no time of day and no instant."));
    }
    if (instant <= now) return instant;
  }
  return UsageError("--at is in the future.");
}

void AddDenialCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "denials", "Checks that were denied lately: list");
  const auto list = AddCommand(*group, "list", "List them, newest first", action, &RunDenials);
  DenialOptions* options = list.options.get();
  list.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  list.app->add_option("--member", options->member, "Of this member only");
  list.app->add_option("--reason", options->reason,
                       "For this reason only, for example member_limit_reached");
  list.app->add_option("--start", options->start, "From then on")->type_name("INSTANT");
  list.app->add_option("--end", options->end, "Before then")->type_name("INSTANT");
  AddPagingOptions(list.app, &options->paging);

  const auto explain =
      AddCommand(root, "explain", "Why a charge, hold or denial came out as it did, rule by rule",
                 action, &RunExplain);
  ExplainOptions* asked = explain.options.get();
  explain.app->add_option("organization", asked->organization, "The organization")
      ->required()
      ->type_name("ORG");
  explain.app->add_option("entry", asked->sequence, "The journal entry of a charge or placed hold")
      ->transform(WholeNumber())
      ->type_name("ENTRY");
  explain.app->add_option("--admission", asked->admission, "The hold of this admission");
  explain.app->add_option("--denial", asked->denial, "This denied check (bursar denials list)");
  explain.app->add_option("--member", asked->member, "What a check of this member would have said");
  explain.app->add_option("--at", asked->at, "When: an instant, or the last 02:40")
      ->type_name("INSTANT");
  explain.app->add_option("--surface", asked->surface, "With --member: from where");
  explain.app->add_option("--model", asked->model, "With --member: for which model");
}

}  // namespace bursar::cli
