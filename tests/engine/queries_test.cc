// Lists and sums over what is durable.
#include "server/engine/queries.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {
namespace {

class Queries : public EngineTest {
 protected:
  // Records usage: input costs 1000 nanos a token on model-a, and 9000 on any other model, like the
  // seven tokens that are read from a cache (the fallback).
  void RecordUsage(const std::string& member_id, const std::string& surface,
                   const std::string& model, int64_t input, const std::string& request_id) {
    RecordConsumptionCommand command = MakeRecord(member_id, Nanos());
    command.surface = surface;
    command.model = model;
    command.usage = Usage();
    command.usage->input = input;
    command.usage->cache_read = 7;
    Promised<absl::StatusOr<RecordReply>> promised;
    engine().RecordConsumption("acme", command, {request_id, "content"}, {},
                               [&](absl::StatusOr<RecordReply> reply) { promised.Set(reply); });
    ASSERT_TRUE(promised.Wait().ok()) << promised.Wait().status();
  }
  JournalPage Page(const JournalFilter& filter) {
    absl::StatusOr<JournalPage> page = ReadJournal(store(), "acme", filter);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *std::move(page) : JournalPage();
  }
  UsageReport Usages(const UsageQuery& query) {
    absl::StatusOr<UsageReport> report = QueryUsage(store(), "acme", query);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : UsageReport();
  }
};
BURSAR_ENGINE_SUITE(Queries);

// Rules: S2
TEST_P(Queries, UsageIsSummedByWhateverIsAskedFor) {
  SetUpAcme("team");
  RecordUsage("ann", "chat", "model-a", 1000, "r1");
  RecordUsage("ann", "claude-code", "model-b", 500'000, "r2");
  RecordUsage("bob", "chat", "model-a", 3000, "r3");
  RecordUsage("bob", "chat", "model-a", 20'000'000, "r4");  // More than is included.
  UsageQuery query;
  UsageReport report = Usages(query);
  ASSERT_EQ(report.rows.size(), 1);
  EXPECT_EQ(report.rows[0].record_count, 4);
  EXPECT_EQ(report.total.cost, JournaledCost("acme"));
  EXPECT_EQ(report.total.cost, report.total.included + report.total.extra + report.total.metered);
  EXPECT_TRUE(report.total.extra.is_positive());
  EXPECT_EQ(report.total.input, 20'504'000);
  EXPECT_EQ(report.total.cache_read, 28);
  EXPECT_EQ(report.revision, Journal("acme").back().sequence);
  EXPECT_EQ(report.as_of, clock_.Now());

  query.by_member = true;
  report = Usages(query);
  ASSERT_EQ(report.rows.size(), 2);
  EXPECT_EQ(report.rows[0].member_id, "bob");  // Dearest first.
  EXPECT_EQ(report.rows[0].cost, Amount(Nanos(20'003'000'000 + 2 * 7 * 9000)));
  EXPECT_EQ(report.rows[1].cost, Amount(Nanos(1'000'000 + 4'500'000'000 + 2 * 7 * 9000)));
  EXPECT_EQ(report.rows[1].surface, "");

  query.by_surface = query.by_model = true;
  report = Usages(query);
  ASSERT_EQ(report.rows.size(), 3);
  EXPECT_EQ(report.rows[1].member_id, "ann");
  EXPECT_EQ(report.rows[1].surface, "claude-code");
  EXPECT_EQ(report.rows[1].provider, "maker");
  EXPECT_EQ(report.rows[1].model, "model-b");
  Amount sum;
  for (const UsageSum& row : report.rows) sum += row.cost;
  EXPECT_EQ(sum, report.total.cost);
}

// Rules: S2, T2
TEST_P(Queries, UsageIsSummedByTheTimeOfRecording) {
  SetUpAcme("team");
  std::vector<absl::Time> instants;
  for (int i = 0; i < 5; ++i) {
    instants.push_back(clock_.Now());
    RecordUsage("ann", "chat", "model-a", 1 << i, absl::StrCat("r", i));
    clock_.Advance(absl::Hours(1));
  }
  for (size_t from = 0; from < instants.size(); ++from) {
    for (size_t to = from; to < instants.size(); ++to) {
      UsageQuery query;
      query.start = instants[from];
      query.end = instants[to];
      EXPECT_EQ(Usages(query).total.input, (1 << to) - (1 << from)) << from << " to " << to;
    }
  }
}

// Rules: A4, J1
TEST_P(Queries, TheJournalIsReadInPagesBothWays) {
  SetUpAcme("team");
  for (int i = 0; i < 25; ++i) RecordUsage("ann", "chat", "model-a", 1, absl::StrCat("r", i));
  const std::vector<Entry> all = Journal("acme");
  for (const bool ascending : {true, false}) {
    std::vector<int64_t> sequences;
    JournalFilter filter;
    filter.ascending = ascending;
    filter.limit = 4;
    while (true) {
      const JournalPage page = Page(filter);
      EXPECT_EQ(page.revision, all.back().sequence);
      for (const auto& item : page.items) {
        sequences.push_back(item.entry.sequence);
        EXPECT_EQ(item.chain_hash.size(), 32);
      }
      if (!page.more) break;
      ASSERT_EQ(page.items.size(), 4);
      filter.after_sequence = sequences.back();
    }
    ASSERT_EQ(sequences.size(), all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      const size_t place = ascending ? i : all.size() - 1 - i;
      EXPECT_EQ(sequences[i], all[place].sequence);
    }
  }
}

// Rules: A4
TEST_P(Queries, TheJournalIsFiltered) {
  SetUpAcme("team");
  RecordUsage("ann", "chat", "model-a", 1, "r1");
  clock_.Advance(absl::Hours(1));
  const absl::Time later = clock_.Now();
  RecordUsage("bob", "chat", "model-a", 1, "r2");
  RecordUsage("ann", "chat", "model-a", 1, "r3");
  JournalFilter filter;
  filter.member_id = "ann";
  filter.body_index = EntryBody(UsageCharged()).index();
  EXPECT_EQ(Page(filter).items.size(), 2);
  filter.start = later;
  ASSERT_EQ(Page(filter).items.size(), 1);
  EXPECT_EQ(Page(filter).items[0].entry.cause.request_id, "r3");
  filter = JournalFilter();
  filter.end = later;
  filter.body_index = EntryBody(UsageCharged()).index();
  for (const bool ascending : {true, false}) {
    filter.ascending = ascending;
    ASSERT_EQ(Page(filter).items.size(), 1);
    EXPECT_EQ(Page(filter).items[0].entry.cause.request_id, "r1");
  }
  filter = JournalFilter();
  filter.request_id = "r2";
  for (const auto& item : Page(filter).items) EXPECT_EQ(item.entry.cause.request_id, "r2");
  EXPECT_FALSE(Page(filter).items.empty());
  EXPECT_EQ(ReadJournal(store(), "nobody", filter).status().code(), absl::StatusCode::kNotFound);
}

// Rules: O2, O7
TEST_P(Queries, OrganizationsAndMembersAreListedInPages) {
  for (const char* id : {"c", "a", "b"}) CreateOrganization(id, "usage");
  for (const char* id : {"z", "x", "y"}) AddMember("b", id);
  const auto first = ListOrganizations(store(), "", 2);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->size(), 2);
  EXPECT_EQ((*first)[0].organization_id, "a");
  const auto second = ListOrganizations(store(), "b", 2);
  ASSERT_EQ(second->size(), 1);
  EXPECT_EQ((*second)[0].organization_id, "c");
  const auto members = ListMembers(store(), "b", "", 2);
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_EQ(members->header.organization_id, "b");
  ASSERT_EQ(members->members.size(), 2);
  EXPECT_TRUE(members->more);
  EXPECT_EQ(members->members[1].member_id, "y");
  const auto rest = ListMembers(store(), "b", "y", 2);
  ASSERT_EQ(rest->members.size(), 1);
  EXPECT_FALSE(rest->more);
  EXPECT_EQ(ListMembers(store(), "nobody", "", 2).status().code(), absl::StatusCode::kNotFound);
}

// Rules: N1
TEST_P(Queries, NoticesAreListedInPagesOfOneOrOfAllOrganizations) {
  for (const char* id : {"a", "b", "c"}) {
    CreateOrganization(id, "metered");
    AddMember(id, "ann");
    ASSERT_TRUE(Check(id, "ann").ok());
    Grant(id, 1);
  }
  for (const std::string organization : {"", "b"}) {
    std::vector<std::string> seen;
    std::string after;
    while (true) {
      const auto page = ListNotices(store(), organization, after, 2);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const PendingNotice& notice : page->notices) {
        seen.push_back(absl::StrCat(notice.organization_id,
                                    notice.stored.kind == NoticeKind::kResolved ? "-" : "+"));
      }
      after = page->next;
      if (after.empty()) break;
    }
    EXPECT_EQ(seen, organization.empty()
                        ? std::vector<std::string>({"a+", "a-", "b+", "b-", "c+", "c-"})
                        : std::vector<std::string>({"b+", "b-"}));
  }
  EXPECT_EQ(ListNotices(store(), "", "malformed", 2).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bursar
