// Many records in one call: each has its own result.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/recording_fixture.h"

namespace bursar {
namespace {

class BatchRecordConsumption : public RecordingTest {
 protected:
  static v1::BatchRecordConsumptionRequest BatchOf(int count, const std::string& prefix) {
    v1::BatchRecordConsumptionRequest request;
    for (int i = 0; i < count; ++i) *request.add_records() = RecordOf(absl::StrCat(prefix, i));
    return request;
  }
};

// Rules: R6, R3
TEST_F(BatchRecordConsumption, EveryRecordHasItsOwnReceiptInTheOrderSent) {
  v1::BatchRecordConsumptionResponse response;
  ASSERT_TRUE(Batch(BatchOf(1000, "r-"), &response).ok());
  ASSERT_EQ(response.results_size(), 1000);
  int64_t last_sequence = 0;
  for (int i = 0; i < 1000; ++i) {
    const v1::RecordResult& result = response.results(i);
    ASSERT_TRUE(result.has_receipt()) << result.error().message();
    EXPECT_EQ(result.request_id(), absl::StrCat("r-", i));
    EXPECT_EQ(result.receipt().cost().units(), 1);
    EXPECT_FALSE(result.receipt().replayed());
    EXPECT_GT(result.receipt().sequence(), last_sequence);
    last_sequence = result.receipt().sequence();
  }
  ExpectChargedOnce("r-", 1000);
}

// Rules: R6
TEST_F(BatchRecordConsumption, BadRecordsHaveTheirOwnErrorsAndLoseNoOther) {
  v1::BatchRecordConsumptionRequest request = BatchOf(8, "r-");
  request.mutable_records(1)->mutable_cost()->set_units(-1);
  request.mutable_records(2)->set_member_id("nobody");
  request.mutable_records(3)->set_organization_id("elsewhere");
  request.mutable_records(4)->clear_request_id();
  request.mutable_records(5)->mutable_cost()->set_currency_code("EUR");
  *request.mutable_records(6) = v1::RecordConsumptionRequest();
  v1::BatchRecordConsumptionResponse response;
  ASSERT_TRUE(Batch(request, &response).ok());
  ASSERT_EQ(response.results_size(), 8);
  const grpc::StatusCode expected[] = {grpc::StatusCode::OK,
                                       grpc::StatusCode::INVALID_ARGUMENT,
                                       grpc::StatusCode::NOT_FOUND,
                                       grpc::StatusCode::NOT_FOUND,
                                       grpc::StatusCode::INVALID_ARGUMENT,
                                       grpc::StatusCode::INVALID_ARGUMENT,
                                       grpc::StatusCode::INVALID_ARGUMENT,
                                       grpc::StatusCode::OK};
  for (int i = 0; i < 8; ++i) {
    const v1::RecordResult& result = response.results(i);
    EXPECT_EQ(result.has_receipt(), expected[i] == grpc::StatusCode::OK) << i;
    EXPECT_EQ(result.error().code(), static_cast<int>(expected[i])) << i;
    EXPECT_EQ(result.error().details_size() > 0, !result.has_receipt()) << i;
  }
  const auto charges = ChargesByRequest();
  EXPECT_EQ(charges.size(), 2U);
  EXPECT_EQ(charges.count("r-0") + charges.count("r-7"), 2U);
  ExpectVerified();
}

// Rules: R6
TEST_F(BatchRecordConsumption, ErrorOfARecordNamesTheFieldAsItDoesAlone) {
  v1::BatchRecordConsumptionRequest request = BatchOf(1, "r-");
  request.mutable_records(0)->mutable_cost()->set_units(-1);
  v1::BatchRecordConsumptionResponse response;
  ASSERT_TRUE(Batch(request, &response).ok());
  google::rpc::Status rich;
  ASSERT_TRUE(rich.ParseFromString(response.results(0).error().SerializeAsString()));
  const grpc::Status status(static_cast<grpc::StatusCode>(rich.code()), rich.message(),
                            rich.SerializeAsString());
  EXPECT_EQ(FieldsOf(status), std::vector<std::string>{"cost"});
}

// Rules: R6
TEST_F(BatchRecordConsumption, OverTheLimitAndEmptyAreRefusedWholeBeforeAnything) {
  v1::BatchRecordConsumptionResponse response;
  const grpc::Status over = Batch(BatchOf(1001, "r-"), &response);
  EXPECT_EQ(over.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(over), std::vector<std::string>{"records"});
  const grpc::Status empty = Batch(v1::BatchRecordConsumptionRequest(), &response);
  EXPECT_EQ(empty.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(empty), std::vector<std::string>{"records"});
  EXPECT_TRUE(ChargesByRequest().empty());
}

// Rules: R2, R6
TEST_F(BatchRecordConsumption, RepeatedBatchIsAnsweredWithTheFirstReceipts) {
  const v1::BatchRecordConsumptionRequest request = BatchOf(100, "r-");
  v1::BatchRecordConsumptionResponse first;
  ASSERT_TRUE(Batch(request, &first).ok());
  Stop();
  Start();
  v1::BatchRecordConsumptionResponse again;
  ASSERT_TRUE(Batch(request, &again).ok());
  ASSERT_EQ(again.results_size(), 100);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(again.results(i).receipt().replayed()) << i;
    EXPECT_EQ(again.results(i).receipt().sequence(), first.results(i).receipt().sequence()) << i;
  }
  ExpectChargedOnce("r-", 100);
}

// Rules: R2, R6
TEST_F(BatchRecordConsumption, SameIdTwiceInsideIsARepetitionOrAReusedId) {
  v1::BatchRecordConsumptionRequest request;
  *request.add_records() = RecordOf("r-0");
  *request.add_records() = RecordOf("r-0");
  *request.add_records() = RecordOf("r-0");
  request.mutable_records(2)->mutable_cost()->set_units(2);
  v1::BatchRecordConsumptionResponse response;
  ASSERT_TRUE(Batch(request, &response).ok());
  EXPECT_FALSE(response.results(0).receipt().replayed());
  EXPECT_TRUE(response.results(1).receipt().replayed());
  EXPECT_EQ(response.results(1).receipt().sequence(), response.results(0).receipt().sequence());
  EXPECT_EQ(response.results(2).error().code(), grpc::StatusCode::ALREADY_EXISTS);
  ExpectChargedOnce("r-", 1);
}

// Rules: R2, R6
TEST_F(BatchRecordConsumption, SharesRequestIdsWithSingleRecords) {
  v1::RecordConsumptionResponse single;
  ASSERT_TRUE(
      Call(quota_.get(), &v1::QuotaService::Stub::RecordConsumption, RecordOf("r-0"), &single)
          .ok());
  v1::BatchRecordConsumptionResponse response;
  ASSERT_TRUE(Batch(BatchOf(2, "r-"), &response).ok());
  EXPECT_TRUE(response.results(0).receipt().replayed());
  EXPECT_EQ(response.results(0).receipt().sequence(), single.sequence());
  EXPECT_FALSE(response.results(1).receipt().replayed());
  ExpectChargedOnce("r-", 2);
}

// Rules: A2, O7, R6
TEST_F(BatchRecordConsumption, TokenRecordsForItsOrganizationsOnly) {
  ASSERT_TRUE(CreateOrganization("other", "enterprise_seat").ok());
  ASSERT_TRUE(AddMember("other", "ann").ok());
  v1::BatchRecordConsumptionRequest request = BatchOf(2, "r-");
  request.mutable_records(0)->set_organization_id("other");
  v1::BatchRecordConsumptionResponse response;
  const std::string frontend = CreateToken(v1::SERVICE_ROLE_FRONTEND, {"acme"});
  ASSERT_TRUE(Batch(request, &response, frontend).ok());
  EXPECT_EQ(response.results(0).error().code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(response.results(1).has_receipt());

  const std::string viewer = CreateToken(v1::SERVICE_ROLE_VIEWER, {});
  EXPECT_EQ(Batch(request, &response, viewer).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Batch(request, &response, "").error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace bursar
