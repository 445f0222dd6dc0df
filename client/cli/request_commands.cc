// bursar check, bursar record
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/lib/money.h"

namespace bursar::cli {
namespace {

using Quota = v1::QuotaService::Stub;

// The choices of --mode.
constexpr char kModes[] = "check, hold, hold_up_to_available";

// Quantities as typed; empty means: not given.
struct UsageOptions {
  int64_t input = 0;
  int64_t output = 0;
  int64_t cache_read = 0;
  int64_t cache_write_5m = 0;
  int64_t cache_write_1h = 0;
  int64_t web_searches = 0;
  std::vector<std::string> meters;
  std::string service_tier;
  std::string region;
};

// What check and record have in common.
struct RequestOptions {
  std::string organization;
  std::string member;
  std::string surface;
  std::string provider;
  std::string model;
  std::string session;
  std::vector<std::string> labels;
  std::string request_id;
};

struct CheckOptions {
  RequestOptions request;
  UsageOptions estimate;
  std::string estimate_cost;
  std::string mode;
  std::string hold_ttl;
  bool validate_only = false;
  bool full = false;
};

struct RecordOptions {
  RequestOptions request;
  UsageOptions usage;
  std::string cost;
  std::string admission;
  bool partial = false;
  std::string occurred_at;
};

// Splits "name=value".
absl::StatusOr<std::pair<std::string, std::string>> SplitPair(const std::string& text,
                                                              const std::string& what) {
  const size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0) {
    return UsageError(absl::StrCat(what, ": \"", text, "\" is not of the form NAME=VALUE."));
  }
  return std::make_pair(text.substr(0, sign), text.substr(sign + 1));
}

// Fills what both requests call by the same names.
template <class Request>
absl::Status FillRequest(const RequestOptions& options, Request* request) {
  request->set_organization_id(options.organization);
  request->set_member_id(options.member);
  request->set_surface(options.surface);
  request->set_provider(options.provider);
  request->set_model(options.model);
  request->set_parent_session_id(options.session);
  for (const std::string& label : options.labels) {
    const auto pair = SplitPair(label, "--label");
    if (!pair.ok()) return pair.status();
    (*request->mutable_labels())[pair->first] = pair->second;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Usage> MakeUsage(const UsageOptions& options) {
  v1::Usage usage;
  usage.set_input_tokens(options.input);
  usage.set_output_tokens(options.output);
  usage.set_cache_read_tokens(options.cache_read);
  usage.set_cache_write_5m_tokens(options.cache_write_5m);
  usage.set_cache_write_1h_tokens(options.cache_write_1h);
  usage.set_web_searches(options.web_searches);
  usage.set_service_tier(options.service_tier);
  usage.set_region(options.region);
  for (const std::string& meter : options.meters) {
    const auto pair = SplitPair(meter, "--meter");
    if (!pair.ok()) return pair.status();
    std::string quantity = pair->second;
    if (const std::string error = WholeNumber()(quantity); !error.empty()) {
      return UsageError(absl::StrCat("--meter: ", error, "."));
    }
    v1::MeterQuantity* other = usage.add_other_meters();
    other->set_name(pair->first);
    other->set_quantity(std::stoll(quantity));
  }
  return usage;
}

absl::Status FillEstimate(const CheckOptions& options, v1::CheckAdmissionRequest* request) {
  const absl::StatusOr<v1::Usage> usage = MakeUsage(options.estimate);
  if (!usage.ok()) return usage.status();
  const bool has_usage = usage->ByteSizeLong() > 0;
  if (has_usage && !options.estimate_cost.empty()) {
    return UsageError("Give the estimate as usage or as --estimate-cost, not both.");
  }
  if (has_usage) *request->mutable_estimate()->mutable_usage() = *usage;
  if (!options.estimate_cost.empty()) {
    const absl::StatusOr<v1::Money> cost = ParseAmount(options.estimate_cost, "--estimate-cost");
    if (!cost.ok()) return cost.status();
    *request->mutable_estimate()->mutable_cost() = *cost;
  }
  return absl::OkStatus();
}

void PrintCheck(const v1::CheckAdmissionResponse& reply, std::ostream& out) {
  const bool admitted = reply.decision() == v1::DECISION_ADMITTED;
  out << (admitted ? "ADMITTED" : "DENIED");
  if (reply.bucket() != v1::BUCKET_UNSPECIFIED) {
    out << (admitted ? ", drawing from " : ", ") << Word(reply.bucket()) << " usage";
  }
  out << "\n";
  if (reply.has_hold()) {
    out << "Held: " << FormatMoney(reply.hold().amount()) << " as " << reply.admission_id()
        << " until " << FormatTimeField(reply.hold(), "expire_time") << "\n";
  }
  if (reply.has_denial()) {
    out << "\n";
    PrintDenial(reply.denial(), out);
  }
  for (const v1::Warning& warning : reply.warnings()) out << "Note: " << warning.message() << "\n";
  if (!reply.evaluations().empty()) {
    out << (reply.has_hold() ? "\nAs the check met it, before the hold:\n" : "\n");
  }
  PrintEvaluations(reply.evaluations(), out);
}

// A mode in any case: "check", "hold", "hold_up_to_available", or the name of the enum's value.
absl::StatusOr<v1::AdmissionMode> ParseMode(const std::string& text) {
  static constexpr absl::string_view kPrefix = "admission_mode_";
  std::string word = absl::AsciiStrToLower(text);
  if (absl::StartsWith(word, kPrefix)) word = word.substr(kPrefix.size());
  std::replace(word.begin(), word.end(), '-', '_');
  if (word == "check" || word == "check_only") return v1::ADMISSION_MODE_CHECK_ONLY;
  if (word == "hold") return v1::ADMISSION_MODE_HOLD;
  if (word == "hold_up_to_available") return v1::ADMISSION_MODE_HOLD_UP_TO_AVAILABLE;
  return UsageError(absl::StrCat("--mode: \"", text, "\" is none of ", kModes, "."));
}

absl::StatusOr<ExitStatus> RunCheck(Session& session, const CheckOptions& options) {
  v1::CheckAdmissionRequest request;
  const absl::Status filled = FillRequest(options.request, &request);
  if (!filled.ok()) return filled;
  const absl::Status estimated = FillEstimate(options, &request);
  if (!estimated.ok()) return estimated;
  if (!options.mode.empty()) {
    const absl::StatusOr<v1::AdmissionMode> mode = ParseMode(options.mode);
    if (!mode.ok()) return mode.status();
    request.set_mode(*mode);
  }
  const bool holds = request.mode() == v1::ADMISSION_MODE_HOLD ||
                     request.mode() == v1::ADMISSION_MODE_HOLD_UP_TO_AVAILABLE;
  request.set_request_id(holds ? session.RequestId(options.request.request_id)
                               : options.request.request_id);
  if (!options.hold_ttl.empty()) {
    const absl::StatusOr<absl::Duration> ttl = ParseSpan(options.hold_ttl, "--hold-ttl");
    if (!ttl.ok()) return ttl.status();
    *request.mutable_hold_ttl() = ToProto(*ttl);
  }
  request.set_validate_only(options.validate_only);
  if (options.full) request.set_view(v1::ADMISSION_VIEW_FULL);
  const auto reply = session.Call(&Quota::CheckAdmission, request);
  const absl::StatusOr<ExitStatus> shown =
      Show(session, reply, [&](const auto& check) { PrintCheck(check, session.out()); });
  if (!shown.ok()) return shown;
  return reply->decision() == v1::DECISION_ADMITTED ? ExitStatus::kDone : ExitStatus::kDenied;
}

void PrintReceipt(const v1::RecordConsumptionResponse& reply, std::ostream& out) {
  Table table({{""}, {""}});
  table.Add({"cost", FormatMoney(reply.cost())});
  if (!reply.draws().empty()) table.Add({"drawn from", DrawsInWords(reply.draws())});
  if (NanosOf(reply.overshoot()) != 0) {
    table.Add({"overshoot",
               absl::StrCat(FormatMoney(reply.overshoot()), ", ", Word(reply.overshoot_kind()))});
  }
  if (!reply.price_card().empty()) table.Add({"price card", reply.price_card()});
  table.Add({"journal entry", FormatCount(reply.sequence())});
  if (reply.admission_status() != v1::ADMISSION_STATUS_UNSPECIFIED) {
    table.Add({"admission", reply.has_hold() ? "used in part; its hold stays open"
                                             : AdmissionInWords(reply.admission_status())});
  }
  if (reply.has_hold()) {
    table.Add({"still held", absl::StrCat(FormatMoney(reply.hold().amount()), " until ",
                                          FormatTimeField(reply.hold(), "expire_time"))});
  }
  out << (reply.replayed() ? "Recorded before; the first receipt again:\n" : "Recorded.\n");
  out << table.Text(2);
  if (reply.price_fallback()) out << "Note: no price is known for it; the fallback was charged.\n";
  if (const std::string note = UnadmittedNote(reply); !note.empty())
    out << "Note: " << note << "\n";
  if (reply.unseated()) out << "Note: the member has no seat; nothing was included.\n";
}

absl::StatusOr<ExitStatus> RunRecord(Session& session, const RecordOptions& options) {
  v1::RecordConsumptionRequest request;
  const absl::Status filled = FillRequest(options.request, &request);
  if (!filled.ok()) return filled;
  const absl::StatusOr<v1::Usage> usage = MakeUsage(options.usage);
  if (!usage.ok()) return usage.status();
  if (options.cost.empty()) {
    *request.mutable_usage() = *usage;
  } else {
    if (usage->ByteSizeLong() > 0) return UsageError("Give usage or --cost, not both.");
    const absl::StatusOr<v1::Money> cost = ParseAmount(options.cost, "--cost");
    if (!cost.ok()) return cost.status();
    *request.mutable_cost() = *cost;
  }
  request.set_admission_id(options.admission);
  request.set_partial(options.partial);
  if (!options.occurred_at.empty()) {
    const absl::StatusOr<absl::Time> time = ParseInstant(options.occurred_at, "--occurred-at");
    if (!time.ok()) return time.status();
    *request.mutable_occurred_at() = ToProto(*time);
  }
  request.set_request_id(session.RequestId(options.request.request_id));
  return Show(session, session.Call(&Quota::RecordConsumption, request),
              [&](const auto& reply) { PrintReceipt(reply, session.out()); });
}

void AddRequestOptions(CLI::App* app, RequestOptions* options) {
  app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  app->add_option("member", options->member, "The member")->required()->type_name("MEMBER");
  app->add_option("--surface", options->surface, "Frontend, for example chat (default api)");
  app->add_option("--provider", options->provider, "For example anthropic");
  app->add_option("--model", options->model, "For example claude-sonnet-4-6");
  app->add_option("--session", options->session, "The longer session it belongs to");
  app->add_option("--label", options->labels, "Free label NAME=VALUE; repeatable")
      ->type_name("NAME=VALUE");
  app->add_option("--request-id", options->request_id, "Names this call for retries");
}

// `prefix` is "--" for what was used and "--estimate-" for what is expected.
void AddUsageOptions(CLI::App* app, const std::string& prefix, UsageOptions* options) {
  const auto count = [&](const char* name, int64_t* value, const char* description) {
    app->add_option(prefix + name, *value, description)->transform(WholeNumber())->type_name("N");
  };
  count("input", &options->input, "Prompt tokens outside any cache");
  count("output", &options->output, "Generated tokens");
  count("cache-read", &options->cache_read, "Prompt tokens read from a cache");
  count("cache-write-5m", &options->cache_write_5m, "Prompt tokens cached for five minutes");
  count("cache-write-1h", &options->cache_write_1h, "Prompt tokens cached for one hour");
  count("web-searches", &options->web_searches, "Web searches");
  app->add_option(prefix + "meter", options->meters, "A further meter NAME=QUANTITY; repeatable")
      ->type_name("NAME=N");
  app->add_option("--service-tier", options->service_tier, "For example batch");
  app->add_option("--region", options->region, "Region of inference, for example us");
}

}  // namespace

void AddRequestCommands(CLI::App& root, Action* action) {
  const auto check = AddCommand(
      root, "check", "Ask whether a request may run; exit status 3 when denied", action, &RunCheck);
  CheckOptions* asked = check.options.get();
  AddRequestOptions(check.app, &asked->request);
  AddUsageOptions(check.app, "--estimate-", &asked->estimate);
  check.app->add_option("--estimate-cost", asked->estimate_cost, "The estimate as money")
      ->type_name("AMOUNT");
  check.app->add_option("--mode", asked->mode,
                        absl::StrCat("What is promised: ", kModes, " (default check)"));
  check.app->add_option("--hold-ttl", asked->hold_ttl, "How long a hold lives, for example 10m");
  check.app->add_flag("--validate-only", asked->validate_only, "No hold, no notice");
  check.app->add_flag("--full", asked->full, "Every evaluation, also when admitted");

  const auto record =
      AddCommand(root, "record", "Record usage that happened; exactly once", action, &RunRecord);
  RecordOptions* used = record.options.get();
  AddRequestOptions(record.app, &used->request);
  AddUsageOptions(record.app, "--", &used->usage);
  record.app->add_option("--cost", used->cost, "A cost already known, instead of usage")
      ->type_name("AMOUNT");
  record.app->add_option("--admission", used->admission, "The admission that this settles");
  record.app->add_flag("--partial", used->partial, "Keep the admission's hold open for more");
  record.app->add_option("--occurred-at", used->occurred_at, "When it happened (default now)")
      ->type_name("INSTANT");
  record.app->footer(
      "Here --output is the number of generated tokens; for JSON put --output json before "
      "`record`.");
}

}  // namespace bursar::cli
