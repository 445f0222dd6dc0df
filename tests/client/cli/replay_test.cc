// The whole of `bursar replay` against a wallet that loses answers, denies and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "client/cli/command_line.h"
#include "client/cli/trace.h"
#include "tests/client/cli/fake_wallet.h"
#include "tests/client/cli/temporary_folder.h"

namespace bursar::cli {
namespace {

using testing::HasSubstr;

constexpr int kRows = 500;

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() : trace_(folder_.path() + "/trace.csv") {
    std::ofstream file(trace_);
    file << "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";
    for (int i = 0; i < kRows; ++i) {
      file << "2023-11-16 18:" << 10 + i / 60 << ":" << 10 + i % 50 << ".1234567," << 100 + i << ","
           << i % 7 << "\r\n";
      cost_nanos_ += (100 + i) * 5'000 + i % 7 * 25'000;
    }
  }

  ExitStatus Run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "--server", wallet_.address(), "--output", "json",      "replay", trace_, "--org",
        "acme",     "--model",         "m",        "--surface", "chat"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    out_.str("");
    err_.str("");
    const ExitStatus status = RunCommandLine(
        arguments,
        [this](const std::string& name) -> std::optional<std::string> {
          if (name == "XDG_STATE_HOME") return folder_.path();
          return std::nullopt;
        },
        out_, err_);
    summary_ = nlohmann::json::parse(out_.str(), nullptr, false);
    return status;
  }
  // The exact sum of the summary.
  int64_t ChargedNanos() const {
    return std::stoll(summary_["charged"]["units"].get<std::string>()) * 1'000'000'000 +
           summary_["charged"]["nanos"].get<int64_t>();
  }
  std::string err() const { return err_.str(); }

  TemporaryFolder folder_;
  std::string trace_;
  FakeWallet wallet_;
  int64_t cost_nanos_ = 0;
  nlohmann::json summary_;

 private:
  std::ostringstream out_;
  std::ostringstream err_;
};

// Rules: M1, R2
TEST_F(ReplayTest, EveryRowIsChargedOnceAndTheSecondRunIsTheFirstAgain) {
  ASSERT_EQ(Run({"--members", "7"}), ExitStatus::kDone) << err();
  EXPECT_EQ(summary_["recorded"], kRows);
  EXPECT_EQ(summary_["replayed"], 0);
  EXPECT_EQ(ChargedNanos(), cost_nanos_);
  EXPECT_EQ(summary_["draws"][0]["bucket"], "BUCKET_EXTRA");
  EXPECT_EQ(summary_["check"]["calls"], kRows);
  const auto first = wallet_.records();
  EXPECT_EQ(first.size(), static_cast<size_t>(kRows));

  ASSERT_EQ(Run({"--members", "7", "--in-flight", "3", "--connections", "2"}), ExitStatus::kDone)
      << err();
  EXPECT_EQ(summary_["replayed"], kRows);
  EXPECT_EQ(ChargedNanos(), cost_nanos_);
  EXPECT_EQ(wallet_.records().size(), first.size());
}

// Rules: R2, R3
TEST_F(ReplayTest, LostAnswersAreAskedForAgainAndChargeNothingTwice) {
  wallet_.LoseEveryAnswer(20);
  const std::string acknowledged = folder_.path() + "/acknowledged";
  ASSERT_EQ(Run({"--members", "7", "--acknowledged", acknowledged}), ExitStatus::kDone) << err();
  EXPECT_GT(summary_["retries"].get<int>(), 0);
  EXPECT_EQ(summary_["recorded"], kRows);
  EXPECT_EQ(ChargedNanos(), cost_nanos_);
  EXPECT_EQ(wallet_.records().size(), static_cast<size_t>(kRows));

  std::multiset<std::string> ids;
  std::ifstream file(acknowledged);
  for (std::string line; std::getline(file, line);) ids.insert(line);
  EXPECT_EQ(ids.size(), static_cast<size_t>(kRows));
  for (const auto& [id, request] : wallet_.records()) EXPECT_EQ(ids.count(id), 1u) << id;
}

// Rules: D1, H8
TEST_F(ReplayTest, DeniedRowsAreNotRecordedUnlessAskedFor) {
  wallet_.DenyBy([](const v1::CheckAdmissionRequest& request) {
    return request.member_id() == "member-001" ? "Out." : "";
  });
  for (const bool phases : {false, true}) {
    std::vector<std::string> more = {"--members", "7", "--seed", phases ? "2" : "1"};
    if (phases) more.push_back("--phases");
    ASSERT_EQ(Run(more), ExitStatus::kDone) << err();
    const int denied = summary_["denied"];
    EXPECT_GT(denied, 0);
    EXPECT_EQ(summary_["recorded"], kRows - denied);
    EXPECT_EQ(summary_["denials"][0]["reason"], "DENIAL_REASON_BALANCE_EXHAUSTED");
    EXPECT_EQ(summary_["denials"][0]["message"], "Out.");
  }
  for (const auto& [id, request] : wallet_.records()) {
    EXPECT_NE(request.member_id(), "member-001");
  }
  ASSERT_EQ(Run({"--members", "7", "--record-denied"}), ExitStatus::kDone) << err();
  EXPECT_EQ(summary_["recorded"], kRows);
  ASSERT_EQ(Run({"--members", "7", "--no-check"}), ExitStatus::kDone) << err();
  EXPECT_EQ(summary_["check"]["calls"], 0);
  EXPECT_EQ(summary_["replayed"], kRows);
}

TEST_F(ReplayTest, ErrorThatCannotBeMendedEndsWithFourAndNamesTheRow) {
  wallet_.RefuseBy([](const v1::RecordConsumptionRequest& request) {
    return request.usage().input_tokens() == 100 + 250
               ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such thing")
               : grpc::Status::OK;
  });
  EXPECT_EQ(Run({"--members", "7"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("Row 251 cannot be recorded: no such thing"));
  EXPECT_THAT(err(), HasSubstr("The same command goes on"));
  EXPECT_LT(wallet_.records().size(), static_cast<size_t>(kRows));
}

TEST_F(ReplayTest, MembersAreMadeWithSeatsInTurn) {
  ASSERT_EQ(Run({"--members", "1500", "--seats", "standard,premium", "--limit", "1"}),
            ExitStatus::kDone)
      << err();
  const auto requests = wallet_.admin_requests();
  ASSERT_EQ(requests.size(), 3u);  // The organization, then two calls of members.
  EXPECT_THAT(requests[1], HasSubstr("member_id: \"member-0001\" email: "
                                     "\"member-0001@example.com\" seat_tier: \"standard\""));
  EXPECT_THAT(requests[1], HasSubstr("member_id: \"member-0002\" email: "
                                     "\"member-0002@example.com\" seat_tier: \"premium\""));
  EXPECT_THAT(requests[2], HasSubstr("member-1500"));
  EXPECT_EQ(wallet_.records().size(), 1u);
}

// Rules: T2
TEST_F(ReplayTest, ShiftToPlacesTheLastRowAndNeedsNoMemory) {
  ASSERT_EQ(Run({"--members", "1", "--shift-to", "2026-01-02T03:04:05Z"}), ExitStatus::kDone)
      << err();
  int64_t latest = 0;
  for (const auto& [id, request] : wallet_.records()) {
    latest = std::max(latest, request.occurred_at().seconds());
  }
  EXPECT_EQ(latest, 1'767'323'045);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/bursar"));
  EXPECT_EQ(Run({"--members", "1", "--shift-to", "2999-01-01T00:00:00Z"}), ExitStatus::kUsage);
}

TEST_F(ReplayTest, PacedRowsAreAllSent) {
  ASSERT_EQ(Run({"--members", "1", "--limit", "20", "--rate", "2000", "--in-flight", "1"}),
            ExitStatus::kDone)
      << err();
  EXPECT_EQ(summary_["recorded"], 20);
  EXPECT_EQ(Run({"--members", "1", "--rate", "5", "--recorded-pace"}), ExitStatus::kUsage);
  EXPECT_EQ(Run({"--members", "0"}), ExitStatus::kUsage);
}

TEST_F(ReplayTest, OverlongTracesAndMissingFilesAreRefusedBeforeAnythingIsSent) {
  std::ofstream(trace_) << "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                           "2023-01-01T00:00:00Z,1,1\n2023-03-01T00:00:00Z,1,1\n";
  EXPECT_EQ(Run({"--members", "1"}), ExitStatus::kFailed);
  EXPECT_THAT(err(), HasSubstr("35 days"));
  trace_ += ".missing";
  EXPECT_EQ(Run({"--members", "1"}), ExitStatus::kUsage);
  EXPECT_TRUE(wallet_.records().empty());
}

}  // namespace
}  // namespace bursar::cli
