// Health and reflection against a real client.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/service/rpc_fixture.h"

namespace bursar {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class HealthTest : public RpcTest {
 protected:
  grpc::Status Check(const std::string& service, HealthCheckResponse* response) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    return Health::NewStub(channel_)->Check(&context, request, response);
  }
};

// Rules: A1
TEST_F(HealthTest, CheckNeedsNoTokenAndFollowsTheServersState) {
  HealthCheckResponse response;
  ASSERT_TRUE(Check("", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  state_.Set(ServingState::State::kServing);
  for (const char* service : {"", "bursar.v1.QuotaService", "grpc.health.v1.Health"}) {
    ASSERT_TRUE(Check(service, &response).ok()) << service;
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING) << service;
  }
  EXPECT_EQ(Check("no.such.Service", &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

// Rules: A1
TEST_F(HealthTest, WatchTellsEveryChangeAndEndsWithTheServer) {
  auto stub = Health::NewStub(channel_);
  grpc::ClientContext context;
  auto reader = stub->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  state_.Set(ServingState::State::kServing);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  state_.Set(ServingState::State::kStopping);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// Rules: A1
TEST_F(HealthTest, WatchOfAnUnknownServiceSaysSoAndGoesOn) {
  auto stub = Health::NewStub(channel_);
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service("no.such.Service");
  auto reader = stub->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// Rules: A1
TEST_F(HealthTest, WatchesAreBounded) {
  auto stub = Health::NewStub(channel_);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>> readers;
  HealthCheckResponse response;
  for (size_t i = 0; i < kMaxWatches; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stub->Watch(contexts.back().get(), HealthCheckRequest()));
    ASSERT_TRUE(readers.back()->Read(&response));
  }
  grpc::ClientContext one_more;
  auto refused = stub->Watch(&one_more, HealthCheckRequest());
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  ASSERT_TRUE(Check("", &response).ok());
  for (size_t i = 0; i < kMaxWatches; ++i) {
    contexts[i]->TryCancel();
    EXPECT_EQ(readers[i]->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

// One generation of the reflection protocol.
struct V1 {
  using Stub = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Stub = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

template <class Version>
class ReflectionTest : public RpcTest {
 protected:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  // Asks every question on one stream; the answers are in `responses`.
  grpc::Status Ask(const std::vector<Request>& requests, bool with_token) {
    grpc::ClientContext context;
    if (with_token) AddToken(&context, ServiceRole::kViewer);
    auto stub = Version::Stub::NewStub(channel_);
    auto stream = stub->ServerReflectionInfo(&context);
    for (const Request& request : requests) {
      Response response;
      if (!stream->Write(request) || !stream->Read(&response)) break;
      responses_.push_back(response);
    }
    stream->WritesDone();
    return stream->Finish();
  }

  static Request Symbol(const std::string& name) {
    Request request;
    request.set_file_containing_symbol(name);
    return request;
  }

  std::vector<Response> responses_;
};

using Versions = testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Versions);

// Rules: A1
TYPED_TEST(ReflectionTest, AsksForATokenLikeEverythingElse) {
  typename TypeParam::Request request;
  request.set_list_services("");
  EXPECT_EQ(this->Ask({request}, false).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(this->responses_.empty());
}

// Rules: A1
TYPED_TEST(ReflectionTest, ListsWhatIsRegistered) {
  typename TypeParam::Request request;
  request.set_list_services("");
  request.set_host("here");
  ASSERT_TRUE(this->Ask({request}, true).ok());
  ASSERT_EQ(this->responses_.size(), 1U);
  EXPECT_EQ(this->responses_[0].valid_host(), "here");
  EXPECT_EQ(this->responses_[0].original_request().host(), "here");
  std::set<std::string> names;
  for (const auto& service : this->responses_[0].list_services_response().service()) {
    names.insert(service.name());
  }
  EXPECT_EQ(names, (std::set<std::string>{"bursar.v1.QuotaService", "grpc.health.v1.Health"}));
}

// Rules: A1
TYPED_TEST(ReflectionTest, FilesComeWithAllTheirImportsSoThatAClientCanBuildThem) {
  ASSERT_TRUE(this->Ask({this->Symbol("bursar.v1.QuotaService.CheckAdmission")}, true).ok());
  ASSERT_EQ(this->responses_.size(), 1U);
  google::protobuf::SimpleDescriptorDatabase database;
  for (const std::string& bytes :
       this->responses_[0].file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    database.Add(file);
  }
  google::protobuf::DescriptorPool pool(&database);
  const auto* service = pool.FindServiceByName("bursar.v1.QuotaService");
  ASSERT_NE(service, nullptr);
  EXPECT_NE(service->FindMethodByName("RecordConsumption"), nullptr);
  EXPECT_EQ(pool.FindMessageTypeByName("bursar.v1.CheckAdmissionRequest")
                ->FindFieldByName("organization_id")
                ->json_name(),
            "organizationId");
}

// Rules: A1
TYPED_TEST(ReflectionTest, ImportsAreSentOnceAStreamAndAFileWheneverItIsAskedFor) {
  typename TypeParam::Request by_name;
  by_name.set_file_by_filename("bursar/v1/quota_service.proto");
  ASSERT_TRUE(this->Ask({by_name, by_name, this->Symbol("grpc.health.v1.Health")}, true).ok());
  ASSERT_EQ(this->responses_.size(), 3U);
  EXPECT_GT(this->responses_[0].file_descriptor_response().file_descriptor_proto_size(), 2);
  EXPECT_EQ(this->responses_[1].file_descriptor_response().file_descriptor_proto_size(), 1);
  EXPECT_EQ(this->responses_[2].file_descriptor_response().file_descriptor_proto_size(), 1);
}

// Rules: A1
TYPED_TEST(ReflectionTest, WhatIsNotThereIsAnErrorResponseAndTheStreamGoesOn) {
  typename TypeParam::Request file;
  file.set_file_by_filename("no/such.proto");
  typename TypeParam::Request extension;
  extension.mutable_file_containing_extension()->set_containing_type("bursar.v1.Money");
  extension.mutable_file_containing_extension()->set_extension_number(5);
  typename TypeParam::Request numbers;
  numbers.set_all_extension_numbers_of_type("no.such.Type");
  const std::vector<typename TypeParam::Request> requests = {this->Symbol("no.such.Symbol"), file,
                                                             extension, numbers};
  ASSERT_TRUE(this->Ask(requests, true).ok());
  ASSERT_EQ(this->responses_.size(), requests.size());
  for (const auto& response : this->responses_) {
    EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  }
}

// Rules: A1
TYPED_TEST(ReflectionTest, EmptyQuestionIsRefusedAndExtensionNumbersAreListed) {
  typename TypeParam::Request numbers;
  numbers.set_all_extension_numbers_of_type("bursar.v1.Money");
  ASSERT_TRUE(this->Ask({typename TypeParam::Request(), numbers}, true).ok());
  ASSERT_EQ(this->responses_.size(), 2U);
  EXPECT_EQ(this->responses_[0].error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(this->responses_[1].all_extension_numbers_response().base_type_name(),
            "bursar.v1.Money");
}

}  // namespace
}  // namespace bursar
