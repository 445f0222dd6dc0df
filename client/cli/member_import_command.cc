// bursar members import
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bursar/v1/admin_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/further_commands.h"
#include "client/cli/member_import.h"
#include "client/cli/progress.h"
#include "client/cli/table.h"
#include "client/cli/trace.h"
#include "client/lib/request_id.h"

namespace bursar::cli {
namespace {

using Admin = v1::AdminService::Stub;

// As many as the server takes in one call.
constexpr size_t kBatchSize = 1'000;
// Refused lines beyond these are counted, not listed, in the table.
constexpr size_t kMaxRefusedShown = 50;

struct MemberImportOptions {
  std::string organization;
  std::string file;
  std::string request_id;
  bool dry_run = false;
};

// What became of the rows.
struct ImportTally {
  int64_t rows = 0;
  int64_t created = 0;
  int64_t changed = 0;
  int64_t unchanged = 0;
  int64_t refused = 0;
  int64_t repeated = 0;              // Of those above: by an earlier call with the request id.
  std::vector<RowProblem> problems;  // A row may have several.
};

// Sends rows in batches. A batch is one commit or none: rows that the server refuses by themselves
// are left out and the others sent again; a refusal of the batch as a whole refuses all its rows.
class MemberImport {
 public:
  MemberImport(Session& session, const MemberImportOptions& options, ProgressLine* progress,
               ImportTally* tally)
      : session_(session), options_(options), progress_(*progress), tally_(*tally) {}

  // Ends early with an error that is not about the rows.
  absl::Status Send(const std::vector<MemberRow>& rows) {
    for (size_t begin = 0; begin < rows.size(); begin += kBatchSize) {
      std::vector<const MemberRow*> batch;
      for (size_t i = begin; i < std::min(begin + kBatchSize, rows.size()); ++i) {
        batch.push_back(&rows[i]);
      }
      const size_t batch_size = batch.size();
      if (absl::Status status = SendBatch(std::move(batch)); !status.ok()) return status;
      done_ += static_cast<int64_t>(batch_size);
      progress_.Draw(absl::Now(), "members", done_, tally_.rows,
                     absl::StrCat(FormatCount(done_), " of ", FormatCount(tally_.rows)));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status SendBatch(std::vector<const MemberRow*> batch) {
    while (!batch.empty()) {
      v1::BatchUpsertMembersRequest request;
      request.set_organization_id(options_.organization);
      for (const MemberRow* row : batch) *request.add_members() = row->member;
      // The same rows are the same request within this run; a later one looks at them anew.
      request.set_request_id(absl::StrCat(
          "import-", ContentId(absl::StrCat(run_id_, "\n", request.SerializeAsString()))));
      const auto reply = session_.Call(&Admin::BatchUpsertMembers, request);
      if (reply.ok()) {
        if (reply->replayed()) tally_.repeated += static_cast<int64_t>(batch.size());
        tally_.created += reply->created_count();
        tally_.changed += reply->updated_count();
        tally_.unchanged +=
            static_cast<int64_t>(batch.size()) - reply->created_count() - reply->updated_count();
        return absl::OkStatus();
      }
      const absl::Status& status = reply.status();
      const std::vector<BatchViolation> violations = ViolationsOf(status, batch.size());
      if (absl::IsInvalidArgument(status) && !violations.empty()) {
        batch = WithoutRefused(batch, violations);
      } else if (absl::IsFailedPrecondition(status)) {
        RefuseAll(batch, std::string(status.message()));
        return absl::OkStatus();
      } else {
        return status;
      }
    }
    return absl::OkStatus();
  }

  std::vector<const MemberRow*> WithoutRefused(const std::vector<const MemberRow*>& batch,
                                               const std::vector<BatchViolation>& violations) {
    std::set<size_t> refused;
    for (const BatchViolation& one : violations) {
      const MemberRow& row = *batch[one.index];
      refused.insert(one.index);
      tally_.problems.push_back({row.line, one.column, row.member.member_id(), one.problem});
    }
    tally_.refused += static_cast<int64_t>(refused.size());
    std::vector<const MemberRow*> kept;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (!refused.contains(i)) kept.push_back(batch[i]);
    }
    return kept;
  }

  void RefuseAll(const std::vector<const MemberRow*>& batch, const std::string& why) {
    tally_.refused += static_cast<int64_t>(batch.size());
    for (const MemberRow* row : batch) {
      tally_.problems.push_back({row->line, "", row->member.member_id(), why});
    }
  }

  Session& session_;
  const MemberImportOptions& options_;
  ProgressLine& progress_;
  ImportTally& tally_;
  int64_t done_ = 0;
  const std::string run_id_ = options_.request_id.empty() ? MakeRequestId() : options_.request_id;
};

void PrintTally(const ImportTally& tally, std::ostream& out) {
  Table counts({{"CREATED", Align::kRight},
                {"CHANGED", Align::kRight},
                {"UNCHANGED", Align::kRight},
                {"REFUSED", Align::kRight}});
  counts.Add({FormatCount(tally.created), FormatCount(tally.changed), FormatCount(tally.unchanged),
              FormatCount(tally.refused)});
  out << counts.Text();
  if (tally.repeated != 0) {
    out << "Of these, " << FormatCount(tally.repeated)
        << " were sent before with this --request-id: that reply again, nothing was done now.\n";
  }
  if (tally.problems.empty()) return;
  Table refused({{"LINE", Align::kRight}, {"MEMBER"}, {"COLUMN"}, {"REFUSED BECAUSE"}});
  const size_t shown = std::min(tally.problems.size(), kMaxRefusedShown);
  for (size_t i = 0; i < shown; ++i) {
    const RowProblem& one = tally.problems[i];
    refused.Add({absl::StrCat(one.line), one.member_id, one.column.empty() ? "-" : one.column,
                 one.problem});
  }
  out << "\n" << refused.Text();
  if (shown < tally.problems.size()) {
    out << "and " << FormatCount(static_cast<int64_t>(tally.problems.size() - shown))
        << " more (--output json lists all)\n";
  }
}

void PrintTallyAsJson(const ImportTally& tally, bool dry_run, bool complete, std::ostream& out) {
  nlohmann::ordered_json document;
  document["rows"] = tally.rows;
  document["dryRun"] = dry_run;
  document["complete"] = complete;
  document["created"] = tally.created;
  document["changed"] = tally.changed;
  document["unchanged"] = tally.unchanged;
  document["refused"] = tally.refused;
  document["repeated"] = tally.repeated;
  document["problems"] = nlohmann::ordered_json::array();
  for (const RowProblem& one : tally.problems) {
    document["problems"].push_back({{"line", one.line},
                                    {"memberId", one.member_id},
                                    {"column", one.column},
                                    {"problem", one.problem}});
  }
  out << document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

absl::StatusOr<ExitStatus> RunImport(Session& session, const MemberImportOptions& options) {
  session.set_default_deadline(absl::Minutes(1));
  const absl::StatusOr<std::string> content = ReadInputFile(options.file);
  if (!content.ok()) return content.status();
  const absl::StatusOr<std::vector<MemberRow>> rows = ParseMemberFile(options.file, *content);
  if (!rows.ok()) return rows.status();
  ImportTally tally;
  tally.rows = static_cast<int64_t>(rows->size());
  absl::Status status;
  if (!options.dry_run) {
    ProgressLine progress(session.err(), !session.json() && ::isatty(STDERR_FILENO) != 0);
    status = MemberImport(session, options, &progress, &tally).Send(*rows);
  }
  if (session.json()) {
    PrintTallyAsJson(tally, options.dry_run, status.ok(), session.out());
  } else if (options.dry_run) {
    session.out() << "The file is good; nothing was sent: " << FormatCount(tally.rows)
                  << " members.\n";
  } else {
    PrintTally(tally, session.out());
  }
  if (!status.ok()) {
    if (!session.json()) {
      session.err() << "bursar: stopped before the end; the same command goes on from there.\n";
    }
    return status;
  }
  return tally.refused == 0 ? ExitStatus::kDone : ExitStatus::kFailed;
}

}  // namespace

void AddMemberImportCommand(CLI::App& members, Action* action) {
  const auto import =
      AddCommand(members, "import", "Add and change members from a CSV file", action, &RunImport);
  MemberImportOptions* options = import.options.get();
  import.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  import.app
      ->add_option("file", options->file,
                   "Columns member_id, email, display_name, role, seat_tier, status, time_zone; - "
                   "reads the standard input")
      ->required()
      ->type_name("FILE");
  import.app->add_flag("--dry-run", options->dry_run, "Check the file only; send nothing");
  import.app->add_option("--request-id", options->request_id,
                         "Tells this import from an earlier one of the same file, which would "
                         "otherwise count as repeated for 36 days");
}

}  // namespace bursar::cli
