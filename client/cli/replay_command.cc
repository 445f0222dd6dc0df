// bursar replay: recorded traffic through admission and recording.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/replay_engine.h"
#include "client/cli/replay_report.h"
#include "client/cli/replay_state.h"
#include "client/lib/request_id.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

constexpr int64_t kMostMembers = 100'000;
constexpr int64_t kMembersPerCall = 1000;
constexpr int kMostInFlight = 4096;
constexpr int kMostConnections = 64;
// What the server accepts as `occurred_at` (rule T2).
constexpr absl::Duration kOldestUsage = absl::Hours(35 * 24);
constexpr absl::Duration kNewestUsage = absl::Minutes(5);

struct ReplayOptions {
  std::vector<std::string> traces;
  ReplaySubject subject;
  std::vector<std::string> seats;
  std::string columns;
  std::string shift_to;
  int64_t limit = 0;
  int connections = 1;
  bool no_check = false;
  bool holds = false;
  std::string acknowledged_file;
  ReplayPace pace;
};

// Appends lines to a file as they come, so that they are there when this program is killed.
class LineFile {
 public:
  ~LineFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  absl::Status Open(const std::string& path) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
      return UsageError(absl::StrCat("Cannot write ", path, ": ", std::strerror(errno), "."));
    }
    return absl::OkStatus();
  }
  void Append(const std::string& line) {
    const std::string text = line + "\n";
    // A line that is not written only means that less is claimed.
    if (::write(descriptor_, text.data(), text.size()) < 0) failed_ = true;
  }
  bool failed() const { return failed_; }

 private:
  int descriptor_ = -1;
  bool failed_ = false;
};

absl::StatusOr<std::vector<Trace>> ReadTraces(const ReplayOptions& options) {
  const absl::StatusOr<TraceColumns> columns = ParseTraceColumns(options.columns);
  if (!columns.ok()) return columns.status();
  std::vector<Trace> traces;
  for (const std::string& path : options.traces) {
    absl::StatusOr<Trace> trace = ReadTrace(path, *columns);
    if (!trace.ok()) return trace.status();
    traces.push_back(*std::move(trace));
  }
  return traces;
}

// The instant to which each trace's last row is moved.
absl::StatusOr<std::vector<absl::Time>> FixEnds(Session& session, const ReplayOptions& options,
                                                const std::vector<Trace>& traces) {
  std::vector<absl::Time> ends;
  if (!options.shift_to.empty()) {
    const absl::StatusOr<absl::Time> end = ParseInstant(options.shift_to, "--shift-to");
    if (!end.ok()) return end.status();
    ends.assign(traces.size(), *end);
    return ends;
  }
  v1::GetOrganizationRequest request;
  request.set_organization_id(options.subject.organization);
  const auto found = session.Call(&Admin::GetOrganization, request);
  if (!found.ok()) return found.status();
  const absl::StatusOr<std::string> folder =
      StateFolder([&](const std::string& name) { return session.Environ(name); });
  if (!folder.ok()) return folder.status();
  for (const Trace& trace : traces) {
    const ReplayKey key{
        trace.name, trace.content_id, options.subject.organization,
        absl::StrCat(absl::ToUnixNanos(FromProto(found->organization().create_time())))};
    const absl::StatusOr<absl::Time> end = FixReplayEnd(*folder, key, absl::Now());
    if (!end.ok()) return end.status();
    if (absl::Now() - *end + absl::Nanoseconds(trace.last_unix_nanos - trace.first_unix_nanos) >
        kOldestUsage) {
      return absl::FailedPreconditionError(absl::StrCat(
          trace.name, " was first replayed on ", FormatInstant(*end),
          ", and usage older than 35 days is no longer taken. To replay it as new usage, remove ",
          ReplayStateFile(*folder, key), " (everything is then charged anew)."));
    }
    ends.push_back(*end);
  }
  return ends;
}

// Sees to it that the members are there, with seats dealt out in turn where seats are named.
absl::Status MakeMembers(Session& session, const ReplayOptions& options) {
  const int64_t count = options.subject.member_count;
  for (int64_t first = 0; first < count; first += kMembersPerCall) {
    v1::BatchUpsertMembersRequest request;
    request.set_organization_id(options.subject.organization);
    request.set_request_id(MakeRequestId());
    for (int64_t i = first; i < std::min(count, first + kMembersPerCall); ++i) {
      v1::Member* member = request.add_members();
      member->set_member_id(ReplayMemberId(i, count));
      member->set_email(member->member_id() + "@example.com");
      if (!options.seats.empty()) {
        member->set_seat_tier(options.seats[static_cast<size_t>(i) % options.seats.size()]);
      }
    }
    const auto reply = session.Call(&Admin::BatchUpsertMembers, request);
    if (!reply.ok()) return reply.status();
  }
  return absl::OkStatus();
}

absl::Status CheckReplayOptions(const ReplayOptions& options) {
  if (options.pace.recorded_pace && options.pace.rows_per_second > 0) {
    return UsageError("Give --rate or --recorded-pace, not both.");
  }
  if (options.pace.phases && options.no_check) {
    return UsageError("--phases needs checks; leave out --no-check.");
  }
  if (options.holds && (options.pace.phases || options.no_check)) {
    return UsageError("--holds settles each row's own hold; leave out --phases and --no-check.");
  }
  return absl::OkStatus();
}

absl::Status ReplayAll(Session& session, const ReplayOptions& options,
                       const std::vector<Trace>& traces, const std::vector<absl::Time>& ends,
                       ReplayTally* tally) {
  std::vector<std::shared_ptr<const Connection>> connections;
  for (int i = 0; i < options.connections; ++i) {
    auto connection = session.ConnectAgain(i);
    if (!connection.ok()) return connection.status();
    connections.push_back(*std::move(connection));
  }
  LineFile acknowledged;
  std::function<void(const std::string&)> acknowledge;
  if (!options.acknowledged_file.empty()) {
    const absl::Status opened = acknowledged.Open(options.acknowledged_file);
    if (!opened.ok()) return opened;
    acknowledge = [&](const std::string& id) { acknowledged.Append(id); };
  }
  ReplayPace pace = options.pace;
  pace.check = !options.no_check;
  ProgressLine progress(session.err(), ::isatty(STDERR_FILENO) != 0);
  for (size_t i = 0; i < traces.size(); ++i) {
    ReplaySubject subject = options.subject;
    if (options.holds) subject.hold_run = MakeRequestId();
    const ReplayRequests requests(traces[i], subject, ends[i]);
    const auto rows = static_cast<int64_t>(traces[i].rows.size());
    ReplayEngine engine(connections, requests,
                        options.limit > 0 ? std::min(options.limit, rows) : rows, pace, acknowledge,
                        tally, &progress);
    const absl::Status status = engine.Run();
    if (!status.ok()) {
      session.err() << traces[i].name
                    << (options.holds
                            ? ": stopped. With --holds the same command is new usage: what "
                              "was recorded stays charged.\n"
                            : ": stopped. The same command goes on where it was.\n");
      return status;
    }
  }
  if (acknowledged.failed()) {
    session.err() << "Not every acknowledged id could be written to " << options.acknowledged_file
                  << ".\n";
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> RunReplay(Session& session, const ReplayOptions& options) {
  const absl::Status checked = CheckReplayOptions(options);
  if (!checked.ok()) return checked;
  const absl::StatusOr<std::vector<Trace>> traces = ReadTraces(options);
  if (!traces.ok()) return traces.status();
  const absl::StatusOr<std::vector<absl::Time>> ends = FixEnds(session, options, *traces);
  if (!ends.ok()) return ends.status();
  if (ends->front() > absl::Now() + kNewestUsage) {
    return UsageError("--shift-to lies more than five minutes in the future.");
  }
  const absl::Status members = MakeMembers(session, options);
  if (!members.ok()) return members;
  ReplayTally tally;
  const absl::Status status = ReplayAll(session, options, *traces, *ends, &tally);
  // What was done is worth telling also where it ended early.
  if (session.json()) {
    if (status.ok()) PrintReplaySummaryAsJson(tally, session.out());
  } else if (tally.row_count > 0) {
    PrintReplaySummary(tally, session.out());
  }
  if (!status.ok()) return status;
  return ExitStatus::kDone;
}

void AddPaceOptions(CLI::App* app, ReplayOptions* options) {
  app->add_option("--in-flight", options->pace.in_flight, "Calls in flight (default 64)")
      ->check(CLI::Range(1, kMostInFlight));
  app->add_option("--connections", options->connections, "TCP connections (default 1)")
      ->check(CLI::Range(1, kMostConnections));
  app->add_option("--rate", options->pace.rows_per_second, "Begin at most so many rows a second")
      ->check(CLI::Range(0.001, 1e9));
  app->add_flag("--recorded-pace", options->pace.recorded_pace,
                "Begin rows at the distance in which they were recorded");
  app->add_flag("--phases", options->pace.phases,
                "All checks first, then all records, to see the rate of each");
  app->add_flag("--no-check", options->no_check, "Record without asking");
  app->add_flag("--holds", options->holds,
                "Hold an estimate for each row and settle it; every run is new usage");
  app->add_flag("--record-denied", options->pace.record_denied, "Record denied rows as well");
  app->add_option("--acknowledged", options->acknowledged_file,
                  "Append the id of each record that the server acknowledged")
      ->type_name("FILE");
}

}  // namespace

void AddReplayCommand(CLI::App& root, Action* action) {
  const auto replay = AddCommand(
      root, "replay", "Drive recorded traffic (CSV or JSON lines) through check and record", action,
      &RunReplay);
  CLI::App* app = replay.app;
  ReplayOptions* options = replay.options.get();
  app->add_option("trace", options->traces, "Traces; one after the other")
      ->required()
      ->type_name("TRACE");
  app->add_option("--org", options->subject.organization, "The organization")->required();
  app->add_option("--members", options->subject.member_count,
                  "Spread over so many members, who are created as needed")
      ->required()
      ->check(CLI::Range(int64_t{1}, kMostMembers));
  app->add_option("--surface", options->subject.surface, "Frontend, for example chat")->required();
  app->add_option("--model", options->subject.model, "Model of every request")->required();
  app->add_option("--provider", options->subject.provider, "The model's provider");
  app->add_option("--seats", options->seats,
                  "Seat tiers dealt out in turn: standard,premium (default: the plan's default)")
      ->delimiter(',');
  app->add_option("--seed", options->subject.seed, "Of the spread over members (default 1)")
      ->transform(WholeNumber());
  app->add_option("--columns", options->columns,
                  "time=NAME,input=NAME,output=NAME (and cache_read, cache_write_5m, "
                  "cache_write_1h); default TIMESTAMP, ContextTokens, GeneratedTokens")
      ->type_name("WHAT=NAME,…");
  app->add_option("--shift-to", options->shift_to,
                  "The instant of the last row (default: that of the first run, remembered)")
      ->type_name("INSTANT");
  app->add_option("--limit", options->limit, "Only so many rows of each trace")
      ->transform(WholeNumber());
  AddPaceOptions(app, options);
  app->footer(
      "Running the same command again repeats the very same requests: nothing is charged twice. "
      "With --holds every run is new usage and is charged anew.");
}

}  // namespace bursar::cli
