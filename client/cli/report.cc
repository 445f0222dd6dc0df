#include "client/cli/report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {

void AddHoldPolicy(const v1::Organization& organization, Table* table) {
  if (organization.hold_expiry_policy() != v1::HOLD_EXPIRY_POLICY_UNSPECIFIED) {
    table->Add({"expired holds", organization.hold_expiry_policy() == v1::HOLD_EXPIRY_POLICY_CAPTURE
                                     ? "capture: charged as held"
                                     : "release: free again"});
  }
  if (organization.has_default_hold_ttl()) {
    table->Add({"holds live for", FormatSpan(organization.default_hold_ttl())});
  }
  if (organization.has_max_hold()) {
    table->Add({"largest hold", FormatMoney(organization.max_hold())});
  }
  if (organization.crossing_policy() != v1::CROSSING_POLICY_UNSPECIFIED) {
    table->Add({"into extra usage", organization.crossing_policy() == v1::CROSSING_POLICY_CONFIRM
                                        ? "confirm: once per window"
                                        : "auto: by themselves"});
  }
}

void PrintOrganization(const v1::Organization& organization, std::ostream& out) {
  Table table({{""}, {""}});
  table.Add({"organization", organization.organization_id()});
  table.Add({"name", organization.display_name()});
  table.Add({"plan", organization.plan()});
  table.Add({"status", Word(organization.status())});
  table.Add({"currency", organization.currency_code()});
  table.Add({"time zone", organization.time_zone()});
  table.Add({"billing anchor", FormatTimeField(organization, "billing_anchor")});
  table.Add({"included usage", organization.included_scope() == v1::INCLUDED_SCOPE_ORGANIZATION
                                   ? "one pool"
                                   : "per seat"});
  std::string provisioning = "off";
  if (organization.auto_provision_members()) {
    provisioning = organization.max_seats() == 0
                       ? "on"
                       : "on, up to " + FormatCount(organization.max_seats()) + " seats";
  }
  table.Add({"new members by use", provisioning});
  AddHoldPolicy(organization, &table);
  if (!organization.settings_url().empty()) {
    table.Add({"settings address", organization.settings_url()});
  }
  table.Add({"ask again after", FormatSpan(organization.request_cool_down())});
  table.Add({"payments lost after", FormatSpan(organization.payment_timeout())});
  table.Add({"low balance at", FormatMoney(organization.low_balance_threshold())});
  if (organization.has_pending_time()) {
    table.Add({absl::StrCat("from ", FormatTimeField(organization, "pending_time")),
               absl::StrCat("time zone ", organization.pending_time_zone(), ", billing anchor ",
                            FormatTimeField(organization, "pending_billing_anchor"), ", included ",
                            organization.pending_included_scope() == v1::INCLUDED_SCOPE_ORGANIZATION
                                ? "one pool"
                                : "per seat")});
  }
  table.Add({"created", FormatTimeField(organization, "create_time")});
  table.Add({"etag", organization.etag()});
  out << table.Text();
}

void PrintEvaluations(const google::protobuf::RepeatedPtrField<v1::Evaluation>& evaluations,
                      std::ostream& out) {
  if (evaluations.empty()) return;
  Table table({{""},
               {"WHOSE"},
               {"BUCKET"},
               {"WHAT"},
               {"LIMIT", Align::kRight},
               {"SPENT", Align::kRight},
               {"HELD", Align::kRight},
               {"LEFT", Align::kRight},
               {"STARTS ANEW"}});
  for (const v1::Evaluation& one : evaluations) {
    table.Add({one.blocking() ? "!" : "", ScopeInWords(one.scope(), one.scope_id()),
               Word(one.bucket()), SourceInWords(one), FormatMoneyField(one, "limit", "unlimited"),
               FormatMoneyField(one, "spent", "-"), FormatMoneyField(one, "held", "-"),
               FormatMoneyField(one, "remaining", "unlimited"),
               FormatTimeField(one, "reset_time")});
  }
  out << table.Text();
}

void PrintDenial(const v1::Denial& denial, std::ostream& out) {
  out << denial.message() << "\n";
  if (!denial.explanation().empty()) out << denial.explanation() << "\n";
  out << "\n";
  Table facts({{""}, {""}});
  facts.Add({"reason", absl::StrCat(Spaced(Word(denial.reason())),
                                    denial.held() ? ", by live holds alone" : "")});
  if (denial.scope() != v1::SCOPE_UNSPECIFIED) {
    facts.Add({"whose", ScopeInWords(denial.scope(), denial.scope_id())});
  }
  if (denial.bucket() != v1::BUCKET_UNSPECIFIED) {
    facts.Add({"bucket", Word(denial.bucket())});
  }
  // What is held ends with the requests that hold it, however long that takes.
  const std::string when = FormatTimeField(denial, "reset_time");
  facts.Add({"ends by itself", !denial.has_reset_time() ? denial.held() ? "with them" : "never"
                               : denial.held()          ? absl::StrCat("with them, by ", when)
                                                        : when});
  facts.Add({"retrying helps", denial.retry_helps() ? "yes" : "no"});
  if (!denial.admin_answer().empty()) facts.Add({"an owner says", denial.admin_answer()});
  out << facts.Text();
  if (denial.remedies().empty()) return;
  out << "\nWhat helps:\n";
  Table remedies({{"WAY OUT"}, {"WHO"}, {"COST"}, {"FROM"}, {"HOW"}});
  for (const v1::Remedy& remedy : denial.remedies()) {
    std::string who = remedy.actor() == v1::REMEDY_ACTOR_SELF   ? "you"
                      : remedy.actor() == v1::REMEDY_ACTOR_TIME ? "time"
                                                                : RolesInWords(remedy.roles());
    if (who.empty()) who = "administrator";
    remedies.Add({Spaced(Word(remedy.kind())), who, FormatMoneyField(remedy, "cost", "-"),
                  remedy.has_available_at() ? FormatTimeField(remedy, "available_at") : "now",
                  remedy.description()});
  }
  out << remedies.Text(2);
}

void PrintBlockers(const google::protobuf::RepeatedPtrField<v1::Blocker>& blockers,
                   std::ostream& out) {
  if (blockers.empty()) return;
  out << "\nStill blocked:\n";
  for (const v1::Blocker& blocker : blockers) {
    out << "  " << Spaced(Word(blocker.reason())) << ": " << blocker.message() << "\n";
  }
}

void PrintAutoReload(const v1::AutoReloadStatus& status, std::ostream& out) {
  const v1::AutoReload& settings = status.settings();
  Table facts({{""}, {""}});
  facts.Add({"auto-reload", Spaced(Word(status.state()))});
  facts.Add({"", status.explanation()});
  if (settings.enabled()) {
    facts.Add({"reloads", absl::StrCat(FormatMoney(settings.amount()), " at or below ",
                                       FormatMoney(settings.threshold()))});
    facts.Add({"this month", absl::StrCat(FormatMoney(status.month_to_date()), " of ",
                                          FormatMoney(settings.monthly_cap()))});
    facts.Add({"attempts today",
               absl::StrCat(status.attempts_today(), " of ", settings.max_attempts_a_day())});
    facts.Add({"failures in a row",
               absl::StrCat(status.failures(), "; pauses at ", settings.failures_before_pause())});
  }
  if (status.has_next_attempt_time()) {
    facts.Add({"next attempt", FormatTimeField(status, "next_attempt_time")});
  }
  if (status.has_pending()) {
    facts.Add({"in flight",
               absl::StrCat(status.pending().payment_id(), ", ", Word(status.pending().state()))});
  }
  out << facts.Text();
}

std::string SourceInWords(const v1::Evaluation& evaluation) {
  const bool named = evaluation.period() != v1::LIMIT_PERIOD_UNSPECIFIED &&
                     evaluation.period() != v1::LIMIT_PERIOD_MONTH;
  return Spaced(evaluation.source()) + (named ? " of the " + Word(evaluation.period()) : "");
}

std::string ScopeInWords(v1::Scope scope, const std::string& id) {
  if (scope == v1::SCOPE_UNSPECIFIED) return id;
  const std::string word = Spaced(Word(scope));
  return id.empty() ? word : word + " " + id;
}

std::string RolesInWords(const google::protobuf::RepeatedField<int>& roles) {
  std::vector<std::string> words;
  for (const int role : roles) words.push_back(Spaced(Word(static_cast<v1::MemberRole>(role))));
  return absl::StrJoin(words, ", ");
}

std::string EntryInWords(const v1::JournalEntry& entry) {
  std::vector<std::string> words;
  if (!entry.summary().empty()) words.push_back(entry.summary());
  if (!entry.draws().empty()) words.push_back(DrawsInWords(entry.draws()));
  if (NanosOf(entry.overshoot()) != 0) {
    words.push_back("overshoot " + FormatMoney(entry.overshoot()));
  }
  if (entry.captured()) words.push_back("captured");
  if (entry.reversed_sequence() != 0) {
    words.push_back(absl::StrCat("of entry ", entry.reversed_sequence()));
  }
  if (entry.price_fallback()) words.push_back("fallback price");
  if (entry.unadmitted()) {
    words.push_back(entry.admission_id().empty() ? "unadmitted: a check would have denied"
                                                 : "unadmitted: the admission was not live");
  }
  if (!entry.admission_id().empty()) words.push_back(entry.admission_id());
  for (const v1::FieldChange& change : entry.changes()) {
    words.push_back(absl::StrCat(change.field(), ": ",
                                 change.before().empty() ? "-" : change.before(), " -> ",
                                 change.after().empty() ? "-" : change.after()));
  }
  return absl::StrJoin(words, "; ");
}

std::string AdmissionInWords(v1::AdmissionStatus status) {
  switch (status) {
    case v1::ADMISSION_STATUS_SETTLED:
      return "settled";
    case v1::ADMISSION_STATUS_UNKNOWN:
      return "unknown: no such admission";
    case v1::ADMISSION_STATUS_FINAL:
      return "final: settled or released before";
    case v1::ADMISSION_STATUS_EXPIRED:
      return "expired";
    case v1::ADMISSION_STATUS_FOREIGN:
      return "foreign: another organization's";
    default:
      return Word(status);
  }
}

std::string UnadmittedNote(const v1::RecordConsumptionResponse& receipt) {
  if (!receipt.unadmitted()) return "";
  switch (receipt.admission_status()) {
    case v1::ADMISSION_STATUS_UNKNOWN:
      return "the admission named is not known; charged without one.";
    case v1::ADMISSION_STATUS_FINAL:
      return "the admission named was settled or released before; charged afresh.";
    case v1::ADMISSION_STATUS_EXPIRED:
      return "the admission named had expired; charged afresh.";
    case v1::ADMISSION_STATUS_FOREIGN:
      return "the admission named is another organization's; charged without one.";
    default:
      return "a check at that instant would have denied it.";
  }
}

std::string DrawsInWords(const google::protobuf::RepeatedPtrField<v1::Draw>& draws) {
  std::vector<std::string> words;
  for (const v1::Draw& draw : draws) {
    words.push_back(Word(draw.bucket()) + " " + FormatMoney(draw.amount()));
  }
  return absl::StrJoin(words, ", ");
}

}  // namespace bursar::cli
