#include "client/cli/replay_requests.h"

#include <gtest/gtest.h>

#include <set>

namespace bursar::cli {
namespace {

Trace SmallTrace() {
  return *ParseTrace("a.csv",
                     "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                     "2023-11-16 18:17:03.9799600,4808,10\n"
                     "2023-11-16 18:17:04.0319600,3180,8\n",
                     TraceColumns());
}

ReplaySubject Subject() {
  ReplaySubject subject;
  subject.organization = "acme";
  subject.surface = "chat";
  subject.model = "claude-opus-4-5";
  subject.member_count = 20;
  return subject;
}

const absl::Time kEnd = absl::FromUnixNanos(1'795'000'000'000'000'700);

// Rules: R2, T2
TEST(ReplayRequests, TheSameRowIsTheSameRequestByteForByte) {
  const Trace trace = SmallTrace();
  const ReplayRequests first(trace, Subject(), kEnd);
  const ReplayRequests second(trace, Subject(), kEnd);
  v1::RecordConsumptionRequest a;
  v1::RecordConsumptionRequest b;
  b.set_admission_id("left over from another call");
  first.FillRecord(0, &a);
  second.FillRecord(0, &b);
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
  EXPECT_EQ(a.organization_id(), "acme");
  EXPECT_EQ(a.surface(), "chat");
  EXPECT_EQ(a.model(), "claude-opus-4-5");
  EXPECT_EQ(a.usage().input_tokens(), 4808);
  EXPECT_EQ(a.usage().output_tokens(), 10);
}

// Rules: T2
TEST(ReplayRequests, LastRowMovesToTheEndAndDistancesStay) {
  const Trace trace = SmallTrace();
  const ReplayRequests requests(trace, Subject(), kEnd);
  EXPECT_EQ(requests.OccurredUnixNanos(1), absl::ToUnixNanos(kEnd));
  EXPECT_EQ(requests.OccurredUnixNanos(1) - requests.OccurredUnixNanos(0), 52'000'000);
  v1::RecordConsumptionRequest request;
  requests.FillRecord(1, &request);
  EXPECT_EQ(request.occurred_at().seconds(), 1'795'000'000);
  EXPECT_EQ(request.occurred_at().nanos(), 700);
}

TEST(ReplayRequests, CheckAndRecordOfARowAskForTheSameMember) {
  const Trace trace = SmallTrace();
  const ReplayRequests requests(trace, Subject(), kEnd);
  v1::CheckAdmissionRequest check;
  v1::RecordConsumptionRequest record;
  requests.FillCheck(1, &check);
  requests.FillRecord(1, &record);
  EXPECT_EQ(check.member_id(), record.member_id());
  EXPECT_EQ(check.member_id().find("member-0"), 0u);
}

// Rules: R2
TEST(ReplayRequests, OtherTrafficHasOtherRequestIds) {
  const Trace trace = SmallTrace();
  std::set<std::string> ids;
  const auto add = [&](const ReplaySubject& subject) {
    ids.insert(ReplayRequests(trace, subject, kEnd).RequestId(0));
  };
  add(Subject());
  ReplaySubject other = Subject();
  other.surface = "claude-code";
  add(other);
  other = Subject();
  other.model = "claude-haiku-4-5";
  add(other);
  other = Subject();
  other.provider = "anthropic";
  add(other);
  other = Subject();
  other.organization = "b";
  add(other);
  other = Subject();
  other.member_count = 21;
  add(other);
  other = Subject();
  other.seed = 2;
  add(other);
  Trace other_trace = SmallTrace();
  other_trace.content_id = ContentId("something else");
  ids.insert(ReplayRequests(other_trace, Subject(), kEnd).RequestId(0));
  EXPECT_EQ(ids.size(), 8u);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), std::string("rpl_0123456789ab_0").size()) << id;
    EXPECT_EQ(id.find("rpl_"), 0u);
  }
}

TEST(ReplayRequests, ARenamedTraceIsTheSameTraffic) {
  Trace renamed = SmallTrace();
  renamed.name = "b.csv";
  const Trace trace = SmallTrace();
  EXPECT_EQ(ReplayRequests(trace, Subject(), kEnd).RequestId(1),
            ReplayRequests(renamed, Subject(), kEnd).RequestId(1));
}

TEST(ReplayRequests, MemberIdsHaveThreeDigitsOrMore) {
  EXPECT_EQ(ReplayMemberId(0, 40), "member-001");
  EXPECT_EQ(ReplayMemberId(39, 40), "member-040");
  EXPECT_EQ(ReplayMemberId(0, 5000), "member-0001");
}

}  // namespace
}  // namespace bursar::cli
