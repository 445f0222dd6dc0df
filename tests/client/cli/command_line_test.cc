#include "client/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/cli/report.h"
#include "tests/client/cli/fake_wallet.h"
#include "tests/client/cli/temporary_folder.h"

namespace bursar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class CommandLineTest : public testing::Test {
 protected:
  ExitStatus Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunCommandLine(
        arguments,
        [this](const std::string& name) -> std::optional<std::string> {
          const auto found = environment_.find(name);
          if (found == environment_.end()) return std::nullopt;
          return found->second;
        },
        out_, err_, [this](absl::Duration wait) { waits_.push_back(wait); });
  }
  // The same against the fake wallet.
  ExitStatus Ask(std::vector<std::string> arguments) {
    environment_["BURSAR_SERVER"] = wallet_.address();
    return Run(arguments);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  FakeWallet wallet_;
  TemporaryFolder folder_;
  std::map<std::string, std::string> environment_;
  std::vector<absl::Duration> waits_;  // Between attempts; nobody really waits.

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandLineTest, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(Run({"--help"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("replay"));
  EXPECT_EQ(Run({"record", "--help"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("--cache-write-1h"));
  EXPECT_EQ(Run({"--version"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("bursar "));
}

TEST_F(CommandLineTest, WrongUseEndsWithTwoAndSaysWhatIsMeant) {
  const struct {
    std::vector<std::string> arguments;
    const char* expected;
  } kCases[] = {
      {{}, "Which command?"},
      {{"orgg", "list"}, "no command \"orgg\" here. Did you mean org?"},
      {{"org", "lst"}, "Did you mean list?"},
      {{"xylophone"}, "no command \"xylophone\" here.\n"},
      {{"wallet"}, "Missing: organization."},
      {{"org", "create", "acme"}, "Missing: --plan."},
      {{"org", "create", "acme", "--plan"}, "--plan needs a value."},
      {{"--servr", "x", "org", "list"}, "Did you mean --server?"},
      {{"wallet", "acme", "more"}, "\"more\" is one argument too many."},
      {{"--output", "xml", "org", "list"}, "--output"},
      {{"record", "a", "m", "--input", "-5"}, "not a whole number"},
      {{"record", "a", "m", "--input", "0x10"}, "not a whole number"},
      {{"record", "a", "m", "--output", "json"}, "put --output json before `record`"},
      {{"check", "a", "m", "--estimate-cost", "1e3"}, "is not an amount"},
      {{"check", "a", "m", "--estimate-cost", "1", "--estimate-input", "1"}, "not both"},
      {{"check", "a", "m", "--mode", "grab"}, "is none of check, hold, hold_up_to_available"},
      {{"check", "a", "m", "--label", "x"}, "NAME=VALUE"},
      {{"record", "a", "m", "--occurred-at", "now"}, "is not an instant"},
      {{"limits", "set", "a", "5", "--scope", "member"}, "needs --id"},
      {{"limits", "set", "a", "5", "--scope", "galaxy"}, "--scope"},
      {{"usage", "a", "--group-by", "planet"}, "is none of member, surface, model"},
      {{"tokens", "create", "x", "--role", "frontend"}, "for which organizations"},
      {{"org", "update", "a"}, "Nothing to change"},
      {{"plans", "import", "/nonexistent/file"}, "Cannot read /nonexistent/file"},
      {{"--tls-ca", "/nonexistent/ca", "org", "list"}, "Cannot read /nonexistent/ca"},
      {{"--tls", "--client-cert", "c", "org", "list"}, "go together"},
      {{"--client-cert", "c", "--client-key", "k", "org", "list"}, "goes with --tls"},
      {{"--timeout", "0", "org", "list"}, "--timeout"},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(Run(one.arguments), ExitStatus::kUsage) << one.expected;
    EXPECT_THAT(err(), HasSubstr(one.expected));
    EXPECT_EQ(out(), "");
  }
}

// Rules: A1
TEST_F(CommandLineTest, TokenIsNotSentOverPlaintextBeyondLoopback) {
  environment_["BURSAR_TOKEN"] = "very-secret";
  EXPECT_EQ(Run({"--server", "wallet.example.com:50051", "org", "list"}), ExitStatus::kUsage);
  EXPECT_THAT(err(), HasSubstr("Refusing to send a token over plaintext"));
  EXPECT_THAT(err(), Not(HasSubstr("very-secret")));
}

TEST_F(CommandLineTest, UnreachableServerEndsWithFourAndAHint) {
  EXPECT_EQ(Run({"--server", "unix:" + folder_.path() + "/none", "health"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("Is bursard running"));
  EXPECT_EQ(Run({"--server", "unix:" + folder_.path() + "/none", "health", "--output", "json"}),
            ExitStatus::kFailed);
  EXPECT_EQ(nlohmann::json::parse(err())["error"]["code"], "UNAVAILABLE");
}

// Rules: A1
TEST_F(CommandLineTest, MistakesAboutTlsAreNamedAsSuch) {
  const auto hint = [](const std::string& message, bool use_tls) {
    GlobalOptions options;
    options.use_tls = use_tls;
    std::ostringstream err;
    PrintError(absl::UnavailableError(message), options, err);
    return err.str();
  };
  // As gRPC words them.
  EXPECT_THAT(hint("Socket closed", false),
              HasSubstr("may speak TLS: add --tls, or --tls-ca FILE"));
  EXPECT_THAT(hint("Socket closed", true), Not(HasSubstr("may speak TLS")));
  EXPECT_THAT(
      hint("... SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed", true),
      HasSubstr("not trusted: --tls-ca FILE"));
  EXPECT_THAT(hint("Peer name wallet.example is not in peer certificate", true),
              HasSubstr("for another name than that in --server localhost:50051"));
  EXPECT_THAT(hint("Connection refused", true), HasSubstr("Is bursard running"));
  // A server without TLS, asked with it.
  EXPECT_EQ(Ask({"--tls", "org", "list"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("seems to speak plaintext: leave out --tls"));
}

// Rules: A1
TEST_F(CommandLineTest, TlsCanBeAskedForByTheEnvironment) {
  EXPECT_EQ(Run({"--help"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("BURSAR_TLS_CA"));
  environment_["BURSAR_TLS"] = "0";
  EXPECT_EQ(Ask({"org", "list"}), ExitStatus::kDone);
  environment_["BURSAR_TLS"] = "1";
  EXPECT_EQ(Ask({"org", "list"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("seems to speak plaintext"));
  environment_["BURSAR_TLS"] = "perhaps";
  EXPECT_EQ(Ask({"org", "list"}), ExitStatus::kUsage);
  EXPECT_THAT(err(), HasSubstr("BURSAR_TLS is 1 or 0, not \"perhaps\""));
  environment_.erase("BURSAR_TLS");
  environment_["BURSAR_TLS_CA"] = folder_.path() + "/none";
  EXPECT_EQ(Ask({"org", "list"}), ExitStatus::kUsage);
  EXPECT_THAT(err(), HasSubstr("Cannot read " + folder_.path() + "/none"));
}

// Rules: D1
TEST_F(CommandLineTest, DeniedCheckEndsWithThreeInBothFormats) {
  wallet_.DenyBy([](const v1::CheckAdmissionRequest& request) {
    return request.member_id() == "bob" ? "Out of extra usage." : "";
  });
  EXPECT_EQ(Ask({"check", "acme", "ann", "--surface", "chat"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("ADMITTED"));
  EXPECT_EQ(Ask({"check", "acme", "bob"}), ExitStatus::kDenied);
  EXPECT_THAT(out(), HasSubstr("DENIED"));
  EXPECT_THAT(out(), HasSubstr("Out of extra usage."));
  EXPECT_EQ(Ask({"check", "acme", "bob", "--output", "json"}), ExitStatus::kDenied);
  EXPECT_EQ(nlohmann::json::parse(out())["decision"], "DECISION_DENIED");
}

TEST_F(CommandLineTest, SharedOptionsStandBeforeOrBehindTheCommand) {
  EXPECT_EQ(Run({"--server", wallet_.address(), "--output", "json", "org", "list"}),
            ExitStatus::kDone);
  const std::string before = out();
  EXPECT_EQ(Run({"org", "list", "--output=json", "--server", wallet_.address()}),
            ExitStatus::kDone);
  EXPECT_EQ(out(), before);
  EXPECT_EQ(nlohmann::json::parse(before)["organizations"][0]["organizationId"], "organization-1");
}

TEST_F(CommandLineTest, OutputInsideRecordIsTheNumberOfTokens) {
  EXPECT_EQ(Ask({"--output", "json", "record", "acme", "ann", "--model", "m", "--input", "010",
                 "--output", "50", "--request-id", "r1"}),
            ExitStatus::kDone);
  EXPECT_TRUE(nlohmann::json::accept(out()));
  EXPECT_EQ(wallet_.records().at("r1").usage().output_tokens(), 50);
  // A leading zero is no octal.
  EXPECT_EQ(wallet_.records().at("r1").usage().input_tokens(), 10);
}

TEST_F(CommandLineTest, NamesOfCommandsAreGoodNamesOfOrganizations) {
  for (const char* name : {"org", "list", "check", "replay"}) {
    EXPECT_EQ(Ask({"check", name, name}), ExitStatus::kDone) << err();
    EXPECT_EQ(Ask({"org", "get", name}), ExitStatus::kDone) << err();
  }
}

// Rules: R2
TEST_F(CommandLineTest, RequestIdIsMadeAndToldWhereNoneIsGiven) {
  EXPECT_EQ(Ask({"record", "acme", "ann", "--cost", "0.10"}), ExitStatus::kDone);
  ASSERT_EQ(wallet_.records().size(), 1u);
  EXPECT_THAT(err(), HasSubstr("request id " + wallet_.records().begin()->first));
  EXPECT_EQ(wallet_.records().begin()->second.cost().nanos(), 100'000'000);
}

TEST_F(CommandLineTest, AllPagesAreJoined) {
  EXPECT_EQ(Ask({"org", "list", "--all", "--output", "json"}), ExitStatus::kDone);
  const nlohmann::json list = nlohmann::json::parse(out());
  EXPECT_EQ(list["organizations"].size(), 3u);
  EXPECT_FALSE(list.contains("nextPageToken"));
  EXPECT_EQ(Ask({"org", "list"}), ExitStatus::kDone);
  EXPECT_THAT(err(), HasSubstr("--page-token 2"));
}

// Rules: J1
TEST_F(CommandLineTest, WholeJournalIsOneJsonDocument) {
  EXPECT_EQ(Ask({"--output", "json", "journal", "acme", "--all"}), ExitStatus::kDone);
  const nlohmann::json journal = nlohmann::json::parse(out());
  ASSERT_EQ(journal["entries"].size(), 4u);
  EXPECT_EQ(journal["entries"][3]["sequence"], "1");
  EXPECT_EQ(Ask({"journal", "acme", "--kind", "usage_charged", "--member", "ann"}),
            ExitStatus::kDone);
  EXPECT_THAT(wallet_.admin_requests().back(), HasSubstr("USAGE_CHARGED"));
}

// Rules: N5
TEST_F(CommandLineTest, WatchPrintsALineForEachMessageAndResumesWhereItStood) {
  EXPECT_EQ(Ask({"--output", "json", "watch", "acme", "--from", "1", "--count", "3"}),
            ExitStatus::kDone)
      << err();
  std::istringstream lines(out());
  std::string line;
  for (const char* revision : {"2", "3", "4"}) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(nlohmann::json::parse(line)["position"]["revision"], revision);
  }
  EXPECT_FALSE(std::getline(lines, line));
  EXPECT_THAT(err(), HasSubstr("resuming"));
  const std::vector<std::string> requests = wallet_.admin_requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[1], HasSubstr("from_revision: 3 epoch: \"epc_1\""));
}

// Rules: N5
TEST_F(CommandLineTest, WatchTellsPeopleWhatHappenedAndWhereTheWalletIs) {
  EXPECT_EQ(Ask({"watch", "acme", "--from", "3", "--count", "1"}), ExitStatus::kDone) << err();
  EXPECT_THAT(out(), HasSubstr("usage charged  ann  4.00"));
  EXPECT_THAT(out(), HasSubstr("-- revision 4, included"));
  EXPECT_EQ(Ask({"watch", "acme", "--from", "-1"}), ExitStatus::kUsage);
}

// Rules: N5
TEST_F(CommandLineTest, WatchGoesOnTryingAndSaysSoOnce) {
  wallet_.FailWatches(6);  // More often than any other call is tried.
  EXPECT_EQ(Ask({"watch", "acme", "--from", "0", "--count", "3"}), ExitStatus::kDone) << err();
  const std::string told = err();
  EXPECT_THAT(told, HasSubstr("resuming, until interrupted"));
  EXPECT_EQ(told.find("resuming"), told.rfind("resuming")) << told;
  ASSERT_GE(waits_.size(), 6u);
  EXPECT_TRUE(std::is_sorted(waits_.begin(), waits_.begin() + 6));
  EXPECT_LE(waits_.back(), ConnectionOptions().max_backoff);
}

// Rules: N5
TEST_F(CommandLineTest, WatchCountsEntriesNotMessages) {
  wallet_.BringTwoEntriesAMessage();
  EXPECT_EQ(Ask({"--output", "json", "watch", "acme", "--from", "0", "--count", "1"}),
            ExitStatus::kDone)
      << err();
  const nlohmann::json news = nlohmann::json::parse(out());
  EXPECT_EQ(news["entries"].size(), 1u);
  EXPECT_EQ(news["position"]["revision"], "1");
}

// Rules: H2, H5, B9
TEST_F(CommandLineTest, SettingsOfHoldsAreSetAndShown) {
  EXPECT_EQ(Ask({"org", "update", "acme", "--hold-expiry-policy", "capture", "--default-hold-ttl",
                 "90s", "--max-hold", "20.50", "--crossing-policy", "confirm"}),
            ExitStatus::kDone)
      << err();
  const std::string request = wallet_.admin_requests().back();
  for (const char* path :
       {"hold_expiry_policy", "default_hold_ttl", "max_hold", "crossing_policy"}) {
    EXPECT_THAT(request, HasSubstr(std::string("paths: \"") + path + "\""));
  }
  EXPECT_THAT(request, HasSubstr("default_hold_ttl { seconds: 90 }"));
  EXPECT_THAT(out(), HasSubstr("capture: charged as held"));
  EXPECT_THAT(out(), HasSubstr("1m30s"));
  EXPECT_THAT(out(), HasSubstr("20.50"));
  EXPECT_THAT(out(), HasSubstr("confirm: once per window"));
  EXPECT_EQ(Ask({"org", "update", "acme", "--hold-expiry-policy", "keep"}), ExitStatus::kUsage);
  EXPECT_THAT(err(), HasSubstr("is none of release, capture"));
}

// Rules: H3
TEST_F(CommandLineTest, HoldsAreListedAndShownOpenOrEnded) {
  EXPECT_EQ(Ask({"hold", "list", "acme"}), ExitStatus::kDone) << err();
  for (const char* text : {"EXTRA", "PLACED", "session-7", "check-7", "2026-09-21"}) {
    EXPECT_THAT(out(), HasSubstr(text));
  }
  EXPECT_EQ(Ask({"hold", "show", "acme", "adm_open"}), ExitStatus::kDone) << err();
  EXPECT_THAT(out(), HasSubstr("open until"));
  EXPECT_THAT(out(), HasSubstr("3.00 extra or metered"));
  EXPECT_EQ(Ask({"hold", "show", "acme", "adm_ended"}), ExitStatus::kDone) << err();
  EXPECT_THAT(out(), HasSubstr("settled, 2026-09-21"));
  EXPECT_EQ(Ask({"hold", "show", "acme", "adm_none"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("names no hold of acme"));
  EXPECT_EQ(Ask({"hold", "extend", "acme", "adm_open"}), ExitStatus::kDone) << err();
  EXPECT_THAT(err(), HasSubstr("request id "));
}

// Rules: H2
TEST_F(CommandLineTest, ModesAreTakenInEveryForm) {
  for (const char* mode : {"check", "check_only", "hold", "HOLD", "hold-up-to-available",
                           "ADMISSION_MODE_HOLD_UP_TO_AVAILABLE"}) {
    EXPECT_EQ(Ask({"check", "a", "m", "--estimate-cost", "1", "--mode", mode}), ExitStatus::kDone)
        << mode << ": " << err();
  }
}

// Rules: R1
TEST(UnadmittedNote, SaysWhyInTheWordsOfTheAdmission) {
  v1::RecordConsumptionResponse receipt;
  EXPECT_EQ(UnadmittedNote(receipt), "");
  receipt.set_unadmitted(true);
  EXPECT_THAT(UnadmittedNote(receipt), HasSubstr("a check at that instant would have denied it"));
  receipt.set_admission_status(v1::ADMISSION_STATUS_EXPIRED);
  EXPECT_EQ(UnadmittedNote(receipt), "the admission named had expired; charged afresh.");
  receipt.set_admission_status(v1::ADMISSION_STATUS_FINAL);
  EXPECT_THAT(UnadmittedNote(receipt), HasSubstr("settled or released before"));
}

// Rules: A4, R5, R7
TEST(EntryInWords, AreTheSameForJournalAndWatch) {
  v1::JournalEntry entry;
  entry.set_summary("5.00 USD of entry 7 was taken back: broken.");
  entry.set_reversed_sequence(7);
  entry.set_captured(true);
  entry.set_unadmitted(true);
  entry.set_admission_id("adm_1");
  v1::FieldChange* change = entry.add_changes();
  change->set_field("max_hold");
  change->set_after("20.00");
  EXPECT_EQ(EntryInWords(entry),
            "5.00 USD of entry 7 was taken back: broken.; captured; of entry 7; unadmitted: the "
            "admission was not live; adm_1; max_hold: - -> 20.00");
}

// Rules: L2
TEST_F(CommandLineTest, LimitsAreAnAmountOrUnlimited) {
  EXPECT_EQ(Ask({"limits", "set", "acme", "--scope", "organization", "50.00"}), ExitStatus::kDone);
  EXPECT_THAT(wallet_.admin_requests().back(),
              HasSubstr("organization: true amount { units: 50 }"));
  EXPECT_EQ(Ask({"limits", "set", "acme", "--scope", "tier", "--id", "premium", "unlimited"}),
            ExitStatus::kDone);
  EXPECT_THAT(wallet_.admin_requests().back(), HasSubstr("seat_tier: \"premium\" unlimited: true"));
  EXPECT_EQ(Ask({"limits", "set", "acme", "--scope", "seat-tier", "--id", "basic", "5"}),
            ExitStatus::kDone);
  EXPECT_THAT(wallet_.admin_requests().back(), HasSubstr("seat_tier: \"basic\" amount"));
  EXPECT_EQ(Ask({"limits", "set", "acme", "0", "--scope", "member", "--id", "ann"}),
            ExitStatus::kDone);
  EXPECT_THAT(wallet_.admin_requests().back(), HasSubstr("member_id: \"ann\" amount { }"));
}

// Rules: L1
TEST_F(CommandLineTest, HelpOfLimitsOffersWhatIsTaken) {
  EXPECT_EQ(Run({"limits", "set", "--help"}), ExitStatus::kDone);
  EXPECT_THAT(out(), HasSubstr("organization, tier (or seat-tier), member, surface or model"));
  EXPECT_THAT(out(), HasSubstr("--period"));
  EXPECT_THAT(out(), HasSubstr("--until"));
  EXPECT_EQ(Ask({"limits", "set", "acme", "5", "--scope", "tier"}), ExitStatus::kUsage);
  EXPECT_THAT(err(), HasSubstr("--scope tier needs --id"));
}

// Rules: A1
TEST_F(CommandLineTest, TokenFileIsReadAndAnEmptyOneRefused) {
  const std::string path = folder_.path() + "/token";
  std::ofstream(path) << "  \n";
  EXPECT_EQ(Ask({"--token-file", path, "org", "list"}), ExitStatus::kUsage);
  std::ofstream(path) << "token\n";
  EXPECT_EQ(Ask({"--token-file", path, "org", "list"}), ExitStatus::kDone);
}

TEST(Nearest, FindsOnlyWhatIsNear) {
  const std::vector<std::string> names = {"members", "limits", "journal"};
  EXPECT_EQ(Nearest("member", names), "members");
  EXPECT_EQ(Nearest("limist", names), "limits");
  EXPECT_EQ(Nearest("wallet", names), "");
}

}  // namespace
}  // namespace bursar::cli
