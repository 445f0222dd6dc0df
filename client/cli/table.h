// A table of text with aligned columns.
//
// Thread rule: plain values.
#pragma once

#include <string>
#include <vector>

namespace bursar::cli {

// How a column's cells are placed in its width.
enum class Align { kLeft, kRight };

// One column.
struct Column {
  // Its heading; a table whose headings are all empty has no heading line.
  std::string title;
  Align align = Align::kLeft;
};

// Rows of cells under headings. Columns are two blanks apart; lines have no trailing blanks. Widths
// count characters, not bytes; every character is taken to be one cell wide.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Adds a row. Missing cells are empty; cells beyond the last column are left out.
  void Add(std::vector<std::string> cells);
  // Whether there is no row.
  bool empty() const { return rows_.empty(); }
  // All lines, each ending in a newline, each behind `indent` blanks.
  std::string Text(int indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The number of characters of UTF-8 text.
size_t WidthOf(const std::string& text);

}  // namespace bursar::cli
