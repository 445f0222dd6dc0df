// bursar journal
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

// Most entries that the server hands over at once; reading everything takes it.
constexpr int32_t kLargestPage = 1000;

struct JournalOptions {
  std::string organization;
  std::string member;
  std::string request_id;
  std::string admission;
  std::string kind;
  std::string start;
  std::string end;
  bool ascending = false;
  Paging paging;
};

absl::StatusOr<v1::ListJournalEntriesRequest> MakeRequest(const JournalOptions& options) {
  v1::ListJournalEntriesRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  request.set_request_id(options.request_id);
  request.set_admission_id(options.admission);
  request.set_ascending(options.ascending);
  request.set_page_token(options.paging.page_token);
  request.set_page_size(options.paging.all && options.paging.page_size == 0
                            ? kLargestPage
                            : options.paging.page_size);
  if (!options.kind.empty()) {
    const auto kind = ParseWord<v1::JournalEntryKind>(options.kind, "--kind");
    if (!kind.ok()) return kind.status();
    request.set_kind(*kind);
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
  return request;
}

void PrintEntries(const v1::ListJournalEntriesResponse& page, std::ostream& out) {
  Table table({{"ENTRY", Align::kRight},
               {"RECORDED"},
               {"KIND"},
               {"WHO"},
               {"MEMBER"},
               {"SURFACE"},
               {"MODEL"},
               {"AMOUNT", Align::kRight},
               {"DETAILS"}});
  for (const v1::JournalEntry& entry : page.entries()) {
    table.Add({absl::StrCat(entry.sequence()), FormatTimeField(entry, "record_time"),
               Spaced(Word(entry.kind())), entry.actor().empty() ? entry.caller() : entry.actor(),
               entry.member_id(), entry.surface(), entry.model(),
               FormatMoneyField(entry, "amount", ""), EntryInWords(entry)});
  }
  out << table.Text();
}

// The entries of all pages as one reply, written page by page: a journal may be larger than memory.
absl::StatusOr<ExitStatus> PrintWholeJournalAsJson(Session& session,
                                                   v1::ListJournalEntriesRequest request) {
  const char* separator = "{\n \"entries\": [\n  ";
  bool any = false;
  do {
    const auto page = session.Call(&Admin::ListJournalEntries, request);
    if (!page.ok()) return page.status();
    for (const v1::JournalEntry& entry : page->entries()) {
      std::string text;
      if (!google::protobuf::util::MessageToJsonString(entry, &text).ok()) {
        return absl::InternalError("An entry cannot be written as JSON.");
      }
      session.out() << separator << text;
      separator = ",\n  ";
      any = true;
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (!any) session.out() << separator;
  session.out() << "\n ]\n}\n";
  return ExitStatus::kDone;
}

absl::StatusOr<ExitStatus> RunJournal(Session& session, const JournalOptions& options) {
  absl::StatusOr<v1::ListJournalEntriesRequest> request = MakeRequest(options);
  if (!request.ok()) return request.status();
  if (options.paging.all && session.json()) {
    return PrintWholeJournalAsJson(session, *std::move(request));
  }
  bool more = false;
  do {
    const auto page = session.Call(&Admin::ListJournalEntries, *request);
    const auto shown =
        Show(session, page, [&](const auto& entries) { PrintEntries(entries, session.out()); });
    if (!shown.ok()) return shown;
    request->set_page_token(page->next_page_token());
    more = !page->next_page_token().empty();
  } while (options.paging.all && more);
  if (!session.json()) TellOfFurtherPages(session, request->page_token());
  return ExitStatus::kDone;
}

}  // namespace

void AddJournalCommands(CLI::App& root, Action* action) {
  const auto journal =
      AddCommand(root, "journal", "The journal, newest first", action, &RunJournal);
  JournalOptions* options = journal.options.get();
  journal.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  journal.app->add_option("--member", options->member, "Only entries about this member");
  journal.app->add_option("--request-id", options->request_id, "Only entries of this request");
  journal.app->add_option("--admission", options->admission,
                          "Only entries of this hold, and charges that name it");
  journal.app->add_option("--kind", options->kind, "Only this kind, for example usage_charged");
  journal.app->add_option("--start", options->start, "Recorded from then on")->type_name("INSTANT");
  journal.app->add_option("--end", options->end, "Recorded before then")->type_name("INSTANT");
  journal.app->add_flag("--ascending", options->ascending, "Oldest first");
  AddPagingOptions(journal.app, &options->paging);
}

}  // namespace bursar::cli
