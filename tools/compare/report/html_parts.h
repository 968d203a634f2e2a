// What the sections of the page are made of: their frame, tables, names and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hubcell/comparison.h>

#include "tools/compare/report/html.h"

namespace hubcell::compare {

// ---- words

// "312 µs"
std::string time_text(double seconds);
// Of texts that a terminal shows too: "|b − a|" for "|b-a|", "1.4×" for "1.4x", and no line ends before "%".
std::string typeset(const std::string& text);
// With a capital letter, and a full stop.
std::string sentence(const std::string& text);
// "A", "B", and with the side's label: "A, v5.1"
const char* letter(std::size_t side);
std::string labelled(const Comparison& comparison, std::size_t side);
// "a", "b": the class that gives a side's colour.
const char* tone(std::size_t side);

// ---- sections

// A section with its title, what it found in sentences, and then its evidence.
class PageSection {
 public:
  PageSection(Html& html, const std::string& id, const std::string& title,
              const std::vector<std::string>& findings);
  PageSection(const PageSection&) = delete;
  PageSection& operator=(const PageSection&) = delete;
  ~PageSection();

 private:
  Html& html_;
};

void add_badge(Html& html, std::size_t side);

// ---- tables

struct PageCell {
  enum class Kind { Words, Name, Number };
  std::string text;
  Kind kind = Kind::Words;
  std::optional<double> value;  // by which the column is sorted, where that is not the text
};
PageCell name_cell(std::string text);
PageCell number_cell(std::string text, double value);
// figure(), sorted by its value.
PageCell figure_cell(double value);

struct PageColumn {
  std::string title;
  PageCell::Kind kind = PageCell::Kind::Words;
  std::string tone;  // "a" or "b" of a side's column
};

struct PageTable {
  std::string caption;
  std::string note;
  std::vector<PageColumn> columns;
  std::vector<std::vector<PageCell>> rows;  // the first cell names the row
  std::uint64_t all = 0;                    // rows that there are: "and 312 more"
  bool is_sortable = false;
};
void add_table(Html& html, const PageTable& table);

}  // namespace hubcell::compare
