// The settings: names, precedence, what is refused.
#include "server/app/options.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace bursar {
namespace {

using Arguments = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

// A config file that is removed with the test.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& contents) {
    char name[] = "/tmp/bursar-options-XXXXXX";
    close(mkstemp(name));
    path_ = name;
    std::ofstream(path_) << contents;
  }
  ~ConfigFile() { unlink(path_.c_str()); }
  std::string flag() const { return "--config=" + path_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const Arguments kEnough = {"--data", "/tmp/x", "--operator-token-file", "/nonexistent/t"};

Arguments With(const Arguments& more) {
  Arguments all = kEnough;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Rules: A1
TEST(Options, FlagBeatsVariableBeatsFileBeatsDefault) {
  const ConfigFile file("queue-limit = 11\nmax-streams = 12\nlog-level = \"error\"\n");
  const Environment environment = {
      {"BURSAR_QUEUE_LIMIT", "21"}, {"BURSAR_MAX_STREAMS", "22"}, {"HOME", "/root"}};
  const ParsedOptions parsed =
      ParseOptions(With({file.flag(), "--queue-limit", "31"}), environment);
  ASSERT_EQ(parsed.action, Action::kServe) << parsed.text;
  EXPECT_EQ(parsed.options.queue_limit, 31);
  EXPECT_EQ(parsed.options.edge.max_streams, 22);
  EXPECT_EQ(parsed.options.log_level, "error");
  EXPECT_EQ(parsed.options.completion_queues, 1);
}

// Rules: A1
TEST(Options, ConfigFileMayBeNamedByItsVariableAndHoldEverything) {
  const ConfigFile file(
      "listen = [\"127.0.0.1:1\", \"unix:/tmp/s\"]\nhttp-listen = \"off\"\ndata = \"/tmp/x\"\n"
      "insecure = true\nlog-format = \"json\"\ndrain-timeout = \"1500ms\"\n");
  const ParsedOptions parsed = ParseOptions({}, {{"BURSAR_CONFIG", file.path()}});
  ASSERT_EQ(parsed.action, Action::kServe) << parsed.text;
  ASSERT_EQ(parsed.options.listen.size(), 2U);
  EXPECT_EQ(parsed.options.listen[1].ToString(), "unix:/tmp/s");
  EXPECT_FALSE(parsed.options.http_listen.has_value());
  EXPECT_TRUE(parsed.options.is_insecure);
  EXPECT_EQ(parsed.options.log_format, LogFormat::kJson);
  EXPECT_EQ(parsed.options.drain_timeout, absl::Milliseconds(1500));
}

// Rules: A1
TEST(Options, UnknownSettingsAreErrorsEverywhere) {
  const ConfigFile file("queue-limmit = 5\n");
  const struct {
    Arguments arguments;
    Environment environment;
    std::string expected;
  } rows[] = {
      {With({"--queue-limmit=5"}), {}, "unknown setting: --queue-limmit"},
      {With({"stray"}), {}, "unknown setting: stray"},
      {With({file.flag()}), {}, "unknown setting in the config file: queue-limmit"},
      {kEnough, {{"BURSAR_QUEUE_LIMMIT", "5"}}, "environment variable BURSAR_QUEUE_LIMMIT"},
      {kEnough, {{"BURSAR_HELP", "1"}}, "environment variable BURSAR_HELP"},
      {With({"--config=/nonexistent"}), {}, "cannot read the config file"},
      {kEnough, {{"BURSAR_QUEUE_LIMIT", "many"}}, "environment variable BURSAR_QUEUE_LIMIT"},
  };
  for (const auto& row : rows) {
    const ParsedOptions parsed = ParseOptions(row.arguments, row.environment);
    EXPECT_EQ(parsed.action, Action::kRefuse);
    EXPECT_NE(parsed.text.find(row.expected), std::string::npos) << parsed.text;
    EXPECT_NE(parsed.text.find("bursard --help"), std::string::npos);
  }
}

// Rules: A1
TEST(Options, VariablesOfTheCommandLineToolAreLeftAlone) {
  const ParsedOptions parsed = ParseOptions(kEnough, {{"BURSAR_TOKEN", "t"},
                                                      {"BURSAR_SERVER", "localhost:1"},
                                                      {"BURSAR_TEST_SEED", "1"},
                                                      {"BURSAR_TLS", "1"},
                                                      {"BURSAR_TLS_CA", "/tmp/ca"}});
  EXPECT_EQ(parsed.action, Action::kServe) << parsed.text;
}

// Rules: A1
TEST(Options, ClosedByDefault) {
  const ParsedOptions open = ParseOptions({"--data", "/tmp/x"}, {});
  EXPECT_EQ(open.action, Action::kRefuse);
  EXPECT_NE(open.text.find("--operator-token-file"), std::string::npos);
  EXPECT_EQ(ParseOptions(With({"--insecure"}), {}).action, Action::kRefuse);
}

// Rules: A1
TEST(Options, InsecureOnlyWhereEveryListenerIsLoopback) {
  const struct {
    Arguments listeners;
    bool is_taken;
  } rows[] = {
      {{}, true},
      {{"--listen=127.0.0.1:0", "--http-listen=[::1]:0"}, true},
      {{"--listen=unix:/tmp/s", "--listen=localhost:1", "--http-listen=off"}, true},
      {{"--listen=127.5.5.5:1"}, true},
      {{"--listen=0.0.0.0:1"}, false},
      {{"--listen=:1"}, false},
      {{"--listen=[::]:1"}, false},
      {{"--listen=127.0.0.1:1", "--listen=10.0.0.1:1"}, false},
      {{"--http-listen=0.0.0.0:1"}, false},
      {{"--listen=bursar.example.com:1"}, false},
      {{"--listen=127.0.0.1.example.com:1"}, false},
  };
  for (const auto& row : rows) {
    Arguments arguments = {"--data=/tmp/x", "--insecure"};
    arguments.insert(arguments.end(), row.listeners.begin(), row.listeners.end());
    const ParsedOptions parsed = ParseOptions(arguments, {});
    EXPECT_EQ(parsed.action == Action::kServe, row.is_taken)
        << (row.listeners.empty() ? "" : row.listeners.back()) << parsed.text;
  }
}

// Rules: A1
TEST(Options, DefaultListenersDependOnTheCredential) {
  const ParsedOptions closed = ParseOptions(kEnough, {});
  ASSERT_EQ(closed.options.listen.size(), 1U);
  EXPECT_EQ(closed.options.listen[0].ToString(), "[::]:50051");
  EXPECT_EQ(closed.options.http_listen->ToString(), "[::]:8080");
  EXPECT_EQ(closed.options.Warnings().size(), 1U);

  const ParsedOptions insecure = ParseOptions({"--data=/tmp/x", "--insecure"}, {});
  EXPECT_EQ(insecure.options.listen[0].ToString(), "127.0.0.1:50051");
  EXPECT_EQ(insecure.options.http_listen->ToString(), "127.0.0.1:8080");

  const ParsedOptions tls = ParseOptions(With({"--tls-cert=c", "--tls-key=k"}), {});
  EXPECT_TRUE(tls.options.Warnings().empty());
}

// Rules: T1
TEST(Options, AnotherTimeIsForRehearsalsOnly) {
  const ParsedOptions rehearsal =
      ParseOptions({"--data=/tmp/x", "--insecure", "--clock-ahead=36h"}, {});
  ASSERT_EQ(rehearsal.action, Action::kServe) << rehearsal.text;
  EXPECT_EQ(rehearsal.options.clock_ahead, absl::Hours(36));
  EXPECT_EQ(rehearsal.options.Warnings().size(), 2U);
  EXPECT_EQ(ParseOptions(With({"--clock-ahead=36h"}), {}).action, Action::kRefuse);
  for (const char* wrong : {"--clock-ahead=-1h", "--clock-ahead=soon", "--clock-ahead=90000h"}) {
    EXPECT_EQ(ParseOptions({"--data=/tmp/x", "--insecure", wrong}, {}).action, Action::kRefuse)
        << wrong;
  }
}

// Rules: A1
TEST(Options, WhatCannotBeIsRefusedNamingTheSetting) {
  const struct {
    Arguments arguments;
    std::string expected;
  } rows[] = {
      {With({"--store=postgres"}), "postgres is not built yet"},
      {With({"--store=sqlite"}), "--store must be rocksdb"},
      {With({"--tls-cert=c"}), "--tls-cert and --tls-key"},
      {With({"--completion-queues=0"}), "--completion-queues must be from 1"},
      {With({"--queue-limit=-1"}), "--queue-limit must be"},
      {With({"--queue-limit=x"}), "--queue-limit"},
      {With({"--wallet-memory=much"}), "--wallet-memory must be a number of bytes"},
      {With({"--drain-timeout=soon"}), "--drain-timeout"},
      {With({"--drain-timeout=-1s"}), "--drain-timeout"},
      {With({"--log-level=loud"}), "--log-level"},
      {With({"--log-format=xml"}), "--log-format"},
      {With({"--http-listen=unix:/tmp/s"}), "--http-listen takes no unix socket"},
      {With({"--listen=127.0.0.1"}), "the port is missing"},
      {With({"--listen=127.0.0.1:65536"}), "0 to 65535"},
      {With({"--listen=::1:80"}), "brackets"},
      {With({"--listen=[127.0.0.1]:80"}), "IPv6"},
      {With({"--listen=unix:"}), "path"},
      {{"--insecure"}, "--data DIR is required"},
  };
  for (const auto& row : rows) {
    const ParsedOptions parsed = ParseOptions(row.arguments, {});
    EXPECT_EQ(parsed.action, Action::kRefuse) << row.arguments.back();
    EXPECT_NE(parsed.text.find(row.expected), std::string::npos)
        << row.arguments.back() << ": " << parsed.text;
  }
}

// Rules: A1
TEST(Options, EveryProblemIsReportedAtOnce) {
  const ParsedOptions parsed = ParseOptions({"--store=x", "--log-level=loud"}, {});
  for (const char* part : {"--store", "--log-level", "--data", "--operator-token-file"}) {
    EXPECT_NE(parsed.text.find(part), std::string::npos) << part;
  }
}

// Rules: A1
TEST(Options, HelpVersionCheckAndVerify) {
  const ParsedOptions help = ParseOptions({"--help"}, {});
  EXPECT_EQ(help.action, Action::kShow);
  for (const char* flag : {"--listen", "--http-listen", "--data", "--store", "--tls-cert",
                           "--operator-token-file", "--insecure", "--config", "--drain-timeout"}) {
    EXPECT_NE(help.text.find(flag), std::string::npos) << flag;
  }
  const ParsedOptions version = ParseOptions({"--version"}, {});
  EXPECT_EQ(version.action, Action::kShow);
  EXPECT_EQ(version.text.find("bursard "), 0U);
  EXPECT_EQ(ParseOptions(With({"--check-config"}), {}).action, Action::kCheckConfig);
  const ParsedOptions verify = ParseOptions({"--verify-ledger", "/tmp/x"}, {});
  EXPECT_EQ(verify.action, Action::kVerify);
  EXPECT_EQ(verify.options.verify_directory, "/tmp/x");
}

}  // namespace
}  // namespace bursar
