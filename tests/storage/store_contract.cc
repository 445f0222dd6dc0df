#include "tests/storage/store_contract.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <random>

namespace bursar {

using testing::ElementsAre;
using testing::IsEmpty;

CommitResult StoreContract::Commit(OrganizationCommit commit) {
  absl::StatusOr<std::vector<CommitResult>> results = store().Commit({{std::move(commit)}});
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? results->at(0) : CommitResult();
}

absl::Time TestStart() { return absl::FromUnixSeconds(1'790'000'000); }

OrganizationCommit MakeCommit(const std::string& organization_id, int64_t expected,
                              int64_t revision) {
  OrganizationCommit commit;
  commit.organization_id = organization_id;
  commit.expected_revision = expected;
  commit.new_revision = revision;
  commit.journal_record =
      organization_id + ":" + std::to_string(expected) + "-" + std::to_string(revision);
  commit.nonce = static_cast<uint64_t>(revision) * 1000003;
  commit.committed_at = TestStart() + absl::Seconds(revision);
  return commit;
}

std::vector<JournalRecord> ReadAll(const Reader& reader, const std::string& organization_id,
                                   int64_t from_sequence, Direction direction) {
  std::vector<JournalRecord> records;
  auto cursor = reader.ReadJournal(organization_id, from_sequence, direction);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  while (cursor.ok()) {
    absl::StatusOr<std::optional<JournalRecord>> next = (*cursor)->Next();
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || !next->has_value()) break;
    records.push_back(**next);
  }
  return records;
}

std::string Spans(const std::vector<JournalRecord>& records) {
  std::string text;
  for (const JournalRecord& record : records) {
    text += (text.empty() ? "" : " ") + std::to_string(record.first_sequence) + "-" +
            std::to_string(record.last_sequence);
  }
  return text;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

std::vector<std::string> Ids(const std::vector<OutboxRow>& rows) {
  std::vector<std::string> ids;
  for (const OutboxRow& row : rows) ids.push_back(row.organization_id + "/" + row.notice_id);
  return ids;
}

std::vector<std::string> Ids(const std::vector<RecordRow>& rows) {
  std::vector<std::string> ids;
  for (const RecordRow& row : rows) ids.push_back(row.id + "=" + row.value);
  return ids;
}

std::vector<std::string> Ids(const std::vector<DueRow>& rows) {
  std::vector<std::string> ids;
  for (const DueRow& row : rows) {
    ids.push_back(row.organization_id + "@" +
                  std::to_string(absl::ToInt64Seconds(row.due - TestStart())));
  }
  return ids;
}

LoadedValue LoadOne(const Reader& reader, LoadKey key) {
  auto values = reader.Load({std::move(key)}, LoadMode::kMayBlock);
  EXPECT_TRUE(values.ok()) << values.status();
  return values.ok() ? values->at(0) : LoadedValue();
}

// Rules: J1
TEST_P(StoreContract, CommitSucceedsOnlyAtTheExpectedRevision) {
  EXPECT_EQ(Commit(MakeCommit("acme", 0, 3)).outcome, CommitOutcome::kCommitted);
  CommitResult stale = Commit(MakeCommit("acme", 0, 4));
  EXPECT_EQ(stale.outcome, CommitOutcome::kConflict);
  EXPECT_EQ(stale.current_revision, 3);
  EXPECT_EQ(Commit(MakeCommit("acme", 2, 4)).outcome, CommitOutcome::kConflict);
  EXPECT_EQ(Commit(MakeCommit("acme", 4, 5)).outcome, CommitOutcome::kConflict);
  CommitResult next = Commit(MakeCommit("acme", 3, 4));
  EXPECT_EQ(next.outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(next.current_revision, 4);
  EXPECT_EQ(Must(store().Revision("acme")), 4);
  CommitResult missing = Commit(MakeCommit("nobody", 1, 2));
  EXPECT_EQ(missing.outcome, CommitOutcome::kConflict);
  EXPECT_EQ(missing.current_revision, 0);
  EXPECT_EQ(Must(store().Revision("nobody")), 0);
}

// Rules: O7, J1
TEST_P(StoreContract, ConflictAndDuplicateLeaveTheOthersOfTheGroupCommitted) {
  OrganizationCommit first = MakeCommit("beta", 0, 1);
  first.dedupe = {{RequestFamily::kRecording, "r1", "first"}};
  Commit(first);
  OrganizationCommit conflict = MakeCommit("acme", 7, 8);
  conflict.puts = {{RecordKind::kHeader, "", "lost"}};
  OrganizationCommit duplicate = MakeCommit("beta", 1, 2);
  duplicate.dedupe = {{RequestFamily::kRecording, "r1", "second"}};
  OrganizationCommit good = MakeCommit("gamma", 0, 1);
  good.puts = {{RecordKind::kHeader, "", "kept"}};
  auto results = store().Commit({{conflict, duplicate, good}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ((*results)[0].outcome, CommitOutcome::kConflict);
  EXPECT_EQ((*results)[1].outcome, CommitOutcome::kDuplicate);
  EXPECT_EQ((*results)[2].outcome, CommitOutcome::kCommitted);
  Reopen();
  EXPECT_EQ(Must(store().Revision("acme")), 0);
  EXPECT_EQ(Must(store().Revision("beta")), 1);
  EXPECT_EQ(LoadOne(store(), LoadKey::Header("gamma")).value, "kept");
}

// Rules: R2
TEST_P(StoreContract, DuplicateNamesEveryRememberedIdWithItsFirstValue) {
  OrganizationCommit first = MakeCommit("acme", 0, 1);
  first.dedupe = {{RequestFamily::kRecording, "r1", "one"},
                  {RequestFamily::kRecording, "r2", "two"},
                  {RequestFamily::kAdmission, "r3", "three"}};
  EXPECT_EQ(Commit(first).outcome, CommitOutcome::kCommitted);
  Reopen();
  OrganizationCommit again = MakeCommit("acme", 1, 2);
  again.dedupe = {{RequestFamily::kRecording, "r2", "other"},
                  {RequestFamily::kRecording, "r3", "free: another family"},
                  {RequestFamily::kRecording, "r1", "other"}};
  CommitResult result = Commit(again);
  EXPECT_EQ(result.outcome, CommitOutcome::kDuplicate);
  EXPECT_EQ(result.current_revision, 1);
  ASSERT_EQ(result.duplicates.size(), 2u);
  EXPECT_EQ(result.duplicates[0].request_id, "r2");
  EXPECT_EQ(result.duplicates[0].first_value, "two");
  EXPECT_EQ(result.duplicates[1].request_id, "r1");
  EXPECT_EQ(result.duplicates[1].first_value, "one");
  // Nothing of the refused commit was written, its free id included.
  EXPECT_EQ(LoadOne(store(), LoadKey::Dedupe("acme", RequestFamily::kRecording, "r3")).state,
            LoadState::kAbsent);
  EXPECT_EQ(Spans(ReadAll(store(), "acme", 1, Direction::kForward)), "1-1");
}

// Rules: R2, J1
TEST_P(StoreContract, RequestIdsAreRememberedWithoutAnyOtherChange) {
  OrganizationCommit first = MakeCommit("acme", 0, 2);
  first.puts = {{RecordKind::kHeader, "", "header"}, {RecordKind::kMember, "ann", "a"}};
  first.outbox_puts = {{"n1", "notice"}};
  first.next_due = TestStart() + absl::Seconds(50);
  Commit(first);
  OrganizationCommit only_remembers = MakeCommit("acme", 2, 2);
  only_remembers.journal_record.clear();
  only_remembers.dedupe = {{RequestFamily::kAdministration, "r1", "nothing changed"}};
  // In one group with a commit that brings something, and through a reopening.
  auto results = store().Commit({{only_remembers, MakeCommit("beta", 0, 1)}});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ((*results)[0].outcome, CommitOutcome::kCommitted);
  EXPECT_EQ((*results)[0].current_revision, 2);
  Reopen();
  EXPECT_EQ(LoadOne(store(), LoadKey::Dedupe("acme", RequestFamily::kAdministration, "r1")).value,
            "nothing changed");
  EXPECT_EQ(Must(store().Revision("acme")), 2);
  EXPECT_EQ(Spans(ReadAll(store(), "acme", 1, Direction::kForward)), "1-2");
  EXPECT_EQ(LoadOne(store(), LoadKey::Header("acme")).value, "header");
  EXPECT_THAT(Ids(Must(store().ScanRecords("acme", RecordKind::kMember, "", 9))),
              ElementsAre("ann=a"));
  EXPECT_THAT(Ids(Must(store().ScanOutbox("acme", "", 9))), ElementsAre("acme/n1"));
  EXPECT_THAT(Ids(Must(store().Due(absl::InfiniteFuture(), 9))), ElementsAre("acme@50"));
  // It is a compare-and-set like any other, and an id is remembered once.
  EXPECT_EQ(Commit(only_remembers).outcome, CommitOutcome::kDuplicate);
  OrganizationCommit stale = only_remembers;
  stale.expected_revision = stale.new_revision = 1;
  stale.dedupe[0].request_id = "r2";
  EXPECT_EQ(Commit(stale).outcome, CommitOutcome::kConflict);
  EXPECT_EQ(Commit(MakeCommit("acme", 2, 3)).outcome, CommitOutcome::kCommitted);
}

// Rules: R2, O7
TEST_P(StoreContract, RequestIdsAreScopedToOrganizationAndFamily) {
  OrganizationCommit first = MakeCommit("acme", 0, 1);
  first.dedupe = {{RequestFamily::kRecording, "r", "recording"},
                  {RequestFamily::kAdmission, "r", "admission"},
                  {RequestFamily::kAdministration, "r", "administration"}};
  EXPECT_EQ(Commit(first).outcome, CommitOutcome::kCommitted);
  OrganizationCommit other = MakeCommit("acm", 0, 1);
  other.dedupe = {{RequestFamily::kRecording, "r", "other"}};
  EXPECT_EQ(Commit(other).outcome, CommitOutcome::kCommitted);
  auto values = store().Load({LoadKey::Dedupe("acme", RequestFamily::kAdmission, "r"),
                              LoadKey::Dedupe("acm", RequestFamily::kRecording, "r"),
                              LoadKey::Dedupe("acm", RequestFamily::kAdmission, "r")},
                             LoadMode::kMayBlock);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ((*values)[0].value, "admission");
  EXPECT_EQ((*values)[1].value, "other");
  EXPECT_EQ((*values)[2].state, LoadState::kAbsent);
}

// Rules: J1
TEST_P(StoreContract, EverythingOfACommitIsThereAfterwardsAndNothingOfARefusedOne) {
  OrganizationCommit commit = MakeCommit("acme", 0, 2);
  commit.puts = {{RecordKind::kHeader, "", "header"},
                 {RecordKind::kMember, "ann", "a"},
                 {RecordKind::kMember, "bob", "b"}};
  commit.outbox_puts = {{"n1", "notice"}};
  commit.next_due = TestStart() + absl::Seconds(50);
  Commit(commit);
  OrganizationCommit refused = MakeCommit("acme", 1, 9);
  refused.puts = {{RecordKind::kHeader, "", "x"}, {RecordKind::kMember, "eve", "x"}};
  refused.deletes = {{RecordKind::kMember, "ann"}};
  refused.outbox_puts = {{"n2", "x"}};
  refused.outbox_deletes = {"n1"};
  refused.dedupe = {{RequestFamily::kRecording, "r", "x"}};
  EXPECT_EQ(Commit(refused).outcome, CommitOutcome::kConflict);
  Reopen();
  LoadedValue header = LoadOne(store(), LoadKey::Header("acme"));
  EXPECT_EQ(header.state, LoadState::kFound);
  EXPECT_EQ(header.value, "header");
  EXPECT_EQ(header.revision, 2);
  EXPECT_THAT(Ids(Must(store().ScanRecords("acme", RecordKind::kMember, "", 10))),
              ElementsAre("ann=a", "bob=b"));
  EXPECT_THAT(Ids(Must(store().ScanOutbox("acme", "", 10))), ElementsAre("acme/n1"));
  EXPECT_THAT(Ids(Must(store().Due(absl::InfiniteFuture(), 10))), ElementsAre("acme@50"));
  EXPECT_EQ(LoadOne(store(), LoadKey::Dedupe("acme", RequestFamily::kRecording, "r")).state,
            LoadState::kAbsent);
  std::vector<JournalRecord> journal = ReadAll(store(), "acme", 1, Direction::kForward);
  ASSERT_EQ(journal.size(), 1u);
  EXPECT_EQ(journal[0].record, "acme:0-2");
  EXPECT_EQ(journal[0].nonce, commit.nonce);
  EXPECT_EQ(journal[0].committed_at, commit.committed_at);
}

// Rules: J1
TEST_P(StoreContract, DeletesComeBeforePutsAndAbsenceIsNormal) {
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  commit.puts = {{RecordKind::kMember, "ann", "new"}};
  commit.deletes = {{RecordKind::kMember, "ann"}, {RecordKind::kHold, "none"}};
  commit.outbox_puts = {{"n", "new"}};
  commit.outbox_deletes = {"n", "none"};
  Commit(commit);
  LoadedValue member = LoadOne(store(), LoadKey::Member("acme", "ann"));
  EXPECT_EQ(member.state, LoadState::kFound);
  EXPECT_EQ(member.value, "new");
  EXPECT_THAT(Ids(Must(store().ScanOutbox("acme", "", 10))), ElementsAre("acme/n"));
  // A header that was never put is absent, yet the organization exists.
  LoadedValue header = LoadOne(store(), LoadKey::Header("acme"));
  EXPECT_EQ(header.state, LoadState::kAbsent);
  EXPECT_EQ(header.revision, 1);
}

// Rules: J1
TEST_P(StoreContract, HeaderStaysWhenACommitDoesNotPutIt) {
  OrganizationCommit commit = MakeCommit("acme", 0, 1);
  commit.puts = {{RecordKind::kHeader, "", "header"}};
  Commit(commit);
  Reopen();
  Commit(MakeCommit("acme", 1, 2));
  LoadedValue header = LoadOne(store(), LoadKey::Header("acme"));
  EXPECT_EQ(header.value, "header");
  EXPECT_EQ(header.revision, 2);
}

// Rules: J1
TEST_P(StoreContract, JournalCursorsWalkBothWaysFromAnySequence) {
  for (int64_t revision : {3, 4, 10}) {
    const int64_t expected = revision == 3 ? 0 : revision == 4 ? 3 : 4;
    Commit(MakeCommit("acme", expected, revision));
  }
  Commit(MakeCommit("acm", 0, 2));
  Commit(MakeCommit("acmf", 0, 5));
  Reopen();
  const auto forward = [&](int64_t from) {
    return Spans(ReadAll(store(), "acme", from, Direction::kForward));
  };
  const auto backward = [&](int64_t from) {
    return Spans(ReadAll(store(), "acme", from, Direction::kBackward));
  };
  for (int64_t from : {-5, 0, 1, 2, 3}) EXPECT_EQ(forward(from), "1-3 4-4 5-10") << from;
  EXPECT_EQ(forward(4), "4-4 5-10");
  for (int64_t from : {5, 7, 10}) EXPECT_EQ(forward(from), "5-10") << from;
  EXPECT_EQ(forward(11), "");
  EXPECT_EQ(forward(kLastSequence), "");
  for (int64_t from : {int64_t{5}, int64_t{10}, int64_t{11}, kLastSequence}) {
    EXPECT_EQ(backward(from), "5-10 4-4 1-3") << from;
  }
  EXPECT_EQ(backward(4), "4-4 1-3");
  for (int64_t from : {1, 3}) EXPECT_EQ(backward(from), "1-3") << from;
  for (int64_t from : {-1, 0}) EXPECT_EQ(backward(from), "") << from;
  EXPECT_THAT(ReadAll(store(), "nobody", 1, Direction::kForward), IsEmpty());
  EXPECT_THAT(ReadAll(store(), "nobody", kLastSequence, Direction::kBackward), IsEmpty());
}

// Rules: J1
TEST_P(StoreContract, JournalCursorDoesNotShowWhatWasCommittedAfterIt) {
  Commit(MakeCommit("acme", 0, 1));
  Commit(MakeCommit("acme", 1, 2));
  auto forward = store().ReadJournal("acme", 1, Direction::kForward);
  auto backward = store().ReadJournal("acme", kLastSequence, Direction::kBackward);
  ASSERT_TRUE(forward.ok() && backward.ok());
  Commit(MakeCommit("acme", 2, 3));
  EXPECT_EQ((**(*backward)->Next()).last_sequence, 2);
  EXPECT_EQ((**(*forward)->Next()).last_sequence, 1);
  EXPECT_EQ((**(*forward)->Next()).last_sequence, 2);
  EXPECT_FALSE((*forward)->Next()->has_value());
  EXPECT_FALSE((*forward)->Next()->has_value());
}

// Rules: T3
TEST_P(StoreContract, DueIndexFollowsTheLastCommit) {
  const auto commit = [&](const std::string& id, int64_t expected, std::optional<int> due) {
    OrganizationCommit commit = MakeCommit(id, expected, expected + 1);
    if (due.has_value()) commit.next_due = TestStart() + absl::Seconds(*due);
    Commit(commit);
  };
  commit("acme", 0, 30);
  commit("beta", 0, 10);
  commit("gamma", 0, 10);
  commit("never", 0, std::nullopt);
  const auto due = [&](int until, size_t limit) {
    return Ids(Must(store().Due(TestStart() + absl::Seconds(until), limit)));
  };
  EXPECT_THAT(due(100, 10), ElementsAre("beta@10", "gamma@10", "acme@30"));
  EXPECT_THAT(due(100, 1), ElementsAre("beta@10"));
  EXPECT_THAT(due(10, 10), ElementsAre("beta@10", "gamma@10"));
  EXPECT_THAT(due(9, 10), IsEmpty());
  Reopen();
  commit("acme", 1, 5);
  commit("beta", 1, std::nullopt);
  commit("gamma", 1, 10);
  EXPECT_THAT(due(100, 10), ElementsAre("acme@5", "gamma@10"));
  commit("acme", 2, -400'000'000);  // Long overdue is normal, and before everything else.
  EXPECT_THAT(due(0, 10), ElementsAre("acme@-400000000"));
}

}  // namespace
}  // namespace bursar
