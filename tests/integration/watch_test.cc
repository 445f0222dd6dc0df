// Watching a wallet: every durable change, in order, from wherever the client stands.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "tests/integration/recording_fixture.h"

namespace bursar {
namespace {

// A client's side of one watch.
class Watching {
 public:
  Watching(v1::QuotaService::Stub* stub, const v1::WatchWalletRequest& request,
           const std::string& token, const std::string& actor = "") {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    if (!actor.empty()) context_.AddMetadata("bursar-actor", actor);
    reader_ = stub->WatchWallet(&context_, request);
  }
  ~Watching() { context_.TryCancel(); }

  // False: the watch has ended.
  bool Next(v1::WatchWalletResponse* response) { return reader_->Read(response); }
  grpc::Status Finish() { return reader_->Finish(); }
  // The status of a watch that is refused.
  grpc::Status Refusal() {
    v1::WatchWalletResponse response;
    EXPECT_FALSE(Next(&response)) << response.ShortDebugString();
    return Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchWalletResponse>> reader_;
};

class WatchWallet : public RecordingTest {
 protected:
  using RecordingTest::RecordingTest;

  static v1::WatchWalletRequest RequestFrom(int64_t revision) {
    v1::WatchWalletRequest request;
    request.set_organization_id("acme");
    request.set_from_revision(revision);
    return request;
  }
  static v1::WatchWalletRequest RequestFromNow() {
    v1::WatchWalletRequest request;
    request.set_organization_id("acme");
    return request;
  }

  std::unique_ptr<Watching> Watch(const v1::WatchWalletRequest& request,
                                  const std::string& token = kOperatorToken,
                                  const std::string& actor = "") {
    return std::make_unique<Watching>(quota_.get(), request, token, actor);
  }

  int64_t Revision() {
    v1::GetWalletRequest request;
    request.set_organization_id("acme");
    v1::GetWalletResponse response;
    EXPECT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::GetWallet, request, &response).ok());
    return response.position().revision();
  }

  // Reads until `until`; every entry must follow the one before, beginning behind `after`. Returns
  // the last revision seen; less than `until` if the watch ended.
  static int64_t ReadInOrder(Watching* watching, int64_t after, int64_t until) {
    v1::WatchWalletResponse response;
    while (after < until && watching->Next(&response)) {
      for (const v1::JournalEntry& entry : response.entries()) {
        EXPECT_EQ(entry.sequence(), after + 1);
        after = entry.sequence();
      }
      EXPECT_EQ(response.position().revision(), after);
      EXPECT_FALSE(response.position().epoch().empty());
    }
    return after;
  }
};

// Rules: N5, S1, D5
TEST_F(WatchWallet, ShowsTheWalletAtOnceAndThenEveryChange) {
  const int64_t revision = Revision();
  const auto watching = Watch(RequestFromNow());
  v1::WatchWalletResponse response;
  ASSERT_TRUE(watching->Next(&response));
  EXPECT_EQ(response.position().revision(), revision);
  EXPECT_TRUE(response.entries().empty());
  ASSERT_TRUE(response.has_summary());
  EXPECT_EQ(response.summary().month_to_date().units(), 0);
  EXPECT_FALSE(response.summary().evaluations().empty());
  EXPECT_TRUE(response.has_next_change_time());

  v1::RecordConsumptionResponse receipt;
  ASSERT_TRUE(RecordCost("acme", "ann", 500, "r-1", &receipt).ok());
  std::vector<v1::JournalEntryKind> kinds;
  v1::WalletSummary summary;
  while (response.position().revision() < receipt.revision()) {
    ASSERT_TRUE(watching->Next(&response));
    for (const v1::JournalEntry& entry : response.entries()) {
      kinds.push_back(entry.kind());
      if (entry.kind() == v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED) {
        EXPECT_EQ(entry.request_id(), "r-1");
        EXPECT_EQ(entry.amount().units(), 500);
      }
    }
  }
  EXPECT_EQ(kinds.back(), v1::JOURNAL_ENTRY_KIND_USAGE_CHARGED);
  EXPECT_EQ(response.summary().month_to_date().units() +
                response.summary().included_month_to_date().units(),
            500);

  // A change that no usage brings.
  v1::SetSpendLimitRequest limit;
  limit.set_organization_id("acme");
  limit.set_organization(true);
  limit.mutable_amount()->set_units(700);
  v1::SetSpendLimitResponse set;
  ASSERT_TRUE(Call(admin_.get(), &v1::AdminService::Stub::SetSpendLimit, limit, &set).ok());
  ASSERT_TRUE(watching->Next(&response));
  ASSERT_EQ(response.entries_size(), 1);
  EXPECT_EQ(response.entries(0).kind(), v1::JOURNAL_ENTRY_KIND_SPEND_LIMIT_SET);
  EXPECT_EQ(response.position().revision(), Revision());
}

// Rules: N5, J1
TEST_F(WatchWallet, EveryRevisionComesInOrderFromWhereverItResumes) {
  RecordMany(3000, "r-");
  const int64_t revision = Revision();
  for (const int64_t from : {int64_t{0}, int64_t{1}, int64_t{1234}, revision - 1}) {
    const auto watching = Watch(RequestFrom(from));
    EXPECT_EQ(ReadInOrder(watching.get(), from, revision), revision);
  }
  // At the tip there is nothing to catch up with, and the next change comes.
  const auto watching = Watch(RequestFrom(revision));
  v1::WatchWalletResponse response;
  ASSERT_TRUE(watching->Next(&response));
  EXPECT_TRUE(response.entries().empty());
  EXPECT_EQ(response.position().revision(), revision);
  RecordMany(1, "later-");
  EXPECT_EQ(ReadInOrder(watching.get(), revision, revision + 1), revision + 1);
}

// Rules: N5
TEST_F(WatchWallet, ManyWatchersSeeWhatManyWritersWriteWithoutAGap) {
  constexpr int kWriters = 3;
  constexpr int kWatchers = 4;
  constexpr int kRecords = 1500;
  const int64_t start = Revision();
  std::vector<std::unique_ptr<Watching>> watches;
  std::vector<std::future<int64_t>> seen;
  // The windows open with entries of their own, so the end is known only when all is written.
  std::promise<int64_t> end;
  const std::shared_future<int64_t> known_end = end.get_future().share();
  for (int i = 0; i < kWatchers; ++i) {
    watches.push_back(Watch(RequestFrom(start)));
    seen.push_back(std::async(std::launch::async, [&, watching = watches.back().get()] {
      const int64_t most_of_it = ReadInOrder(watching, start, start + kWriters * kRecords);
      return ReadInOrder(watching, most_of_it, known_end.get());
    }));
  }
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([this, w] { RecordMany(kRecords, absl::StrCat("w", w, "-")); });
  }
  for (std::thread& writer : writers) writer.join();
  end.set_value(Revision());
  for (auto& last : seen) EXPECT_EQ(last.get(), known_end.get());
}

// Rules: N5, A1, A2, A3
TEST_F(WatchWallet, WhoMayNotSeeTheSpendIsRefused) {
  ASSERT_TRUE(AddMember("acme", "bob").ok());
  ASSERT_TRUE(CreateOrganization("other", "enterprise_seat").ok());
  const v1::WatchWalletRequest request = RequestFrom(0);
  EXPECT_EQ(Watch(request, "")->Refusal().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Watch(request, CreateToken(v1::SERVICE_ROLE_PAYMENTS, {}))->Refusal().error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Watch(request, CreateToken(v1::SERVICE_ROLE_VIEWER, {"other"}))->Refusal().error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  const std::string admin = CreateToken(v1::SERVICE_ROLE_ADMIN, {"acme"});
  EXPECT_EQ(ReasonOf(Watch(request, admin)->Refusal()), "ACTOR_REQUIRED");
  EXPECT_EQ(Watch(request, admin, "bob")->Refusal().error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  const int64_t revision = Revision();
  EXPECT_EQ(ReadInOrder(Watch(request, admin, "ann").get(), 0, revision), revision);
  EXPECT_EQ(ReadInOrder(Watch(request, CreateToken(v1::SERVICE_ROLE_VIEWER, {"acme"})).get(), 0,
                        revision),
            revision);
}

// Rules: N5, A2
TEST_F(WatchWallet, FrontendLearnsWhatChangedButNotByWhomAndForHowMuch) {
  RecordMany(2, "r-");
  const int64_t revision = Revision();
  const auto watching = Watch(RequestFrom(0), CreateToken(v1::SERVICE_ROLE_FRONTEND, {"acme"}));
  v1::WatchWalletResponse response;
  ASSERT_TRUE(watching->Next(&response));
  EXPECT_EQ(response.entries_size(), revision);
  for (const v1::JournalEntry& entry : response.entries()) {
    v1::JournalEntry brief;
    brief.set_sequence(entry.sequence());
    brief.set_kind(entry.kind());
    *brief.mutable_record_time() = entry.record_time();
    EXPECT_NE(entry.kind(), v1::JOURNAL_ENTRY_KIND_UNSPECIFIED);
    EXPECT_EQ(brief.SerializeAsString(), entry.SerializeAsString());
  }
  EXPECT_TRUE(response.has_summary());
}

// Rules: N5, A1
TEST_F(WatchWallet, TokenThatIsRevokedSeesNothingMore) {
  const v1::CreateServiceTokenResponse token = NewToken(v1::SERVICE_ROLE_VIEWER, {"acme"});
  const auto watching = Watch(RequestFromNow(), token.secret());
  v1::WatchWalletResponse response;
  ASSERT_TRUE(watching->Next(&response));
  Revoke(token);
  // Also where there is never any news: the watch would keep its place.
  EXPECT_EQ(watching->Refusal().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

// Rules: N5
TEST_F(WatchWallet, RevisionsThatDoNotExistAreOutOfRange) {
  const grpc::Status ahead = Watch(RequestFrom(Revision() + 1))->Refusal();
  EXPECT_EQ(ahead.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(ahead), "REVISION_AHEAD");
  v1::WatchWalletRequest restored = RequestFrom(1);
  restored.set_epoch("epc_of_another_life");
  const grpc::Status epoch = Watch(restored)->Refusal();
  EXPECT_EQ(epoch.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(epoch), "EPOCH_CHANGED");
  const grpc::Status negative = Watch(RequestFrom(-1))->Refusal();
  EXPECT_EQ(negative.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(negative), std::vector<std::string>{"from_revision"});
  v1::WatchWalletRequest unknown = RequestFromNow();
  unknown.set_organization_id("nobody");
  EXPECT_EQ(Watch(unknown)->Refusal().error_code(), grpc::StatusCode::NOT_FOUND);
}

// Rules: N5
TEST_F(WatchWallet, DrainEndsItWithUnavailableAndItResumesAfterwards) {
  const auto watching = Watch(RequestFromNow());
  v1::WatchWalletResponse response;
  ASSERT_TRUE(watching->Next(&response));
  std::future<void> stopped = std::async(std::launch::async, [this] { Stop(); });
  EXPECT_FALSE(watching->Next(&response));
  const grpc::Status status = watching->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  stopped.get();
  Start();
  RecordMany(10, "r-");
  v1::WatchWalletRequest resume = RequestFrom(response.position().revision());
  resume.set_epoch(response.position().epoch());
  const int64_t revision = Revision();
  EXPECT_EQ(ReadInOrder(Watch(resume).get(), resume.from_revision(), revision), revision);
}

class FewWatches : public WatchWallet {
 protected:
  FewWatches()
      : WatchWallet([](Options* options) {
          options->max_watches = 2;
          options->watch_max_lag = 200;
        }) {}
};

// Rules: N5
TEST_F(FewWatches, OneTooManyIsRefusedUntilAnotherEnds) {
  v1::WatchWalletResponse response;
  auto first = Watch(RequestFromNow());
  const auto second = Watch(RequestFromNow());
  ASSERT_TRUE(first->Next(&response));
  ASSERT_TRUE(second->Next(&response));
  const grpc::Status refused = Watch(RequestFromNow())->Refusal();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "TOO_MANY_WATCHES");
  first = nullptr;
  // The server learns of it in its own time.
  while (!Watch(RequestFromNow())->Next(&response)) {
  }
  EXPECT_TRUE(response.has_summary());
}

// Rules: N5
TEST_F(FewWatches, SlowWatcherIsDroppedWhileWritersGoOnAndMissesNothingAfterwards) {
  constexpr int kRecords = 5000;
  const auto slow = Watch(RequestFromNow());
  v1::WatchWalletResponse response;
  ASSERT_TRUE(slow->Next(&response));
  int64_t last = response.position().revision();
  // Far more than the connection's windows hold: the watch is stuck, the writers are not.
  RecordMany(kRecords, "r-");
  const int64_t revision = Revision();
  while (slow->Next(&response)) {
    for (const v1::JournalEntry& entry : response.entries()) {
      ASSERT_EQ(entry.sequence(), last + 1);
      last = entry.sequence();
    }
  }
  const grpc::Status status = slow->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "WATCHER_TOO_SLOW");
  EXPECT_LT(last, revision);
  EXPECT_NE(status.error_message().find(absl::StrCat("from_revision ", last)), std::string::npos)
      << status.error_message();
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(FindDetail(status, &info));
  EXPECT_EQ(info.metadata().at("from_revision"), absl::StrCat(last));

  const auto resumed = Watch(RequestFrom(last));
  EXPECT_EQ(ReadInOrder(resumed.get(), last, revision), revision);
  ExpectChargedOnce("r-", kRecords);
}

}  // namespace
}  // namespace bursar
