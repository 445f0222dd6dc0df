// bursar hold …, bursar confirm, bursar refund
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

struct ListOptions {
  std::string organization;
  std::string member;
  Paging paging;
};

struct HoldOptions {
  std::string organization;
  std::string admission;
  std::string ttl;
  std::string request_id;
};

struct ConfirmOptions {
  std::string organization;
  std::string member;
  std::string request_id;
};

struct RefundOptions {
  std::string organization;
  int64_t sequence = 0;
  std::string amount;
  std::string reason;
  std::string request_id;
};

absl::StatusOr<ExitStatus> RunList(Session& session, const ListOptions& options) {
  v1::ListHoldsRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  const auto reply = CallPaged(session, &Admin::ListHolds, request, options.paging);
  return Show(session, reply, [&](const v1::ListHoldsResponse& list) {
    Table table({{"ADMISSION"},
                 {"MEMBER"},
                 {"SURFACE"},
                 {"MODEL"},
                 {"INCLUDED", Align::kRight},
                 {"EXTRA", Align::kRight},
                 {"PLACED"},
                 {"EXPIRES"},
                 {"SESSION"},
                 {"REQUEST"}});
    for (const v1::OpenHold& hold : list.holds()) {
      table.Add({hold.admission_id(), hold.member_id(), hold.surface(), hold.model(),
                 FormatMoney(hold.included()), FormatMoney(hold.extra()),
                 FormatTimeField(hold, "place_time"), FormatTimeField(hold, "expire_time"),
                 hold.parent_session_id(), hold.request_id()});
    }
    session.out() << (table.empty() ? "No holds are open.\n" : table.Text());
    if (!table.empty()) {
      session.out() << "Held in all: " << FormatMoney(list.held_included()) << " included, "
                    << FormatMoney(list.held_extra()) << " extra or metered.\n";
    }
    TellOfFurtherPages(session, list.next_page_token());
  });
}

// What became of a hold, from the entries about it, oldest first.
std::string FateInWords(const v1::ListJournalEntriesResponse& entries) {
  std::string fate = "ended";
  for (const v1::JournalEntry& entry : entries.entries()) {
    if (entry.hold_sequence() == 0) continue;  // A late charge.
    if (entry.captured()) fate = "captured, " + FormatTimeField(entry, "record_time");
    if (entry.kind() == v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED && !entry.captured()) {
      fate = "settled, " + FormatTimeField(entry, "record_time");
    }
    if (entry.kind() == v1::JOURNAL_ENTRY_KIND_HOLD_ENDED) fate = entry.summary();
  }
  return fate;
}

void PrintHold(const HoldOptions& options, const v1::ListHoldsResponse& open,
               const v1::ListJournalEntriesResponse& entries, std::ostream& out) {
  Table facts({{""}, {""}});
  facts.Add({"admission", options.admission});
  const v1::JournalEntry& placed = entries.entries(0);
  facts.Add({"member", placed.member_id()});
  facts.Add({"surface", placed.surface()});
  if (!placed.model().empty()) facts.Add({"model", placed.model()});
  if (!placed.parent_session_id().empty()) facts.Add({"session", placed.parent_session_id()});
  facts.Add({"request", placed.request_id()});
  facts.Add({"placed", FormatTimeField(placed, "record_time")});
  facts.Add(
      {"reserved", absl::StrCat(FormatMoneyField(placed, "amount", "nothing"),
                                placed.draws().empty() ? "" : ": ", DrawsInWords(placed.draws()))});
  if (open.holds().empty()) {
    facts.Add({"now", FateInWords(entries)});
  } else {
    const v1::OpenHold& hold = open.holds(0);
    facts.Add({"now", absl::StrCat("open until ", FormatTimeField(hold, "expire_time"))});
    facts.Add({"still held", absl::StrCat(FormatMoney(hold.included()), " included, ",
                                          FormatMoney(hold.extra()), " extra or metered")});
  }
  out << facts.Text() << "\n";
  Table journal(
      {{"ENTRY", Align::kRight}, {"RECORDED"}, {"KIND"}, {"AMOUNT", Align::kRight}, {"DETAILS"}});
  for (const v1::JournalEntry& entry : entries.entries()) {
    journal.Add({absl::StrCat(entry.sequence()), FormatTimeField(entry, "record_time"),
                 Spaced(Word(entry.kind())), FormatMoneyField(entry, "amount", ""),
                 EntryInWords(entry)});
  }
  out << journal.Text();
}

// Open or ended: what it holds, and everything that the journal says about it.
absl::StatusOr<ExitStatus> RunShow(Session& session, const HoldOptions& options) {
  v1::ListJournalEntriesRequest request;
  request.set_organization_id(options.organization);
  request.set_admission_id(options.admission);
  request.set_ascending(true);
  Paging all;
  all.all = true;
  const auto entries = CallPaged(session, &Admin::ListJournalEntries, request, all);
  if (!entries.ok()) return entries.status();
  const bool is_placed = !entries->entries().empty() &&
                         entries->entries(0).kind() == v1::JOURNAL_ENTRY_KIND_HOLD_PLACED;
  if (!is_placed) {
    return absl::NotFoundError(
        absl::StrCat("\"", options.admission, "\" names no hold of ", options.organization, "."));
  }
  v1::ListHoldsRequest list;
  list.set_organization_id(options.organization);
  list.set_admission_id(options.admission);
  const auto open = session.Call(&Admin::ListHolds, list);
  if (!open.ok()) return open.status();
  return Show(session, entries,
              [&](const auto& found) { PrintHold(options, *open, found, session.out()); });
}

absl::StatusOr<ExitStatus> RunExtend(Session& session, const HoldOptions& options) {
  v1::ExtendAdmissionRequest request;
  request.set_organization_id(options.organization);
  request.set_admission_id(options.admission);
  request.set_request_id(session.RequestId(options.request_id));
  if (!options.ttl.empty()) {
    const absl::StatusOr<absl::Duration> ttl = ParseSpan(options.ttl, "--hold-ttl");
    if (!ttl.ok()) return ttl.status();
    *request.mutable_hold_ttl() = ToProto(*ttl);
  }
  return Show(session, session.Call(&Quota::ExtendAdmission, request), [&](const auto& reply) {
    session.out() << FormatMoney(reply.hold().amount()) << " held until "
                  << FormatTimeField(reply.hold(), "expire_time") << ".\n";
  });
}

absl::StatusOr<ExitStatus> RunRelease(Session& session, const HoldOptions& options) {
  v1::ReleaseAdmissionRequest request;
  request.set_organization_id(options.organization);
  request.set_admission_id(options.admission);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Quota::ReleaseAdmission, request), [&](const auto& reply) {
    session.out() << "Released: " << FormatMoney(reply.released()) << " is free again.\n";
  });
}

absl::StatusOr<ExitStatus> RunConfirm(Session& session, const ConfirmOptions& options) {
  v1::ConfirmExtraUsageRequest request;
  request.set_organization_id(options.organization);
  request.set_member_id(options.member);
  request.set_request_id(options.request_id);
  return Show(session, session.Call(&Quota::ConfirmExtraUsage, request), [&](const auto& reply) {
    session.out() << options.member << " goes on in extra usage until "
                  << FormatTimeField(reply, "confirmed_until") << ".\n";
  });
}

absl::StatusOr<ExitStatus> RunRefund(Session& session, const RefundOptions& options) {
  v1::ReverseEntryRequest request;
  request.set_organization_id(options.organization);
  request.set_sequence(options.sequence);
  if (!options.amount.empty()) {
    const absl::StatusOr<v1::Money> amount = ParseAmount(options.amount, "--amount");
    if (!amount.ok()) return amount.status();
    *request.mutable_amount() = *amount;
  }
  request.set_reason(options.reason);
  request.set_request_id(session.RequestId(options.request_id));
  return Show(session, session.Call(&Admin::ReverseEntry, request), [&](const auto& reply) {
    Table table({{""}, {""}});
    table.Add({"taken back", DrawsInWords(reply.draws())});
    table.Add({"left of the charge", FormatMoney(reply.left())});
    if (NanosOf(reply.returned_credit()) != 0) {
      table.Add({"credit returned", FormatMoney(reply.returned_credit())});
    }
    table.Add({"journal entry", FormatCount(reply.sequence())});
    session.out() << (reply.replayed() ? "Refunded before; the first answer again:\n"
                                       : "Refunded.\n")
                  << table.Text(2);
  });
}

void AddOrganization(CLI::App* app, std::string* organization) {
  app->add_option("organization", *organization, "The organization")->required()->type_name("ORG");
}

void AddHold(CLI::App* app, HoldOptions* options) {
  AddOrganization(app, &options->organization);
  app->add_option("admission", options->admission, "The admission id, adm_…")
      ->required()
      ->type_name("ADMISSION");
  app->add_option("--request-id", options->request_id, "Names this call for retries");
}

}  // namespace

void AddHoldCommands(CLI::App& root, Action* action) {
  CLI::App* group = AddGroup(root, "hold", "Holds: list, show, extend, release");
  const auto list = AddCommand(*group, "list", "List the open holds", action, &RunList);
  AddOrganization(list.app, &list.options->organization);
  list.app->add_option("--member", list.options->member, "Of this member only");
  AddPagingOptions(list.app, &list.options->paging);
  const auto show =
      AddCommand(*group, "show", "What a hold, open or ended, held and became", action, &RunShow);
  AddOrganization(show.app, &show.options->organization);
  show.app->add_option("admission", show.options->admission, "The admission id, adm_…")
      ->required()
      ->type_name("ADMISSION");
  const auto extend = AddCommand(*group, "extend", "Let a hold live longer", action, &RunExtend);
  AddHold(extend.app, extend.options.get());
  extend.app->add_option("--hold-ttl", extend.options->ttl, "From now on, for example 10m");
  const auto release = AddCommand(*group, "release", "Give a hold back", action, &RunRelease);
  AddHold(release.app, release.options.get());

  const auto confirm = AddCommand(root, "confirm", "Confirm that a member goes on in extra usage",
                                  action, &RunConfirm);
  AddOrganization(confirm.app, &confirm.options->organization);
  confirm.app->add_option("member", confirm.options->member, "The member")
      ->required()
      ->type_name("MEMBER");
  confirm.app->add_option("--request-id", confirm.options->request_id,
                          "Names this call for retries");

  const auto refund =
      AddCommand(root, "refund", "Take a charge back, all or part of it", action, &RunRefund);
  AddOrganization(refund.app, &refund.options->organization);
  refund.app->add_option("entry", refund.options->sequence, "The journal entry of the charge")
      ->required()
      ->transform(WholeNumber())
      ->type_name("ENTRY");
  refund.app->add_option("--amount", refund.options->amount, "How much; all that is left if unset");
  refund.app->add_option("--reason", refund.options->reason, "Why, for the journal");
  refund.app->add_option("--request-id", refund.options->request_id,
                         "Names this refund for retries");
}

}  // namespace bursar::cli
