// The commands about payments and auto-reload: what they send, and what people read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/command_line.h"
#include "tests/client/cli/fake_wallet.h"

namespace bursar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class PaymentCommandsTest : public testing::Test {
 protected:
  ExitStatus Ask(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunCommandLine(
        arguments,
        [this](const std::string& name) -> std::optional<std::string> {
          return name == "BURSAR_SERVER" ? std::optional<std::string>(wallet_.address())
                                         : std::nullopt;
        },
        out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  std::string last_request() { return wallet_.admin_requests().back(); }

 private:
  FakeWallet wallet_;
  std::ostringstream out_;
  std::ostringstream err_;
};

// Rules: X7
TEST_F(PaymentCommandsTest, BuySaysThatItIsNotCreditYet) {
  ASSERT_EQ(Ask({"credit", "buy", "acme", "25.00", "--reference", "o-1"}), ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("units: 25"));
  EXPECT_THAT(last_request(), HasSubstr("reference: \"o-1\""));
  EXPECT_THAT(last_request(), HasSubstr("request_id: "));
  EXPECT_THAT(out(), HasSubstr("pay_1. It can be used when the payment system says"));
}

// Rules: X4
TEST_F(PaymentCommandsTest, CompleteSendsTheVerdictWithoutARequestId) {
  ASSERT_EQ(Ask({"credit", "complete", "acme", "pay_1", "failed", "--code", "card_declined"}),
            ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("result: RESULT_FAILED"));
  EXPECT_THAT(last_request(), HasSubstr("code: \"card_declined\""));
  EXPECT_THAT(last_request(), Not(HasSubstr("request_id")));
  EXPECT_THAT(out(), HasSubstr("The payment failed; nothing was credited by this."));
  EXPECT_EQ(Ask({"credit", "complete", "acme", "pay_1", "perhaps"}), ExitStatus::kUsage);
}

// Rules: X4
TEST_F(PaymentCommandsTest, ReloadSetSendsOnlyWhatIsNamed) {
  ASSERT_EQ(Ask({"credit", "reload", "set", "acme", "--threshold", "5", "--amount", "25.00",
                 "--cool-down", "2m", "--attempts-a-day", "4"}),
            ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("enabled: true"));
  EXPECT_THAT(last_request(), HasSubstr("threshold { units: 5 }"));
  EXPECT_THAT(last_request(), HasSubstr("cool_down { seconds: 120 }"));
  EXPECT_THAT(last_request(), HasSubstr("max_attempts_a_day: 4"));
  EXPECT_THAT(last_request(), Not(HasSubstr("monthly_cap")));
  EXPECT_THAT(last_request(), Not(HasSubstr("failures_before_pause")));
  EXPECT_THAT(out(), HasSubstr("paused"));
  ASSERT_EQ(Ask({"credit", "reload", "off", "acme"}), ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("enabled: false"));
  ASSERT_EQ(Ask({"credit", "reload", "resume", "acme"}), ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("resume: true"));
  EXPECT_THAT(last_request(), Not(HasSubstr("enabled")));
}

// Rules: X4
TEST_F(PaymentCommandsTest, ChargebackWithoutAnAmountTakesAllAndListsShowWhy) {
  ASSERT_EQ(Ask({"credit", "chargeback", "acme", "pay_1", "--reason", "disputed"}),
            ExitStatus::kDone);
  EXPECT_THAT(last_request(), Not(HasSubstr("amount")));
  ASSERT_EQ(Ask({"credit", "chargeback", "acme", "pay_1", "3.50"}), ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("units: 3 nanos: 500000000"));
  ASSERT_EQ(Ask({"credit", "payments", "acme", "--open"}), ExitStatus::kDone);
  EXPECT_THAT(last_request(), HasSubstr("open_only: true"));
  EXPECT_THAT(out(), HasSubstr("low balance; attempt 2; card_declined"));
}

}  // namespace
}  // namespace bursar::cli
