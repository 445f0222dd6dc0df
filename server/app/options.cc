#include "server/app/options.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/app/setting_checks.h"
#include "server/app/version.h"

extern char** environ;

namespace bursar {
namespace {

constexpr char kVariablePrefix[] = "BURSAR_";

constexpr absl::Duration kMaxClockAhead = absl::Hours(24 * 365 * 10);

// Variables that belong to the command line tool and to the tests, not to the server.
const std::set<std::string>& ForeignVariables() {
  static const auto* const names = new std::set<std::string>{
      "BURSAR_CLIENT_CERT", "BURSAR_CLIENT_KEY", "BURSAR_SERVER", "BURSAR_TEST_SEED",
      "BURSAR_TLS",         "BURSAR_TLS_CA",     "BURSAR_TOKEN"};
  return *names;
}

// What CLI11 fills in; checked and turned into Options afterwards.
struct RawSettings {
  std::vector<std::string> listen;
  std::string http_listen;
  std::string store = "rocksdb";
  std::string drain_timeout = "20s";
  std::string wallet_memory = "512MiB";
  std::string clock_ahead = "0s";
  std::string log_format = "text";
  bool check_config = false;
  RawDeliveryOptions delivery;
  RawEdgeOptions edge;
  Options options;
};

// Who may call, and how callers show it.
void DefineCredentialSettings(CLI::App* app, Options* options) {
  app->add_option("--tls-cert", options->tls_certificate_file, "Certificate chain, PEM");
  app->add_option("--tls-key", options->tls_key_file, "Private key, PEM");
  app->add_option("--operator-token-file", options->operator_token_file,
                  "File with the operator's token, at least 24 characters");
  app->add_option("--client-ca", options->client_ca_file,
                  "Authority of callers' certificates, PEM: they may show one instead of a token");
  app->add_option("--client-identities", options->client_identities_file,
                  "Table of identities: which subject alternative name has which role");
  app->add_option("--jwt-issuer", options->jwt_issuer,
                  "Take JSON Web Tokens of this issuer (iss) beside tokens of ours");
  app->add_option("--jwt-audience", options->jwt_audience, "What they must be meant for (aud)");
  app->add_option("--jwt-keys", options->jwt_keys_file,
                  "File with the issuer's public keys (JWKS); read again when it changes");
  app->add_option("--jwt-algorithms", options->jwt_algorithms,
                  "Of RS256, RS384, RS512, ES256, ES384")
      ->delimiter(',')
      ->capture_default_str();
  app->add_flag("--insecure", options->is_insecure,
                "Serve everybody as operator; only where every listener is loopback");
}

// How much there may be of anything at once.
void DefineLimitSettings(CLI::App* app, RawSettings* raw) {
  Options* const options = &raw->options;
  app->add_option("--completion-queues", options->completion_queues,
                  "Queues of the request path, a thread each; more than one pays only with spare "
                  "cores")
      ->capture_default_str();
  app->add_option("--queue-limit", options->queue_limit,
                  "Commands that may wait for durability; beyond it calls are RESOURCE_EXHAUSTED")
      ->capture_default_str();
  app->add_option("--admin-queue-reserve", options->admin_queue_reserve,
                  "Further places in that queue, for administration only")
      ->capture_default_str();
  app->add_option("--max-batch-records", options->max_batch_records,
                  "Records in one batch; a larger one is refused whole")
      ->capture_default_str();
  app->add_option("--max-record-streams", options->max_record_streams,
                  "Streams of records at once; more are RESOURCE_EXHAUSTED")
      ->capture_default_str();
  app->add_option("--stream-records", options->stream_records,
                  "Records of one stream that wait for their acknowledgement; beyond it nothing is "
                  "read")
      ->capture_default_str();
  app->add_option("--max-watches", options->max_watches,
                  "Watches of wallets at once, a thread each; more are RESOURCE_EXHAUSTED")
      ->capture_default_str();
  app->add_option("--watch-max-lag", options->watch_max_lag,
                  "Journal entries that a watcher may fall behind before it is dropped")
      ->capture_default_str();
  app->add_option(
         "--wallet-memory", raw->wallet_memory,
         "What wallets in memory may take, about, such as 2GiB; those not used of late are "
         "put away beyond it, and read again when they are asked for")
      ->capture_default_str();
}

void DefineSettings(CLI::App* app, RawSettings* raw) {
  Options& options = raw->options;
  app->add_option("--listen", raw->listen,
                  "Address for gRPC: HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; repeatable, in "
                  "the variable separated by commas [default: :50051, with --insecure "
                  "127.0.0.1:50051]");
  app->add_option("--http-listen", raw->http_listen,
                  "Address for /metrics, /healthz and /readyz, or \"off\" [default: :8080, with "
                  "--insecure 127.0.0.1:8080]");
  app->add_option("--data", options.data_directory, "Directory of the store; created if missing");
  app->add_option("--backups", options.backup_directory,
                  "Directory for backups (bursar backup create); created if missing");
  app->add_option("--store", raw->store, "Kind of store: rocksdb")->capture_default_str();
  DefineCredentialSettings(app, &options);
  DefineLimitSettings(app, raw);
  app->add_option("--drain-timeout", raw->drain_timeout,
                  "How long running calls may take after a signal to end, such as 20s")
      ->capture_default_str();
  app->add_option("--log-level", options.log_level, "debug, info, warn, error or off")
      ->capture_default_str();
  app->add_option("--log-format", raw->log_format, "text or json")->capture_default_str();
  DefineEdgeSettings(app, &options.edge, &raw->edge);
  DefineDeliverySettings(app, &options.delivery, &raw->delivery);
  app->add_flag("--confirm-clock", options.confirm_clock,
                "Start although the clock is more than a day away from the journal");
  app->add_option(
         "--clock-ahead", raw->clock_ahead,
         "Rehearsal on a copy of the data: serve as if it were so much later, such as 12h; "
         "only with --insecure")
      ->capture_default_str();
  app->add_option("--verify-ledger", options.verify_directory,
                  "Verify the store in that directory, print the report and end: 0 if all is well")
      ->configurable(false);
  app->add_flag("--check-config", raw->check_config, "Check the settings and end")
      ->configurable(false);
}

std::string VariableOf(const std::string& flag) {
  return kVariablePrefix + absl::AsciiStrToUpper(absl::StrReplaceAll(flag.substr(2), {{"-", "_"}}));
}

// "--data" of "--data=x" and "--data".
std::string FlagOf(const std::string& argument) { return argument.substr(0, argument.find('=')); }

// Adds the variables to the arguments as if they had been given as flags, unless the flag was: so
// the environment comes after flags and before the file. Returns what is wrong, or "".
std::string AddVariables(const CLI::App& app, const std::set<std::string>& flags_given,
                         const std::vector<std::pair<std::string, std::string>>& environment,
                         std::vector<std::string>* arguments,
                         std::set<std::string>* flags_from_environment) {
  for (const auto& [name, value] : environment) {
    if (!absl::StartsWith(name, kVariablePrefix) || ForeignVariables().count(name) > 0) continue;
    const CLI::Option* match = nullptr;
    std::string flag;
    for (const CLI::Option* option : app.get_options()) {
      const std::string candidate = absl::StrCat("--", option->get_lnames().front());
      if (VariableOf(candidate) == name && option != app.get_help_ptr()) {
        match = option;
        flag = candidate;
      }
    }
    if (match == nullptr) return absl::StrCat("unknown setting: environment variable ", name);
    if (flags_given.count(flag) > 0) continue;
    flags_from_environment->insert(flag);
    if (flag == "--listen") {
      for (const auto part : absl::StrSplit(value, ',')) {
        arguments->push_back(absl::StrCat(flag, "=", part));
      }
    } else {
      arguments->push_back(absl::StrCat(flag, "=", value));
    }
  }
  return "";
}

// CLI11's messages in our words.
std::string Reword(const CLI::ParseError& error,
                   const std::set<std::string>& flags_from_environment) {
  std::string message = error.what();
  if (const size_t colon = message.rfind(": ");
      dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && colon != std::string::npos) {
    return absl::StrCat("unknown setting: ", message.substr(colon + 2));
  }
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) {
    return absl::StrCat("unknown setting in the config file: ",
                        absl::StrReplaceAll(message, {{"INI was not able to parse ", ""}}));
  }
  if (dynamic_cast<const CLI::FileError*>(&error) != nullptr) {
    return absl::StrCat("cannot read the config file: ", message);
  }
  for (const std::string& flag : flags_from_environment) {
    if (absl::StrContains(message, flag)) {
      absl::StrAppend(&message, " (from the environment variable ", VariableOf(flag), ")");
      break;
    }
  }
  return message;
}

void CheckListeners(RawSettings* raw, std::vector<std::string>* problems) {
  Options& options = raw->options;
  const char* const any = options.is_insecure ? "127.0.0.1" : "[::]";
  if (raw->listen.empty()) raw->listen.push_back(absl::StrCat(any, ":50051"));
  if (raw->http_listen.empty()) raw->http_listen = absl::StrCat(any, ":8080");
  for (const std::string& text : raw->listen) {
    const auto address = ListenAddress::Parse(text);
    if (address.ok()) {
      options.listen.push_back(*address);
    } else {
      problems->push_back(absl::StrCat("--listen: ", address.status().message()));
    }
  }
  if (raw->http_listen != "off") {
    const auto address = ListenAddress::Parse(raw->http_listen);
    if (!address.ok()) {
      problems->push_back(absl::StrCat("--http-listen: ", address.status().message()));
    } else if (address->is_unix()) {
      problems->push_back("--http-listen takes no unix socket");
    } else {
      options.http_listen = *address;
    }
  }
  if (!options.is_insecure) return;
  std::vector<ListenAddress> all = options.listen;
  if (options.http_listen.has_value()) all.push_back(*options.http_listen);
  for (const ListenAddress& address : all) {
    if (address.is_loopback()) continue;
    problems->push_back(
        absl::StrCat("--insecure serves everybody, so it is taken only where every "
                     "listener is loopback; ",
                     address.ToString(), " is not"));
  }
}

void CheckCredentials(const Options& options, std::vector<std::string>* problems) {
  if (options.operator_token_file.empty() && !options.is_insecure) {
    problems->push_back(
        "closed by default: --operator-token-file FILE is required, or --insecure on loopback");
  }
  if (!options.operator_token_file.empty() && options.is_insecure) {
    problems->push_back("--insecure and --operator-token-file exclude each other");
  }
  if (options.client_ca_file.empty() != options.client_identities_file.empty()) {
    problems->push_back("--client-ca and --client-identities go together");
  } else if (!options.client_ca_file.empty() && options.tls_certificate_file.empty()) {
    problems->push_back("--client-ca needs --tls-cert and --tls-key");
  }
  const int jwt_settings = (options.jwt_issuer.empty() ? 0 : 1) +
                           (options.jwt_audience.empty() ? 0 : 1) +
                           (options.jwt_keys_file.empty() ? 0 : 1);
  if (jwt_settings != 0 && jwt_settings != 3) {
    problems->push_back("--jwt-issuer, --jwt-audience and --jwt-keys go together");
  }
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    problems->push_back("--tls-cert and --tls-key go together");
  }
}

void CheckStore(const RawSettings& raw, std::vector<std::string>* problems) {
  if (raw.store == "postgres") {
    problems->push_back("--store postgres is not built yet; rocksdb is the only store");
  } else if (raw.store != "rocksdb") {
    problems->push_back(absl::StrCat("--store must be rocksdb, not \"", raw.store, "\""));
  }
  if (raw.options.data_directory.empty()) {
    problems->push_back("--data DIR is required: where the wallets are kept");
  }
  if (!raw.options.backup_directory.empty() &&
      raw.options.backup_directory == raw.options.data_directory) {
    problems->push_back("--backups must be another directory than --data, best on another disk");
  }
}

void CheckRest(RawSettings* raw, std::vector<std::string>* problems) {
  Options& options = raw->options;
  CheckRange("--completion-queues", options.completion_queues, 1, 64, problems);
  CheckRange("--queue-limit", options.queue_limit, 1, 1'000'000, problems);
  CheckRange("--admin-queue-reserve", options.admin_queue_reserve, 1, 100'000, problems);
  CheckRange("--max-batch-records", options.max_batch_records, 1, 100'000, problems);
  CheckRange("--max-record-streams", options.max_record_streams, 1, 100'000, problems);
  CheckRange("--stream-records", options.stream_records, 1, 100'000, problems);
  CheckRange("--max-watches", options.max_watches, 1, 1000, problems);
  CheckRange("--watch-max-lag", options.watch_max_lag, 1, 1'000'000'000, problems);
  options.wallet_memory_bytes = ParseBytes(raw->wallet_memory).value_or(-1);
  if (options.wallet_memory_bytes < 0) {
    problems->push_back("--wallet-memory must be a number of bytes, such as 512MiB or 2GiB");
  }
  CheckDuration("--drain-timeout", raw->drain_timeout, absl::ZeroDuration(), absl::Hours(1),
                ZeroDuration::kIsOutOfRange, &options.drain_timeout, problems);
  CheckDuration("--clock-ahead", raw->clock_ahead, absl::ZeroDuration(), kMaxClockAhead,
                ZeroDuration::kIsOutOfRange, &options.clock_ahead, problems);
  if (options.clock_ahead > absl::ZeroDuration() && !options.is_insecure) {
    problems->push_back("--clock-ahead is for rehearsals: it is taken only with --insecure");
  }
  const std::set<std::string> levels = {"debug", "info", "warn", "error", "off"};
  if (levels.count(options.log_level) == 0) {
    problems->push_back("--log-level must be debug, info, warn, error or off");
  }
  if (raw->log_format != "text" && raw->log_format != "json") {
    problems->push_back("--log-format must be text or json");
  }
  options.log_format = raw->log_format == "json" ? LogFormat::kJson : LogFormat::kText;
}

ParsedOptions Refuse(const std::vector<std::string>& problems) {
  ParsedOptions parsed;
  parsed.action = Action::kRefuse;
  for (const std::string& problem : problems) {
    absl::StrAppend(&parsed.text, "bursard: ", problem, "\n");
  }
  absl::StrAppend(&parsed.text, "Run 'bursard --help' for all settings.\n");
  return parsed;
}

ParsedOptions Finish(RawSettings raw) {
  ParsedOptions parsed;
  std::vector<std::string> problems;
  if (!raw.options.verify_directory.empty()) {
    parsed.action = Action::kVerify;
    CheckRest(&raw, &problems);
  } else {
    parsed.action = raw.check_config ? Action::kCheckConfig : Action::kServe;
    CheckListeners(&raw, &problems);
    CheckCredentials(raw.options, &problems);
    CheckStore(raw, &problems);
    CheckRest(&raw, &problems);
    CheckDeliverySettings(raw.delivery, &raw.options.delivery, &problems);
    CheckEdgeSettings(raw.edge, &raw.options.edge, &problems);
  }
  if (!problems.empty()) return Refuse(problems);
  parsed.options = std::move(raw.options);
  return parsed;
}

}  // namespace

std::vector<std::string> Options::Warnings() const {
  std::vector<std::string> warnings;
  if (is_insecure) {
    warnings.push_back("--insecure: everybody on this machine is served as operator");
  }
  if (clock_ahead > absl::ZeroDuration()) {
    warnings.push_back(absl::StrCat("--clock-ahead ", absl::FormatDuration(clock_ahead),
                                    ": a rehearsal; what is recorded is dated so much later, and "
                                    "its data cannot be served by the machine's clock afterwards"));
  }
  for (const ListenAddress& address : listen) {
    if (address.is_loopback() || has_tls()) continue;
    warnings.push_back(absl::StrCat("plaintext beyond loopback at ", address.ToString(),
                                    ": tokens travel readable; set --tls-cert and --tls-key, or "
                                    "put a TLS proxy in front"));
  }
  struct stat facts = {};
  if (!operator_token_file.empty() && stat(operator_token_file.c_str(), &facts) == 0 &&
      (facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    warnings.push_back(absl::StrCat("everybody on this machine can read ", operator_token_file,
                                    ", the operator's token: chmod 600 it"));
  }
  return warnings;
}

ParsedOptions ParseOptions(const std::vector<std::string>& arguments,
                           const std::vector<std::pair<std::string, std::string>>& environment) {
  RawSettings raw;
  CLI::App app("bursard: the authoritative usage wallet of an organization.", "bursard");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", absl::StrCat("bursard ", kVersion));
  app.get_option("--version")->configurable(false);
  app.set_config("--config", "", "File with settings, a line each: two-words = value")
      ->configurable(false);
  DefineSettings(&app, &raw);
  app.footer(
      "Every setting is also an environment variable (--two-words is BURSAR_TWO_WORDS) and a line\n"
      "of the config file; a flag beats a variable, a variable beats the file. Unknown settings "
      "are\n"
      "errors. The exit status is 0 after a normal end, 1 after a failure, 2 for bad settings, 3 "
      "over\nthe memory limit, 4 where the server did not answer itself.");

  std::set<std::string> flags_given;
  for (const std::string& argument : arguments) flags_given.insert(FlagOf(argument));
  std::set<std::string> flags_from_environment;
  std::vector<std::string> all = arguments;
  const std::string problem =
      AddVariables(app, flags_given, environment, &all, &flags_from_environment);
  if (!problem.empty()) return Refuse({problem});
  try {
    std::reverse(all.begin(), all.end());  // As CLI11 wants a vector.
    app.parse(all);
  } catch (const CLI::CallForHelp&) {
    return {Action::kShow, {}, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return {Action::kShow, {}, absl::StrCat(version.what(), "\n")};
  } catch (const CLI::ParseError& error) {
    return Refuse({Reword(error, flags_from_environment)});
  }
  return Finish(std::move(raw));
}

std::vector<std::pair<std::string, std::string>> ReadEnvironment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace bursar
