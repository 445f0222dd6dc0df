#include "client/cli/command_line.h"

#include <algorithm>

#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/further_commands.h"

#ifndef BURSAR_VERSION
#define BURSAR_VERSION "unknown"
#endif

namespace bursar::cli {
namespace {

constexpr char kFooter[] =
    "Shared options may stand before or after the command. Environment: BURSAR_SERVER,\n"
    "BURSAR_TOKEN, BURSAR_TLS=1 (as --tls), BURSAR_TLS_CA=FILE (as --tls-ca),\n"
    "BURSAR_CLIENT_CERT and BURSAR_CLIENT_KEY. Exit status: 0 ok, 2 usage, 3 denied, 4 refused or\n"
    "failed.\n"
    "A first try: bursar org create acme --plan team && bursar wallet acme";

void AddGlobalOptions(CLI::App& root, GlobalOptions* options) {
  root.add_option("--server", options->server, "Host and port, or unix:PATH")
      ->capture_default_str()
      ->type_name("ADDRESS");
  root.add_option("--token-file", options->token_file, "File with the token; - reads stdin")
      ->type_name("FILE");
  root.add_option("--as", options->actor, "The member for whom you act")->type_name("MEMBER");
  root.add_option("--output", options->output_format, "table for people, json for programs")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
  root.add_flag("--tls", options->use_tls, "Speak TLS, trusting the system's certificates");
  root.add_option("--tls-ca", options->tls_ca_file, "Speak TLS, trusting this PEM file")
      ->type_name("FILE");
  root.add_option("--client-cert", options->client_certificate_file,
                  "Show this certificate (PEM) instead of a token; with --client-key")
      ->type_name("FILE");
  root.add_option("--client-key", options->client_key_file, "Its private key, PEM")
      ->type_name("FILE");
  root.add_option("--timeout", options->timeout_seconds,
                  "Give up after so many seconds (default 5)")
      ->check(CLI::Range(0.001, 86400.0).description(""))
      ->type_name("SECONDS");
}

void AddCommands(CLI::App& root, Action* action) {
  AddOrganizationCommands(root, action);
  AddMemberCommands(root, action);
  AddMoneyCommands(root, action);
  AddLimitCommands(root, action);
  AddRequestCommands(root, action);
  AddHoldCommands(root, action);
  AddIncreaseCommands(root, action);
  AddReportCommands(root, action);
  AddUsageCommand(root, action);
  AddStatementCommands(root, action);
  AddJournalCommands(root, action);
  AddDeliveryCommands(root, action);
  AddWatchCommand(root, action);
  AddWhyCommand(root, action);
  AddDenialCommands(root, action);
  AddCatalogCommands(root, action);
  AddReplayCommand(root, action);
  AddOperatorCommands(root, action);
  AddBackupCommands(root, action);
  AddTopCommand(root, action);
  AddCompletionCommand(root, action);
}

// The innermost command that was named.
const CLI::App* Innermost(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return app;
}

// "org create" for the innermost command, to be put behind "bursar".
std::string PathOf(const CLI::App& root) {
  std::string path;
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().back();
    path += " " + app->get_name();
  }
  return path;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(one->get_name());
  }
  return names;
}

std::vector<std::string> OptionNames(const CLI::App& root, const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : {&root, &app}) {
    for (const CLI::Option* option : one->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// Says in plain words what is wrong with what was typed.
std::string InWords(const CLI::ParseError& error, const CLI::App& root) {
  const CLI::App& app = *Innermost(root);
  const std::vector<std::string> left = root.remaining(true);
  const auto suggest = [](const std::string& word, const std::vector<std::string>& candidates) {
    const std::string near = Nearest(word, candidates);
    return near.empty() ? std::string() : " Did you mean " + near + "?";
  };
  for (const std::string& word : left) {
    if (word.size() > 1 && word[0] == '-') {
      const std::string name = word.substr(0, word.find('='));
      return "There is no option " + name + " here." + suggest(name, OptionNames(root, app));
    }
  }
  const std::vector<std::string> commands = CommandNames(app);
  if (!commands.empty()) {
    if (left.empty()) return "Which command?";
    return "There is no command \"" + left[0] + "\" here." + suggest(left[0], commands);
  }
  if (!left.empty()) return "\"" + left[0] + "\" is one argument too many.";
  std::string text = error.what();
  if (error.get_name() == "RequiredError") {
    const std::string behind = " is required";
    const size_t end = text.find(behind);
    if (end != std::string::npos) text = "Missing: " + text.substr(0, end);
  } else if (error.get_name() == "ArgumentMismatch") {
    text = text.substr(0, text.find(':')) + " needs a value";
  }
  if (app.get_name() == "record" && text.find("--output") == 0) {
    text +=
        " (inside `record`, --output is the number of generated tokens; put --output json "
        "before `record`)";
  }
  return text.back() == '.' || text.back() == '?' ? text : text + ".";
}

// How many single characters must be put in, left out or exchanged to turn one word into the other.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t exchanged = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, exchanged});
    }
  }
  return row[b.size()];
}

// Takes what the environment says of the shared options; flags come after and win. False: a
// variable makes no sense, which has been said.
bool TakeEnvironment(const Environment& environment, GlobalOptions* options, std::ostream& err) {
  const auto given = [&](const char* name) { return environment(name).value_or(""); };
  if (const std::string server = given("BURSAR_SERVER"); !server.empty()) options->server = server;
  options->tls_ca_file = given("BURSAR_TLS_CA");
  options->client_certificate_file = given("BURSAR_CLIENT_CERT");
  options->client_key_file = given("BURSAR_CLIENT_KEY");
  const std::string tls = given("BURSAR_TLS");
  options->use_tls = tls == "1" || tls == "true";
  if (options->use_tls || tls.empty() || tls == "0" || tls == "false") return true;
  err << "bursar: BURSAR_TLS is 1 or 0, not \"" << tls << "\".\n";
  return false;
}

}  // namespace

std::string Nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string nearest;
  size_t least = word.size() / 3 + 2;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

ExitStatus RunCommandLine(const std::vector<std::string>& arguments, const Environment& environment,
                          std::ostream& out, std::ostream& err, Sleep sleep) {
  GlobalOptions options;
  if (!TakeEnvironment(environment, &options, err)) return ExitStatus::kUsage;
  Action action;
  CLI::App root("The wallet of an organization that uses AI assistants: ask, record, explain.",
                "bursar");
  root.fallthrough();
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string("bursar ") + BURSAR_VERSION);
  root.footer(kFooter);
  AddGlobalOptions(root, &options);
  AddCommands(root, &action);

  // CLI11 takes arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    root.parse(std::move(reversed));
  } catch (const CLI::Success& success) {
    return root.exit(success, out, err) == 0 ? ExitStatus::kDone : ExitStatus::kUsage;
  } catch (const CLI::ParseError& error) {
    err << "bursar: " << InWords(error, root) << "\n"
        << "See `bursar" << PathOf(root) << " --help`.\n";
    return ExitStatus::kUsage;
  }
  Session session(options, environment, out, err, std::move(sleep));
  const absl::StatusOr<ExitStatus> status = action(session);
  out.flush();
  if (status.ok()) return *status;
  PrintError(status.status(), options, err);
  return IsUsageError(status.status()) ? ExitStatus::kUsage : ExitStatus::kFailed;
}

}  // namespace bursar::cli
