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
#include "client/lib/error.h"
#include "client/lib/money.h"
#include "client/lib/retry.h"

namespace bursar::cli {
namespace {

struct WatchOptions {
  std::string organization;
  std::optional<int64_t> from;
  int64_t message_count = 0;
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
  if (!entry.summary().empty()) words.push_back(entry.summary());
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
  words.push_back("included " + FormatMoney(summary.included_month_to_date()));
  words.push_back("extra " + FormatMoney(summary.month_to_date()));
  if (summary.exhausted_episode_open()) words.push_back("pool exhausted");
  out << "-- " << absl::StrJoin(words, ", ") << std::endl;
}

// One watch until it ends. Every message moves the request behind what it brought.
absl::Status WatchOnce(Session& session, const Connection& connection, int64_t* messages_left,
                       v1::WatchWalletRequest* request, bool* any) {
  v1::QuotaService::Stub stub(connection.channel());
  grpc::ClientContext context;
  const double timeout = session.options().timeout_seconds;
  connection.Prepare(&context,
                     timeout > 0 ? absl::Now() + absl::Seconds(timeout) : absl::InfiniteFuture());
  const auto reader = stub.WatchWallet(&context, *request);
  v1::WatchWalletResponse news;
  *any = false;
  while (reader->Read(&news)) {
    *any = true;
    request->set_from_revision(news.position().revision());
    request->set_epoch(news.position().epoch());
    if (session.json()) {
      if (absl::Status status = PrintJsonLine(session, news); !status.ok()) return status;
    } else {
      PrintNews(news, session.out());
    }
    if (*messages_left > 0 && --*messages_left == 0) {
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
  int64_t messages_left = options.message_count;
  absl::Duration backoff = (*connection)->options().initial_backoff;
  for (int failures = 0;;) {
    bool any = false;
    const absl::Status status = WatchOnce(session, **connection, &messages_left, &request, &any);
    if (status.ok()) return ExitStatus::kDone;
    failures = any ? 1 : failures + 1;
    if (any) backoff = (*connection)->options().initial_backoff;
    if (!IsWorthResuming(status, !request.epoch().empty()) ||
        failures >= (*connection)->options().max_attempts) {
      return status;
    }
    session.err() << "bursar: the watch ended (" << status.message() << "); resuming\n";
    (*connection)->options().sleep(backoff);
    backoff = std::min(2 * backoff, (*connection)->options().max_backoff);
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
      ->add_option("--count", options->message_count, "End after so many messages (default: never)")
      ->transform(WholeNumber())
      ->type_name("N");
}

}  // namespace bursar::cli
