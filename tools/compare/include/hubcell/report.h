// What a comparison shows to people: a table for a terminal, and a page for a browser.
//
// Both say the same, in the same order: the verdict, then what it rests on. They bound whatever the comparison holds, and make text of foreign
// code harmless where they show it.
#pragma once

#include <cstddef>
#include <string>

#include <hubcell/comparison.h>

namespace hubcell::compare {

struct TextOptions {
  std::size_t columns = 80;  // no line is longer; 60 at least
  bool colours = false;
  bool verbose = false;  // longer lists, quantiles of every input, the docstrings' lines
};

std::string to_text(const Comparison& comparison, const TextOptions& options = {});

// One self-contained page, of less than 1 MB: it loads nothing, and forbids that anything in it does.
std::string to_html(const Comparison& comparison);

}  // namespace hubcell::compare
