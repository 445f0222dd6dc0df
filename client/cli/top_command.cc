// bursar top
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/further_commands.h"
#include "client/cli/terminal.h"
#include "client/cli/top_feed.h"
#include "client/cli/top_view.h"

namespace bursar::cli {
namespace {

constexpr absl::Duration kLeastInterval = absl::Milliseconds(100);
// The screen is drawn at least this often, and rows that could not be told in time are taken up.
constexpr absl::Duration kRedraw = absl::Seconds(1);
// Without a screen that bounds them.
constexpr size_t kTallScreen = 1'000;

struct TopOptions {
  std::vector<std::string> organizations;
  std::string interval = "2s";
  std::string watches = "16";
  bool once = false;
};

std::string ShortWords(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", std::string(status.message()));
}

void Put(const TopNews& news, TopView* view) {
  if (news.has_organizations) view->SetOrganizations(news.organizations);
  for (const v1::GetWalletResponse& wallet : news.wallets) view->SetWallet(wallet);
  for (const auto& [id, status] : news.problems) view->SetProblem(id, ShortWords(status));
  for (const auto& [id, entry] : news.entries) view->AddEntry(id, entry);
  view->SetWatched(news.watched);
  view->SetNote(news.status.ok() ? "" : ShortWords(news.status));
}

// The screen, until somebody wants to leave it.
absl::Status RunOnScreen(Terminal& terminal, TopFeed& feed, size_t watches) {
  TopView view;
  while (true) {
    Put(feed.Take(), &view);
    size_t width = 0, height = 0;
    terminal.Size(&width, &height);
    terminal.Draw(view.Frame(width, height));
    feed.Watch(view.Shown(height, watches));
    switch (terminal.Wait(kRedraw)) {
      case TerminalEvent::kQuit:
        return absl::OkStatus();
      case TerminalEvent::kSort:
        view.SortByNext();
        break;
      case TerminalEvent::kUp:
        view.Select(-1);
        break;
      case TerminalEvent::kDown:
        view.Select(1);
        break;
      case TerminalEvent::kEnter:
        view.ToggleDetails();
        break;
      case TerminalEvent::kEscape:
        view.CloseDetails();
        break;
      case TerminalEvent::kNone:
      case TerminalEvent::kResized:
      case TerminalEvent::kWoken:
        break;
    }
  }
}

// Waits for the next reading of everything. False: a signal asked to end.
bool WaitForRound(TopFeed& feed, SignalWait& wait, int64_t* rounds, TopNews* news) {
  while (true) {
    TopNews more = feed.Take();
    news->entries.insert(news->entries.end(), more.entries.begin(), more.entries.end());
    more.entries = std::move(news->entries);
    // A reading's own results may have come in parts.
    more.wallets.insert(more.wallets.begin(), news->wallets.begin(), news->wallets.end());
    more.problems.insert(more.problems.begin(), news->problems.begin(), news->problems.end());
    if (!more.has_organizations && news->has_organizations) {
      more.has_organizations = true;
      more.organizations = std::move(news->organizations);
    }
    *news = std::move(more);
    if (news->rounds > *rounds || !news->entries.empty()) {
      *rounds = news->rounds;
      return true;
    }
    if (wait.Ended(kRedraw)) return false;
  }
}

// Lines of JSON for programs, or one frame of text.
absl::Status RunWithoutScreen(Session& session, TopFeed& feed, SignalWait& wait,
                              const TopOptions& options, size_t watches) {
  TopView view;
  int64_t rounds = 0;
  while (true) {
    const int64_t before = rounds;
    TopNews news;
    if (!WaitForRound(feed, wait, &rounds, &news)) return absl::OkStatus();
    if (options.once && rounds == before) continue;
    Put(news, &view);
    if (session.json()) {
      for (const auto& [id, entry] : news.entries) session.out() << EntryAsJsonLine(id, entry);
      if (rounds > before && news.status.ok()) session.out() << view.JsonLines();
      session.out().flush();
    } else {
      session.out() << (news.status.ok() ? view.Text() : "");
    }
    // One frame that could not be read is an error; a stream of them goes on as the server does.
    if (options.once) return news.status;
    if (absl::IsPermissionDenied(news.status) || absl::IsUnauthenticated(news.status)) {
      return news.status;
    }
    feed.Watch(view.Shown(kTallScreen, watches));
  }
}

absl::StatusOr<ExitStatus> RunTop(Session& session, const TopOptions& options) {
  const absl::StatusOr<absl::Duration> interval = ParseSpan(options.interval, "--interval");
  if (!interval.ok()) return interval.status();
  if (*interval < kLeastInterval) return UsageError("--interval is at least 100ms.");
  const auto connection = session.Connect();
  if (!connection.ok()) return connection.status();
  const size_t watches = static_cast<size_t>(std::stoul(options.watches));
  absl::Status status;
  if (options.once || session.json()) {
    SignalWait wait;
    TopFeed feed(*connection, options.organizations, *interval, [&wait] { wait.Wake(); });
    status = RunWithoutScreen(session, feed, wait, options, watches);
  } else {
    const absl::StatusOr<std::unique_ptr<Terminal>> terminal = Terminal::Open();
    if (!terminal.ok()) {
      return UsageError(
          "There is no terminal to draw on; --once prints one frame, --output json "
          "lines for programs.");
    }
    Terminal& screen = **terminal;
    TopFeed feed(*connection, options.organizations, *interval, [&screen] { screen.Wake(); });
    status = RunOnScreen(screen, feed, watches);
  }
  if (!status.ok() && absl::IsPermissionDenied(status) && options.organizations.empty()) {
    session.err() << "bursar: name the organizations that you may see: bursar top ORG …\n";
  }
  if (!status.ok()) return status;
  return ExitStatus::kDone;
}

}  // namespace

void AddTopCommand(CLI::App& root, Action* action) {
  const auto top = AddCommand(
      root, "top", "Every wallet on one screen, as it changes: spend, burn, balance, who is out",
      action, &RunTop);
  TopOptions* options = top.options.get();
  top.app
      ->add_option("organizations", options->organizations,
                   "These organizations (default: all that you may list)")
      ->type_name("ORG");
  top.app->add_flag("--once", options->once, "Print one frame as text and end");
  top.app
      ->add_option("--interval", options->interval,
                   "How often wallets are read, watched ones also when they change")
      ->capture_default_str()
      ->type_name("DURATION");
  top.app
      ->add_option("--watches", options->watches,
                   "Watch at most so many organizations, of those on screen")
      ->capture_default_str()
      ->transform(WholeNumber())
      ->type_name("N");
  top.app->footer("Keys: q quit, s sort by the next column, up and down select, enter details.");
}

}  // namespace bursar::cli
