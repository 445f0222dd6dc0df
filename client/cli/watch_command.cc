// bursar watch
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "bursar/v1/quota_service.grpc.pb.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/lib/error.h"
#include "client/lib/money.h"
#include "client/lib/retry.h"

namespace bursar::cli {
namespace {

struct WatchOptions {
  std::string organization;
  std::optional<int64_t> from;
  int64_t entry_count = 0;
};

// How a watch goes on.
struct WatchProgress {
  int64_t entries_left = 0;  // Zero: without end.
  bool counts = false;       // Whether it ends after so many entries.
  bool any = false;          // The present watch brought a message.
};

// A message as one line, so that programs read line by line.
absl::Status PrintJsonLine(Session& session, const v1::WatchWalletResponse& news) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(news, &text).ok()) {
    return absl::InternalError("A message cannot be written as JSON.");
  }
  session.out() << text << std::endl;
  return absl::OkStatus();
}

void PrintEntry(const v1::JournalEntry& entry, std::ostream& out) {
  std::vector<std::string> words = {absl::StrCat(entry.sequence()),
                                    FormatTimeField(entry, "record_time"),
                                    Spaced(Word(entry.kind()))};
  if (!entry.member_id().empty()) words.push_back(entry.member_id());
  if (entry.has_amount()) words.push_back(FormatMoney(entry.amount()));
  if (std::string text = EntryInWords(entry); !text.empty()) words.push_back(std::move(text));
  out << absl::StrJoin(words, "  ") << "\n";
}

void PrintNews(const v1::WatchWalletResponse& news, std::ostream& out) {
  for (const v1::JournalEntry& entry : news.entries()) PrintEntry(entry, out);
  if (!news.has_summary()) return;
  const v1::WalletSummary& summary = news.summary();
  std::vector<std::string> words = {absl::StrCat("revision ", news.position().revision())};
  if (summary.has_balance()) words.push_back("balance " + FormatMoney(summary.balance()));
  if (NanosOf(summary.overdraft()) != 0) {
    words.push_back("overdraft " + FormatMoney(summary.overdraft()));
  }
  if (NanosOf(summary.held()) != 0) words.push_back("held " + FormatMoney(summary.held()));
  if (NanosOf(summary.held_included()) != 0) {
    words.push_back("held included " + FormatMoney(summary.held_included()));
  }
  words.push_back("included " + FormatMoney(summary.included_month_to_date()));
  words.push_back("extra " + FormatMoney(summary.month_to_date()));
  if (summary.exhausted_episode_open()) words.push_back("pool exhausted");
  out << "-- " << absl::StrJoin(words, ", ") << std::endl;
}

// Takes the message's entries off the count, and those beyond it off the message. Whether that was
// all.
bool CountEntries(WatchProgress& progress, v1::WatchWalletResponse* news) {
  if (!progress.counts) return false;
  const int64_t entries = news->entries_size();
  if (entries > progress.entries_left) {
    const int kept = static_cast<int>(progress.entries_left);
    news->mutable_entries()->DeleteSubrange(kept, news->entries_size() - kept);
    news->mutable_position()->set_revision(news->entries(kept - 1).sequence());
    news->clear_summary();
    news->clear_next_change_time();
  }
  progress.entries_left -= std::min(entries, progress.entries_left);
  return progress.entries_left == 0;
}

// One watch until it ends. Every message moves the request behind what it brought.
absl::Status WatchOnce(Session& session, const Connection& connection, WatchProgress& progress,
                       v1::WatchWalletRequest* request) {
  v1::QuotaService::Stub stub(connection.channel());
  grpc::ClientContext context;
  const double timeout = session.options().timeout_seconds;
  connection.Prepare(&context,
                     timeout > 0 ? absl::Now() + absl::Seconds(timeout) : absl::InfiniteFuture());
  const auto reader = stub.WatchWallet(&context, *request);
  v1::WatchWalletResponse news;
  progress.any = false;
  while (reader->Read(&news)) {
    progress.any = true;
    const bool is_last = CountEntries(progress, &news);
    request->set_from_revision(news.position().revision());
    request->set_epoch(news.position().epoch());
    if (session.json()) {
      if (absl::Status status = PrintJsonLine(session, news); !status.ok()) return status;
    } else {
      PrintNews(news, session.out());
    }
    if (is_last) {
      context.TryCancel();
      while (reader->Read(&news)) {
      }
      static_cast<void>(reader->Finish());  // Ours: cancelled.
      return absl::OkStatus();
    }
  }
  return StatusFromGrpc(reader->Finish());
}

// A server that restarts, and one that dropped us, are worth another watch from where we stand.
bool IsWorthResuming(const absl::Status& status, bool has_position) {
  return IsTransient(status) || (has_position && absl::IsCancelled(status));
}

absl::StatusOr<ExitStatus> RunWatch(Session& session, const WatchOptions& options) {
  const auto connection = session.Connect();
  if (!connection.ok()) return connection.status();
  v1::WatchWalletRequest request;
  request.set_organization_id(options.organization);
  if (options.from.has_value()) request.set_from_revision(*options.from);
  WatchProgress progress{options.entry_count, options.entry_count > 0, false};
  const ConnectionOptions& patience = (*connection)->options();
  absl::Duration backoff = patience.initial_backoff;
  bool is_told = false;
  for (int failures = 0;;) {
    const absl::Status status = WatchOnce(session, **connection, progress, &request);
    if (status.ok()) return ExitStatus::kDone;
    if (progress.any) {
      failures = 0;
      backoff = patience.initial_backoff;
      is_told = false;
    }
    const bool has_begun = !request.epoch().empty();
    // A watch that has begun goes on for as long as somebody wants it; one that never did is told
    // what is wrong.
    if (!IsWorthResuming(status, has_begun) ||
        (!has_begun && ++failures >= patience.max_attempts)) {
      return status;
    }
    if (!is_told) {
      session.err() << "bursar: the watch ended (" << status.message()
                    << "); resuming, until interrupted\n";
    }
    is_told = true;
    patience.sleep(backoff);
    backoff = std::min(2 * backoff, patience.max_backoff);
  }
}

}  // namespace

void AddWatchCommand(CLI::App& root, Action* action) {
  const auto watch = AddCommand(
      root, "watch", "What happens in a wallet, as it becomes durable, until interrupted", action,
      &RunWatch);
  WatchOptions* options = watch.options.get();
  watch.app->add_option("organization", options->organization, "The organization")
      ->required()
      ->type_name("ORG");
  watch.app
      ->add_option("--from", options->from,
                   "Begin behind this revision; 0 is the whole journal (default: what comes next)")
      ->transform(WholeNumber())
      ->type_name("REVISION");
  watch.app
      ->add_option("--count", options->entry_count, "End after so many entries (default: never)")
      ->transform(WholeNumber())
      ->type_name("N");
}

}  // namespace bursar::cli
