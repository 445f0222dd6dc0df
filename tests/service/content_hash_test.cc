// Recognizing a repeated request by its content.
#include "server/service/content_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/quota_service.pb.h"

namespace bursar {
namespace {

v1::RecordConsumptionRequest SomeRecord() {
  v1::RecordConsumptionRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  request.set_model("claude-opus-4-5");
  request.mutable_usage()->set_input_tokens(1000);
  request.set_request_id("r1");
  request.mutable_occurred_at()->set_seconds(1'700'000'000);
  return request;
}

// Rules: R2
TEST(ContentHash, DoesNotDependOnTheOrderOfLabels) {
  v1::RecordConsumptionRequest forward = SomeRecord();
  v1::RecordConsumptionRequest backward = SomeRecord();
  for (int i = 0; i < 16; ++i) (*forward.mutable_labels())["k" + std::to_string(i)] = "v";
  for (int i = 15; i >= 0; --i) (*backward.mutable_labels())["k" + std::to_string(i)] = "v";
  EXPECT_EQ(ContentHash(forward), ContentHash(backward));
  EXPECT_EQ(ContentHash(forward).size(), 16U);
}

// Rules: R2
TEST(ContentHash, ChangesWithEveryPartOfTheRequest) {
  const std::string hash = ContentHash(SomeRecord());
  v1::RecordConsumptionRequest request = SomeRecord();
  request.mutable_usage()->set_input_tokens(1001);
  EXPECT_NE(ContentHash(request), hash);
  request = SomeRecord();
  request.mutable_occurred_at()->set_nanos(1);
  EXPECT_NE(ContentHash(request), hash);
  request = SomeRecord();
  (*request.mutable_labels())["k"] = "";
  EXPECT_NE(ContentHash(request), hash);
  request = SomeRecord();
  request.set_partial(true);
  EXPECT_NE(ContentHash(request), hash);
}

// Rules: R2
TEST(ContentHash, TellsRequestsOfDifferentKindsApart) {
  v1::GetWalletRequest wallet;
  wallet.set_organization_id("acme");
  v1::GetOrganizationRequest organization;
  organization.set_organization_id("acme");
  EXPECT_NE(ContentHash(wallet), ContentHash(organization));
}

// The hash is kept on disk for weeks: if this fails, repetitions of requests that an older server
// recorded would be refused.
// Rules: R2
TEST(ContentHash, IsWhatItAlwaysWas) {
  EXPECT_EQ(absl::BytesToHexString(ContentHash(SomeRecord())), "72739238a848e811e244ab48a195b890");
}

// Rules: R2, A4
TEST(ContentHash, OfWhatAPersonDoesIsThatPersons) {
  const v1::RecordConsumptionRequest request = SomeRecord();
  EXPECT_EQ(ContentHash(request, ""), ContentHash(request));
  EXPECT_EQ(ContentHash(request, "adam"), ContentHash(request, "adam"));
  EXPECT_NE(ContentHash(request, "adam"), ContentHash(request, "olga"));
  EXPECT_NE(ContentHash(request, "adam"), ContentHash(request));
  EXPECT_EQ(ContentHash(request, "adam").size(), 16U);
}

}  // namespace
}  // namespace bursar
