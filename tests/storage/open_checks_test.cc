#include "storage/open_checks.h"

#include <gtest/gtest.h>

namespace bursar {
namespace {

// A group that changes the families of `touched`.
GroupRow Row(int64_t group, uint8_t touched, const FamilyGroups& before) {
  GroupRow row;
  row.group = group;
  row.touched = touched;
  row.before = before;
  return row;
}

WalFile Log(const GroupRow& first, const GroupRow& last) {
  WalFile file;
  file.contents.first_group = first;
  file.contents.last_group = last;
  return file;
}

constexpr uint8_t kStateBit = 1 << kState;
constexpr uint8_t kDueBit = 1 << kDue;

// Rules: R3
TEST(OpenChecks, TablesAloneMustHoldEveryFamilyUpToTheirGroup) {
  StoredGroups tables;
  tables.row = Row(9, kStateBit, {7, 7, 0, 0, 5});
  tables.families = {9, 7, 0, 0, 5};
  ASSERT_TRUE(JoinTablesAndLog(tables, {}).ok());
  EXPECT_EQ(JoinTablesAndLog(tables, {})->group, 9);
  for (size_t family : {kState, kJournal, kDue}) {
    StoredGroups lacking = tables;
    --lacking.families[family];
    EXPECT_TRUE(absl::IsDataLoss(JoinTablesAndLog(lacking, {}).status())) << family;
  }
}

// Rules: R3
TEST(OpenChecks, LogGivesBackWhatTablesDoNotHold) {
  StoredGroups tables;
  tables.row = Row(9, kStateBit, {7, 7, 0, 0, 5});
  tables.families = {9, 7, 0, 0, 3};
  // The log begins at group 4: what changed the due index at group 5 is in it.
  const WalFile log = Log(Row(4, kStateBit, {3, 3, 0, 0, 3}), Row(12, kStateBit, {11, 7, 0, 0, 5}));
  ASSERT_TRUE(JoinTablesAndLog(tables, {log}).ok()) << JoinTablesAndLog(tables, {log}).status();
  EXPECT_EQ(JoinTablesAndLog(tables, {log})->group, 12);
  tables.families[kDue] = 2;
  EXPECT_TRUE(absl::IsDataLoss(JoinTablesAndLog(tables, {log}).status()));
}

// Rules: R3
TEST(OpenChecks, MissingLogIsNoticedAndAnOldOneThatIsLeftOverIsNot) {
  const WalFile old = Log(Row(2, kStateBit, {1, 1, 0, 0, 0}), Row(3, kStateBit, {2, 1, 0, 0, 0}));
  const WalFile log = Log(Row(8, kDueBit, {7, 1, 0, 0, 0}), Row(9, kDueBit, {7, 1, 0, 0, 8}));
  StoredGroups tables;
  tables.row = Row(7, kStateBit, {6, 1, 0, 0, 0});
  tables.families = {7, 1, 0, 0, 0};
  EXPECT_TRUE(JoinTablesAndLog(tables, {old, log}).ok());
  // Tables that end before the log begins, whatever the old log holds.
  tables.row = Row(3, kStateBit, {2, 1, 0, 0, 0});
  tables.families = {3, 1, 0, 0, 0};
  EXPECT_TRUE(absl::IsDataLoss(JoinTablesAndLog(tables, {old, log}).status()));
  // All logs are left over: the tables are ahead of them.
  tables.row = Row(20, kStateBit, {19, 1, 0, 0, 8});
  tables.families = {20, 1, 0, 0, 8};
  ASSERT_TRUE(JoinTablesAndLog(tables, {old, log}).ok());
  EXPECT_EQ(JoinTablesAndLog(tables, {old, log})->group, 20);
}

// Rules: R3
TEST(OpenChecks, WatermarkIsNeverAheadOfWhatIsFound) {
  GroupId found;
  found.group = 5;
  found.hash.fill(1);
  GroupId other = found;
  EXPECT_TRUE(CheckWatermark("here", found, found).ok());
  other.group = 4;
  EXPECT_TRUE(CheckWatermark("here", other, found).ok());
  other.group = 6;
  EXPECT_TRUE(absl::IsDataLoss(CheckWatermark("here", other, found)));
  other = found;
  other.hash.fill(2);
  EXPECT_TRUE(absl::IsDataLoss(CheckWatermark("here", other, found)));
  EXPECT_TRUE(absl::IsDataLoss(CheckWatermark("here", std::nullopt, found)));
  EXPECT_TRUE(CheckWatermark("here", std::nullopt, GroupId()).ok());
}

}  // namespace
}  // namespace bursar
