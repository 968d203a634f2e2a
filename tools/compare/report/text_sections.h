// The sections of a report for a terminal. Each leaves itself out where there is nothing to say.
#pragma once

#include <cstddef>

#include <hubcell/comparison.h>

#include "tools/compare/report/text_layout.h"

namespace hubcell::compare {

struct Section {
  TextLines& lines;
  const Comparison& comparison;
  bool verbose = false;
  // How much of a list is shown.
  std::size_t rows(std::size_t usual) const { return verbose ? usual * 10 : usual; }
};

void add_failures(const Section& to);
void add_sides(const Section& to);
void add_outputs(const Section& to);
void add_classes(const Section& to);
void add_modules(const Section& to);
void add_weights(const Section& to);
void add_speed(const Section& to);
void add_code(const Section& to);

// "… and 312 more", where there are more than were shown.
void add_rest(const Section& to, std::size_t all, std::size_t shown);
// "a, b, c and 12 more"
std::string list_text(const std::vector<std::string>& names, std::size_t names_max);

}  // namespace hubcell::compare
