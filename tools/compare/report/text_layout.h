// Lines of a report for a terminal: paragraphs and tables that no content makes wider than the terminal is.
//
// All text passes visible() here, so that no caller can forget it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/text/style.h"

namespace hubcell::compare {

enum class Tone { Plain, Strong, Faint, Good, Bad };

struct Cell {
  Cell(std::string words, Tone shade = Tone::Plain) : text(std::move(words)), tone(shade) {}
  Cell(const char* words, Tone shade = Tone::Plain) : text(words), tone(shade) {}
  std::string text;
  Tone tone;
};

enum class Align { Left, Right };

struct Column {
  std::string title;
  Align align = Align::Left;
  // Gives way where the table is too wide: its cells are shortened in the middle.
  bool gives_way = false;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

class TextLines {
 public:
  TextLines(std::size_t columns, text::Style style) : columns_(columns), style_(style) {}

  // Beside the title of a section, in the first line: what it found.
  void section(const std::string& title, const std::string& finding);
  // Wrapped, in so many lines at most.
  void paragraph(const std::string& text, Tone tone = Tone::Plain, std::size_t lines_max = kLinesMax);
  // Of "label  value" in the order given; one line each.
  void table(const Table& table);
  // The first line of the report and those that belong to it: broken between clauses where that is possible.
  void headline(const std::vector<std::string>& clauses, Tone tone);
  std::string take() { return std::move(lines_); }

  static constexpr std::size_t kLinesMax = 6;

 private:
  void line(std::size_t indent, const std::string& text, Tone tone);
  std::string in_tone(const std::string& text, Tone tone) const;

  std::size_t columns_;
  text::Style style_;
  std::string lines_;
};

}  // namespace hubcell::compare
