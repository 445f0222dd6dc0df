// The contract's second half: paging, forgetting, snapshots, system records, refusals, threads.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/storage/store_contract.h"

namespace bursar {
namespace {

using testing::ElementsAre;

LoadState RememberedState(const Reader& reader, const std::string& request_id) {
  auto values = reader.Load({LoadKey::Dedupe("acme", RequestFamily::kRecording, request_id)},
                            LoadMode::kMayBlock);
  EXPECT_TRUE(values.ok()) << values.status();
  return values.ok() ? values->at(0).state : LoadState::kWouldBlock;
}

std::string ToText(const std::vector<RecordRow>& rows) {
  std::string text;
  for (const RecordRow& row : rows) text += (text.empty() ? "" : " ") + row.id;
  return text;
}

std::string ToText(const std::vector<OutboxRow>& rows) {
  std::string text;
  for (const OutboxRow& row : rows) {
    text += (text.empty() ? "" : " ") + row.organization_id + "/" + row.notice_id;
  }
  return text;
}

// Rules: S2, O7
TEST_P(StoreContract, ScansPageThroughOneOrganizationsRecordsOfOneKind) {
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  for (const char* id : {"a", "ab", "b", "c"}) {
    commit.puts.push_back({RecordKind::kMember, id, id});
  }
  commit.puts.push_back({RecordKind::kHold, "b", "hold"});
  commit.puts.push_back({RecordKind::kMember, std::string("b\0x", 3), "zero"});
  commit.puts.push_back({RecordKind::kMember, "\xff\xff", "high"});
  Commit(commit);
  OrganizationCommit other = MakeCommit("acmf", 0, 1);
  other.puts = {{RecordKind::kMember, "a", "other"}};
  Commit(other);
  Reopen();
  const auto page = [&](const std::string& after, size_t limit) {
    return ToText(Must(store().ScanRecords("acme", RecordKind::kMember, after, limit)));
  };
  EXPECT_EQ(page("", 2), "a ab");
  EXPECT_EQ(page("ab", 2), std::string("b b\0x", 5));
  EXPECT_EQ(page(std::string("b\0x", 3), 9), "c \xff\xff");
  EXPECT_EQ(page("aa", 1), "ab");
  EXPECT_EQ(page("\xff\xff", 9), "");
  EXPECT_EQ(page("", 0), "");
  EXPECT_EQ(ToText(Must(store().ScanRecords("acme", RecordKind::kHold, "", 9))), "b");
  EXPECT_EQ(ToText(Must(store().ScanRecords("acm", RecordKind::kMember, "", 9))), "");
}

// Rules: S2
TEST_P(StoreContract, ScansPageThroughOrganizations) {
  for (const char* id : {"b", "a", "ab", "c"}) {
    OrganizationCommit commit = MakeCommit(id, 0, 4);
    commit.puts = {{RecordKind::kHeader, "", std::string("header of ") + id},
                   {RecordKind::kMember, "m", "member"}};
    Commit(commit);
  }
  Reopen();
  auto first = store().ScanOrganizations("", 3);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->size(), 3u);
  EXPECT_EQ((*first)[0].organization_id, "a");
  EXPECT_EQ((*first)[1].organization_id, "ab");
  EXPECT_EQ((*first)[1].header, "header of ab");
  EXPECT_EQ((*first)[1].revision, 4);
  EXPECT_EQ((*first)[2].organization_id, "b");
  auto rest = store().ScanOrganizations("b", 3);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].organization_id, "c");
  EXPECT_TRUE(Must(store().ScanOrganizations("c", 3)).empty());
}

// Rules: N1
TEST_P(StoreContract, OutboxesAreScannedByOrganizationAndAllTogether) {
  for (const char* id : {"a", "ab", "b"}) {
    OrganizationCommit commit = MakeCommit(id, 0, 1);
    commit.outbox_puts = {{"n1", "x"}, {"n2", "x"}};
    Commit(commit);
  }
  OrganizationCommit sent = MakeCommit("ab", 1, 2);
  sent.outbox_deletes = {"n1"};
  Commit(sent);
  Reopen();
  EXPECT_EQ(ToText(Must(store().ScanOutbox("a", "", 9))), "a/n1 a/n2");
  EXPECT_EQ(ToText(Must(store().ScanOutbox("a", "n1", 9))), "a/n2");
  EXPECT_EQ(ToText(Must(store().ScanOutbox("none", "", 9))), "");
  EXPECT_EQ(ToText(Must(store().ScanAllOutboxes("", "", 9))), "a/n1 a/n2 ab/n2 b/n1 b/n2");
  EXPECT_EQ(ToText(Must(store().ScanAllOutboxes("a", "n1", 2))), "a/n2 ab/n2");
  EXPECT_EQ(ToText(Must(store().ScanAllOutboxes("a", "n2", 9))), "ab/n2 b/n1 b/n2");
  EXPECT_EQ(ToText(Must(store().ScanAllOutboxes("b", "n2", 9))), "");
}

// Rules: R2
TEST_P(StoreContract, RequestIdsAreRememberedFor36DaysAndForgottenLater) {
  // Every phase within a generation of days is tried.
  for (int day = 0; day < 13; ++day) {
    const absl::Time committed_at = TestStart() + absl::Hours(24 * 50) * day;
    const std::string id = "r" + std::to_string(day);
    OrganizationCommit commit = MakeCommit("acme", 10 * day, 10 * day + 1);
    commit.committed_at = committed_at + absl::Hours(24) * day;
    commit.dedupe = {{RequestFamily::kRecording, id, "first"}};
    ASSERT_EQ(Commit(commit).outcome, CommitOutcome::kCommitted);
    ASSERT_TRUE(store().ForgetDedupe(commit.committed_at + kDedupeRetention).ok());
    EXPECT_EQ(RememberedState(store(), id), LoadState::kFound) << day;
    OrganizationCommit again = MakeCommit("acme", 10 * day + 1, 10 * day + 9);
    again.committed_at = commit.committed_at + kDedupeRetention;
    again.dedupe = commit.dedupe;
    EXPECT_EQ(Commit(again).outcome, CommitOutcome::kDuplicate) << day;
    // A clock that went back brings nothing back and forgets nothing.
    ASSERT_TRUE(store().ForgetDedupe(commit.committed_at - absl::Hours(24 * 400)).ok());
    EXPECT_EQ(RememberedState(store(), id), LoadState::kFound) << day;
    if (day % 3 == 0) Reopen();
    ASSERT_TRUE(store().ForgetDedupe(commit.committed_at + absl::Hours(24 * 49)).ok());
    EXPECT_EQ(RememberedState(store(), id), LoadState::kAbsent) << day;
    EXPECT_EQ(Commit(again).outcome, CommitOutcome::kCommitted) << day;
    ASSERT_EQ(Commit(MakeCommit("acme", 10 * day + 9, 10 * day + 10)).outcome,
              CommitOutcome::kCommitted);
  }
}

// Rules: R2
TEST_P(StoreContract, RequestIdOfACommitStampedBeforeWhatIsForgottenIsStillRemembered) {
  ASSERT_TRUE(store().ForgetDedupe(TestStart() + absl::Hours(24 * 400)).ok());
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  commit.dedupe = {{RequestFamily::kRecording, "late", "first"}};
  EXPECT_EQ(Commit(commit).outcome, CommitOutcome::kCommitted);
  Reopen();
  EXPECT_EQ(RememberedState(store(), "late"), LoadState::kFound);
}

// Rules: D6
TEST_P(StoreContract, WhatStandsBesideTheJournalChangesNoRevision) {
  ASSERT_EQ(Commit(MakeCommit("acme", 0, 1)).outcome, CommitOutcome::kCommitted);
  ASSERT_TRUE(
      store()
          .PutAside(
              {{"acme", {{RecordKind::kDenial, "a", "1"}, {RecordKind::kDenial, "b", "2"}}, {}}})
          .ok());
  ASSERT_TRUE(
      store()
          .PutAside({{"acme", {{RecordKind::kDenial, "c", "3"}}, {{RecordKind::kDenial, "a"}}}})
          .ok());
  ASSERT_TRUE(store().PutAside({}).ok());
  Reopen();
  const auto rows = Must(store().ScanRecords("acme", RecordKind::kDenial, "", 9));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "b");
  EXPECT_EQ(rows[1].value, "3");
  EXPECT_EQ(Must(store().Revision("acme")), 1);
  EXPECT_EQ(Commit(MakeCommit("acme", 1, 2)).outcome, CommitOutcome::kCommitted);
  for (const AsideChange& wrong : {
           AsideChange{"", {}, {}},
           AsideChange{"acme", {{RecordKind::kMember, "a", ""}}, {}},
           AsideChange{"acme", {}, {{RecordKind::kHold, "a"}}},
           AsideChange{"acme", {{RecordKind::kDenial, "", ""}}, {}},
           AsideChange{
               "acme", {{RecordKind::kDenial, "a", ""}, {RecordKind::kDenial, "a", ""}}, {}},
       }) {
    EXPECT_EQ(store().PutAside({wrong}).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(store().PutAside({{"acme", {}, {}}, {"acme", {}, {}}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(store().health().ok());
}

// Rules: S2, J2
TEST_P(StoreContract, SnapshotShowsAFixedState) {
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  commit.puts = {{RecordKind::kHeader, "", "old"}, {RecordKind::kMember, "ann", "old"}};
  commit.outbox_puts = {{"n1", "x"}};
  commit.next_due = TestStart();
  Commit(commit);
  ASSERT_TRUE(store().PutSystem({{"book", "old"}}).ok());
  auto snapshot = store().NewSnapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  OrganizationCommit change = MakeCommit("acme", 1, 2);
  change.puts = {{RecordKind::kHeader, "", "new"}, {RecordKind::kMember, "bob", "new"}};
  change.deletes = {{RecordKind::kMember, "ann"}};
  change.outbox_deletes = {"n1"};
  change.dedupe = {{RequestFamily::kRecording, "r", "x"}};
  Commit(change);
  Commit(MakeCommit("beta", 0, 1));
  ASSERT_TRUE(store().PutSystem({{"book", "new"}}).ok());
  const Reader& then = **snapshot;
  auto loaded = then.Load({LoadKey::Header("acme"), LoadKey::Member("acme", "ann"),
                           LoadKey::Dedupe("acme", RequestFamily::kRecording, "r")},
                          LoadMode::kMayBlock);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ((*loaded)[0].value, "old");
  EXPECT_EQ((*loaded)[0].revision, 1);
  EXPECT_EQ((*loaded)[1].value, "old");
  EXPECT_EQ((*loaded)[2].state, LoadState::kAbsent);
  EXPECT_EQ(Must(then.Revision("acme")), 1);
  EXPECT_EQ(ToText(Must(then.ScanRecords("acme", RecordKind::kMember, "", 9))), "ann");
  EXPECT_EQ(Must(then.ScanOrganizations("", 9)).size(), 1u);
  EXPECT_EQ(ToText(Must(then.ScanAllOutboxes("", "", 9))), "acme/n1");
  EXPECT_EQ(Must(then.Due(absl::InfiniteFuture(), 9)).size(), 1u);
  EXPECT_EQ(Spans(ReadAll(then, "acme", 1, Direction::kForward)), "1-1");
  EXPECT_EQ(Spans(ReadAll(then, "acme", kLastSequence, Direction::kBackward)), "1-1");
  EXPECT_EQ(then.GetSystem("book")->value(), "old");
  EXPECT_EQ(store().GetSystem("book")->value(), "new");
}

// Rules: P5
TEST_P(StoreContract, SystemRecordsArePutDeletedAndScannedByPrefix) {
  ASSERT_TRUE(store().PutSystem({{"book/1", "a"}, {"book/2", "b"}, {"bool", "c"}}).ok());
  ASSERT_TRUE(
      store().PutSystem({{"book/1", std::nullopt}, {"book/3", "d"}, {"x", std::nullopt}}).ok());
  Reopen();
  std::vector<std::string> keys;
  for (const SystemRow& row : Must(store().ScanSystem("book/")))
    keys.push_back(row.key + row.value);
  EXPECT_THAT(keys, ElementsAre("book/2b", "book/3d"));
  EXPECT_EQ(Must(store().ScanSystem("")).size(), 3u);
  EXPECT_FALSE(store().GetSystem("book/1")->has_value());
  EXPECT_EQ(store().GetSystem("bool")->value(), "c");
}

// Rules: J1
TEST_P(StoreContract, MalformedGroupsAreRefusedAndWriteNothing) {
  std::vector<CommitGroup> groups;
  const auto add = [&](auto change) {
    OrganizationCommit commit = MakeCommit("acme", 0, 1);
    change(commit);
    groups.push_back({{MakeCommit("good", 0, 1), commit}});
  };
  add([](auto& c) { c.organization_id = ""; });
  add([](auto& c) { c.organization_id = std::string("a\0b", 3); });
  add([](auto& c) { c.organization_id = std::string(kMaxOrganizationIdBytes + 1, 'a'); });
  add([](auto& c) { c.organization_id = "good"; });
  add([](auto& c) { c.new_revision = 0; });
  add([](auto& c) { c.expected_revision = -1; });
  add([](auto& c) { c.committed_at = absl::FromUnixSeconds(-1); });
  add([](auto& c) { c.puts = {{RecordKind::kHeader, "id", ""}}; });
  add([](auto& c) { c.puts = {{RecordKind::kMember, "", ""}}; });
  add([](auto& c) { c.puts = {{RecordKind::kMember, "a", ""}, {RecordKind::kMember, "a", ""}}; });
  add([](auto& c) { c.deletes = {{RecordKind::kHeader, ""}}; });
  add([](auto& c) { c.dedupe = {{RequestFamily::kRecording, "", ""}}; });
  add([](auto& c) {
    c.dedupe = {{RequestFamily::kRecording, "r", ""}, {RequestFamily::kRecording, "r", ""}};
  });
  add([](auto& c) { c.outbox_puts = {{"", ""}}; });
  add([](auto& c) { c.outbox_deletes = {"n", "n"}; });
  // A commit that leaves the revision remembers request ids of an organization, and does no more.
  const auto add_unchanging = [&](auto change) {
    add([&](auto& c) {
      c.expected_revision = c.new_revision = 1;
      c.journal_record.clear();
      c.dedupe = {{RequestFamily::kAdministration, "r", ""}};
      change(c);
    });
  };
  add_unchanging([](auto& c) { c.expected_revision = c.new_revision = 0; });
  add_unchanging([](auto& c) { c.dedupe.clear(); });
  add_unchanging([](auto& c) { c.journal_record = "x"; });
  add_unchanging([](auto& c) { c.puts = {{RecordKind::kMember, "a", ""}}; });
  add_unchanging([](auto& c) { c.deletes = {{RecordKind::kMember, "a"}}; });
  add_unchanging([](auto& c) { c.outbox_puts = {{"n", ""}}; });
  add_unchanging([](auto& c) { c.outbox_deletes = {"n"}; });
  add_unchanging([](auto& c) { c.next_due = TestStart(); });
  for (size_t i = 0; i < groups.size(); ++i) {
    EXPECT_EQ(store().Commit(groups[i]).status().code(), absl::StatusCode::kInvalidArgument) << i;
  }
  EXPECT_EQ(store().PutSystem({{"", "x"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().PutSystem({{"a", "x"}, {"a", "y"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().ChangeOutbox({{"acme", "", "x"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().ChangeOutbox({{"", "n", "x"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().ChangeOutbox({{"acme", "n", "x"}, {"acme", "n", "y"}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Must(store().ScanOrganizations("", 9)).empty());
  // Malformed is the caller's mistake: the store goes on.
  EXPECT_TRUE(store().health().ok());
  EXPECT_EQ(Commit(MakeCommit("good", 0, 1)).outcome, CommitOutcome::kCommitted);
  EXPECT_TRUE(store().Commit({})->empty());
  EXPECT_EQ(store().Load({LoadKey::Header("")}, LoadMode::kMayBlock).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Rules: N1
TEST_P(StoreContract, NoticesAreChangedOutsideCommitsAndTheRevisionStays) {
  OrganizationCommit commit = MakeCommit("acme", 0, 3);
  commit.outbox_puts = {{"n1", "new"}, {"n2", "new"}, {"n3", "new"}};
  Commit(commit);
  ASSERT_TRUE(store()
                  .ChangeOutbox({{"acme", "n1", "tried"},
                                 {"acme", "n2", std::nullopt},
                                 {"acme", "none", std::nullopt},
                                 {"nobody", "n1", "lost"}})
                  .ok());
  ASSERT_TRUE(store().ChangeOutbox({}).ok());
  Reopen();
  const auto rows = Must(store().ScanAllOutboxes("", "", 9));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].notice_id + "=" + rows[0].value, "n1=tried");
  EXPECT_EQ(rows[1].notice_id + "=" + rows[1].value, "n3=new");
  EXPECT_EQ(Must(store().Revision("acme")), 3);
  EXPECT_EQ(Must(store().Revision("nobody")), 0);
  // The next commit goes on from there.
  OrganizationCommit next = MakeCommit("acme", 3, 4);
  next.outbox_deletes = {"n1"};
  EXPECT_EQ(Commit(next).outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(Must(store().ScanOutbox("acme", "", 9)).size(), 1u);
}

// Rules: D5
TEST_P(StoreContract, LoadFromMemoryOnlyAnswersOrSaysItWouldBlock) {
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  commit.puts = {{RecordKind::kHeader, "", "header"}, {RecordKind::kMember, "ann", "a"}};
  Commit(commit);
  auto values = store().Load(
      {LoadKey::Header("acme"), LoadKey::Member("acme", "ann"), LoadKey::Member("acme", "none"),
       LoadKey::Dedupe("acme", RequestFamily::kRecording, "none")},
      LoadMode::kMemoryOnly);
  ASSERT_TRUE(values.ok()) << values.status();
  // What was just written is in memory.
  EXPECT_EQ((*values)[0].value, "header");
  EXPECT_EQ((*values)[1].value, "a");
  EXPECT_NE((*values)[2].state, LoadState::kFound);
  EXPECT_NE((*values)[3].state, LoadState::kFound);
}

// Rules: D5
TEST_P(StoreContract, ReadersSeeWholeCommitsWhileAnotherThreadCommits) {
  constexpr int64_t kCommits = 200;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  const auto read = [&] {
    while (!done) {
      auto values = store().Load({LoadKey::Header("acme"), LoadKey::Member("acme", "ann")},
                                 LoadMode::kMayBlock);
      if (!values.ok() || (*values)[0].value != (*values)[1].value) ++torn;
      auto snapshot = store().NewSnapshot();
      const int64_t revision = *(*snapshot)->Revision("acme");
      const auto journal = (*snapshot)->ReadJournal("acme", kLastSequence, Direction::kBackward);
      const auto last = (*journal)->Next();
      if (!last.ok() || (last->has_value() ? (**last).last_sequence : 0) != revision) ++torn;
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (int64_t i = 0; i < kCommits; ++i) {
    OrganizationCommit commit = MakeCommit("acme", i, i + 1);
    commit.puts = {{RecordKind::kHeader, "", std::to_string(i)},
                   {RecordKind::kMember, "ann", std::to_string(i)}};
    Commit(commit);
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(Must(store().Revision("acme")), kCommits);
}

// Rules: J1
TEST_P(StoreContract, OfCommittersThatRaceOneWinsEachRevision) {
  std::atomic<int> committed = 0;
  const auto race = [&] {
    for (int64_t revision = 0; revision < 40; ++revision) {
      auto results = store().Commit({{MakeCommit("acme", revision, revision + 1)}});
      if (results.ok() && (*results)[0].outcome == CommitOutcome::kCommitted) ++committed;
      // Never ahead of the other: both try every revision.
      while (Must(store().Revision("acme")) <= revision) std::this_thread::yield();
    }
  };
  std::thread first(race);
  std::thread second(race);
  first.join();
  second.join();
  EXPECT_EQ(committed, 40);
  EXPECT_EQ(ReadAll(store(), "acme", 1, Direction::kForward).size(), 40u);
}

}  // namespace
}  // namespace bursar
