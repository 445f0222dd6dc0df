#include "client/cli/table.h"

#include <gtest/gtest.h>

namespace bursar::cli {
namespace {

TEST(Table, ColumnsAreAlignedAndLinesHaveNoTrailingBlanks) {
  Table table({{"NAME"}, {"AMOUNT", Align::kRight}, {"NOTE"}});
  table.Add({"a", "1.00", ""});
  table.Add({"longer", "1,234.50", "x"});
  EXPECT_EQ(table.Text(),
            "NAME      AMOUNT  NOTE\n"
            "a           1.00\n"
            "longer  1,234.50  x\n");
}

TEST(Table, WithoutHeadingsThereIsNoHeadingLine) {
  Table table({{""}, {""}});
  table.Add({"plan", "team"});
  table.Add({"status", "active"});
  EXPECT_EQ(table.Text(2), "  plan    team\n  status  active\n");
}

TEST(Table, WidthsCountCharactersNotBytes) {
  Table table({{""}, {""}});
  table.Add({"Zoë", "1"});
  table.Add({"Anna", "2"});
  EXPECT_EQ(table.Text(), "Zoë   1\nAnna  2\n");
}

TEST(Table, MissingCellsAreEmptyAndSurplusOnesLeftOut) {
  Table table({{"A"}, {"B"}});
  table.Add({"1"});
  table.Add({"1", "2", "3"});
  EXPECT_EQ(table.Text(), "A  B\n1\n1  2\n");
}

TEST(Table, ControlCharactersDoNotReachTheTerminal) {
  Table table({{""}});
  table.Add({"a\x1b[2Jb\nc"});
  EXPECT_EQ(table.Text(), "a [2Jb c\n");
}

}  // namespace
}  // namespace bursar::cli
