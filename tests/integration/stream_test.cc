// Records without end on one stream: acknowledged when durable, once each, whatever breaks.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "client/lib/stream_recorder.h"
#include "tests/integration/recording_fixture.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/test_seed.h"

namespace bursar {
namespace {

using Stream =
    grpc::ClientReaderWriter<v1::StreamConsumptionRequest, v1::StreamConsumptionResponse>;

class StreamConsumption : public RecordingTest {
 protected:
  using RecordingTest::RecordingTest;

  std::unique_ptr<Stream> Open(grpc::ClientContext* context,
                               const std::string& token = kOperatorToken) {
    if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
    return quota_->StreamConsumption(context);
  }

  static v1::StreamConsumptionRequest ItemOf(int i) {
    v1::StreamConsumptionRequest item;
    item.set_sequence(i);
    *item.mutable_record() = RecordOf(absl::StrCat("s-", i));
    return item;
  }

  std::shared_ptr<const Connection> ConnectTo(const std::string& server) {
    ConnectionOptions options;
    options.server = server;
    options.token = kOperatorToken;
    return *Connection::Open(options);
  }
};

// Rules: R6, R3
TEST_F(StreamConsumption, ThousandsOfRecordsAreAcknowledgedOnceEach) {
  constexpr int kRecords = 5000;
  grpc::ClientContext context;
  const auto stream = Open(&context);
  std::thread writer([&] {
    for (int i = 0; i < kRecords; ++i) {
      if (!stream->Write(ItemOf(i))) return;
    }
    stream->WritesDone();
  });
  std::set<int64_t> acknowledged;
  int wrong = 0;
  v1::StreamConsumptionResponse response;
  while (stream->Read(&response)) {
    const bool is_new = acknowledged.insert(response.sequence()).second;
    const v1::RecordResult& result = response.result();
    if (!is_new || !result.has_receipt() || result.receipt().replayed() ||
        result.request_id() != absl::StrCat("s-", response.sequence())) {
      ++wrong;
    }
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(acknowledged.size(), static_cast<size_t>(kRecords));
  ExpectChargedOnce("s-", kRecords);
}

// Rules: R6
TEST_F(StreamConsumption, BadRecordHasItsOwnErrorAndTheStreamGoesOn) {
  grpc::ClientContext context;
  const auto stream = Open(&context);
  v1::StreamConsumptionRequest bad = ItemOf(0);
  bad.mutable_record()->mutable_cost()->set_units(-1);
  v1::StreamConsumptionRequest nothing;
  nothing.set_sequence(1);
  ASSERT_TRUE(stream->Write(bad));
  ASSERT_TRUE(stream->Write(nothing));
  ASSERT_TRUE(stream->Write(ItemOf(2)));
  std::map<int64_t, v1::RecordResult> results;
  v1::StreamConsumptionResponse response;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    results[response.sequence()] = response.result();
  }
  EXPECT_EQ(results[0].error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(results[1].error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(results[2].has_receipt());
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

// Rules: R2, R6
TEST_F(StreamConsumption, SharesRequestIdsWithBatches) {
  RecordMany(1, "s-");
  grpc::ClientContext context;
  const auto stream = Open(&context);
  v1::StreamConsumptionRequest other = ItemOf(0);
  other.set_sequence(7);
  other.mutable_record()->mutable_cost()->set_units(2);
  ASSERT_TRUE(stream->Write(ItemOf(0)));
  ASSERT_TRUE(stream->Write(other));
  stream->WritesDone();
  v1::StreamConsumptionResponse response;
  int replayed = 0;
  int reused = 0;
  while (stream->Read(&response)) {
    if (response.result().receipt().replayed()) ++replayed;
    if (response.result().error().code() == grpc::StatusCode::ALREADY_EXISTS) ++reused;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(replayed, 1);
  EXPECT_EQ(reused, 1);
  ExpectChargedOnce("s-", 1);
}

// The connection is cut at random bytes, in the middle of a record as a rule.
//
// Rules: R2, R3, R6
TEST_F(StreamConsumption, BrokenInTheMiddleAndResumedLosesAndRepeatsNothing) {
  constexpr int kRecords = 4000;
  std::mt19937_64 random(TestSeed());
  constexpr int kCuts = 6;
  CuttingProxy proxy(std::stoi(address_.substr(address_.rfind(':') + 1)), [&](int index) {
    // Less than the records take together, so that every one of the first connections is cut.
    return index < kCuts ? std::uniform_int_distribution<int64_t>(1000, 40'000)(random)
                         : CuttingProxy::kNeverCut;
  });
  std::map<std::string, int> results;
  int failed = 0;
  int replayed = 0;
  StreamRecorder recorder(ConnectTo(absl::StrCat("127.0.0.1:", proxy.port())), {},
                          [&](const v1::RecordConsumptionRequest& record,
                              const absl::StatusOr<v1::RecordConsumptionResponse>& result) {
                            ++results[record.request_id()];
                            if (!result.ok()) ++failed;
                            if (result.ok() && result->replayed()) ++replayed;
                          });
  for (int i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(recorder.Record(RecordOf(absl::StrCat("s-", i))).ok());
  }
  const absl::Status flushed = recorder.Flush();
  ASSERT_TRUE(flushed.ok()) << flushed;
  EXPECT_TRUE(recorder.Stop().empty());
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(results.size(), static_cast<size_t>(kRecords));
  for (const auto& [request_id, count] : results) EXPECT_EQ(count, 1) << request_id;
  EXPECT_EQ(proxy.cut_count(), kCuts);
  EXPECT_GE(recorder.stream_count(), kCuts + 1);
  std::cout << replayed << " of " << kRecords << " were recorded before a cut and sent again\n";
  ExpectChargedOnce("s-", kRecords);
}

// Rules: R2, R6
TEST_F(StreamConsumption, WhatARecorderHasLeftIsRecordedByTheNextOne) {
  constexpr int kRecords = 2000;
  std::atomic<int> acknowledged = 0;
  StreamRecorderOptions options;
  options.max_unacknowledged = kRecords;
  auto first = std::make_unique<StreamRecorder>(
      ConnectTo(address_), options,
      [&](const v1::RecordConsumptionRequest&,
          const absl::StatusOr<v1::RecordConsumptionResponse>&) { ++acknowledged; });
  for (int i = 0; i < kRecords / 2; ++i) {
    ASSERT_TRUE(first->Record(RecordOf(absl::StrCat("s-", i))).ok());
  }
  Stop();
  const std::vector<v1::RecordConsumptionRequest> left = first->Stop();
  EXPECT_EQ(left.size() + static_cast<size_t>(acknowledged), static_cast<size_t>(kRecords / 2));
  Start();
  StreamRecorder second(ConnectTo(address_), options,
                        [](const v1::RecordConsumptionRequest&,
                           const absl::StatusOr<v1::RecordConsumptionResponse>& result) {
                          EXPECT_TRUE(result.ok()) << result.status();
                        });
  for (const v1::RecordConsumptionRequest& record : left) {
    ASSERT_TRUE(second.Record(record).ok());
  }
  for (int i = kRecords / 2; i < kRecords; ++i) {
    ASSERT_TRUE(second.Record(RecordOf(absl::StrCat("s-", i))).ok());
  }
  EXPECT_TRUE(second.Flush().ok());
  ExpectChargedOnce("s-", kRecords);
}

// Rules: A1, A2
TEST_F(StreamConsumption, GateStandsBeforeTheStreamAndBeforeEveryRecord) {
  v1::StreamConsumptionResponse response;
  {
    grpc::ClientContext context;
    const auto stream = Open(&context, "");
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  }
  {
    grpc::ClientContext context;
    const auto stream = Open(&context, CreateToken(v1::SERVICE_ROLE_VIEWER, {}));
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  const v1::CreateServiceTokenResponse token = NewToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});
  grpc::ClientContext context;
  const auto stream = Open(&context, token.secret());
  v1::StreamConsumptionRequest foreign = ItemOf(0);
  foreign.mutable_record()->set_organization_id("other");
  ASSERT_TRUE(stream->Write(foreign));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.result().error().code(), grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(stream->Write(ItemOf(1)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.result().has_receipt());

  Revoke(token);
  stream->Write(ItemOf(2));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ChargesByRequest().count("s-2"), 0U);
}

// Rules: A1, R6
TEST_F(StreamConsumption, SilentOneOfARevokedTokenGivesItsPlaceBack) {
  const v1::CreateServiceTokenResponse token = NewToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});
  grpc::ClientContext context;
  const auto stream = Open(&context, token.secret());
  ASSERT_TRUE(stream->Write(ItemOf(1)));
  v1::StreamConsumptionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(server_->CheckHealth().ok());
  Revoke(token);
  // As the program does every second.
  ASSERT_TRUE(server_->CheckHealth().ok());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

// A client that is refused for good is told so, and keeps its records.
//
// Rules: A1, R6
TEST_F(StreamConsumption, RecorderFailsWhereTheTokenMayNot) {
  ConnectionOptions options;
  options.server = address_;
  options.token = "no-such-token-0123456789";
  StreamRecorder recorder(
      *Connection::Open(options), {},
      [](const v1::RecordConsumptionRequest&,
         const absl::StatusOr<v1::RecordConsumptionResponse>&) { ADD_FAILURE(); });
  EXPECT_EQ(recorder.Record(v1::RecordConsumptionRequest()).code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(recorder.Record(RecordOf("s-0")).ok());
  EXPECT_EQ(recorder.Flush().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(recorder.Record(RecordOf("s-1")).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(recorder.Stop().size(), 1U);
}

// Rules: R3, R6
TEST_F(StreamConsumption, DrainSaysUnavailableAndWhatWasAcknowledgedIsThereOnce) {
  grpc::ClientContext context;
  const auto stream = Open(&context);
  std::atomic<int> written = 0;
  std::thread writer([&] {
    while (stream->Write(ItemOf(written))) ++written;
    ++written;
  });
  std::set<std::string> acknowledged;
  v1::StreamConsumptionResponse response;
  std::future<void> stopped;
  while (stream->Read(&response)) {
    EXPECT_TRUE(response.result().has_receipt()) << response.result().error().message();
    acknowledged.insert(response.result().request_id());
    if (acknowledged.size() == 500) stopped = std::async(std::launch::async, [this] { Stop(); });
  }
  writer.join();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  stopped.get();
  Start();
  const std::map<std::string, int> charges = ChargesByRequest();
  // The network may lose acknowledgements at the end, never what they stand for.
  EXPECT_GE(charges.size(), acknowledged.size());
  for (const std::string& request_id : acknowledged) EXPECT_EQ(charges.count(request_id), 1U);
  // Whatever was sent is sent again.
  const int count = written;
  RecordMany(count, "s-");
  ExpectChargedOnce("s-", count);
}

// A stream that has nothing under way hears at once, and in full, why it ends.
//
// Rules: R6
TEST_F(StreamConsumption, DrainTellsAnIdleStreamThatTheServerShutsDown) {
  grpc::ClientContext context;
  const auto stream = Open(&context);
  v1::StreamConsumptionResponse response;
  ASSERT_TRUE(stream->Write(ItemOf(0)));
  ASSERT_TRUE(stream->Read(&response));
  std::future<void> stopped = std::async(std::launch::async, [this] { Stop(); });
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  stopped.get();
}

// A client that reads nothing is cut off when the drain has waited long enough; it hears
// UNAVAILABLE, as every client of a server that is gone does.
//
// Rules: R6
TEST_F(StreamConsumption, DrainOfAStreamThatNobodyReadsEndsUnavailable) {
  // A small window, so that the acknowledgements do not fit into it.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto channel =
      grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = v1::QuotaService::NewStub(channel);
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + std::string(kOperatorToken));
  const auto stream = stub->StreamConsumption(&context);
  std::thread writer([&] {
    for (int i = 0; i < 3000 && stream->Write(ItemOf(i)); ++i) {
    }
  });
  v1::StreamConsumptionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server_->Drain(absl::Seconds(1));
  Stop();
  writer.join();
  while (stream->Read(&response)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  Start();
}

// Few records in flight, and a client that sends much before it reads anything.
class SmallStreams : public StreamConsumption {
 protected:
  static constexpr int kInFlight = 16;
  static constexpr int kStreams = 2;
  SmallStreams()
      : StreamConsumption([](Options* options) {
          options->stream_records = kInFlight;
          options->max_record_streams = kStreams;
        }) {}
};

// Rules: R6
TEST_F(SmallStreams, ClientThatDoesNotReadIsHeldUpAndThenGoesOn) {
  constexpr int kRecords = 6000;
  // The window for what this client has not read, in bytes; its own size does not adapt.
  constexpr int kWindow = 65535;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto channel =
      grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = v1::QuotaService::NewStub(channel);
  grpc::ClientContext context;
  context.AddMetadata("authorization", std::string("Bearer ") + kOperatorToken);
  const auto stream = stub->StreamConsumption(&context);
  std::thread writer([&] {
    for (int i = 0; i < kRecords; ++i) {
      if (!stream->Write(ItemOf(i))) return;
    }
    stream->WritesDone();
  });
  // Other callers are served meanwhile: nothing here waits for the one that does not read. What the
  // journal holds of the stream stops growing while the client reads nothing.
  size_t charged = 0;
  for (size_t before = 1; charged != before || charged == 0;) {
    before = charged;
    v1::CheckAdmissionResponse check;
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(Check("acme", "ann", &check).ok());
    charged = ChargesByRequest().size();
  }
  std::set<int64_t> acknowledged;
  size_t smallest = kWindow;
  v1::StreamConsumptionResponse response;
  while (stream->Read(&response)) {
    EXPECT_TRUE(response.result().has_receipt());
    acknowledged.insert(response.sequence());
    smallest = std::min(smallest, response.ByteSizeLong());
  }
  writer.join();
  // Recorded was what is acknowledged into the window, which the library may grant once more while
  // it takes in what is there, a message that waits for it, and what may be in flight. How many
  // records lie on the way beyond that is the kernel's affair.
  const size_t most = 2 * kWindow / smallest + 1 + kInFlight;
  EXPECT_LT(most, static_cast<size_t>(kRecords));
  EXPECT_LE(charged, most);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(acknowledged.size(), static_cast<size_t>(kRecords));
  ExpectChargedOnce("s-", kRecords);
}

// Rules: R6
TEST_F(SmallStreams, OneStreamTooManyIsRefusedUntilAnotherEnds) {
  v1::StreamConsumptionResponse response;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < kStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(Open(contexts.back().get()));
    ASSERT_TRUE(streams.back()->Write(ItemOf(i)));
    ASSERT_TRUE(streams.back()->Read(&response));
  }
  {
    grpc::ClientContext context;
    const auto refused = Open(&context);
    EXPECT_FALSE(refused->Read(&response));
    EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  streams[0]->WritesDone();
  EXPECT_FALSE(streams[0]->Read(&response));
  EXPECT_TRUE(streams[0]->Finish().ok());
  // The place is free a moment after the client has its answer.
  bool is_admitted = false;
  while (!is_admitted) {
    grpc::ClientContext context;
    const auto stream = Open(&context);
    is_admitted = stream->Write(ItemOf(9)) && stream->Read(&response);
  }
  EXPECT_TRUE(response.result().has_receipt());
}

// Rules: R3, R6
TEST_F(StreamConsumption, ClientThatGoesAwayDisturbsNobody) {
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    const auto stream = Open(&context);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(stream->Write(ItemOf(round * 50 + i)));
    }
    context.TryCancel();
    EXPECT_NE(stream->Finish().error_code(), grpc::StatusCode::OK);
  }
  RecordMany(1000, "s-");
  ExpectChargedOnce("s-", 1000);
}

}  // namespace
}  // namespace bursar
