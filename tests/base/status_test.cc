// Statuses with a reason and field violations.
#include "server/base/status.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bursar {
namespace {

// Rules: M2
TEST(FieldViolations, AllOfARequestAreReportedAtOnceEachFieldOnce) {
  FieldViolations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  violations.Add("member_id", "is required");
  violations.Add("cost.nanos", "must have the sign of units");
  violations.Add("member_id", "a second complaint about the same field");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "member_id: is required (and 1 more)");
  const std::vector<FieldViolation> found = Violations(status);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].field, "cost.nanos");
  EXPECT_EQ(found[1].field, "member_id");
  EXPECT_EQ(found[1].description, "is required");
}

// Rules: M2
TEST(FieldViolations, InnerStatusKeepsItsFieldsUnderThePrefix) {
  FieldViolations violations;
  violations.AddFrom("book", InvalidField("models[3].id", "is there twice"));
  violations.AddFrom("time_zone", absl::InvalidArgumentError("no such zone"));
  violations.AddFrom("other", absl::OkStatus());
  const std::vector<FieldViolation> found = Violations(violations.ToStatus());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].field, "book.models[3].id");
  EXPECT_EQ(found[1].field, "time_zone");
  EXPECT_EQ(found[1].description, "no such zone");
}

// Rules: R2
TEST(StatusReason, TravelsWithTheStatusAndSurvivesAPrefix) {
  absl::Status status = WithReason(absl::AlreadyExistsError("used before"), "REQUEST_ID_REUSED");
  status = WithMetadata(std::move(status), "retention_days", "36");
  const absl::Status prefixed = Prefixed(status, "record");
  EXPECT_EQ(prefixed.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(prefixed.message(), "record: used before");
  EXPECT_EQ(Reason(prefixed), "REQUEST_ID_REUSED");
  ASSERT_EQ(Metadata(prefixed).size(), 1U);
  EXPECT_EQ(Metadata(prefixed)[0], (std::pair<std::string, std::string>("retention_days", "36")));
  EXPECT_EQ(Reason(absl::NotFoundError("nothing")), "");
  EXPECT_TRUE(Prefixed(absl::OkStatus(), "record").ok());
}

}  // namespace
}  // namespace bursar
